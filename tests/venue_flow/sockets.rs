//! Many clients over real sockets while faults come and go: the books add up, memory stays flat, the log replays.
//!
//! 20 s long; `VENUE_FLOW_SECONDS` makes it longer (`scripts/mixed-flow`).

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use self_trader::simulator::Product;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, SOON, get, http, signed};
use crate::flow::{ACCOUNTS, Asked, HEDGED, Trader};
use crate::process::{VenueProcess, hash_line, replay};

const SEED: u64 = 20_240_607;
/// Clients of each account and product.
const CLIENTS_EACH: usize = 3;
/// Requests of a client in a second.
const PACE: Duration = Duration::from_millis(20);
/// Orders and trades that the venue remembers: few, so that its memory is full early.
const HISTORY: &str = "2000";
/// How much longer than it was given the script of faults may take.
const AT_MOST_LATE: Duration = Duration::from_secs(120);
/// What memory may grow by between the middle and the end, in KiB and in thousandths.
const GROWTH_KIB: u64 = 8 * 1_024;
const GROWTH_PERMILLE: u64 = 50;

/// What clients listen to.
const STREAMS: [&str; 4] = [
    "/ws/btcusdt@depth@100ms/btcusdt@trade/ethusdt@bookTicker",
    "/stream?streams=btcusdt@aggTrade/ethusdt@depth20@100ms/btcusdt@kline_1m",
    "/public/stream?streams=btcusdt@depth@100ms/ethusdt@bookTicker",
    "/market/stream?streams=btcusdt@aggTrade/btcusdt@markPrice@1s",
];

/// Every fault that the script switches, each for a while, each at least once. They touch everything, or one symbol.
fn faults() -> Vec<Value> {
    let streams = [
        "mute_stream",
        "drop_messages",
        "duplicate_messages",
        "reorder_messages",
        "delay_messages",
        "wrong_ids",
    ];
    let of_streams = streams
        .into_iter()
        .flat_map(|fault| ["trade", "depth", "user"].map(|stream| json!({"fault": fault, "stream": stream})));
    let presets = [
        "too_many_requests",
        "banned_bare",
        "unknown",
        "timeout",
        "html",
        "not_json",
        "cut_body",
        "redirect",
    ];
    let rejects = presets.map(|preset| json!({"fault": "reject", "preset": preset, "probability": 300_000}));
    let books =
        ["crossed", "locked", "empty", "negative"].map(|how| json!({"fault": "spoil_book", "how": how}));
    let ends = ["close", "reset", "shutdown"].map(|how| json!({"fault": "disconnect", "how": how}));
    let refusals =
        ["unavailable", "reset", "hang"].map(|how| json!({"fault": "refuse_connections", "how": how}));
    let wrong = ["client_id", "order_id", "request_id"]
        .map(|field| json!({"fault": "wrong_answers", "field": field}));
    let plain = [
        "lose_requests",
        "lose_answers",
        "duplicate_answers",
        "refuse_cancels",
        "old_snapshot",
        "stop_book",
        "half_open",
        "mute_pings",
        "logout",
        "end_user_stream",
        "halt",
        "reset_venue",
        "freeze",
        "shuffle_batch",
        "expire_listen_key",
    ];
    let others = [
        json!({"fault": "reject", "preset": "timeout", "executed": true}),
        json!({"fault": "hold_requests", "ms": 100, "jitter_ms": 100}),
        json!({"fault": "delay_answers", "ms": 150, "jitter_ms": 100}),
        json!({"fault": "slow_frames", "bytes": 100, "every_ms": 5}),
        json!({"fault": "fragment_frames", "bytes": 7}),
        json!({"fault": "oversized_frame", "bytes": 100_000}),
        json!({"fault": "skew_clock", "offset_ms": -3_000, "drift_ppm": 500}),
        json!({"fault": "jump_mark", "jump_ppm": 20_000}),
        json!({"fault": "change_filters", "tick_size": "0.5"}),
        json!({"fault": "change_filters", "step_size": "0.01", "announce_ms": 100}),
    ];
    let plain = plain.map(|fault| json!({ "fault": fault }));
    let all = [
        of_streams.collect(),
        rejects.to_vec(),
        books.to_vec(),
        ends.to_vec(),
        refusals.to_vec(),
        wrong.to_vec(),
    ];
    all.concat().into_iter().chain(plain).chain(others).collect()
}

/// What cannot be about one symbol.
const WHOLE: [&str; 14] = [
    "shuffle_batch",
    "disconnect",
    "refuse_connections",
    "half_open",
    "mute_pings",
    "logout",
    "end_user_stream",
    "reset_venue",
    "freeze",
    "expire_listen_key",
    "slow_frames",
    "fragment_frames",
    "oversized_frame",
    "skew_clock",
];

