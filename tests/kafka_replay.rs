//! `replay` to a real Kafka: each trade once, fresh, keyed, in the partition that Java's clients would choose.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says why it skips"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use self_trader::clock::wall_ms;
use serde_json::Value;
use tempfile::TempDir;

#[path = "support/kafka.rs"]
#[expect(dead_code, reason = "the faults of a broker are another test's matter")]
mod broker;
use broker::{Broker, Options, SASL_PASSWORD, SASL_USER};

const PARTITIONS: i32 = 5;
const PATIENCE: Duration = Duration::from_secs(20);

/// A message as it lies in the broker.
struct Kept {
    partition: i32,
    key: String,
    time_ms: i64,
    body: Value,
}

impl Kept {
    fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap()
    }

    fn seq(&self) -> u64 {
        self.body["seq"].as_u64().unwrap()
    }
}

fn tape_of(dir: &TempDir, trades: u64, gap_ms: u64) -> PathBuf {
    let path = dir.path().join("BTCUSDT-trades-1.csv");
    let mut rows = String::new();
    for id in 0..trades {
        let time = 1_723_161_255_000 + id * gap_ms;
        writeln!(rows, "{id},61837.{:02},0.5,1,{time},{},True", id % 100, id % 2 == 0).unwrap();
    }
    fs::write(&path, rows).unwrap();
    path
}

fn replay(tape: &Path, to: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_self-trader"));
    command
        .args(["replay", tape.to_str().unwrap(), "--to", to])
        .args(more)
        .env("KAFKA_PASSWORD", SASL_PASSWORD);
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Everything that lies in a topic.
fn kept(broker: &Broker, topic: &str) -> Vec<Kept> {
    kept_by(&broker.address(), topic)
}

fn kept_by(brokers: &str, topic: &str) -> Vec<Kept> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", brokers);
    let consumer: BaseConsumer =
        client.set("group.id", "reader").set("enable.auto.commit", "false").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let (mut from, mut want) = (TopicPartitionList::new(), 0);
    for partition in metadata.topics()[0].partitions() {
        let (_, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).unwrap();
        from.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
        want += usize::try_from(high).unwrap();
    }
    consumer.assign(&from).unwrap();
    let mut kept = Vec::new();
    while kept.len() < want {
        let message = consumer.poll(PATIENCE).expect("a message within the time").unwrap();
        kept.push(Kept {
            partition: message.partition(),
            key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
            time_ms: message.timestamp().to_millis().unwrap(),
            body: serde_json::from_slice(message.payload().unwrap()).unwrap(),
        });
    }
    kept
}

/// The partition of a key as Java's clients choose it.
fn murmur2(key: &str) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let bytes = key.as_bytes();
    let mut hash = 0x9747_b28c ^ u32::try_from(bytes.len()).unwrap();
    for chunk in bytes.chunks(4) {
        if let Ok(four) = <[u8; 4]>::try_from(chunk) {
            let mut k = u32::from_le_bytes(four).wrapping_mul(M);
            k = (k ^ (k >> 24)).wrapping_mul(M);
            hash = hash.wrapping_mul(M) ^ k;
        } else {
            let tail = chunk.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
            hash = (hash ^ tail).wrapping_mul(M);
        }
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^= hash >> 15;
    i32::try_from(hash & 0x7fff_ffff).unwrap() % PARTITIONS
}

#[test]
fn each_trade_lies_there_once_in_its_keys_partition() {
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("trades", PARTITIONS);
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 200, 10);
    let before = wall_ms();
    let output =
        replay(&tape, &format!("kafka://{}/trades", broker.address()), &["--speed", "10", "--copies", "7"]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).starts_with("replayed 1400 messages in "), "{}", out(&output));
    let mut by_symbol: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for message in kept(&broker, "trades") {
        by_symbol.entry(message.text("symbol").to_owned()).or_default().push(message);
    }
    assert_eq!(by_symbol.len(), 7);
    let mut partitions = BTreeSet::new();
    for (symbol, messages) in &by_symbol {
        assert!(messages.iter().map(Kept::seq).eq(1..=200), "{symbol}: once each, in order, from 1");
        for message in messages {
            assert_eq!((&message.key, message.partition), (symbol, murmur2(symbol)));
            let time: i64 = message.text("time").parse().unwrap();
            assert!((before..=wall_ms()).contains(&time), "fresh");
            assert_eq!(message.time_ms, time, "the broker's stamp is the planned moment too");
        }
        let span = messages[199].time_ms - messages[0].time_ms;
        assert_eq!(span, 199, "1.99 s of tape at ten times its speed");
        assert_eq!(messages[199].text("orig_id"), "199");
        partitions.insert(messages[0].partition);
    }
    assert!(partitions.len() > 1, "seven keys are not all of one partition");
}

#[test]
fn a_topic_a_symbol_and_a_second_run_without_a_repeated_id() {
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("trades-BTCUSDTX001", 1);
    broker.create_topic("trades-BTCUSDTX002", 1);
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 50, 1);
    let to = format!("kafka://{}/trades-{{symbol}}", broker.address());
    for _ in 0..2 {
        let output = replay(&tape, &to, &["--speed", "max", "--copies", "2"]);
        assert!(output.status.success(), "{}", err(&output));
    }
    for topic in ["trades-BTCUSDTX001", "trades-BTCUSDTX002"] {
        let messages = kept(&broker, topic);
        let ids: BTreeSet<&str> = messages.iter().map(|message| message.text("id")).collect();
        assert_eq!((messages.len(), ids.len()), (100, 100), "{topic}");
        assert!(messages.iter().all(|message| topic.ends_with(&message.key)));
    }
    // A third copy has no topic: said at once, with nothing of it made.
    let output = replay(&tape, &to, &["--speed", "max", "--copies", "3"]);
    let err = err(&output);
    assert_eq!((output.status.code(), err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.starts_with("TAPE-020 ") && err.contains("no such topic (got trades-BTCUSDTX003)"), "{err}");
}

