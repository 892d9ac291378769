//! Every point, so and so often.

use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;

use self_trader::failpoint::{ENABLED, POINTS};
use serde_json::json;

use crate::chain::Chain;
use crate::process::now;
use crate::redis::Redis;

/// Chains at one time: most of a chain's time is waiting.
const CHAINS: usize = 12;

/// What the run before dies of where one is to die in its start: it leaves something to sweep, or to ask about.
const OPEN: [&str; 2] = ["maker_acked", "before_taker"];
const DOUBT: [&str; 2] = ["after_intent", "taker_sent"];
/// Kills in a row on one venue: what never arrived stays in doubt for some starts, and is asked for at each.
const LINKS: u64 = 10;

/// Fault H1, F7, F21.
/// Promise P1, P2, P12, P13.
#[test]
fn a_kill_at_any_point_leaves_nothing_open_and_sends_nothing_twice() {
    if !ENABLED {
        println!("skipped: a release build has no such points");
        return;
    }
    let Some(redis) = Redis::start(&[]) else { return };
    let kills = std::env::var("SELF_TRADER_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let only = std::env::var("SELF_TRADER_KILL_POINTS").ok();
    let wanted = |point: &&&str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == **point));
    let chains = POINTS.iter().filter(wanted).flat_map(|point| chains_of(point, kills));
    let chains = Mutex::new(chains.collect::<Vec<_>>().into_iter());
    let next = || chains.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..CHAINS {
            scope.spawn(|| {
                while let Some((point, kills)) = next() {
                    let done = catch_unwind(AssertUnwindSafe(|| hit(&redis, point, kills)));
                    assert!(done.is_ok(), "{point}: see above");
                }
            });
        }
    });
}

/// A build that can trade has neither the points nor the words that name them; one for tests has all of them, so that
/// this test can fail.
#[test]
fn only_a_build_for_tests_holds_the_points() {
    let program = env!("CARGO_BIN_EXE_self-trader");
    let holds =
        |name: &str| Command::new("grep").args(["-q", "-a", "-F", name, program]).status().unwrap().success();
    for name in POINTS.into_iter().chain(["SELF_TRADER_FAILPOINT", "SELF_TRADER_POISON"]) {
        assert_eq!(holds(name), ENABLED, "{name}");
    }
}

/// Promise P1.
#[test]
fn a_dead_owner_leaves_no_maker_open_beyond_the_bound() {
    if !ENABLED {
        println!("skipped: a release build has no such points");
        return;
    }
    let Some(redis) = Redis::start(&[]) else { return };
    std::thread::scope(|scope| {
        for point in ["maker_acked", "before_taker", "after_send"] {
            let redis = &redis;
            scope.spawn(move || {
                let mut chain = Chain::start(redis, &format!("dead_{point}"));
                for count in [1, 3] {
                    chain.kill_at(point, count);
                    chain.stays_dead();
                }
                let (left_open, found) = (chain.left_open, chain.close());
                println!("{point}: {left_open} left open, at most for {} ms", found.oldest_ms);
            });
        }
    });
}

/// Chains of a point that make that many kills together.
fn chains_of(point: &'static str, kills: u64) -> impl Iterator<Item = (&'static str, u64)> {
    (0..kills).step_by(LINKS as usize).map(move |done| (point, LINKS.min(kills - done)))
}

fn hit(redis: &Redis, point: &str, kills: u64) {
    let began = now();
    let mut chain = Chain::start(redis, point);
    if point.ends_with("cancel") || point.starts_with("cancel") {
        // Refused takers leave makers to cancel.
        chain.fault(&json!({
            "fault": "reject", "preset": "no_balance", "operation": "order.place", "probability": 300_000,
        }));
    }
    for kill in 0..kills {
        // Another moment each time: early and late pairs of a run.
        let count = 1 + kill * 13 % 9;
        match point {
            "in_recovery" | "in_sweep" | "in_close_out" => {
                let before = if point == "in_sweep" { OPEN } else { DOUBT };
                chain.kill_at(before[usize::from(kill % 2 == 1)], count);
                chain.kill_at(point, 1);
            }
            "in_stop" => chain.kill_in_stop(count),
            _ => chain.kill_at(point, count),
        }
    }
    let left_open = chain.left_open;
    let found = chain.close();
    let commit = std::env::var("SELF_TRADER_COMMIT").ok();
    let line = json!({
        "kind": "kill", "what": point, "commit": commit, "runs": kills, "left_open": left_open,
        "orders": found.orders, "pairs": found.pairs, "never_arrived": found.never_arrived,
        "open_maker_ms_max": found.oldest_ms, "seconds": began.elapsed().as_secs(), "violations": 0,
    });
    println!("{line}");
    if let Ok(path) = std::env::var("SELF_TRADER_KILL_LOG") {
        let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}
