//! The book's connection against a venue that does what it is told: splitting, silence, gaps, closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::scripted_venue::{PATIENCE, Peer, ScriptedVenue, json};
use pipeline::book::Top;
use self_trader::book::{Books, SymbolTop, spawn};
use self_trader::clock::Clock;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::until;

struct Bench {
    venue: ScriptedVenue,
    books: Books,
    btc: watch::Receiver<Option<Top>>,
    eth: watch::Receiver<Option<Top>>,
    snapshots: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
}

const SNAPSHOT: &str = r#"{"lastUpdateId":100,"bids":[["99.00","1.0"]],"asks":[["101.00","2.0"]]}"#;

/// A venue whose books stand at 99 x 1 / 101 x 2 @100, and the connection that follows BTCUSDT and ETHUSDT.
async fn bench() -> Bench {
    let snapshots = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&snapshots);
    let venue = ScriptedVenue::start(move |request| {
        assert!(request.starts_with("GET /api/v3/depth?symbol="), "{request}");
        assert!(request.contains("limit=1000"), "{request}");
        count.fetch_add(1, Ordering::SeqCst);
        json(200, SNAPSHOT)
    })
    .await;
    let (btc_sender, btc) = watch::channel(None);
    let (eth_sender, eth) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let symbols = vec![symbol_top("BTCUSDT", btc_sender), symbol_top("ETHUSDT", eth_sender)];
    let books = spawn(&venue.target(), symbols, Clock::of_process(), &stopped);
    Bench { venue, books, btc, eth, snapshots, stop }
}

fn symbol_top(symbol: &str, top: watch::Sender<Option<Top>>) -> SymbolTop {
    SymbolTop { symbol: symbol.to_owned(), top, claim: None, doubt: Arc::default() }
}

fn depth(symbol: &str, first: u64, last: u64, bid: &str, qty: &str) -> String {
    let stream = symbol.to_ascii_lowercase();
    format!(
        r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{first},"u":{last},"b":[["{bid}","{qty}"]],"a":[]}}}}"#
    )
}

fn quote(symbol: &str, id: u64, bid: &str, bid_qty: &str) -> String {
    let stream = symbol.to_ascii_lowercase();
    format!(
        r#"{{"stream":"{stream}@bookTicker","data":{{"u":{id},"s":"{symbol}","b":"{bid}","B":"{bid_qty}","a":"101.00","A":"2.0"}}}}"#
    )
}

fn bid(top: Option<Top>) -> Option<(String, u64)> {
    top.map(|top| (top.bid.map_or("none".to_owned(), |level| level.price.to_string()), top.update_id))
}

/// Waits until the top's best bid and update id are these.
async fn shows(top: &mut watch::Receiver<Option<Top>>, price: &str, id: u64) -> Top {
    let wanted = Some((price.to_owned(), id));
    let result =
        timeout(PATIENCE, top.wait_for(|top| bid(*top) == wanted)).await.map(|found| found.unwrap().unwrap());
    result.unwrap_or_else(|_| panic!("want {wanted:?}, have {:?}", bid(*top.borrow())))
}

async fn withdrawn(top: &mut watch::Receiver<Option<Top>>) {
    timeout(PATIENCE, top.wait_for(Option::is_none)).await.expect("the top is withdrawn").unwrap();
}

impl Bench {
    /// Both books live on a new stream connection.
    async fn live(&mut self) -> Peer {
        let mut stream = self.venue.stream().await;
        let streams = stream.confirm_subscribe().await;
        assert_eq!(
            streams,
            ["btcusdt@bookTicker", "btcusdt@depth@100ms", "ethusdt@bookTicker", "ethusdt@depth@100ms"]
        );
        shows(&mut self.btc, "99.00", 100).await;
        shows(&mut self.eth, "99.00", 100).await;
        stream
    }
}

/// Fault B5.
#[tokio::test]
async fn tops_come_from_snapshot_diffs_and_quotes_however_the_bytes_are_cut() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    assert_eq!(bench.books.stats.live(), 2);
    for (piece, id) in [(usize::MAX, 101), (1, 103), (7, 105)] {
        stream.split_into(piece);
        stream.send(&depth("BTCUSDT", id, id, &format!("100.{id}"), "3")).await;
        shows(&mut bench.btc, &format!("100.{id}"), id).await;
        let next = format!("100.{}", id + 1);
        stream.send(&quote("BTCUSDT", id + 1, &next, "3")).await;
        let top = shows(&mut bench.btc, &next, id + 1).await;
        assert_eq!(top.ask.unwrap().price.to_string(), "101.00");
        // The quote's change comes as a diff too.
        stream.send(&depth("BTCUSDT", id + 1, id + 1, &next, "3")).await;
        stream.send(&depth("ETHUSDT", id, id + 1, "99.5", &id.to_string())).await;
        shows(&mut bench.eth, "99.5", id + 1).await;
    }
    assert_eq!((bench.books.stats.gaps(), bench.books.stats.mismatches()), (0, 0));
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    stream.ping(b"1790000000000").await;
    loop {
        if let Message::Pong(payload) = stream.next().await.expect("the client is gone") {
            assert_eq!(&payload[..], b"1790000000000");
            return;
        }
    }
}

