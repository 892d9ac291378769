//! `replay` publishes a tape so that the feed on the other side sees every trade of it, fresh and once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says why it skips"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use pipeline::event::FeedTick;
use schemas::config::{FeedUrl, RedisMode};
use self_trader::clock::{Clock, wall_ms};
use self_trader::feed::redis::{Settings, Source, run};
use self_trader::feed::schedule::Speed;
use self_trader::feed::tape::{self, Player};
use self_trader::feed::{FeedCounters, FeedState, FeedStop, Intake, Route};
use self_trader::publish::{self, Naming, Target};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

#[path = "support/redis.rs"]
#[expect(dead_code, reason = "the faults of a server are the other test's matter")]
mod support;
use support::{PATIENCE, Redis};

fn tape_of(dir: &TempDir, trades: u64, gap_ms: u64) -> std::path::PathBuf {
    let path = dir.path().join("BTCUSDT-trades-1.csv");
    let mut rows = String::new();
    for id in 0..trades {
        let time = 1_723_161_255_000 + id * gap_ms;
        writeln!(rows, "{id},61837.{:02},0.5,1,{time},{},True", id % 100, id % 2 == 0).unwrap();
    }
    fs::write(&path, rows).unwrap();
    path
}

/// What arrived at a feed that follows the symbols while `tape` was replayed.
struct Replayed {
    report: publish::Report,
    ticks: Vec<FeedTick>,
    counters: Arc<FeedCounters>,
}

fn replay(
    redis: &Redis,
    tape: &Path,
    series: Option<&str>,
    speed: Speed,
    copies: u16,
    symbols: &[&str],
) -> Replayed {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = FeedUrl::parse(&redis.url()).unwrap();
    runtime.block_on(async {
        let (sender, mut lane) = mpsc::channel(200_000);
        let routes = symbols.iter().map(|symbol| Route {
            follow_key: format!("binance_ticker_{symbol}"),
            follow_symbol: (*symbol).to_owned(),
            poll: Duration::from_secs(1),
            lanes: vec![sender.clone()],
            holds: Vec::new(),
        });
        let counters = Arc::new(FeedCounters::default());
        let intake = Intake::new(routes.collect(), counters.clone());
        drop(sender);
        // A debug build reads slowly: what is tested here is the publisher, so nothing may lag.
        let settings = Settings { capacity: 65_536, ..Settings::default() };
        let source = Source::new(&url, RedisMode::PubSub).unwrap().with_settings(settings);
        let (state, mut states) = watch::channel(FeedState::default());
        let (stop, stopping) = watch::channel(FeedStop::Run);
        let feed = tokio::spawn(async move { run(source, intake, Clock::start(), &state, stopping).await });
        tokio::time::timeout(PATIENCE, states.wait_for(FeedState::is_live)).await.unwrap().unwrap();
        let clock = Clock::start();
        let to = Target::new(&url, &[]).unwrap().connect().await.unwrap();
        let naming = Naming { exchange: "binance".to_owned(), prefix: "ticker_".to_owned(), copies };
        let player = Player::start(tape::open(tape, series).unwrap(), speed, clock).unwrap();
        let report = publish::replay(player, naming, to, clock, Duration::MAX).await.unwrap();
        let arrived = async {
            while counters.messages.get() + counters.lagged.get() < report.messages {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.unwrap();
        stop.send_replace(FeedStop::End);
        feed.await.unwrap();
        let mut ticks = Vec::new();
        while let Some(tick) = lane.recv().await {
            ticks.push(tick);
        }
        Replayed { report, ticks, counters }
    })
}

#[test]
fn each_trade_arrives_once_fresh_and_as_recorded() {
    let Some(redis) = Redis::start(&[]) else { return };
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 300, 10);
    let before = wall_ms();
    let replayed = replay(&redis, &tape, None, Speed::Times(10), 1, &["BTCUSDT"]);
    assert_eq!((replayed.report.messages, replayed.ticks.len()), (300, 300));
    let snapshot = replayed.counters.snapshot();
    assert_eq!((snapshot.duplicates, snapshot.gaps, snapshot.lagged), (0, 0, 0));
    let recorded: Vec<_> = tape::open(&tape, None).unwrap().map(|trade| trade.unwrap().tick).collect();
    for (arrived, recorded) in replayed.ticks.iter().zip(&recorded) {
        let tick = arrived.tick;
        assert_eq!((tick.price, tick.qty, tick.side), (recorded.price, recorded.qty, recorded.side));
        assert!(
            (before..=wall_ms()).contains(&tick.time_ms.unwrap()),
            "the event time is the planned moment"
        );
    }
    let span = replayed.ticks[299].tick.time_ms.unwrap() - replayed.ticks[0].tick.time_ms.unwrap();
    assert_eq!(span, 299, "2.99 s of tape at ten times its speed");
    let value = redis.ask(&["GET", "binance_ticker_BTCUSDT"]);
    assert!(value.contains(r#""seq":300,"orig_time":"1723161257990","orig_id":"299""#), "{value}");
}

#[test]
fn a_second_run_repeats_no_id() {
    let Some(redis) = Redis::start(&[]) else { return };
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 50, 1);
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        for tick in replay(&redis, &tape, None, Speed::Max, 1, &["BTCUSDT"]).ticks {
            ids.insert(tick.tick.id.unwrap().number().unwrap());
        }
    }
    // The second run's feed is primed with the last trade of the first.
    assert_eq!(ids.len(), 100);
}

#[test]
fn copies_are_symbols_of_their_own() {
    let Some(redis) = Redis::start(&[]) else { return };
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 200, 1);
    let replayed = replay(&redis, &tape, None, Speed::Max, 3, &["BTCUSDTX001", "BTCUSDTX002", "BTCUSDTX003"]);
    assert_eq!((replayed.report.messages, replayed.ticks.len()), (600, 600));
    assert!(replayed.counters.snapshot().balances());
    assert_eq!(redis.ask(&["EXISTS", "binance_ticker_BTCUSDT"]), "0");
}

