//! One websocket connection: frames in to its handler, what its outbox holds out, in one flush where possible.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::faults::Line;
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
    /// One text frame. Answers go into the connection's outbox.
    fn handle(&mut self, text: &str);
}

/// Serves the connection until either side ends it.
pub(super) async fn serve(mut socket: WebSocket, outbox: Arc<Outbox>, mut frames: impl Frames) {
    let mut heart = Heart::new();
    loop {
        if outbox.line().is_some_and(Line::is_stalled) {
            flows(&outbox, &mut heart).await;
        }
        let alive = tokio::select! {
            biased;
            frame = socket.next() => take(frame, &mut frames, &mut heart),
            () = outbox.ready() => true,
            _ = heart.ticks.tick() => heart.beat(&mut socket, &outbox).await,
        };
        if !alive || !take_more(&mut socket, &mut frames, &mut heart) || !write(&mut socket, &outbox).await {
            return;
        }
    }
}

/// Waits until a half-open connection is read and written again. Nobody was asked for a pong meanwhile.
async fn flows(outbox: &Outbox, heart: &mut Heart) {
    if let Some(line) = outbox.line() {
        line.flows().await;
    }
    heart.last_pong = Instant::now();
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
        Some(Ok(Message::Text(text))) => frames.handle(text.as_str()),
        Some(Ok(Message::Pong(_))) => heart.last_pong = Instant::now(),
        Some(Ok(Message::Ping(_) | Message::Binary(_))) => {}
        Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
    }
    true
}

/// Writes all that is ready and flushes once. False if the connection is to end.
async fn write(socket: &mut WebSocket, outbox: &Outbox) -> bool {
    if outbox.line().is_some_and(Line::is_stalled) {
        return true;
    }
    let closing = outbox.closing();
    let all = async {
        while let Some(message) = outbox.pop() {
            socket.feed(Message::Text(message)).await?;
        }
        if let Some(code) = closing {
            let frame = CloseFrame { code, reason: Utf8Bytes::default() };
            socket.feed(Message::Close(Some(frame))).await?;
        }
        socket.flush().await
    };
    let written = tokio::select! {
        biased;
        written = tokio::time::timeout(WRITE_WITHIN, all) => matches!(written, Ok(Ok(()))),
        () = outbox.broken() => false,
    };
    written && closing.is_none() && !outbox.is_broken()
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

    async fn beat(&mut self, socket: &mut WebSocket, outbox: &Outbox) -> bool {
        if outbox.line().is_some_and(Line::is_without_pings) {
            self.last_pong = Instant::now();
            return true;
        }
        if self.last_pong.elapsed() > PONG_WITHIN {
            return false;
        }
        let payload = Bytes::from(clock::wall_ms().to_string());
        let sent = tokio::time::timeout(WRITE_WITHIN, socket.send(Message::Ping(payload))).await;
        matches!(sent, Ok(Ok(())))
    }
}
