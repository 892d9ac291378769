//! What a gateway makes of each answer to an order and of each event, in both dialects: an answer that is not the
//! venue's clear word leaves the order in doubt, and one that contradicts what was sent is an alarm beside.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::event::{CancelFailure, OrderReport};
use pipeline::gateway::{Alone, LaneId, Link};
use pipeline::time::Nanos;
use schemas::config::Dialect;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{PositionSide, Side};
use schemas::units::{Price, Qty};
use self_trader::clock::Clock;
use self_trader::venue::binance::account::AccountKey;
use self_trader::venue::binance::gateway::{GatewayLane, GatewayParts, run};
use self_trader::venue::binance::positions::Positions;
use serde_json::{Value, json as value};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::scripted_venue::{PATIENCE, Peer, ScriptedVenue, json};

const DIALECTS: [Dialect; 2] = [Dialect::BinanceSpot, Dialect::BinanceUsdm];

fn id(sequence: u64) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("main", "BTCUSDT"), Epoch::new(1), sequence, Leg::Maker)
}

/// A gateway of one lane at a venue of that dialect, connected.
struct Desk {
    dialect: Dialect,
    api: Peer,
    /// Where events come: the order connection of Spot.
    user: Option<Peer>,
    commands: mpsc::Sender<(LaneId, Command)>,
    reports: mpsc::Receiver<OrderReport>,
    _link: watch::Receiver<Link>,
    _venue: ScriptedVenue,
}

impl Desk {
    async fn start(dialect: Dialect) -> Self {
        let mut venue = ScriptedVenue::start(|request| match request.split(['?', ' ']).nth(1) {
            Some("/fapi/v3/positionRisk") => json(200, "[]"),
            _ => json(200, r#"{"listenKey":"key"}"#),
        })
        .await;
        let (commands, receiver) = mpsc::channel(64);
        let (report_sender, reports) = mpsc::channel(64);
        let (link_sender, mut link) = watch::channel(Link::Down);
        let is_spot = dialect == Dialect::BinanceSpot;
        let parts = GatewayParts {
            bounds: Default::default(),
            journal: self_trader::journal::Journal::default(),
            target: if is_spot { venue.target() } else { venue.futures() },
            account: AccountKey::new("k", b"s"),
            recv_window_ms: 2_000,
            clock_offset_ms: Arc::new(AtomicI64::new(0)),
            limits: Vec::new(),
            sharers: 1,
            lanes: vec![GatewayLane {
                symbol: "BTCUSDT".to_owned(),
                prefix: InstrumentPrefix::new("main", "BTCUSDT"),
                price_decimals: 1,
                venue: "staging",
                follow_key: String::new(),
                reports: report_sender,
            }],
            commands: receiver,
            link: link_sender,
            positions: Positions::new(["BTCUSDT"].into_iter()),
        };
        tokio::spawn(run(parts, Alone, Clock::of_process()));
        let mut api = venue.api().await;
        let user = if is_spot {
            let subscribe = api.next_json().await;
            let answer = value!({"id": subscribe["id"], "status": 200, "result": {"subscriptionId": 0}});
            api.send(&answer.to_string()).await;
            None
        } else {
            Some(venue.user().await.1)
        };
        timeout(PATIENCE, link.wait_for(|link| *link == Link::Open)).await.expect("connected").unwrap();
        Self { dialect, api, user, commands, reports, _link: link, _venue: venue }
    }

    async fn command(&mut self, command: Command) -> Value {
        self.commands.send((LaneId(0), command)).await.unwrap();
        self.api.next_json().await["id"].clone()
    }

    /// Places an order; the request's id.
    async fn place(&mut self, sequence: u64) -> Value {
        let position_side =
            if self.dialect == Dialect::BinanceSpot { PositionSide::None } else { PositionSide::Short };
        let leg = PlaceLeg {
            id: id(sequence),
            side: Side::Sell,
            price: Price::from_steps(650_001),
            qty: Qty::from_steps(2),
            qty_decimals: 3,
            position_side,
            not_after: Nanos(u64::MAX),
            generation: pipeline::ownership::Generation::default(),
            cause: pipeline::command::Cause::default(),
        };
        self.command(Command::PlaceMaker(leg)).await
    }

    /// Sends an event about an order, with other values than those of a resting one where they are given.
    async fn event(&mut self, sequence: u64, changes: &Value) {
        let mut order = value!({"s": "BTCUSDT", "c": id(sequence).as_str(), "S": "SELL", "q": "0.002", "p": "65000.1",
            "x": "NEW", "X": "NEW", "i": 81, "l": "0", "z": "0", "L": "0", "m": false});
        let is_spot = self.dialect == Dialect::BinanceSpot;
        if is_spot {
            (order["e"], order["E"]) = (value!("executionReport"), value!(5));
        }
        for (name, change) in changes.as_object().unwrap() {
            order[name] = change.clone();
        }
        let frame = if is_spot {
            value!({"subscriptionId": 0, "event": order})
        } else {
            value!({"e": "ORDER_TRADE_UPDATE", "E": 5, "T": 5, "o": order})
        };
        self.user.as_mut().unwrap_or(&mut self.api).send(&frame.to_string()).await;
    }

    /// What is said next, up to the first word about an order.
    async fn said(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let report = timeout(PATIENCE, self.reports.recv()).await.expect("a report").unwrap();
            match report {
                OrderReport::Sent { .. } => continue,
                OrderReport::Alarm(alarm) => {
                    said.push(alarm.name().to_owned());
                    continue;
                }
                OrderReport::Update(update) => said.push(update.status.as_str().to_owned()),
                OrderReport::Rejected { code, would_match, .. } => {
                    said.push(format!("refused {code}{}", if would_match { " would match" } else { "" }));
                }
                OrderReport::Unknown { .. } => said.push("unknown".to_owned()),
                OrderReport::QueryFailed { not_found, .. } => said.push(format!("not found: {not_found}")),
                OrderReport::CancelFailed { why, .. } => said.push(format!("{why:?}")),
                other @ (OrderReport::Denied { .. }
                | OrderReport::OpenOrders(_)
                | OrderReport::ListFailed) => {
                    panic!("{other:?}")
                }
            }
            return said;
        }
    }
}

