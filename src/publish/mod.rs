//! The other direction: a tape's trades published as `ticker` messages, each at its planned moment.

use std::time::Duration;

use schemas::config::FeedUrl;

use crate::clock::Clock;
use crate::drain::Signals;
use crate::feed::tape::Player;
use crate::secret::Secret;

mod kafka;
mod message;
pub mod producer;
mod redis;
mod report;
pub mod steady;

pub use message::{Message, Name, Naming, Writer};
pub use report::Report;

use producer::ProducerError;

/// Messages that go out together, if no one trade makes more.
const BATCH_LEN_MAX: usize = 256;
/// Longer than any tape.
const FOR_EVER: Duration = Duration::from_secs(86_400 * 365);

/// Where a replay goes.
pub struct Target {
    shown: String,
    place: Place,
}

enum Place {
    Redis(redis::Server),
    Kafka(kafka::Cluster),
}

/// Publishing cannot begin, or failed for good.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The server is away, refuses, or has no such topic.
    #[error("TAPE-020 {url}: cannot publish ({why})")]
    Failed {
        /// The address, masked.
        url: String,
        /// What is wrong, without a secret.
        why: String,
    },
    /// The address or an option of it cannot be used.
    #[error("TAPE-021 {url}: cannot be published to ({why})")]
    Unusable {
        /// The address, masked.
        url: String,
        /// What is wrong, without a secret.
        why: String,
    },
    /// The system has no thread left for the tape.
    #[error("failed to start the tape's thread: {0}")]
    Thread(std::io::Error),
    /// Signals cannot be listened to.
    #[error("failed to listen to signals: {0}")]
    Signals(std::io::Error),
}

impl Target {
    /// A target at a Redis or Kafka address; the options are of the Kafka client.
    ///
    /// # Errors
    /// [`PublishError::Unusable`] where it cannot be published to.
    pub fn new(url: &FeedUrl, kafka_options: &[(String, Secret)]) -> Result<Self, PublishError> {
        let shown = url.to_string();
        let unusable = |why: String| PublishError::Unusable { url: url.to_string(), why };
        let place = match url {
            FeedUrl::Redis { .. } if !kafka_options.is_empty() => {
                return Err(unusable("options of a Kafka client do not belong to Redis".to_owned()));
            }
            FeedUrl::Redis { url, .. } => Place::Redis(redis::Server::new(url).map_err(unusable)?),
            FeedUrl::Kafka(url) => Place::Kafka(kafka::Cluster::new(url, kafka_options)),
            FeedUrl::Tape { .. } | FeedUrl::Synthetic { .. } => {
                return Err(unusable("want redis://, rediss:// or kafka://host:port/TOPIC".to_owned()));
            }
        };
        Ok(Self { shown, place })
    }

    /// Connects.
    ///
    /// # Errors
    /// [`PublishError`] where the server is away, refuses the login or has no such topic.
    pub async fn connect(self) -> Result<Sender, PublishError> {
        let Self { shown, place } = self;
        let link = match place {
            Place::Redis(server) => {
                server.connect().await.map(Link::Redis).map_err(|why| failed(&shown, why))?
            }
            Place::Kafka(cluster) => match cluster.connect().await {
                Ok(sender) => Link::Kafka(Box::new(sender)),
                Err(error @ ProducerError::Option { .. }) => {
                    return Err(PublishError::Unusable { url: shown, why: error.to_string() });
                }
                Err(error) => return Err(failed(&shown, error.to_string())),
            },
        };
        Ok(Sender { shown, link })
    }
}

/// An open target.
pub struct Sender {
    shown: String,
    link: Link,
}

enum Link {
    Redis(redis::Sender),
    Kafka(Box<kafka::Sender>),
}

impl Sender {
    async fn send(&mut self, messages: &[Message<'_>]) -> Result<(), PublishError> {
        match &mut self.link {
            Link::Redis(sender) => sender.send(messages).await,
            Link::Kafka(sender) => sender.send(messages).await,
        }
        .map_err(|why| failed(&self.shown, why))
    }

    /// Waits for what is still on its way, within a deadline.
    async fn finish(self, report: &mut Report) {
        match self.link {
            Link::Redis(_) => {}
            Link::Kafka(sender) => sender.finish(report).await,
        }
    }
}

fn failed(url: &str, why: String) -> PublishError {
    PublishError::Failed { url: url.to_owned(), why }
}

/// Publishes a player's trades until the tape ends, `limit` has passed or a signal asks for the end.
///
/// # Errors
/// [`PublishError`] when the server is gone for good.
pub async fn replay(
    mut player: Player,
    naming: Naming,
    mut sender: Sender,
    clock: Clock,
    limit: Duration,
) -> Result<Report, PublishError> {
    let mut report = Report::default();
    let start = clock.now();
    let batch_len = (BATCH_LEN_MAX / usize::from(naming.copies.max(1))).max(1);
    let mut writer = Writer::new(naming, start.wall_ms);
    let mut batch = Vec::with_capacity(batch_len);
    let mut signals = Signals::listen().map_err(PublishError::Signals)?;
    let mut deadline = std::pin::pin!(tokio::time::sleep(limit.min(FOR_EVER)));
    loop {
        let played = tokio::select! {
            played = player.next() => played,
            () = &mut deadline => None,
            () = signals.next() => None,
        };
        let Some(played) = played else { break };
        batch.push(played);
        while batch.len() < batch_len
            && let Some(played) = player.try_next()
        {
            batch.push(played);
        }
        let messages = writer.write(&batch);
        let leaves = clock.now().mono;
        sender.send(&messages).await?;
        report.messages += u64::try_from(messages.len()).unwrap_or(u64::MAX);
        for played in batch.drain(..) {
            report.lateness.record(played.planned.mono, leaves);
        }
    }
    sender.finish(&mut report).await;
    report.took = clock.now().mono.since(start.mono);
    report.read_tape(player.totals());
    Ok(report)
}
