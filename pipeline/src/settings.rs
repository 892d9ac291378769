//! What makes one instrument what it is, and what it is doing.

use std::time::Duration;

use schemas::config::{Conflate, OnQuiet};
use schemas::ids::{Epoch, InstrumentPrefix};
use schemas::units::Decimal;

use crate::chance::Chance;
use crate::rules::Rules;

/// Everything that makes one instrument what it is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The decision rules and their values.
    pub rules: Rules,
    /// Base asset of one contract, where the venue wants contracts counted so. `None`: a decided quantity is sent
    /// as it is.
    pub contract_size: Option<Decimal>,
    /// What becomes of ticks while the gate is shut.
    pub conflate: Conflate,
    /// What happens when no tick comes.
    pub on_quiet: OnQuiet,
    /// Max Tick Age.
    pub tick_age_max: Duration,
    /// Max Book Age.
    pub book_age_max: Duration,
    /// How long a venue may take to accept an order after its timestamp.
    pub recv_window: Duration,
    /// The part of what its latest pairs traded that may go to strangers, 0 to 1.
    pub strangers_max: Decimal,
    /// What our orders' ids begin with.
    pub prefix: InstrumentPrefix,
    /// The first owner's epoch; each term brings its own.
    pub epoch: Epoch,
    /// The source of draws.
    pub chance: Chance,
}

/// What an instrument is doing, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not ours: nothing of it begins here.
    Idle,
    /// Clearing the venue of a predecessor's orders.
    Sweeping,
    /// Trading.
    Live,
    /// No new pair: the running one ends, then the last sweep.
    Stopping,
    /// Nothing of ours is open any more.
    Stopped,
}
