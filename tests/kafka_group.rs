//! The Kafka feed against a real broker: partitions change hands, topics appear and grow, offsets are rewound,
//! passwords are wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "tests print what they measured, or why they are skipped")]

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use self_trader::feed::{FeedEnd, FeedState, FeedStop};

#[expect(dead_code, reason = "other tests need the rest")]
#[path = "support/kafka.rs"]
mod kafka;
#[path = "support/log.rs"]
mod log;
#[path = "support/kafka_member.rs"]
mod member;
use kafka::{Broker, Options, SASL_USER};
use member::{Member, body, on_one_thread, until, within};

const LONG: Duration = Duration::from_secs(600);
const SYMBOLS: [&str; 12] = [
    "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "ADAUSDT", "DOTUSDT", "LTCUSDT", "TRXUSDT",
    "XLMUSDT", "NEOUSDT", "EOSUSDT",
];

/// Fault F17.
/// Promise P3.
#[test]
fn partitions_change_hands_under_both_protocols() {
    let Some(broker) = Broker::start() else { return };
    for protocol in ["classic", "consumer"] {
        broker.create_topic(protocol, 6);
        let url = format!("kafka://{}/{protocol}?group={protocol}&protocol={protocol}", broker.address());
        on_one_thread(change_hands(&url, protocol));
    }
}

/// Nobody has committed yet: the first waits. The others take over what was confirmed, at once.
async fn change_hands(url: &str, protocol: &str) {
    let first = Member::start(url, &SYMBOLS, Duration::from_secs(2));
    until("the first owns all", || first.open().len() == SYMBOLS.len()).await;
    let term = first.term(0).unwrap();
    assert!(term.shared && term.from.mono > first.clock.now().mono, "nothing says that nobody else owns it");
    until("its waiting is over", || first.clock.now().mono > term.from.mono).await;

    let second = Member::start(url, &SYMBOLS, LONG);
    let begun = second.clock.now().mono;
    until("half of it moves", || {
        let (ours, theirs) = (first.open(), second.open());
        assert!(ours.iter().all(|number| !theirs.contains(number)), "two own one symbol");
        !theirs.is_empty() && ours.len() + theirs.len() == SYMBOLS.len()
    })
    .await;
    println!("{protocol}: joined and taken over after {:?}", second.clock.now().mono.since(begun));
    for number in second.open() {
        let taken = second.term(number).unwrap();
        assert!(taken.from.mono <= second.clock.now().mono, "a confirmed hand-over needs no waiting");
        assert!(taken.epoch > term.epoch);
    }
    let moved = second.open();

    first.stop(FeedStop::Quiet);
    first.holds.iter().for_each(|hold| hold.leave());
    first.stop(FeedStop::End);
    let begun = second.clock.now().mono;
    until("the rest moves", || second.open().len() == SYMBOLS.len()).await;
    println!("{protocol}: left and taken over after {:?}", second.clock.now().mono.since(begun));
    for number in 0..SYMBOLS.len() {
        let term = second.term(number).unwrap();
        assert!(term.from.mono <= second.clock.now().mono, "{number}");
    }
    assert!(first.open().is_empty());
    assert_eq!(first.ended().await.unwrap(), FeedEnd::Stopped);

    // Lanes that do not close are let go, and whoever comes next waits.
    second.lanes_close(false);
    second.stop(FeedStop::End);
    second.ended().await.unwrap();
    let third = Member::start(url, &SYMBOLS, LONG);
    until("all is the third's", || third.open().len() == SYMBOLS.len()).await;
    for number in 0..SYMBOLS.len() {
        let waits = third.term(number).unwrap();
        assert!(waits.from.mono > third.clock.now().mono + LONG / 2, "{number}: {waits:?}");
    }
    assert!(!moved.is_empty());
    third.stop(FeedStop::End);
    third.ended().await.unwrap();
}

/// Fault F20.
#[test]
fn topics_appear_and_grow_and_offsets_position_nothing() {
    let Some(broker) = Broker::start() else { return };
    log::start();
    on_one_thread(async {
        for protocol in ["classic", "consumer"] {
            grow(&broker, protocol).await;
        }
    });
}

