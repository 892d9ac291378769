//! How often one instrument's code failed: a few times it is replaced, then it stays halted.

use std::collections::VecDeque;
use std::time::Duration;

use pipeline::time::Nanos;

/// Failures within [`WITHIN`] after which an instrument stays halted: one more than these.
const ALLOWED: usize = 3;
const WITHIN: Duration = Duration::from_secs(600);

/// The failures of one instrument.
#[derive(Clone, Debug, Default)]
pub struct Panics(VecDeque<Nanos>);

impl Panics {
    /// Notes one; whether it was one too many.
    pub fn note(&mut self, now: Nanos) -> bool {
        self.0.push_back(now);
        self.0.retain(|at| now.since(*at) < WITHIN);
        self.0.len() > ALLOWED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise P18.
    #[test]
    fn more_than_three_within_ten_minutes_are_too_many() {
        let at = |seconds: u64| Nanos(seconds * 1_000_000_000);
        let mut panics = Panics::default();
        assert!(!panics.note(at(0)) && !panics.note(at(1)) && !panics.note(at(2)));
        assert!(panics.note(at(599)), "the fourth");
        assert!(!panics.note(at(700)), "the first three are long ago");
    }
}
