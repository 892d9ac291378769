//! Static shards over Kafka, partitions assigned by hand, ownership by leases in a real Redis.

use std::time::Duration;

use crate::market::Market;
use crate::members::{Fleet, alone, pass, symbol_count};
use crate::process::now;
use crate::proxy::Proxy;
use crate::redis::Redis;

const FROZEN_FOR: Duration = Duration::from_secs(14);

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
    fleet.settle("three start", &["0", "1", "2"]);

    fleet.stop("2");
    fleet.start("2 again", &direct, &["--shard", "2/3"]);
    fleet.settle("one stopped by SIGTERM, and back", &["0", "1", "2 again"]);
    fleet.kill("1");
    fleet.start("1 again", &direct, &["--shard", "1/3"]);
    fleet.settle("one killed by SIGKILL, and back", &["0", "1 again", "2 again"]);

    let began = now();
    fleet.member("2 again").process.signal("STOP");
    fleet.start("2 twin", &direct, &["--shard", "2/3"]);
    fleet.settle("one frozen, its twin follows", &["0", "1 again", "2 twin"]);
    pass(FROZEN_FOR.saturating_sub(began.elapsed()));
    fleet.member("2 again").process.signal("CONT");
    fleet.settle("the frozen one goes on", &["0", "1 again", "2 twin"]);
    assert!(fleet.owned_by("2 again").is_empty(), "what its twin owns is not its own");

    proxy.stall(true);
    fleet.start("0 twin", &direct, &["--shard", "0/3"]);
    fleet.settle("one cut off from its leases", &["0 twin", "1 again", "2 twin"]);
    assert!(fleet.owned_by("0").is_empty(), "what its twin owns is not its own");
    fleet.stop("0 twin");
    proxy.stall(false);
    fleet.settle("the one that was cut off is back", &["0", "1 again", "2 twin"]);

    // Partitions hold other shards' symbols too: no fault of anybody's.
    assert!(!fleet.logs().contains("FEED-015"), "{}", fleet.logs());
    drop((steady, tape));
    fleet.finish("static over Kafka");
}
