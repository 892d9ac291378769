//! Many seeds, on a few threads. Each seed is a world of its own: how many threads there are changes nothing.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::{Cell, Coverage};
use crate::oracle::{Stats, Violation};
use crate::run::{Outcome, Spec, run};

/// Rounds in which a cell of the coverage is aimed at, at most.
const AIMED_MAX: u64 = 20;

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
    /// Rounds aimed at a cell that failed, with their seeds and first violations.
    pub failed_aims: Vec<(Cell, u64, Violation)>,
    /// Each seed's events in one number.
    pub traces: Vec<(u64, u64)>,
}

impl Campaign {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.count(&outcome);
        self.traces.push((seed, outcome.trace));
        if let Some(first) = outcome.violations.into_iter().next() {
            self.failed.push((seed, first));
        }
    }

    fn add_aimed(&mut self, cell: Cell, seed: u64, outcome: Outcome) {
        self.count(&outcome);
        if let Some(first) = outcome.violations.into_iter().next() {
            self.failed_aims.push((cell, seed, first));
        }
    }

    fn count(&mut self, outcome: &Outcome) {
        self.stats.add(&outcome.stats);
        self.coverage.add(&outcome.coverage);
        self.length += outcome.length;
    }
}

/// Aims at each cell of the coverage that was not hit: a round of its own, of another seed until it is. Says how many
/// rounds that took.
#[must_use]
pub fn complete(campaign: &mut Campaign, spec: &Spec) -> u64 {
    let mut rounds = 0;
    for cell in campaign.coverage.missing() {
        for seed in 0..AIMED_MAX {
            if campaign.coverage.has(cell) {
                break;
            }
            let outcome = run(&Spec { seed, rounds: 1, aim: Some(cell), ..spec.clone() });
            rounds += 1;
            campaign.add_aimed(cell, seed, outcome);
        }
    }
    rounds
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
