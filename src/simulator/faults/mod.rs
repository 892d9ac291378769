//! Faults: what a venue does wrong, on command.
//!
//! A fault is switched by a script on a time line (`venue --faults FILE`) or by `POST /venue/faults`, with one object
//! or an array of them:
//!
//! ```json
//! {"symbol": "BTCUSDT", "fault": "delay_answers", "ms": 800, "for": "5s"}
//! ```
//!
//! `GET /venue/faults` lists what is on, `DELETE /venue/faults` switches all off. Which faults there are, what they
//! can be told and what a client sees of them: `docs/venue.md`.
//!
//! [`Plan`](plan::Plan) is the pure part: time goes in, what is on comes out, chance is seeded. [`Faults`] is the
//! handle by which the rest of the venue asks it; as long as nothing is on, a question costs one look at a flag.
//! Bytes are touched in [`line`], messages in [`messages`], requests and answers in [`answers`]; what begins and ends
//! elsewhere is carried out by [`effects`].

pub(super) mod admin;
mod answers;
mod edit;
pub(super) mod effects;
mod gate;
mod held;
mod kind;
mod line;
mod listener;
mod messages;
mod notice;
pub(super) mod patience;
mod plan;
mod reply;
mod script;
mod span;
mod switch;
mod wire;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;

use self::line::{Trouble, WeakLine};
use self::messages::Stashed;
use self::plan::{Change, Plan};
use super::engine::{AccountId, SymbolId};
use super::options::VenueOptions;
use super::outbox::Outbox;
use super::symbols::Product;

pub(super) use answers::{Delivery, Detour, Intake};
pub(super) use held::Held;
pub use kind::{Fault, Field, How, Stream, Trading};
pub(super) use line::Line;
pub(super) use listener::LineListener;
pub(super) use plan::Target;
pub use reply::Preset;
pub(super) use reply::{Reply, ReplyBody};
pub use script::{FaultScript, ScriptError};
pub use span::Span;
pub use switch::{Connection, FaultParams, FaultSwitch, LineKind, Status};

/// Symbols and accounts by the engine's numbers.
#[derive(Debug, Default)]
struct Names {
    symbols: Vec<(Product, String)>,
    accounts: Vec<String>,
}

