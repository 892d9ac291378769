//! Every metric of the program, in one table.

use pipeline::alarm::Alarm;
use pipeline::skip::Skip;
use pipeline::trade::Outcome;

use super::metrics::{Kind, Label, Metric, Values};

/// Upper bounds of a pair's durations, seconds: of a venue nearby, then of one far away.
const PAIR_DURATIONS: &[f64] = &[0.000_2, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.15, 0.5, 2.0];
/// Those of hand-overs: nothing was open, a cancel was waited for, the venue was slow.
const HANDOVER_DURATIONS: &[f64] = &[0.5, 2.0, 5.0, 10.0];
/// Those of the journal's way to the device: below its bound of 5 ms, around it, stalled.
const SYNC_DURATIONS: &[f64] = &[0.001, 0.002, 0.005, 0.02, 0.1, 1.0];
/// Names of reasons for which a message may be refused, no more than these.
const REJECTIONS_MAX: usize = 19;
/// The same of numbers.
const NUMBER_FAULTS_MAX: usize = 4;

/// Codes of [`schemas::wire::order_fault::OrderFault`] that answers and events can have; the others are of REST, where
/// no order leaves.
const ORDER_FAULTS: [&str; 6] = ["ORD-002", "ORD-004", "ORD-005", "ORD-006", "ORD-007", "ORD-011"];

const SYMBOL: &[Label] = &[label("symbol", Values::Symbol)];
const VENUE: &[Label] = &[label("venue", Values::Venue)];

