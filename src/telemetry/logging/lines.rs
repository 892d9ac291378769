//! A line says how many of its kind were left out before it.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::limit::take_left_out;

/// A format whose lines may have one more field at their end.
pub(super) struct Lines<F> {
    inner: F,
    /// What a line ends with, and what comes before the number of those left out and after it.
    end: &'static str,
    before: &'static str,
    after: &'static str,
}

impl<F> Lines<F> {
    /// Of lines for people.
    pub(super) const fn text(inner: F) -> Self {
        Self { inner, end: "\n", before: " suppressed=", after: "\n" }
    }

    /// Of lines that are JSON objects.
    pub(super) const fn json(inner: F) -> Self {
        Self { inner, end: "}\n", before: ",\"suppressed\":", after: "}\n" }
    }
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let left_out = take_left_out();
        if left_out == 0 {
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.strip_suffix(self.end).unwrap_or(&line);
        write!(writer, "{line}{}{left_out}{}", self.before, self.after)
    }
}
