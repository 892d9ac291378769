//! Feeds: where ticks come from. Each turns what its source sends into ticks and hands them to the [`Intake`];
//! none of them knows a venue, and none of them decides.

use schemas::config::FeedUrl;
use tokio::sync::watch;

use crate::clock::Clock;

pub mod decode;
pub mod dedupe;
pub mod intake;
pub mod kafka;
pub mod metrics;
pub mod redis;
pub mod schedule;
pub mod state;
pub mod synthetic;
pub mod tape;

pub use intake::{Intake, Key, Outcome, Route};
pub use metrics::{FeedCounters, FeedSnapshot, LastSeen};
pub use state::{FeedState, FeedStop};

use schedule::Speed;

/// How a feed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedEnd {
    /// The tape is at its end.
    Exhausted,
    /// It was told to stop.
    Stopped,
}

/// Why a feed cannot run. A source that is only away is no such error: the feed keeps trying.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The tape cannot be played.
    #[error(transparent)]
    Tape(#[from] tape::TapeError),
    /// The tape has no trade that is wanted.
    #[error("{0}")]
    NoTrades(String),
    /// The address is none that the Redis client takes; carries no password.
    #[error(
        "FEED-030 feed: bad Redis address (got {url}, want redis://[user:password@]host:port[/db]): {why}"
    )]
    Address {
        /// The address, masked.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The Kafka client cannot be made with these options.
    #[error("FEED-031 feed: bad Kafka address or options (got {url}): {why}")]
    Kafka {
        /// The address.
        url: String,
        /// What the client says.
        why: String,
    },
    /// The brokers have shut the Kafka client out for good.
    #[error("FEED-035 feed {url}: {why}")]
    KafkaFatal {
        /// The address.
        url: String,
        /// What the client says.
        why: String,
    },
    /// No thread for the tape.
    #[error("FEED-032 feed: cannot start the tape's thread ({0})")]
    Thread(std::io::Error),
}

/// Where ticks come from, and what reading them there takes beside the address.
#[derive(Clone, Debug)]
pub struct Source {
    /// The address.
    pub url: FeedUrl,
    /// How it is read if it is Kafka's.
    pub reading: kafka::Reading,
}

impl Source {
    /// Whether it is one market from run to run. A tape begins anew each time it is played: its trades are others then.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        !matches!(self.url, FeedUrl::Tape { .. })
    }

    /// Whether it belongs to a group that gives the instruments out.
    #[must_use]
    pub const fn is_member(&self) -> bool {
        matches!((&self.url, self.reading.ownership), (FeedUrl::Kafka(_), kafka::Ownership::Group { .. }))
    }
}

impl From<FeedUrl> for Source {
    /// Kafka by hand, without options.
    fn from(url: FeedUrl) -> Self {
        Self { url, reading: kafka::Reading::default() }
    }
}

/// Finds out, before anything else starts, whether a feed can never work. Asks no server.
///
/// # Errors
/// What [`run`] would end with.
pub async fn check(source: &Source) -> Result<(), FeedError> {
    let url = &source.url;
    match url {
        FeedUrl::Redis { mode, .. } => redis::Source::new(url, *mode).map(drop),
        FeedUrl::Kafka(address) => kafka::check(&source.reading.of(address.clone())),
        FeedUrl::Tape { path, series, .. } => open_tape(path.clone(), series.clone()).await.map(drop),
        FeedUrl::Synthetic { .. } => Ok(()),
    }
}

/// Runs the feed until its source ends or the stop signal is given, then drops the intake: the lanes' input ends.
///
/// Never blocks the runtime. Not cancel safe: use the stop signal.
///
/// # Errors
/// [`FeedError`] where the source can never work; a source that is away is waited for.
pub async fn run(
    Source { url, reading }: Source,
    intake: Intake,
    clock: Clock,
    state: watch::Sender<FeedState>,
    mut stop: watch::Receiver<FeedStop>,
) -> Result<FeedEnd, FeedError> {
    if intake.routes().len() == 0 && !matches!(url, FeedUrl::Kafka(_)) {
        // A process of a fleet may own no symbol for now.
        state.send_replace(FeedState::Live);
        state::stopped(&mut stop).await;
        return Ok(FeedEnd::Stopped);
    }
    let end = match &url {
        FeedUrl::Redis { mode, .. } => {
            let source = redis::Source::new(&url, *mode)?;
            Ok(redis::run(source, intake, clock, &state, stop).await)
        }
        FeedUrl::Kafka(address) => kafka::run(reading.of(address.clone()), intake, clock, &state, stop).await,
        FeedUrl::Tape { path, series, speed } => {
            let reader = open_tape(path.clone(), series.clone()).await?;
            state.send_replace(FeedState::Live);
            tape::feed::run(reader, Speed::from_option(*speed), intake, clock, stop).await
        }
        FeedUrl::Synthetic { seed } => {
            state.send_replace(FeedState::Live);
            Ok(synthetic::run(*seed, intake, clock, stop).await)
        }
    };
    state.send_replace(FeedState::Ended);
    end
}

/// Opens a tape off the runtime: finding its shape reads and unpacks the file's beginning.
async fn open_tape(path: std::path::PathBuf, series: Option<String>) -> Result<tape::TapeReader, FeedError> {
    let opened = tokio::task::spawn_blocking(move || tape::open(&path, series.as_deref())).await;
    match opened {
        Ok(reader) => Ok(reader?),
        Err(error) => Err(FeedError::Thread(std::io::Error::other(error))),
    }
}
