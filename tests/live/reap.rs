//! `self-trader reap` beside a Spot venue without a switch, judged by the venue's own ledger.

use std::path::Path;

use serde_json::json;

use crate::process::{
    Process, RunProcess, Standstill, VenueProcess, folder, instrument, millis, request, until,
};
use crate::switch::{is_open, let_a_maker_rest, longest_open_ms, ours, place_alien};

/// Age limit, period, and the time that a cancel may take.
const OPEN_MAX_MS: i64 = 5_000 + 5_000 + 5_000;

/// An owner is killed while a maker rests: what it leaves, and the configuration that it ran by.
fn orphaned(dir: &Path, venue: &VenueProcess) -> String {
    let config = json!({ "Feed": "synthetic:11", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir, "run", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 2).then_some(()));
    let_a_maker_rest(venue);
    run.process.kill();
    venue.fault(&json!({ "fault": "refuse_cancels", "on": false }));
    assert!(ours(venue).iter().any(is_open));
    dir.join("run.config.json").to_str().unwrap().to_owned()
}

/// Fault H1, O22, O23.
/// Promise P1.
#[test]
fn a_reaper_closes_what_a_killed_owner_left_and_nothing_else() {
    let dir = folder();
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    place_alien(venue.addr, "/api/v3/order", "BTCUSDT");
    // Its first words are refused: it goes on.
    venue.fault(&json!({ "fault": "reject", "operation": "DELETE /api/v3/order", "count": 2 }));
    let stood = Standstill::watch_at(venue.addr);
    let config = orphaned(dir.path(), &venue);
    let args = ["reap", &config, "--older-than", "5s", "--every", "5s", "--admin", "127.0.0.1:0"];
    let mut reaper = Process::start(dir.path(), "reaper", &args);
    let admin = until("the admin address is logged", || {
        let out = reaper.out();
        let line = out
            .split_inclusive('\n')
            .find(|line| line.ends_with('\n') && line.contains("admin listening"))?;
        let (_, address) = line.split_once("127.0.0.1:")?;
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        Some(std::net::SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
    });
    until("the orphan is closed", || ours(&venue).iter().all(|order| !is_open(order)).then_some(()));
    let (open_ms, lost) = (longest_open_ms(&venue), millis(stood.lost()));
    assert!(open_ms <= OPEN_MAX_MS + lost, "open for {open_ms} ms, {lost} ms of them lost");
    let left = venue.open_orders();
    assert_eq!((left.len(), &left[0]["clientOrderId"]), (1, &json!("web_BTCUSDT")));
    until("it says so", || {
        let (_, page) = request(admin, "GET", "/metrics", "");
        let says = |line: &str| page.lines().any(|own| own == line);
        (says("st_reaped_total 1") && says("st_open_makers 0") && says("st_alien_orders 1")).then_some(())
    });
    for probe in ["/livez", "/readyz"] {
        until(probe, || (request(admin, "GET", probe, "").0 == 200).then_some(()));
    }
    reaper.signal("TERM");
    assert_eq!(reaper.wait().code(), Some(0));
}

/// A symbol that the venue does not know, or no longer, keeps nothing else from being looked after.
///
/// Promise P18, P1.
#[test]
fn a_symbol_that_cannot_be_listed_keeps_no_other_orphan_alive() {
    let dir = folder();
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    orphaned(dir.path(), &venue);
    let both = ["AAAUSDT", "BTCUSDT"].map(|symbol| instrument(venue.addr, symbol));
    let config = dir.path().join("reaper.config.json");
    std::fs::write(&config, json!({ "Feed": "synthetic:11", "instruments": both }).to_string()).unwrap();
    let config = config.to_str().unwrap();
    let mut reaper =
        Process::start(dir.path(), "reaper", &["reap", config, "--older-than", "1s", "--every", "1s"]);
    until("the orphan is closed", || ours(&venue).iter().all(|order| !is_open(order)).then_some(()));
    reaper.signal("TERM");
    assert_eq!(reaper.wait().code(), Some(0));
    assert!(reaper.out().contains("open orders could not be looked after"), "{}", reaper.out());
}

#[test]
fn looked_once_it_ends_when_nothing_old_is_left() {
    let dir = folder();
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    let config = orphaned(dir.path(), &venue);
    let mut young = Process::start(dir.path(), "young", &["reap", &config, "--once", "--older-than", "1h"]);
    assert_eq!(young.wait().code(), Some(0));
    assert!(ours(&venue).iter().any(is_open), "what is young stays");
    let args = ["reap", &config, "--once", "--older-than", "1ms"];
    venue.fault(&json!({ "fault": "reject", "operation": "DELETE /api/v3/order" }));
    let mut refused = Process::start(dir.path(), "refused", &args);
    assert_eq!(refused.wait().code(), Some(3));
    assert!(refused.err().contains("orders of ours may still be open: stmain"), "{}", refused.err());
    venue.fault(&json!({ "fault": "reject", "operation": "DELETE /api/v3/order", "on": false }));
    let mut once = Process::start(dir.path(), "once", &args);
    assert_eq!(once.wait().code(), Some(0));
    assert!(!ours(&venue).iter().any(is_open));
    drop(venue);
    let mut nobody = Process::start(dir.path(), "nobody", &args);
    assert_eq!(nobody.wait().code(), Some(1), "no list was answered");
}
