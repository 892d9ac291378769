//! The USD-M client against a venue that does what it is told: user stream, lists by REST, start checks, book.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scripted_venue::{PATIENCE, Peer, ScriptedVenue, json};
use pipeline::book::Top;
use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::event::{Denial, OpenOrder, OrderReport};
use pipeline::gateway::{Alone, LaneId, Link};
use pipeline::time::Nanos;
use schemas::config::{Config, Fault};
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::units::{Price, Qty};
use self_trader::app::{self, RunOptions, StartError};
use self_trader::book::{SymbolTop, spawn};
use self_trader::clock::{Clock, wall_ms};
use self_trader::config::credentials_from;
use self_trader::venue::binance::account::AccountKey;
use self_trader::venue::binance::gateway::{GatewayLane, GatewayParts, run};
use self_trader::venue::binance::positions::Positions;
use serde_json::{Value, json as value};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::until;

fn prefix() -> InstrumentPrefix {
    InstrumentPrefix::new("main", "BTCUSDT")
}

fn id(sequence: u64) -> ClientOrderId {
    ClientOrderId::new(prefix(), Epoch::new(1), sequence, Leg::Maker)
}

fn place(sequence: u64) -> Command {
    Command::PlaceMaker(PlaceLeg {
        id: id(sequence),
        side: Side::Sell,
        price: Price::from_steps(650_001),
        qty: Qty::from_steps(2),
        qty_decimals: 3,
        position_side: PositionSide::Short,
        not_after: Nanos(u64::MAX),
        generation: pipeline::ownership::Generation::default(),
        cause: pipeline::command::Cause::default(),
    })
}

/// A gateway of one lane, and the venue that it talks to.
struct Desk {
    venue: ScriptedVenue,
    commands: mpsc::Sender<(LaneId, Command)>,
    reports: mpsc::Receiver<OrderReport>,
    link: watch::Receiver<Link>,
    positions: Positions,
    /// REST requests that came, first lines.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    async fn start() -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let venue = ScriptedVenue::start(move |request| {
            let line = request.lines().next().unwrap().to_owned();
            let mut seen = seen.lock().unwrap();
            seen.push(line.clone());
            let keys = seen.iter().filter(|line| line.starts_with("POST /fapi/v1/listenKey")).count();
            match line.split(['?', ' ']).nth(1).unwrap() {
                "/fapi/v1/listenKey" => json(200, &format!(r#"{{"listenKey":"key{keys}"}}"#)),
                "/fapi/v3/positionRisk" => json(
                    200,
                    r#"[{"symbol":"BTCUSDT","positionSide":"LONG","positionAmt":"0.5"},{"symbol":"X","positionSide":"BOTH","positionAmt":"1"}]"#,
                ),
                "/fapi/v1/openOrders" => json(200, &open_orders()),
                other => panic!("{other}"),
            }
        })
        .await;
        let (commands, receiver) = mpsc::channel(64);
        let (report_sender, reports) = mpsc::channel(64);
        let (link_sender, link) = watch::channel(Link::Down);
        let positions = Positions::new(["BTCUSDT"].into_iter());
        let parts = GatewayParts {
            journal: self_trader::journal::Journal::default(),
            target: venue.futures(),
            account: AccountKey::new("k", b"s"),
            recv_window_ms: 2_000,
            clock_offset_ms: Arc::new(AtomicI64::new(0)),
            limits: Vec::new(),
            sharers: 1,
            lanes: vec![GatewayLane {
                symbol: "BTCUSDT".to_owned(),
                prefix: prefix(),
                price_decimals: 1,
                venue: "staging",
                follow_key: String::new(),
                reports: report_sender,
            }],
            commands: receiver,
            link: link_sender,
            positions: positions.clone(),
            bounds: Default::default(),
        };
        tokio::spawn(run(parts, Alone, Clock::of_process()));
        Self { venue, commands, reports, link, positions, asked }
    }

    async fn shows(&mut self, link: Link) {
        let shown = timeout(PATIENCE, self.link.wait_for(|shown| *shown == link)).await.map(drop);
        shown.unwrap_or_else(|_| panic!("want {link:?}, have {:?}", *self.link.borrow()));
    }

    async fn command(&self, command: Command) {
        self.commands.send((LaneId(0), command)).await.unwrap();
    }

    /// The next report that is not about bytes.
    async fn report(&mut self) -> OrderReport {
        loop {
            let report = timeout(PATIENCE, self.reports.recv()).await.expect("a report").unwrap();
            if !matches!(report, OrderReport::Sent { .. }) {
                return report;
            }
        }
    }
}

