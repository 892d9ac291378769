//! What may come to the admin address (reliability, section 3.6): each refused in one line, and nothing of it reflected.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{
    PATIENCE, RunProcess, Standstill, VenueProcess, folder, instrument, now, request, until,
};

const TOKEN: &str = "canary-of-an-admin-token-0123456789abcdef";

fn start(dir: &std::path::Path, venue: &VenueProcess, token: bool) -> RunProcess {
    let mut config = json!({ "Feed": "synthetic:3", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    if token {
        config["Admin Token"] = json!({ "env": "ADMIN_TOKEN" });
    }
    let run = RunProcess::start_with(dir, "run", &config, &[], &[("ADMIN_TOKEN", TOKEN)]);
    run.wait_until_ready();
    run
}

#[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes as they are; the status, the headers and the body of what comes back, if anything does.
fn raw(addr: SocketAddr, bytes: &[u8]) -> (u16, String, String) {
    let mut stream = connect(addr);
    // Whoever refuses early may cut while we write.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, head.to_owned(), body.to_owned())
}

fn post(addr: SocketAddr, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    let (status, _, body) = raw(addr, &[head.as_bytes(), body.as_bytes()].concat());
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

const JSON: &str = "Content-Type: application/json\r\n";

/// Fault K7.
#[test]
fn only_who_has_the_token_may_halt_and_never_by_the_address() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut run = start(dir.path(), &venue, true);
    let body = r#"{"reason":"drill"}"#;
    let refused = |path: &str, headers: &str| {
        let (status, answer) = post(run.admin, path, &format!("{JSON}{headers}"), body);
        assert_eq!((status, &answer["code"]), (401, &json!("ADM-001")), "{path} {headers}: {answer}");
    };
    refused("/halt", "");
    refused("/release", "");
    refused("/halt", "Authorization: Bearer wrong\r\n");
    refused("/halt", &format!("Authorization: Bearer {}\r\n", &TOKEN[..TOKEN.len() - 1]));
    refused("/halt", &format!("Authorization: Basic {TOKEN}\r\n"));
    let good = format!("Authorization: Bearer {TOKEN}\r\n");
    refused("/halt", &good.repeat(2));
    refused(&format!("/halt?token={TOKEN}"), "");
    refused(&format!("/halt?a=1&Access_Token={TOKEN}"), &good);
    assert!(run.halts().is_empty());
    let denied = until("denials are counted", || {
        let (_, page) = request(run.admin, "GET", "/metrics", "");
        page.lines().find_map(|line| line.strip_prefix("st_admin_denied_total ").map(str::to_owned))
    });
    assert_eq!(denied, "8");

    let (status, answer) = post(run.admin, "/halt", &format!("{JSON}{good}"), body);
    assert_eq!((status, &answer["result"]), (200, &json!("halted")), "{answer}");
    run.stop();
    for text in [run.process.out(), run.process.err()] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn what_is_asked_for_must_make_sense() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut run = start(dir.path(), &venue, false);
    let long = "x".repeat(257);
    for (path, body, status, code) in [
        ("/halt", json!({ "symbol": "NOSUCH", "reason": "r" }), 404, "ADM-002"),
        ("/halt", json!({ "symbol": "", "reason": "r" }), 404, "ADM-002"),
        ("/halt", json!({ "reason": "" }), 400, "ADM-003"),
        ("/halt", json!({ "reason": long }), 400, "ADM-003"),
        ("/halt", json!({ "reason": "a\u{7}b" }), 400, "ADM-003"),
        ("/halt", json!({ "reason": "a\nb" }), 400, "ADM-003"),
        ("/halt", json!({}), 400, "ADM-006"),
        ("/halt", json!({ "reason": 1 }), 400, "ADM-006"),
        ("/halt", json!({ "symbol": null, "reason": "r" }), 400, "ADM-006"),
        ("/halt", json!({ "reason": "r", "limit": 9 }), 400, "ADM-006"),
        ("/release", json!({ "reason": "r" }), 409, "ADM-004"),
        ("/release", json!({ "symbol": "BTCUSDT", "reason": "r" }), 409, "ADM-004"),
        ("/release", json!({ "symbol": "BTCUSDT", "reason": "" }), 400, "ADM-003"),
    ] {
        let (got, answer) = post(run.admin, path, JSON, &body.to_string());
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{path} {body}: {answer}");
    }
    assert!(run.halts().is_empty());
    let ask = |path: &str, reason: &str| {
        let body = json!({ "symbol": "BTCUSDT", "reason": reason }).to_string();
        post(run.admin, path, JSON, &body)
    };
    assert_eq!(ask("/halt", "drill").1["result"], "halted");
    assert_eq!(ask("/halt", "drill").1["result"], "already halted");
    assert_eq!(ask("/halt", "another").1["result"], "already halted");
    assert_eq!(run.halts()[0]["reason"], "drill");
    until("its sweep is done", || (ask("/release", "over").0 == 200).then_some(()));
    let (status, answer) = ask("/release", "over");
    assert_eq!((status, &answer["result"]), (200, &json!("already released")), "a repeat");
    assert_eq!(ask("/release", "other words").0, 409);
    assert_eq!(run.stop().0.code(), Some(0));
}

#[test]
fn bodies_and_paths_that_no_client_of_ours_sends_are_refused() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut run = start(dir.path(), &venue, false);
    let large = json!({ "reason": "x".repeat(17 * 1_024) }).to_string();
    for (headers, body, status) in [
        (JSON, "", 400),
        (JSON, "{", 400),
        (JSON, "[]", 400),
        (JSON, "{\"reason\":\"a\",\"reason\":\"b\"}", 400),
        ("", "{\"reason\":\"r\"}", 415),
        ("Content-Type: text/plain\r\n", "{\"reason\":\"r\"}", 415),
        (JSON, large.as_str(), 413),
    ] {
        let (got, answer) = post(run.admin, "/halt", headers, body);
        assert_eq!(got, status, "{headers}{answer}");
    }
    let addr = run.admin;
    let one =
        |line: &str| raw(addr, format!("{line}\r\nHost: {addr}\r\nConnection: close\r\n\r\n").as_bytes());
    for (line, status) in [
        ("GET /nothing HTTP/1.1", 404),
        ("GET /halt HTTP/1.1", 405),
        ("DELETE /halts HTTP/1.1", 405),
        ("POST /metrics HTTP/1.1", 405),
        ("GET /../etc/passwd HTTP/1.1", 400),
        ("GET /status%00canary-of-a-path HTTP/1.1", 400),
        ("GET /status HTTP/1.0", 400),
        ("GET  /status  HTTP/1.1", 400),
        ("canary-of-a-line", 400),
    ] {
        let (got, head, body) = one(line);
        assert_eq!(got, status, "{line}: {head}");
        assert!(!format!("{head}{body}").contains("canary"), "{line}: {head}{body}");
        assert_eq!(head.to_ascii_lowercase().contains("allow: "), status == 405, "{line}: {head}");
    }
    let (_, head, _) = one("GET /halt HTTP/1.1");
    assert!(head.to_ascii_lowercase().contains("allow: post"), "{head}");
    let headers = "X-Canary: canary-of-a-header\r\n".repeat(10_000);
    let many = raw(addr, format!("GET /status HTTP/1.1\r\nHost: {addr}\r\n{headers}\r\n").as_bytes());
    assert!(many.0 == 431 || many.0 == 400 || many.0 == 0, "{}", many.1);
    let h2 = raw(addr, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_ne!(h2.0, 200);
    let tls = raw(addr, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
    assert_ne!(tls.0, 200);
    assert!(run.halts().is_empty());
    assert_eq!(run.stop().0.code(), Some(0));
}

#[test]
fn who_is_slow_or_comes_in_numbers_keeps_nobody_else_out_for_long() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut run = start(dir.path(), &venue, false);
    let addr = run.admin;
    // A head that never ends, and a body that never does.
    let began = now();
    let head = raw(addr, b"GET /status HTTP/1.1\r\nHost: a\r\nX: ");
    assert_ne!(head.0, 200);
    let chunked = "POST /halt HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"rea\r\n";
    let (status, ..) = raw(addr, chunked.as_bytes());
    assert_eq!(status, 408);
    // Either has 5 s; nobody is kept for as long as we would wait for one of them.
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());

    let before = venue.trades();
    let mut idle: Vec<TcpStream> = (0..64).map(|_| connect(addr)).collect();
    until("they are all taken in", || {
        let (status, _, body) = raw(addr, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        if status != 503 {
            // Where we were held up, some are cut already: others take their places.
            idle.push(connect(addr));
        }
        (status == 503 && body.contains("ADM-009")).then_some(())
    });
    until("trading goes on", || (venue.trades() > before + 3).then_some(()));
    until("the idle ones are cut", || {
        (raw(addr, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").0 == 200).then_some(())
    });
    drop(idle);
    assert_eq!(run.stop().0.code(), Some(0));
}

/// Fault K9.
#[test]
fn a_thousand_scrapes_change_nothing() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut run = start(dir.path(), &venue, false);
    let (stood, before) = (Standstill::watch(), venue.trades());
    for _ in 0..1_000 {
        assert_eq!(request(run.admin, "GET", "/metrics", "").0, 200);
    }
    until("it trades on", || (venue.trades() > before + 3).then_some(()));
    let stalls = request(run.admin, "GET", "/metrics", "").1;
    // Standing still counts from 2 s on: a machine that did so for half of it is not the scrapes' doing.
    let lost = stood.most_within(Duration::from_secs(2));
    assert!(
        stalls.contains("st_loop_stalls_total 0\n") || lost > Duration::from_secs(1),
        "{lost:?} {stalls}"
    );
    let (code, summary) = run.stop();
    assert_eq!((code.code(), &summary["books_balance"]), (Some(0), &json!(true)), "{summary}");
}
