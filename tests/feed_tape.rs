//! Tapes of every shape, played at their pace.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says why it skips"
)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use pipeline::event::FeedTick;
use schemas::config::FeedUrl;
use schemas::order::Side;
use schemas::units::Decimal;
use self_trader::clock::Clock;
use self_trader::feed::schedule::Speed;
use self_trader::feed::tape::{self, Player, TapeError, TapeTrade};
use self_trader::feed::{self, FeedCounters, FeedEnd, FeedState, FeedStop, Intake, Route};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const PATIENCE: Duration = Duration::from_secs(20);

const SPOT_TRADES: &str = "3735683259,61837.63000000,0.02000000,1236.75,1723161255342,True,True\n\
                           3735683260,61837.64000000,0.04800000,2968.2,1723161255617,False,True\n";
const SPOT_AGG_MICROS: &str =
    "3100000001,65000.10000000,0.00150000,4200000001,4200000002,1790000000155123,False,True\n";
const USDM_TRADES: &str = "id,price,qty,quote_qty,time,is_buyer_maker\n\
                           5266583935,61800.30,0.006,370.8,1723161256322,false\n";
const USDM_AGG: &str = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
                        2200000001,65000.1,0.002,5500000001,5500000001,1790000000331,true\n";

fn write(dir: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.path().join(name);
    File::create(&path).unwrap().write_all(bytes.as_ref()).unwrap();
    path
}

