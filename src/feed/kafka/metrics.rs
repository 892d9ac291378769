//! Names of the metrics of a Kafka feed.

/// Rebalances, by `kind`.
pub(super) const REBALANCES_TOTAL: &str = "st_kafka_rebalances_total";
/// Partitions that are ours.
pub(super) const PARTITIONS_ASSIGNED: &str = "st_kafka_partitions_assigned";
/// Age of the newest commit that proved the membership.
pub(super) const PROOF_AGE_SECONDS: &str = "st_kafka_proof_age_seconds";
/// Commits that failed.
pub(super) const COMMIT_FAILURES_TOTAL: &str = "st_kafka_commit_failures_total";
/// Errors that the client told of.
pub(super) const ERRORS_TOTAL: &str = "st_kafka_errors_total";
/// Partitions that were let go without a confirmed hand-over.
pub(super) const LET_GO_TOTAL: &str = "st_kafka_let_go_total";
/// The largest lag of a partition that is ours.
pub(super) const LAG_MESSAGES: &str = "st_kafka_lag_messages";
/// The slowest broker's round trip.
pub(super) const BROKER_RTT_P99_SECONDS: &str = "st_kafka_broker_rtt_p99_seconds";
/// Bytes received.
pub(super) const RX_BYTES_TOTAL: &str = "st_kafka_rx_bytes_total";

/// Registers them, so that each shows from the start.
pub(super) fn register() {
    for kind in ["assign", "revoke", "lost"] {
        metrics::counter!(REBALANCES_TOTAL, "kind" => kind).increment(0);
    }
    for counter in [COMMIT_FAILURES_TOTAL, ERRORS_TOTAL, LET_GO_TOTAL, RX_BYTES_TOTAL] {
        metrics::counter!(counter).increment(0);
    }
    for gauge in [PARTITIONS_ASSIGNED, PROOF_AGE_SECONDS, LAG_MESSAGES, BROKER_RTT_P99_SECONDS] {
        metrics::gauge!(gauge).set(0.0);
    }
}

/// Counts a rebalance.
pub(super) fn rebalance(kind: &'static str) {
    metrics::counter!(REBALANCES_TOTAL, "kind" => kind).increment(1);
}
