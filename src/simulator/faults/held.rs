//! Requests that a fault holds on their way: so many at one time and no more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Faults;

/// Most requests that are held at one time. One more is refused: 503, -1008.
const HELD_MAX: usize = 10_000;

/// A request's place among those that are held; dropped when the request arrives.
#[derive(Debug)]
pub(in crate::simulator) struct Held {
    ms: u64,
    faults: Faults,
}

impl Faults {
    /// Holds a request for so many milliseconds; none if too many are held already, which is counted.
    pub(in crate::simulator) fn hold(&self, ms: u64) -> Option<Held> {
        let more = |held: usize| (held < HELD_MAX).then_some(held + 1);
        match self.0.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Some(Held { ms, faults: self.clone() }),
            Err(_) => {
                self.0.held_refused.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// How many requests were refused because too many were held.
    pub(in crate::simulator) fn held_refused(&self) -> u64 {
        self.0.held_refused.load(Ordering::Relaxed)
    }
}

impl Held {
    /// Comes back when the request arrives.
    pub(in crate::simulator) async fn arrives(self) {
        tokio::time::sleep(Duration::from_millis(self.ms)).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.faults.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::options::VenueOptions;

    #[test]
    fn one_too_many_is_refused_and_counted_until_another_has_arrived() {
        let faults = Faults::new(&VenueOptions::default());
        let mut held: Vec<_> = (0..HELD_MAX).map(|_| faults.hold(1).unwrap()).collect();
        assert!(faults.hold(1).is_none() && faults.hold(1).is_none());
        assert_eq!(faults.held_refused(), 2);
        held.pop();
        assert!(faults.hold(1).is_some());
        assert_eq!(faults.held_refused(), 2);
    }
}
