//! Publishing to Redis: each message SET under its follow key and published on the channel of that name.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, KeysInterface, PubsubInterface};
use fred::types::RespVersion;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig};

use super::Message;
use crate::feed::decode::shown;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A Redis server before it is connected to.
pub(super) struct Server {
    config: Config,
}

/// A connection.
pub(super) struct Sender {
    client: Client,
}

impl Server {
    /// Fails where the client cannot use the address, and says why without the password.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let mut config = Config::from_url_centralized(url).map_err(|error| error.details().to_owned())?;
        config.version = RespVersion::RESP3;
        config.fail_fast = true;
        Ok(Self { config })
    }

    /// Fails where the server is away or refuses the login, and says why.
    pub(super) async fn connect(self) -> Result<Sender, String> {
        let performance =
            PerformanceConfig { default_command_timeout: ANSWER_TIMEOUT, ..PerformanceConfig::default() };
        let connection = ConnectionConfig {
            connection_timeout: ANSWER_TIMEOUT,
            internal_command_timeout: ANSWER_TIMEOUT,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let policy = ReconnectPolicy::new_exponential(5, 100, 2_000, 2);
        let client = Client::new(self.config, Some(performance), Some(connection), Some(policy));
        client.init().await.map_err(|error| shown(error.details().as_bytes()))?;
        Ok(Sender { client })
    }
}

impl Sender {
    /// Sends messages: first SET, then PUBLISH, so that whoever subscribes in between finds the value, and may
    /// get the trade twice but never not at all.
    pub(super) async fn send(&self, messages: &[Message<'_>]) -> Result<(), String> {
        let mut commands: Vec<Command<'_>> = Vec::with_capacity(messages.len() * 2);
        for message in messages {
            let (client, key) = (&self.client, message.name.follow_key.as_str());
            let (value, payload) = (message.payload.clone(), message.payload.clone());
            commands.push(Box::pin(async move { client.set(key, value, None, None, false).await }));
            commands.push(Box::pin(async move { client.publish(key, payload).await }));
        }
        in_order(commands).await.map_err(|error| shown(error.details().as_bytes()))
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
