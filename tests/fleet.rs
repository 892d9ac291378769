//! A fleet: processes of the real program that share symbols, over a real broker and a real Redis, with a
//! venue's ledger as the judge.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "support/kafka.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod kafka;

#[test]
fn broker_comes_up_again_on_its_own_ports() {
    let Some(mut broker) = kafka::Broker::start() else { return };
    broker.create_topic("t", 6);
    broker.produce("t", Some("a"), b"x", None);
    broker.flush();
    broker.stop();
    broker.launch();
    broker.create_partitions("t", 8);
    broker.kill();
    broker.launch();
    broker.produce("t", Some("a"), b"x", Some(7));
    broker.flush();
}
