//! Which of a failing run's faults it takes: delta debugging over the list.

use crate::run::{Spec, run};

/// The faults, by their places in the plan, without which the same promise holds. Gives up after so many runs: what it
/// has by then fails, too.
#[must_use]
pub fn shrink(spec: &Spec, promise: &str, runs_max: u32) -> Vec<usize> {
    let mut kept: Vec<usize> = spec.faults().iter().map(|fault| fault.index).collect();
    let mut left = runs_max;
    let mut fails = |only: &[usize]| {
        left = left.saturating_sub(1);
        let spec = Spec { only: Some(only.to_vec()), ..spec.clone() };
        left > 0 && run(&spec).violations.iter().any(|violation| violation.promise == promise)
    };
    let mut chunk = kept.len().div_ceil(2).max(1);
    loop {
        let before = kept.len();
        let mut at = 0;
        while at < kept.len() {
            let end = (at + chunk).min(kept.len());
            let without: Vec<usize> = kept[..at].iter().chain(&kept[end..]).copied().collect();
            if fails(&without) {
                kept = without;
            } else {
                at = end;
            }
        }
        if chunk == 1 && kept.len() == before {
            return kept;
        }
        chunk = (chunk / 2).max(1);
    }
}
