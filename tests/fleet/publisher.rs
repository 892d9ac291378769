//! The reference market of a fleet test: so many ticks a second on every symbol, so that a gap can be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
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
        let sink = KafkaSink { producer: producer(broker.client()), topic: topic.to_owned() };
        Self::start(symbols, sink)
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
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
}

impl Sink for KafkaSink {
    fn send(&mut self, symbol: &str, payload: &str) {
        // A full queue loses the tick, as it would a publisher's.
        let _ = self.producer.send(BaseRecord::to(&self.topic).key(symbol).payload(payload));
    }
}

fn producer(mut client: ClientConfig) -> ThreadedProducer<DefaultProducerContext> {
    client
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "1")
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .unwrap()
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
