//! `self-trader replay`: a tape published to Redis at its own pace.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use schemas::config::FeedUrl;

use crate::clock::Clock;
use crate::feed::redis::publish::{self, Report, Target};
use crate::feed::schedule::Speed;
use crate::feed::tape::{self, Player};

/// What `--help` says after the options.
const AFTER_HELP: &str = "\
Each trade is SET under its follow key {exchange}_{prefix}{symbol} and published on the channel of the same \
name: an object with symbol, price, qty, side, time (the planned send moment, ms), id (unique over runs), \
orig_time and orig_id, all of them text.

Exit codes: 0 done (or stopped by --for or Ctrl-C), 1 Redis is away or refuses, 2 the tape or an argument \
cannot be used.";

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The tape: a Binance trades or aggTrades CSV (plain, .gz, .zip), the derived CSV, or recorded websocket lines
    pub tape: PathBuf,
    /// Where to: redis://host:port or rediss://user:password@host:port/db
    #[arg(long, value_name = "URL")]
    pub to: FeedUrl,
    /// Times the recorded speed, or "max"
    #[arg(long, default_value = "1", value_name = "N")]
    pub speed: Speed,
    /// Publish each trade for N symbols: SYMBOLX001, SYMBOLX002 ... (1 keeps the symbol itself)
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub copies: u16,
    /// Which of the tape: SYMBOL or VENUE:SYMBOL, several separated by commas, such as binance-spot:BTCUSDT
    #[arg(long, value_name = "SERIES")]
    pub series: Option<String>,
    /// The follow exchange in the key {exchange}_{prefix}{symbol}
    #[arg(long, default_value = "binance", value_name = "NAME")]
    pub exchange: String,
    /// The ticker prefix in the key
    #[arg(long, default_value = "ticker_", value_name = "TEXT")]
    pub prefix: String,
    /// Stop after this long, such as 500ms, 20s, 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration::parse)]
    pub duration: Option<Duration>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reader = match tape::open(&args.tape, args.series.as_deref()) {
        Ok(reader) => reader,
        Err(error) => return Ok(refused(&error.to_string())),
    };
    let target = match Target::new(&args.to, &args.exchange, &args.prefix, args.copies) {
        Ok(target) => target,
        Err(error) => return Ok(refused(&error.to_string())),
    };
    let clock = Clock::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let sender = target.connect().await?;
        let player = Player::start(reader, args.speed, clock)?;
        let limit = args.duration.unwrap_or(Duration::MAX);
        let report = publish::replay(player, sender, clock, limit).await?;
        anyhow::Ok(report)
    })?;
    Ok(finish(&report))
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn finish(report: &Report) -> ExitCode {
    if let Some(message) = &report.no_trades {
        return refused(message);
    }
    println!("{report}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the command's complaint")]
fn refused(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(2)
}