/// Fault B1.
/// Promise P18.
#[tokio::test]
async fn a_gap_withdraws_the_top_until_another_snapshot_and_touches_no_other_book() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    let before = bench.snapshots.load(Ordering::SeqCst);
    bench.eth.mark_unchanged();
    bench.venue.answer(|_| json(200, r#"{"lastUpdateId":119,"bids":[["98.00","1"]],"asks":[]}"#));
    stream.send(&depth("BTCUSDT", 120, 121, "97", "1")).await;
    withdrawn(&mut bench.btc).await;
    shows(&mut bench.btc, "98.00", 121).await;
    assert_eq!((bench.books.stats.gaps(), bench.books.stats.resyncs(), before), (1, 1, 2));
    assert!(bench.eth.borrow().is_some() && bench.books.stats.reconnects() == 0);
}

/// Fault B2.
#[tokio::test]
async fn snapshots_that_fail_or_are_too_old_are_asked_for_again() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    let mut answers = vec![
        json(200, SNAPSHOT),
        json(500, "oops"),
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"lastUpdateId\":1".to_vec(),
        json(200, r#"{"lastUpdateId":119,"bids":[[98,1]],"asks":[]}"#),
        json(200, r#"{"lastUpdateId":121,"bids":[["98.00","1"]],"asks":[]}"#),
    ]
    .into_iter();
    bench.venue.answer(move |_| answers.next().unwrap());
    stream.send(&depth("BTCUSDT", 120, 121, "97", "1")).await;
    withdrawn(&mut bench.btc).await;
    shows(&mut bench.btc, "98.00", 121).await;
    assert_eq!(bench.books.stats.snapshot_retries(), 5);
}

#[tokio::test]
async fn a_venue_that_wants_to_be_left_alone_is() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    let clock = Clock::start();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    bench.venue.answer(move |_| {
        let mut times = times.lock().unwrap();
        times.push(clock.now().mono);
        if times.len() == 1 {
            let body = r#"{"code":-1003,"msg":"Too many requests"}"#;
            let length = body.len();
            return format!("HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes();
        }
        json(200, r#"{"lastUpdateId":121,"bids":[["98.00","1"]],"asks":[]}"#)
    });
    stream.send(&depth("BTCUSDT", 120, 121, "97", "1")).await;
    withdrawn(&mut bench.btc).await;
    shows(&mut bench.btc, "98.00", 121).await;
    let times = asked.lock().unwrap().clone();
    assert_eq!(times.len(), 2);
    assert!(times[1].since(times[0]) >= Duration::from_secs(1), "{times:?}");
}

/// Promise P18, P20.
#[tokio::test]
async fn a_message_that_cannot_be_read_costs_its_book_alone() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    bench.venue.answer(|_| json(200, r#"{"lastUpdateId":130,"bids":[["98.00","1"]],"asks":[]}"#));
    stream.send(r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","s":"BTCUSDT","U":101,"u":102,"b":[["0","1"]],"a":[]}}"#).await;
    withdrawn(&mut bench.btc).await;
    shows(&mut bench.btc, "98.00", 130).await;
    assert_eq!((bench.books.stats.frame_errors(), bench.books.stats.reconnects()), (1, 0));
    stream.send(r#"{"stream":"dogeusdt@bookTicker","data":{"u":1,"s":"DOGEUSDT","b":"1","B":"1","a":"2","A":"1"}}"#).await;
    stream.send(r#"{"stream":"btcusdt@newThing","data":{}}"#).await;
    stream.send(&depth("BTCUSDT", 131, 131, "98.5", "1")).await;
    shows(&mut bench.btc, "98.5", 131).await;
}

/// Fault B3, B4, B5.
#[tokio::test]
async fn whatever_ends_a_connection_the_next_one_starts_anew() {
    for how in ["close", "binary", "no json", "no utf8", "shutdown", "reserved", "huge", "reset"] {
        let mut bench = bench().await;
        let mut stream = bench.live().await;
        match how {
            "close" => stream.close(1001).await,
            "binary" => stream.binary().await,
            "no json" => stream.send("<html>").await,
            "no utf8" => stream.raw(&[0x81, 2, 0xc3, 0x28]).await,
            "shutdown" => stream.send(r#"{"e":"serverShutdown","E":1}"#).await,
            "reserved" => stream.raw(&[0xf1, 1, b'x']).await,
            // The head of a frame of 16 MiB is enough.
            "huge" => stream.raw(&[0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0]).await,
            "reset" => drop(stream),
            other => panic!("{other}"),
        }
        withdrawn(&mut bench.btc).await;
        withdrawn(&mut bench.eth).await;
        assert_eq!((bench.books.stats.reconnects(), bench.books.stats.live()), (1, 0), "{how}");
        bench.live().await;
    }
}

/// Fault B10.
#[tokio::test]
async fn a_refused_subscription_is_tried_again() {
    let mut bench = bench().await;
    for (refused, text) in (1..).zip([
        r#"{"code":2,"msg":"Invalid request","id":1}"#,
        r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
    ]) {
        let mut stream = bench.venue.stream().await;
        stream.next_json().await;
        stream.send(text).await;
        assert!(stream.next().await.is_none_or(|message| message.is_close()));
        assert_eq!(bench.books.stats.subscribe_errors(), refused);
    }
    bench.live().await;
}

#[tokio::test]
async fn one_question_confirms_all_quiet_books_and_two_that_disagree_cost_one() {
    let mut bench = bench().await;
    let stream = bench.live().await;
    let first = bench.btc.borrow().unwrap().confirmed;
    let mut api = bench.venue.api().await;
    let mut answer = async |bid: &str| {
        let question = api.next_json().await;
        assert_eq!(question["method"], "ticker.book");
        assert_eq!(question["params"]["symbols"], serde_json::json!(["BTCUSDT", "ETHUSDT"]));
        let top = |symbol: &str, bid: &str| {
            format!(
                r#"{{"symbol":"{symbol}","bidPrice":"{bid}","bidQty":"1","askPrice":"101","askQty":"2"}}"#
            )
        };
        let (btc, eth) = (top("BTCUSDT", bid), top("ETHUSDT", "99"));
        api.send(&format!(r#"{{"id":{},"status":200,"result":[{btc},{eth}]}}"#, question["id"])).await;
    };
    answer("99").await;
    let confirmed =
        timeout(PATIENCE, bench.btc.wait_for(|top| top.is_some_and(|top| top.confirmed != first)));
    assert!(confirmed.await.unwrap().unwrap().unwrap().confirmed.mono > first.mono);
    bench.venue.answer(|_| json(200, r#"{"lastUpdateId":140,"bids":[["98.00","1"]],"asks":[]}"#));
    answer("98").await;
    answer("98").await;
    shows(&mut bench.btc, "98.00", 140).await;
    assert_eq!((bench.books.stats.mismatches(), bench.books.stats.reconnects()), (1, 0));
    assert_eq!(bid(*bench.eth.borrow()), Some(("99.00".to_owned(), 100)));
    drop(stream);
}

#[tokio::test]
async fn a_lost_question_connection_comes_back_and_costs_no_book() {
    let mut bench = bench().await;
    let _stream = bench.live().await;
    let mut api = bench.venue.api().await;
    let question = api.next_json().await;
    api.send(&format!(
        r#"{{"id":{},"status":500,"error":{{"code":-1000,"msg":"not today"}}}}"#,
        question["id"]
    ))
    .await;
    let api = bench.venue.api().await;
    api.close(1008).await;
    bench.venue.api().await.next_json().await;
    assert!(bench.btc.borrow().is_some() && bench.books.stats.reconnects() == 0);
}

#[tokio::test]
async fn told_to_stop_it_withdraws_its_tops_and_ends() {
    let mut bench = bench().await;
    let mut stream = bench.live().await;
    bench.stop.send(true).unwrap();
    timeout(PATIENCE, bench.books.ended()).await.expect("it ends");
    assert_eq!(*bench.btc.borrow(), None);
    assert!(stream.next().await.is_none_or(|message| message.is_close()));
}

/// Fault B11.
#[tokio::test]
async fn while_no_venue_is_there_it_keeps_trying() {
    let mut bench = bench().await;
    let stream = bench.live().await;
    let Bench { venue, mut books, mut btc, stop, .. } = bench;
    drop((stream, venue));
    withdrawn(&mut btc).await;
    until("it tries a third time", || books.stats.reconnects() >= 3).await;
    stop.send(true).unwrap();
    timeout(PATIENCE, books.ended()).await.expect("it ends");
}

#[tokio::test]
async fn many_symbols_subscribe_in_frames_at_an_allowed_pace() {
    let mut venue = ScriptedVenue::start(|_| json(200, SNAPSHOT)).await;
    let (_stop, stopped) = watch::channel(false);
    let mut tops = Vec::new();
    let symbols = (0..250)
        .map(|number| {
            let (sender, top) = watch::channel(None);
            tops.push(top);
            symbol_top(&format!("S{number}USDT"), sender)
        })
        .collect();
    // Before there is a connection: its first frame may leave before this test has its turn.
    let began = tokio::time::Instant::now();
    let books = spawn(&venue.target(), symbols, Clock::of_process(), &stopped);
    let mut stream = venue.stream().await;
    let mut sizes = Vec::new();
    for _ in 0..3 {
        sizes.push(stream.confirm_subscribe().await.len());
    }
    assert_eq!(sizes, [200, 200, 100]);
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    for top in &mut tops {
        shows(top, "99.00", 100).await;
    }
    assert_eq!(books.stats.live(), 250);
}
