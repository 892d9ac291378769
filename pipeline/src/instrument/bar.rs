//! Halts and a clock that is not sure: nothing new leaves, what runs comes to its end, and the venue is swept.

use super::Instrument;
use crate::halt::Bar;
use crate::settings::Phase;
use crate::time::Now;

impl Instrument {
    /// What keeps it from trading though it is ours; none = nothing. Ticks that come meanwhile skip. A halt is followed
    /// by a sweep, and so is its end: whatever was on its way when it began is found by the one or the other.
    pub fn handle_bar(&mut self, bar: Option<Bar>, now: Now) {
        let before = std::mem::replace(&mut self.bar, bar);
        if let Some(bar) = bar {
            while self.waiting.pop().is_some() {
                self.counts.skips[bar.skip().index()] += 1;
            }
        }
        let halted = |bar: Option<Bar>| bar == Some(Bar::Halted);
        if halted(before) != halted(bar) && self.phase == Phase::Live {
            self.phase = Phase::Sweeping;
            self.sweep = self.connected.then(|| self.new_sweep(now));
        }
        self.advance(now);
    }

    /// What keeps it from trading though it is ours.
    #[must_use]
    pub const fn bar(&self) -> Option<Bar> {
        self.bar
    }

    /// Earlier runs' orders in doubt are being asked for: the sweep before it is done.
    #[must_use]
    pub fn is_closing_out(&self) -> bool {
        self.phase == Phase::Sweeping && self.sweep.is_none() && self.connected
    }
}
