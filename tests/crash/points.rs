//! Every point, so and so often.

use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use self_trader::failpoint::{ENABLED, POINTS};
use serde_json::json;

use crate::chain::Chain;
use crate::process::now;
use crate::redis::Redis;

/// Chains at one time: most of a chain's time is waiting.
const CHAINS: usize = 6;

/// What a run dies of before the one that dies in its start: it leaves something to recover.
const BEFORE: [&str; 4] = ["maker_acked", "after_intent", "taker_sent", "after_send"];

/// Fault H1. Promise P1, P2, P12, P13.
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
    let points = Mutex::new(POINTS.iter().filter(wanted).rev().collect::<Vec<_>>());
    let next = || points.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..CHAINS {
            scope.spawn(|| {
                while let Some(point) = next() {
                    println!("{point}");
                    let done = catch_unwind(AssertUnwindSafe(|| hit(&redis, point, kills)));
                    assert!(done.is_ok(), "{point}: see above");
                }
            });
        }
    });
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
                chain.kill_at(BEFORE[kill as usize % BEFORE.len()], count);
                chain.kill_at(point, 1);
            }
            "in_stop" => chain.kill_in_stop(count),
            _ => chain.kill_at(point, count),
        }
    }
    let left_open = chain.left_open;
    let found = chain.close();
    let line = json!({
        "point": point, "kills": kills, "left_open": left_open, "orders": found.orders, "pairs": found.pairs,
        "never_arrived": found.never_arrived, "oldest_ms": found.oldest_ms,
        "seconds": began.elapsed().as_secs(),
    });
    println!("{line}");
    if let Ok(path) = std::env::var("SELF_TRADER_KILL_LOG") {
        let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}
