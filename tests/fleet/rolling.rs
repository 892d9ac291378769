//! Static shards over Redis pub/sub: another number of shards, one process after the other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::members::{Fleet, alone, symbol_count};
use crate::publisher::Steady;
use crate::redis::Redis;
use crate::shards::settle;

/// What a lease that is not given back costs its next owner.
const LEASE_MS: i64 = 8_000;
/// TTL, recvWindow, margin.
const GAP_MS_MAX: i64 = 13_000;

/// Fault K4.
/// Promise P3.
#[test]
fn another_number_of_shards_by_rolling_restart_never_has_two_owners() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::new(symbol_count());
    let steady = Steady::redis(&redis, &fleet.symbols);
    let mut pods = Pods { redis: &redis, names: BTreeMap::new(), started: 0 };
    for ordinal in 0..3 {
        pods.start(&mut fleet, ordinal, 3);
    }
    settle(&mut fleet, 3, "three of three", &pods.all());

    // As a StatefulSet does it: what is new comes at once, what is there is replaced from the last to the first.
    pods.start(&mut fleet, 3, 5);
    pods.start(&mut fleet, 4, 5);
    for ordinal in (0..3).rev() {
        pods.restart(&mut fleet, ordinal, 5);
    }
    settle(&mut fleet, 5, "five of five", &pods.all());

    for ordinal in (2..5).rev() {
        pods.stop(&mut fleet, ordinal);
    }
    for ordinal in (0..2).rev() {
        pods.restart(&mut fleet, ordinal, 2);
    }
    settle(&mut fleet, 2, "two of two", &pods.all());

    drop(steady);
    let ledger = fleet.finish("static over Redis");
    let mut gaps: Vec<_> = ledger.gaps(i64::MIN).into_iter().map(|gap| gap.length).collect();
    gaps.sort_unstable();
    let middle = gaps[gaps.len() / 2];
    let longest = gaps.last().copied().unwrap_or(0);
    assert!(longest <= GAP_MS_MAX, "{longest} ms without an owner");
    assert!(middle < LEASE_MS, "{middle} ms: leases ran out, where they were to be given back");
}

/// The processes by ordinal; each start has a name of its own.
struct Pods<'a> {
    redis: &'a Redis,
    names: BTreeMap<usize, String>,
    started: usize,
}

impl Pods<'_> {
    fn start(&mut self, fleet: &mut Fleet, ordinal: usize, shards: usize) {
        self.started += 1;
        let name = format!("{ordinal} of {shards}, start {}", self.started);
        let settings: Value = json!({ "Feed": self.redis.url(), "Sharding": "static", "Shards": shards });
        fleet.start(&name, &settings, &["--shard", &format!("{ordinal}/{shards}")]);
        self.names.insert(ordinal, name);
    }

    fn stop(&mut self, fleet: &mut Fleet, ordinal: usize) {
        let name = self.names.remove(&ordinal).expect("it runs");
        fleet.stop(&name);
    }

    /// The next is replaced when this one is ready.
    fn restart(&mut self, fleet: &mut Fleet, ordinal: usize, shards: usize) {
        self.stop(fleet, ordinal);
        self.start(fleet, ordinal, shards);
        fleet.member(&self.names[&ordinal]).wait_until_ready();
    }

    fn all(&self) -> Vec<&str> {
        self.names.values().map(String::as_str).collect()
    }
}
