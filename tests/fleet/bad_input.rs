//! What a broker can hand us that cannot be used: one clear line or a counted skip each, and nothing stops.

use std::time::Duration;

use self_trader::clock::wall_ms;
use serde_json::{Value, json};

use crate::kafka::{Broker, Options, SASL_PASSWORD, SASL_USER};
use crate::market::TOPIC;
use crate::members::{Fleet, pass};
use crate::process::{now, until};
use crate::publisher::{Steady, tick};

const SYMBOLS: usize = 3;
const PARTITIONS: i32 = 4;
/// The client tries a wrong password about twice a second.
const SEVERAL_TRIES: Duration = Duration::from_secs(4);
/// A trouble is told within this, even by a client that tries several times first.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

fn settings(broker: &str) -> Value {
    json!({ "Feed": format!("kafka://{broker}/{TOPIC}?group=fleet"), "Sharding": "group" })
}

#[test]
fn messages_that_cannot_be_used_are_counted_and_skipped() {
    let Some(broker) = Broker::start() else { return };
    broker.create_topic(TOPIC, PARTITIONS);
    let mut fleet = Fleet::new(SYMBOLS);
    // So old a tick may trade here that no pause of the machine keeps one out.
    let patient = |instrument: &mut Value| instrument["Max Tick Age"] = 3_600.into();
    fleet.start_with("one", &settings(&broker.address()), &[], patient);
    let steady = Steady::kafka(&broker, TOPIC, &fleet.symbols);
    fleet.settle("one starts", &["one"]);
    drop(steady);
    broker.flush();
    let before = quiet_trades(&fleet);

    let (symbol, run) = (fleet.symbols[0].clone(), wall_ms());
    let nameless = br#"{"price":"43.50","qty":"1"}"#.as_slice();
    let huge =
        [b"{\"price\":\"43.50\",\"qty\":\"1\",\"pad\":\"".as_slice(), &[b'x'; 2 << 20], b"\"}"].concat();
    // Where a key lies is murmur2's; three of four partitions are wrong for it.
    let conflicts = 3;
    for (key, payload, reason, line) in [
        (None, nameless, "no_key", "FEED-021"),
        (Some("NOSUCHUSDT"), nameless, "unknown_symbol", "FEED-015"),
        (Some(symbol.as_str()), huge.as_slice(), "too_large", "FEED-002"),
        (Some(symbol.as_str()), b"{\"price\":", "malformed", "FEED-004"),
    ] {
        broker.produce(TOPIC, key, payload, None);
        broker.flush();
        until(reason, || (rejected(&fleet, reason) == 1).then_some(()));
        // The log has a thread of its own.
        let lines = until(line, || Some(lines_with(&fleet, line)).filter(|lines| !lines.is_empty()));
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].len() < 400, "{}", lines[0]);
    }
    broker.produce(TOPIC, Some(&symbol), tick(&symbol, run, 1).as_bytes(), None);
    broker.flush();
    until("the good one trades", || (fleet.venue.trades() == before + 1).then_some(()));
    for partition in 0..PARTITIONS {
        broker.produce(TOPIC, Some(&symbol), tick(&symbol, run, 2).as_bytes(), Some(partition));
    }
    broker.flush();
    until("strayed ones are counted", || (rejected(&fleet, "partition_conflict") == conflicts).then_some(()));
    until("the one at home trades", || (fleet.venue.trades() == before + 2).then_some(()));
    let summary = fleet.stop("one");
    assert_eq!(summary["rejected"], 4 + conflicts, "{summary}");
    assert_eq!(summary["venue_trades"], before + 2, "{summary}");
}

#[test]
fn a_topic_that_does_not_exist_is_told_once_and_waited_for() {
    let Some(broker) = Broker::start() else { return };
    let mut fleets = ["classic", "consumer"].map(|protocol| {
        let (mut fleet, topic) = (Fleet::new(SYMBOLS), format!("later-{protocol}"));
        let mut settings = settings(&broker.address());
        let feed = format!("kafka://{}/{topic}?group={topic}&protocol={protocol}", broker.address());
        settings["Feed"] = feed.into();
        fleet.start("one", &settings, &[]);
        (fleet, topic)
    });
    for (fleet, topic) in &fleets {
        until("the topic is missed", || (!told_of(fleet, topic).is_empty()).then_some(()));
    }
    pass(SEVERAL_TRIES);
    for (fleet, topic) in &mut fleets {
        let told = told_of(fleet, topic);
        assert_eq!(told.len(), 1, "{told:#?}");
        broker.create_topic(topic, PARTITIONS);
        let steady = Steady::kafka(&broker, topic, &fleet.symbols);
        fleet.settle("the topic is there", &["one"]);
        drop(steady);
    }
    for (fleet, topic) in fleets {
        fleet.finish(&format!("a topic that comes later, {topic}"));
    }
}

#[test]
fn a_wrong_password_is_told_once() {
    let Some(broker) = Broker::start_with(Options { sasl: true, ..Options::default() }) else { return };
    broker.create_topic(TOPIC, PARTITIONS);
    let mut fleet = Fleet::new(SYMBOLS);
    let password = |name: &str, text: &str| {
        let path = fleet.dir().join(name);
        std::fs::write(&path, text).unwrap();
        json!({ "file": path })
    };
    let login = |password: Value| {
        let mut settings = settings(&broker.sasl_address());
        settings["Kafka Options"] = json!({
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN",
            "sasl.username": SASL_USER, "sasl.password": password,
        });
        settings
    };
    let (wrong, right) =
        (login(password("wrong", "wrong-canary-77aa")), login(password("right", SASL_PASSWORD)));
    fleet.start("wrong", &wrong, &[]);
    let began = now();
    while told_of(&fleet, "uthentic").is_empty() {
        assert!(began.elapsed() < TOLD_WITHIN, "nothing was told of the password:\n{}", fleet.log("wrong"));
        pass(Duration::from_millis(50));
    }
    pass(SEVERAL_TRIES);
    let told = told_of(&fleet, "uthentic");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(!fleet.log("wrong").contains("canary"));
    fleet.stop("wrong");

    fleet.start("right", &right, &[]);
    let steady = Steady::kafka(&broker, TOPIC, &fleet.symbols);
    fleet.settle("the right password", &["right"]);
    assert!(!fleet.log("right").contains("canary"));
    drop(steady);
    fleet.finish("a password");
}

/// The venue's trades when all that was published has come to its end. Looks are counted, not time: a machine that
/// stands still gets nothing done meanwhile.
fn quiet_trades(fleet: &Fleet) -> u64 {
    let (mut known, mut looks) = (0, 0);
    until("nothing more trades", || {
        let trades = fleet.venue.trades();
        looks = if trades == known { looks + 1 } else { 0 };
        known = trades;
        (looks > 80).then_some(())
    });
    known
}

fn rejected(fleet: &Fleet, reason: &str) -> u64 {
    let page = fleet.metrics("one");
    let mut lines = page.lines().filter(|line| line.starts_with("st_feed_rejected_total{"));
    let line = lines.find(|line| line.contains(&format!("reason=\"{reason}\"")));
    line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

fn lines_with(fleet: &Fleet, text: &str) -> Vec<String> {
    fleet.log("one").lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

/// Complaints of the only process that speak of something.
fn told_of(fleet: &Fleet, text: &str) -> Vec<String> {
    let log = fleet.logs();
    let complaints = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    complaints.filter(|line| line.contains(text)).map(str::to_owned).collect()
}
