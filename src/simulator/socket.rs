//! One websocket connection: frames in to its handler, what its outbox holds out, in one flush where possible.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::outbox::Outbox;
use crate::clock;

/// The server pings this often.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A connection that has not answered a ping for so long is cut.
const PONG_WITHIN: Duration = Duration::from_secs(60);
/// A write that has not got on for so long ends the connection.
const WRITE_WITHIN: Duration = Duration::from_secs(60);
/// Most frames of one read that are handled before their answers are flushed.
const FRAMES_PER_FLUSH: usize = 64;

/// Most bytes that one read takes. The library clears as much before each read.
pub(super) const READ_MAX: usize = 16 << 10;
/// Longest frame that is taken.
pub(super) const FRAME_MAX: usize = 64 * 1024;

/// What a connection does with the frames it gets. Dropped when the connection ends.
pub(super) trait Frames: Send + 'static {
    /// One text frame that came at that moment. Answers go into the connection's outbox.
    fn handle(&mut self, text: &str, now_ms: i64);
}

/// Serves the connection until either side ends it.
pub(super) async fn serve(mut socket: WebSocket, outbox: Arc<Outbox>, mut frames: impl Frames) {
    let mut heart = Heart::new();
    loop {
        let alive = tokio::select! {
            biased;
            frame = socket.next() => take(frame, &mut frames, &mut heart),
            () = outbox.ready() => true,
            _ = heart.ticks.tick() => heart.beat(&mut socket).await,
        };
        if !alive || !take_more(&mut socket, &mut frames, &mut heart) || !write(&mut socket, &outbox).await {
            return;
        }
    }
}

/// Handles the frames that came with the last read.
fn take_more(socket: &mut WebSocket, frames: &mut impl Frames, heart: &mut Heart) -> bool {
    for _ in 0..FRAMES_PER_FLUSH {
        match socket.next().now_or_never() {
            None => return true,
            Some(frame) => {
                if !take(frame, frames, heart) {
                    return false;
                }
            }
        }
    }
    true
}

/// Handles one frame. False if it was the last.
fn take(frame: Option<Result<Message, axum::Error>>, frames: &mut impl Frames, heart: &mut Heart) -> bool {
    match frame {
        Some(Ok(Message::Text(text))) => frames.handle(text.as_str(), clock::wall_ms()),
        Some(Ok(Message::Pong(_))) => heart.last_pong = Instant::now(),
        Some(Ok(Message::Ping(_) | Message::Binary(_))) => {}
        Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
    }
    true
}

/// Writes all that is ready and flushes once. False if the connection is to end.
async fn write(socket: &mut WebSocket, outbox: &Outbox) -> bool {
    let all = async {
        while let Some(message) = outbox.pop() {
            socket.feed(Message::Text(message)).await?;
        }
        socket.flush().await
    };
    let written = tokio::select! {
        biased;
        written = tokio::time::timeout(WRITE_WITHIN, all) => matches!(written, Ok(Ok(()))),
        () = outbox.broken() => false,
    };
    written && !outbox.is_broken()
}

/// Pings, and whether they are answered.
struct Heart {
    ticks: Interval,
    last_pong: Instant,
}

impl Heart {
    fn new() -> Self {
        let now = Instant::now();
        let mut ticks = tokio::time::interval_at(now + PING_EVERY, PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, last_pong: now }
    }

    async fn beat(&mut self, socket: &mut WebSocket) -> bool {
        if self.last_pong.elapsed() > PONG_WITHIN {
            return false;
        }
        let payload = Bytes::from(clock::wall_ms().to_string());
        let sent = tokio::time::timeout(WRITE_WITHIN, socket.send(Message::Ping(payload))).await;
        matches!(sent, Ok(Ok(())))
    }
}
