//! One instrument: wait -> event -> pipeline -> commands. The task owns the instrument; nobody else touches it. Where
//! its code fails, [`supervise`] puts another in its place.

mod supervise;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipeline::book::Top;
use pipeline::command::Command;
use pipeline::counts::Counts;
use pipeline::event::{FeedTick, OrderReport};
use pipeline::gateway::{LaneId, Link};
use pipeline::halt::Bar;
use pipeline::instrument::{Instrument, Phase};
use pipeline::leg::Leg;
use pipeline::ownership::Claim;
use pipeline::time::{Nanos, Now};
use pipeline::trade::Trade;
use schemas::halt::HaltedBy;
use schemas::ids::ClientOrderId;
use schemas::journal;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::failpoint::{self, failpoint, poison};
use crate::halt::HaltBoard;
use crate::journal::Journal;
use crate::journal::outcome::outcome;
use crate::labels::LabelSource;
use crate::ownership::{Armed, Hold};
use crate::telemetry::recorder::Record;
use crate::telemetry::stats::LaneStats;

pub use supervise::{Making, supervise};

/// What a lane hears and speaks to.
#[derive(Debug)]
pub struct LaneLinks {
    /// Its number at its gateway.
    pub lane: LaneId,
    /// Ticks of its feed.
    pub ticks: mpsc::Receiver<FeedTick>,
    /// The venue's top of book; `None` while it is not live.
    pub top: watch::Receiver<Option<Top>>,
    /// Tells the book's keeper that its book stands still.
    pub doubt: Arc<AtomicBool>,
    /// What its gateway says of its orders.
    pub reports: mpsc::Receiver<OrderReport>,
    /// Whether the instrument is ours.
    pub hold: Arc<Hold>,
    /// What it is told of that.
    pub claim: watch::Receiver<Claim>,
    /// What keeps it from trading though it is ours.
    pub barred: watch::Receiver<Option<Bar>>,
    /// Where it halts itself.
    pub halts: HaltBoard,
    /// Whether the venue's dead man's switch is armed.
    pub armed: watch::Receiver<Armed>,
    /// What its gateway can do at the moment.
    pub link: watch::Receiver<Link>,
    /// Where its commands go.
    pub commands: mpsc::Sender<(LaneId, Command)>,
    /// Where its ended pairs go.
    pub records: mpsc::Sender<Record>,
    /// Where what became of its orders is written down.
    pub journal: Journal,
    /// Its counters.
    pub stats: Arc<LaneStats>,
    /// What its labels say of it.
    pub source: Arc<LabelSource>,
    /// Turns true when no new pair may begin.
    pub stop: watch::Receiver<bool>,
    /// Ticks that were taken in, whether the instrument has counted them or not.
    pub taken: u64,
    /// The instrument took the place of one that failed: no order leaves before this moment.
    pub recovers_at: Option<Nanos>,
}

/// How a lane ended.
#[derive(Clone, Debug)]
pub struct LaneEnd {
    /// The symbol on the venue.
    pub symbol: String,
    /// What it counted.
    pub counts: Counts,
    /// Orders of ours that may still be open.
    pub maybe_open: Vec<ClientOrderId>,
}