async fn grow(broker: &Broker, topic: &str) {
    let url = format!("kafka://{}/{topic}?group={topic}&protocol={topic}", broker.address());
    let mut member = Member::start(&url, &["BTCUSDT", "ETHUSDT"], Duration::ZERO);
    let trouble = trouble(&mut member).await;
    assert!(trouble.contains(&format!("no topic \"{topic}\"")), "{trouble}");
    // Looked at again, said no second time.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(log::take().matches("no topic").count(), 1);

    aside(|| broker.create_topic(topic, 1));
    until("both are ours", || member.open() == [0, 1]).await;
    member.live().await;
    assert_eq!(member.counters.messages.get(), 0);
    heard(&mut member, 7, || broker.produce(topic, Some("BTCUSDT"), &body(7), None)).await;
    let before = [0, 1].map(|number: usize| member.holds[number].epoch());

    aside(|| broker.create_partitions(topic, 8));
    let anew = |member: &Member| (0..2).all(|number| member.holds[number].epoch() > before[number]);
    until("it begins anew", || member.open() == [0, 1] && anew(&member)).await;
    // A producer that was there before learns of new partitions in its own time.
    let publisher = Publisher::new(broker, topic);
    for (price, symbol) in [(8, "BTCUSDT"), (9, "ETHUSDT")] {
        heard(&mut member, price, || publisher.send(symbol, price)).await;
    }
    member.stop(FeedStop::End);
    member.ended().await.unwrap();

    rewind(broker, topic);
    let mut member = Member::start(&url, &["BTCUSDT", "ETHUSDT"], Duration::ZERO);
    until("both are ours", || member.open() == [0, 1]).await;
    let mut price = 100;
    while member.ticks.is_empty() {
        publisher.send("BTCUSDT", price);
        price += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let first: u32 = member.price().await.parse().unwrap();
    assert!(first >= 100, "{first} was there before");
    member.stop(FeedStop::End);
    member.ended().await.unwrap();
}

struct Publisher<'a> {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: &'a str,
}

impl<'a> Publisher<'a> {
    fn new(broker: &Broker, topic: &'a str) -> Self {
        let producer =
            broker.client().set("partitioner", "murmur2_random").set("linger.ms", "1").create().unwrap();
        Self { producer, topic }
    }

    fn send(&self, symbol: &str, price: u32) {
        let payload = body(price);
        let record = BaseRecord::to(self.topic).key(symbol).payload(&payload);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }
}

/// Sets every committed offset of the group back to the beginning, with a note that nobody of us wrote.
fn rewind(broker: &Broker, topic: &str) {
    let consumer: BaseConsumer = broker.client().set("group.id", topic).create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..8 {
        list.add_partition_offset(topic, partition, Offset::Offset(0)).unwrap();
    }
    // Nobody's offsets but a member's are taken until the last one is known to have left.
    let mut tries = 0..50;
    while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
        assert!(tries.next().is_some(), "{error}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_wrong_password_is_said_once_and_tried_again() {
    let Some(broker) = Broker::start_with(Options { sasl: true, ..Options::default() }) else { return };
    broker.create_topic("t", 2);
    log::start();
    on_one_thread(async {
        let url = format!("kafka://{}/t?group=g", broker.sasl_address());
        let options = |password| {
            [
                ("security.protocol", "sasl_plaintext"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", SASL_USER),
                ("sasl.password", password),
            ]
        };
        let mut member = Member::start_with(&url, &["BTCUSDT"], Duration::ZERO, &options("canary-3b1f"));
        let trouble = trouble(&mut member).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        member.stop(FeedStop::End);
        member.ended().await.unwrap();
        let lines = log::take();
        assert_eq!(lines.matches("FEED-036").count(), 1, "{lines}");
        assert!(trouble.contains("Invalid username or password"), "{trouble}");
        assert!(!lines.contains("canary"), "{lines}");

        let right = options(kafka::SASL_PASSWORD);
        let member = Member::start_with(&url, &["BTCUSDT"], Duration::ZERO, &right);
        until("it is ours", || member.open() == [0]).await;
        member.stop(FeedStop::End);
        member.ended().await.unwrap();
    });
}

/// The reason that a feed gives for not being live.
async fn trouble(member: &mut Member) -> String {
    let troubled = member.states.wait_for(|state| matches!(state, FeedState::Reconnecting { .. }));
    within("trouble", troubled).await.unwrap().to_string()
}

/// Publishes a price until it comes: a client that has just begun may come to stand behind what was published first.
/// Nothing comes but what was published here.
async fn heard(member: &mut Member, price: u32, publish: impl Fn()) {
    within("the price", async {
        loop {
            publish();
            tokio::time::sleep(Duration::from_millis(50)).await;
            while let Ok(came) = member.ticks.try_recv() {
                let came: u32 = came.tick.price.unwrap().to_string().parse().unwrap();
                assert!((7..=price).contains(&came), "{came} while {price} was waited for");
                if came == price {
                    return;
                }
            }
        }
    })
    .await;
}

/// The broker's tools have a runtime of their own.
fn aside(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}
