//! Metrics, named in one table.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

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
    counter(
        "st_gateway_late_answers_total",
        &[],
        "Answers after their deadline, or that nobody had asked for",
    ),
    counter("st_gateway_mismatches_total", &[], "Answers about another order than the one asked about"),
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
