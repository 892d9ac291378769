//! The account's events: a connection opened with a listen key, which is kept alive and replaced when it expires.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use hyper::Method;
use schemas::wire::binance::encode::Value;
use schemas::wire::binance_usdm::event::UserEvent;
use schemas::wire::binance_usdm::rest::{read_listen_key, read_positions};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::side::SideParts;
use super::wire::told;
use crate::failpoint::break_in;
use crate::venue::backoff::Backoff;
use crate::venue::binance::rest::{BODY_MAX, RestError};
use crate::venue::binance::socket::{self, Frame, SocketError, WsReader};
use crate::venue::binance::{Beside, Decoded, warn};
use crate::venue::guard::Endpoint;

/// A key lives for 60 minutes. It is prolonged after half of that, less up to a tenth: processes do not all ask
/// at once.
const RENEW_EVERY: Duration = Duration::from_secs(1_800);
/// After a renewal that failed; the key lives on meanwhile.
const RENEW_AGAIN: Duration = Duration::from_secs(60);
/// The venue pings every 3 min; a connection that is silent for longer than two of them is dead.
const IDLE_MAX: Duration = Duration::from_secs(400);
/// The venue's code for a key that it no longer knows.
const NO_SUCH_KEY: i64 = -1125;

/// Why a user stream ended.
#[derive(Debug, thiserror::Error)]
enum StreamEnd {
    #[error(transparent)]
    Rest(#[from] RestError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("the listen key expired")]
    Expired,
    #[error("silent for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("given up by its reader")]
    GivenUp,
}

/// Keeps the events coming until the gateway is gone.
pub(super) async fn run(parts: SideParts, news: mpsc::Sender<Beside>, renew: Arc<Notify>) {
    let mut backoff = Backoff::of_connection(u64::from(std::process::id()) ^ 1);
    let mut turns = parts.target.egress().turns();
    let mut stream = UserStream { parts, news, renew, on_older_path: false, heard: false };
    loop {
        turns.next().await;
        let Some(end) = stream.listen().await else { return };
        tracing::warn!(error = %end, "the user stream was lost");
        if stream.news.send(Beside::Events(false)).await.is_err() {
            return;
        }
        if stream.heard {
            backoff.reset();
        }
        // A connection on the wrong path is accepted, and stays mute.
        let is_mute = matches!(end, StreamEnd::GivenUp | StreamEnd::Socket(_)) && !stream.heard;
        stream.on_older_path ^= is_mute && stream.older_path().is_some();
        sleep(backoff.after_failure()).await;
    }
}

struct UserStream {
    parts: SideParts,
    news: mpsc::Sender<Beside>,
    renew: Arc<Notify>,
    /// The older of the two paths is in use.
    on_older_path: bool,
    /// An event came over the present connection.
    heard: bool,
}

impl UserStream {
    /// One connection, until it is of no more use; `None` once the gateway is gone.
    async fn listen(&mut self) -> Option<StreamEnd> {
        self.heard = false;
        let mut reader = match open(&self.parts, self.path()).await {
            Ok(reader) => reader,
            Err(end) => return Some(end),
        };
        // Changes from here on wait in the connection.
        if let Err(error) = ask_positions(&self.parts).await {
            tracing::warn!(%error, "positions could not be asked for");
        }
        // Whoever gave the stream up meant one that is gone already.
        _ = self.renew.notified().now_or_never();
        self.news.send(Beside::Events(true)).await.ok()?;
        let mut renewal = FuturesUnordered::new();
        let mut silent_at = Instant::now() + IDLE_MAX;
        let mut renew_at = Instant::now() + renew_after();
        loop {
            break_in("user_stream");
            tokio::select! {
                biased;
                () = self.renew.notified() => return Some(StreamEnd::GivenUp),
                () = sleep_until(silent_at) => return Some(StreamEnd::Silent(IDLE_MAX)),
                // Events go on while the venue thinks about the key.
                () = sleep_until(renew_at) => {
                    renew_at = Instant::now() + renew_after();
                    renewal.push(prolong(self.parts.clone()));
                }
                Some(renewed) = renewal.next() => match renewed {
                    Ok(()) => {}
                    Err(RestError::Api { error, .. }) if error.code == NO_SUCH_KEY => {
                        return Some(StreamEnd::Expired);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the listen key could not be prolonged");
                        renew_at = Instant::now() + RENEW_AGAIN.max(error.wanted_silence());
                    }
                },
                frame = reader.next() => {
                    silent_at = Instant::now() + IDLE_MAX;
                    match frame {
                        Ok(Frame::Text(text)) => {
                            if let Some(end) = self.take(&text).await? {
                                return Some(end);
                            }
                        }
                        Ok(Frame::Alive) => {}
                        Err(error) => return Some(error.into()),
                    }
                }
            }
        }
    }

