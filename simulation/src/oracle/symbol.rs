//! The oracle's books of one symbol.

use std::collections::{BTreeMap, BTreeSet};

use schemas::ids::{ClientOrderId, Epoch};
use schemas::order::Side;

use crate::SEC;

/// How long ended orders are remembered: longer than anything can be on its way.
const KEPT: u64 = 300 * SEC;
/// How many reference trades are remembered.
const TRADES_MAX: usize = 8_192;

/// A process, and the how manieth in its place.
pub type Run = (usize, u32);

/// One symbol.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// The pair that each reference trade made: epoch and sequence.
    pairs: BTreeMap<u64, (u32, u64)>,
    epoch: Option<Epoch>,
    left: BTreeMap<ClientOrderId, u64>,
    /// When an order was taken to be over, and by which run of which process.
    over: BTreeMap<ClientOrderId, (u64, Run)>,
    blamed: BTreeSet<ClientOrderId>,
    /// Lots bought less lots sold.
    net: i64,
    last_match: Option<u64>,
    first_match: Option<u64>,
}

impl Books {
    /// A frame of that order leaves; false if one did before. An earlier run that has let none of its epoch leave is not
    /// known to its successor: what it took to be over was another order of that id, and never left.
    pub(super) fn left(&mut self, id: ClientOrderId, run: Run, at: u64) -> bool {
        let is_new = self.left.insert(id, at).is_none();
        if is_new && self.over.get(&id).is_some_and(|(_, by)| *by != run) {
            self.over.remove(&id);
        }
        is_new
    }

    pub(super) fn over(&self, id: ClientOrderId) -> Option<u64> {
        self.over.get(&id).map(|(at, _)| *at)
    }

    pub(super) fn ended(&mut self, id: ClientOrderId, run: Run, at: u64) {
        self.over.entry(id).or_insert((at, run));
    }

    /// The newest epoch so far, if it is newer than this one.
    pub(super) fn newest_epoch(&mut self, epoch: Epoch) -> Option<Epoch> {
        let newer = self.epoch.filter(|newest| *newest > epoch);
        self.epoch = self.epoch.max(Some(epoch));
        newer
    }

    /// Another pair of the same reference trade, if there was one.
    pub(super) fn pair_of(&mut self, trade: u64, id: ClientOrderId) -> Option<String> {
        let pair = (id.epoch().number(), id.sequence());
        let known = *self.pairs.entry(trade).or_insert(pair);
        if self.pairs.len() > TRADES_MAX {
            self.pairs.pop_first();
        }
        (known != pair).then(|| format!("pair {} of epoch {}", known.1, known.0))
    }

    pub(super) fn trade(&mut self, side: Side, qty: i64) {
        self.net += match side {
            Side::Buy => qty,
            Side::Sell => -qty,
        };
    }

    pub(super) const fn net(&self) -> i64 {
        self.net
    }

    pub(super) fn matched(&mut self, at: u64) {
        self.last_match = Some(at);
        self.first_match.get_or_insert(at);
    }

    pub(super) const fn last_match(&self) -> Option<u64> {
        self.last_match
    }

    pub(super) fn first_match_after(&self, moment: u64) -> Option<u64> {
        self.first_match.filter(|at| *at >= moment)
    }

    pub(super) const fn begin_calm(&mut self) {
        self.first_match = None;
    }

    /// Whether an order is blamed for the first time.
    pub(super) fn blame(&mut self, id: ClientOrderId) -> bool {
        self.blamed.insert(id)
    }

    pub(super) const fn wiped(&mut self) {
        self.net = 0;
    }

    pub(super) fn forget(&mut self, at: u64) {
        self.left.retain(|_, left| *left + KEPT > at);
        self.over.retain(|_, (over, _)| *over + KEPT > at);
    }
}