#[test]
fn the_recorded_market_passes_through_redis_whole() {
    let tape = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/derived-trades-20240808/trades_20240808.csv.gz");
    if !tape.exists() {
        println!("skipped: no recording {}", tape.display());
        return;
    }
    let Some(redis) = Redis::start(&[]) else { return };
    let series = Some("binance-spot:BTCUSDT,binance-spot:ETHUSDT");
    let replayed = replay(&redis, &tape, series, Speed::Max, 1, &["BTCUSDT", "ETHUSDT"]);
    let snapshot = replayed.counters.snapshot();
    assert_eq!((replayed.report.messages, snapshot.ticks, snapshot.duplicates), (15_863, 15_863, 0));
}

fn self_trader(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_self-trader")).args(arguments).output().unwrap()
}

#[test]
fn the_command_says_what_it_did_and_how_it_ended() {
    let Some(redis) = Redis::start(&[]) else { return };
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 100, 1);
    let tape = tape.to_str().unwrap();
    let run = |more: &[&str]| {
        let output = self_trader(&[&["replay", tape, "--to", redis.url().as_str()], more].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = run(&["--speed", "max", "--copies", "2", "--exchange", "x", "--prefix", "p_"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("replayed 200 messages in ") && out.contains("late"), "{out}");
    assert_eq!(redis.ask(&["EXISTS", "x_p_BTCUSDTX001", "x_p_BTCUSDTX002"]), "2");
    let (code, out, _) = run(&["--for", "100ms"]);
    assert_eq!(code, 0, "{out}");
    for (more, want) in [(["--series", "ETHUSDT"], "TAPE-007"), (["--series", ","], "TAPE-003")] {
        let (code, _, err) = run(&more);
        assert_eq!(code, 2);
        assert!(err.starts_with(want) && err.lines().count() == 1, "{err}");
    }
    for more in [["--speed", "0"], ["--copies", "0"], ["--for", "soon"]] {
        assert_eq!(run(&more).0, 2, "{more:?}");
    }
    assert_eq!(self_trader(&["replay", tape, "--to", "synthetic:1"]).status.code(), Some(2));
    assert_eq!(self_trader(&["replay", "/nowhere", "--to", &redis.url()]).status.code(), Some(2));
}

#[test]
fn a_server_that_is_away_is_a_failure_without_the_secret() {
    let Some(redis) = Redis::stopped(&[]) else { return };
    let dir = TempDir::new().unwrap();
    let tape = tape_of(&dir, 1, 1);
    let url = format!("redis://u:hunter2@127.0.0.1:{}", redis.port());
    let output = self_trader(&["replay", tape.to_str().unwrap(), "--to", &url]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err.contains("TAPE-020") && !err.contains("hunter2"), "{err}");
}