/// Every metric of the program.
pub const TABLE: &[Metric] = &[
    // The process.
    gauge("st_ready", &[], "1 when nothing keeps the program from trading"),
    gauge("st_start_time_seconds", &[], "When the process started, since the epoch"),
    gauge("st_loop_lag_seconds", &[], "Time since the trading thread's last heartbeat"),
    counter("st_loop_stalls_total", &[], "Times that the trading thread stood still for more than 2 s"),
    counter("st_log_dropped_total", &[], "Lines of the log that found no room to wait for their reader"),
    counter(
        "st_panics_total",
        &[label("task", Values::Named(&["lane", "gateway", "feed", "journal", "other"]))],
        "Times that a part of the program failed in its own code",
    ),
    gauge(
        "st_start_waiting",
        &[label("step", Values::Named(&["filters", "clock", "sweep", "journal", "book", "probe"]))],
        "Instruments that wait at a step of the start-up gate",
    ),
    gauge(
        "st_halted",
        &[label("by", Values::Named(&["operator", "signal", "file", "alarm", "state"]))],
        "Instruments that are halted, by whom",
    ),
    gauge(
        "st_halted_by_alarm",
        &[label("alarm", Values::AtMost(Alarm::ALL.len()))],
        "Instruments that halted themselves and are not released, by what they found",
    ),
    counter("st_admin_denied_total", &[], "Requests to halt or release that lacked the right to"),
    // Who owns what.
    gauge(
        "st_shard",
        &[
            label("sharding", Values::Process),
            label("shard", Values::Process),
            label("shards", Values::Process),
        ],
        "1: how the instruments are shared, this process's ordinal, and among how many",
    ),
    gauge("st_symbols_configured", &[], "Instruments of the whole configuration"),
    gauge("st_symbols_owned", &[], "Instruments that this process may trade now"),
    gauge("st_symbol_owned", SYMBOL, "1 while orders of the symbol may leave this process"),
    gauge("st_symbol_epoch", SYMBOL, "The epoch of the running or latest term of ownership"),
    counter("st_foreign_owner_orders_total", SYMBOL, "New orders of another owner on a symbol of ours"),
    counter(
        "st_ownership_conflicts_total",
        SYMBOL,
        "Terms that a later owner's orders ended while they were proved to be ours",
    ),
    histogram(
        "st_handover_seconds",
        HANDOVER_DURATIONS,
        "Told to let an instrument go, to its last sweep confirmed",
    ),
    gauge(
        "st_lease_seconds_left",
        &[],
        "Time until the first of all held leases runs out; 0 while none is held",
    ),
    counter("st_lease_errors_total", &[], "Questions to the lease store that failed"),
    counter("st_leases_lost_total", &[], "Leases that ran out or were taken while they were held"),
    counter(
        "st_takeover_unlabelled_trades_total",
        &[],
        "Trades of a predecessor that have no label, found when its instruments were taken over",
    ),
    // The journal.
    counter("st_journal_bytes_total", &[], "Bytes written to the journal"),
    counter("st_journal_errors_total", &[], "Writes and syncs of the journal that failed or stalled"),
    histogram("st_journal_sync_seconds", SYNC_DURATIONS, "How long the journal took to reach the device"),
    counter(
        "st_journal_recovered_total",
        &[label("kind", Values::Named(&["ended", "crashed_recovered", "quarantined", "empty"]))],
        "Journals of earlier runs that were found at the start, by what they were",
    ),
    gauge("st_journal_good", &[], "1 while orders can be written down; without a journal there is none"),
    gauge(
        "st_drop_copy_differences",
        &[label(
            "kind",
            Values::Named(&["no_intent", "no_outcome", "still_open", "never_existed", "executed"]),
        )],
        "Orders of which the journal and the venue's user stream tell different things",
    ),
    counter("st_drop_copy_gaps_total", &[], "Times that more was said than could be compared"),
    // The feed.
    gauge("st_feed_live", &[], "1 while messages arrive as they are published"),
    gauge(
        "st_feed_last_tick_timestamp_seconds",
        &[],
        "When the newest message that became a tick arrived, since the epoch",
    ),
    counter("st_feed_messages_total", &[], "Messages of the feed, counted for each instrument they feed"),
    counter("st_feed_rejected_total", &[label("reason", Values::AtMost(REJECTIONS_MAX))], "Messages refused"),
    counter(
        "st_feed_bad_numbers_total",
        &[label("reason", Values::AtMost(NUMBER_FAULTS_MAX))],
        "Prices and quantities that are no number above zero",
    ),
    counter("st_feed_duplicates_total", &[], "Messages whose trade had been seen"),
    counter(
        "st_feed_without_id_total",
        &[],
        "Messages without a trade id: told apart by time, price, quantity and side, or, without a time, not at all",
    ),
    counter("st_feed_ticks_total", &[], "Messages that became ticks"),
    counter("st_feed_overflow_total", &[], "Ticks that found their lane's queue full"),
    counter("st_feed_lagged_total", &[], "Messages that the feed's client lost to a lag"),
    counter("st_feed_reconnects_total", &[], "Feed connections after the first"),
    counter("st_feed_gaps_total", &[], "Jumps in the numbers of trades"),
    gauge("st_kafka_partitions_assigned", &[], "Partitions that are read"),
    gauge("st_kafka_proof_age_seconds", &[], "Age of the newest commit that the group's coordinator took"),
    gauge("st_kafka_lag_messages", &[], "Messages behind the end, of the partition that is furthest behind"),
    gauge("st_kafka_broker_rtt_p99_seconds", &[], "Round trip to the slowest broker, 99th percentile"),
    counter(
        "st_kafka_rebalances_total",
        &[label("kind", Values::Named(&["assign", "revoke", "lost"]))],
        "Changes of the assignment",
    ),
    counter("st_kafka_commit_failures_total", &[], "Commits that did not prove membership"),
    counter("st_kafka_errors_total", &[], "Errors of the Kafka client"),
    counter("st_kafka_let_go_total", &[], "Partitions let go without a confirmed hand-over"),
    counter("st_kafka_rx_bytes_total", &[], "Bytes received from brokers"),
    // From tick to pair.
    counter("st_ticks_total", SYMBOL, "Ticks that came to an instrument"),
    counter("st_pairs_total", SYMBOL, "Pairs decided"),
    counter(
        "st_pair_outcomes_total",
        &[label("symbol", Values::Symbol), label("outcome", Values::AtMost(Outcome::ALL.len()))],
        "Pairs ended, by outcome",
    ),
    counter(
        "st_ticks_skipped_total",
        &[label("symbol", Values::Symbol), label("reason", Values::AtMost(Skip::ALL.len()))],
        "Ticks that made no pair, by reason",
    ),
    counter(
        "st_orders_refused_total",
        SYMBOL,
        "Orders that the venue refused, but for makers that would match",
    ),
    counter("st_repeats_total", &[], "Fires of On Quiet repeat"),
    counter("st_ticks_conflated_total", &[], "Waiting ticks that a newer one replaced"),
    counter("st_ticks_overflow_total", &[], "Ticks for which there was no room to wait"),
    gauge("st_ticks_waiting", &[], "Ticks that wait for the gate"),
    counter("st_reaped_total", &[], "Orders that a reaper told to go and that are gone"),
    gauge("st_alien_orders", &[], "Open orders on a reaper's symbols that carry no prefix of ours"),
    gauge("st_open_makers", &[], "Makers that may rest"),
    gauge("st_oldest_open_maker_seconds", &[], "Age of the oldest open maker"),
    counter("st_cancels_refused_total", &[], "Cancels that the venue refused for an order that may be open"),
    counter("st_orders_swept_total", &[], "Orders of a predecessor that were cancelled"),
    counter("st_orders_unknown_total", &[], "Orders whose outcome was unknown for a time"),
    counter("st_zombie_orders_total", &[], "Orders that reached the venue after they had been given up"),
    counter("st_late_reports_total", &[], "Reports about orders no longer followed"),
    histogram("st_tick_to_maker_seconds", PAIR_DURATIONS, "Receipt of the tick to the maker's frame written"),
    histogram("st_tick_to_done_seconds", PAIR_DURATIONS, "Receipt of the tick to both legs ended"),
    counter("st_labels_kafka_total", &[], "Labels that the topic of labels took"),
    counter("st_labels_kafka_failures_total", &[], "Labels that the topic of labels did not take"),
    // The venue.
    gauge("st_gateway_connected", VENUE, "1 while orders can leave, to every account there"),
    gauge("st_gateway_budget", &[], "1 while the rate budget allows another pair, in every account"),
    counter("st_http_429_total", &[], "Answers of venues that told this address to wait"),
    counter("st_http_418_total", &[], "Answers of venues that had banned this address"),
    gauge(
        "st_breaker_state",
        VENUE,
        "0 while everything may leave, 1 told to wait, 2 one request ahead of the others, 3 banned",
    ),
    gauge("st_banned_seconds", VENUE, "How much longer the venue's ban of this address lasts"),
    counter("st_rate_limited_total", &[], "Times that no pair could begin for want of budget"),
    gauge(
        "st_ws_connects_window",
        &[],
        "Connections that began in the last five minutes, to the venue that saw most of them; 240 are the most",
    ),
    counter(
        "st_gateway_late_answers_total",
        &[],
        "Answers after their deadline, or that nobody had asked for",
    ),
    counter(
        "st_order_faults_total",
        &[label("code", Values::Named(&ORDER_FAULTS))],
        "Faults of order answers and events, by their code",
    ),
    counter("st_user_events_ignored_total", &[], "Events of the user stream of a kind that is not known"),
    counter("st_gateway_mismatches_total", &[], "Answers about another order than the one asked about"),
    gauge(
        "st_dms_armed",
        &[],
        "1 while every owned symbol's dead man's switch is armed, where the venue has one; no series where none has",
    ),
    gauge(
        "st_dms_renew_age_seconds",
        &[],
        "Time since the last acknowledged renewal left, of the owned symbol for which that is longest",
    ),
    counter("st_dms_failures_total", &[], "Renewals of the dead man's switch that failed"),
    counter("st_filter_reloads_total", &[], "Times that a venue's filters were read again"),
    gauge("st_books_live", &[], "Books that are in sequence"),
    gauge(
        "st_book_age_seconds",
        SYMBOL,
        "Time since the top of an owned symbol's book was last confirmed, in sequence or not",
    ),
    gauge("st_clock_offset_seconds", VENUE, "The venue's clock minus ours, as last measured"),
    gauge("st_clock_uncertainty_seconds", VENUE, "How uncertain that is by now"),
    counter("st_book_gaps_total", &[], "Gaps in the venue's diffs"),
    counter("st_book_resyncs_total", &[], "Books thrown away and fetched anew"),
    counter("st_book_reconnects_total", &[], "Book connections lost or not made"),
    counter("st_book_mismatches_total", &[], "Tops on which two accounts of the venue disagreed"),
    counter("st_book_snapshot_retries_total", &[], "Snapshots that were asked for again"),
    counter("st_ws_subscribe_errors_total", &[], "Subscriptions that the venue refused"),
    counter("st_ws_frame_errors_total", &[], "Frames of book connections that could not be read"),
];

const fn label(name: &'static str, values: Values) -> Label {
    Label { name, values }
}

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, bounds: &'static [f64], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram(bounds), labels: &[], help }
}
