//! How much of what our orders trade goes to strangers (P27): of the latest pairs, as a part of all that was traded.
//!
//! A trade counts as a stranger's if the venue named it in one leg and not in the other. What it did not name counts for
//! nobody.

use std::collections::VecDeque;

use schemas::units::{Decimal, Rounding};

use crate::trade::Trade;

/// Pairs that are looked at together.
const PAIRS_MAX: usize = 200;
/// Of fewer pairs that traded nothing is concluded.
const PAIRS_MIN: usize = 50;
/// Parts are counted in millionths.
const PART_DECIMALS: u8 = 6;
const ALL: i128 = 1_000_000;

/// What the latest pairs traded.
#[derive(Clone, Debug)]
pub struct Strangers {
    /// Millionths.
    part_max: i128,
    pairs: VecDeque<Traded>,
}

/// Quantities of one pair, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Traded {
    ours: i128,
    strangers: i128,
}

impl Strangers {
    /// Strangers may have at most that part, 0 to 1.
    #[must_use]
    pub fn new(part_max: Decimal) -> Self {
        let part_max = part_max.to_steps(PART_DECIMALS, Rounding::Down).unwrap_or(ALL);
        Self { part_max, pairs: VecDeque::new() }
    }

    /// A pair is over. Whether strangers have too much now; then the count begins anew.
    #[must_use]
    pub fn add(&mut self, trade: &Trade) -> bool {
        let traded = Traded::of(trade);
        if traded.ours + traded.strangers == 0 {
            return false;
        }
        if self.pairs.len() == PAIRS_MAX {
            self.pairs.pop_front();
        }
        self.pairs.push_back(traded);
        let too_much = self.pairs.len() >= PAIRS_MIN && self.exceeds();
        if too_much {
            self.pairs.clear();
        }
        too_much
    }

    fn exceeds(&self) -> bool {
        let strangers: i128 = self.pairs.iter().map(|pair| pair.strangers).sum();
        let ours: i128 = self.pairs.iter().map(|pair| pair.ours).sum();
        strangers.saturating_mul(ALL) > strangers.saturating_add(ours).saturating_mul(self.part_max)
    }
}

impl Traded {
    /// What both legs name was traded with each other, and counts once; what one of them names, with a stranger.
    fn of(trade: &Trade) -> Self {
        let steps = |qty: Decimal| qty.to_steps_exact(trade.maker.qty_decimals).unwrap_or(0);
        let mut traded = Self { ours: 0, strangers: 0 };
        for (leg, other) in [(&trade.maker, &trade.taker), (&trade.taker, &trade.maker)] {
            for fill in leg.fills() {
                let shared = other.fills().iter().any(|same| same.trade_id == fill.trade_id);
                if shared && leg.id == trade.maker.id {
                    traded.ours += steps(fill.qty);
                } else if !shared && other.is_itemised() {
                    traded.strangers += steps(fill.qty);
                }
            }
        }
        traded
    }
}
