//! Secrets that are known to the test run through the real program while everything goes wrong, and are looked for
//! in all that it has written and shown.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::market::Market;
use crate::process::{RunProcess, VenueProcess, folder, get_json, instrument, request, until};
use crate::redis::Redis;
use crate::search::{Forms, canary, files, plain_canary};

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];
/// A symbol whose code fails.
const POISONED: &str = "PANICUSDT";
/// One that is halted by whoever has the token.
const HALTED: &str = "HALTUSDT";

/// The pages of the admin server.
const PAGES: [&str; 8] =
    ["/", "/status", "/metrics", "/readyz", "/livez", "/startupz", "/halts", "/debug/config"];

/// The secrets of a run, each in a file of its own that its owner alone may read.
struct Secrets {
    key: String,
    secret: String,
    password: String,
    sasl: String,
    token: String,
    /// Where they are meant to be.
    files: Vec<PathBuf>,
}

impl Secrets {
    fn new() -> Self {
        let (key, secret) = (plain_canary('K'), plain_canary('S'));
        let (password, token) = (plain_canary('P'), plain_canary('A'));
        Self { key, secret, password, sasl: canary('Q'), token, files: Vec::new() }
    }

    /// A reference to a file with that text.
    fn file(&mut self, dir: &Path, name: &str, text: &str) -> Value {
        let path = dir.join(name);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        self.files.push(path.clone());
        json!({ "file": path })
    }

