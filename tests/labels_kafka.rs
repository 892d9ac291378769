//! Labels in a real Kafka's topic, and trades joined with labels: whole after runs that end in order, and counted
//! after a kill.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says why it skips"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use schemas::config::{FeedUrl, KafkaUrl, StagingAddress};
use schemas::ids::{Epoch, InstrumentPrefix};
use self_trader::labels::takeover::{Taken, unlabelled};
use self_trader::labels::{KafkaSink, LabelSinks};
use self_trader::venue::guard::Target;
use serde_json::{Value, json};

#[path = "support/kafka.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod broker;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;

use broker::Broker;
use process::{RunProcess, VenueProcess, folder, instrument, request, until, until_within};

const PATIENCE: Duration = Duration::from_secs(20);
/// Pauses between tries to connect, each longer than the one before, and what has waited meanwhile.
const BACK_WITHIN: Duration = Duration::from_secs(90);
const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

fn config(venue: &VenueProcess, broker: &Broker, topic: &str, options: &Value) -> Value {
    json!({
        "Feed": "synthetic:5",
        "Labels Kafka": format!("kafka://{}/{topic}", broker.address()),
        "Kafka Options": options,
        "instruments": SYMBOLS.map(|symbol| instrument(venue.addr, symbol)),
    })
}

fn started(dir: &Path, name: &str, config: &Value) -> RunProcess {
    let run = RunProcess::start(dir, name, config, &[]);
    run.wait_until_ready();
    run
}

fn trades_more(venue: &VenueProcess, more: u64) {
    let before = venue.trades();
    until("it trades", || (venue.trades() >= before + more).then_some(()));
}

/// The venue's trades when what was on its way from a process that is no more has come.
fn trades_at_last(venue: &VenueProcess) -> u64 {
    let (mut known, mut looks) = (0, 0);
    until("nothing more trades", || {
        let trades = venue.trades();
        looks = if trades == known { looks + 1 } else { 0 };
        known = trades;
        (looks > 20).then_some(known)
    })
}

/// What `report` says, and with which exit code.
fn report(venue: &VenueProcess, labels: &[&str]) -> (Option<i32>, Value) {
    let url = format!("http://{}", venue.addr);
    let mut command = Command::new(env!("CARGO_BIN_EXE_self-trader"));
    command.args(["report", "--venue", &url]);
    for place in labels {
        command.args(["--labels", place]);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    let found = serde_json::from_slice(&stdout);
    (status.code(), found.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&stderr))))
}

fn topic_url(broker: &Broker, topic: &str) -> String {
    format!("kafka://{}/{topic}", broker.address())
}

/// Keys and bodies of everything in a topic, by partition.
fn messages(broker: &Broker, topic: &str, count: usize) -> Vec<(i32, String, Value)> {
    let consumer: BaseConsumer = broker.client().set("group.id", "reader").create().unwrap();
    let mut from = TopicPartitionList::new();
    for partition in consumer.fetch_metadata(Some(topic), PATIENCE).unwrap().topics()[0].partitions() {
        from.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&from).unwrap();
    let mut all = Vec::new();
    while all.len() < count {
        let message = consumer.poll(PATIENCE).expect("a message within the time").unwrap();
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        all.push((message.partition(), key, serde_json::from_slice(message.payload().unwrap()).unwrap()));
    }
    all
}

#[test]
fn a_run_that_ends_in_order_labels_every_trade_once() {
    let Some(mut broker) = Broker::start() else { return };
    broker.create_topic("labels", 3);
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut run = started(dir.path(), "run", &config(&venue, &broker, "labels", &json!({})));
    trades_more(&venue, 40);
    // A broker that is away for a while costs no label and no trade.
    broker.stop();
    trades_more(&venue, 20);
    broker.launch();
    trades_more(&venue, 20);
    let metric = |name: &str| {
        let (_, page) = request(run.admin, "GET", "/metrics", "");
        let line = page.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
    };
    // The client comes back to the broker in its own time.
    until_within(BACK_WITHIN, "labels are confirmed", || {
        metric("st_labels_kafka_total ").filter(|count| *count > 70.0)
    });
    assert_eq!(metric("st_labels_kafka_failures_total "), Some(0.0));
    let (status, summary) = run.stop();
    assert_eq!((status.code(), &summary["labels_lost"]), (Some(0), &json!(0)));

    let lines = run.labels();
    let file = run.labels.to_str().unwrap().to_owned();
    let in_topic = topic_url(&broker, "labels");
    for place in [&file, &in_topic] {
        let (code, found) = report(&venue, &[place]);
        assert_eq!(code, Some(0), "{place}: {found}");
        assert_eq!(found["trades"], json!(venue.trades()));
        assert_eq!((&found["joined"], &found["labels"]), (&found["trades"], &json!(lines.len())));
        assert_eq!((&found["labels_without_trade"], &found["unreadable"]), (&json!(0), &json!(0)));
    }
    // Read from both, each trade has two labels: that is seen as well.
    let (code, found) = report(&venue, &[&file, &in_topic]);
    assert_eq!((code, &found["several_labels"]), (Some(1), &found["trades"]));

    let kept = messages(&broker, "labels", lines.len());
    let mut partitions = BTreeMap::new();
    for (partition, key, body) in &kept {
        assert_eq!(body["maker_symbol"], json!(key));
        assert_eq!(partitions.entry(key).or_insert(partition), &partition, "one partition a symbol");
    }
    let of = |bodies: Vec<&Value>, symbol: &str| -> Vec<Value> {
        bodies.into_iter().filter(|body| body["maker_symbol"] == json!(symbol)).cloned().collect()
    };
    for symbol in SYMBOLS {
        let in_file = of(lines.iter().collect(), symbol);
        assert_eq!(
            of(kept.iter().map(|(_, _, body)| body).collect(), symbol),
            in_file,
            "same labels, same order"
        );
    }
}

