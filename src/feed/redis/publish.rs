//! The other direction: a tape's trades published as `ticker` messages, each at its planned moment.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, KeysInterface, PubsubInterface};
use fred::types::RespVersion;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig};
use schemas::config::FeedUrl;
use schemas::order::Side;
use schemas::units::Decimal;

use crate::clock::Clock;
use crate::feed::FeedError;
use crate::feed::decode::shown;
use crate::feed::schedule::Lateness;
use crate::feed::tape::{Played, Player};

/// Messages that go out in one write.
const BATCH_LEN_MAX: usize = 256;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a replay goes, and how its keys are made.
pub struct Target {
    config: Config,
    shown: String,
    exchange: String,
    prefix: String,
    copies: u16,
}

/// Publishing failed for good.
#[derive(Debug, thiserror::Error)]
#[error("TAPE-020 {url}: cannot publish ({why})")]
pub struct PublishError {
    /// The address, masked.
    url: String,
    /// What is wrong, without a secret.
    why: String,
}

/// What a replay did.
#[derive(Debug, Default)]
pub struct Report {
    /// Messages published.
    pub messages: u64,
    /// From the first planned moment to the last answer.
    pub took: Duration,
    /// How late the messages left, behind their planned moments.
    pub lateness: Lateness,
    /// Lines of the tape that were passed over, and what is wrong with the first.
    pub bad_lines: u64,
    /// See [`Report::bad_lines`].
    pub first_bad_line: Option<String>,
    /// The tape has no trade that is wanted: what to say of it.
    pub no_trades: Option<String>,
}

impl Target {
    /// A target for `{exchange}_{prefix}{symbol}`, each trade for `copies` symbols.
    ///
    /// # Errors
    /// [`FeedError::Address`] where the address is no Redis one.
    pub fn new(url: &FeedUrl, exchange: &str, prefix: &str, copies: u16) -> Result<Self, FeedError> {
        let refused = |why: &str| FeedError::Address { url: url.to_string(), why: why.to_owned() };
        let FeedUrl::Redis { url: address, .. } = url else { return Err(refused("replay goes to Redis")) };
        let mut config = Config::from_url_centralized(address).map_err(|error| refused(error.details()))?;
        config.version = RespVersion::RESP3;
        config.fail_fast = true;
        let (shown, exchange, prefix) = (url.to_string(), exchange.to_owned(), prefix.to_owned());
        Ok(Self { config, shown, exchange, prefix, copies })
    }

    /// Connects.
    ///
    /// # Errors
    /// [`PublishError`] where the server is away or refuses the login.
    pub async fn connect(self) -> Result<Sender, PublishError> {
        let performance =
            PerformanceConfig { default_command_timeout: ANSWER_TIMEOUT, ..PerformanceConfig::default() };
        let connection = ConnectionConfig {
            connection_timeout: ANSWER_TIMEOUT,
            internal_command_timeout: ANSWER_TIMEOUT,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let policy = ReconnectPolicy::new_exponential(5, 100, 2_000, 2);
        let client = Client::new(self.config.clone(), Some(performance), Some(connection), Some(policy));
        let failed =
            |error: &Error| PublishError { url: self.shown.clone(), why: shown(error.details().as_bytes()) };
        client.init().await.map_err(|error| failed(&error))?;
        Ok(Sender { target: self, client, series: HashMap::new(), text: String::with_capacity(512) })
    }
}

/// An open target.
pub struct Sender {
    target: Target,
    client: Client,
    series: HashMap<Arc<str>, Series>,
    text: String,
}

/// The keys of one symbol of the tape and their running number.
struct Series {
    keys: Vec<(String, String)>,
    sent: u64,
}

/// Publishes a player's trades until the tape ends or `limit` has passed.
///
/// # Errors
/// [`PublishError`] when the server is gone for good.
pub async fn replay(
    mut player: Player,
    mut sender: Sender,
    clock: Clock,
    limit: Duration,
) -> Result<Report, PublishError> {
    let mut report = Report::default();
    let start = clock.now();
    let first_id = u64::try_from(start.wall_ms).unwrap_or(0) * 1_000;
    let mut batch = Vec::with_capacity(BATCH_LEN_MAX);
    let mut deadline = std::pin::pin!(tokio::time::sleep(limit.min(Duration::from_secs(86_400 * 365))));
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let played = tokio::select! {
            played = player.next() => played,
            () = &mut deadline => None,
            _ = &mut interrupt => None,
        };
        let Some(played) = played else { break };
        batch.push(played);
        while batch.len() < BATCH_LEN_MAX
            && let Some(played) = player.try_next()
        {
            batch.push(played);
        }
        report.messages += sender.publish(&batch, first_id, clock, &mut report.lateness).await?;
        batch.clear();
    }
    report.took = clock.now().mono.since(start.mono);
    report.bad_lines = player.totals().bad_lines();
    report.first_bad_line = player.totals().first_bad_line().map(str::to_owned);
    report.no_trades = player.totals().no_trades().map(str::to_owned);
    Ok(report)
}