/// The handle on the faults of one venue. Clones are of the same faults.
#[derive(Clone, Debug)]
pub(super) struct Faults(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    on: AtomicBool,
    plan: Mutex<Plan>,
    names: Names,
    /// Messages that wait for their successors.
    stash: Mutex<Vec<Stashed>>,
    lines: Mutex<Vec<WeakLine>>,
    lines_so_far: AtomicU64,
    /// Requests that are held on their way now.
    held: AtomicUsize,
    /// Requests that were refused because too many were held.
    held_refused: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// The script's time line, at its beginning.
    pub(super) fn new(options: &VenueOptions) -> Self {
        let symbols = options.symbols.iter().map(|symbol| (symbol.product, symbol.name.clone())).collect();
        let accounts = options.accounts.iter().map(|account| account.key.clone()).collect();
        let mut plan = Plan::new(options.fault_seed);
        for switch in options.faults.switches() {
            plan.turn(switch.clone());
        }
        Self(Arc::new(Inner {
            on: AtomicBool::new(false),
            plan: Mutex::new(plan),
            names: Names { symbols, accounts },
            stash: Mutex::default(),
            lines: Mutex::default(),
            lines_so_far: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            held_refused: AtomicU64::new(0),
        }))
    }

    /// Whether any fault is on. The one question on the fast way.
    pub(super) fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Whether that stream of that symbol is mute for everybody.
    pub(super) fn is_muted(&self, symbol: SymbolId, stream: Stream) -> bool {
        self.is_on() && {
            let target = Target { stream: Some(stream), ..self.symbol(symbol) };
            self.plan().strike_of(Fault::MuteStream, &target, is_plain_mute).is_some()
        }
    }

    /// Whether cancels on that symbol are refused.
    pub(super) fn refuses_cancels(&self, symbol: SymbolId) -> bool {
        self.is_on() && self.plan().strike(Fault::RefuseCancels, &self.symbol(symbol)).is_some()
    }

    /// Whether that symbol's shown book stands still.
    pub(super) fn stops_book(&self, symbol: SymbolId) -> bool {
        self.is_on() && self.plan().holds(Fault::StopBook, &self.symbol(symbol)).is_some()
    }

    /// What becomes of a request that arrives.
    pub(super) fn intake(&self, target: &Target<'_>) -> Intake {
        if self.is_on() { self.plan().intake(target) } else { Intake::Pass }
    }

    /// What becomes of the answer to a request that was carried out.
    pub(super) fn delivery(&self, target: &Target<'_>) -> Delivery {
        if self.is_on() { self.plan().delivery(target) } else { Delivery::Now }
    }

    /// The venue's clock, given the true one.
    pub(super) fn venue_ms(&self, wall_ms: i64) -> i64 {
        if !self.is_on() {
            return wall_ms;
        }
        let plan = self.plan();
        let skews = plan.all(Fault::SkewClock).map(|active| {
            let params = &active.switch.params;
            let since = i64::try_from(plan.now_ms() - active.began_ms).unwrap_or(i64::MAX);
            params.offset_ms.unwrap_or(0) + since.saturating_mul(params.drift_ppm.unwrap_or(0)) / 1_000_000
        });
        skews.fold(wall_ms, i64::saturating_add)
    }

    /// What `exchangeInfo` says of a symbol that is halted.
    pub(super) fn halted(&self, symbol: SymbolId) -> Option<Trading> {
        if !self.is_on() {
            return None;
        }
        let plan = self.plan();
        let halt = plan.holds(Fault::Halt, &self.symbol(symbol))?;
        Some(match halt.switch.params.status {
            Some(Status::Trading(trading)) => trading,
            Some(Status::Http(_)) | None => Trading::Halt,
        })
    }

    /// The filters that are in force instead of a symbol's own; `told` if they are meant for `exchangeInfo`.
    pub(super) fn filters(&self, symbol: SymbolId, told: bool) -> Option<FaultParams> {
        if !self.is_on() {
            return None;
        }
        let plan = self.plan();
        let change = plan.holds(Fault::ChangeFilters, &self.symbol(symbol))?;
        let params = &change.switch.params;
        let known = change.began_ms + params.announce_ms.unwrap_or(0) <= plan.now_ms();
        (known || !told).then(|| params.clone())
    }

    /// An order came for that symbol: counted where a fault changes its rules.
    pub(super) fn order_came(&self, symbol: SymbolId) {
        let target = self.symbol(symbol);
        let mut plan = self.plan();
        plan.count(Fault::Halt, &target);
        plan.count(Fault::ChangeFilters, &target);
    }

    /// The order in which a batch of so many is carried out, if it is not its own.
    pub(super) fn batch_order(&self, target: &Target<'_>, len: usize) -> Option<Vec<usize>> {
        if !self.is_on() {
            return None;
        }
        let mut plan = self.plan();
        plan.strike(Fault::ShuffleBatch, target)?;
        let mut order: Vec<usize> = (0..len).collect();
        for at in (1..len).rev() {
            let other = usize::try_from(plan.draw(at as u64)).unwrap_or(0);
            order.swap(at, other);
        }
        Some(order)
    }

    /// Sends a stream's message as the faults let it come through.
    pub(super) fn send<'a>(
        &self,
        target: &Target<'_>,
        stream: &str,
        listeners: impl Iterator<Item = &'a Arc<Outbox>>,
        payload: impl Fn(&Outbox) -> String,
        wrap: impl Fn(&Outbox, String) -> Utf8Bytes,
    ) {
        let (mut plan, mut stash) = (self.plan(), lock(&self.0.stash));
        messages::send((&mut plan, &mut stash), target, stream, listeners, payload, wrap);
    }

    /// A symbol as a target.
    pub(super) fn symbol(&self, symbol: SymbolId) -> Target<'_> {
        match self.0.names.symbols.get(symbol.index()) {
            Some((product, name)) => {
                Target { product: Some(*product), symbol: Some(name), ..Target::default() }
            }
            None => Target::default(),
        }
    }

    /// An account's API key.
    pub(super) fn account(&self, account: AccountId) -> Option<&str> {
        self.0.names.accounts.get(account.index()).map(String::as_str)
    }

    /// The time is now so many milliseconds after the start.
    fn advance(&self, now_ms: u64) -> Vec<Change> {
        let mut plan = self.plan();
        let changes = plan.advance(now_ms);
        self.note(&plan);
        changes
    }

    fn note(&self, plan: &Plan) {
        self.0.on.store(plan.is_on(), Ordering::Relaxed);
        if !plan.is_on() {
            messages::release(&mut lock(&self.0.stash), |_| true);
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.0.plan)
    }

    /// The connections that have not ended and are used for more than `/venue/*`.
    fn lines(&self) -> Vec<Line> {
        let mut lines = lock(&self.0.lines);
        lines.retain(|line| line.upgrade().is_some());
        lines.iter().filter_map(WeakLine::upgrade).collect()
    }

    /// What the faults do to a connection's bytes.
    fn trouble(&self, target: &Target<'_>) -> Trouble {
        let plan = self.plan();
        let frozen = plan.all(Fault::Freeze).next().is_some();
        let slow = plan.holds(Fault::SlowFrames, target).map(|active| {
            let params = &active.switch.params;
            let pause = std::time::Duration::from_millis(params.every_ms.unwrap_or(100));
            (bytes(params, 1), pause)
        });
        Trouble {
            stalled: frozen || plan.holds(Fault::HalfOpen, target).is_some(),
            slow,
            fragment: plan
                .holds(Fault::FragmentFrames, target)
                .map(|active| bytes(&active.switch.params, 16)),
            no_pings: plan.holds(Fault::MutePings, target).is_some(),
            cut: false,
        }
    }

    /// Whether the whole venue stands still.
    pub(super) fn is_frozen(&self) -> bool {
        self.is_on() && self.plan().all(Fault::Freeze).next().is_some()
    }
}

/// A mute of everybody at all times: it is asked before a message is made.
fn is_plain_mute(switch: &FaultSwitch) -> bool {
    switch.account.is_none()
        && switch.connection.is_none()
        && switch.count.is_none()
        && switch.probability.is_none()
}

fn bytes(params: &FaultParams, default: usize) -> usize {
    params.bytes.map_or(default, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}
