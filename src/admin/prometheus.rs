//! The page that Prometheus reads. Lanes count in cells of their own; their series are set when they are read.

use pipeline::gateway::Link;
use pipeline::skip::Skip;
use pipeline::trade::Outcome;

use crate::status::AppStatus;
use crate::telemetry::metrics::handle;
use crate::telemetry::recorder;
use crate::telemetry::stats::LaneStats;

/// The page that Prometheus reads.
pub(super) fn render(status: &AppStatus) -> String {
    let handle = handle();
    publish(status);
    handle.render()
}

/// Brings every series that is not counted on the spot up to date.
fn publish(status: &AppStatus) {
    let now = status.clock.now();
    set("st_ready", flag(status.waits_for().is_empty()));
    set("st_up_seconds", now.mono.since(status.started.mono).as_secs_f64());
    set("st_feed_live", flag(status.feed.borrow().is_live()));
    set("st_oldest_open_maker_seconds", seconds(status.oldest_open_maker_ms() * 1_000));
    for (venue, link) in &status.links {
        let link = *link.borrow();
        metrics::gauge!("st_gateway_connected", "venue" => *venue).set(flag(link.is_up()));
        metrics::gauge!("st_gateway_budget", "venue" => *venue).set(flag(link == Link::Open));
    }
    for (symbol, top) in &status.tops {
        let top = *top.borrow();
        let age = top.map_or(0.0, |top| now.mono.since(top.confirmed.mono).as_secs_f64());
        metrics::gauge!("st_book_live", "symbol" => symbol.clone()).set(flag(top.is_some()));
        metrics::gauge!("st_book_age_seconds", "symbol" => symbol.clone()).set(age);
    }
    for lane in &status.lanes {
        publish_lane(lane);
    }
    let recorded = recorder::lock(&status.recorded);
    for (name, histogram) in [
        ("st_tick_to_maker_seconds", &recorded.tick_to_maker_us),
        ("st_tick_to_done_seconds", &recorded.tick_to_done_us),
    ] {
        for (quantile, value) in [("0.5", 0.5), ("0.99", 0.99), ("1", 1.0)] {
            let micros = histogram.value_at_quantile(value);
            metrics::gauge!(name, "quantile" => quantile).set(seconds(micros));
        }
    }
}

fn publish_lane(lane: &LaneStats) {
    let counts = lane.counts();
    let symbol = || lane.symbol.clone();
    for (name, value) in [
        ("st_ticks_total", counts.ticks),
        ("st_repeats_total", counts.repeats),
        ("st_pairs_total", counts.pairs),
        ("st_ticks_conflated_total", counts.conflated),
        ("st_ticks_overflow_total", counts.overflow),
        ("st_orders_swept_total", counts.swept),
        ("st_late_reports_total", counts.late_reports),
    ] {
        metrics::counter!(name, "symbol" => symbol()).absolute(value);
    }
    for (skip, value) in Skip::ALL.iter().zip(counts.skips) {
        metrics::counter!("st_ticks_skipped_total", "symbol" => symbol(), "reason" => skip.name())
            .absolute(value);
    }
    for (outcome, value) in Outcome::ALL.iter().zip(counts.outcomes) {
        let counter =
            metrics::counter!("st_pair_outcomes_total", "symbol" => symbol(), "outcome" => outcome.name());
        counter.absolute(value);
    }
    let waiting = u32::try_from(counts.waiting).unwrap_or(u32::MAX);
    metrics::gauge!("st_ticks_waiting", "symbol" => symbol()).set(f64::from(waiting));
    metrics::gauge!("st_open_makers", "symbol" => symbol()).set(flag(lane.open_maker_since().is_some()));
}

fn set(name: &'static str, value: f64) {
    metrics::gauge!(name).set(value);
}

const fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}
