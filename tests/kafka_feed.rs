//! The Kafka feed against a broker played inside this process: partitions, bad messages, refused commits, brokers
//! that are gone. What a real broker decides is in `kafka_group.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, DeliveryResult, Producer, ProducerContext, ThreadedProducer,
};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientContext, error::KafkaError};
use schemas::config::Partitioner;
use schemas::ids::Epoch;
use self_trader::clock::wall_ms;
use self_trader::feed::decode::Reason;
use self_trader::feed::kafka::partition::partition_of;
use self_trader::feed::{FeedEnd, FeedStop};

#[path = "support/kafka_member.rs"]
mod member;
#[path = "support/stalls.rs"]
mod stalls;
use member::{Member, PATIENCE, body, on_one_thread, until, within};
use stalls::Stalls;

/// Longer than any test: what opens before it did not wait for it.
const LONG: Duration = Duration::from_secs(600);
const NO_DELAY: Duration = Duration::ZERO;

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(topic: &str, partitions: i32) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(topic, partitions, 1).unwrap();
    cluster
}

fn url(cluster: &Cluster, rest: &str) -> String {
    format!("kafka://{}/{rest}", cluster.bootstrap_servers())
}

/// Tells where each message went.
#[derive(Clone)]
struct Told(Sender<(Vec<u8>, i32)>);

impl ClientContext for Told {}

impl ProducerContext for Told {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let message: &BorrowedMessage<'_> =
            result.as_ref().map_err(|(error, _): &(KafkaError, _)| error).unwrap();
        self.0.send((message.key().unwrap_or_default().to_vec(), message.partition())).unwrap();
    }
}

struct Publisher {
    producer: ThreadedProducer<DefaultProducerContext>,
}

impl Publisher {
    fn new(cluster: &Cluster) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", "16000000")
            .set("linger.ms", "1");
        Self { producer: config.create().unwrap() }
    }

    fn send(&self, topic: &str, key: Option<&str>, payload: Option<&[u8]>, partition: Option<i32>) {
        let mut record = BaseRecord::<str, [u8]>::to(topic);
        record.key = key;
        record.payload = payload;
        record.partition = partition;
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }
}