/// Runs an instrument until it has stopped with nothing open, or `give_up` turns true.
async fn run(
    instrument: &mut Instrument,
    links: &mut LaneLinks,
    clock: Clock,
    give_up: &mut watch::Receiver<bool>,
) -> LaneEnd {
    let timer = tokio::time::sleep_until(Instant::now());
    tokio::pin!(timer);
    let mut feed_open = true;
    take_link(instrument, links, &clock);
    take_bar(instrument, links, &clock);
    links.claim.mark_changed();
    links.stop.mark_changed();
    loop {
        pump(instrument, links, &clock).await;
        if instrument.phase() == Phase::Stopped || *give_up.borrow() {
            return end(instrument, links, clock.now()).await;
        }
        let wanted = [instrument.poll_timeout(clock.now()), links.recovers_at];
        let deadline = wanted.into_iter().flatten().min().map(|at| clock.instant(at));
        // A timer that is early wakes us for nothing, once; setting it with each order costs more.
        if let Some(deadline) = deadline
            && (deadline < timer.deadline() || timer.is_elapsed())
        {
            timer.as_mut().reset(deadline);
        }
        tokio::select! {
            biased;
            Some(report) = links.reports.recv() => take_reports(instrument, links, report, &clock),
            Ok(()) = links.barred.changed() => take_bar(instrument, links, &clock),
            Ok(()) = links.claim.changed() => take_claim(instrument, links, &clock),
            Ok(()) = links.link.changed() => take_link(instrument, links, &clock),
            Ok(()) = links.armed.changed() => take_link(instrument, links, &clock),
            Ok(()) = links.stop.changed() => take_stop(instrument, links, &clock),
            _ = give_up.changed() => {}
            tick = links.ticks.recv(), if feed_open => match tick {
                Some(tick) => take_tick(instrument, links, tick, &clock),
                None => feed_open = false,
            },
            () = &mut timer, if deadline.is_some() => {
                supervise::recovered(links, clock.now().mono);
                refresh_top(instrument, links);
                instrument.handle_timeout(clock.now());
            }
        }
    }
}

fn take_stop(instrument: &mut Instrument, links: &mut LaneLinks, clock: &Clock) {
    if *links.stop.borrow_and_update() {
        let now = clock.now();
        if instrument.phase() != Phase::Idle {
            links.stats.leaves(now.mono);
        }
        instrument.stop(now);
    }
}

fn take_bar(instrument: &mut Instrument, links: &mut LaneLinks, clock: &Clock) {
    let bar = *links.barred.borrow_and_update();
    instrument.handle_bar(bar, clock.now());
}

fn take_link(instrument: &mut Instrument, links: &mut LaneLinks, clock: &Clock) {
    refresh_top(instrument, links);
    let link = *links.link.borrow_and_update();
    let now = clock.now();
    let armed = *links.armed.borrow_and_update();
    instrument.handle_budget(link == Link::Open && armed != Armed::No, now);
    instrument.handle_connected(link.is_up(), now);
}

fn take_claim(instrument: &mut Instrument, links: &mut LaneLinks, clock: &Clock) {
    let claim = *links.claim.borrow_and_update();
    let now = clock.now();
    match claim {
        Claim::Held(term) => instrument.begin(term, now),
        Claim::Leaving => instrument.leave(now),
        Claim::None => instrument.lose(now),
    }
    if claim == Claim::Leaving {
        links.stats.leaves(now.mono);
    } else {
        links.stats.stays();
    }
}

fn take_tick(instrument: &mut Instrument, links: &mut LaneLinks, tick: FeedTick, clock: &Clock) {
    links.taken += 1;
    refresh_top(instrument, links);
    poison(&links.source.maker_symbol);
    instrument.handle_tick(tick, clock.now());
    failpoint!("tick_taken");
}

/// Several reports may belong together (an answer with many fills): they are all taken in before anything is
/// asked of the instrument.
fn take_reports(instrument: &mut Instrument, links: &mut LaneLinks, first: OrderReport, clock: &Clock) {
    refresh_top(instrument, links);
    let now = clock.now();
    failpoint::heard(&first);
    instrument.handle_report(&first, now);
    while let Ok(report) = links.reports.try_recv() {
        failpoint::heard(&report);
        instrument.handle_report(&report, now);
    }
}

fn refresh_top(instrument: &mut Instrument, links: &mut LaneLinks) {
    if links.top.has_changed().unwrap_or(false) {
        instrument.handle_top(*links.top.borrow_and_update());
    }
}

