//! Many seeds, on a few threads. Each seed is a world of its own: how many threads there are changes nothing.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::Coverage;
use crate::oracle::{Stats, Violation};
use crate::run::{Outcome, Spec, run};

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// Counts of all.
    pub stats: Stats,
    /// What met what in all.
    pub coverage: Coverage,
    /// Nanoseconds of their own time.
    pub length: u64,
    /// Seeds that failed, with their first violation.
    pub failed: Vec<(u64, Violation)>,
    /// Each seed's events in one number.
    pub traces: Vec<(u64, u64)>,
}

impl Campaign {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.stats.add(&outcome.stats);
        self.coverage.add(&outcome.coverage);
        self.length += outcome.length;
        self.traces.push((seed, outcome.trace));
        if let Some(first) = outcome.violations.into_iter().next() {
            self.failed.push((seed, first));
        }
    }
}

/// Runs all seeds of a range; everything else is the same for each.
///
/// # Panics
/// If a seed's run panics.
#[must_use]
pub fn run_all(seeds: Range<u64>, spec: &Spec, threads: usize) -> Campaign {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Campaign::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(&Spec { seed, ..spec.clone() });
                    all.lock().expect("no thread panics with it").add(seed, outcome);
                }
            });
        }
    });
    let mut all = all.into_inner().expect("no thread panics with it");
    all.failed.sort_by_key(|(seed, _)| *seed);
    all.traces.sort_unstable();
    all
}
