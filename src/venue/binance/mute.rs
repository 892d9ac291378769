//! Whether a user stream of its own is mute: the venue takes orders, and the stream tells of none.
//!
//! Answer and event come over two connections, in either order: an event that has come already is not waited for.

use std::time::Duration;

use pipeline::gateway::LaneId;
use pipeline::time::Nanos;

/// How long an event may be owed.
const MUTE_MAX: Duration = Duration::from_secs(10);

/// What is owed by the stream.
#[derive(Debug)]
pub(super) struct Mute {
    /// By lane, when its newest order was written.
    placed: Vec<Nanos>,
    /// When the stream last told of an order of ours.
    told: Option<Nanos>,
    /// Since when it has owed an event of an order that the venue took.
    owed: Option<Nanos>,
}

impl Mute {
    /// Nothing is owed to any of so many lanes.
    pub(super) fn new(lanes: usize) -> Self {
        Self { placed: vec![Nanos(0); lanes], told: None, owed: None }
    }

    /// An order of the lane is written.
    pub(super) fn placed(&mut self, lane: LaneId, now: Nanos) {
        self.placed[lane.0] = now;
    }

    /// The venue took the lane's newest order.
    pub(super) fn taken(&mut self, lane: LaneId, now: Nanos) {
        if self.told.is_none_or(|told| told < self.placed[lane.0]) {
            self.owed.get_or_insert(now);
        }
    }

    /// The stream told of an order of ours.
    pub(super) const fn told(&mut self, now: Nanos) {
        self.told = Some(now);
        self.owed = None;
    }

    /// Another stream, or none: nothing is owed by it.
    pub(super) const fn forget(&mut self) {
        self.owed = None;
    }

    /// When to give the stream up.
    pub(super) fn at(&self) -> Option<Nanos> {
        self.owed.map(|since| since + MUTE_MAX)
    }

    /// Whether it is to be given up now; asked again, it is not.
    pub(super) fn is_over(&mut self, now: Nanos) -> bool {
        let over = self.at().is_some_and(|at| now >= at);
        self.owed = self.owed.filter(|_| !over);
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Nanos {
        Nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn an_order_that_nothing_is_told_of_gives_the_stream_up_once() {
        let mut mute = Mute::new(1);
        mute.placed(LaneId(0), at(100));
        mute.taken(LaneId(0), at(101));
        mute.taken(LaneId(0), at(105));
        assert_eq!(mute.at(), Some(at(111)));
        assert!(!mute.is_over(at(110)));
        assert!(mute.is_over(at(111)) && !mute.is_over(at(112)));
    }

    #[test]
    fn an_event_pays_whether_it_comes_before_the_answer_or_after_it() {
        let mut mute = Mute::new(2);
        mute.placed(LaneId(0), at(100));
        mute.taken(LaneId(0), at(101));
        mute.told(at(102));
        assert_eq!(mute.at(), None, "after it");
        mute.placed(LaneId(0), at(103));
        mute.told(at(104));
        mute.taken(LaneId(0), at(105));
        assert_eq!(mute.at(), None, "before it");
        mute.placed(LaneId(1), at(106));
        mute.taken(LaneId(1), at(107));
        assert_eq!(mute.at(), Some(at(117)), "what it told before the order was sent is of another one");
        mute.forget();
        assert_eq!(mute.at(), None);
    }
}
