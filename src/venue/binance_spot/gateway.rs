//! The order gateway's socket: moves bytes between a WS API connection and the gateway's machine.
//!
//! One connection carries orders and the user stream of one account. It must never decide anything: what an
//! answer proves is the machine's to say.

use std::time::Duration;

use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::gateway::{Gateway, GatewaySettings, LaneId, Permit, RateLimit, RateLimitKind};
use pipeline::time::Now;
use schemas::ids::InstrumentPrefix;
use schemas::wire::binance_spot::limit::LimitKind;
use tokio::sync::{mpsc, watch};

use schemas::wire::binance_spot::api_error::ApiError;

use super::account::AccountKey;
use super::socket::{self, Frame, SocketError, WsReader, WsWriter};
use super::wire::{Decoded, Encoder, decode};
use crate::clock::Clock;
use crate::venue::backoff::Backoff;
use crate::venue::guard::{Endpoint, Target};

/// How long an answer may take before its outcome counts as unknown.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// The venue pings every 20 s; a connection that is silent for longer than this is dead.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// The most requests on their way.
const INFLIGHT_MAX: usize = 4_096;
/// Frames that are taken in before what they brought about is handed on.
const FRAMES_MAX: usize = 16;

/// One instrument at this gateway.
#[derive(Clone, Debug)]
pub struct GatewayLane {
    /// The venue's symbol.
    pub symbol: String,
    /// What the instrument's ids begin with.
    pub prefix: InstrumentPrefix,
    /// Digits after a price's point.
    pub price_decimals: u8,
    /// Where its reports go; sized so that it cannot fill while the lane runs.
    pub reports: mpsc::Sender<OrderReport>,
}

/// What a gateway is made of.
#[derive(Debug)]
pub struct GatewayParts {
    /// Where to connect.
    pub target: Target,
    /// Key and secret.
    pub account: AccountKey,
    /// How long the venue may take to accept an order.
    pub recv_window_ms: u32,
    /// Venue time minus ours.
    pub clock_offset_ms: i64,
    /// The venue's limits.
    pub limits: Vec<RateLimit>,
    /// The instruments, in the order of [`LaneId`].
    pub lanes: Vec<GatewayLane>,
    /// Their commands.
    pub commands: mpsc::Receiver<(LaneId, Command)>,
    /// Says whether orders can leave.
    pub link: watch::Sender<Link>,
}

/// What a gateway can do at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// No connection: nothing leaves.
    #[default]
    Down,
    /// Connected, and the rate budget is spent: only cancels and questions leave.
    Spent,
    /// Pairs may begin.
    Open,
}

impl Link {
    /// Whether there is a connection.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Spent | Self::Open)
    }
}

/// Why an order connection ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("user stream refused: {0}")]
    Refused(ApiError),
    #[error("ended by the venue")]
    Ended,
    #[error("silent for {} s", .0.as_secs())]
    Silent(Duration),
}

type Halves = (WsReader, WsWriter);

/// Runs until every lane is gone.
pub async fn run(parts: GatewayParts, permit: impl Permit, clock: Clock) {
    let settings = GatewaySettings {
        lanes: parts.lanes.iter().map(|lane| lane.prefix).collect(),
        limits: parts.limits.clone(),
        answer_patience: ANSWER_PATIENCE,
        inflight_max: INFLIGHT_MAX,
    };
    let mut session = Session {
        machine: Gateway::new(settings, permit),
        written: vec![None; parts.lanes.len()],
        encoder: Encoder::default(),
        parts,
        clock,
    };
    let mut backoff = Backoff::of_connection(u64::from(std::process::id()));
    loop {
        match session.connect().await {
            Ok(mut link) => {
                backoff.reset();
                match session.serve(&mut link).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%error, "the order connection was lost"),
                }
                session.disconnected();
            }
            Err(error) => tracing::warn!(%error, "the order connection could not be made"),
        }
        if !session.wait(backoff.after_failure()).await {
            return;
        }
    }
}