    fn forms(&self) -> [(&'static str, Forms); 5] {
        [
            ("key", &self.key),
            ("secret", &self.secret),
            ("password", &self.password),
            ("sasl", &self.sasl),
            ("token", &self.token),
        ]
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

/// What the venue does to the orders of one symbol, with the account's key, its secret and the feed's password in its
/// words. Each has a symbol of its own: what is in doubt on one keeps no other from its fault.
fn order_faults(secrets: &Secrets) -> Vec<Vec<Value>> {
    let echo = format!("{} {} {}", secrets.key, secrets.secret, secrets.password);
    let reject = |operation: &str, code: i32, msg: &str| json!({ "fault": "reject", "operation": operation, "code": code, "msg": msg, "status": 400 });
    // An order that lives though its answer says otherwise has to be asked for and cancelled.
    let lives = json!({ "fault": "lose_answers", "operation": "order.place" });
    let mut all = Vec::new();
    for operation in ["order.place", "order.cancel", "order.status"] {
        for (code, msg) in [(-1022, &echo), (-4321, &format!("{}{echo}", "x".repeat(40))), (-2010, &echo)] {
            all.push(vec![lives.clone(), reject(operation, code, msg)]);
            all.push(vec![reject(operation, code, msg)]);
        }
    }
    let presets = [
        "unknown",
        "disconnected",
        "unexpected_answer",
        "timeout",
        "unknown_error",
        "unavailable",
        "internal_error",
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
    ];
    all.extend(
        presets
            .map(|preset| vec![json!({ "fault": "reject", "operation": "order.place", "preset": preset })]),
    );
    for field in ["client_id", "order_id", "request_id"] {
        all.push(vec![json!({ "fault": "wrong_answers", "operation": "order.place", "field": field })]);
    }
    all.extend(["lose_requests", "duplicate_answers"].map(|fault| vec![json!({ "fault": fault })]));
    all.push(vec![lives, json!({ "fault": "refuse_cancels" })]);
    all
}

/// What it does to connections and accounts, and what it says when they come back.
fn connection_faults(secrets: &Secrets) -> Vec<Vec<Value>> {
    let echo = format!("{} {} {}", secrets.key, secrets.secret, secrets.password);
    let cut = |how: &str| json!({ "fault": "disconnect", "how": how });
    let reject = |operation: &str| json!({ "fault": "reject", "operation": operation, "code": -1022, "msg": echo, "status": 400 });
    vec![
        vec![cut("close"), reject("*")],
        vec![cut("reset"), reject("userDataStream.subscribe.signature")],
        vec![cut("shutdown"), reject("openOrders.status")],
        vec![cut("reset"), json!({ "fault": "refuse_connections", "how": "unavailable" })],
        vec![cut("reset"), json!({ "fault": "refuse_connections", "how": "reset" })],
        vec![json!({ "fault": "oversized_frame", "bytes": 2_000_000 })],
        vec![json!({ "fault": "logout" })],
        vec![json!({ "fault": "reject", "preset": "key_revoked" })],
    ]
}

/// A venue with a symbol for each fault of orders, and the account of the secrets.
fn venue_of(dir: &Path, secrets: &mut Secrets, symbols: &[String]) -> VenueProcess {
    let lines = symbols.iter().fold(String::new(), |lines, symbol| lines + symbol + " 2 6 65000\n");
    let (list, profile) = (dir.join("symbols"), dir.join("profile.json"));
    std::fs::write(&list, lines).unwrap();
    let account = json!({ "API KEY": secrets.key, "Secret": secrets.secret });
    std::fs::write(&profile, json!({ "Accounts": [account] }).to_string()).unwrap();
    secrets.files.push(profile.clone());
    let [list, profile] = [list, profile].map(|path| path.to_str().unwrap().to_owned());
    VenueProcess::start_with(dir, &["--profile", &profile, "--symbols", &list])
}

/// Everything that the admin server shows.
fn pages(run: &RunProcess) -> Vec<(String, Vec<u8>)> {
    let page = |path: &str| (path.to_owned(), request(run.admin, "GET", path, "").1.into_bytes());
    PAGES.iter().map(|path| page(path)).collect()
}

/// What the admin server answers to the token, where it belongs and where it does not.
fn with_token(run: &RunProcess, token: &str, symbol: &str) -> Vec<(String, Vec<u8>)> {
    let order = json!({ "symbol": symbol, "reason": "drill" }).to_string();
    let good = format!("Authorization: Bearer {token}\r\n");
    let asked = [
        ("/halt".to_owned(), good.clone(), order.as_str(), "200"),
        ("/halt".to_owned(), format!("Authorization: Basic {token}\r\n"), &order, "401"),
        ("/halt".to_owned(), good.repeat(2), &order, "401"),
        ("/halt".to_owned(), format!("Authorization: Bearer {}\r\n", &token[1..]), &order, "401"),
        (format!("/halt?token={token}"), String::new(), &order, "401"),
        (format!("/{token}"), good.clone(), &order, "404"),
        ("/release".to_owned(), good.clone(), "{", "400"),
    ];
    asked.map(|(path, headers, body, status)| answered(run.admin, &path, &headers, body, status)).to_vec()
}

/// The whole answer to a POST, which begins with that status.
#[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
fn answered(addr: SocketAddr, path: &str, headers: &str, body: &str, status: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(addr).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(
        answer.starts_with(format!("HTTP/1.1 {status}").as_bytes()),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    (format!("the answer of {status}"), answer)
}

/// What the system shows of a process.
fn of_proc(run: &RunProcess) -> Vec<(String, Vec<u8>)> {
    let file = |name: &str| {
        let path = format!("/proc/{}/{name}", run.process.id());
        (path.clone(), std::fs::read(&path).unwrap_or_default())
    };
    ["cmdline", "environ", "comm", "status"].map(file).to_vec()
}

/// Switches faults on for a while, waits for their end, and gives those that did not strike.
fn go_through(venue: &VenueProcess, faults: &[Value], for_ms: u64) -> Vec<Value> {
    let timed: Vec<Value> = faults
        .iter()
        .map(|fault| {
            let mut fault = fault.clone();
            fault["for_ms"] = json!(for_ms);
            fault
        })
        .collect();
    venue.fault(&json!(timed));
    let mut idle = Vec::new();
    until("the faults end", || {
        let listed = get_json(venue.addr, "/venue/faults");
        let listed = listed.as_array().unwrap();
        if listed.len() == faults.len() {
            idle = listed.iter().filter(|fault| fault["applied"] == 0).cloned().collect();
        }
        listed.is_empty().then_some(())
    });
    idle
}

/// The same, once more where many did not strike: on a machine that stood still meanwhile they could not.
fn let_strike(venue: &VenueProcess, faults: &[Value], for_ms: u64) -> Vec<Value> {
    let idle = go_through(venue, faults, for_ms);
    if idle.len() * 10 < faults.len() { idle } else { go_through(venue, faults, for_ms) }
}

/// A run with its secrets in files, whose log holds everything that can be logged.
fn start(dir: &Path, name: &str, config: &Value) -> RunProcess {
    // One symbol's code fails now and then, with everything that it holds in its hands.
    let poison = format!("{POISONED}:3:2");
    let env = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("SELF_TRADER_POISON", &poison)];
    RunProcess::start_with(dir, name, config, &[], &env)
}

/// Forced to leave a core, it leaves none; what it left besides shows nothing.
fn aborted(run: &mut RunProcess) {
    run.process.signal("ABRT");
    let status = run.process.wait();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

/// Every file of a folder but those that are to hold a secret.
fn left_in(dir: &Path, secrets: &Secrets) -> Vec<(String, Vec<u8>)> {
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap());
    files(dir, &secrets.files).into_iter().map(read).collect()
}

/// Promise P11.
#[test]
fn no_output_holds_a_secret_whatever_goes_wrong() {
    let (dir, mut secrets) = (folder(), Secrets::new());
    let password = secrets.password.clone();
    let Some(mut redis) = Redis::start(&["--requirepass", &password]) else { return };
    let orders = order_faults(&secrets);
    let symbols = (0..orders.len()).map(|number| format!("S{number:02}USDT"));
    let symbols: Vec<String> = symbols.chain([POISONED, HALTED].map(str::to_owned)).collect();
    let venue = venue_of(dir.path(), &mut secrets, &symbols);
    let feed = format!("redis://:{password}@127.0.0.1:{}", redis.port());
    let feed = secrets.file(dir.path(), "feed", &feed);
    let (key, secret) = (secrets.key.clone(), secrets.secret.clone());
    let (key, secret) = (secrets.file(dir.path(), "key", &key), secrets.file(dir.path(), "secret", &secret));
    let instruments = symbols.iter().map(|symbol| {
        let mut one = instrument(venue.addr, symbol);
        (one["API KEY"], one["Secret"]) = (key.clone(), secret.clone());
        one
    });
    let instruments: Vec<Value> = instruments.collect();
    let token = secrets.token.clone();
    let config = json!({
        "Feed": feed, "Journal": dir.path().join("journal"), "instruments": instruments,
        "Admin Token": secrets.file(dir.path(), "token", &token),
    });
    let mut run = start(dir.path(), "run", &config);
    let _market = Market::start(redis.port(), &password, &symbols, Duration::from_millis(20));
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 3).then_some(()));
    until("a lane fails", || {
        let (_, page) = request(run.admin, "GET", "/metrics", "");
        page.lines().any(|line| line == "st_panics_total{task=\"lane\"} 2").then_some(())
    });
    let told = || (run.process.err() + &run.process.out()).contains("a poisoned tick");
    until("the failure is told", || told().then_some(()));

    let scoped = orders.iter().zip(&symbols).flat_map(|(faults, symbol)| {
        faults.iter().map(move |fault| {
            let mut fault = fault.clone();
            fault["symbol"] = json!(symbol);
            fault
        })
    });
    let scoped: Vec<Value> = scoped.collect();
    let idle = let_strike(&venue, &scoped, 8_000);
    for fault in &idle {
        println!("did not strike: {fault}");
    }
    assert!(idle.len() * 10 < scoped.len(), "{} of {} faults did not strike", idle.len(), scoped.len());
    let mut shown = pages(&run);
    shown.extend(with_token(&run, &token, HALTED));
    for faults in connection_faults(&secrets) {
        go_through(&venue, &faults, 600);
        shown.extend(pages(&run));
    }
    // The feed's turn: away, back with another password, away.
    redis.kill();
    until("the loss shows", || (run.status()["feed"]["state"] != "live").then_some(()));
    shown.extend(pages(&run));
    shown.extend(of_proc(&run));
    run.process.signal("TERM");
    run.process.wait();
    let mut next = start(dir.path(), "aborted", &config);
    until("it is under way", || (next.status()["up_ms"].as_u64() > Some(0)).then_some(()));
    shown.extend(pages(&next));
    aborted(&mut next);

    let left = left_in(dir.path(), &secrets);
    let journals = left.iter().filter(|(path, bytes)| path.contains("/journal/") && !bytes.is_empty());
    assert!(journals.count() > 0 && !run.process.out().is_empty() && !run.labels().is_empty());
    let all = shown.iter().chain(&left);
    secrets.are_not_in(all.map(|(place, bytes)| (place.as_str(), bytes.as_slice())));
}

/// Promise P11.
#[test]
fn no_output_holds_what_the_brokers_and_the_lease_store_are_told() {
    let (dir, mut secrets) = (folder(), Secrets::new());
    let venue = VenueProcess::start(dir.path());
    // Accepts connections and says nothing that a broker or a store would.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    std::thread::spawn(move || deaf.incoming().for_each(drop));
    let (sasl, password) = (secrets.sasl.clone(), secrets.password.clone());
    let store = secrets.file(dir.path(), "store", &format!("redis://:{password}@127.0.0.1:{port}"));
    let sasl = secrets.file(dir.path(), "sasl", &sasl);
    let config = json!({
        "Feed": format!("kafka://127.0.0.1:{port}/ticks"), "Sharding": "static", "Shards": 1,
        "Lease Store": store,
        "Kafka Options": {
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN", "sasl.username": "user",
            "sasl.password": sasl,
        },
        "instruments": SYMBOLS.map(|symbol| instrument(venue.addr, symbol)),
    });
    let mut run = start(dir.path(), "run", &config);
    until("the feed is tried", || (run.status()["feed"]["state"] != "connecting").then_some(()));
    let mut shown = pages(&run);
    shown.extend(of_proc(&run));
    run.process.signal("TERM");
    run.process.wait();
    let left = left_in(dir.path(), &secrets);
    assert!(!run.process.out().is_empty());
    let all = shown.iter().chain(&left);
    secrets.are_not_in(all.map(|(place, bytes)| (place.as_str(), bytes.as_slice())));
}
