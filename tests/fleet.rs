//! A fleet: processes of the real program that share symbols, over a real broker and a real Redis, with the
//! venue's own ledger as the judge.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why, and gaps are shown")]

#[path = "support/kafka.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod kafka;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;
#[path = "support/stalls.rs"]
mod stalls;

#[path = "fleet/bad_input.rs"]
mod bad_input;
#[path = "fleet/budget.rs"]
mod budget;
#[path = "fleet/by_hand.rs"]
mod by_hand;
#[path = "fleet/frozen.rs"]
mod frozen;
#[path = "fleet/group.rs"]
mod group;
#[path = "fleet/ledger.rs"]
mod ledger;
#[path = "fleet/market.rs"]
mod market;
#[path = "fleet/members.rs"]
mod members;
#[path = "fleet/outage.rs"]
mod outage;
#[path = "fleet/publisher.rs"]
mod publisher;
#[path = "fleet/rewind.rs"]
mod rewind;
#[path = "fleet/rolling.rs"]
mod rolling;
#[path = "fleet/shards.rs"]
mod shards;
#[path = "fleet/slow.rs"]
mod slow;
#[path = "fleet/store.rs"]
mod store;
#[path = "fleet/two_alone.rs"]
mod two_alone;
