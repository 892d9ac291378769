//! An owner stands still for 30 s with half a request on its way; its successor trades meanwhile; then both the
//! request and the owner go on.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::market::{Market, Protocol};
use crate::members::{Fleet, pass, together};
use crate::process::{now, until};
use crate::proxy::Proxy;
use crate::publisher::Steady;
use crate::redis::Redis;

const SYMBOLS: usize = 4;
const FROZEN_FOR: Duration = Duration::from_secs(30);
/// What the one who goes on is given to do the wrong thing.
const AFTERWARDS: Duration = Duration::from_secs(3);
/// TTL or session, recvWindow, margin.
const GAP_MS_MAX: i64 = 13_000;

/// Fault F18, H3, H8.
/// Promise P3.
/// Promise P2.
#[test]
fn no_order_of_a_frozen_owner_is_taken_after_its_successors_first() {
    let _small = together();
    // Both at once: most of it is waiting.
    thread::scope(|scope| {
        scope.spawn(by_lease);
        scope.spawn(by_group);
    });
}

fn by_lease() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let steady = Steady::redis(&redis, &fleet.symbols);
    let settings = json!({ "Feed": redis.url(), "Sharding": "static", "Shards": 2 });
    let way = way_to(&fleet);
    start_over(&mut fleet, "0", &way, &settings, &["--shard", "0/2"]);
    fleet.start("1", &settings, &["--shard", "1/2"]);
    fleet.settle("two start", &["0", "1"]);
    let twin = |fleet: &mut Fleet| fleet.start("0 twin", &settings, &["--shard", "0/2"]);
    freeze(&mut fleet, &way, "0", twin, &["0 twin", "1"]);
    fleet.settle("the frozen one goes on", &["0 twin", "1"]);
    assert!(fleet.owned_by("0").is_empty(), "what its twin owns is not its own");
    drop(steady);
    judge(fleet, "frozen, by lease");
}

fn by_group() {
    let Some(market) = Market::open() else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let steady = market.steady(&fleet);
    let settings = market.group(Protocol::Classic);
    let way = way_to(&fleet);
    start_over(&mut fleet, "a", &way, &settings, &[]);
    fleet.settle("one starts", &["a"]);
    freeze(&mut fleet, &way, "a", |fleet| fleet.start("b", &settings, &[]), &["b"]);
    drop(steady);
    judge(fleet, "frozen, by group");
}

/// Between a process and its venue.
fn way_to(fleet: &Fleet) -> Proxy {
    let way = Proxy::start();
    way.lead_to(fleet.venue.addr);
    way
}

fn start_over(fleet: &mut Fleet, name: &str, way: &Proxy, settings: &Value, args: &[&str]) {
    let address = way.addr().to_string();
    fleet.start_with(name, settings, args, |instrument| instrument["Address"] = address.clone().into());
}

/// Stops an owner while half a request of it is on its way, waits for its successor's trades, and lets both go on.
fn freeze(fleet: &mut Fleet, way: &Proxy, owner: &str, successor: impl Fn(&mut Fleet), heirs: &[&str]) {
    way.hold(true);
    until("a request is on its way", || (way.kept() > 0).then_some(()));
    let began = now();
    fleet.member(owner).process.signal("STOP");
    successor(fleet);
    fleet.settle("its successor trades", heirs);
    pass(FROZEN_FOR.saturating_sub(began.elapsed()));
    way.hold(false);
    fleet.member(owner).process.signal("CONT");
    pass(AFTERWARDS);
    fleet.without_doubt(owner);
}

fn judge(fleet: Fleet, name: &str) {
    let ledger = fleet.finish(name);
    let longest = ledger.gaps(i64::MIN).into_iter().max_by_key(|gap| gap.awake).expect("owners have changed");
    assert!(longest.awake <= GAP_MS_MAX, "{name}: {longest:?}");
}
