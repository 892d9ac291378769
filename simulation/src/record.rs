//! What was run so far: one JSON line a batch, added up over many calls of the command.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// One batch of seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The commit that was run.
    pub commit: String,
    /// The first seed.
    pub first: u64,
    /// One after the last.
    pub end: u64,
    /// Rounds of each.
    pub rounds: u64,
    /// Which venue.
    pub profile: String,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// Faults.
    pub faults: u64,
    /// Pairs.
    pub pairs: u64,
    /// Events.
    pub events: u64,
    /// Seeds with a violation.
    pub failed: Vec<u64>,
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

/// The first seed that no batch of that commit, length and venue has run yet.
#[must_use]
pub fn next_seed(batches: &[Batch], rounds: u64, profile: &str) -> u64 {
    let same = |batch: &&Batch| batch.rounds == rounds && batch.profile == profile;
    batches.iter().filter(same).map(|batch| batch.end).max().unwrap_or(0)
}

/// All batches together, in words.
#[must_use]
pub fn total(batches: &[Batch]) -> String {
    let sum = |of: fn(&Batch) -> u64| batches.iter().map(of).sum::<u64>();
    let failed: usize = batches.iter().map(|batch| batch.failed.len()).sum();
    let commits: std::collections::BTreeSet<&str> =
        batches.iter().map(|batch| batch.commit.as_str()).collect();
    let minutes = sum(|batch| batch.simulated_ms) / 60_000;
    format!(
        "{} seeds, {}.{:02} simulated hours, {} faults, {} pairs, {} events, {failed} seeds with a violation, commits {}",
        sum(|batch| batch.end - batch.first),
        minutes / 60,
        minutes % 60 * 100 / 60,
        sum(|batch| batch.faults),
        sum(|batch| batch.pairs),
        sum(|batch| batch.events),
        commits.into_iter().collect::<Vec<_>>().join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_add_up_and_go_on_where_they_ended() {
        let batch = |first, end, rounds| Batch {
            first,
            end,
            rounds,
            profile: "spot".to_owned(),
            simulated_ms: 3_600_000,
            faults: 10,
            ..Batch::default()
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
