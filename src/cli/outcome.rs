//! How a run's end is told: the summary file, the last lines, the exit code.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use schemas::summary::Summary;

use crate::app::{self, Ended, StartError};

/// Tells how a run ended, or why it did not start.
pub(super) fn tell(
    ended: Result<Ended, StartError>,
    summary_file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            complain(&error.to_string());
            return Ok(error.exit_code());
        }
    };
    if let Some(path) = summary_file {
        let text = serde_json::to_string_pretty(&ended.summary).context("failed to write the summary")?;
        std::fs::write(path, text + "\n")
            .with_context(|| format!("failed to write the summary to {}", path.display()))?;
    }
    say(&ended.summary);
    if ended.summary.open_orders > 0 {
        complain(&format!("orders that may still be open: {}", ended.summary.open_order_ids.join(" ")));
    }
    if !ended.summary.unconfirmed.is_empty() {
        let symbols = ended.summary.unconfirmed.join(" ");
        complain(&format!("the venue did not confirm that no order of ours is open: {symbols}"));
    }
    Ok(app::exit_code(&ended))
}

/// One line a fault, on standard error.
#[expect(clippy::print_stderr, reason = "a command's faults go to standard error")]
pub(super) fn complain(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(summary: &Summary) {
    let share = percent(summary.matched, summary.pairs);
    println!(
        "pairs {} · matched {} ({share}) · venue trades {} · open orders {} · books balance: {}",
        summary.pairs, summary.matched, summary.venue_trades, summary.open_orders, summary.books_balance
    );
    println!(
        "messages {} = rejected {} + duplicates {} + ticks {}",
        summary.messages, summary.rejected, summary.duplicates, summary.ticks
    );
    let skips: u64 = summary.skips.values().sum();
    println!(
        "ticks {} + repeats {} = pairs {} + skips {skips} + conflated {} + overflow {} + waiting {}",
        summary.ticks, summary.repeats, summary.pairs, summary.conflated, summary.overflow, summary.waiting
    );
    println!(
        "tick to maker p50 {} µs, p99 {} µs · tick to done p50 {} µs, p99 {} µs · oldest open maker {} ms",
        summary.tick_to_maker_us.p50,
        summary.tick_to_maker_us.p99,
        summary.tick_to_done_us.p50,
        summary.tick_to_done_us.p99,
        summary.oldest_open_maker_ms
    );
}

/// A share in hundredths of a percent, in whole-number arithmetic.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "no pair yet".to_owned();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}
