//! Puts a run's summary together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::counts::Counts;
use pipeline::instrument::Phase;
use pipeline::skip::Skip;
use pipeline::trade::Outcome;
use schemas::summary::Summary;

use crate::feed::FeedSnapshot;
use crate::lane::LaneEnd;
use crate::telemetry::recorder::{self, Recorded};
use crate::telemetry::stats::LaneStats;

/// The summary of a run that has stopped.
pub(super) fn summary(
    run: Duration,
    all: &[Arc<LaneStats>],
    lanes: &[LaneEnd],
    feed: &FeedSnapshot,
    recorded: &Mutex<Recorded>,
    venue_trades: Option<u64>,
) -> Summary {
    let mut counts = Counts::default();
    lanes.iter().for_each(|lane| counts.add(&lane.counts));
    let recorded = recorder::lock(recorded);
    let open: Vec<_> = lanes.iter().flat_map(|lane| &lane.maybe_open).collect();
    let matched = Outcome::ALL.iter().position(|outcome| *outcome == Outcome::Matched);
    let overflow = counts.overflow + feed.overflow;
    let handed_over = feed.ticks == counts.ticks + feed.overflow;
    Summary {
        run_ms: u64::try_from(run.as_millis()).unwrap_or(u64::MAX),
        messages: feed.messages,
        rejected: feed.rejected_total(),
        rejected_by_reason: feed.rejected.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect(),
        duplicates: feed.duplicates,
        ticks: feed.ticks,
        repeats: counts.repeats,
        pairs: counts.pairs,
        matched: matched.map_or(0, |place| counts.outcomes[place]),
        outcomes: named(Outcome::ALL.iter().map(|outcome| outcome.name()), &counts.outcomes),
        skips: named(Skip::ALL.iter().map(|skip| skip.name()), &counts.skips),
        conflated: counts.conflated,
        overflow,
        waiting: counts.waiting,
        lagged: feed.lagged,
        probes: recorded.probes,
        venue_trades: venue_trades.unwrap_or(recorded.trades),
        open_orders: u64::try_from(open.len()).unwrap_or(u64::MAX),
        open_order_ids: open.iter().map(ToString::to_string).collect(),
        unconfirmed: unconfirmed(all),
        labels_lost: recorded.labels_lost,
        swept: counts.swept,
        oldest_open_maker_ms: recorded.oldest_open_maker_ms,
        tick_to_maker_us: recorder::percentiles(&recorded.tick_to_maker_us),
        tick_to_done_us: recorder::percentiles(&recorded.tick_to_done_us),
        books_balance: feed.balances() && handed_over && counts.balance(),
    }
}

/// Instruments of which the venue did not confirm that nothing of ours is open: their lanes failed, or gave up.
fn unconfirmed(lanes: &[Arc<LaneStats>]) -> Vec<String> {
    let open = lanes.iter().filter(|lane| lane.phase() != Phase::Stopped);
    open.map(|lane| lane.symbol.clone()).collect()
}

fn named<'a>(names: impl Iterator<Item = &'a str>, counts: &[u64]) -> BTreeMap<String, u64> {
    let counted = names.zip(counts).filter(|(_, count)| **count > 0);
    counted.map(|(name, count)| (name.to_owned(), *count)).collect()
}
