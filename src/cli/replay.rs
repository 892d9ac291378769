//! `self-trader replay`: a tape published to Redis or Kafka at its own pace.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use schemas::config::FeedUrl;

use super::kafka_options::KafkaOptions;
use super::outcome::complain;
use crate::clock::Clock;
use crate::feed::schedule::Speed;
use crate::feed::tape::{self, Player, TapeReader};
use crate::publish::{self, Naming, PublishError, Report, Target, steady};

/// What `--help` says after the options.
const AFTER_HELP: &str = "\
Each trade is an object with symbol, price, qty, side, time (the planned send moment, ms), id (unique over \
runs), orig_time and orig_id, all of them text, and seq (a whole number that counts the symbol's messages from 1).
Redis: SET under the follow key {exchange}_{prefix}{symbol} and published on the channel of the same name.
Kafka: one message keyed by the symbol (?key=follow_key: by the follow key), in the partition that murmur2 gives \
(?partitioner=crc32 or fnv1a); a topic with {symbol} in it is one topic a symbol. Topics must be there.

Exit codes: 0 done (or stopped by --for, SIGTERM or Ctrl-C), 1 the server is away, refuses, lacks the topic or \
did not confirm every message, 2 the tape or an argument cannot be used.";

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The tape: a Binance trades or aggTrades CSV (plain, .gz, .zip), the derived CSV, or recorded websocket lines
    pub tape: PathBuf,
    /// Where to: redis://host:port, rediss://user:password@host:port/db or kafka://host:port/TOPIC (brokers separated by commas)
    #[arg(long, value_name = "URL")]
    pub to: FeedUrl,
    /// Times the recorded speed, or "max"
    #[arg(long, default_value = "1", value_name = "N")]
    pub speed: Speed,
    /// Instead of the recorded pace: each symbol ticks N times a second, with the tape's trades in turn, without an end
    #[arg(long, value_name = "N", conflicts_with = "speed")]
    pub steady: Option<NonZeroU16>,
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
    /// Options of the Kafka client
    #[command(flatten)]
    pub kafka: KafkaOptions,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let reader = match tape::open(&args.tape, args.series.as_deref()) {
        Ok(reader) => reader,
        Err(error) => return Ok(refused(&error.to_string())),
    };
    let options = match args.kafka.read() {
        Ok(options) => options,
        Err(error) => return Ok(refused(&format!("{error:#}"))),
    };
    let replayed = crate::app::runtime()?.block_on(async {
        let sender = Target::new(&args.to, &options)?.connect().await?;
        let clock = Clock::start();
        let (player, naming) = play(args, reader, clock).map_err(PublishError::Thread)?;
        publish::replay(player, naming, sender, clock, args.duration.unwrap_or(Duration::MAX)).await
    });
    match replayed {
        Ok(report) => Ok(finish(&report)),
        Err(error @ PublishError::Unusable { .. }) => Ok(refused(&error.to_string())),
        Err(error) => {
            complain(&error.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The player, and the names of what it plays: a steady one has made the copies itself.
fn play(args: &Args, reader: TapeReader, clock: Clock) -> std::io::Result<(Player, Naming)> {
    let Args { exchange, prefix, copies, .. } = args;
    let naming = Naming { exchange: exchange.clone(), prefix: prefix.clone(), copies: *copies };
    match args.steady {
        Some(rate) => Ok((steady::start(reader, rate, &naming, clock)?, Naming { copies: 1, ..naming })),
        None => Ok((Player::start(reader, args.speed, clock)?, naming)),
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn finish(report: &Report) -> ExitCode {
    if let Some(message) = &report.no_trades {
        return refused(message);
    }
    println!("{report}");
    if report.undelivered > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn refused(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(2)
}