fn trades(path: &Path, series: Option<&str>) -> Vec<TapeTrade> {
    tape::open(path, series).unwrap().map(|trade| trade.unwrap()).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn each_dump_is_told_by_its_columns() {
    let dir = TempDir::new().unwrap();
    let rows = [
        ("BTCUSDT-trades-2024-08-08.csv", SPOT_TRADES, "binance-spot", 1_723_161_255_342, Side::Sell),
        ("BTCUSDT-aggTrades-2026-09-21.csv", SPOT_AGG_MICROS, "binance-spot", 1_790_000_000_155, Side::Buy),
        ("BTCUSDT-trades-2024-08.csv", USDM_TRADES, "binance-usdm", 1_723_161_256_322, Side::Buy),
        ("BTCUSDT-aggTrades-2026-09.csv", USDM_AGG, "binance-usdm", 1_790_000_000_331, Side::Sell),
    ];
    for (name, text, venue, time_ms, side) in rows {
        let path = write(&dir, name, text);
        let first = trades(&path, None).remove(0);
        assert_eq!((&*first.venue, &*first.symbol), (venue, "BTCUSDT"), "{name}");
        assert_eq!((first.tick.time_ms, first.tick.side), (Some(time_ms), Some(side)), "{name}");
        assert_eq!(first.at_ns / 1_000_000, time_ms, "{name}");
    }
    let headless = USDM_AGG.split_once('\n').unwrap().1;
    let path = write(&dir, "ETHUSDT-aggTrades-2021-01.csv", headless);
    assert_eq!(&*trades(&path, None)[0].symbol, "ETHUSDT");
    let micros = trades(&write(&dir, "X-aggTrades-1.csv", SPOT_AGG_MICROS), None).remove(0);
    assert_eq!(micros.at_ns, 1_790_000_000_155_123_000, "microseconds pace, milliseconds are the event time");
    assert_eq!(micros.tick.price, Some(Decimal::new(650_001, 1)));
}

#[test]
fn packed_or_plain_is_the_same_tape() {
    let dir = TempDir::new().unwrap();
    let plain = trades(&write(&dir, "BTCUSDT-trades-2024-08-08.csv", SPOT_TRADES), None);
    assert_eq!(plain.len(), 2);
    let packed = write(&dir, "BTCUSDT-trades-2024-08-08.csv.gz", gzip(SPOT_TRADES));
    assert_eq!(trades(&packed, None), plain);
    let archive = write(&dir, "anything.zip", zipped(&[("BTCUSDT-trades-2024-08-08.csv", SPOT_TRADES)]));
    assert_eq!(trades(&archive, None), plain, "the symbol is in the name of the file inside");
    let windows = write(&dir, "BTCUSDT-trades-w.csv", SPOT_TRADES.replace('\n', "\r\n"));
    assert_eq!(trades(&windows, None), plain);
}

#[test]
fn a_damaged_archive_does_not_pass_for_whole() {
    let dir = TempDir::new().unwrap();
    let rows: String = (0..5_000).map(|id| format!("{id},1.5,{id}.25,1,1723161255342,True,True\n")).collect();
    let mut bytes = zipped(&[("BTCUSDT-trades-1.csv", &rows)]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let errors = match tape::open(&write(&dir, "a.zip", bytes), None) {
        Ok(reader) => reader.filter(Result::is_err).count(),
        Err(_) => 1,
    };
    assert!(errors > 0);
    let mut cut = gzip(&rows);
    cut.truncate(cut.len() / 2);
    let reader = tape::open(&write(&dir, "BTCUSDT-trades-1.csv.gz", cut), None).unwrap();
    assert!(reader.filter_map(Result::err).any(|error| error.what.contains("cannot be read on")));
}

#[test]
fn bad_lines_are_named_and_passed_over() {
    let dir = TempDir::new().unwrap();
    let text = "1,10.5,1,10.5,1723161255342,True,True\n\
                2,ten,1,10.5,1723161255342,True,True\n\
                3,10.5,0,10.5,1723161255342,True,True\n\
                4,10.5,1,10.5,1723161255342,maybe,True\n\
                5,10.5,1\n\
                \n\
                six,10.5,1,10.5,1723161255342,True,True\n\
                7,10.5,1,10.5,later,True,True\n\
                8,10.5,1,10.5,1723161255342,false,true\n";
    let path = write(&dir, "BTCUSDT-trades-1.csv", text);
    let (good, bad): (Vec<_>, Vec<_>) = tape::open(&path, None).unwrap().partition(Result::is_ok);
    let good: Vec<String> =
        good.into_iter().map(|trade| trade.unwrap().tick.id.unwrap().as_str().to_owned()).collect();
    assert_eq!(good, ["1", "8"]);
    let bad: Vec<String> = bad.into_iter().map(|error| error.unwrap_err().to_string()).collect();
    let want = [
        "TAPE-010 line 2: field \"price\": not a decimal number (got \"ten\")",
        "TAPE-010 line 3: field \"qty\": not above zero (got \"0\")",
        "TAPE-010 line 4: field \"is_buyer_maker\": neither true nor false (got \"maybe\")",
        "TAPE-010 line 5: 3 fields (want 7)",
        "TAPE-010 line 7: no trade id",
        "TAPE-010 line 8: field \"time\": no whole number (got \"later\")",
    ];
    assert_eq!(bad, want);
}

#[test]
fn what_is_no_tape_is_refused_with_one_line() {
    let dir = TempDir::new().unwrap();
    let codes = |name: &str, bytes: &[u8], series: Option<&str>| {
        let error = tape::open(&write(&dir, name, bytes), series).err().unwrap().to_string();
        assert!(!error.contains('\n'), "{error}");
        error[..8].to_owned()
    };
    let missing = tape::open(&dir.path().join("none"), None).err().unwrap();
    assert!(missing.to_string().starts_with("TAPE-001"), "{missing}");
    assert_eq!(codes("a.csv", b"", None), "TAPE-002");
    assert_eq!(codes("a.csv", b"hello\n", None), "TAPE-002");
    assert_eq!(codes("a.csv", b"\x00\x01\x02", None), "TAPE-002");
    assert_eq!(codes("a.csv", SPOT_TRADES.as_bytes(), Some("a,,b")), "TAPE-003");
    assert_eq!(codes("a.csv", SPOT_TRADES.as_bytes(), None), "TAPE-004");
    assert_eq!(codes("a.zip", &zipped(&[("a", "1"), ("b", "2")]), None), "TAPE-006");
    let named = write(&dir, "b.csv", SPOT_TRADES);
    assert_eq!(&*trades(&named, Some("spot:BTCUSDT"))[0].symbol, "BTCUSDT");
}

#[test]
fn one_symbol_of_two_venues_wants_a_choice() {
    let dir = TempDir::new().unwrap();
    let text = "recv_ns,venue,symbol,event_ms,trade_ms,trade_id,price,qty,buyer_is_maker,exec_type\n\
                1000,binance-spot,BTCUSDT,1723161255343,1723161255342,1,61837.63,0.02,true,\n\
                1500,binance-spot,ETHUSDT,1723161255343,1723161255342,7,2683.8,0.02,true,\n\
                2000,binance-usdm,BTCUSDT,1723161256322,1723161256321,2,61800.3,0.006,false,MARKET\n";
    let path = write(&dir, "derived.csv", text);
    let error = tape::open(&path, None).err().unwrap();
    assert!(matches!(&error, TapeError::SeveralVenues { symbol, .. } if symbol == "BTCUSDT"), "{error}");
    assert_eq!(trades(&path, Some("ETHUSDT")).len(), 1);
    assert_eq!(trades(&path, Some("binance-spot:BTCUSDT,ETHUSDT")).len(), 2);
    let usdm = trades(&path, Some("usdm:BTCUSDT"));
    assert_eq!((usdm.len(), usdm[0].at_ns, usdm[0].tick.side), (1, 2_000, Some(Side::Buy)));
    let mut reader = tape::open(&path, Some("SOLUSDT")).unwrap();
    assert!(reader.next().is_none());
    let error = reader.no_trades().to_string();
    assert!(error.starts_with("TAPE-007") && error.contains("binance-usdm:BTCUSDT"), "{error}");
}

/// A recording of the shared pile, or `None` with a printed reason.
fn recording(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no recording {name}");
    None
}

#[test]
fn recordings_give_every_trade_that_their_provenance_counts() {
    let rows: [(&str, &str, usize); 14] = [
        ("derived-trades-20240808/trades_20240808.csv.gz", "binance-spot:BTCUSDT", 9_757),
        ("derived-trades-20240808/trades_20240808.csv.gz", "spot:BTCUSDT,spot:ETHUSDT", 9_757 + 6_106),
        ("derived-trades-20240808/trades_20240808.csv.gz", "binance-usdm:ETHUSDT", 14_076),
        ("hftb-spot-20240808/btcusdt_20240808.gz", "binance-spot:BTCUSDT", 9_757),
        ("hftb-spot-20240808/ethusdt_20240808.gz", "ETHUSDT", 6_106),
        ("hftb-usdm-20240808/btcusdt_20240808.gz", "binance-usdm:BTCUSDT", 21_313),
        ("hftb-usdm-20240808/ethusdt_20240808.gz", "usdm:ETHUSDT", 14_076),
        ("cf-binance-spot-20210404/BINANCE-ee25be.0.gz", "BTCUSDT", 1_227),
        ("cf-binance-spot-20210404/BINANCE-ee25be.0.gz", "DOTUSDT", 177),
        ("cf-binance-spot-20210404/BINANCE-ee25be.0.gz", "ETHUSDT", 506),
        ("cf-okx-20220513/OKX.ws.1.0.gz", "okx:BTC-USDT", 69),
        ("cf-okx-20220513/OKX.ws.1.0.gz", "BTC-USD-220527", 4),
        ("cf-okx-20220513/OKX.ws.1.0.gz", "UNI-USD-SWAP", 1),
        ("ccapi-gemini-ethusd-20210701/gemini__eth-usd__2021-07-01__trade.csv.gz", "gemini:ETHUSD", 25_222),
    ];
    for (name, series, count) in rows {
        let Some(path) = recording(name) else { return };
        assert_eq!(trades(&path, Some(series)).len(), count, "{name} {series}");
    }
}

#[test]
fn the_derived_tape_says_what_the_raw_lines_say() {
    let Some(derived) = recording("derived-trades-20240808/trades_20240808.csv.gz") else { return };
    let Some(raw) = recording("hftb-usdm-20240808/btcusdt_20240808.gz") else { return };
    assert_eq!(trades(&derived, Some("binance-usdm:BTCUSDT")), trades(&raw, None));
}

/// Ten trades, 100 ms apart.
fn ten_trades(dir: &TempDir) -> PathBuf {
    let rows: String =
        (0..10).map(|id| format!("{id},10.5,1,1,{},True,True\n", 1_723_161_255_000_u64 + id * 100)).collect();
    write(dir, "BTCUSDT-trades-1.csv", rows)
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") })
}

#[test]
fn the_pace_is_the_tapes_times_the_speed() {
    let dir = TempDir::new().unwrap();
    let path = ten_trades(&dir);
    let clock = Clock::start();
    block_on(async {
        let mut player = Player::start(tape::open(&path, None).unwrap(), Speed::Times(10), clock).unwrap();
        let mut planned = Vec::new();
        while let Some(played) = player.next().await {
            assert!(clock.now().mono >= played.planned.mono, "never before its moment");
            planned.push(played.planned);
        }
        let gaps: Vec<Duration> = planned.windows(2).map(|pair| pair[1].mono.since(pair[0].mono)).collect();
        assert_eq!(gaps, vec![Duration::from_millis(10); 9], "exactly, whatever each wake was late by");
        assert_eq!(planned[9].wall_ms - planned[0].wall_ms, 90);
        assert_eq!((player.totals().trades(), player.totals().bad_lines()), (10, 0));
    });
}

fn route(capacity: usize) -> (Route, mpsc::Receiver<FeedTick>) {
    let (sender, lane) = mpsc::channel(capacity);
    let route = Route {
        follow_key: "binance_ticker_BTCUSDT".to_owned(),
        follow_symbol: "BTCUSDT".to_owned(),
        poll: Duration::from_secs(1),
        lanes: vec![sender],
        holds: Vec::new(),
    };
    (route, lane)
}

#[test]
fn as_fast_as_possible_waits_for_the_lane_and_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let rows: String = (0..5_000).map(|id| format!("{id},10.5,1,1,1723161255342,True,True\n")).collect();
    let path = write(&dir, "BTCUSDT-trades-1.csv", rows);
    let url = FeedUrl::parse(&format!("tape:{}?speed=max", path.display())).unwrap();
    block_on(async {
        let (route, mut lane) = route(4);
        let counters = Arc::new(FeedCounters::default());
        let intake = Intake::new(vec![route], counters.clone());
        let (state, states) = watch::channel(FeedState::default());
        let (_stop, stopping) = watch::channel(FeedStop::Run);
        let feed =
            tokio::spawn(async move { feed::run(url.into(), intake, Clock::start(), state, stopping).await });
        let mut ids = Vec::new();
        while let Some(arrived) = lane.recv().await {
            ids.push(arrived.tick.id.unwrap().number().unwrap());
            assert!((arrived.received.wall_ms - arrived.tick.time_ms.unwrap()).abs() < 60_000, "re-stamped");
        }
        assert_eq!(ids, (0..5_000).collect::<Vec<u64>>());
        assert_eq!(feed.await.unwrap().unwrap(), FeedEnd::Exhausted);
        assert_eq!((counters.snapshot().ticks, counters.snapshot().overflow), (5_000, 0));
        assert_eq!(*states.borrow(), FeedState::Ended);
    });
}

#[test]
fn a_stop_ends_a_tape_that_waits() {
    let dir = TempDir::new().unwrap();
    let rows = "1,10.5,1,1,1723161255342,True,True\n2,10.5,1,1,1723161999999,True,True\n";
    let path = write(&dir, "BTCUSDT-trades-1.csv", rows);
    let url = FeedUrl::parse(&format!("tape:{}", path.display())).unwrap();
    block_on(async {
        let (route, mut lane) = route(4);
        let intake = Intake::new(vec![route], Arc::default());
        let (state, _states) = watch::channel(FeedState::default());
        let (stop, stopping) = watch::channel(FeedStop::Run);
        let feed =
            tokio::spawn(async move { feed::run(url.into(), intake, Clock::start(), state, stopping).await });
        assert!(lane.recv().await.is_some());
        stop.send_replace(FeedStop::End);
        assert_eq!(feed.await.unwrap().unwrap(), FeedEnd::Stopped);
        assert!(lane.recv().await.is_none(), "the lane's input has ended");
    });
}

#[test]
fn a_tape_without_the_series_is_an_error() {
    let dir = TempDir::new().unwrap();
    let path = ten_trades(&dir);
    let fails = |url: &str| {
        let url = FeedUrl::parse(url).unwrap();
        block_on(async {
            let intake = Intake::new(vec![route(4).0], Arc::default());
            let (state, _states) = watch::channel(FeedState::default());
            let (_stop, stopping) = watch::channel(FeedStop::Run);
            feed::run(url.into(), intake, Clock::start(), state, stopping).await.unwrap_err().to_string()
        })
    };
    assert!(fails(&format!("tape:{}?series=ETHUSDT", path.display())).starts_with("TAPE-007"));
    assert!(fails(&format!("tape:{}/none", dir.path().display())).starts_with("TAPE-001"));
}

#[test]
fn two_processes_see_the_same_synthetic_market() {
    block_on(async {
        let mut seen = Vec::new();
        let (stop, stopping) = watch::channel(FeedStop::Run);
        for _ in 0..2 {
            let (route, mut lane) = route(1_024);
            let intake = Intake::new(vec![route], Arc::default());
            let (state, _states) = watch::channel(FeedState::default());
            let stopping = stopping.clone();
            let url = FeedUrl::parse("synthetic:42").unwrap();
            tokio::spawn(async move { feed::run(url.into(), intake, Clock::start(), state, stopping).await });
            seen.push(async move {
                let mut ticks = Vec::new();
                while ticks.len() < 12 {
                    let arrived = lane.recv().await.unwrap();
                    assert!(
                        arrived.received.wall_ms >= arrived.tick.time_ms.unwrap(),
                        "never before its time"
                    );
                    ticks.push(arrived.tick);
                }
                ticks
            });
        }
        let second = seen.pop().unwrap();
        let first = seen.pop().unwrap();
        let (first, second) = tokio::join!(first, second);
        let from = first[0].id.unwrap().number().max(second[0].id.unwrap().number());
        let to = first[11].id.unwrap().number().min(second[11].id.unwrap().number());
        let common = |ticks: Vec<schemas::tick::Tick>| -> Vec<_> {
            ticks.into_iter().filter(|tick| (from..=to).contains(&tick.id.unwrap().number())).collect()
        };
        let (first, second) = (common(first), common(second));
        assert!(first.len() > 5 && first == second, "{first:?} {second:?}");
        stop.send_replace(FeedStop::End);
    });
}
