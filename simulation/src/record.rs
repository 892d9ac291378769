//! What was run so far: one JSON line a batch, added up over many calls of the command.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// One batch of seeds, in the form of `docs/evidence`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// `simulation`.
    pub kind: String,
    /// Which venue, and how many rounds of each seed.
    pub what: String,
    /// The commit that was run.
    pub commit: String,
    /// The first and the last seed.
    pub seeds: [u64; 2],
    /// Simulated hours.
    pub hours: f64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Faults.
    pub faults: u64,
    /// Pairs.
    pub pairs: u64,
    /// Events.
    pub events: u64,
    /// Seeds with a violation.
    pub violations: u64,
    /// Which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<u64>,
}

/// What a batch is called by its venue and the rounds of each seed.
#[must_use]
pub fn what(profile: &str, rounds: u64) -> String {
    format!("{profile}, {rounds} rounds")
}

/// Adds a batch to a file.
///
/// # Errors
/// The file cannot be written.
pub fn append(path: &Path, batch: &Batch) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.with_context(|| format!("{}: cannot be written", path.display()))?;
    writeln!(file, "{}", serde_json::to_string(batch)?)?;
    Ok(())
}

/// What a file holds; nothing where there is none.
///
/// # Errors
/// A line that is no batch.
pub fn read(path: &Path) -> anyhow::Result<Vec<Batch>> {
    let Ok(file) = File::open(path) else { return Ok(Vec::new()) };
    let mut batches = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        let batch =
            serde_json::from_str(&line).with_context(|| format!("{}:{}", path.display(), number + 1))?;
        batches.push(batch);
    }
    Ok(batches)
}

/// The first seed that no batch of that length and venue has run yet.
#[must_use]
pub fn next_seed(batches: &[Batch], rounds: u64, profile: &str) -> u64 {
    let what = what(profile, rounds);
    let same = batches.iter().filter(|batch| batch.what == what);
    same.map(|batch| batch.seeds[1] + 1).max().unwrap_or(0)
}

/// All batches together, in words.
#[must_use]
pub fn total(batches: &[Batch]) -> String {
    let sum = |of: fn(&Batch) -> u64| batches.iter().map(of).sum::<u64>();
    let commits: std::collections::BTreeSet<&str> =
        batches.iter().map(|batch| batch.commit.as_str()).collect();
    format!(
        "{} seeds, {:.2} simulated hours, {} faults, {} pairs, {} events, {} seeds with a violation, commits {}",
        sum(|batch| batch.seeds[1] + 1 - batch.seeds[0]),
        batches.iter().map(|batch| batch.hours).sum::<f64>(),
        sum(|batch| batch.faults),
        sum(|batch| batch.pairs),
        sum(|batch| batch.events),
        sum(|batch| batch.violations),
        commits.into_iter().collect::<Vec<_>>().join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_add_up_and_go_on_where_they_ended() {
        let batch = |first: u64, end: u64, rounds| Batch {
            kind: "simulation".to_owned(),
            what: what("spot", rounds),
            commit: String::new(),
            seeds: [first, end - 1],
            hours: 1.0,
            seconds: 1.0,
            faults: 10,
            pairs: 0,
            events: 0,
            violations: 0,
            failed: Vec::new(),
        };
        let batches = [batch(0, 5, 3), batch(5, 9, 3), batch(0, 2, 4)];
        assert_eq!(next_seed(&batches, 3, "spot"), 9);
        assert_eq!(next_seed(&batches, 3, "usdm"), 0);
        assert!(
            total(&batches).starts_with("11 seeds, 3.00 simulated hours, 30 faults"),
            "{}",
            total(&batches)
        );
    }
}
