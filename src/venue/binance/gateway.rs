//! The order gateway's socket: moves bytes between a WS API connection and the gateway's machine.
//!
//! One connection carries the orders of one account. Spot's carries its events too; USD-M's come over a connection
//! of their own ([`crate::venue::binance_usdm`]). It must never decide anything: what an answer proves is the
//! machine's to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::gateway::{
    Answer, Bounds, Gateway, GatewaySettings, LaneId, Link, Outgoing, Permit, RateLimit, RateLimitKind,
};
use pipeline::time::{Nanos, Now};
use schemas::config::Dialect;
use schemas::ids::InstrumentPrefix;
use schemas::wire::binance::api_error::ApiError;
use schemas::wire::binance::limit::LimitKind;
use tokio::sync::{mpsc, watch};

use super::account::AccountKey;
use super::beside::{Beside, ListJob};
use super::intents;
use super::mute::Mute;
use super::positions::Positions;
use super::socket::{self, Frame, SocketError, WsReader, WsWriter};
use super::wire::{Decoded, Reading};
use crate::clock::Clock;
use crate::failpoint::{Leaving, break_in, failpoint};
use crate::journal::Journal;
use crate::venue::backoff::Backoff;
use crate::venue::binance_usdm::side::{Side, SideParts};
use crate::venue::egress::Egress;
use crate::venue::guard::{Endpoint, Target};
use crate::venue::{binance_spot, binance_usdm};

