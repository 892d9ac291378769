//! How often connections are made: not in bursts, and not more often than a venue stands.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Nanos;

/// The window that venues count connections in.
const WINDOW: Duration = Duration::from_secs(300);

/// A budget of connections: so many in five minutes, and a pause after each.
#[derive(Clone, Debug)]
pub struct Connects {
    begun: VecDeque<Nanos>,
    most: usize,
    gap: Duration,
}

impl Connects {
    /// One stream's: one a second, 60 in five minutes.
    #[must_use]
    pub fn of_stream() -> Self {
        Self::new(60, Duration::from_secs(1))
    }

    /// At most `most` in any five minutes, with `gap` between the beginnings of two.
    #[must_use]
    pub fn new(most: usize, gap: Duration) -> Self {
        let most = most.max(1);
        Self { begun: VecDeque::with_capacity(most), most, gap }
    }

    /// When the next may begin; not after `now` = at once.
    #[must_use]
    pub fn from(&self, now: Nanos) -> Nanos {
        let gap = self.begun.back().map_or(now, |last| *last + self.gap);
        let full = self.begun.len() == self.most;
        let window = self.begun.front().filter(|_| full).map_or(now, |first| *first + WINDOW);
        gap.max(window).max(now)
    }

    /// One begins.
    pub fn begin(&mut self, now: Nanos) {
        if self.begun.len() == self.most {
            self.begun.pop_front();
        }
        self.begun.push_back(now);
    }

    /// How many began in the last five minutes.
    #[must_use]
    pub fn in_window(&self, now: Nanos) -> usize {
        self.begun.iter().filter(|at| now.since(**at) < WINDOW).count()
    }

    /// The most in five minutes.
    #[must_use]
    pub const fn most(&self) -> usize {
        self.most
    }
}
