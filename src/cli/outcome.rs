//! How a run's end is told: the summary file, the last lines, the exit code.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::Context;
use schemas::summary::Summary;

use crate::app::{self, Ended, StartError};

/// How long the last lines may take.
const SAYING_MAX: Duration = Duration::from_secs(1);

/// How the summary is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Lines on standard output.
    Lines,
    /// One more event of the log, where standard output holds nothing but JSON.
    Event,
}

/// Tells how a run ended, or why it did not start.
pub(super) fn tell(
    ended: Result<Ended, StartError>,
    summary_file: Option<&Path>,
    ending: Ending,
) -> anyhow::Result<ExitCode> {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            complain(&error.to_string());
            return Ok(error.exit_code());
        }
    };
    let Ended { summary, .. } = &ended;
    // What may be open comes first: nothing that goes wrong after it can hide it.
    if summary.open_orders > 0 {
        complain(&format!("orders that may still be open: {}", summary.open_order_ids.join(" ")));
    }
    if !summary.unconfirmed.is_empty() {
        let symbols = summary.unconfirmed.join(" ");
        complain(&format!("the venue did not confirm that no order of ours is open: {symbols}"));
    }
    let code = app::exit_code(&ended);
    if let Some(path) = summary_file
        && let Err(error) = write_summary(path, summary)
    {
        complain(&format!("{error:#}"));
        return Ok(if code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code });
    }
    match ending {
        Ending::Lines => say_soon(summary),
        Ending::Event => log(summary),
    }
    Ok(code)
}

fn write_summary(path: &Path, summary: &Summary) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(summary).context("failed to write the summary")?;
    std::fs::write(path, text + "\n")
        .with_context(|| format!("failed to write the summary to {}", path.display()))
}

/// One line a fault, on standard error.
#[expect(clippy::print_stderr, reason = "a command's faults go to standard error")]
pub(super) fn complain(text: &str) {
    eprintln!("{text}");
}

/// Whoever has closed standard output does not want the lines, and whoever does not read it does not hold up the end.
fn say_soon(summary: &Summary) {
    let (said, done) = sync_channel(1);
    let summary = summary.clone();
    std::thread::spawn(move || {
        // Nobody is left to be told of a failure, nor may anybody be left to wait.
        drop(say(&summary));
        let _ = said.send(());
    });
    let _ = done.recv_timeout(SAYING_MAX);
}

fn say(summary: &Summary) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let share = percent(summary.matched, summary.pairs);
    writeln!(
        out,
        "pairs {} · matched {} ({share}) · venue trades {} · open orders {} · books balance: {}",
        summary.pairs, summary.matched, summary.venue_trades, summary.open_orders, summary.books_balance
    )?;
    writeln!(
        out,
        "messages {} = rejected {} + duplicates {} + ticks {}",
        summary.messages, summary.rejected, summary.duplicates, summary.ticks
    )?;
    let skips: u64 = summary.skips.values().sum();
    writeln!(
        out,
        "ticks {} + repeats {} = pairs {} + skips {skips} + conflated {} + overflow {} + waiting {}",
        summary.ticks, summary.repeats, summary.pairs, summary.conflated, summary.overflow, summary.waiting
    )?;
    writeln!(
        out,
        "tick to maker p50 {} µs, p99 {} µs · tick to done p50 {} µs, p99 {} µs · oldest open maker {} ms",
        summary.tick_to_maker_us.p50,
        summary.tick_to_maker_us.p99,
        summary.tick_to_done_us.p50,
        summary.tick_to_done_us.p99,
        summary.oldest_open_maker_ms
    )
}

fn log(summary: &Summary) {
    tracing::info!(
        run_ms = summary.run_ms,
        pairs = summary.pairs,
        matched = summary.matched,
        venue_trades = summary.venue_trades,
        open_orders = summary.open_orders,
        books_balance = summary.books_balance,
        messages = summary.messages,
        rejected = summary.rejected,
        duplicates = summary.duplicates,
        ticks = summary.ticks,
        repeats = summary.repeats,
        skips = summary.skips.values().sum::<u64>(),
        conflated = summary.conflated,
        overflow = summary.overflow,
        waiting = summary.waiting,
        tick_to_maker_p50_us = summary.tick_to_maker_us.p50,
        tick_to_maker_p99_us = summary.tick_to_maker_us.p99,
        tick_to_done_p50_us = summary.tick_to_done_us.p50,
        tick_to_done_p99_us = summary.tick_to_done_us.p99,
        oldest_open_maker_ms = summary.oldest_open_maker_ms,
        "summary"
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
