//! A Redis server of the bench's own, and the few words of its protocol that the bench speaks.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use self_trader::clock;

use crate::plan;
use crate::process::Process;

/// How long a server may take to come up, and a subject to subscribe.
pub(crate) const READY_MAX: Duration = Duration::from_secs(120);
const POLL_EVERY: Duration = Duration::from_millis(10);

/// A server on a free port of loopback; ends with its owner.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) addr: SocketAddr,
    pub(crate) process: Process,
}

impl Redis {
    /// `None` where there is no redis-server.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if there.is_err() {
            println!("skipped: no redis-server on the path");
            return Ok(None);
        }
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &addr.port().to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no", "--loglevel", "warning"]);
        let process = Process::start("redis-server", &mut command)?;
        let deadline = Deadline::within(READY_MAX);
        while connect(addr).is_err() {
            deadline.check("redis-server to listen")?;
        }
        Ok(Some(Self { addr, process }))
    }

    /// Waits until every channel has exactly its one subscriber.
    pub(crate) fn wait_until_subscribed(&self, symbols: u64) -> anyhow::Result<()> {
        let mut connection = BufReader::new(connect(self.addr)?);
        let question: String = (0..symbols).map(|place| format!(" {}", plan::channel(place))).collect();
        let deadline = Deadline::within(READY_MAX);
        loop {
            connection.get_mut().write_all(format!("PUBSUB NUMSUB{question}\r\n").as_bytes())?;
            if count_ones(&mut connection, symbols)? == symbols {
                return Ok(());
            }
            deadline.check("the subject to subscribe")?;
        }
    }
}

/// How many of the channels in the answer have one subscriber.
fn count_ones(answer: &mut impl BufRead, symbols: u64) -> anyhow::Result<u64> {
    let lines_of_a_channel = 3;
    let mut ones = 0;
    for _ in 0..=symbols * lines_of_a_channel {
        let mut line = String::new();
        if answer.read_line(&mut line)? == 0 {
            bail!("redis-server hung up");
        }
        ones += u64::from(line.trim_end() == ":1");
    }
    Ok(ones)
}

/// A plain blocking connection to the server.
#[expect(clippy::disallowed_methods, reason = "the bench's own redis-server, on loopback")]
pub(crate) fn connect(addr: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(addr).context("no connection to redis-server")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A moment after which waiting is pointless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub(crate) fn within(patience: Duration) -> Self {
        Self(clock::wall_ns() + u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn passed(self) -> bool {
        clock::wall_ns() > self.0
    }

    /// Waits a moment, or fails.
    pub(crate) fn check(self, what: &str) -> anyhow::Result<()> {
        if self.passed() {
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(POLL_EVERY);
        Ok(())
    }
}