/// How long an answer may take before its outcome counts as unknown.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// Spot pings every 20 s; a connection that is silent for longer than this is dead.
const IDLE_MAX_SPOT: Duration = Duration::from_secs(60);
/// USD-M pings every 3 min.
const IDLE_MAX_USDM: Duration = Duration::from_secs(400);
/// The most requests on their way.
const INFLIGHT_MAX: usize = 4_096;
/// How often a journal that cannot be written is looked at again.
const JOURNAL_RETRY: Duration = Duration::from_millis(50);
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
    /// The venue's name, for the journal.
    pub venue: &'static str,
    /// The follow key of its ticks, for the journal.
    pub follow_key: String,
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
    pub clock_offset_ms: Arc<AtomicI64>,
    /// The venue's limits.
    pub limits: Vec<RateLimit>,
    /// How many processes share the account and the address, and so the limits.
    pub sharers: u32,
    /// The instruments, in the order of [`LaneId`].
    pub lanes: Vec<GatewayLane>,
    /// Their commands.
    pub commands: mpsc::Receiver<(LaneId, Command)>,
    /// Says whether orders can leave.
    pub link: watch::Sender<Link>,
    /// Where the account's positions are kept, if it has any.
    pub positions: Positions,
    /// Where every place is written down before it leaves.
    pub journal: Journal,
    /// Bounds of our own, on top of the venue's limits.
    pub bounds: Bounds,
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
    let mut session = Session::new(parts, permit, clock);
    let mut backoff = Backoff::of_connection(u64::from(std::process::id()));
    let mut turns = session.parts.target.egress().turns();
    loop {
        if session.meanwhile(turns.next()).await.is_none() {
            return;
        }
        let opening =
            open(session.parts.target.clone(), session.parts.account.clone(), session.now().wall_ms);
        match session.meanwhile(opening).await {
            None => return,
            Some(Ok(mut halves)) => {
                backoff.reset();
                session.connected();
                match session.serve(&mut halves).await {
                    Ok(()) => return session.count(),
                    Err(error) => tracing::warn!(%error, "the order connection was lost"),
                }
                session.disconnected();
            }
            Some(Err(error)) => tracing::warn!(%error, "the order connection could not be made"),
        }
        let pause = backoff.after_failure();
        if session.meanwhile(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Connects and, where events come over the same connection, subscribes to them: no order leaves before events
/// come back.
async fn open(target: Target, account: AccountKey, venue_ms: i64) -> Result<Halves, LinkError> {
    let (mut reader, mut writer) = socket::open(&target, Endpoint::WsApi).await?;
    if target.dialect() == Dialect::BinanceUsdm {
        return Ok((reader, writer));
    }
    writer.send(binance_spot::wire::Encoder::default().subscribe(&account, venue_ms)).await?;
    let patience = ANSWER_PATIENCE * 2;
    let subscribed = tokio::time::timeout(patience, subscribed(&mut reader, &account, target.egress())).await;
    subscribed.map_err(|_| LinkError::Silent(patience))??;
    Ok((reader, writer))
}

async fn subscribed(reader: &mut WsReader, account: &AccountKey, egress: &Egress) -> Result<(), LinkError> {
    loop {
        if let Frame::Text(text) = reader.next().await?
            && let Some(answer) = binance_spot::wire::Encoder::subscribed(&text, account)
        {
            let told = answer.inspect_err(|error| egress.handle_refused(error, None));
            return told.map_err(LinkError::Refused);
        }
    }
}

/// Writes the frames of one dialect.
enum Encoder {
    Spot(binance_spot::wire::Encoder),
    Usdm(binance_usdm::wire::Encoder),
}

struct Session<P> {
    machine: Gateway<P>,
    /// By lane, that an order was written, until there is more to say.
    written: Vec<Option<OrderReport>>,
    encoder: Encoder,
    /// What goes and comes by another way.
    side: Side,
    /// What a user stream of its own owes.
    mute: Mute,
    idle_max: Duration,
    parts: GatewayParts,
    clock: Clock,
    /// Places that leave once they are written down.
    places: Vec<Outgoing>,
    /// Late answers and mismatches that the metrics know of.
    counted: (u64, u64),
    leaving: Leaving,
}

impl<P: Permit> Session<P> {
    fn new(parts: GatewayParts, permit: P, clock: Clock) -> Self {
        let dialect = parts.target.dialect();
        let is_usdm = dialect == Dialect::BinanceUsdm;
        let settings = GatewaySettings {
            lanes: parts.lanes.iter().map(|lane| lane.prefix).collect(),
            limits: parts.limits.clone(),
            answer_patience: ANSWER_PATIENCE,
            inflight_max: INFLIGHT_MAX,
            sharers: parts.sharers,
            weights: if is_usdm { binance_usdm::WEIGHTS } else { binance_spot::WEIGHTS },
            lists_beside: is_usdm,
        };
        let machine = Gateway::new(settings, permit).bounded(&parts.bounds);
        let mut machine = machine.behind(parts.target.egress().address());
        let side = if is_usdm { Side::start(SideParts::of(&parts, clock)) } else { Side::none() };
        machine.handle_events(!is_usdm);
        Self {
            machine,
            written: vec![None; parts.lanes.len()],
            encoder: if is_usdm {
                Encoder::Usdm(Default::default())
            } else {
                Encoder::Spot(Default::default())
            },
            side,
            mute: Mute::new(parts.lanes.len()),
            idle_max: if is_usdm { IDLE_MAX_USDM } else { IDLE_MAX_SPOT },
            parts,
            clock,
            places: Vec::with_capacity(64),
            counted: (0, 0),
            leaving: Leaving::default(),
        }
    }

    /// Serves the connection until it fails, or until every lane is gone.
    async fn serve(&mut self, (reader, writer): &mut Halves) -> Result<(), LinkError> {
        let timer = tokio::time::sleep(self.idle_max);
        tokio::pin!(timer);
        let mut heard = self.now().mono;
        loop {
            break_in("gateway");
            let now = self.now();
            self.send_out(writer, now).await?;
            self.hand_out();
            self.show_link(now);
            let journal = (!self.parts.journal.is_good()).then(|| now.mono + JOURNAL_RETRY);
            let deadlines =
                [Some(heard + self.idle_max), self.machine.poll_timeout(now), self.mute.at(), journal];
            let deadline = deadlines.into_iter().flatten().min().unwrap_or(heard);
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
                Some(news) = self.side.next() => self.take_news(news),
                frame = reader.next() => {
                    let now = self.now();
                    heard = now.mono;
                    self.take_frames(frame, reader, now)?;
                }
                () = &mut timer => {
                    let now = self.now();
                    let silence = now.mono.since(heard);
                    // An answer is overdue and nothing else came either: whatever is sent into this
                    // connection would be lost as well.
                    let lost = self.machine.handle_timeout(now) && silence >= ANSWER_PATIENCE;
                    self.count();
                    if lost || silence >= self.idle_max {
                        return Err(LinkError::Silent(silence));
                    }
                    self.heed_mute(now.mono);
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

    /// All the news that have come.
    fn take_news(&mut self, first: Beside) {
        let now = self.now();
        let mut news = Some(first);
        while let Some(one) = news {
            match one {
                Beside::Events(come) => {
                    self.mute.forget();
                    self.was_deaf();
                    self.machine.handle_events(come);
                }
                Beside::Update(update) => {
                    self.mute.told(now.mono);
                    self.parts.journal.told(&update);
                    self.machine.handle_update(update);
                }
                Beside::Alarm { id, alarm } => self.machine.handle_alarm(id, alarm),
                Beside::Answer { request, answer } => self.machine.handle_answer(request, answer),
            }
            news = self.side.next_now();
        }
        self.hand_out();
        self.show_link(now);
    }

    /// Writes what may leave, as one flush. Places leave last, once all of them are in the journal.
    async fn send_out(&mut self, writer: &mut WsWriter, now: Now) -> Result<(), LinkError> {
        let mut wrote = false;
        while let Some(outgoing) = self.machine.poll_send(now) {
            wrote = true;
            let lane = &self.parts.lanes[outgoing.lane.0];
            intents::note(
                &self.parts.journal,
                &outgoing.command,
                lane,
                self.parts.recv_window_ms,
                now.wall_ms,
            );
            if outgoing.command.is_place() && self.parts.journal.is_on() {
                self.places.push(outgoing);
            } else {
                self.write(outgoing, writer, now).await?;
            }
        }
        if !self.places.is_empty() {
            self.send_places(writer, now).await?;
        }
        if wrote {
            self.leaving.flushing();
            writer.flush().await?;
            self.leaving.flushed();
            self.machine.handle_written(self.now().mono);
        }
        Ok(())
    }

    /// Writes the batch's places to the journal, then their frames. Cancels do not wait for a slow disk.
    async fn send_places(&mut self, writer: &mut WsWriter, now: Now) -> Result<(), LinkError> {
        failpoint!("before_intent");
        if self.parts.journal.waits() {
            writer.flush().await?;
        }
        let written = self.parts.journal.commit().await.is_ok();
        failpoint!("after_intent");
        let mut places = std::mem::take(&mut self.places);
        let journaled = self.now();
        for outgoing in places.drain(..) {
            if self.machine.handle_journaled(outgoing.request, written, journaled) {
                // Its timestamp is from before the journal and the permit: the venue's window runs since then.
                self.write(outgoing, writer, now).await?;
            }
        }
        self.places = places;
        Ok(())
    }

    async fn write(&mut self, outgoing: Outgoing, writer: &mut WsWriter, now: Now) -> Result<(), LinkError> {
        let lane = &self.parts.lanes[outgoing.lane.0];
        let account = self.parts.account.account();
        let window_ms = self.parts.recv_window_ms;
        let frame = match &mut self.encoder {
            Encoder::Spot(encoder) => Some(encoder.encode(&outgoing, lane, account, window_ms, now.wall_ms)),
            Encoder::Usdm(encoder) => encoder.encode(&outgoing, lane, account, window_ms, now.wall_ms),
        };
        match frame {
            Some(frame) => {
                if outgoing.command.is_place() {
                    self.mute.placed(outgoing.lane, now.mono);
                }
                writer.queue(frame).await?;
                self.leaving.queued(&outgoing.command);
            }
            None => self.list(outgoing.request, outgoing.lane),
        }
        Ok(())
    }

    /// A list of open orders that goes by REST; one that finds no room there is not asked for.
    fn list(&mut self, request: u64, lane: LaneId) {
        let GatewayLane { symbol, prefix, .. } = &self.parts.lanes[lane.0];
        let late = self.now().mono + ANSWER_PATIENCE;
        let job = ListJob { request, symbol: symbol.clone(), prefix: *prefix, late };
        if !self.side.list(job) {
            self.machine.handle_answer(request, Answer::Unreadable);
        }
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
        let dialect = self.parts.target.dialect();
        let reading = Reading { dialect, api_key: self.parts.account.api_key(), now_ms: now.wall_ms };
        let (machine, lanes) = (&self.machine, &self.parts.lanes);
        let decoded = match &self.encoder {
            Encoder::Spot(_) => binance_spot::wire::decode(text, machine, lanes, reading),
            Encoder::Usdm(_) => binance_usdm::wire::decode(text, machine, lanes, reading),
        };
        match decoded {
            Decoded::Answer { request, answer, counts } => {
                self.note_owed(request, &answer, now.mono);
                // The venue's counts hold this request already: it is no longer on its way.
                self.machine.handle_answer(request, answer);
                for count in counts.iter().filter_map(count) {
                    self.machine.handle_count(count, now);
                }
            }
            Decoded::Update(update) => {
                self.parts.journal.told(&update);
                self.machine.handle_update(update);
            }
            Decoded::Alarm { id, alarm } => self.machine.handle_alarm(id, alarm),
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

    /// An order that the venue took is told of by its user stream too.
    fn note_owed(&mut self, request: u64, answer: &Answer, now: Nanos) {
        let place = self.machine.asked(request).filter(|(_, command)| command.is_place());
        if self.side.hears()
            && let Some((lane, _)) = place
            && matches!(answer, Answer::Updates(_))
        {
            self.mute.taken(lane, now);
        }
    }

    fn heed_mute(&mut self, now: Nanos) {
        if self.mute.is_over(now) {
            tracing::warn!("the user stream is mute: connecting anew");
            self.side.renew();
        }
    }

    fn show_link(&self, now: Now) {
        if !self.machine.is_connected() {
            return;
        }
        let may_place = self.machine.has_budget(now) && self.parts.journal.is_good();
        let link = match (self.machine.hears_events(), may_place) {
            (false, _) => Link::Deaf,
            (true, false) => Link::Spent,
            (true, true) => Link::Open,
        };
        if *self.parts.link.borrow() != link {
            if link == Link::Spent {
                metrics::counter!("st_rate_limited_total").increment(1);
            }
            self.parts.link.send_replace(link);
        }
    }

    fn connected(&mut self) {
        self.machine.handle_connected();
        self.show_link(self.now());
    }

    fn disconnected(&mut self) {
        self.parts.link.send_replace(Link::Down);
        self.places.clear();
        self.was_deaf();
        self.machine.handle_disconnected();
        self.hand_out();
        self.count();
    }

    /// Events of the time without a stream are lost.
    fn was_deaf(&self) {
        self.parts.lanes.iter().for_each(|lane| self.parts.journal.was_deaf(lane.prefix));
    }

    /// Waits for something while there is no connection, refusing commands as they come; `None` once every
    /// lane is gone.
    async fn meanwhile<T>(&mut self, waited_for: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(waited_for);
        loop {
            tokio::select! {
                output = &mut waited_for => return Some(output),
                command = self.parts.commands.recv() => {
                    self.take_commands(command?);
                    self.hand_out();
                }
                Some(news) = self.side.next() => self.take_news(news),
            }
        }
    }

    /// Adds what the machine has counted since the last time to the metrics of all gateways.
    fn count(&mut self) {
        let counted = (self.machine.late_answers(), self.machine.mismatches());
        metrics::counter!("st_gateway_late_answers_total").increment(counted.0 - self.counted.0);
        metrics::counter!("st_gateway_mismatches_total").increment(counted.1 - self.counted.1);
        self.counted = counted;
    }

    /// The present moment by the venue's wall clock, which its windows and deadlines go by.
    fn now(&self) -> Now {
        let now = self.clock.now();
        Now { wall_ms: now.wall_ms + self.parts.clock_offset_ms.load(Ordering::Relaxed), ..now }
    }
}

/// A count of the venue in the machine's words.
fn count(counted: &schemas::wire::binance::limit::RateLimit) -> Option<RateLimit> {
    Some(RateLimit {
        kind: limit_kind(counted.kind)?,
        interval_ms: interval_ms(counted.window_s),
        count: counted.count?,
    })
}

/// The venue's limits in the machine's words.
#[must_use]
pub fn limits(stated: &[schemas::wire::binance::limit::RateLimit]) -> Vec<RateLimit> {
    let limit = |stated: &schemas::wire::binance::limit::RateLimit| {
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
