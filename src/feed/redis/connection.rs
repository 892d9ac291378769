//! One connection: opened, asked, watched. Dropping it closes it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientInterface, ClientLike, EventInterface, PubsubInterface};
use fred::types::{ConnectHandle, KeyspaceEvent, Message, Value};
use tokio::sync::broadcast;

use super::Source;
use crate::feed::decode::shown;

/// Why a session ended.
#[derive(Debug)]
pub(super) struct Lost {
    why: String,
    auth: bool,
    live: bool,
}

impl Lost {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), auth: false, live: false }
    }

    fn from_error(what: &str, error: &Error) -> Self {
        let details = error.details();
        if error.kind() == &ErrorKind::Auth {
            // The server's words name neither user nor password, but need not be trusted to.
            return Self {
                why: "login refused: wrong or missing user name or password".to_owned(),
                auth: true,
                live: false,
            };
        }
        if details.contains("unknown command") && details.contains("HELLO") {
            return Self::new("server too old (want Redis 6 or newer, which speaks RESP3)");
        }
        Self::new(format!("{what}: {} ({})", error.kind().to_str().to_lowercase(), shown(details.as_bytes())))
    }

    /// Marks the loss of a session that had been live.
    pub(super) const fn after_live(mut self) -> Self {
        self.live = true;
        self
    }

    pub(super) const fn was_live(&self) -> bool {
        self.live
    }

    pub(super) const fn is_auth(&self) -> bool {
        self.auth
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// A connection that speaks RESP3: subscriptions and commands share it, in order.
pub(super) struct Connection {
    pub(super) client: SubscriberClient,
    task: ConnectHandle,
    /// Grows with everything that arrives: a server that still sends is alive even if a PING waits its turn.
    pub(super) progress: AtomicU64,
    ping_every: Duration,
}

/// The streams of a connection, taken before it is opened so that nothing is missed.
pub(super) struct Streams {
    pub(super) messages: broadcast::Receiver<Message>,
    pub(super) events: broadcast::Receiver<KeyspaceEvent>,
}

impl Connection {
    /// Connects, logs in, switches to RESP3.
    pub(super) async fn open(source: &Source) -> Result<(Self, Streams), Lost> {
        let client = SubscriberClient::new(
            source.config.clone(),
            Some(source.performance()),
            Some(source.connection()),
            None,
        );
        let streams = Streams { messages: client.message_rx(), events: client.keyspace_event_rx() };
        // Connecting and each command of the login have this timeout; the sum of them is the outer bound.
        let opened = tokio::time::timeout(source.settings.answer_timeout * 4, client.init()).await;
        let task = match opened {
            Ok(Ok(task)) => task,
            Ok(Err(error)) => return Err(Lost::from_error("not connected", &error)),
            Err(_) => return Err(Lost::new("not connected: no answer in time")),
        };
        let connection =
            Self { client, task, progress: AtomicU64::new(0), ping_every: source.settings.ping_every };
        Ok((connection, streams))
    }

    /// Subscribes to the channels and proves it: the client reports success as soon as the command is written,
    /// and the server's refusal, if any, is lost or taken for the answer of another command.
    pub(super) async fn subscribe(&self, channels: &[String]) -> Result<(), Lost> {
        self.client
            .subscribe(channels.to_vec())
            .await
            .map_err(|error| Lost::from_error("cannot subscribe", &error))?;
        let counted = self.all_have_a_subscriber(channels).await?;
        let own = self.own_subscriptions().await?;
        match (counted, own) {
            (None, None) => {
                Err(Lost::new("subscription cannot be verified (want PUBSUB NUMSUB or CLIENT INFO allowed)"))
            }
            (_, Some(own)) if own != channels.len() as u64 => Err(Lost::new(format!(
                "subscription not confirmed (got {own} channels, want {})",
                channels.len()
            ))),
            _ => Ok(()),
        }
    }

    /// Whether every channel has a subscriber, by PUBSUB NUMSUB; `None` where we may not ask.
    async fn all_have_a_subscriber(&self, channels: &[String]) -> Result<Option<()>, Lost> {
        let answer: Result<Vec<Value>, Error> = self.client.pubsub_numsub(channels.to_vec()).await;
        let counts = match answer {
            Ok(counts) => counts,
            Err(error) if may_not_run(&error) => return Ok(None),
            Err(error) => return Err(Lost::from_error("subscription not confirmed", &error)),
        };
        for channel in channels {
            let at = counts.iter().position(|value| value.as_bytes() == Some(channel.as_bytes()));
            let count = at.and_then(|at| counts.get(at + 1)).and_then(Value::as_i64);
            if count.unwrap_or(0) < 1 {
                let channel = shown(channel.as_bytes());
                return Err(Lost::new(format!(
                    "subscription not confirmed (channel {channel:?} has no subscriber)"
                )));
            }
        }
        Ok(Some(()))
    }

    /// To how many channels this very connection is subscribed, by CLIENT INFO; `None` where the server does
    /// not say.
    async fn own_subscriptions(&self) -> Result<Option<u64>, Lost> {
        match self.client.client_info::<String>().await {
            Ok(info) => Ok(info.split_whitespace().find_map(|word| word.strip_prefix("sub=")?.parse().ok())),
            Err(error) if is_loss(&error) => Err(Lost::from_error("subscription not confirmed", &error)),
            Err(_) => Ok(None),
        }
    }

    /// Ends when the connection does. Cancel safe, but not to be asked again after it has answered.
    pub(super) async fn closed(&mut self) -> Lost {
        match (&mut self.task).await {
            Ok(Ok(())) => Lost::new("connection closed"),
            Ok(Err(error)) => Lost::from_error("connection lost", &error),
            Err(error) => Lost::new(format!("connection task ended: {error}")),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks the server each second whether it is there; ends when neither an answer nor anything else came in time.
pub(super) async fn silence(client: SubscriberClient, progress: &AtomicU64, every: Duration) -> Lost {
    loop {
        tokio::time::sleep(every).await;
        let before = progress.load(Ordering::Relaxed);
        match client.ping::<Value>(None).await {
            Err(error) if is_loss(&error) && progress.load(Ordering::Relaxed) == before => {
                return Lost::from_error("server does not answer", &error);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

impl Connection {
    /// The watch over this connection, apart from it so that both can be waited for at once.
    pub(super) fn ping_every(&self) -> Duration {
        self.ping_every
    }
}

/// No answer came, as opposed to one that refuses.
fn is_loss(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Protocol)
}

/// The ACL forbids the command itself, as opposed to what it names.
fn may_not_run(error: &Error) -> bool {
    error.details().starts_with("NOPERM") && error.details().contains("to run the")
}