/// Carries out what the instrument wants, then hands ended pairs over.
async fn pump(instrument: &mut Instrument, links: &mut LaneLinks, clock: &Clock) {
    loop {
        // The switch must know of an order before it leaves.
        links.hold.arming().show(instrument.switch_view());
        while let Some(command) = instrument.poll_command() {
            failpoint::leaves_the_lane(&command, instrument.phase());
            if links.commands.send((links.lane, command)).await.is_err() {
                tracing::error!(symbol = links.source.maker_symbol, "the gateway is gone");
            }
        }
        let now = clock.now();
        let Some(trade) = instrument.poll_finished(now) else { break };
        record(links, trade, now).await;
        refresh_top(instrument, links);
    }
    while let Some(leg) = instrument.poll_closed() {
        note_end(links, &leg, clock.now());
    }
    if links.stats.phase() == Phase::Sweeping && instrument.phase() == Phase::Live {
        links.journal.note(|| swept(links, instrument, clock.now().wall_ms));
    }
    while let Some(alarm) = instrument.poll_alarm() {
        let symbol = &links.source.maker_symbol;
        links.halts.halt_from_task(Some(symbol), HaltedBy::Alarm, alarm.name());
    }
    if instrument.poll_doubt() {
        tracing::warn!(
            symbol = links.source.maker_symbol,
            "the book does not show our own orders: fetching it anew"
        );
        links.doubt.store(true, Ordering::Relaxed);
    }
    // Where it has stopped nothing will begin any more, whatever the claim has become meanwhile.
    let stopped = instrument.phase() == Phase::Stopped;
    if stopped || !links.claim.has_changed().unwrap_or(false) {
        if instrument.is_quiet() {
            links.stats.left(clock.now().mono);
        }
        links.hold.set_traded_up_to(instrument.traded_up_to());
        links.hold.set_quiet(instrument.is_quiet());
        links.hold.outgrow(instrument.settings().epoch);
    }
    let open = instrument.open_maker_since().map(|since| since.0);
    links.stats.store(&instrument.counts(), instrument.phase(), open);
    links.stats.store_start(instrument.probe_state(), instrument.is_closing_out());
}

fn swept<'a>(links: &'a LaneLinks, instrument: &Instrument, at_ms: i64) -> journal::Record<'a> {
    let symbol = links.source.maker_symbol.as_str().into();
    journal::Record::SweepDone(journal::SweepDone { symbol, swept: instrument.counts().swept, at_ms })
}

/// Hands a pair over for its label, and its ends to the journal.
async fn record(links: &LaneLinks, trade: Trade, now: Now) {
    failpoint!("taker_done");
    for leg in [&trade.maker, &trade.taker] {
        note_end(links, leg, now);
    }
    failpoint!("outcome_noted");
    let ended = [trade.maker.ended_at, trade.taker.ended_at].into_iter().flatten().max();
    let record = Record {
        source: Arc::clone(&links.source),
        done: ended.filter(|_| trade.is_over()).unwrap_or(now.mono),
        trade: Box::new(trade),
    };
    if links.records.send(record).await.is_err() {
        tracing::error!(symbol = links.source.maker_symbol, "the recorder is gone");
    }
}

fn note_end(links: &LaneLinks, leg: &Leg, now: Now) {
    if let Some(end) = leg.end() {
        links.journal.note_outcome(leg.id, || outcome(leg, end, now.wall_ms));
    }
}

/// Says what may be open, then labels the pair that is given up, if there is one, as far as it is known.
async fn end(instrument: &mut Instrument, links: &mut LaneLinks, now: Now) -> LaneEnd {
    let maybe_open = instrument.maybe_open();
    let mut counts = instrument.counts();
    if let Some(trade) = instrument.abandon() {
        record(links, trade, now).await;
    }
    // Ticks that were handed over and never looked at wait for ever: they are counted, not forgotten.
    while links.ticks.try_recv().is_ok() {
        counts.ticks += 1;
        counts.waiting += 1;
    }
    links.stats.store(&counts, instrument.phase(), None);
    LaneEnd { symbol: links.source.maker_symbol.clone(), counts, maybe_open }
}
