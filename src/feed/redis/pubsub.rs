//! Messages that are published on the follow keys' channels.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::Ordering;

use fred::types::{Message, MessageKind};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::Source;
use super::connection::{Connection, Lost, silence};
use super::values::{Memory, fetch, prime_all};
use crate::clock::Clock;
use crate::feed::FeedState;
use crate::feed::decode::{DecodeError, shown};
use crate::feed::intake::{Intake, Key};

/// Messages taken before others get their turn.
const BURST_LEN_MAX: usize = 256;

/// One connection's life. SUBSCRIBE comes before GET: the other order has a hole between the two.
pub(super) async fn session(
    source: &Source,
    intake: &mut Intake,
    clock: Clock,
    state: &watch::Sender<FeedState>,
    memory: &mut Memory,
) -> Result<Infallible, Lost> {
    let (mut connection, mut streams) = Connection::open(source).await?;
    memory.connected(intake.counters());
    state.send_replace(FeedState::Verifying);
    let channels: Vec<String> = intake.routes().map(|route| route.follow_key.clone()).collect();
    connection.subscribe(&channels).await?;
    let values = fetch(&connection, &channels).await?;
    let heard = take_early(&mut streams.messages, intake, clock);
    prime_all(values, &heard, intake, clock, source.settings.prime_age, memory);
    state.send_replace(FeedState::Live);
    tracing::info!(target: "feed", channels = channels.len(), "feed {} live", source.shown);
    let lost = deliver(&mut connection, &mut streams.messages, intake, clock).await;
    Err(lost.after_live())
}

/// Takes what was published while the last values were read: the same connection, so it is all here. A channel
/// that was heard from needs no last value, which could be the same trade again or an older one.
fn take_early(
    messages: &mut broadcast::Receiver<Message>,
    intake: &mut Intake,
    clock: Clock,
) -> BTreeSet<String> {
    let mut heard = BTreeSet::new();
    loop {
        match messages.try_recv() {
            Ok(message) => {
                take(&message, intake, clock);
                heard.insert(message.channel.to_string());
            }
            Err(TryRecvError::Lagged(missed)) => lagged(intake, missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return heard,
        }
    }
}

/// Hands messages over until the connection is lost.
async fn deliver(
    connection: &mut Connection,
    messages: &mut broadcast::Receiver<Message>,
    intake: &mut Intake,
    clock: Clock,
) -> Lost {
    let progress = std::mem::take(&mut connection.progress);
    let mut watched = pin!(silence(connection.client.clone(), &progress, connection.ping_every()));
    loop {
        tokio::select! {
            received = messages.recv() => {
                progress.fetch_add(1, Ordering::Relaxed);
                match received {
                    Ok(message) => take(&message, intake, clock),
                    Err(RecvError::Lagged(missed)) => lagged(intake, missed),
                    Err(RecvError::Closed) => return Lost::new("connection closed"),
                }
                drain(messages, intake, clock, BURST_LEN_MAX);
            }
            lost = connection.closed() => {
                // What had arrived before the end still counts.
                drain(messages, intake, clock, usize::MAX);
                return lost;
            }
            lost = &mut watched => return lost,
        }
    }
}

fn drain(messages: &mut broadcast::Receiver<Message>, intake: &mut Intake, clock: Clock, most: usize) {
    for _ in 0..most {
        match messages.try_recv() {
            Ok(message) => take(&message, intake, clock),
            Err(TryRecvError::Lagged(missed)) => lagged(intake, missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}

fn take(message: &Message, intake: &mut Intake, clock: Clock) {
    let key = Key::Channel(&message.channel);
    match (&message.kind, message.value.as_bytes()) {
        (MessageKind::Message, Some(payload)) => {
            intake.handle(key, payload, clock.now());
        }
        (kind, _) => {
            let got = format!("{kind:?} of {}", shown(format!("{:?}", message.value.kind()).as_bytes()));
            intake.refuse(key, &DecodeError::ReplyKind { got, want: "a message with text" });
        }
    }
}

/// The receiver says once that it was overtaken, and goes on with what is left.
fn lagged(intake: &Intake, missed: u64) {
    let before = intake.counters().lagged.add(missed);
    if before == 0 {
        tracing::warn!(target: "feed", missed, "FEED-034 feed: messages came faster than they were taken");
    }
}
