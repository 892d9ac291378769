//! The publisher's process: each tick at its planned moment, never later because of an earlier one's answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{anyhow, ensure};
use hdrhistogram::Histogram;
use schemas::config::KafkaUrl;
use self_trader::clock;
use self_trader::publish::producer::{Producer, Settings};

use crate::options::{Feed, Publish};
use crate::phase::LATENCY_MAX_NS;
use crate::plan::{Plan, TOPIC, channel, payload, symbol};
use crate::redis;

/// How long what was published may take to be confirmed.
const CONFIRM_MAX: Duration = Duration::from_secs(30);
/// The producer sends each message at once, unless five requests are under way, as many as Java's client allows:
/// then messages that wait go together. It has room for whatever is on its way.
const PROMPT: [(&str, &str); 4] = [
    ("linger.ms", "0"),
    ("max.in.flight.requests.per.connection", "5"),
    ("queue.buffering.max.messages", "1000000"),
    ("socket.nagle.disable", "true"),
];

/// Publishes everything, then prints by how much it was late: the median and the largest, nanoseconds.
pub(crate) fn run(args: &Publish) -> anyhow::Result<()> {
    wake_promptly();
    let plan = &args.plan;
    let mut out = Out::open(args)?;
    let mut lateness = Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_NS, 3)?;
    let mut text = String::with_capacity(256);
    let mut next = 0;
    while next < plan.ticks() {
        let now = wait_until(args.start_ns + plan.offset_ns(next));
        while next < plan.ticks() && args.start_ns + plan.offset_ns(next) <= now {
            let planned = args.start_ns + plan.offset_ns(next);
            payload(next, plan.symbols, planned / 1_000_000, &mut text);
            out.push(usize::try_from(next % plan.symbols)?, &text, planned / 1_000_000)?;
            lateness.saturating_record(now - planned);
            next += 1;
        }
        out.send()?;
    }
    out.confirm()?;
    println!("{} {}", lateness.value_at_quantile(0.5), lateness.max());
    Ok(())
}

/// Where ticks go.
enum Out {
    Redis { server: TcpStream, channels: Vec<String>, batch: Vec<u8> },
    Kafka { producer: Producer, keys: Vec<String>, pushed: u64 },
}

impl Out {
    fn open(args: &Publish) -> anyhow::Result<Self> {
        match args.feed {
            Feed::Redis => Self::redis(args.server, &args.plan),
            Feed::Kafka => Self::kafka(args.server, &args.plan),
        }
    }

    /// Ticks that are due together go out in one write. The server is told not to answer, which would cost it
    /// and us a write and a read a tick; that all arrived is seen in what the subject counted.
    fn redis(server: SocketAddr, plan: &Plan) -> anyhow::Result<Self> {
        let mut server = redis::connect(server)?;
        server.write_all(b"CLIENT REPLY OFF\r\n")?;
        let channels = (0..plan.symbols).map(channel).collect();
        Ok(Self::Redis { server, channels, batch: Vec::with_capacity(1 << 16) })
    }

    fn kafka(server: SocketAddr, plan: &Plan) -> anyhow::Result<Self> {
        let url = KafkaUrl::new(&server.to_string(), TOPIC);
        let settings = Settings { url: &url, defaults: &PROMPT, options: &[], fixed: &[] };
        let producer = Producer::open(&settings, None)?;
        producer.has(TOPIC)?;
        Ok(Self::Kafka { producer, keys: (0..plan.symbols).map(symbol).collect(), pushed: 0 })
    }

    fn push(&mut self, place: usize, text: &str, time_ms: u64) -> anyhow::Result<()> {
        match self {
            Self::Redis { channels, batch, .. } => {
                let channel = &channels[place];
                let (key, len) = (channel.len(), text.len());
                write!(batch, "*3\r\n$7\r\nPUBLISH\r\n${key}\r\n{channel}\r\n${len}\r\n{text}\r\n")?;
            }
            Self::Kafka { producer, keys, pushed } => {
                let taken = producer.send(TOPIC, &keys[place], text.as_bytes(), i64::try_from(time_ms)?);
                taken.map_err(|refused| anyhow!("the producer took no message ({refused:?})"))?;
                *pushed += 1;
            }
        }
        Ok(())
    }

    /// Sends what was pushed; Kafka's client has begun with it.
    fn send(&mut self) -> anyhow::Result<()> {
        if let Self::Redis { server, batch, .. } = self {
            server.write_all(batch)?;
            batch.clear();
        }
        Ok(())
    }

    fn confirm(self) -> anyhow::Result<()> {
        match self {
            Self::Redis { mut server, .. } => {
                server.write_all(b"CLIENT REPLY ON\r\n")?;
                let mut answer = [0; 5];
                server.read_exact(&mut answer)?;
                ensure!(&answer == b"+OK\r\n", "redis-server refused something");
            }
            Self::Kafka { producer, pushed, .. } => {
                producer.flush(CONFIRM_MAX);
                let delivered = producer.deliveries().delivered();
                ensure!(delivered == pushed, "the broker confirmed {delivered} of {pushed} messages");
            }
        }
        Ok(())
    }
}

/// Timers of a process may come late by its slack, 50 us unless it says otherwise.
fn wake_promptly() {
    if let Err(error) = std::fs::write("/proc/self/timerslack_ns", "1") {
        eprintln!("the publisher's timers stay slack: {error}");
    }
}

fn wait_until(moment_ns: u64) -> u64 {
    loop {
        let now = clock::wall_ns();
        if now >= moment_ns {
            return now;
        }
        std::thread::sleep(Duration::from_nanos(moment_ns - now));
    }
}
