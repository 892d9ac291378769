//! Processes that share an address and an account: together they stay below the venue's limits, by the venue's own
//! counts.

use std::time::Duration;

use serde_json::json;

use crate::members::{Fleet, alone, pass};
use crate::process::until_within;
use crate::publisher::Steady;
use crate::redis::Redis;

const SHARDS: u32 = 3;
const SYMBOLS: usize = 12;
/// Of a minute: the start of three processes takes half of it, and what the market wants is far more than the rest.
const WEIGHT: u64 = 1_500;
/// The window is a minute of the wall clock, and a run may begin anywhere in it.
const SPENT_WITHIN: Duration = Duration::from_secs(90);

/// More than the account may have orders: each by itself would spend the whole before it has heard of the others.
const ORDER_SYMBOLS: usize = 120;
/// Of 10 s.
const ORDERS: u64 = 60;
/// Answers come so late that no taker leaves for its tick, and no maker fills: a fill would give back.
const ANSWERS_AFTER_MS: u64 = 1_900;
const WINDOWS_SEEN: Duration = Duration::from_secs(25);

#[test]
fn processes_that_share_an_address_stay_below_its_limit_together() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::with_venue(SYMBOLS, &["--max-weight", &WEIGHT.to_string()]);
    let names = start(&mut fleet, &redis);
    let steady = Steady::redis(&redis, &fleet.symbols);
    until_within(SPENT_WITHIN, "every process has spent what it may", || is_spent(&fleet, &names));
    drop(steady);
    stayed_below(&fleet, "weight", WEIGHT);
    fleet.finish("a shared budget");
}

#[test]
fn processes_that_share_an_account_stay_below_its_limit_of_orders_together() {
    let _alone = alone();
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::with_venue(ORDER_SYMBOLS, &["--max-orders", &ORDERS.to_string()]);
    let names = start(&mut fleet, &redis);
    names.iter().for_each(|name| fleet.member(name).wait_until_ready());
    fleet.venue.fault(&json!([
        { "fault": "mute_stream", "stream": "user" },
        { "fault": "delay_answers", "ms": ANSWERS_AFTER_MS },
    ]));
    let steady = Steady::redis(&redis, &fleet.symbols);
    until_within(SPENT_WITHIN, "every process has spent what it may", || is_spent(&fleet, &names));
    pass(WINDOWS_SEEN);
    drop(steady);
    stayed_below(&fleet, "orders", ORDERS);
    fleet.mend_venue();
    fleet.finish("a shared budget of orders");
}

fn start(fleet: &mut Fleet, redis: &Redis) -> Vec<String> {
    let settings = json!({ "Feed": redis.url(), "Sharding": "static", "Shards": SHARDS });
    let shards = (0..SHARDS).map(|ordinal| {
        let name = format!("shard {ordinal}");
        fleet.start(&name, &settings, &["--shard", &format!("{ordinal}/{SHARDS}")]);
        name
    });
    shards.collect()
}

fn is_spent(fleet: &Fleet, names: &[String]) -> Option<()> {
    let spent = |name: &String| fleet.metrics(name).contains("st_gateway_budget 0");
    names.iter().all(spent).then_some(())
}

fn stayed_below(fleet: &Fleet, what: &str, limit: u64) {
    let totals = fleet.venue.ledger("totals");
    let count = |kind: &str| totals[format!("{what}_{kind}")].as_u64().unwrap();
    let (peak, refused) = (count("peak"), count("refused"));
    println!("{what}: three processes spent at most {peak} of {limit} in a window; {refused} were refused");
    assert!(peak <= limit && refused == 0, "{totals}");
    // All that is for places, of which a maker keeps half for a taker that may not come.
    assert!(peak >= limit * 4 / 5 / 2, "the limit was never in sight: {totals}");
}