/// The answer to a place: an order that rests, with other values where they are given; `null` takes one out.
fn order(dialect: Dialect, sequence: u64, changes: &Value) -> Value {
    let mut order = value!({"symbol": "BTCUSDT", "orderId": 81, "clientOrderId": id(sequence).as_str(),
        "status": "NEW", "side": "SELL", "price": "65000.10", "origQty": "0.002", "executedQty": "0.000"});
    if dialect == Dialect::BinanceUsdm {
        order["positionSide"] = value!("SHORT");
    }
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            order.as_object_mut().unwrap().remove(name);
        } else {
            order[name] = change.clone();
        }
    }
    order
}

fn recorded() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

fn faults(recorder: &PrometheusRecorder, code: &str) -> u64 {
    let page = recorder.handle().render();
    let name = format!("st_order_faults_total{{code=\"{code}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(name.as_str())).map_or(0, |count| count.parse().unwrap())
}

/// What is changed of a good answer, what is said of the order then, and the fault that is counted.
const ANSWERS: &[(&str, &[&str], &str)] = &[
    (r#"{}"#, &["NEW"], ""),
    (r#"{"status": "FILLED", "executedQty": "0.002"}"#, &["FILLED"], ""),
    (r#"{"status": "PENDING_NEW"}"#, &["OTHER"], "ORD-006"),
    (r#"{"orderId": 0}"#, &["unknown"], "ORD-004"),
    (r#"{"orderId": -1}"#, &["unknown"], "ORD-004"),
    (r#"{"orderId": "81"}"#, &["unknown"], "ORD-004"),
    (r#"{"orderId": 9223372036854775808}"#, &["unknown"], "ORD-004"),
    (r#"{"orderId": null}"#, &["unknown"], "ORD-004"),
    (r#"{"status": null}"#, &["unknown"], "ORD-004"),
    (r#"{"status": 7}"#, &["unknown"], "ORD-004"),
    (r#"{"executedQty": "abc"}"#, &["unknown"], "ORD-004"),
    (r#"{"executedQty": null}"#, &["unknown"], "ORD-004"),
    (r#"{"symbol": "ETHUSDT"}"#, &["mismatch", "unknown"], "ORD-005"),
    (r#"{"clientOrderId": "web_1"}"#, &["mismatch", "unknown"], "ORD-005"),
    (r#"{"side": "BUY"}"#, &["mismatch", "unknown"], "ORD-005"),
    (r#"{"price": "65000.2"}"#, &["mismatch", "unknown"], "ORD-005"),
    (r#"{"origQty": "0.003"}"#, &["mismatch", "unknown"], "ORD-005"),
    (r#"{"executedQty": "0.003"}"#, &["impossible_fill", "unknown"], "ORD-007"),
    (r#"{"executedQty": "-0.001"}"#, &["impossible_fill", "unknown"], "ORD-007"),
    (r#"{"cummulativeQuoteQty": "1"}"#, &["impossible_fill", "unknown"], "ORD-007"),
];

/// Fault O19, O20. Promise P14.
#[tokio::test]
async fn answers_to_a_place() {
    for dialect in DIALECTS {
        let recorder = recorded();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let mut desk = Desk::start(dialect).await;
        for (sequence, (changes, want, code)) in (1..).zip(ANSWERS) {
            let before = faults(&recorder, code);
            let request = desk.place(sequence).await;
            let result = order(dialect, sequence, &serde_json::from_str(changes).unwrap());
            desk.api.send(&value!({"id": request, "status": 200, "result": result}).to_string()).await;
            assert_eq!(desk.said().await, *want, "{dialect:?} {changes}");
            assert_eq!(
                faults(&recorder, code),
                before + u64::from(!code.is_empty()),
                "{dialect:?} {changes}"
            );
        }
    }
}

/// Answers without an order in them.
const SHAPES: &[(&str, &[&str])] = &[
    (r#"{"status": 200}"#, &["unknown"]),
    (r#"{"status": 200, "result": null}"#, &["unknown"]),
    (r#"{"status": 200, "result": {}}"#, &["unknown"]),
    (r#"{"status": 200, "result": []}"#, &["unknown"]),
    (r#"{"status": 200, "result": "<html>"}"#, &["unknown"]),
    (r#"{"status": 200, "error": {"code": -1000, "msg": "within a good answer"}}"#, &["unknown"]),
    (r#"{"status": 204}"#, &["unknown"]),
    (r#"{"status": 302}"#, &["unknown"]),
    (r#"{"status": 403, "error": "<html>the firewall's own page</html>"}"#, &["unknown"]),
    (r#"{"status": 403, "error": {}}"#, &["unknown"]),
    (r#"{"status": 400, "error": {"code": 0, "msg": ""}}"#, &["unknown"]),
    (r#"{"status": 400, "error": {"code": "-1007", "msg": "a code as text"}}"#, &["unknown"]),
    (r#"{"status": 400, "error": {"code": "-1013", "msg": "a code as text"}}"#, &["refused -1013"]),
    (r#"{"status": 400, "error": {"code": -999999, "msg": "nobody knows this code"}}"#, &["unknown"]),
    (r#"{"status": 400, "error": {"code": -1006, "msg": "execution status unknown"}}"#, &["unknown"]),
    (r#"{"status": 408, "error": {"code": -1007, "msg": "timeout"}}"#, &["unknown"]),
    (r#"{"status": 500, "error": {"code": -1000, "msg": "unknown error"}}"#, &["unknown"]),
    (r#"{"status": 503, "error": {"code": -1001, "msg": "Unknown error, please check"}}"#, &["unknown"]),
    (r#"{"status": 503, "error": {}}"#, &["unknown"]),
    (r#"{"status": 400, "error": {"code": -2013, "msg": "Order does not exist."}}"#, &["unknown"]),
    (r#"{"status": 400, "error": {"code": -2011, "msg": "Unknown order sent."}}"#, &["unknown"]),
    (r#"{"status": 503, "error": {"code": -1008, "msg": "throttled"}}"#, &["refused -1008"]),
    (r#"{"status": 400, "error": {"code": -1013, "msg": "Filter failure"}}"#, &["refused -1013"]),
    (r#"{"status": 400, "error": {"code": -1021, "msg": "Timestamp"}}"#, &["refused -1021"]),
];

/// What only one dialect says so.
fn own_shapes(dialect: Dialect) -> &'static [(&'static str, &'static [&'static str])] {
    const SPOT: &[(&str, &[&str])] = &[
        (
            r#"{"status": 400, "error": {"code": -2010, "msg": "Order would immediately match and take."}}"#,
            &["refused -2010 would match"],
        ),
        (
            r#"{"status": 400, "error": {"code": -2010, "msg": "Account has insufficient balance for requested action."}}"#,
            &["refused -2010"],
        ),
        (r#"{"status": 400, "error": {"code": -2010, "msg": "Duplicate order sent."}}"#, &["unknown"]),
    ];
    const USDM: &[(&str, &[&str])] = &[
        (r#"{"status": 400, "error": {"code": -5022, "msg": "post only"}}"#, &["refused -5022 would match"]),
        (
            r#"{"status": 400, "error": {"code": -2019, "msg": "Margin is insufficient."}}"#,
            &["refused -2019"],
        ),
        (r#"{"status": 400, "error": {"code": -4116, "msg": "ClientOrderId is duplicated."}}"#, &["unknown"]),
        (r#"{"status": 503, "error": {"code": -1, "msg": "Service Unavailable."}}"#, &["refused -1"]),
    ];
    match dialect {
        Dialect::BinanceUsdm => USDM,
        Dialect::BinanceSpot | Dialect::Okx => SPOT,
    }
}

/// Fault O5, O6, O7, O19, O20, O21. Promise P14.
#[tokio::test]
async fn answers_without_an_order_in_them() {
    for dialect in DIALECTS {
        let mut desk = Desk::start(dialect).await;
        for (sequence, (shape, want)) in (1..).zip(SHAPES.iter().chain(own_shapes(dialect))) {
            let mut answer: Value = serde_json::from_str(shape).unwrap();
            answer["id"] = desk.place(sequence).await;
            desk.api.send(&answer.to_string()).await;
            assert_eq!(desk.said().await, *want, "{dialect:?} {shape}");
        }
    }
}

/// Answers are matched by their id alone: one without it, or with another, answers nothing; one that comes twice is taken
/// for what it states.
/// Fault O3.
#[tokio::test]
async fn answers_that_nobody_waits_for() {
    for dialect in DIALECTS {
        let recorder = recorded();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let mut desk = Desk::start(dialect).await;
        let request = desk.place(1).await;
        let result = order(dialect, 1, &value!({}));
        for wrong in
            [value!(null), value!("abc"), value!(-1), value!(1.5), value!({"id": request}), value!(77_777)]
        {
            let answer = value!({"id": wrong, "status": 400, "error": {"code": -2010, "msg": "not ours"}});
            desk.api.send(&answer.to_string()).await;
        }
        let right = value!({"id": request, "status": 200, "result": result}).to_string();
        for _ in 0..2 {
            desk.api.send(&right).await;
            assert_eq!(desk.said().await, ["NEW"], "{dialect:?}");
        }
        assert_eq!(faults(&recorder, "ORD-011"), 7, "{dialect:?}");
    }
}

/// Frames that are no answers, and events that are none of ours; what comes after them is read.
#[tokio::test]
async fn what_says_nothing_of_an_order_of_ours() {
    for dialect in DIALECTS {
        let recorder = recorded();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let mut desk = Desk::start(dialect).await;
        for frame in ["", "<html>", "[]", "7", "{\"id\":", "{}", r#"{"id":1}"#, "\u{feff}{}"] {
            desk.api.send(frame).await;
        }
        for (name, client_id) in [("c", "web_1"), ("c", "stfoo"), ("c", "")] {
            desk.event(1, &value!({name: client_id})).await;
        }
        let user = desk.user.as_mut().unwrap_or(&mut desk.api);
        let strange = value!({"e": "somethingNew", "E": 1});
        let frame = if dialect == Dialect::BinanceSpot {
            value!({"subscriptionId": 0, "event": strange})
        } else {
            strange
        };
        user.send(&frame.to_string()).await;
        desk.event(1, &value!({})).await;
        assert_eq!(desk.said().await, ["NEW"], "{dialect:?}");
        let page = recorder.handle().render();
        assert!(page.contains("st_user_events_ignored_total 1\n"), "{dialect:?}: {page}");
    }
}

/// What is changed of a good event, and what is said of the order then.
const EVENTS: &[(&str, &[&str])] = &[
    (r#"{}"#, &["NEW"]),
    (r#"{"X": "PENDING_NEW"}"#, &["OTHER"]),
    (r#"{"s": "ETHUSDT"}"#, &["mismatch"]),
    (r#"{"z": "0.003"}"#, &["impossible_fill"]),
    (r#"{"z": "-0.001"}"#, &["impossible_fill"]),
    (r#"{"l": "0.001"}"#, &["impossible_fill"]),
    // Nothing that could be read: what comes next is.
    (r#"{"i": 0}"#, &[]),
    (r#"{"i": "81"}"#, &[]),
    (r#"{"z": "abc"}"#, &[]),
];

/// Fault O15.
#[tokio::test]
async fn events_about_an_order() {
    for dialect in DIALECTS {
        let mut desk = Desk::start(dialect).await;
        for (sequence, (changes, want)) in (1..).zip(EVENTS) {
            let changes: Value = serde_json::from_str(changes).unwrap();
            desk.event(sequence, &changes).await;
            desk.event(sequence, &value!({"X": "CANCELED"})).await;
            let mut said = desk.said().await;
            if said.last().is_some_and(|last| last != "CANCELED") {
                assert_eq!(desk.said().await, ["CANCELED"], "{dialect:?} {changes}");
            } else {
                said.pop();
            }
            assert_eq!(said, *want, "{dialect:?} {changes}");
        }
    }
}

/// What a cancel and a question are answered with.
/// Fault O13. Promise P14.
#[tokio::test]
async fn answers_to_cancels_and_questions() {
    let no_answer = format!("{:?}", CancelFailure::NoAnswer);
    let unknown_order = format!("{:?}", CancelFailure::UnknownOrder);
    let cases: &[(&str, [&[&str]; 2])] = &[
        (
            r#"{"status": 200, "result": {"symbol": "ETHUSDT"}}"#,
            [&["mismatch", &no_answer], &["mismatch", "not found: false"]],
        ),
        (r#"{"status": 200, "result": {"clientOrderId": "web_1"}}"#, [&[&no_answer], &["not found: false"]]),
        (
            r#"{"status": 200, "result": {"executedQty": "9"}}"#,
            [&["impossible_fill", &no_answer], &["impossible_fill", "not found: false"]],
        ),
        (r#"{"status": 200, "result": {"status": "WHO_KNOWS"}}"#, [&["OTHER"], &["OTHER"]]),
        (r#"{"status": 200, "result": {"status": "CANCELED"}}"#, [&["CANCELED"], &["CANCELED"]]),
        (
            r#"{"status": 400, "error": {"code": -2011, "msg": "Unknown order sent."}}"#,
            [&[&unknown_order], &["not found: true"]],
        ),
        (
            r#"{"status": 400, "error": {"code": -2013, "msg": "Order does not exist."}}"#,
            [&[&unknown_order], &["not found: true"]],
        ),
        (r#"{"status": 404, "error": "<html>"}"#, [&[&no_answer], &["not found: false"]]),
        (r#"{"status": 503, "error": {"code": -1000, "msg": ""}}"#, [&[&no_answer], &["not found: false"]]),
    ];
    for dialect in DIALECTS {
        let mut desk = Desk::start(dialect).await;
        for (answer, want) in cases {
            let handle = OrderHandle { id: id(1), venue_id: Some(81) };
            for (command, want) in [Command::Cancel(handle), Command::Query(handle)].into_iter().zip(want) {
                let mut answer: Value = serde_json::from_str(answer).unwrap();
                if answer["result"].is_object() {
                    answer["result"] = order(dialect, 1, &answer["result"]);
                }
                answer["id"] = desk.command(command).await;
                desk.api.send(&answer.to_string()).await;
                assert_eq!(desk.said().await, *want, "{dialect:?} {command:?} {answer}");
            }
        }
    }
}