fn seconds() -> u64 {
    std::env::var("VENUE_FLOW_SECONDS").map_or(20, |text| text.parse().expect("whole seconds"))
}

fn write_profile(path: &Path) {
    let symbol = |product: &str, name: &str, price: u8, qty: u8| json!({"Symbol": name, "Product": product, "Price Decimals": price, "Qty Decimals": qty, "Start Price": 100});
    let account = |(at, key): (usize, &crate::client::Key)| json!({"API KEY": key.key, "Secret": key.secret, "Hedge Mode": at == HEDGED});
    let profile = json!({
        "Name": "flow",
        "Symbols": [
            symbol("spot", "BTCUSDT", 2, 6), symbol("spot", "ETHUSDT", 2, 6),
            symbol("usdm", "BTCUSDT", 1, 3), symbol("usdm", "ETHUSDT", 2, 3),
        ],
        "Accounts": ACCOUNTS.iter().enumerate().map(account).collect::<Vec<_>>(),
    });
    std::fs::write(path, profile.to_string()).unwrap();
}

/// Sends requests until the end, whatever becomes of the answers and of its connections.
async fn trade(addr: SocketAddr, mut trader: Trader, over: watch::Receiver<bool>) -> u64 {
    let path = match trader.product {
        Product::Spot => "/ws-api/v3",
        Product::UsdM => "/ws-fapi/v1",
    };
    let mut answers = 0;
    while !*over.borrow() {
        let Some(mut socket) = open(addr, path).await else { continue };
        let mut number = 0_u64;
        while !*over.borrow() {
            number += 1;
            let Asked { method, mut params, signed: wants_key } = trader.next();
            if wants_key {
                params = signed(trader.key, params);
            }
            let frame = json!({"id": number, "method": method, "params": params}).to_string();
            let sent = timeout(Duration::from_secs(1), socket.send(Message::text(frame))).await;
            if !matches!(sent, Ok(Ok(()))) {
                break;
            }
            let next = Instant::now() + PACE;
            let mut is_open = true;
            while is_open && Instant::now() < next {
                match tokio::time::timeout_at(next, socket.next()).await {
                    Ok(Some(Ok(Message::Text(_)))) => answers += 1,
                    Ok(Some(Ok(_))) => {}
                    Ok(None | Some(Err(_))) => is_open = false,
                    Err(_) => break,
                }
            }
            // Now and then a client is gone without a word.
            if !is_open || number.is_multiple_of(2_000) {
                break;
            }
        }
    }
    answers
}

/// Reads streams until the end; a slow reader in between.
async fn listen(addr: SocketAddr, path: &str, mut over: watch::Receiver<bool>) -> u64 {
    let mut messages = 0;
    while !*over.borrow() {
        let Some(mut socket) = open(addr, path).await else { continue };
        while let Some(Some(Ok(_))) = tokio::select! {
            message = socket.next() => Some(message),
            _ = over.changed() => None,
        } {
            messages += 1;
        }
    }
    messages
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

#[expect(clippy::disallowed_methods, reason = "a test's own client, to loopback")]
async fn open(addr: SocketAddr, path: &str) -> Option<Socket> {
    let opening = async {
        let stream = TcpStream::connect(addr).await.ok()?;
        let opened = tokio_tungstenite::client_async(format!("ws://{addr}{path}"), stream).await;
        opened.ok().map(|(socket, _)| socket)
    };
    let opened = timeout(Duration::from_secs(5), opening).await.ok().flatten();
    if opened.is_none() {
        sleep(Duration::from_millis(50)).await;
    }
    opened
}

/// Switches faults on and off by the seed, each of them at least once.
/// A slow machine takes longer than it was given: it goes on until each has been on in the first half, so that memory
/// is compared with a time that knew them all.
async fn break_things(addr: SocketAddr, end: Instant, over: watch::Sender<bool>) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let mut switched: Vec<(Value, u64)> = faults().into_iter().map(|fault| (fault, 0)).collect();
    let mut number = 0;
    while number < 2 * switched.len() || Instant::now() + Duration::from_secs(1) < end {
        assert!(Instant::now() < end + AT_MOST_LATE, "not all faults could be switched");
        // Each of them once, then by chance.
        let at = if number < switched.len() { number } else { random.random_range(0..switched.len()) };
        number += 1;
        let (mut switch, count) = (switched[at].0.clone(), &mut switched[at].1);
        if !WHOLE.contains(&switch["fault"].as_str().unwrap()) && random.random_range(0..2) == 0 {
            switch["symbol"] = ["BTCUSDT", "ETHUSDT"][random.random_range(0..2_usize)].into();
        }
        let reply = http(addr, "POST", "/venue/faults", None, &switch.to_string()).await;
        assert_eq!(reply.status, 200, "{switch}: {}", reply.body);
        *count += 1;
        sleep(Duration::from_millis(random.random_range(30..220))).await;
        http(addr, "DELETE", "/venue/faults", None, "").await;
        sleep(Duration::from_millis(random.random_range(0..50))).await;
    }
    sleep(Duration::from_secs(1)).await;
    over.send_replace(true);
    for (fault, count) in switched {
        assert!(count > 0, "{fault} was never on");
    }
}

