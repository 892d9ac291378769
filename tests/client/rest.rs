//! The REST client and the websocket's two halves against a venue that does what it is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scripted_venue::{PATIENCE, ScriptedVenue, json};
use schemas::units::Decimal;
use schemas::wire::binance::encode::Account;
use self_trader::clock::Clock;
use self_trader::venue::binance::rest::{RestClient, RestError};
use self_trader::venue::binance::sign::HmacSigner;
use self_trader::venue::binance::socket::{self, Frame};
use self_trader::venue::binance::start::clock_offset;
use self_trader::venue::binance_spot::start::read_facts;
use self_trader::venue::guard::Endpoint;
use tokio::time::{Instant, interval, timeout};
use tokio_tungstenite::tungstenite::Message;

const KEY: &str = "st-maker-key";

fn line(error: &RestError) -> String {
    error.to_string()
}

#[tokio::test]
async fn whatever_is_no_answer_has_its_line() {
    let long = "x".repeat(2 << 20);
    let table = [
        (json(200, ""), "ORD-002 outcome unknown (unreadable answer, status 200)"),
        (json(200, "<html>"), "ORD-002 outcome unknown (unreadable answer, status 200)"),
        (json(204, ""), "ORD-002 outcome unknown (unreadable answer, status 204)"),
        (json(200, "{}"), "ORD-004 outcome unknown (field serverTime)"),
        (json(200, &long), "ORD-002 outcome unknown (unreadable answer, status 200)"),
        (json(502, "<html>bad gateway</html>"), "ORD-002 outcome unknown (unreadable answer, status 502)"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
                .to_vec(),
            "ORD-002 outcome unknown (unreadable answer, status 200)",
        ),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: https://api.example.org/\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "ORD-003 redirect refused (status 301)",
        ),
        (json(400, r#"{"code":-1102,"msg":"Mandatory"}"#), "venue error -1102 (status 400): Mandatory"),
    ];
    let venue = ScriptedVenue::start(|_| Vec::new()).await;
    let rest = RestClient::new(venue.target());
    let error = rest.time().await.unwrap_err();
    assert!(line(&error).starts_with("ORD-001 outcome unknown (transport: "), "{error}");
    for (answer, expected) in table {
        venue.answer(move |_| answer.clone());
        assert_eq!(line(&rest.time().await.unwrap_err()), expected);
    }
    let short = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"serverTime\":1".to_vec();
    venue.answer(move |_| short.clone());
    let error = rest.time().await.unwrap_err();
    assert!(line(&error).starts_with("ORD-001 "), "{error}");
}

#[tokio::test]
async fn a_limit_says_how_long_to_stay_away() {
    let venue = ScriptedVenue::start(|_| Vec::new()).await;
    let headers = [
        ("Retry-After: 7\r\n", 7),
        ("Retry-After: -7\r\n", 60),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n", 60),
        ("Retry-After: 1000000000\r\n", 259_200),
    ];
    for (status, body, unsaid) in [(429, r#"{"code":-1003,"msg":"slow"}"#, 60), (418, "<html>", 120)] {
        for (header, seconds) in [("", unsaid)].into_iter().chain(headers) {
            // Each time from another address, as it were: this one asks no more.
            let rest = RestClient::new(venue.target());
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\n\r\n{body}");
            venue.answer(move |_| answer.clone().into_bytes());
            match rest.time().await {
                Err(RestError::Api { retry_after, .. }) => {
                    assert_eq!(retry_after, Some(Duration::from_secs(seconds)), "{status} {header}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Fault O17, O18. Promise P7.
#[tokio::test]
async fn while_the_venue_wants_silence_it_hears_nothing_of_any_client() {
    const SILENCE: Duration = Duration::from_secs(2);
    for status in [429, 418] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let times = Arc::clone(&asked);
        let venue = ScriptedVenue::start(move |_| {
            times.lock().unwrap().push(Instant::now());
            format!("HTTP/1.1 {status} X\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes()
        })
        .await;
        let target = venue.target();
        let clients = [RestClient::new(target.clone()), RestClient::new(target.clone())];
        let began = Instant::now();
        assert!(matches!(clients[0].time().await, Err(RestError::Api { .. })));
        let mut looks = interval(Duration::from_millis(20));
        // A machine that stands still may sleep through the rest of the window: what comes after it may pass.
        let over = || began.elapsed() >= SILENCE;
        while began.elapsed() < SILENCE - Duration::from_millis(200) {
            looks.tick().await;
            for client in &clients {
                let held = matches!(client.time().await, Err(RestError::Held(_)));
                assert!(held || over(), "{status}");
            }
            let opened = socket::open(&target, Endpoint::Streams).await.map(drop);
            let held = opened.is_err_and(|refused| refused.to_string().starts_with("held back"));
            assert!(held || over(), "{status}");
        }
        // One goes ahead once it is over, and is refused again.
        let again = async {
            while asked.lock().unwrap().len() < 2 {
                assert!(clients[1].time().await.is_err());
                looks.tick().await;
            }
        };
        timeout(PATIENCE, again).await.expect("it is tried again");
        let last = *asked.lock().unwrap().last().unwrap();
        let held = matches!(clients[0].time().await, Err(RestError::Held(_)));
        assert!(held || last.elapsed() >= SILENCE, "{status}");
        // By the venue's own clock nothing has come within a window.
        let asked: Vec<Instant> = asked.lock().unwrap().clone();
        let windows: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(windows.iter().all(|window| *window >= SILENCE), "{status}: {windows:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_serves_again_and_a_dead_one_is_replaced() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    // Without `Connection: close` the client keeps the connection, which the venue closes all the same.
    let venue = ScriptedVenue::start(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"serverTime\":7}".to_vec()
    })
    .await;
    let rest = RestClient::new(venue.target());
    for round in 1..=5 {
        assert_eq!(rest.time().await.unwrap(), 7);
        assert_eq!(asked.load(Ordering::SeqCst), round);
    }
}

const INFO: &str = r#"{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000}],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01000000"},{"filterType":"LOT_SIZE","stepSize":"0.00001000","minQty":"0.00001000"},{"filterType":"NOTIONAL","minNotional":"5.00000000"}],"defaultSelfTradePreventionMode":"EXPIRE_MAKER","allowedSelfTradePreventionModes":["NONE","EXPIRE_MAKER"]},{"symbol":"ETHUSDT","status":"HALT","filters":[],"defaultSelfTradePreventionMode":"EXPIRE_MAKER","allowedSelfTradePreventionModes":["EXPIRE_MAKER"]}]}"#;

/// A venue that knows BTCUSDT and ETHUSDT, and refuses a question that names another.
async fn venue_with_facts(requires_stp: bool) -> ScriptedVenue {
    ScriptedVenue::start(move |request| {
        if request.starts_with("GET /api/v3/account?omitZeroBalances=true&timestamp=5&signature=") {
            assert!(request.to_ascii_lowercase().contains("x-mbx-apikey: st-maker-key"), "{request}");
            return json(200, &format!(r#"{{"canTrade":true,"requireSelfTradePrevention":{requires_stp}}}"#));
        }
        assert!(request.starts_with("GET /api/v3/exchangeInfo"), "{request}");
        if request.contains("NOSUCH") {
            return json(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
        }
        json(200, INFO)
    })
    .await
}

#[tokio::test]
async fn the_facts_of_a_venue() {
    let signer = HmacSigner::new(b"secret");
    let account = Account { api_key: KEY, sign: &signer };
    let venue = venue_with_facts(false).await;
    let rest = RestClient::new(venue.target());
    let facts = read_facts(&rest, account, &["BTCUSDT", "ETHUSDT", "NOSUCH"], 5).await.unwrap();
    let btc = &facts.symbols["BTCUSDT"];
    assert_eq!((btc.price_decimals(), btc.qty_decimals()), (2, 5));
    assert_eq!(btc.min_notional, Decimal::new(5, 0));
    assert!(btc.none_allowed && btc.trading);
    let eth = &facts.symbols["ETHUSDT"];
    assert!(!eth.none_allowed && !eth.trading);
    assert_eq!((eth.default_stp.as_str(), eth.price_decimals()), ("EXPIRE_MAKER", 18));
    assert!(!facts.symbols.contains_key("NOSUCH"));
    assert_eq!(facts.order_limits.iter().map(|limit| limit.window_s).collect::<Vec<_>>(), [10, 86_400]);
    assert_eq!(facts.weight_limit.unwrap().limit, 6_000);
    let venue = venue_with_facts(true).await;
    let facts = read_facts(&RestClient::new(venue.target()), account, &["BTCUSDT"], 5).await.unwrap();
    let btc = &facts.symbols["BTCUSDT"];
    assert!(!btc.none_allowed && btc.account_requires_stp, "the account stands in the way");
    assert_eq!(facts.symbols.len(), 1, "only what was asked for");
}

/// Fault C2.
#[tokio::test]
async fn the_clock_offset_is_the_venues_time_minus_the_middle() {
    let ahead = 90_000;
    let venue = ScriptedVenue::start(move |_| {
        json(200, &format!(r#"{{"serverTime":{}}}"#, self_trader::clock::wall_ms() + ahead))
    })
    .await;
    let offset = clock_offset(&RestClient::new(venue.target()), &Clock::of_process()).await.unwrap();
    let error = (offset.offset_ms - ahead).unsigned_abs();
    assert!(u128::from(error) <= offset.round_trip.as_millis() / 2 + 2, "{offset:?}");
}

#[tokio::test]
async fn frames_are_queued_and_leave_together() {
    let mut venue = ScriptedVenue::start(|_| Vec::new()).await;
    let (mut reader, mut writer) = socket::open(&venue.target(), Endpoint::WsApi).await.unwrap();
    let mut peer = venue.api().await;
    for text in ["one", "two", "three"] {
        writer.queue(text).await.unwrap();
    }
    writer.flush().await.unwrap();
    for text in ["one", "two", "three"] {
        assert_eq!(peer.next().await, Some(Message::text(text)));
    }
    peer.ping(b"p").await;
    peer.split_into(3);
    peer.send("hello").await;
    assert_eq!(reader.next().await.unwrap(), Frame::Alive);
    assert_eq!(reader.next().await.unwrap(), Frame::Text("hello".into()));
    tokio::spawn(peer.close(1012));
    let error = reader.next().await.unwrap_err();
    assert_eq!(error.to_string(), "closed by the venue (1012)");
    assert_eq!(
        error.order_fault().line("x"),
        "ORD-001 x: outcome unknown (transport: closed by the venue (1012))"
    );
    assert_eq!(
        error.book_fault().line("x"),
        "BOOK-007 x: ws protocol error (got closed by the venue (1012))"
    );
}

#[tokio::test]
async fn an_upgrade_that_is_answered_with_a_redirect_is_refused() {
    // A listener that answers whatever comes with a redirect, to the very same place.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{address}/ws-api/v3\r\nContent-Length: 0\r\n\r\n"
            );
            tokio::io::AsyncWriteExt::write_all(&mut tcp, answer.as_bytes()).await.unwrap();
        }
    });
    let target = self_trader::venue::guard::Target::simulated(address).unwrap();
    let error = socket::open(&target, Endpoint::WsApi).await.unwrap_err();
    assert_eq!(error.to_string(), "upgrade refused (status 302)");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "nobody follows it");
}
