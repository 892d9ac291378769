//! Ownership by a Kafka group: members stop, die, come, freeze, and are cut off from the group alone.

use std::time::Duration;

use crate::market::{Market, Protocol};
use crate::members::{Fleet, alone, pass, symbol_count, together};
use crate::process::{now, until};

const FROZEN_FOR: Duration = Duration::from_secs(14);

/// Fault F17, F19, H3.
/// Promise P2.
/// Promise P3.
#[test]
fn one_owner_each_whatever_happens_to_members_of_a_classic_group() {
    members_come_and_go(Protocol::Classic);
}

/// Fault F17, F19, H3.
/// Promise P2.
/// Promise P3.
#[test]
fn one_owner_each_whatever_happens_to_members_of_a_group_by_the_consumer_protocol() {
    members_come_and_go(Protocol::Consumer);
}

fn members_come_and_go(protocol: Protocol) {
    let _alone = alone();
    let Some(market) = Market::open() else { return };
    let mut fleet = Fleet::new(symbol_count());
    let (direct, proxied) = (market.group(protocol), market.group_over_proxy(protocol));
    let steady = market.steady(&fleet);
    let tape = market.tape(&fleet);
    fleet.start("a", &proxied, &[]);
    fleet.start("b", &direct, &[]);
    fleet.start("c", &direct, &[]);
    fleet.settle("three start", &["a", "b", "c"]);

    fleet.stop("c");
    fleet.settle("one stopped by SIGTERM", &["a", "b"]);
    fleet.start("d", &direct, &[]);
    fleet.settle("one added", &["a", "b", "d"]);
    fleet.kill("b");
    fleet.settle("one killed by SIGKILL", &["a", "d"]);
    fleet.start("e", &direct, &[]);
    fleet.settle("one added", &["a", "d", "e"]);

    let began = now();
    fleet.member("d").process.signal("STOP");
    fleet.settle("one frozen", &["a", "e"]);
    pass(FROZEN_FOR.saturating_sub(began.elapsed()));
    fleet.member("d").process.signal("CONT");
    fleet.settle("the frozen one goes on", &["a", "d", "e"]);

    market.proxy.cut_group(true);
    let fetched = fleet.messages("a");
    fleet.settle("one cut off from the group", &["d", "e"]);
    assert!(market.proxy.swallowed() > 0 && fleet.messages("a") > fetched, "its fetches went on");
    assert!(fleet.owned_by("a").is_empty(), "what others own is not its own");
    market.proxy.cut_group(false);
    fleet.settle("the one that was cut off is back", &["a", "d", "e"]);

    drop((steady, tape));
    fleet.finish(&format!("group, {}", protocol.name()));
}

/// Fault H5.
/// Promise P3, P18.
#[test]
fn a_member_whose_thread_failed_joins_anew() {
    let _small = together();
    let Some(market) = Market::open() else { return };
    let mut fleet = Fleet::new(6);
    let settings = market.group(Protocol::Classic);
    let steady = market.steady(&fleet);
    fleet.break_next("kafka_proof", 12);
    fleet.start("proves", &settings, &[]);
    fleet.break_next("kafka_watch", 8);
    fleet.start("watches", &settings, &[]);
    for name in ["proves", "watches"] {
        until(name, || fleet.member(name).process.err().contains("a broken part").then_some(()));
    }
    fleet.settle("both failed once", &["proves", "watches"]);
    // The log has a thread of its own, and both may have been owners before their threads failed.
    for name in ["proves", "watches"] {
        let told = || fleet.member(name).process.out().contains("its thread kafka-").then_some(());
        until(&format!("{name} says why it joins anew"), told);
    }
    fleet.settle("both are back", &["proves", "watches"]);
    drop(steady);
    fleet.finish("threads of the Kafka feed");
}
