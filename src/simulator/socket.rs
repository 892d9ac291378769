//! One websocket connection: frames in to its handler, what its outbox holds out, in one flush where possible.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::faults::Line;
use super::faults::patience::within;
use super::outbox::Outbox;
use crate::clock;

/// A write that takes so long ends the connection, unless a fault makes it take so long.
const WRITE_WITHIN: Duration = Duration::from_secs(60);
/// How long saying goodbye may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Most frames of one read that are handled before their answers are flushed.
const FRAMES_PER_FLUSH: usize = 64;

/// Most bytes that one read takes. The library clears as much before each read.
pub(super) const READ_MAX: usize = 16 << 10;
/// Longest frame that is taken.
pub(super) const FRAME_MAX: usize = 64 * 1024;

/// How long a connection lives, and what it must do to live so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// The server pings this often.
    pub(super) ping_every: Duration,
    /// A connection that has not answered a ping for so long is cut.
    pub(super) pong_within: Duration,
    /// Every connection is cut after so long.
    pub(super) life: Duration,
    /// Frames of any kind that it may send in a second; none = any number.
    pub(super) messages_per_s: Option<u32>,
}

/// What a connection does with the frames it gets. Dropped when the connection ends.
pub(super) trait Frames: Send + 'static {
    /// One text frame that came at that moment. Answers go into the connection's outbox.
    fn handle(&mut self, text: &str, now_ms: i64);

    /// It is cut because it sent more frames than it may.
    fn offended(&mut self) {}
}

/// Serves the connection until either side ends it.
pub(super) async fn serve(
    mut socket: WebSocket,
    outbox: Arc<Outbox>,
    mut frames: impl Frames,
    manners: Manners,
) {
    let mut heart = Heart::new(manners);
    let ends = tokio::time::sleep(manners.life);
    tokio::pin!(ends);
    loop {
        if outbox.line().is_some_and(Line::is_stalled) {
            flows(&outbox, &mut heart).await;
        }
        let alive = tokio::select! {
            biased;
            frame = socket.next() => take(frame, &mut frames, &mut heart),
            () = outbox.ready() => true,
            () = &mut ends => false,
            _ = heart.ticks.tick() => heart.beat(&mut socket, &outbox).await,
        };
        if !alive || !take_more(&mut socket, &mut frames, &mut heart) || !write(&mut socket, &outbox).await {
            break;
        }
    }
    // Whoever has gone already is not told.
    let _ = tokio::time::timeout(CLOSE_WITHIN, socket.send(Message::Close(None))).await;
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
    let Some(Ok(frame)) = frame else { return false };
    if !heart.bears_one_more() {
        frames.offended();
        return false;
    }
    match frame {
        Message::Text(text) => frames.handle(text.as_str(), clock::wall_ms()),
        Message::Pong(payload) => heart.answered(&payload),
        Message::Ping(_) | Message::Binary(_) => {}
        Message::Close(_) => return false,
    }
    true
}

/// Writes all that is ready and flushes once. False if the connection is to end.
async fn write(socket: &mut WebSocket, outbox: &Outbox) -> bool {
    if outbox.line().is_some_and(Line::is_stalled) {
        return true;
    }
    let all = async {
        while let Some(message) = outbox.pop() {
            socket.feed(Message::Text(message)).await?;
        }
        socket.flush().await
    };
    let written = tokio::select! {
        biased;
        written = within(WRITE_WITHIN, outbox.line(), all) => matches!(written, Some(Ok(()))),
        () = outbox.broken() => false,
    };
    written && !outbox.is_broken() && !outbox.is_finished()
}

/// Pings, and whether they are answered; and how many frames came in this second.
struct Heart {
    manners: Manners,
    ticks: Interval,
    last_pong: Instant,
    /// What the last ping said: only a pong that says the same answers it.
    pinged: Bytes,
    second_began: Instant,
    frames: u32,
}

impl Heart {
    fn new(manners: Manners) -> Self {
        let now = Instant::now();
        let mut ticks = tokio::time::interval_at(now + manners.ping_every, manners.ping_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { manners, ticks, last_pong: now, pinged: Bytes::new(), second_began: now, frames: 0 }
    }

    /// Counts a frame. False if that is one too many.
    fn bears_one_more(&mut self) -> bool {
        let Some(most) = self.manners.messages_per_s else { return true };
        let now = Instant::now();
        if now.duration_since(self.second_began) >= Duration::from_secs(1) {
            (self.second_began, self.frames) = (now, 0);
        }
        self.frames += 1;
        self.frames <= most
    }

    fn answered(&mut self, payload: &Bytes) {
        if *payload == self.pinged {
            self.last_pong = Instant::now();
        }
    }

    async fn beat(&mut self, socket: &mut WebSocket, outbox: &Outbox) -> bool {
        if outbox.line().is_some_and(Line::is_without_pings) {
            self.last_pong = Instant::now();
            return true;
        }
        if outbox.line().is_some_and(Line::is_held) {
            // Its answer may be behind everything that waits.
            self.last_pong = Instant::now();
        }
        if self.last_pong.elapsed() > self.manners.pong_within {
            return false;
        }
        self.pinged = Bytes::from(clock::wall_ms().to_string());
        let ping = socket.send(Message::Ping(self.pinged.clone()));
        matches!(within(WRITE_WITHIN, outbox.line(), ping).await, Some(Ok(())))
    }
}
