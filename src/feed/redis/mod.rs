//! Redis as a feed: pub/sub on the follow keys' channels, or values that are only SET.
//!
//! A connection is a session and nothing of it survives: it connects, subscribes, proves that the subscription
//! holds, reads the last values and delivers until it is lost; then a new one begins. The client's own
//! reconnecting is switched off, because it restores no subscription and confirms none.

use std::time::Duration;

use fred::types::RespVersion;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, TcpConfig};
use schemas::config::{FeedUrl, RedisMode};
use tokio::sync::watch;

mod connection;
mod pubsub;
mod values;

use super::intake::Intake;
use super::state::{FeedStop, stopped};
use super::{FeedEnd, FeedError, FeedState};
use crate::clock::Clock;
use connection::Lost;
use values::Memory;

/// The waits and sizes of a Redis feed.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Messages that may wait to be taken; more are lost, counted as `lagged`. The client sets aside some
    /// 700 bytes for each.
    pub capacity: usize,
    /// How often a PING asks whether the server still answers.
    pub ping_every: Duration,
    /// How long an answer may take, of any command.
    pub answer_timeout: Duration,
    /// The first wait after a lost connection; doubled each time up to [`Self::retry_max`].
    pub retry_min: Duration,
    /// The longest wait after a lost connection.
    pub retry_max: Duration,
    /// The wait after a refused login.
    pub auth_retry: Duration,
    /// How old a value may be that was there before us and still be traded.
    pub prime_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capacity: 16_384,
            ping_every: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(2),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(5),
            auth_retry: Duration::from_secs(15),
            prime_age: Duration::from_secs(5),
        }
    }
}

/// A Redis server to follow.
pub struct Source {
    config: Config,
    shown: String,
    mode: RedisMode,
    settings: Settings,
}

impl Source {
    /// Reads the address of a Redis feed.
    ///
    /// # Errors
    /// [`FeedError::Address`] where the client cannot use it; never with the password.
    pub fn new(url: &FeedUrl, mode: RedisMode) -> Result<Self, FeedError> {
        let shown = url.to_string();
        let refused = |why: String| FeedError::Address { url: url.to_string(), why };
        let FeedUrl::Redis { url: address, .. } = url else {
            return Err(refused("no Redis address".to_owned()));
        };
        let mut config =
            Config::from_url_centralized(address).map_err(|error| refused(error.details().to_owned()))?;
        config.version = RespVersion::RESP3;
        config.fail_fast = true;
        Ok(Self { config, shown, mode, settings: Settings::default() })
    }

    /// The same server with other waits and sizes.
    #[must_use]
    pub const fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    fn performance(&self) -> PerformanceConfig {
        PerformanceConfig {
            default_command_timeout: self.settings.answer_timeout,
            broadcast_channel_capacity: self.settings.capacity,
            ..PerformanceConfig::default()
        }
    }

    fn connection(&self) -> ConnectionConfig {
        ConnectionConfig {
            connection_timeout: self.settings.answer_timeout,
            internal_command_timeout: self.settings.answer_timeout,
            max_command_attempts: 1,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        }
    }

    fn database(&self) -> u8 {
        self.config.database.unwrap_or(0)
    }
}

/// Follows the server until the stop signal: a server that is away is waited for.
pub async fn run(
    source: Source,
    mut intake: Intake,
    clock: Clock,
    state: &watch::Sender<FeedState>,
    mut stop: watch::Receiver<FeedStop>,
) -> FeedEnd {
    if intake.routes().len() == 0 {
        // Nothing to follow is nothing to subscribe to: a process of a fleet may own no symbol for now.
        stopped(&mut stop).await;
        return FeedEnd::Stopped;
    }
    let mut memory = Memory::default();
    let mut retry = Retry::new(source.settings);
    loop {
        let lost = tokio::select! {
            () = stopped(&mut stop) => return FeedEnd::Stopped,
            lost = session(&source, &mut intake, clock, state, &mut memory) => lost,
        };
        let wait = retry.after(&lost, clock);
        if retry.is_news(&lost) {
            tracing::warn!(target: "feed", "FEED-033 feed {}: {lost}; trying again", source.shown);
        }
        state.send_replace(FeedState::Reconnecting { reason: lost.to_string() });
        tokio::select! {
            () = stopped(&mut stop) => return FeedEnd::Stopped,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn session(
    source: &Source,
    intake: &mut Intake,
    clock: Clock,
    state: &watch::Sender<FeedState>,
    memory: &mut Memory,
) -> Lost {
    let ended = match source.mode {
        RedisMode::PubSub => pubsub::session(source, intake, clock, state, memory).await,
        RedisMode::Get => values::session(source, intake, clock, state, memory).await,
    };
    match ended {
        Ok(never) => match never {},
        Err(lost) => lost,
    }
}

/// How long to wait before the next connection, and whether there is anything new to say.
struct Retry {
    settings: Settings,
    next: Duration,
    said: Option<String>,
}

impl Retry {
    const fn new(settings: Settings) -> Self {
        Self { settings, next: settings.retry_min, said: None }
    }

    /// Doubles from loss to loss, begins anew after a session that was live; with up to a quarter of jitter,
    /// so that a fleet does not come back at one moment.
    fn after(&mut self, lost: &Lost, clock: Clock) -> Duration {
        if lost.was_live() {
            self.next = self.settings.retry_min;
            self.said = None;
        }
        let wait = if lost.is_auth() { self.settings.auth_retry } else { self.next };
        self.next = (self.next * 2).min(self.settings.retry_max);
        let jitter = u32::try_from(clock.now().mono.0 / 1_000 % 1_000).unwrap_or(0);
        wait + wait / 4 * jitter / 1_000
    }

    fn is_news(&mut self, lost: &Lost) -> bool {
        let line = lost.to_string();
        let news = self.said.as_ref() != Some(&line);
        self.said = Some(line);
        news
    }
}
