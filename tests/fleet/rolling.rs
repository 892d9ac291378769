//! Static shards over Redis pub/sub: another number of shards, one process after the other.

use std::collections::BTreeMap;

use self_trader::assign;
use self_trader::clock::wall_ms;
use serde_json::{Value, json};

use crate::ledger::Gap;
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
    let mut pods = Pods { redis: &redis, names: BTreeMap::new(), ready: BTreeMap::new(), started: 0 };
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
    let (five, ready) = (fleet.settled_at("five of five"), pods.ready);
    let gaps = fleet.finish("static over Redis").gaps(i64::MIN);
    // How long this test takes to come to a symbol's new owner is no bound of the program's.
    let waited = |gap: &Gap| {
        let shards = if gap.ended <= five { 5 } else { 2 };
        let ready = ready.get(&(shards, assign::owner(&gap.symbol, shards)));
        ready.map_or(gap.awake, |ready| gap.awake.min(gap.ended - ready))
    };
    let longest = gaps.iter().map(waited).max().expect("owners have changed");
    assert!(longest <= GAP_MS_MAX, "{longest} ms without an owner");
    let mut lengths: Vec<_> = gaps.iter().map(|gap| gap.awake).collect();
    lengths.sort_unstable();
    let middle = lengths[lengths.len() / 2];
    assert!(middle < LEASE_MS, "{middle} ms: leases ran out, where they were to be given back");
}

/// The processes by ordinal; each start has a name of its own.
struct Pods<'a> {
    redis: &'a Redis,
    names: BTreeMap<u32, String>,
    /// Of how many shards which was ready when, milliseconds.
    ready: BTreeMap<(u32, u32), i64>,
    started: usize,
}

impl Pods<'_> {
    fn start(&mut self, fleet: &mut Fleet, ordinal: u32, shards: u32) {
        self.started += 1;
        let name = format!("{ordinal} of {shards}, start {}", self.started);
        let settings: Value = json!({ "Feed": self.redis.url(), "Sharding": "static", "Shards": shards });
        fleet.start(&name, &settings, &["--shard", &format!("{ordinal}/{shards}")]);
        self.names.insert(ordinal, name);
    }

    fn stop(&mut self, fleet: &mut Fleet, ordinal: u32) {
        let name = self.names.remove(&ordinal).expect("it runs");
        fleet.stop(&name);
    }

    /// The next is replaced when this one is ready.
    fn restart(&mut self, fleet: &mut Fleet, ordinal: u32, shards: u32) {
        self.stop(fleet, ordinal);
        self.start(fleet, ordinal, shards);
        fleet.member(&self.names[&ordinal]).wait_until_ready();
        self.ready.insert((shards, ordinal), wall_ms());
    }

    fn all(&self) -> Vec<&str> {
        self.names.values().map(String::as_str).collect()
    }
}
