//! Named points at which a test ends the process, on the way of a pair from its tick to its last record.
//!
//! They are there in debug builds only, or with the feature `failpoints`: in a release build the compiler never sees
//! them, and `scripts/image` looks for their names in what it ships.
//! `SELF_TRADER_FAILPOINT=NAME` or `NAME:COUNT` names the point and when: as it is come to for the `COUNT`-th time.
//!
//! The process kills itself with SIGKILL, just as `kill -9` does: no destructor runs, no buffer is written, and every
//! other thread stops where it is. What the kernel was given stays written, as after any other end of a process.

use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::instrument::Phase;
use schemas::ids::Leg;
use schemas::order::OrderStatus;

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed;

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub(crate) use armed::{break_in, is_hit, kill, poison};

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

/// What runs beside the lanes, and can be made to fail.
pub const PARTS: [&str; 16] = [
    "books",
    "clock",
    "drop_copy",
    "feed",
    "filters",
    "gateway",
    "halt_file",
    "journal",
    "kafka_proof",
    "kafka_watch",
    "labels",
    "leases",
    "lists",
    "prices",
    "switch",
    "user_stream",
];

/// Ends the process here if a test named this point; with a block, after that.
#[cfg(any(debug_assertions, feature = "failpoints"))]
macro_rules! failpoint {
    ($name:literal) => {
        failpoint!($name, {})
    };
    ($name:literal, $first:block) => {
        if $crate::failpoint::is_hit($name) {
            $first
            $crate::failpoint::kill();
        }
    };
}

/// Nothing: not even the name is compiled.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
macro_rules! failpoint {
    ($name:literal) => {{}};
    ($name:literal, $first:block) => {
        if false {
            $first
        }
    };
}

pub(crate) use failpoint;

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

/// Nothing fails because a test asked for it.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub(crate) const fn poison(_symbol: &str) {}

/// Nothing fails because a test asked for it.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub(crate) const fn break_in(_part: &str) {}