fn open_orders() -> String {
    let order = |client_id: &str, order_id: u64| {
        value!({"symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": client_id, "status": "NEW",
            "side": "SELL", "price": "65000.1", "origQty": "0.002", "executedQty": "0.000"})
    };
    Value::Array(vec![order(id(7).as_str(), 71), order("web_1", 72)]).to_string()
}

fn event(sequence: u64, status: &str) -> String {
    value!({"e": "ORDER_TRADE_UPDATE", "E": 5, "T": 5, "o": {"s": "BTCUSDT", "c": id(sequence).as_str(),
        "S": "SELL", "q": "0.002", "p": "65000.1", "x": status, "X": status, "i": 81, "l": "0", "z": "0",
        "L": "0", "t": 0, "m": false, "ps": "SHORT"}})
    .to_string()
}

async fn method(api: &mut Peer) -> (String, Value) {
    let frame = api.next_json().await;
    (frame["method"].as_str().unwrap().to_owned(), frame["params"].clone())
}

#[tokio::test]
async fn no_order_leaves_before_the_user_stream_is_up_and_none_while_it_is_down() {
    let mut desk = Desk::start().await;
    let mut api = desk.venue.api().await;
    let (path, mut user) = desk.venue.user().await;
    assert_eq!(path, "/private/ws?listenKey=key1");
    desk.shows(Link::Open).await;
    desk.command(place(1)).await;
    let (name, params) = method(&mut api).await;
    assert_eq!((name.as_str(), &params["timeInForce"]), ("order.place", &value!("GTX")));
    assert_eq!((&params["quantity"], &params["positionSide"]), (&value!("0.002"), &value!("SHORT")));
    user.send(&event(1, "NEW")).await;
    assert!(matches!(desk.report().await, OrderReport::Update(update) if update.status == OrderStatus::New));

    user.close(1001).await;
    desk.shows(Link::Deaf).await;
    desk.command(place(2)).await;
    assert_eq!(desk.report().await, OrderReport::Denied { id: id(2), why: Denial::Disconnected });
    desk.command(Command::Cancel(OrderHandle { id: id(1), venue_id: Some(81) })).await;
    assert_eq!(method(&mut api).await.0, "order.cancel", "cancels go on");

    let (path, mut user) = desk.venue.user().await;
    assert_eq!(path, "/private/ws?listenKey=key2");
    desk.shows(Link::Open).await;
    user.send(&event(1, "CANCELED")).await;
    let ended = desk.report().await;
    assert!(matches!(ended, OrderReport::Update(update) if update.status == OrderStatus::Canceled));
}

/// Fault O16.
#[tokio::test]
async fn a_stream_that_says_nothing_of_an_order_that_was_taken_is_given_up() {
    let mut desk = Desk::start().await;
    let mut api = desk.venue.api().await;
    let (_, _mute) = desk.venue.user().await;
    desk.shows(Link::Open).await;
    desk.command(place(1)).await;
    let frame = api.next_json().await;
    let order = value!({"symbol": "BTCUSDT", "orderId": 81, "clientOrderId": id(1).as_str(), "status": "NEW",
        "side": "SELL", "positionSide": "SHORT", "price": "65000.1", "origQty": "0.002", "executedQty": "0.000"});
    api.send(&value!({"id": frame["id"], "status": 200, "result": order}).to_string()).await;
    assert!(matches!(desk.report().await, OrderReport::Update(update) if update.status == OrderStatus::New));
    let (path, _user) = desk.venue.user().await;
    assert_eq!(path, "/private/ws?listenKey=key2");
}

