//! What a replay did, in one line.

use std::fmt;
use std::time::Duration;

use crate::feed::schedule::Lateness;
use crate::feed::tape::TapeTotals;

/// What a replay did.
#[derive(Debug, Default)]
pub struct Report {
    /// Messages handed to the client.
    pub messages: u64,
    /// Of these, what the broker never confirmed.
    pub undelivered: u64,
    /// Why the first of them was not.
    pub first_failure: Option<String>,
    /// From the first planned moment to the last answer.
    pub took: Duration,
    /// How late the messages left, behind their planned moments.
    pub lateness: Lateness,
    /// Lines of the tape that were passed over, and what is wrong with the first.
    pub bad_lines: u64,
    /// See [`Report::bad_lines`].
    pub first_bad_line: Option<String>,
    /// The tape has no trade that is wanted: what to say of it.
    pub no_trades: Option<String>,
}

impl Report {
    pub(super) fn read_tape(&mut self, totals: &TapeTotals) {
        self.bad_lines = totals.bad_lines();
        self.first_bad_line = totals.first_bad_line().map(str::to_owned);
        self.no_trades = totals.no_trades().map(str::to_owned);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        write!(
            f,
            "replayed {} messages in {:.3} s, at most {:.3} ms late (p99 {:.3} ms)",
            self.messages,
            self.took.as_secs_f64(),
            milliseconds(self.lateness.max()),
            milliseconds(self.lateness.p99()),
        )?;
        if self.undelivered > 0 {
            let why = self.first_failure.as_deref().unwrap_or("no answer in time");
            write!(f, "; {} not delivered (first: {why})", self.undelivered)?;
        }
        match &self.first_bad_line {
            Some(first) => write!(f, "; {} lines passed over (first: {first})", self.bad_lines),
            None => Ok(()),
        }
    }
}