#[test]
fn after_a_kill_the_successor_counts_what_has_no_label() {
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("labels", 1);
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = config(&venue, &broker, "labels", &json!({}));
    let mut run = started(dir.path(), "first", &config);
    trades_more(&venue, 40);
    let joined = || report(&venue, &[&topic_url(&broker, "labels")]).1["joined"].as_u64();
    let confirmed = until("labels are confirmed", || joined().filter(|joined| *joined > 20));
    // What trades while the broker is frozen is in flight to the topic, and lost with the process, but for the
    // first few requests, which lie in the broker's socket.
    broker.signal("STOP");
    trades_more(&venue, 40);
    run.process.kill();
    broker.signal("CONT");
    let trades = trades_at_last(&venue);

    let (code, in_topic) = report(&venue, &[&topic_url(&broker, "labels")]);
    assert_eq!((code, &in_topic["trades"]), (Some(1), &json!(trades)), "{in_topic}");
    let lost = in_topic["unlabelled"].as_u64().unwrap();
    assert!(lost >= 10 && lost + confirmed <= trades, "{in_topic}");
    assert_eq!(in_topic["labels_without_trade"], json!(0));
    // The file has all but the pairs that were in flight and what came in the recorder's last few milliseconds.
    let (_, in_file) = report(&venue, &[run.labels.to_str().unwrap()]);
    assert!(in_file["unlabelled"].as_u64().unwrap() <= 2 * SYMBOLS.len() as u64, "{in_file}");

    let FeedUrl::Kafka(url) = FeedUrl::parse(&topic_url(&broker, "labels")).unwrap() else {
        panic!("it is Kafka")
    };
    let topic =
        |url: KafkaUrl| LabelSinks { file: None, kafka: Some(KafkaSink { url, options: Vec::new() }) };
    let both = LabelSinks { file: Some(run.labels.clone()), ..topic(url.clone()) };
    for (sinks, want) in [(topic(url), &in_topic), (both, &in_file)] {
        let found = successor_of(&venue, Epoch::new(Epoch::MAX), &sinks);
        assert_eq!(found["unlabelled"], want["unlabelled"]);
        assert_eq!(found["trades"], json!(trades));
    }
    // An owner older than all of these has no predecessor among them.
    let none =
        successor_of(&venue, Epoch::new(0), &LabelSinks { file: Some(run.labels.clone()), kafka: None });
    assert_eq!(none["trades"], json!(0));
}

fn successor_of(venue: &VenueProcess, epoch: Epoch, sinks: &LabelSinks) -> Value {
    let address: StagingAddress = format!("http://{}", venue.addr).parse().unwrap();
    let target = Target::of(&schemas::config::Venue::Staging {
        dialect: schemas::config::Dialect::BinanceSpot,
        address,
    });
    let taken: Taken = SYMBOLS.iter().map(|symbol| (InstrumentPrefix::new("main", symbol), epoch)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(unlabelled(target.unwrap(), taken, sinks)).unwrap();
    serde_json::to_value(found.unwrap()).unwrap()
}

#[test]
fn a_label_that_the_topic_never_takes_ends_the_run() {
    let Some(mut broker) = Broker::start() else { return };
    broker.create_topic("labels", 1);
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let options = json!({ "message.timeout.ms": "1500" });
    let mut run = started(dir.path(), "run", &config(&venue, &broker, "labels", &options));
    trades_more(&venue, 5);
    broker.kill();
    assert_eq!(run.process.wait().code(), Some(1));
    assert!(run.summary()["labels_lost"].as_u64().unwrap() > 0, "{}", run.summary());
    assert_eq!(run.summary()["open_orders"], json!(0));
    assert_eq!(
        run.process.out().matches("a label was not taken by its topic").count(),
        1,
        "{}",
        run.process.out()
    );
}

#[test]
fn without_its_topic_a_run_does_not_begin() {
    let Some(broker) = Broker::start() else { return };
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let file = dir.path().join("config.json");
    std::fs::write(&file, config(&venue, &broker, "no-such-labels", &json!({})).to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_self-trader")).arg("run").arg(&file).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(
        told.contains("LABEL-001 kafka://") && told.contains("no such topic (got no-such-labels)"),
        "{told}"
    );
    assert_eq!(venue.trades(), 0);
}
