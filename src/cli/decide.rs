//! `self-trader decide`: what would it do, and why. The same code that trades.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pipeline::answer::answer;
use pipeline::chance::{Chance, Draw};
use pipeline::rules::{BestPrices, Memory, Rules, decide};
use schemas::config::{Config, Instrument, cut};
use schemas::decision::{Answer, DecisionEvent, EventError};

use crate::config;

/// Arguments of `decide`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A configuration with one instrument
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// One instrument's decisions, event by event.
#[derive(Debug)]
pub struct Decider {
    rules: Rules,
    memory: Memory,
    chance: Chance,
    pairs: u64,
}

impl Decider {
    /// A decider that remembers nothing yet.
    #[must_use]
    pub fn new(instrument: &Instrument, seed: u64) -> Self {
        Self {
            rules: Rules::new(instrument.rules.clone()),
            memory: Memory::default(),
            chance: Chance::new(seed, &instrument.maker_symbol),
            pairs: 0,
        }
    }

    /// The answer to one line. Without a draw in it, seed, symbol and count decide, as in a run.
    ///
    /// # Errors
    /// If the line is no event.
    pub fn answer(&mut self, line: &str) -> Result<Answer, EventError> {
        let event = DecisionEvent::parse(line)?;
        let draw = match event.draw {
            Some((coefficient, maker_side)) => Draw { coefficient, maker_side },
            None => self.chance.draw(self.pairs),
        };
        let top = BestPrices { bid: event.bid, ask: event.ask };
        let decision = decide(&self.rules, &mut self.memory, &event.tick, top, event.at_ms, draw);
        self.pairs += u64::from(decision.is_ok());
        Ok(answer(&self.rules, &decision))
    }
}

#[expect(clippy::print_stderr, reason = "a command's faults go to standard error")]
pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Config { process, instruments, .. } = match config::load(&args.config) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{}", config::report(&args.config, &faults));
            return Ok(ExitCode::from(2));
        }
    };
    let [instrument] = instruments.as_slice() else {
        eprintln!("CFG-014 {}: want one instrument (got {})", args.config.display(), instruments.len());
        return Ok(ExitCode::from(2));
    };
    answer_lines(&mut Decider::new(instrument, process.seed))
}

#[expect(clippy::print_stderr, reason = "a command's faults go to standard error")]
fn answer_lines(decider: &mut Decider) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut code = ExitCode::SUCCESS;
    for (number, line) in std::io::stdin().lock().split(b'\n').enumerate() {
        let line = line.context("failed to read standard input")?;
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        match decider.answer(text.trim()) {
            Ok(answer) => {
                serde_json::to_writer(&mut out, &answer).context("failed to write the answer")?;
                out.write_all(b"\n").and_then(|()| out.flush()).context("failed to write the answer")?;
            }
            Err(error) => {
                eprintln!("EVT-001 line {}: {}", number + 1, refusal(&error, text.trim()));
                code = ExitCode::from(2);
            }
        }
    }
    Ok(code)
}

/// What was wrong with a line, what it was, and what was wanted.
fn refusal(error: &EventError, line: &str) -> String {
    match error {
        EventError::Shape(cause) => format!(
            "{cause} (got \"{}\", want an event: an object with at_ms, tick and, where known, book and draw)",
            cut(line)
        ),
        EventError::Number { field, got } => {
            format!("{field} is no number (got {}, want an event whose {field} is one)", cut(got))
        }
    }
}
