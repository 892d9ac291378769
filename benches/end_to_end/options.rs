//! The command line, and what it comes to.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::plan::Plan;
use crate::subject::Subject;

/// Ticks a second of the smoke that `cargo test` runs.
const SMOKE_RATE: u64 = 200;

/// Ticks a second that a broker is warmed up with, and for how long.
const WARM_UP_RATE: u64 = 3_000;
const WARM_UP_SECONDS: u64 = 20;

/// Tick to maker frame, beside relays that decide nothing.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// What lies between publisher and subject, Redis unless given; Kafka needs SELF_TRADER_KAFKA, the folder of
    /// its jars
    #[arg(long)]
    feed: Option<Feed>,
    /// Ticks a second, several separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    rate: Vec<u64>,
    /// How long each phase publishes
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Symbols, over which the ticks are spread evenly
    #[arg(long, default_value_t = 50)]
    symbols: u64,
    /// The program's Interval, seconds
    #[arg(long, default_value_t = 0)]
    interval: u64,
    /// How often each subject has its turn at each rate
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Who has a turn; everybody whom the feed has unless given
    #[arg(long, value_delimiter = ',')]
    subject: Vec<Subject>,
    /// Another build of the program, measured beside this one as `against`
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Given by `cargo bench`; without it a smoke of a second a subject runs
    #[arg(long, hide = true)]
    bench: bool,
    /// Run the smoke whatever else is given
    #[arg(long, hide = true)]
    test: bool,
    /// Given by test runners to every target
    #[arg(hide = true, long)]
    nocapture: bool,
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
}

/// What lies between publisher and subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Feed {
    Redis,
    Kafka,
}

impl Feed {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Kafka => "kafka",
        }
    }

    /// Without those that the smoke would wait for: a first member of a group waits 5 s.
    const fn subjects(self, smoke: bool) -> &'static [Subject] {
        match self {
            Self::Kafka if smoke => &[Subject::Program, Subject::Relay],
            Self::Redis => &[Subject::Program, Subject::Relay, Subject::Raw],
            Self::Kafka => &[Subject::Program, Subject::ProgramGroup, Subject::Relay],
        }
    }
}

/// What this binary does in the processes that it starts from itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Publishes on a planned schedule.
    #[command(hide = true)]
    Publish(Publish),
    /// Feed to venue with the program's own clients.
    #[command(hide = true)]
    Relay(Link),
    /// Redis to venue on raw sockets.
    #[command(hide = true)]
    Raw(Link),
}

/// What the publisher is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Publish {
    #[arg(long)]
    pub(crate) feed: Feed,
    #[arg(long)]
    pub(crate) server: SocketAddr,
    #[command(flatten)]
    pub(crate) plan: Plan,
    /// The planned moment of the first tick, nanoseconds since the epoch
    #[arg(long)]
    pub(crate) start_ns: u64,
}

/// What a relay is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Link {
    #[arg(long)]
    pub(crate) feed: Feed,
    #[arg(long)]
    pub(crate) server: SocketAddr,
    #[arg(long)]
    pub(crate) venue: SocketAddr,
    #[arg(long)]
    pub(crate) symbols: u64,
    /// Made when every partition has delivered something: nobody else could say so
    #[arg(long)]
    pub(crate) ready: PathBuf,
}

impl Args {
    pub(crate) const fn is_smoke(&self) -> bool {
        self.test || !self.bench
    }

    /// The smoke takes every feed unless one is given.
    pub(crate) fn feeds(&self) -> Vec<Feed> {
        match self.feed {
            Some(feed) => vec![feed],
            None if self.is_smoke() => vec![Feed::Redis, Feed::Kafka],
            None => vec![Feed::Redis],
        }
    }

    pub(crate) fn rates(&self) -> Vec<u64> {
        if self.is_smoke() { vec![SMOKE_RATE] } else { self.rate.clone() }
    }

    pub(crate) const fn plan(&self, rate: u64) -> Plan {
        let seconds = if self.is_smoke() { 1 } else { self.seconds };
        Plan { rate, seconds, symbols: self.symbols, interval: self.interval }
    }

    /// A load that is not measured.
    pub(crate) const fn warm_up(&self) -> Plan {
        Plan { rate: WARM_UP_RATE, seconds: WARM_UP_SECONDS, symbols: self.symbols, interval: self.interval }
    }

    pub(crate) const fn rounds(&self) -> usize {
        if self.is_smoke() { 1 } else { self.rounds }
    }

    /// The subjects, another one first in each round: what goes on beside the bench hits them alike.
    pub(crate) fn subjects_in_turn(&self, feed: Feed, round: usize) -> Vec<Subject> {
        let mut subjects = self.subject.clone();
        if subjects.is_empty() {
            subjects.extend(feed.subjects(self.is_smoke()));
        }
        subjects.extend(self.against.as_ref().map(|_| Subject::Against));
        subjects.dedup();
        let first = round % subjects.len().max(1);
        subjects.rotate_left(first);
        subjects
    }
}
