//! What the demo shows, gathered once a frame.

use pipeline::counts::Counts;
use pipeline::skip::Skip;
use pipeline::trade::Outcome;
use schemas::summary::Percentiles;

use crate::cli::outcome::percent;
use crate::status::AppStatus;
use crate::telemetry::recorder::{self, RecentTrade};
use crate::venue::binance::positions::Positions;

/// One frame's content.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) up_s: u64,
    pub(super) feed: String,
    pub(super) messages: u64,
    pub(super) totals: Counts,
    pub(super) matched: u64,
    pub(super) tick_to_maker_us: Percentiles,
    pub(super) tick_to_done_us: Percentiles,
    pub(super) symbols: Vec<SymbolView>,
    /// Newest last.
    pub(super) trades: Vec<RecentTrade>,
}

/// One instrument's prices: followed and produced, oldest first, in steps above the lowest of both.
#[derive(Clone, Debug)]
pub(super) struct SymbolView {
    pub(super) symbol: String,
    /// `spot`, or `perpetual` with the account's positions.
    pub(super) market: String,
    pub(super) last: String,
    pub(super) pairs: u64,
    pub(super) followed: Vec<u64>,
    pub(super) produced: Vec<u64>,
}

impl View {
    /// The present state.
    pub(super) fn of(status: &AppStatus) -> Self {
        let totals = status.totals();
        let recorded = recorder::lock(&status.recorded);
        let trades: Vec<RecentTrade> = recorded.recent.iter().cloned().collect();
        let matched = Outcome::ALL.iter().zip(totals.outcomes);
        Self {
            up_s: status.clock.now().mono.since(status.started.mono).as_secs(),
            feed: status.feed.borrow().to_string(),
            messages: status.counters.messages.get(),
            matched: matched
                .filter(|(outcome, _)| **outcome == Outcome::Matched)
                .map(|(_, count)| count)
                .sum(),
            totals,
            tick_to_maker_us: recorder::percentiles(&recorded.tick_to_maker_us),
            tick_to_done_us: recorder::percentiles(&recorded.tick_to_done_us),
            symbols: status
                .lanes
                .iter()
                .zip(&status.positions)
                .map(|(lane, positions)| {
                    let market = market(&lane.symbol, positions.as_ref());
                    SymbolView { market, ..symbol_view(&lane.symbol, lane.counts().pairs, &trades) }
                })
                .collect(),
            trades,
        }
    }

    /// The frame in one line.
    pub(super) fn line(&self) -> String {
        let last = self.trades.last().map_or_else(
            || "no trade yet".to_owned(),
            |trade| format!("last {} {} {} x {}", trade.symbol, trade.taker, trade.price, trade.qty),
        );
        format!(
            "{:>4} s · {} messages · {} pairs · matched {} · {last} · tick to maker p50 {} µs p99 {} µs{}",
            self.up_s,
            self.messages,
            self.totals.pairs,
            self.matched_share(),
            self.tick_to_maker_us.p50,
            self.tick_to_maker_us.p99,
            self.skips().iter().fold(String::new(), |text, (name, count)| format!("{text} · {name} {count}")),
        )
    }

    /// Matched pairs of those that ended.
    pub(super) fn matched_share(&self) -> String {
        percent(self.matched, self.totals.outcomes.iter().sum())
    }

    /// Skips that came, by reason, and ticks that were conflated or found no room.
    pub(super) fn skips(&self) -> Vec<(&'static str, u64)> {
        let skips = Skip::ALL.iter().zip(self.totals.skips).map(|(skip, count)| (skip.name(), count));
        let others = [("conflated", self.totals.conflated), ("overflow", self.totals.overflow)];
        skips.chain(others).filter(|(_, count)| *count > 0).collect()
    }
}

/// What a symbol is traded as.
fn market(symbol: &str, positions: Option<&Positions>) -> String {
    let Some(positions) = positions else { return "spot".to_owned() };
    let all = positions.of(symbol).unwrap_or_default();
    let held = all.iter().filter(|(_, amount)| !amount.is_zero());
    held.fold("perpetual".to_owned(), |text, (side, amount)| format!("{text} · {} {amount}", side.as_str()))
}

fn symbol_view(symbol: &str, pairs: u64, trades: &[RecentTrade]) -> SymbolView {
    let own: Vec<&RecentTrade> = trades.iter().filter(|trade| trade.symbol == symbol).collect();
    let steps =
        |number: schemas::units::Decimal| number.to_steps(8, schemas::units::Rounding::Down).unwrap_or(0);
    let followed: Vec<i128> = own.iter().map(|trade| steps(trade.followed)).collect();
    let produced: Vec<i128> = own.iter().map(|trade| steps(trade.produced)).collect();
    let lowest = followed.iter().chain(&produced).min().copied().unwrap_or(0);
    let highest = followed.iter().chain(&produced).max().copied().unwrap_or(0);
    let scaled = |prices: &[i128]| prices.iter().map(|price| height(*price, lowest, highest)).collect();
    SymbolView {
        symbol: symbol.to_owned(),
        market: String::new(),
        last: own.last().map_or_else(|| "-".to_owned(), |trade| trade.price.clone()),
        pairs,
        followed: scaled(&followed),
        produced: scaled(&produced),
    }
}

/// 1 to 64, so that the lowest price still shows.
fn height(price: i128, lowest: i128, highest: i128) -> u64 {
    let span = (highest - lowest).max(1);
    u64::try_from((price - lowest) * 63 / span).unwrap_or(0) + 1
}