struct Session<P> {
    machine: Gateway<P>,
    /// By lane, that an order was written, until there is more to say.
    written: Vec<Option<OrderReport>>,
    encoder: Encoder,
    parts: GatewayParts,
    clock: Clock,
}

impl<P: Permit> Session<P> {
    /// Connects and subscribes to the user stream: no order leaves before events come back.
    async fn connect(&mut self) -> Result<Halves, LinkError> {
        let mut link = socket::open(&self.parts.target, Endpoint::WsApi).await?;
        let frame = self.encoder.subscribe(&self.parts.account, self.venue_ms());
        link.1.send(frame).await?;
        let patience = ANSWER_PATIENCE * 2;
        let subscribed = tokio::time::timeout(patience, self.subscribed(&mut link.0)).await;
        subscribed.map_err(|_| LinkError::Silent(patience))??;
        self.machine.handle_connected();
        self.show_link(self.clock.now());
        Ok(link)
    }

    async fn subscribed(&self, reader: &mut WsReader) -> Result<(), LinkError> {
        loop {
            if let Frame::Text(text) = reader.next().await?
                && let Some(answer) = Encoder::subscribed(&text, &self.parts.account)
            {
                return answer.map_err(LinkError::Refused);
            }
        }
    }

    /// Serves the connection until it fails, or until every lane is gone.
    async fn serve(&mut self, (reader, writer): &mut Halves) -> Result<(), LinkError> {
        let timer = tokio::time::sleep(IDLE_MAX);
        tokio::pin!(timer);
        let mut heard = self.clock.now().mono;
        loop {
            let now = self.clock.now();
            self.send_out(writer, now).await?;
            self.hand_out();
            self.show_link(now);
            let dead_at = heard + IDLE_MAX;
            let deadline = self.machine.poll_timeout(now).map_or(dead_at, |at| at.min(dead_at));
            let deadline = self.clock.instant(deadline);
            // A timer that is early wakes us for nothing, once; setting it with each request costs more.
            if deadline < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            tokio::select! {
                biased;
                command = self.parts.commands.recv() => match command {
                    Some(command) => self.take_commands(command),
                    None => return Ok(()),
                },
                frame = reader.next() => {
                    let now = self.clock.now();
                    heard = now.mono;
                    self.take_frames(frame, reader, now)?;
                }
                () = &mut timer => {
                    let now = self.clock.now();
                    if now.mono.since(heard) >= IDLE_MAX {
                        return Err(LinkError::Silent(IDLE_MAX));
                    }
                    self.machine.handle_timeout(now);
                }
            }
        }
    }

    /// Everything that waits is taken in at once: one flush for all of it.
    fn take_commands(&mut self, first: (LaneId, Command)) {
        self.machine.handle_command(first.0, first.1);
        while let Ok((lane, command)) = self.parts.commands.try_recv() {
            self.machine.handle_command(lane, command);
        }
    }

    /// Writes what may leave, as one flush.
    async fn send_out(&mut self, writer: &mut WsWriter, now: Now) -> Result<(), LinkError> {
        let mut wrote = false;
        let at_ms = now.wall_ms + self.parts.clock_offset_ms;
        while let Some(outgoing) = self.machine.poll_send(now) {
            let lane = &self.parts.lanes[outgoing.lane.0];
            let account = self.parts.account.account();
            let frame = self.encoder.encode(&outgoing, lane, account, self.parts.recv_window_ms, at_ms);
            writer.queue(frame).await?;
            wrote = true;
        }
        if wrote {
            writer.flush().await?;
            self.machine.handle_written(self.clock.now().mono);
        }
        Ok(())
    }

    /// The frame that was waited for, and those that came with it.
    fn take_frames(
        &mut self,
        first: Result<Frame, SocketError>,
        reader: &mut WsReader,
        now: Now,
    ) -> Result<(), LinkError> {
        let more = std::iter::from_fn(|| reader.next_now()).take(FRAMES_MAX - 1);
        for frame in std::iter::once(first).chain(more) {
            if let Frame::Text(text) = frame? {
                self.take_frame(&text, now)?;
            }
        }
        Ok(())
    }