/// The other way to be wrong about partitions is that publishers and we compute them differently.
#[test]
fn partitions_are_those_that_publishers_choose() {
    let count = 7;
    let cluster = cluster("t", count);
    for (name, partitioner) in [
        ("murmur2_random", Partitioner::Murmur2),
        ("consistent_random", Partitioner::Crc32),
        ("fnv1a_random", Partitioner::Fnv1a),
    ] {
        let (told, delivered) = channel_of_all();
        let producer: ThreadedProducer<Told> = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("partitioner", name)
            .create_with_context(told)
            .unwrap();
        let keys: Vec<String> =
            (0..300).map(|n| format!("{}USDT", "ABCDEFGHI".repeat(n % 4) + &n.to_string())).collect();
        for key in &keys {
            producer.send(BaseRecord::to("t").key(key).payload("x")).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        for _ in &keys {
            let (key, partition) = delivered.recv_timeout(PATIENCE).unwrap();
            assert_eq!(partition_of(&key, count, partitioner), partition, "{name}: {key:?}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own queue, as long as the test sends")]
fn channel_of_all() -> (Told, std::sync::mpsc::Receiver<(Vec<u8>, i32)>) {
    let (sender, receiver) = channel();
    (Told(sender), receiver)
}

#[test]
fn by_hand_it_hears_its_own_symbols_and_begins_at_the_end() {
    on_one_thread(async {
        let cluster = cluster("t", 6);
        let publisher = Publisher::new(&cluster);
        publisher.send("t", Some("BTCUSDT"), Some(&body(1)), None);
        publisher.flush();
        let mut member = Member::start(&url(&cluster, "t"), &["BTCUSDT"], LONG);
        member.live().await;
        // Until the client stands at the end, what is published may be before it.
        let mut price = 100;
        within("the first tick", async {
            while member.ticks.is_empty() {
                publisher.send("t", Some("BTCUSDT"), Some(&body(price)), None);
                publisher.send("t", Some("ETHUSDT"), Some(&body(9)), None);
                price += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let first: u32 = member.price().await.parse().unwrap();
        assert!(first >= 100, "{first} was published before it came");
        assert_eq!(member.open(), [] as [usize; 0], "by hand it says nothing of ownership");
        member.stop(FeedStop::End);
        assert_eq!(member.ended().await.unwrap(), FeedEnd::Stopped);
    });
}

#[test]
fn what_is_no_tick_is_counted_by_its_reason_and_stops_nothing() {
    on_one_thread(async {
        let cluster = cluster("t", 2);
        let publisher = Publisher::new(&cluster);
        let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"];
        let mut member = Member::start(&url(&cluster, "t?group=g"), &symbols, NO_DELAY);
        until("all are ours", || member.open().len() == symbols.len()).await;
        stands_at_the_end(&mut member, &publisher, &symbols).await;
        let counters = member.counters.clone();
        let home = partition_of(b"BTCUSDT", 2, Partitioner::Murmur2);
        let (large, named) = (vec![b'x'; 2_000_000], br#"{"price":"5","qty":"1","symbol":"BTCUSDT"}"#);
        publisher.send("t", None, Some(&body(1)), Some(home));
        publisher.send("t", Some("DOGEUSDT"), Some(&body(1)), None);
        publisher.send("t", Some("BTCUSDT"), Some(&large), None);
        publisher.send("t", Some("BTCUSDT"), Some(b"{\"price\":"), None);
        publisher.send("t", Some("BTCUSDT"), None, None);
        publisher.send("t", Some("BTCUSDT"), Some(&body(1)), Some(1 - home));
        publisher.send("t", None, Some(named), Some(home));
        publisher.send("t", Some("binance_ticker_BTCUSDT"), Some(&body(6)), Some(home));
        publisher.flush();
        assert_eq!(price_after_them(&mut member).await, 5);
        let tick = within("the last tick", member.ticks.recv()).await.unwrap();
        // The proof may have run out while the machine stood still, and comes back.
        until("it may be traded on", || {
            let (term, now) = (member.term(0), member.clock.now().mono);
            term.is_some_and(|term| member.holds[0].grants(term.epoch, tick.generation, now).is_ok())
        })
        .await;
        assert_eq!(tick.tick.price.unwrap().to_string(), "6");
        let reasons = [
            Reason::NoKey,
            Reason::UnknownSymbol,
            Reason::TooLarge,
            Reason::Malformed,
            Reason::Empty,
            Reason::PartitionConflict,
        ];
        until("all are counted", || reasons.iter().all(|reason| counters.rejected(*reason) > 0)).await;
        for reason in reasons {
            assert_eq!(counters.rejected(reason), 1, "{reason:?}");
        }
        assert!(counters.snapshot().balances());
        member.stop(FeedStop::End);
        assert_eq!(member.ended().await.unwrap(), FeedEnd::Stopped);
    });
}

/// The first price of what is published until the client stands where new messages come; no other is as high.
const FIRST: u32 = 1_000;

/// Publishes until something has come of each symbol, and so of each partition: what is published before the client
/// stands at the end is nothing that it hears.
async fn stands_at_the_end(member: &mut Member, publisher: &Publisher, symbols: &[&str]) {
    for (price, symbol) in (FIRST..).zip(symbols) {
        within("the first tick", async {
            let mut came = false;
            while !came {
                publisher.send("t", Some(symbol), Some(&body(price)), None);
                tokio::time::sleep(Duration::from_millis(20)).await;
                while let Ok(tick) = member.ticks.try_recv() {
                    let told: u32 = tick.tick.price.unwrap().to_string().parse().unwrap();
                    came |= told == price;
                }
            }
        })
        .await;
    }
}

/// The next price that is none of those.
async fn price_after_them(member: &mut Member) -> u32 {
    loop {
        let price: u32 = member.price().await.parse().unwrap();
        if price < FIRST {
            return price;
        }
    }
}

/// Fault F19.
/// Promise P3.
#[test]
fn no_hold_outlives_its_proof() {
    on_one_thread(async {
        let cluster = cluster("t", 2);
        let mut member = Member::start(&url(&cluster, "t?group=g"), &["BTCUSDT"], NO_DELAY);
        until("it is ours", || member.open() == [0]).await;
        let epoch = member.term(0).unwrap().epoch;
        let refusals = vec![RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 10_000];
        cluster.request_errors(RDKafkaApiKey::OffsetCommit, &refusals);
        let refused = member.clock.now().mono;
        until("it shuts", || member.open().is_empty()).await;
        // By the hold's own account: when this test comes to look does not matter.
        let proved = member.holds[0].until().since(refused);
        assert!(proved <= Duration::from_secs(3), "proved for {proved:?} more");
        cluster.clear_request_errors(RDKafkaApiKey::OffsetCommit);
        until("it opens again", || member.open() == [0]).await;
        assert_eq!(member.term(0).unwrap().epoch, epoch, "it never was anybody else's");
        member.stop(FeedStop::Quiet);
        // Longer than a proof lasts. One that ran out while the machine stood still is made again.
        tokio::time::sleep(Duration::from_secs(4)).await;
        until("the proof goes on while lanes close", || member.open() == [0]).await;
        member.live().await;
        member.stop(FeedStop::End);
        member.ended().await.unwrap();
    });
}

/// Fault F18.
#[test]
fn a_loop_that_stands_still_proves_nothing() {
    on_one_thread(async {
        let cluster = cluster("t", 2);
        let member = Member::start(&url(&cluster, "t?group=g"), &["BTCUSDT"], NO_DELAY);
        until("it is ours", || member.open() == [0]).await;
        let epoch = member.term(0).unwrap().epoch;
        // The fault itself: nothing on the lanes' thread has its turn. The group's session outlives it.
        std::thread::sleep(Duration::from_millis(5_500));
        assert_eq!(member.open(), [] as [usize; 0], "proved behind the back of a loop that heard nothing");
        until("it opens again", || member.open() == [0]).await;
        assert_eq!(member.term(0).unwrap().epoch, epoch);
        member.stop(FeedStop::End);
        member.ended().await.unwrap();
    });
}

/// Fault F17, F19.
#[test]
fn whoever_is_thrown_out_loses_at_once_and_comes_back_as_a_later_owner() {
    on_one_thread(async {
        let cluster = cluster("t", 2);
        let member = Member::start(&url(&cluster, "t?group=g"), &["BTCUSDT"], LONG);
        member.lanes_close(false);
        until("it is ours", || member.open() == [0]).await;
        let epoch = member.term(0).unwrap().epoch;
        cluster
            .request_errors(RDKafkaApiKey::Heartbeat, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
        let (stalls, begun, begun_ms) = (Stalls::watch(), member.clock.now().mono, wall_ms());
        until("it is lost", || member.term(0).is_none()).await;
        let took = stalls.leave_out(member.clock.now().mono.since(begun), begun_ms);
        assert!(took < Duration::from_millis(1_400), "no lane is waited for: {took:?}");
        until("it is ours again", || member.open() == [0]).await;
        let again = member.term(0).unwrap();
        assert!(again.epoch > epoch);
        assert!(again.from.mono > member.clock.now().mono, "somebody may have owned it");
        member.stop(FeedStop::End);
        member.ended().await.unwrap();
    });
}

/// Fault O22.
/// Promise P3.
#[test]
fn who_is_behind_the_venues_epochs_begins_anew_above_them() {
    on_one_thread(async {
        let cluster = cluster("t", 2);
        let member = Member::start(&url(&cluster, "t?group=g"), &["BTCUSDT"], LONG);
        until("it is ours", || member.open() == [0]).await;
        let newest = Epoch::new(member.term(0).unwrap().epoch.number() + 1_000_000);
        member.holds[0].refused_for(newest, member.clock.now().mono);
        assert_eq!((member.open(), member.holds[0].conflicts()), (vec![], 1));
        until("it is ours again", || member.open() == [0]).await;
        let again = member.term(0).unwrap();
        assert!(again.epoch > newest, "{again:?}");
        assert!(again.from.mono > member.clock.now().mono, "whoever placed under it may be there");
        member.stop(FeedStop::End);
        member.ended().await.unwrap();
    });
}

/// A group whose lanes never close is not waited for longer than that either.
#[test]
fn leaving_is_bounded_also_when_the_brokers_are_gone() {
    on_one_thread(async {
        let cluster = cluster("t", 4);
        let member = Member::start(&url(&cluster, "t?group=g"), &["BTCUSDT"], NO_DELAY);
        member.lanes_close(false);
        until("it is ours", || member.open() == [0]).await;
        cluster.broker_down(1).unwrap();
        let (clock, stalls) = (member.clock, Stalls::watch());
        let (begun, begun_ms) = (clock.now().mono, wall_ms());
        member.stop(FeedStop::End);
        assert_eq!(member.ended().await.unwrap(), FeedEnd::Stopped);
        let took = stalls.leave_out(clock.now().mono.since(begun), begun_ms);
        assert!(took < Duration::from_secs(2), "leaving took {took:?}");
    });
}

#[test]
fn an_option_that_the_client_refuses_is_an_error_before_anything_runs() {
    on_one_thread(async {
        let member = Member::start_with("kafka://127.0.0.1:1/t", &["BTCUSDT"], LONG, &[("no.such", "x")]);
        let error = member.ended().await.unwrap_err().to_string();
        assert!(
            error.starts_with("FEED-031 feed: bad Kafka address or options (got kafka://127.0.0.1:1/t)"),
            "{error}"
        );
    });
}
