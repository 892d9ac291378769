//! The lease store is wiped, frozen, put back from a copy; owners die; two processes have one ordinal.

use std::time::Duration;

use serde_json::{Value, json};

use crate::members::{Fleet, pass, together};
use crate::process::until;
use crate::publisher::Steady;
use crate::redis::Redis;

const SYMBOLS: usize = 4;
/// TTL, recvWindow, margin.
const GAP_MS_MAX: i64 = 13_000;
/// Longer than a proof lasts, shorter than a TTL.
const FROZEN_FOR: Duration = Duration::from_secs(6);
/// Later than the clock's part of an epoch for many years.
const FAR_AHEAD: u32 = 1_500_000_000;

fn lease(symbol: &str) -> String {
    format!("self-trader:lease:main:staging:{symbol}")
}

fn record(symbol: &str) -> String {
    format!("self-trader:epoch:main:staging:{symbol}")
}

/// What the store knows of a symbol's owners, as if the latest had had a clock that was far ahead.
fn put_ahead(redis: &Redis, symbol: &str) {
    let info = redis.ask(&["INFO", "server"]);
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap().trim().to_owned();
    let known = format!("{:015} {:015} {FAR_AHEAD} {run_id}", 0, 0);
    assert_eq!(redis.ask(&["SET", &record(symbol), &known]), "OK");
}

/// Fault H8, H9.
/// Promise P3.
#[test]
fn whatever_becomes_of_the_store_one_owner_follows_the_other() {
    let _small = together();
    let (Some(feed), Some(mut redis)) = (Redis::start(&[]), Redis::start(&[])) else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let steady = Steady::redis(&feed, &fleet.symbols);
    let settings =
        json!({ "Feed": feed.url(), "Lease Store": redis.url(), "Sharding": "static", "Shards": 2 });
    fleet.start("0", &settings, &["--shard", "0/2"]);
    fleet.start("1", &settings, &["--shard", "1/2"]);
    fleet.settle("two start", &["0", "1"]);

    // Two of one ordinal: the later one is idle, says whom it waits for, and stays.
    fleet.start("0 twin", &settings, &["--shard", "0/2"]);
    until("it names the owner", || {
        let status = fleet.member("0 twin").status();
        let owners = status["fleet"]["leases"]["held_by_others"].as_array()?;
        (!owners.is_empty()).then_some(())
    });
    fleet.settle("a twin waits", &["0", "1"]);
    assert!(fleet.owned_by("0 twin").is_empty());
    let copy = fleet.symbols.iter().map(|symbol| redis.ask(&["GET", &record(symbol)])).collect::<Vec<_>>();
    let crash = self_trader::clock::wall_ms();
    fleet.kill("0");
    fleet.settle("its twin follows", &["0 twin", "1"]);

    redis.signal("STOP");
    pass(FROZEN_FOR);
    redis.signal("CONT");
    fleet.settle("the store stood still", &["0 twin", "1"]);

    redis.ask(&["FLUSHALL"]);
    all_held_again(&redis, &fleet);
    fleet.settle("the store was wiped", &["0 twin", "1"]);

    redis.kill();
    redis.launch();
    for (symbol, known) in fleet.symbols.iter().zip(&copy) {
        redis.ask(&["SET", &record(symbol), known]);
    }
    all_held_again(&redis, &fleet);
    fleet.settle("the store was put back from an old copy", &["0 twin", "1"]);
    drop(steady);
    let ledger = fleet.finish("the store's faults");
    let first = ledger.gaps(crash).into_iter().filter(|gap| gap.ended < crash + 2 * GAP_MS_MAX);
    let longest = first.map(|gap| gap.awake).max().expect("the twin followed");
    assert!(longest <= GAP_MS_MAX, "{longest} ms after a crash");
}

/// The store forgets epochs that were given out by a clock far ahead: who has a journal knows them, and who has none
/// hears of them from the venue.
///
/// Fault C1, H9, O22.
/// Promise P3.
#[test]
fn an_epoch_that_the_store_forgot_is_not_given_out_again() {
    let _small = together();
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    fleet.symbols.iter().for_each(|symbol| put_ahead(&redis, symbol));
    let steady = Steady::redis(&redis, &fleet.symbols);
    let settings = json!({ "Feed": redis.url(), "Sharding": "static", "Shards": 2 });
    let journal = fleet.dir().join("journal");
    let noted = with_journal(&settings, journal.to_str().unwrap());
    fleet.start("0", &noted, &["--shard", "0/2"]);
    fleet.start("1", &settings, &["--shard", "1/2"]);
    fleet.settle("two start, far ahead", &["0", "1"]);
    fleet.kill("0");
    redis.ask(&["FLUSHALL"]);
    fleet.start("0 again", &noted, &["--shard", "0/2"]);
    let owners = fleet.settle("its journal knows the epochs", &["0 again", "1"]);
    assert!(owners.values().all(|(_, epoch)| epoch.number() > FAR_AHEAD), "{owners:?}");
    assert_eq!(fleet.total("0 again", "st_ownership_conflicts_total"), 0.0);
    assert_eq!(fleet.venue.ledger("totals")["older_epochs_refused"], 0);

    fleet.kill("1");
    redis.ask(&["FLUSHALL"]);
    fleet.epochs_may_regress();
    fleet.start("1 again", &settings, &["--shard", "1/2"]);
    let owners = fleet.settle("the venue knows them", &["0 again", "1 again"]);
    assert!(owners.values().all(|(_, epoch)| epoch.number() > FAR_AHEAD), "{owners:?}");
    assert!(fleet.total("1 again", "st_ownership_conflicts_total") >= 1.0);
    assert!(fleet.log("1 again").contains("LEASE-003"));
    all_held_again(&redis, &fleet);
    drop(steady);
    fleet.finish("epochs that were forgotten");
}

/// Waits until each symbol has an owner again at a store that has forgotten them.
fn all_held_again(redis: &Redis, fleet: &Fleet) {
    let held = |symbol: &String| redis.ask(&["EXISTS", &lease(symbol)]) == "1";
    until("all leases are held again", || fleet.symbols.iter().all(held).then_some(()));
}

fn with_journal(settings: &Value, folder: &str) -> Value {
    let mut settings = settings.clone();
    settings["Journal"] = folder.into();
    settings
}