impl Sender {
    /// Sends a batch: first SET, then PUBLISH, so that whoever subscribes in between finds the value, and may get
    /// the trade twice but never not at all.
    async fn publish(
        &mut self,
        batch: &[Played],
        first_id: u64,
        clock: Clock,
        lateness: &mut Lateness,
    ) -> Result<u64, PublishError> {
        let mut commands: Vec<Command<'_>> = Vec::with_capacity(batch.len() * 2);
        for played in batch {
            let symbol = &played.trade.symbol;
            let series = self
                .series
                .entry(symbol.clone())
                .or_insert_with(|| Series { keys: self.target.keys(symbol), sent: 0 });
            series.sent += 1;
            for (symbol, key) in &series.keys {
                write_ticker(&mut self.text, played, symbol, first_id + series.sent);
                let payload = Bytes::copy_from_slice(self.text.as_bytes());
                let (client, for_set, for_publish) = (&self.client, key.clone(), key.clone());
                let value = payload.clone();
                commands.push(Box::pin(async move { client.set(for_set, value, None, None, false).await }));
                commands.push(Box::pin(async move { client.publish(for_publish, payload).await }));
            }
        }
        let leaves = clock.now().mono;
        for played in batch {
            lateness.record(played.planned.mono, leaves);
        }
        let messages = commands.len() as u64 / 2;
        in_order(commands).await.map_err(|error| PublishError {
            url: self.target.shown.clone(),
            why: shown(error.details().as_bytes()),
        })?;
        Ok(messages)
    }
}

/// A command that is written when it is first polled and is done when its answer is there.
type Command<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// Runs commands at once, written in their order: the client then sends as many as it can in one write, which
/// its own pipelines do not.
async fn in_order(commands: Vec<Command<'_>>) -> Result<(), Error> {
    let mut commands: VecDeque<Option<Command<'_>>> = commands.into_iter().map(Some).collect();
    let mut started = false;
    poll_fn(move |context| {
        // All are started in their order; after that the answers come in the same order, so only the first
        // that is still out needs to be asked.
        if !std::mem::replace(&mut started, true) {
            commands.iter_mut().try_for_each(|slot| advance(slot, context))?;
        }
        while let Some(first) = commands.front_mut() {
            advance(first, context)?;
            if first.is_some() {
                return Poll::Pending;
            }
            commands.pop_front();
        }
        Poll::Ready(Ok(()))
    })
    .await
}

/// Polls a command that is not done, and forgets it when it is.
fn advance(slot: &mut Option<Command<'_>>, context: &mut Context<'_>) -> Result<(), Error> {
    if let Some(command) = slot
        && let Poll::Ready(result) = command.as_mut().poll(context)
    {
        *slot = None;
        return result;
    }
    Ok(())
}

impl Target {
    /// The symbols that a tape's symbol is published as, each with its follow key.
    fn keys(&self, symbol: &str) -> Vec<(String, String)> {
        let named = |symbol: String| {
            let key = format!("{}_{}{symbol}", self.exchange, self.prefix);
            (symbol, key)
        };
        match self.copies {
            0 | 1 => vec![named(symbol.to_owned())],
            copies => (1..=copies).map(|copy| named(format!("{symbol}X{copy:03}"))).collect(),
        }
    }
}

/// The `ticker` of a trade: all numbers as text, so that no reader goes through a float.
fn write_ticker(out: &mut String, played: &Played, symbol: &str, id: u64) {
    let tick = &played.trade.tick;
    out.clear();
    let side = match tick.side {
        Some(Side::Buy) => "buy",
        Some(Side::Sell) => "sell",
        None => "unknown",
    };
    // A tape's trades have both: their reader passes over lines that do not.
    let price = tick.price.unwrap_or(Decimal::ZERO);
    let qty = tick.qty.unwrap_or(Decimal::ZERO);
    let symbol = serde_json::Value::from(symbol);
    let time = played.planned.wall_ms;
    let written = write!(
        out,
        r#"{{"symbol":{symbol},"price":"{price}","qty":"{qty}","side":"{side}","time":"{time}","id":"{id}""#,
    );
    let written = written.and_then(|()| match tick.time_ms {
        Some(time) => write!(out, r#","orig_time":"{time}""#),
        None => Ok(()),
    });
    let written = written.and_then(|()| match tick.id {
        Some(id) => write!(out, r#","orig_id":{}"#, serde_json::Value::from(id.as_str())),
        None => Ok(()),
    });
    written.expect("writing to a string never fails");
    out.push('}');
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        write!(
            f,
            "replayed {} messages in {:.3} s, at most {:.3} ms late (p99 {:.3} ms)",
            self.messages,
            self.took.as_secs_f64(),
            milliseconds(self.lateness.max()),
            milliseconds(self.lateness.p99()),
        )?;
        match &self.first_bad_line {
            Some(first) => write!(f, "; {} lines passed over (first: {first})", self.bad_lines),
            None => Ok(()),
        }
    }
}
