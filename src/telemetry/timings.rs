//! How long an ended pair took: into the process's histograms, and one line each for whoever asks for debug lines.

use std::time::Duration;

use super::recorder::Record;

/// The histograms that ended pairs go into.
pub(super) struct Timings {
    tick_to_maker: metrics::Histogram,
    tick_to_done: metrics::Histogram,
}

impl Default for Timings {
    /// Those of the recorder of metrics that is installed.
    fn default() -> Self {
        Self {
            tick_to_maker: metrics::histogram!("st_tick_to_maker_seconds"),
            tick_to_done: metrics::histogram!("st_tick_to_done_seconds"),
        }
    }
}

impl Timings {
    /// Takes in an ended pair. One whose maker never left has no latency.
    pub(super) fn add(&self, record: &Record) {
        let trade = &record.trade;
        let received = trade.tick.received.mono;
        let done = record.done.since(received);
        let sent = trade.maker.sent_at.map(|at| at.since(received));
        if let Some(sent) = sent {
            self.tick_to_maker.record(sent);
            self.tick_to_done.record(done);
        }
        tracing::debug!(
            symbol = record.source.maker_symbol,
            maker = %trade.maker.id,
            taker = %trade.taker.id,
            outcome = trade.outcome().name(),
            tick_to_maker_us = sent.map(micros),
            tick_to_done_us = micros(done),
            "pair"
        );
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
