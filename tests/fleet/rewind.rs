//! Committed offsets position nothing: put back by an hour and by a second, they bring no pair.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::ledger::trades_since;
use crate::market::{Market, Protocol, TOPIC};
use crate::members::{Fleet, pass};
use crate::process::until;
use crate::publisher::tick;
use self_trader::clock::wall_ms;

const SYMBOLS: usize = 24;
const BACKLOG: u32 = 40;
/// Longer than a group without notes waits, after which a member may trade.
const NOTHING_FOR: Duration = Duration::from_secs(22);

/// Fault F20.
/// Promise P2.
#[test]
fn a_rewind_makes_no_pair_in_a_classic_group() {
    rewinds(Protocol::Classic);
}

/// Fault F20.
/// Promise P2.
#[test]
fn a_rewind_makes_no_pair_in_a_group_by_the_consumer_protocol() {
    rewinds(Protocol::Consumer);
}

fn rewinds(protocol: Protocol) {
    let Some(market) = Market::open() else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let settings = market.group(protocol);
    for (name, back) in [("by an hour", i64::MAX), ("by a second", 2)] {
        publish(&market, &fleet, BACKLOG, wall_ms());
        rewind(&market, back);
        let before = fleet.venue.trades();
        // So old a tick may trade here that age keeps nothing out.
        fleet.start_with(name, &settings, &[], |instrument| instrument["Max Tick Age"] = 3_600.into());
        until("it owns every symbol", || (fleet.owned_by(name).len() == SYMBOLS).then_some(()));
        pass(NOTHING_FOR);
        assert_eq!(fleet.venue.trades(), before, "{name}: what is past was traded");
        // Takeover Delay and age may have kept it from trading; the position has to keep it from being read.
        assert_eq!(fleet.messages(name), 0, "{name}: what is past was read");
        let since = wall_ms();
        publish(&market, &fleet, 1, since);
        until("each symbol trades on what is new", || {
            let trades = trades_since(&fleet.venue, since);
            let traded: BTreeSet<_> = trades.into_iter().map(|trade| trade.symbol).collect();
            (traded.len() == SYMBOLS).then_some(())
        });
        fleet.stop(name);
        assert_eq!(fleet.venue.trades(), before + SYMBOLS as u64, "{name}");
    }
}

fn publish(market: &Market, fleet: &Fleet, times: u32, run: i64) {
    for number in 0..times {
        for symbol in &fleet.symbols {
            market.broker.produce(TOPIC, Some(symbol), tick(symbol, run, number).as_bytes(), None);
        }
    }
    market.broker.flush();
}

/// Commits, for a group without members, so many messages before the end of each partition.
fn rewind(market: &Market, back: i64) {
    let consumer: BaseConsumer = market.broker.client().set("group.id", "fleet").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(TOPIC), Duration::from_secs(10)).unwrap();
    let mut offsets = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        let (first, end) = consumer.fetch_watermarks(TOPIC, partition.id(), Duration::from_secs(10)).unwrap();
        let offset = Offset::Offset(end.saturating_sub(back).max(first));
        offsets.add_partition_offset(TOPIC, partition.id(), offset).unwrap();
    }
    // Nobody's offsets but a member's are taken until the last one is known to have left.
    until("the group is empty", || consumer.commit(&offsets, CommitMode::Sync).ok());
}
