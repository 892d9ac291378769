//! What the machine does to the program.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::process::{RunProcess, VenueProcess, folder, get_json, instrument, now, request, until};
use crate::stalls::Stalls;

/// Most of the processor's time is taken away in slices, as a quota does it: what is late is not traded.
/// Fault H6.
/// Promise P4.
#[test]
fn what_waits_for_the_processor_grows_old_and_is_not_traded() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut one = instrument(venue.addr, "BTCUSDT");
    // Less than one slice.
    one["Max Tick Age"] = serde_json::from_str("0.3").unwrap();
    let config = json!({ "Feed": "synthetic:5", "instruments": [one] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 2).then_some(()));
    let stale = || run.status()["instruments"][0]["skips"]["stale_tick"].as_u64().unwrap_or(0);
    let began = now();
    until("ticks were too old", || {
        run.process.signal("STOP");
        passes(Duration::from_millis(450));
        run.process.signal("CONT");
        passes(Duration::from_millis(50));
        (stale() > 3 || began.elapsed() > Duration::from_secs(20)).then_some(())
    });
    let before = venue.trades();
    until("it trades again", || (venue.trades() > before + 3).then_some(()));
    let (status, summary) = run.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!((&summary["books_balance"], &summary["open_orders"]), (&json!(true), &json!(0)));
    let labels = run.labels();
    assert!(labels.len() > 5);
    for label in labels {
        let since = |name: &str| label["tick"][name].as_u64().unwrap();
        let decided_ms = since("received_ms") + label["times"]["decided_us"].as_u64().unwrap() / 1_000;
        assert!(decided_ms <= since("time_ms") + 300 + 1, "{label}");
    }
}

/// A slice of a quota: the clock is what is waited for.
fn passes(time: Duration) {
    let began = now();
    until("the time passes", || (began.elapsed() >= time).then_some(()));
}

/// Nobody reads standard output, and it is full.
/// Fault K10.
#[test]
fn a_log_that_nobody_reads_holds_up_neither_trading_nor_the_end() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let admin = free_address();
    let instruments = ["BTCUSDT", "ETHUSDT"].map(|symbol| instrument(venue.addr, symbol));
    let config =
        json!({ "Feed": "synthetic:3", "Admin Address": admin.to_string(), "instruments": instruments });
    let file = dir.path().join("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    // What fills the pipe before the program begins.
    let full = Command::new("sh")
        .args(["-c", "timeout 1 cat /dev/zero; true"])
        .stdout(writer.try_clone().unwrap())
        .status()
        .unwrap();
    assert!(full.success());
    let mut child = Command::new(env!("CARGO_BIN_EXE_self-trader"))
        .arg("run")
        .arg(&file)
        .env("RUST_LOG", "self_trader=debug")
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it serves", || is_open(admin).then_some(()));
    until("it is ready", || (request(admin, "GET", "/readyz", "").0 == 200).then_some(()));
    until("it trades", || (venue.trades() > 20).then_some(()));
    // A pause of the machine can take that back for a moment.
    until("it says so", || (get_json(admin, "/status")["ready"] == true).then_some(()));
    let (stalls, told, told_ms) = (Stalls::watch(), now(), self_trader::clock::wall_ms());
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let status = until("it ends", || child.try_wait().unwrap());
    let took = stalls.leave_out(told.elapsed(), told_ms);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(status.code(), Some(0));
    assert!(venue.open_orders().is_empty());
    drop(reader);
}

/// Below the ports that connections are given, one of which might take it before the program does.
fn free_address() -> SocketAddr {
    let first = 15_000 + u16::try_from(std::process::id() % 16_000).unwrap();
    let mut addresses = (first..first + 1_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}

#[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Processor time that a process has used, in ticks of the clock.
fn used(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

fn limit_files(pid: u32, most: u32) {
    let limit = format!("--nofile={most}:4096");
    let set = Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().unwrap();
    assert!(set.success());
}

/// No file and no socket can be opened: it waits, does not turn in circles, and comes back by itself.
/// Fault H4.
/// Promise P23.
#[test]
fn without_file_descriptors_it_waits_and_comes_back() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:9", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 2).then_some(()));
    let pid = run.process.id();
    limit_files(pid, 4);
    venue.fault(&json!({ "fault": "disconnect", "how": "reset" }));
    until("it cannot connect", || run.process.out().contains("Too many open files").then_some(()));
    let (before, began) = (used(pid), now());
    passes(Duration::from_secs(2));
    let (ticks, passed) = (used(pid) - before, began.elapsed());
    assert!(u128::from(ticks) < passed.as_millis() / 20, "{ticks} ticks of a processor in {passed:?}");
    limit_files(pid, 1_024);
    let before = venue.trades();
    until("it trades again", || (venue.trades() > before + 2).then_some(()));
    let (status, summary) = run.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!((&summary["books_balance"], &summary["open_orders"]), (&json!(true), &json!(0)));
}
