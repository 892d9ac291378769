//! Named points at which a test ends the process, on the way of a pair from its tick to its last record.
//!
//! They are there in debug builds only, or with the feature `failpoints`: a release build holds none of them.
//! `SELF_TRADER_FAILPOINT=NAME` or `NAME:COUNT` names the point and when: as it is come to for the `COUNT`-th time.
//!
//! The process kills itself with SIGKILL, just as `kill -9` does: no destructor runs, no buffer is written, and every
//! other thread stops where it is. What the kernel was given stays written, as after any other end of a process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::instrument::Phase;
use rustix::process::{Signal, getpid, kill_process};
use schemas::ids::Leg;
use schemas::order::OrderStatus;

/// Whether this build has the points. Where it has not, what asks for one is nothing at all.
pub const ENABLED: bool = cfg!(any(debug_assertions, feature = "failpoints"));

/// The points, in the order in which a pair comes to them; the last ones belong to a start and to an end.
pub const POINTS: [&str; 18] = [
    "tick_taken",
    "before_intent",
    "torn_intent",
    "after_intent",
    "before_flush",
    "after_send",
    "before_sync",
    "maker_acked",
    "before_taker",
    "taker_sent",
    "before_cancel",
    "cancel_sent",
    "taker_done",
    "outcome_noted",
    "in_recovery",
    "in_sweep",
    "in_close_out",
    "in_stop",
];

/// Ends the process here if a test named this point; with a block, after that.
macro_rules! failpoint {
    ($name:literal) => {
        failpoint!($name, {})
    };
    ($name:literal, $first:block) => {
        if $crate::failpoint::ENABLED && $crate::failpoint::is_hit($name) {
            $first
            $crate::failpoint::kill();
        }
    };
}

pub(crate) use failpoint;

/// Whether a test named this point, and this is the time.
pub(crate) fn is_hit(name: &str) -> bool {
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    debug_assert!(POINTS.contains(&name), "{name} is in no list");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SELF_TRADER_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().unwrap_or(1)))
    });
    let Some((point, count)) = wanted else { return false };
    point == name && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == *count
}

/// Ends the process as `kill -9` does.
pub(crate) fn kill() -> ! {
    // A process may always signal itself; the other way is as good, but for the core that it may leave.
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort();
}

/// What leaves with the next flush of a socket, as far as a point asks for it.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    place: bool,
    taker: bool,
    cancel: bool,
}

impl Leaving {
    /// A frame of that command waits for the flush.
    pub(crate) const fn queued(&mut self, command: &Command) {
        self.place |= command.is_place();
        self.taker |= matches!(command, Command::PlaceTaker(_));
        self.cancel |= matches!(command, Command::Cancel(_));
    }

    /// The flush begins now.
    pub(crate) fn flushing(&self) {
        if self.place {
            failpoint!("before_flush");
        }
    }

    /// It has left.
    pub(crate) fn flushed(&mut self) {
        let Self { place, taker, cancel } = std::mem::take(self);
        if place {
            failpoint!("after_send");
        }
        if taker {
            failpoint!("taker_sent");
        }
        if cancel {
            failpoint!("cancel_sent");
        }
    }
}

/// An instrument's command is about to go to its gateway.
pub(crate) fn leaves_the_lane(command: &Command, phase: Phase) {
    match command {
        Command::Query(_) if phase == Phase::Sweeping => failpoint!("in_close_out"),
        Command::PlaceTaker(_) => failpoint!("before_taker"),
        Command::Cancel(_) => failpoint!("before_cancel"),
        Command::ListOpen => failpoint!("in_sweep"),
        Command::PlaceMaker(_) | Command::Query(_) => {}
    }
}

/// An instrument is about to be told that.
pub(crate) fn heard(report: &OrderReport) {
    if let OrderReport::Update(update) = report
        && update.client_id.leg() == Leg::Maker
        && update.status == OrderStatus::New
    {
        failpoint!("maker_acked");
    }
}

/// Fails as a fault in an instrument's code would, if a test asked for it: `SELF_TRADER_POISON=SYMBOL:TICK:TIMES`
/// panics at each `TICK`-th tick of that symbol, so many times.
pub(crate) fn poison(symbol: &str) {
    static WANTED: OnceLock<Option<(String, u64, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    if !ENABLED {
        return;
    }
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("SELF_TRADER_POISON").ok()?;
        let mut parts = text.split(':');
        let symbol = parts.next()?.to_owned();
        let mut number = || parts.next()?.parse().ok().filter(|number| *number > 0);
        Some((symbol, number()?, number()?))
    });
    let Some((_, tick, times)) = wanted.as_ref().filter(|(poisoned, ..)| poisoned == symbol) else { return };
    let seen = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(!seen.is_multiple_of(*tick) || seen / tick > *times, "a poisoned tick");
}
