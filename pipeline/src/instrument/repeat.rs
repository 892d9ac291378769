//! On Quiet `repeat`: the last tick fires again while none comes.

use std::time::Duration;

use schemas::config::OnQuiet;

use super::Instrument;
use crate::time::{Nanos, Now};

/// On Quiet `repeat` fires no more often than this, whatever the Interval.
const REPEAT_MIN: Duration = Duration::from_millis(1);

impl Instrument {
    /// When On Quiet `repeat` fires next, if it does: an Interval after the last tick or repeat, but not
    /// before the gate opens and not after the tick is stale.
    pub(super) fn repeat_at(&self, now: Now) -> Option<Nanos> {
        let wanted = self.settings.on_quiet == OnQuiet::Repeat && self.waiting.is_empty() && self.is_idle();
        let tick = self.last_tick.as_ref().filter(|_| wanted)?;
        let interval_ms = u64::try_from(self.settings.rules.interval_ms).unwrap_or(0);
        let quiet = self.quiet_since + Duration::from_millis(interval_ms).max(REPEAT_MIN);
        let at = quiet.max(now.mono + self.interval_left(now));
        self.tick_until(tick, now).is_ok_and(|until| at <= until).then_some(at)
    }

    pub(super) fn repeat_when_quiet(&mut self, now: Now) {
        let due = self.repeat_at(now).is_some_and(|at| now.mono >= at);
        let Some(tick) = self.last_tick.filter(|_| due) else { return };
        self.counts.repeats += 1;
        self.quiet_since = now.mono;
        self.fire(tick, now);
    }
}
