//! The broker goes away and comes back.

use std::time::Duration;

use crate::kafka::SESSION;
use crate::market::{Market, Protocol};
use crate::members::{Fleet, pass};

/// A few symbols: what is measured is how long it takes.
const SYMBOLS: usize = 60;
/// Longer than any tick may age.
const AWAY_FOR: Duration = Duration::from_secs(5);
const AFTER_A_STOP: Duration = Duration::from_secs(10);
const AFTER_A_CRASH: Duration = SESSION.saturating_add(Duration::from_secs(5));

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
    pass(AWAY_FOR);
    market.broker.launch();
    fleet.settle("broker stopped and started", &members);
    let stopped = market.broker.started_at().elapsed();

    market.broker.kill();
    pass(AWAY_FOR);
    market.broker.launch();
    fleet.settle("broker killed and started", &members);
    let killed = market.broker.started_at().elapsed();

    drop(steady);
    fleet.finish(&format!("outage, {}", protocol.name()));
    assert!(
        stopped <= AFTER_A_STOP,
        "all traded {stopped:?} after a broker that was stopped said that it started"
    );
    assert!(
        killed <= AFTER_A_CRASH,
        "all traded {killed:?} after a broker that was killed said that it started"
    );
}
