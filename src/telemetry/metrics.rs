//! Metrics, named in one table. Lanes count in their own cells; the table's series are set when they are read.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use pipeline::skip::Skip;
use pipeline::trade::Outcome;

use super::recorder;
use crate::app::AppStatus;
use crate::venue::binance_spot::gateway::Link;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

/// Every metric of the program.
pub const TABLE: &[Metric] = &[
    gauge("st_ready", &[], "1 when nothing keeps the program from trading"),
    gauge("st_up_seconds", &[], "Time since the start"),
    counter("st_feed_messages_total", &[], "Messages of the feed, counted for each instrument they feed"),
    counter("st_feed_rejected_total", &["reason"], "Messages refused"),
    counter("st_feed_bad_numbers_total", &["reason"], "Prices and quantities that are no number above zero"),
    counter("st_feed_duplicates_total", &[], "Messages whose trade id had been seen"),
    counter("st_feed_ticks_total", &[], "Messages that became ticks"),
    counter("st_feed_overflow_total", &[], "Ticks that found their lane's queue full"),
    counter("st_feed_lagged_total", &[], "Messages that the feed's client lost to a lag"),
    counter("st_feed_reconnects_total", &[], "Feed connections after the first"),
    counter("st_feed_gaps_total", &[], "Jumps in the numbers of trades"),
    gauge("st_feed_live", &[], "1 while messages arrive as they are published"),
    counter("st_ticks_total", &["symbol"], "Ticks that came to an instrument"),
    counter("st_repeats_total", &["symbol"], "Fires of On Quiet repeat"),
    counter("st_pairs_total", &["symbol"], "Pairs decided"),
    counter("st_pair_outcomes_total", &["symbol", "outcome"], "Pairs ended, by outcome"),
    counter("st_ticks_skipped_total", &["symbol", "reason"], "Ticks that made no pair, by reason"),
    counter("st_ticks_conflated_total", &["symbol"], "Waiting ticks that a newer one replaced"),
    counter("st_ticks_overflow_total", &["symbol"], "Ticks for which there was no room to wait"),
    gauge("st_ticks_waiting", &["symbol"], "Ticks that wait for the gate"),
    counter("st_orders_swept_total", &["symbol"], "Orders of a predecessor that were cancelled"),
    counter("st_late_reports_total", &["symbol"], "Reports about orders no longer followed"),
    gauge("st_open_makers", &["symbol"], "1 while a maker may rest"),
    gauge("st_oldest_open_maker_seconds", &[], "Age of the oldest open maker"),
    gauge("st_book_live", &["symbol"], "1 while the venue's book is in sequence"),
    gauge("st_book_age_seconds", &["symbol"], "Time since the book's top was last confirmed"),
    counter("st_book_gaps_total", &[], "Gaps in the venue's diffs"),
    counter("st_book_resyncs_total", &[], "Books thrown away and fetched anew"),
    counter("st_book_reconnects_total", &[], "Book connections lost or not made"),
    counter("st_book_mismatches_total", &[], "Tops on which two accounts of the venue disagreed"),
    counter("st_book_snapshot_retries_total", &[], "Snapshots that were asked for again"),
    counter("st_ws_subscribe_errors_total", &[], "Subscriptions that the venue refused"),
    counter("st_ws_frame_errors_total", &[], "Frames of book connections that could not be read"),
    gauge("st_books_live", &[], "Books that are in sequence"),
    gauge("st_gateway_connected", &["venue"], "1 while orders can leave"),
    gauge("st_gateway_budget", &["venue"], "1 while the rate budget allows another pair"),
    gauge("st_tick_to_maker_seconds", &["quantile"], "Receipt of the tick to the maker's frame written"),
    gauge("st_tick_to_done_seconds", &["quantile"], "Receipt of the tick to both legs ended"),
];

/// The process's recorder of metrics; installed once, whoever asks first.
pub fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics were installed before; these stay empty");
        }
        for metric in TABLE {
            match metric.kind {
                Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
                Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            }
        }
        handle
    })
}

/// The page that Prometheus reads.
#[must_use]
pub fn render(status: &AppStatus) -> String {
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

fn publish_lane(lane: &super::stats::LaneStats) {
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
