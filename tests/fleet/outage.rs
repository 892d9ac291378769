//! The broker goes away and comes back.

use std::time::Duration;

use crate::kafka::{Broker, SESSION};
use crate::market::{Market, Protocol};
use crate::members::{Fleet, alone, pass};
use crate::process::now;
use self_trader::clock::wall_ms;

/// A few symbols: what is measured is how long it takes.
const SYMBOLS: usize = 60;
/// Longer than a session: the members come back as strangers, and nobody knows what became of their predecessors.
const LONG: Duration = SESSION.saturating_add(Duration::from_secs(2));
/// What a member may miss of its session without losing it.
const SHORT: Duration = SESSION.saturating_sub(Duration::from_secs(2));
const AFTER_A_STOP: Duration = Duration::from_secs(10);
const AFTER_A_CRASH: Duration = SESSION.saturating_add(Duration::from_secs(5));
/// The session of those who were members, Takeover Delay, and time to join in.
const AFTER_LONG: Duration = SESSION.saturating_add(Duration::from_secs(5 + 6));

/// Fault F16, F19.
/// Promise P3.
#[test]
fn a_classic_group_trades_again_soon_after_the_broker_is_back() {
    broker_goes_and_comes(Protocol::Classic);
}

/// Fault F16, F19.
/// Promise P3.
#[test]
fn a_group_by_the_consumer_protocol_trades_again_soon_after_the_broker_is_back() {
    broker_goes_and_comes(Protocol::Consumer);
}

fn broker_goes_and_comes(protocol: Protocol) {
    let _alone = alone();
    let Some(mut market) = Market::open() else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let (settings, members) = (market.group(protocol), ["a", "b"]);
    let steady = market.steady(&fleet);
    for name in members {
        fleet.start(name, &settings, &[]);
    }
    fleet.settle("two start", &members);

    let mut outage = |name: &str, end: fn(&mut Broker), longer: Duration, at_most: Duration| {
        let began = now();
        end(&mut market.broker);
        pass(longer);
        market.broker.launch();
        let (away, started) = (began.elapsed(), wall_ms());
        fleet.settle(name, &members);
        let after = fleet.awake(market.broker.started_at().elapsed(), started);
        // On a slow machine the broker may need more than a session to start.
        (name.to_owned(), away, after, if away < SHORT { at_most } else { AFTER_LONG })
    };
    let outages = [
        outage("broker stopped and started", Broker::stop, Duration::ZERO, AFTER_A_STOP),
        outage("broker killed and started", Broker::kill, Duration::ZERO, AFTER_A_CRASH),
        outage("broker away for more than a session", Broker::stop, LONG, AFTER_LONG),
    ];

    drop(steady);
    fleet.finish(&format!("outage, {}", protocol.name()));
    for (name, away, after, at_most) in &outages {
        println!("  {name:<36} away {away:.1?}, all traded {after:.1?} after it said that it started");
        assert!(after <= at_most, "{name}: {after:?}, at most {at_most:?}");
    }
}
