//! The reference market of a fleet test: so many ticks a second on every symbol, so that a gap can be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::statistics::Statistics;
use self_trader::clock::{Clock, wall_ms};

use crate::kafka::Broker;
use crate::redis::{Client, Redis};

/// How often each symbol trades.
const PERIOD: Duration = Duration::from_millis(500);

/// Publishes until it is dropped.
pub(crate) struct Steady {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where ticks go.
trait Sink: Send + 'static {
    /// One symbol's tick.
    fn send(&mut self, symbol: &str, payload: &str);
    /// A batch is over.
    fn flush(&mut self) {}
}

impl Steady {
    /// Keyed by symbol, to the partition of murmur2.
    pub(crate) fn kafka(broker: &Broker, topic: &str, symbols: &[String]) -> Self {
        Self::start(symbols, KafkaSink::new(broker, topic))
    }

    /// On each symbol's own channel, by classic pub/sub.
    pub(crate) fn redis(redis: &Redis, symbols: &[String]) -> Self {
        Self::start(symbols, RedisSink { client: redis.client(), sent: 0 })
    }

    fn start(symbols: &[String], mut sink: impl Sink) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, symbols) = (Arc::clone(&stop), symbols.to_vec());
        let thread = thread::spawn(move || publish(&symbols, &mut sink, &stopped));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Each symbol at its own moment of the period, by the clock and not by how long sending takes.
fn publish(symbols: &[String], sink: &mut impl Sink, stop: &AtomicBool) {
    let clock = Clock::start();
    let (begin, run) = (clock.now().mono, wall_ms());
    let step = PERIOD / u32::try_from(symbols.len()).unwrap();
    let mut sent: u32 = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = clock.now().mono.since(begin).as_nanos() / step.as_nanos();
        while u128::from(sent) < due {
            let symbol = &symbols[sent as usize % symbols.len()];
            sink.send(symbol, &tick(symbol, run, sent));
            sent += 1;
        }
        sink.flush();
        thread::sleep(Duration::from_millis(2));
    }
}

/// A trade of now. Its id, of a run and a number in it, is no number, so that it lies in no tape's count, and no other run has it.
pub(crate) fn tick(symbol: &str, run: i64, number: u32) -> String {
    let (price, side) = (4_350 + number % 7, if number.is_multiple_of(2) { "buy" } else { "sell" });
    let (whole, cents, now) = (price / 100, price % 100, wall_ms());
    format!(
        "{{\"symbol\":\"{symbol}\",\"price\":\"{whole}.{cents:02}\",\"qty\":\"1.5\",\"side\":\"{side}\",\
         \"time\":\"{now}\",\"id\":\"s{run}-{number}\"}}"
    )
}

struct KafkaSink {
    client: ClientConfig,
    producer: ThreadedProducer<Brokers>,
    topic: String,
}

/// Whether the producer's client knows a broker. One that was told of none, by a broker that had just begun, never
/// finds one again.
#[derive(Default)]
struct Brokers {
    none: AtomicBool,
}

impl ClientContext for Brokers {
    fn stats(&self, statistics: Statistics) {
        let known = statistics.brokers.values().any(|broker| broker.source != "logical");
        self.none.store(!known, Ordering::Relaxed);
    }
}

impl ProducerContext for Brokers {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

impl KafkaSink {
    fn new(broker: &Broker, topic: &str) -> Self {
        let mut client = broker.client();
        client
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "1")
            .set("reconnect.backoff.max.ms", "500")
            .set("statistics.interval.ms", "1000");
        let producer = client.create_with_context(Brokers::default()).unwrap();
        Self { client, producer, topic: topic.to_owned() }
    }
}

impl Sink for KafkaSink {
    fn send(&mut self, symbol: &str, payload: &str) {
        // A full queue loses the tick, as it would a publisher's.
        let _ = self.producer.send(BaseRecord::to(&self.topic).key(symbol).payload(payload));
    }

    fn flush(&mut self) {
        if self.producer.context().none.load(Ordering::Relaxed) {
            self.producer = self.client.create_with_context(Brokers::default()).unwrap();
        }
    }
}

struct RedisSink {
    client: Client,
    sent: usize,
}

impl Sink for RedisSink {
    fn send(&mut self, symbol: &str, payload: &str) {
        let channel = format!("binance_ticker_{symbol}");
        self.client.send(&[&["PUBLISH", &channel, payload]]).unwrap();
        self.sent += 1;
    }

    fn flush(&mut self) {
        for _ in 0..std::mem::take(&mut self.sent) {
            self.client.answer().unwrap();
        }
    }
}
