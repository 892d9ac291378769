//! The broker goes away and comes back.

use std::time::Duration;

use crate::kafka::SESSION;
use crate::market::{Market, Protocol};
use crate::members::{Fleet, pass};

/// A few symbols: what is measured is how long it takes.
const SYMBOLS: usize = 60;
/// Longer than a session: the members come back as strangers, and nobody knows what became of their predecessors.
const LONG: Duration = SESSION.saturating_add(Duration::from_secs(2));
const AFTER_A_STOP: Duration = Duration::from_secs(10);
const AFTER_A_CRASH: Duration = SESSION.saturating_add(Duration::from_secs(5));
/// The old members' session, Takeover Delay, and some time to join in.
const AFTER_LONG: Duration = SESSION.saturating_add(Duration::from_secs(5 + 4));

#[test]
fn a_classic_group_trades_again_soon_after_the_broker_is_back() {
    broker_goes_and_comes(Protocol::Classic);
}

#[test]
fn a_group_by_the_consumer_protocol_trades_again_soon_after_the_broker_is_back() {
    broker_goes_and_comes(Protocol::Consumer);
}

fn broker_goes_and_comes(protocol: Protocol) {
    let Some(mut market) = Market::open() else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let (settings, members) = (market.group(protocol), ["a", "b"]);
    let steady = market.steady(&fleet);
    for name in members {
        fleet.start(name, &settings, &[]);
    }
    fleet.settle("two start", &members);

    market.broker.stop();
    market.broker.launch();
    fleet.settle("broker stopped and started", &members);
    let stopped = market.broker.started_at().elapsed();

    market.broker.kill();
    market.broker.launch();
    fleet.settle("broker killed and started", &members);
    let killed = market.broker.started_at().elapsed();

    market.broker.stop();
    pass(LONG);
    market.broker.launch();
    fleet.settle("broker away for more than a session", &members);
    let away = market.broker.started_at().elapsed();

    drop(steady);
    fleet.finish(&format!("outage, {}", protocol.name()));
    println!("  all traded so long after the broker said that it started: {stopped:?}, {killed:?}, {away:?}");
    assert!(stopped <= AFTER_A_STOP, "stopped and started: {stopped:?}");
    assert!(killed <= AFTER_A_CRASH, "killed and started: {killed:?}");
    assert!(away <= AFTER_LONG, "away for long: {away:?}");
}
