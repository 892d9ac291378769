//! What has to be known of a venue before the first order: filters, self-trade prevention, limits, clock.

use std::collections::HashMap;
use std::time::Duration;

use schemas::units::Decimal;
use schemas::wire::binance::limit::{LimitKind, RateLimit};

use super::rest::{RestClient, RestError};
use crate::clock::Clock;

/// Questions about the venue's clock; the one with the shortest way counts.
const CLOCK_QUESTIONS: usize = 3;

/// What a venue says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueFacts {
    /// The symbols that were asked for and that exist.
    pub symbols: HashMap<String, SymbolFacts>,
    /// Limits of orders, by account; none where the venue states none.
    pub order_limits: Vec<RateLimit>,
    /// Limit of request weight, by address.
    pub weight_limit: Option<RateLimit>,
    /// Whether the account keeps a long and a short position apart; `None` where there are no positions.
    pub hedge_mode: Option<bool>,
}

impl VenueFacts {
    /// Adds what one answer states; orders may have several limits.
    pub(crate) fn add_limits(&mut self, stated: &[RateLimit]) {
        for limit in stated {
            match limit.kind {
                LimitKind::Orders if !self.order_limits.contains(limit) => self.order_limits.push(*limit),
                LimitKind::RequestWeight => self.weight_limit = Some(*limit),
                LimitKind::Orders | LimitKind::RawRequests | LimitKind::Other => {}
            }
        }
    }
}

/// What a venue says of one symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolFacts {
    /// The price step; zero = none.
    pub tick: Decimal,
    /// The quantity step; zero = none.
    pub step: Decimal,
    /// The least quantity; zero = none.
    pub min_qty: Decimal,
    /// The least price times quantity; zero = none.
    pub min_notional: Decimal,
    /// Self-trade prevention NONE may be asked for, by the symbol and by the account.
    pub none_allowed: bool,
    /// The mode that holds where none is asked for.
    pub default_stp: String,
    /// The modes that the symbol allows.
    pub allowed_stp: Vec<String>,
    /// The account must not use NONE, whatever the symbol allows.
    pub account_requires_stp: bool,
    /// The symbol trades now, and the account may.
    pub trading: bool,
}

impl SymbolFacts {
    /// Digits after the point that a price may have; 18 where there is no filter.
    #[must_use]
    pub fn price_decimals(&self) -> u8 {
        decimals(self.tick)
    }

    /// Digits after the point that a quantity may have; 18 where there is no filter.
    #[must_use]
    pub fn qty_decimals(&self) -> u8 {
        decimals(self.step)
    }
}

/// The venue's clock as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// What to add to the wall clock to have the venue's, milliseconds.
    pub offset_ms: i64,
    /// How long the question took: the offset is right to half of it.
    pub round_trip: Duration,
}

/// Measures the venue's clock: its time minus the middle between asking and hearing.
///
/// # Errors
/// [`RestError`] if not one question was answered.
pub async fn clock_offset(rest: &RestClient, clock: &Clock) -> Result<ClockOffset, RestError> {
    let mut best: Option<ClockOffset> = None;
    let mut failure = None;
    for _ in 0..CLOCK_QUESTIONS {
        let asked = clock.now();
        match rest.time().await {
            Ok(server_ms) => {
                let round_trip = clock.now().mono.since(asked.mono);
                let middle_ms = asked.after(round_trip / 2).wall_ms;
                let offset = ClockOffset { offset_ms: server_ms - middle_ms, round_trip };
                best = best.filter(|best| best.round_trip <= round_trip).or(Some(offset));
            }
            Err(error) => failure = Some(error),
        }
    }
    match (best, failure) {
        (Some(offset), _) => Ok(offset),
        (None, Some(error)) => Err(error),
        (None, None) => unreachable!("each question ends in one of the two"),
    }
}

fn decimals(step: Decimal) -> u8 {
    if step.is_zero() {
        return schemas::units::MAX_DECIMALS;
    }
    u8::try_from(step.decimals()).unwrap_or(schemas::units::MAX_DECIMALS)
}