/// Fault O16.
#[tokio::test]
async fn a_key_that_expired_is_replaced() {
    let mut desk = Desk::start().await;
    let _api = desk.venue.api().await;
    let (_, mut user) = desk.venue.user().await;
    desk.shows(Link::Open).await;
    user.send(r#"{"e":"listenKeyExpired","E":1,"listenKey":"key1"}"#).await;
    let (path, _user) = desk.venue.user().await;
    assert_eq!(path, "/private/ws?listenKey=key2");
    desk.shows(Link::Open).await;
}

/// Fault O23.
#[tokio::test]
async fn open_orders_are_listed_by_rest_and_only_ours_count() {
    let mut desk = Desk::start().await;
    let _api = desk.venue.api().await;
    let _user = desk.venue.user().await;
    desk.shows(Link::Open).await;
    desk.command(Command::ListOpen).await;
    assert_eq!(desk.report().await, OrderReport::OpenOrders(vec![OpenOrder { id: id(7), venue_id: 71 }]));
    let asked = desk.asked.lock().unwrap().clone();
    let list = asked.iter().find(|line| line.contains("openOrders")).unwrap();
    assert!(list.starts_with("GET /fapi/v1/openOrders?symbol=BTCUSDT&") && list.contains("signature="));

    desk.venue.answer(|_| json(400, r#"{"code":-1021,"msg":"Timestamp"}"#));
    desk.command(Command::ListOpen).await;
    assert_eq!(desk.report().await, OrderReport::ListFailed);
}

fn slow_down(seconds: u64) -> Vec<u8> {
    let body = r#"{"code":-1003,"msg":"Too many requests"}"#;
    let length = body.len();
    format!("HTTP/1.1 429 X\r\nRetry-After: {seconds}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_limit_that_a_list_meets_holds_the_orders_for_as_long_as_it_says() {
    let mut desk = Desk::start().await;
    let mut api = desk.venue.api().await;
    let _user = desk.venue.user().await;
    desk.shows(Link::Open).await;
    desk.venue.answer(|_| slow_down(2));
    desk.command(Command::ListOpen).await;
    let clock = Clock::start();
    let began = clock.now().mono;
    assert_eq!(desk.report().await, OrderReport::ListFailed);
    desk.command(Command::Query(OrderHandle { id: id(1), venue_id: None })).await;
    assert_eq!(method(&mut api).await.0, "order.status", "not after a minute: the venue named a time");
    let waited = clock.now().mono.since(began);
    assert!(waited >= Duration::from_millis(1_900), "{waited:?} in spite of Retry-After");
}

/// Fault O18. Promise P7.
#[tokio::test]
async fn banned_neither_orders_nor_the_user_stream_reach_the_venue_until_the_ban_ends() {
    let mut desk = Desk::start().await;
    let mut api = desk.venue.api().await;
    let (_, user) = desk.venue.user().await;
    desk.shows(Link::Open).await;
    let asked = Arc::new(AtomicI64::new(0));
    let seen = Arc::clone(&asked);
    desk.venue.answer(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        b"HTTP/1.1 418 X\r\nRetry-After: 3\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_vec()
    });
    let clock = Clock::start();
    let began = clock.now().mono;
    desk.command(Command::ListOpen).await;
    assert_eq!(desk.report().await, OrderReport::ListFailed);
    user.close(1001).await;
    for sequence in 1..20 {
        let handle = OrderHandle { id: id(sequence), venue_id: None };
        desk.command(Command::Cancel(handle)).await;
        desk.command(Command::Query(handle)).await;
    }
    let quiet = Duration::from_millis(2_800).saturating_sub(clock.now().mono.since(began));
    assert!(timeout(quiet, api.next_json()).await.is_err(), "a request left during the ban");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "requests by REST during the ban");
    // Then they go on, one ahead of the others.
    tokio::select! {
        _ = api.next_json() => {}
        () = until("it asks again", || asked.load(Ordering::Relaxed) > 1) => {}
    }
}

#[tokio::test]
async fn a_limit_that_the_listen_key_meets_holds_the_orders_too() {
    let mut desk = Desk::start().await;
    let mut api = desk.venue.api().await;
    let (_, user) = desk.venue.user().await;
    desk.shows(Link::Open).await;
    let refused = Arc::new(AtomicI64::new(0));
    let seen = Arc::clone(&refused);
    desk.venue.answer(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        slow_down(30)
    });
    user.close(1001).await;
    until("one is refused", || refused.load(Ordering::Relaxed) > 0).await;
    // The refusal is on its way to the gateway: the first cancels may still leave.
    let mut held = false;
    for sequence in 1..100 {
        desk.command(Command::Cancel(OrderHandle { id: id(sequence), venue_id: None })).await;
        held = timeout(Duration::from_millis(300), api.next_json()).await.is_err();
        if held {
            break;
        }
    }
    assert!(held, "everything that leaves this address counts towards a ban");
}

#[tokio::test]
async fn positions_are_asked_for_and_then_told() {
    let mut desk = Desk::start().await;
    let _api = desk.venue.api().await;
    let (_, mut user) = desk.venue.user().await;
    desk.shows(Link::Open).await;
    let shown = |desk: &Desk| {
        let all = desk.positions.of("BTCUSDT")?;
        Some(all.iter().map(|(side, amount)| format!("{} {amount}", side.as_str())).collect::<Vec<_>>())
    };
    until("it is shown", || shown(&desk) == Some(vec!["LONG 0.5".to_owned()])).await;
    assert_eq!(desk.positions.of("X"), None, "no instrument of ours");
    user.send(r#"{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","B":[],"P":[{"s":"BTCUSDT","pa":"-0.002","ps":"SHORT"}]}}"#).await;
    until("both are shown", || shown(&desk) == Some(vec!["LONG 0.5".to_owned(), "SHORT -0.002".to_owned()]))
        .await;
}

const INFO: &str = r#"{"rateLimits":[],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.10"},{"filterType":"LOT_SIZE","stepSize":"0.002","minQty":"0.002"},{"filterType":"MIN_NOTIONAL","notional":"100"}]}]}"#;

/// The faults of a start against a venue whose account is in that mode and that takes NONE or not; what it was
/// asked, without the queries.
async fn faults(hedge: bool, takes_none: bool, position_side: &str) -> (Vec<String>, Vec<String>) {
    faults_of_busy(hedge, takes_none, position_side, Vec::new()).await
}

/// [`faults`] of a venue that answers the first orders that it is to check, and the first leverages, with these.
async fn faults_of_busy(
    hedge: bool,
    takes_none: bool,
    position_side: &str,
    refusals: Vec<Vec<u8>>,
) -> (Vec<String>, Vec<String>) {
    let mut refusals = VecDeque::from(refusals);
    let mut priced_ms = 0;
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let venue = ScriptedVenue::start(move |request| {
        let line = request.lines().next().unwrap();
        let words: Vec<&str> = line.split(['?', ' ']).collect();
        seen.lock().unwrap().push(format!("{} {}", words[0], words[1]));
        match words[1] {
            "/fapi/v1/time" => json(200, &format!(r#"{{"serverTime":{}}}"#, wall_ms())),
            "/fapi/v1/accountConfig" => {
                json(200, &format!(r#"{{"canTrade":true,"dualSidePosition":{hedge}}}"#))
            }
            "/fapi/v1/exchangeInfo" => json(200, INFO),
            "/fapi/v1/premiumIndex" => {
                // A venue that is far away: what was stamped before the question is older than the answer.
                let arrived_ms = wall_ms();
                while priced_ms < arrived_ms + 5 {
                    std::thread::yield_now();
                    priced_ms = wall_ms();
                }
                json(200, r#"{"symbol":"BTCUSDT","markPrice":"65000.17"}"#)
            }
            "/fapi/v1/order/test" | "/fapi/v1/leverage" if !refusals.is_empty() => {
                refusals.pop_front().unwrap()
            }
            "/fapi/v1/order/test" => {
                let stamp = line.split("timestamp=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
                if stamp.parse::<i64>().unwrap() < priced_ms {
                    return json(400, r#"{"code":-1021,"msg":"Timestamp"}"#);
                }
                assert!(line.contains("quantity=0.002&price=65000.1&"), "{line}");
                let refused = line.contains("selfTradePreventionMode=NONE") && !takes_none;
                let msg = r#"{"code":-4096,"msg":"Dear user, this feature is not available."}"#;
                if refused { json(400, msg) } else { json(200, "{}") }
            }
            "/fapi/v1/leverage" => json(200, "{}"),
            other => panic!("{other}"),
        }
    })
    .await;
    let entry = format!(
        r#"{{
            "Maker Exchange": "staging", "Dialect": "binance_usdm", "Address": "{}",
            "API KEY": "k", "Secret": "s", "Follow Exchange": "binance", "Follow Symbol": "BTCUSDT",
            "Maker Symbol": "BTCUSDT", "Term type": "FUTURE", "Price Decimals": 1, "Qty Decimals": 3,
            "Position Side": "{position_side}", "Contract Size": 0.003, "Leverage": 2,
            "Interval": 0, "Qty Multiplier": 1, "Price Divergence": 0.05, "Max Amt Per Order": 1000
        }}"#,
        venue.address
    );
    let mut config = Config::parse(entry.as_bytes()).unwrap();
    config.process.feed = Some("synthetic:1".parse().unwrap());
    let credentials = credentials_from(&config, |_| None).unwrap();
    let faults = match app::run(config, credentials, RunOptions::default(), |_| {}).await {
        Err(StartError::Config(faults)) => faults.iter().map(Fault::to_string).collect(),
        other => panic!("{other:?}"),
    };
    let asked = asked.lock().unwrap().clone();
    (faults, asked)
}

const STEP: &str = "CFG-009 /Contract Size: no multiple of the venue's step for BTCUSDT (got 0.003, want a multiple of 0.002)";

#[tokio::test]
async fn what_keeps_a_future_from_trading_is_said_with_what_to_do() {
    let (faults_of_mode, asked) = faults(false, true, "").await;
    let mode = "CFG-009 /Position Side: the account is in one-way mode (got \"\", want \"BOTH\"; or switch the account to hedge mode while nothing is open)";
    assert_eq!(faults_of_mode, [STEP, mode]);
    assert!(
        !asked.iter().any(|line| line.contains("positionSide")),
        "the mode of others is not ours: {asked:?}"
    );
    assert!(asked.contains(&"POST /fapi/v1/leverage".to_owned()));

    let (faults_of_mode, _) = faults(true, true, "BOTH").await;
    let mode = "CFG-009 /Position Side: the account is in hedge mode (got \"BOTH\", want \"\"; or switch the account to one-way mode while nothing is open)";
    assert_eq!(faults_of_mode, [STEP, mode]);

    let (faults_of_stp, _) = faults(true, false, "").await;
    let stp = "CFG-009 /Maker Symbol: self-trade prevention stands in the way: BTCUSDT refuses orders with NONE; the venue's operator, or the embedded venue, can allow it";
    assert_eq!(faults_of_stp, [STEP, stp]);
}

#[tokio::test]
async fn what_waiting_mends_says_nothing_of_self_trade_prevention() {
    let busy = || json(503, r#"{"code":-1008,"msg":"Server is currently overloaded"}"#);
    let clock = || json(400, r#"{"code":-1021,"msg":"Timestamp"}"#);
    let (faults, asked) = faults_of_busy(true, false, "", vec![busy(), clock()]).await;
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[1].contains("BTCUSDT refuses orders with NONE"), "{faults:?}");
    let tests = asked.iter().filter(|line| line.contains("order/test")).count();
    assert_eq!(tests, 4, "each of the two was one try of its own: {asked:?}");
}

#[tokio::test]
async fn the_book_follows_the_chain_on_the_public_path() {
    let mut venue = ScriptedVenue::start(|request| {
        assert!(request.starts_with("GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000"), "{request}");
        json(200, r#"{"lastUpdateId":100,"E":1,"T":1,"bids":[["99.0","1"]],"asks":[["101.0","2"]]}"#)
    })
    .await;
    let (sender, mut top) = watch::channel(None);
    let (_stop, stopped) = watch::channel(false);
    let symbol = SymbolTop { symbol: "BTCUSDT".to_owned(), top: sender, claim: None, doubt: Arc::default() };
    let books = spawn(&venue.futures(), vec![symbol], Clock::of_process(), &stopped);
    let mut stream = venue.stream().await;
    stream.confirm_subscribe().await;
    shows(&mut top, 100).await;
    let diff = |previous: u64, first: u64, last: u64| {
        format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},"b":[["99.5","3"]],"a":[]}}}}"#
        )
    };
    stream.send(&diff(90, 95, 105)).await;
    shows(&mut top, 105).await;
    stream.send(&diff(105, 150, 160)).await;
    shows(&mut top, 160).await;
    stream.send(&diff(170, 171, 180)).await;
    timeout(PATIENCE, top.wait_for(Option::is_none)).await.expect("a gap withdraws the top").unwrap();
    assert_eq!(books.stats.gaps(), 1);
    let mut api = venue.api().await;
    let (name, params) = method(&mut api).await;
    assert_eq!((name.as_str(), &params["symbol"]), ("ticker.book", &value!("BTCUSDT")));
}

async fn shows(top: &mut watch::Receiver<Option<Top>>, id: u64) {
    let shown = timeout(PATIENCE, top.wait_for(|top| top.is_some_and(|top| top.update_id == id))).await;
    shown.expect("the update is shown").unwrap();
}
