//! Secrets that are known to the test run through the real program while everything goes wrong, and are looked for
//! in all that it has written and shown.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::market::Market;
use crate::process::{RunProcess, VenueProcess, folder, get_json, instrument, request, until};
use crate::redis::Redis;
use crate::search::{Forms, canary, files, plain_canary};

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// The pages of the admin server.
const PAGES: [&str; 7] = ["/", "/status", "/metrics", "/readyz", "/livez", "/startupz", "/debug/config"];

/// The secrets of a run, each in a file of its own that its owner alone may read.
struct Secrets {
    key: String,
    secret: String,
    password: String,
    sasl: String,
    /// Where they are meant to be.
    files: Vec<PathBuf>,
}

impl Secrets {
    fn new() -> Self {
        let (key, secret) = (plain_canary('K'), plain_canary('S'));
        Self { key, secret, password: plain_canary('P'), sasl: canary('Q'), files: Vec::new() }
    }

    /// A reference to a file with that text.
    fn file(&mut self, dir: &Path, name: &str, text: &str) -> Value {
        let path = dir.join(name);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        self.files.push(path.clone());
        json!({ "file": path })
    }

    fn forms(&self) -> [(&'static str, Forms); 4] {
        [("key", &self.key), ("secret", &self.secret), ("password", &self.password), ("sasl", &self.sasl)]
            .map(|(name, secret)| (name, Forms::of(secret)))
    }

    /// No page, file or other text shows one.
    fn are_not_in<'a>(&self, shown: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
        let forms = self.forms();
        for (place, bytes) in shown {
            for (name, forms) in &forms {
                assert_eq!(forms.found_in(bytes), None, "{place} shows the {name}");
            }
        }
    }
}

/// What a venue may answer, with the account's key, its secret and the feed's password in its words.
fn faults(secrets: &Secrets) -> Vec<Value> {
    let echo = format!("Signature for this request is not valid: {} {}", secrets.key, secrets.secret);
    let reject = |operation: &str, code: i32, msg: &str| json!({ "fault": "reject", "operation": operation, "code": code, "msg": msg, "status": 400 });
    let mut all = Vec::new();
    for operation in ["order.place", "order.cancel", "order.status", "openOrders.status", "*"] {
        all.push(reject(operation, -1022, &echo));
        all.push(reject(operation, -4321, &format!("{}{echo}", "x".repeat(40))));
    }
    let presets = [
        "unknown",
        "disconnected",
        "unexpected_answer",
        "timeout",
        "overloaded",
        "unknown_error",
        "unavailable",
        "internal_error",
        "key_revoked",
        "bad_signature",
        "no_balance",
        "duplicate",
        "html",
        "firewall",
        "empty",
        "no_content",
        "redirect",
        "gzip_junk",
        "not_json",
        "error_in_ok",
        "cut_body",
        "too_many_orders",
    ];
    all.extend(presets.map(|preset| json!({ "fault": "reject", "preset": preset, "retry_after": 1 })));
    for field in ["client_id", "order_id", "request_id"] {
        all.push(json!({ "fault": "wrong_answers", "field": field }));
    }
    for how in ["close", "reset", "shutdown"] {
        all.push(json!({ "fault": "disconnect", "how": how }));
    }
    for how in ["unavailable", "reset"] {
        all.push(json!({ "fault": "refuse_connections", "how": how }));
    }
    all.extend(
        ["lose_requests", "lose_answers", "duplicate_answers", "refuse_cancels", "oversized_frame", "logout"]
            .map(|fault| json!({ "fault": fault })),
    );
    all
}

/// Everything that the admin server shows.
fn pages(run: &RunProcess) -> Vec<(String, Vec<u8>)> {
    let page = |path: &str| (path.to_owned(), request(run.admin, "GET", path, "").1.into_bytes());
    PAGES.iter().map(|path| page(path)).collect()
}

/// What the system shows of a process.
fn of_proc(run: &RunProcess) -> Vec<(String, Vec<u8>)> {
    let file = |name: &str| {
        let path = format!("/proc/{}/{name}", run.process.id());
        (path.clone(), std::fs::read(&path).unwrap_or_default())
    };
    ["cmdline", "environ", "comm", "status"].map(file).to_vec()
}

/// Each fault for a moment, one after the other; how many of them struck.
fn go_through(
    venue: &VenueProcess,
    run: &RunProcess,
    faults: &[Value],
    shown: &mut Vec<(String, Vec<u8>)>,
) -> usize {
    let mut struck = 0;
    for fault in faults {
        let mut fault = fault.clone();
        fault["for_ms"] = json!(150);
        venue.fault(&fault);
        let mut most = 0;
        until("the fault ends", || {
            let listed = get_json(venue.addr, "/venue/faults");
            let listed = listed.as_array().unwrap();
            most = most.max(listed.iter().filter_map(|fault| fault["applied"].as_u64()).max().unwrap_or(0));
            listed.is_empty().then_some(())
        });
        struck += usize::from(most > 0);
        shown.extend(pages(run));
    }
    struck
}

/// Promise P11.
#[test]
fn no_output_holds_a_secret_whatever_goes_wrong() {
    let (dir, mut secrets) = (folder(), Secrets::new());
    let password = secrets.password.clone();
    let Some(mut redis) = Redis::start(&["--requirepass", &password]) else { return };
    let feed = format!("redis://:{password}@127.0.0.1:{}", redis.port());
    let (key, secret) = (secrets.key.clone(), secrets.secret.clone());
    let secret = secrets.file(dir.path(), "secret", &secret);
    let profile = dir.path().join("profile.json");
    std::fs::write(&profile, json!({ "Accounts": [{ "API KEY": key, "Secret": secret }] }).to_string())
        .unwrap();
    secrets.files.push(profile.clone());
    let venue = VenueProcess::start_with(dir.path(), &["--profile", profile.to_str().unwrap()]);
    let key = secrets.file(dir.path(), "key", &key);
    let feed = secrets.file(dir.path(), "feed", &feed);
    let instruments = SYMBOLS.map(|symbol| {
        let mut one = instrument(venue.addr, symbol);
        (one["API KEY"], one["Secret"]) = (key.clone(), secret.clone());
        one
    });
    let journal = dir.path().join("journal");
    let config = json!({ "Feed": feed, "Journal": journal, "instruments": instruments });
    let mut run = RunProcess::start_with(dir.path(), "run", &config, &[], &[("RUST_LOG", "trace")]);
    let market = Market::start(redis.port(), &password, &SYMBOLS, Duration::from_millis(10));
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 3).then_some(()));

    let faults = faults(&secrets);
    let mut shown = Vec::new();
    let struck = go_through(&venue, &run, &faults, &mut shown);
    assert!(struck * 10 > faults.len() * 7, "only {struck} of {} faults struck", faults.len());
    // The feed's turn: away, back with another password, and as it was.
    redis.kill();
    until("the loss shows", || (run.status()["feed"]["state"] != "live").then_some(()));
    shown.extend(pages(&run));
    shown.extend(of_proc(&run));
    let before = market.published();
    run.process.signal("TERM");
    run.process.wait();
    assert!(market.published() >= before);

    let left: Vec<_> = files(dir.path(), &secrets.files)
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    let journals = left.iter().filter(|(path, bytes)| path.contains("/journal/") && !bytes.is_empty());
    assert!(journals.count() > 0 && !run.process.out().is_empty() && !run.labels().is_empty());
    let all = shown.iter().chain(&left);
    secrets.are_not_in(all.map(|(place, bytes)| (place.as_str(), bytes.as_slice())));
}