    /// Where the events are: the path that they have now, or the one that they had.
    fn path(&self) -> &'static str {
        let older = self.older_path().filter(|_| self.on_older_path);
        older.unwrap_or(self.parts.target.path(Endpoint::UserStream))
    }

    const fn older_path(&self) -> Option<&'static str> {
        self.parts.target.older_path(Endpoint::UserStream)
    }

    /// Hands on what a frame tells. `None` once the gateway is gone, else whether the stream has ended.
    async fn take(&mut self, text: &str) -> Option<Option<StreamEnd>> {
        let event = match UserEvent::read(text) {
            Ok(event) => event,
            Err(fault) => {
                warn(&fault);
                return Some(None);
            }
        };
        self.heard = true;
        match &event {
            UserEvent::ListenKeyExpired => return Some(Some(StreamEnd::Expired)),
            UserEvent::Positions(changed) => self.parts.positions.change(changed),
            UserEvent::Order(_) | UserEvent::Trade(_) | UserEvent::Ignored { .. } => {}
        }
        match told(&event, |prefix| self.parts.symbol_of(prefix)) {
            Decoded::Update(update) => self.news.send(Beside::Update(update)).await.ok()?,
            Decoded::Alarm { id, alarm } => self.news.send(Beside::Alarm { id, alarm }).await.ok()?,
            Decoded::Answer { .. } | Decoded::Ended | Decoded::Nothing => {}
        }
        Some(None)
    }
}

/// A new connection with a key that lives: the same request makes one and finds the one there is.
async fn open(parts: &SideParts, path: &str) -> Result<WsReader, StreamEnd> {
    let text = ask_key(parts, Method::POST).await?;
    let key = read_listen_key(&text).map_err(RestError::Fault)?;
    let path = format!("{path}?listenKey={key}");
    // Nothing is sent but pongs, which reading sends.
    let (reader, _) = socket::open_at(&parts.target, Endpoint::UserStream, &path).await?;
    Ok(reader)
}

async fn prolong(parts: SideParts) -> Result<(), RestError> {
    ask_key(&parts, Method::PUT).await.map(drop)
}

async fn ask_key(parts: &SideParts, method: Method) -> Result<String, RestError> {
    parts.rest.ask(method, "/listenKey", Some(parts.account.api_key()), BODY_MAX).await
}

/// Positions as they are now; events tell of changes from here on.
async fn ask_positions(parts: &SideParts) -> Result<(), RestError> {
    let params = [
        ("recvWindow", Value::Number(parts.recv_window_ms.into())),
        ("timestamp", Value::Millis(parts.venue_ms())),
    ];
    let path = "/fapi/v3/positionRisk";
    let text = parts.rest.signed(Method::GET, path, &params, parts.account.account()).await?;
    parts.positions.replace(&read_positions(&text).map_err(RestError::Fault)?);
    Ok(())
}

fn renew_after() -> Duration {
    let tenth = RENEW_EVERY / 10;
    RENEW_EVERY - tenth * (std::process::id() % 100) / 100
}
