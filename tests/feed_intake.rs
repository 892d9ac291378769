//! Counting, deduplicating and routing; and that the hot way allocates nothing.

use std::sync::Arc;
use std::time::Duration;

use pipeline::event::FeedTick;
use pipeline::time::Now;
use proptest::prelude::*;
use schemas::order::Side;
use schemas::tick::Tick;
use schemas::units::Decimal;
use self_trader::feed::{FeedCounters, Intake, Key, Outcome, Route};
use tokio::sync::mpsc;

fn route(symbol: &str, lanes: Vec<mpsc::Sender<FeedTick>>) -> Route {
    Route {
        follow_key: format!("binance_ticker_{symbol}"),
        follow_symbol: symbol.to_owned(),
        poll: Duration::from_secs(1),
        lanes,
        holds: Vec::new(),
    }
}

#[test]
fn a_message_becomes_the_tick_that_it_says() {
    let (sender, mut lane) = mpsc::channel(4);
    let mut intake = Intake::new(vec![route("BTCUSDT", vec![sender])], Arc::default());
    let received = Now::default().after(Duration::from_millis(5));
    let payload =
        br#"{"price":"64000.10","qty":0.50,"side":"Sell","time":1700000000123,"id":7,"symbol":"BTCUSDT"}"#;
    assert_eq!(intake.handle(Key::Symbol("BTCUSDT"), payload, received), Outcome::Tick);
    let FeedTick { tick, received: at, .. } = lane.try_recv().unwrap();
    assert_eq!(at, received);
    assert_eq!(tick.price, Some(Decimal::new(6_400_010, 2)));
    assert_eq!(tick.qty, Some(Decimal::new(5, 1)));
    assert_eq!((tick.side, tick.time_ms), (Some(Side::Sell), Some(1_700_000_000_123)));
    assert_eq!(tick.id.unwrap().as_str(), "7");
}

#[test]
fn each_lane_counts_for_itself() {
    let counters = Arc::new(FeedCounters::default());
    let (wide, mut wide_lane) = mpsc::channel(8);
    let (narrow, mut narrow_lane) = mpsc::channel(1);
    let (gone, _) = mpsc::channel(8);
    let mut intake = Intake::new(vec![route("BTCUSDT", vec![wide, narrow, gone])], counters.clone());
    let mut handle = |payload: &str| {
        intake.handle(Key::Channel("binance_ticker_BTCUSDT"), payload.as_bytes(), Now::default())
    };
    assert_eq!(handle(r#"{"price":"1","qty":"1","id":"1"}"#), Outcome::Tick);
    assert_eq!(handle(r#"{"price":"1","qty":"1","id":"1"}"#), Outcome::Duplicate);
    assert_eq!(handle(r#"{"price":"1","qty":"1","id":"2"}"#), Outcome::Tick);
    assert!(matches!(handle("{}"), Outcome::Rejected(_)));
    let snapshot = counters.snapshot();
    assert_eq!(
        (snapshot.messages, snapshot.ticks, snapshot.duplicates, snapshot.rejected_total()),
        (12, 6, 3, 3)
    );
    assert!(snapshot.balances());
    let lost: Vec<u64> = snapshot.overflow_by_lane.iter().map(|(_, count)| *count).collect();
    assert_eq!((snapshot.overflow, lost), (3, vec![0, 1, 2]));
    assert!(wide_lane.try_recv().is_ok() && wide_lane.try_recv().is_ok());
    assert!(narrow_lane.try_recv().is_ok() && narrow_lane.try_recv().is_err());
}

#[test]
fn routes_of_one_key_become_one() {
    let (first, mut first_lane) = mpsc::channel(1);
    let (second, mut second_lane) = mpsc::channel(1);
    let mut slow = route("BTCUSDT", vec![first]);
    slow.poll = Duration::from_secs(9);
    let mut intake = Intake::new(vec![slow, route("BTCUSDT", vec![second])], Arc::default());
    assert_eq!(intake.routes().len(), 1);
    assert_eq!(intake.routes().next().unwrap().poll, Duration::from_secs(1));
    intake.handle(Key::Symbol("BTCUSDT"), br#"{"price":"1","qty":"1"}"#, Now::default());
    assert!(first_lane.try_recv().is_ok() && second_lane.try_recv().is_ok());
}

#[test]
fn the_hot_way_allocates_nothing() {
    let (sender, mut lane) = mpsc::channel(64);
    let mut intake = Intake::new(vec![route("BTCUSDT", vec![sender])], Arc::default());
    let payloads: Vec<String> = (0..2_000)
        .map(|id| {
            format!(
                r#"{{"price":"64000.{:02}","qty":"0.5","side":"buy","time":"{}","id":"{id}","symbol":"BTCUSDT"}}"#,
                id % 100,
                1_700_000_000_000_u64 + id,
            )
        })
        .collect();
    let mut pass = |payloads: &[String]| {
        for payload in payloads {
            assert_eq!(
                intake.handle(Key::Channel("binance_ticker_BTCUSDT"), payload.as_bytes(), Now::default()),
                Outcome::Tick
            );
            assert!(lane.try_recv().is_ok());
        }
    };
    pass(&payloads[..1_000]);
    let counted = allocation_counter::measure(|| pass(&payloads[1_000..]));
    assert_eq!(counted.count_total, 0, "allocations in 1,000 messages");
}

fn message() -> impl Strategy<Value = (usize, String)> {
    let body = prop_oneof![
        8 => (0_u64..40).prop_map(|id| format!(r#"{{"price":"1","qty":"1","id":{id}}}"#)),
        2 => "[a-c]{1}".prop_map(|id| format!(r#"{{"price":"1","qty":"1","id":"{id}"}}"#)),
        1 => Just(r#"{"price":"1","qty":"x"}"#.to_owned()),
        1 => Just("{".to_owned()),
        1 => Just(r#"{"price":"1","qty":"1","symbol":"OTHER"}"#.to_owned()),
    ];
    (0_usize..4, body)
}

proptest! {
    /// Promise P13.
    #[test]
    fn messages_are_rejected_duplicates_or_ticks(messages in proptest::collection::vec(message(), 0..200)) {
        let counters = Arc::new(FeedCounters::default());
        let (one, mut lane_one) = mpsc::channel(400);
        let (two, mut lane_two) = mpsc::channel(5);
        let routes = vec![route("S0", vec![one.clone()]), route("S1", vec![one, two])];
        let mut intake = Intake::new(routes, counters.clone());
        for (key, body) in messages {
            intake.handle(Key::Channel(&format!("binance_ticker_S{key}")), body.as_bytes(), Now::default());
        }
        let tick = Tick { price: None, qty: None, side: None, time_ms: None, id: None };
        intake.handle_tick(Key::Symbol("S1"), tick, Now::default());
        let snapshot = counters.snapshot();
        prop_assert!(snapshot.balances(), "{:?}", snapshot);
        let mut arrived = 0;
        while lane_one.try_recv().is_ok() { arrived += 1; }
        while lane_two.try_recv().is_ok() { arrived += 1; }
        prop_assert_eq!(snapshot.ticks, arrived + snapshot.overflow);
    }
}