#[test]
fn a_steady_market_has_no_gap() {
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("steady", PARTITIONS);
    let dir = TempDir::new().unwrap();
    // The tape itself would be over at once, and is gone round more than twice.
    let tape = tape_of(&dir, 7, 0);
    let to = format!("kafka://{}/steady", broker.address());
    let output = replay(&tape, &to, &["--steady", "10", "--copies", "4", "--for", "4s"]);
    assert!(output.status.success(), "{}", err(&output));
    let mut by_symbol: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for message in kept(&broker, "steady") {
        by_symbol.entry(message.key.clone()).or_default().push(message);
    }
    assert_eq!(by_symbol.len(), 4);
    for (symbol, messages) in &by_symbol {
        // A busy machine starts late; what counts is that nothing is missing from then on.
        assert!((12..=41).contains(&messages.len()), "{symbol}: {} in 4 s", messages.len());
        let seqs: Vec<u64> = messages.iter().map(Kept::seq).collect();
        assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{symbol}: {seqs:?}");
        let gaps: Vec<i64> = messages.windows(2).map(|two| two[1].time_ms - two[0].time_ms).collect();
        assert!(gaps.iter().all(|gap| (99..=101).contains(gap)), "{symbol}: {gaps:?}");
        let prices: Vec<&str> = messages.iter().take(8).map(|message| message.text("price")).collect();
        assert_eq!((prices[0], prices[6], prices[7]), ("61837.00", "61837.06", "61837.00"), "in turn");
    }
    // The symbols lie evenly between each other, not all at one moment.
    let firsts: BTreeSet<i64> = by_symbol.values().map(|messages| messages[0].time_ms).collect();
    assert_eq!(firsts.len(), 4, "{firsts:?}");
}

#[test]
fn a_password_is_used_and_never_shown() {
    let Some(broker) = Broker::start_with(Options { sasl: true, ..Options::default() }) else { return };
    broker.create_topic("trades", 1);
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 5, 1);
    let to = format!("kafka://{}/trades", broker.sasl_address());
    let options = dir.path().join("options.json");
    let text = format!(
        r#"{{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "{SASL_USER}",
            "sasl.password": {{"env": "KAFKA_PASSWORD"}}}}"#
    );
    fs::write(&options, text).unwrap();
    let file = ["--kafka-options", options.to_str().unwrap()];
    let output = replay(&tape, &to, &file);
    assert!(output.status.success(), "{}", err(&output));
    // What the command line says goes before the file.
    let output = replay(&tape, &to, &[file[0], file[1], "--kafka-option", "sasl.password=wrong-canary"]);
    let told = err(&output);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.starts_with("TAPE-020 ") && told.contains("uthentication"), "{told}");
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn what_cannot_be_is_one_line() {
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 5, 1);
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("trades", 2, 1).unwrap();
    let to = format!("kafka://{}/trades", cluster.bootstrap_servers());
    let bad = dir.path().join("bad.json");
    fs::write(&bad, r#"{"sasl.password": ["canary"]}"#).unwrap();
    for (more, want) in [
        (["--kafka-option", "no.such.option=canary"], "TAPE-021 "),
        (["--kafka-option", "linger.ms=canary"], "TAPE-021 "),
        (["--kafka-option", "partitioner=random"], "TAPE-021 "),
        (["--kafka-options", bad.to_str().unwrap()], "OPT-001 "),
        (["--kafka-option", "canary"], "OPT-001 "),
    ] {
        let output = replay(&tape, &to, &more);
        let told = err(&output);
        assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
        assert!(told.starts_with(want) && !told.contains("canary"), "{told}");
    }
    let output = replay(&tape, "kafka://127.0.0.1:1/trades", &[]);
    let told = err(&output);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.starts_with("TAPE-020 kafka://127.0.0.1:1/trades: ") && told.contains("refused"), "{told}");
}

#[test]
fn what_the_broker_refuses_is_counted() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("trades", 1, 1).unwrap();
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 20, 1);
    // Everything is refused for longer than a message is kept.
    let refusals = vec![rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 100];
    cluster.request_errors(rdkafka::types::RDKafkaApiKey::Produce, &refusals);
    let to = format!("kafka://{}/trades", cluster.bootstrap_servers());
    let output = replay(&tape, &to, &["--speed", "max"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let told = out(&output);
    assert!(
        told.starts_with("replayed 20 messages") && told.contains("20 not delivered (first: "),
        "{told}{}",
        err(&output)
    );
}

#[test]
fn what_is_sent_again_stays_in_its_place() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("trades", 1, 1).unwrap();
    // Several requests are under way when the first is refused, and go on.
    cluster.broker_round_trip_time(1, Duration::from_millis(50)).unwrap();
    let refusals = [rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 1];
    cluster.request_errors(rdkafka::types::RDKafkaApiKey::Produce, &refusals);
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 200, 5);
    let to = format!("kafka://{}/trades", cluster.bootstrap_servers());
    let output = replay(&tape, &to, &[]);
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    let seqs: Vec<u64> = kept_by(&cluster.bootstrap_servers(), "trades").iter().map(Kept::seq).collect();
    assert!(seqs.iter().copied().eq(1..=200), "{seqs:?}");
}
