//! A Kafka broker of the bench's own, and how it is known that a subject hears all of it.
//!
//! A subject begins at the end of its partitions, and only it knows when it has found that end. So the bench sends
//! probes, which are nobody's ticks, to every partition until they arrive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use schemas::config::Partitioner;
use self_trader::feed::kafka::partition::partition_of;

use crate::broker::{Broker, Options};
use crate::plan::{TOPIC, symbol};
use crate::redis::{Deadline, READY_MAX};

/// Partitions of the topic.
pub(crate) const PARTITIONS: i32 = 12;
/// The key of a probe: no symbol.
pub(crate) const PROBE: &str = "PROBE";
/// How long a round of probes has to arrive.
const ROUND: Duration = Duration::from_millis(500);

/// A broker on a free port of loopback; ends with its owner.
pub(crate) struct Kafka {
    pub(crate) addr: SocketAddr,
    broker: Broker,
}

impl Kafka {
    /// `None`, with a printed reason, where there are no jars.
    pub(crate) fn start(compiled: bool) -> anyhow::Result<Option<Self>> {
        let Some(broker) = Broker::start_with(Options { compiled, ..Options::default() }) else {
            return Ok(None);
        };
        broker.create_topic(TOPIC, PARTITIONS);
        Ok(Some(Self { addr: broker.address().parse()?, broker }))
    }

    pub(crate) fn id(&self) -> u32 {
        self.broker.id()
    }

    /// Waits until the program trades every symbol and counts one probe a partition.
    pub(crate) fn wait_for_program(&self, symbols: u64, admin: SocketAddr) -> anyhow::Result<()> {
        wait_until_owned(symbols, admin)?;
        let deadline = Deadline::within(READY_MAX);
        let metric = |name: &str| metric(admin, name).unwrap_or_default();
        let partitions = inhabited(symbols);
        loop {
            let before = metric("st_feed_messages_total ");
            self.probe(&partitions);
            let round = Deadline::within(ROUND);
            while metric("st_feed_messages_total ") < before + partitions.len() as u64 && !round.passed() {
                deadline.check("the program to hear every partition")?;
            }
            if !round.passed() {
                return Ok(());
            }
        }
    }

    /// Waits until the relay says that each partition has brought it a probe.
    pub(crate) fn wait_for_relay(&self, symbols: u64, ready: &Path) -> anyhow::Result<()> {
        let deadline = Deadline::within(READY_MAX);
        while !ready.exists() {
            self.probe(&inhabited(symbols));
            deadline.check("the relay to hear every partition")?;
        }
        Ok(())
    }

    fn probe(&self, partitions: &[i32]) {
        for partition in partitions {
            self.broker.produce(TOPIC, Some(PROBE), b"{}", Some(*partition));
        }
        self.broker.flush();
    }
}

/// The partitions in which any symbol is at home, in order.
pub(crate) fn inhabited(symbols: u64) -> Vec<i32> {
    let home = |place| partition_of(symbol(place).as_bytes(), PARTITIONS, Partitioner::Murmur2);
    let mut partitions: Vec<i32> = (0..symbols).map(home).collect();
    partitions.sort_unstable();
    partitions.dedup();
    partitions
}

/// Waits until the program may trade every symbol.
pub(crate) fn wait_until_owned(symbols: u64, admin: SocketAddr) -> anyhow::Result<()> {
    let deadline = Deadline::within(READY_MAX);
    let metric = |name: &str| metric(admin, name).unwrap_or_default();
    while metric("st_symbols_owned ") < symbols || metric("st_ready ") == 0 {
        deadline.check("the program to trade every symbol")?;
    }
    Ok(())
}

/// A metric without labels, named with the blank behind it.
#[expect(clippy::disallowed_methods, reason = "the program's own admin port, on loopback")]
fn metric(admin: SocketAddr, name: &str) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(admin)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let value = page.lines().find_map(|line| line.strip_prefix(name)).context("no such metric")?;
    Ok(value.parse()?)
}