/// Resident memory in KiB.
fn memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The median of each of ten equal parts of the run, which may take longer than it was given.
async fn watch_memory(process: u32, length: Duration, over: watch::Receiver<bool>) -> Vec<u64> {
    let mut samples = Vec::new();
    while samples.len() < 10 || !*over.borrow() {
        sleep(length / 100).await;
        samples.push(memory_kib(process));
    }
    let median = |part: usize| {
        let ends = [part, part + 1].map(|end| samples.len() * end / 10);
        let mut part = samples[ends[0]..ends[1]].to_vec();
        part.sort_unstable();
        part[part.len() / 2]
    };
    (0..10).map(median).collect()
}

/// Comes back when nothing changes any more: the clients' requests are all carried out, the crowd stands still, and
/// marks have followed the last trades.
async fn settle(addr: SocketAddr) {
    let all_gone = async {
        while get(addr, "/venue/connections").await != json!([]) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, all_gone).await.expect("the connections end");
    http(addr, "POST", "/venue/faults", None, &json!({"fault": "halt"}).to_string()).await;
    let mut marks = client::Socket::open(addr, "/market/ws/btcusdt@markPrice@1s").await;
    marks.wait(|message| message["e"] == "markPriceUpdate").await;
}

async fn conserved(addr: SocketAddr) {
    let checked = http(addr, "POST", "/venue/check", None, "").await;
    assert_eq!((checked.status, &checked.body["conservation"]), (200, &Value::from("ok")));
}

#[tokio::test]
async fn mixed_flow_under_faults_keeps_the_books_and_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (profile, log) = (folder.path().join("profile.json"), folder.path().join("commands"));
    write_profile(&profile);
    let args = [
        "--profile",
        profile.to_str().unwrap(),
        "--record",
        log.to_str().unwrap(),
        "--crowd",
        "small",
        "--history",
        HISTORY,
        "--check-every",
        "5000",
    ];
    let venue = VenueProcess::start(folder.path(), &args).await;
    let (addr, length) = (venue.addr, Duration::from_secs(seconds()));
    let (over, is_over) = watch::channel(false);
    let mut clients = Vec::new();
    for (at, key) in ACCOUNTS.into_iter().enumerate() {
        for product in Product::ALL {
            for number in 0..CLIENTS_EACH {
                let name = format!("{}{at}{number}", product.as_str());
                let seed = SEED ^ ((at * 16 + number) as u64) << 8 ^ product.index() as u64;
                clients.push(tokio::spawn(trade(
                    addr,
                    Trader::new(&name, key, product, seed),
                    is_over.clone(),
                )));
            }
        }
    }
    let listeners: Vec<_> = STREAMS.map(|path| tokio::spawn(listen(addr, path, is_over.clone()))).into();
    let memory = tokio::spawn(watch_memory(venue.id(), length, is_over));
    break_things(addr, Instant::now() + length, over).await;
    let memory = memory.await.unwrap();

    let mut answers = 0;
    for client in clients {
        answers += client.await.unwrap();
    }
    for listener in listeners {
        listener.await.unwrap();
    }
    settle(addr).await;
    conserved(addr).await;
    let totals = get(addr, "/venue/totals").await;
    let count = |name: &str| totals[name].as_u64().unwrap();
    println!(
        "{} s: {answers} answers, {} commands, {} orders, {} trades, {} events; memory {memory:?} KiB",
        length.as_secs(),
        count("commands"),
        count("orders"),
        count("trades"),
        count("events"),
    );
    for product in ["spot", "usdm"] {
        assert!(totals["products"][product]["trades"].as_u64().unwrap() > 100, "{product}: {totals}");
    }
    assert!(answers > count("orders"), "{totals}");
    assert_eq!(totals["conservation"], "ok");
    let (code, printed) = venue.end(folder.path()).await;
    assert_eq!(code, Some(0), "{printed}");
    let hash = totals["event_log_hash"].as_str().unwrap();
    assert!(hash_line(&printed).contains(hash), "nothing happened after the clients had gone");
    let replayed = String::from_utf8(replay(&log).stdout).unwrap();
    assert_eq!(hash_line(&replayed), hash_line(&printed));
    let (middle, last) = (memory[5], memory[9]);
    let most = middle + GROWTH_KIB.max(middle * GROWTH_PERMILLE / 1_000);
    assert!(last <= most, "memory grows: {memory:?} KiB");
}
