//! Static shards over Kafka, partitions assigned by hand, ownership by leases in a real Redis.

use std::time::Duration;

use crate::market::Market;
use crate::members::{Fleet, alone, pass, symbol_count};
use crate::process::now;
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::shards::settle;

const FROZEN_FOR: Duration = Duration::from_secs(14);

/// Fault H3, H7, H8, K4.
/// Promise P2.
/// Promise P3.
#[test]
fn one_owner_each_whatever_happens_to_static_shards_over_kafka() {
    let _alone = alone();
    let (Some(market), Some(redis)) = (Market::open(), Redis::start(&[])) else { return };
    let mut fleet = Fleet::new(symbol_count());
    let (steady, tape) = (market.steady(&fleet), market.tape(&fleet));
    let direct = market.by_hand(&redis.url(), 3);
    let proxy = Proxy::start();
    proxy.lead_to(([127, 0, 0, 1], redis.port()).into());
    let proxied = market.by_hand(&format!("redis://{}", proxy.addr()), 3);
    fleet.start("0", &proxied, &["--shard", "0/3"]);
    fleet.start("1", &direct, &["--shard", "1/3"]);
    fleet.start("2", &direct, &["--shard", "2/3"]);
    settle(&mut fleet, 3, "three start", &["0", "1", "2"]);

    fleet.stop("2");
    fleet.start("2 again", &direct, &["--shard", "2/3"]);
    settle(&mut fleet, 3, "one stopped by SIGTERM, and back", &["0", "1", "2 again"]);
    fleet.kill("1");
    fleet.start("1 again", &direct, &["--shard", "1/3"]);
    settle(&mut fleet, 3, "one killed by SIGKILL, and back", &["0", "1 again", "2 again"]);

    let began = now();
    fleet.member("2 again").process.signal("STOP");
    fleet.start("2 twin", &direct, &["--shard", "2/3"]);
    settle(&mut fleet, 3, "one frozen, its twin follows", &["0", "1 again", "2 twin"]);
    pass(FROZEN_FOR.saturating_sub(began.elapsed()));
    fleet.member("2 again").process.signal("CONT");
    settle(&mut fleet, 3, "the frozen one goes on", &["0", "1 again", "2 twin"]);
    assert!(fleet.owned_by("2 again").is_empty(), "what its twin owns is not its own");

    proxy.stall(true);
    fleet.start("0 twin", &direct, &["--shard", "0/3"]);
    settle(&mut fleet, 3, "one cut off from its leases", &["0 twin", "1 again", "2 twin"]);
    assert!(fleet.owned_by("0").is_empty(), "what its twin owns is not its own");
    fleet.stop("0 twin");
    proxy.stall(false);
    settle(&mut fleet, 3, "the one that was cut off is back", &["0", "1 again", "2 twin"]);

    // A stand-by would take over what its twin gives back.
    fleet.stop("2 again");
    // As a StatefulSet does it: what is new comes at once, what is there is replaced from the last to the first.
    let four = market.by_hand(&redis.url(), 4);
    fleet.start("3", &four, &["--shard", "3/4"]);
    for (old, new, shard) in
        [("2 twin", "2 of 4", "2/4"), ("1 again", "1 of 4", "1/4"), ("0", "0 of 4", "0/4")]
    {
        fleet.stop(old);
        fleet.start(new, &four, &["--shard", shard]);
        fleet.member(new).wait_until_ready();
    }
    settle(&mut fleet, 4, "one added", &["0 of 4", "1 of 4", "2 of 4", "3"]);

    // Partitions hold other shards' symbols too: no fault of anybody's.
    assert!(!fleet.logs().contains("FEED-015"), "{}", fleet.logs());
    drop((steady, tape));
    fleet.finish("static over Kafka");
}