    fn take_frame(&mut self, text: &str, now: Now) -> Result<(), LinkError> {
        let api_key = self.parts.account.api_key();
        match decode(text, &self.machine, &self.parts.lanes, api_key, now.wall_ms) {
            Decoded::Answer { request, answer, counts } => {
                for count in counts.iter().filter_map(count) {
                    self.machine.handle_count(count, now);
                }
                self.machine.handle_answer(request, answer);
            }
            Decoded::Update(update) => self.machine.handle_update(update),
            Decoded::Ended => return Err(LinkError::Ended),
            Decoded::Nothing => {}
        }
        Ok(())
    }

    /// Reports go to their lanes; a lane that is gone needs none. That an order was written changes nothing of
    /// what its lane does next: the lane is not woken for it, and hears it with the next report.
    fn hand_out(&mut self) {
        while let Some((lane, report)) = self.machine.poll_report() {
            if matches!(report, OrderReport::Sent { .. }) {
                if let Some(earlier) = self.written[lane.0].replace(report) {
                    self.tell(lane, earlier);
                }
                continue;
            }
            if let Some(written) = self.written[lane.0].take() {
                self.tell(lane, written);
            }
            self.tell(lane, report);
        }
    }

    fn tell(&self, lane: LaneId, report: OrderReport) {
        let GatewayLane { reports, symbol, .. } = &self.parts.lanes[lane.0];
        match reports.try_send(report) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(report)) => {
                tracing::error!(symbol, ?report, "broken invariant: a lane's reports are full");
            }
        }
    }

    fn show_link(&self, now: Now) {
        let link = if self.machine.has_budget(now) { Link::Open } else { Link::Spent };
        if *self.parts.link.borrow() != link {
            self.parts.link.send_replace(link);
        }
    }

    fn disconnected(&mut self) {
        self.parts.link.send_replace(Link::Down);
        self.machine.handle_disconnected();
        self.hand_out();
    }

    /// Waits without a connection, refusing commands as they come; `false` once every lane is gone.
    async fn wait(&mut self, pause: Duration) -> bool {
        let timer = tokio::time::sleep(pause);
        tokio::pin!(timer);
        loop {
            tokio::select! {
                () = &mut timer => return true,
                command = self.parts.commands.recv() => match command {
                    Some(command) => {
                        self.take_commands(command);
                        self.hand_out();
                    }
                    None => return false,
                },
            }
        }
    }

    fn venue_ms(&self) -> i64 {
        self.clock.now().wall_ms + self.parts.clock_offset_ms
    }
}

/// A count of the venue in the machine's words.
fn count(counted: &schemas::wire::binance_spot::limit::RateLimit) -> Option<RateLimit> {
    Some(RateLimit {
        kind: limit_kind(counted.kind)?,
        interval_ms: interval_ms(counted.window_s),
        count: counted.count?,
    })
}

/// The venue's limits in the machine's words.
#[must_use]
pub fn limits(stated: &[schemas::wire::binance_spot::limit::RateLimit]) -> Vec<RateLimit> {
    let limit = |stated: &schemas::wire::binance_spot::limit::RateLimit| {
        let kind = limit_kind(stated.kind)?;
        Some(RateLimit { kind, interval_ms: interval_ms(stated.window_s), count: stated.limit })
    };
    stated.iter().filter_map(limit).collect()
}

const fn limit_kind(kind: LimitKind) -> Option<RateLimitKind> {
    match kind {
        LimitKind::RequestWeight => Some(RateLimitKind::Weight),
        LimitKind::Orders => Some(RateLimitKind::Orders),
        LimitKind::RawRequests | LimitKind::Other => None,
    }
}

fn interval_ms(window_s: u64) -> i64 {
    i64::try_from(window_s).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000).max(1_000)
}
