//! Processes that share an address: together they stay below the venue's limit, by the venue's own count.

use std::time::Duration;

use serde_json::json;

use crate::members::Fleet;
use crate::process::until_within;
use crate::publisher::Steady;
use crate::redis::Redis;

const SYMBOLS: usize = 12;
const SHARDS: usize = 3;
/// Of a minute: the start of three processes takes half of it, and what the market wants is far more than the rest.
const WEIGHT: u64 = 1_500;
/// The window is a minute of the wall clock, and a run may begin anywhere in it.
const SPENT_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn processes_that_share_an_address_stay_below_its_limit_together() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::with_venue(SYMBOLS, &["--max-weight", &WEIGHT.to_string()]);
    let settings = json!({ "Feed": redis.url(), "Sharding": "static", "Shards": SHARDS });
    let names: Vec<String> = (0..SHARDS).map(|ordinal| format!("shard {ordinal}")).collect();
    for (ordinal, name) in names.iter().enumerate() {
        fleet.start(name, &settings, &["--shard", &format!("{ordinal}/{SHARDS}")]);
    }
    let steady = Steady::redis(&redis, &fleet.symbols);
    until_within(SPENT_WITHIN, "every process has spent what it may", || {
        let spent = |name: &String| fleet.metrics(name).contains("st_gateway_budget{venue=\"staging\"} 0");
        names.iter().all(spent).then_some(())
    });
    drop(steady);
    let totals = fleet.venue.ledger("totals");
    let (peak, refused) =
        (totals["weight_peak"].as_u64().unwrap(), totals["weight_refused"].as_u64().unwrap());
    println!("three processes spent at most {peak} of {WEIGHT} in a minute; {refused} requests were refused");
    assert!(peak <= WEIGHT && refused == 0, "{totals}");
    assert!(peak > WEIGHT / 2, "the limit was never in sight: {totals}");
    fleet.finish("a shared budget");
}
