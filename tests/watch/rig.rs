//! A fleet of two processes on a real Redis and the embedded venue, watched by a real Prometheus with the chart's rules.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self_trader::clock::wall_ms;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chart::Tools;
use crate::process::{RunProcess, VenueProcess, folder, instrument, until_within};
use crate::prometheus::Prometheus;
use crate::redis::{Client, Redis};

pub(crate) const SYMBOLS: [&str; 6] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LTCUSDT"];

const SHARDS: usize = 2;

/// How long it may take until Prometheus shows something, or clears it: windows, scrapes that a machine that stands
/// still misses, and what this itself raises.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Seconds where a real fleet has minutes.
const SHORT: [&str; 20] = [
    // There is none beside these pods.
    "reaper.enabled=false",
    "alerts.feedDown.for=2s",
    "alerts.feedStale.for=1s",
    "alerts.feedStale.threshold=4",
    "alerts.bookStale.for=2s",
    "alerts.bookStale.window=8s",
    "alerts.bookStale.threshold=3",
    "alerts.matchRatioLow.for=2s",
    "alerts.matchRatioLow.window=8s",
    "alerts.orphanMaker.threshold=3",
    "alerts.symbolsWithoutOwner.for=2s",
    "alerts.foreignOwnerOrders.window=8s",
    "alerts.venueRejects.for=1s",
    "alerts.venueRejects.window=8s",
    "alerts.venueRejects.threshold=0",
    "alerts.rateLimited.window=8s",
    "alerts.loopStalled.window=8s",
    "alerts.loopStalled.threshold=2",
    "alerts.podFlapping.window=30s",
    "alerts.podFlapping.threshold=1",
];

/// Processes end before their folder goes.
pub(crate) struct Rig {
    pub(crate) prometheus: Prometheus,
    pub(crate) pods: Vec<RunProcess>,
    pub(crate) venue: VenueProcess,
    market: Option<Market>,
    pub(crate) redis: Redis,
    starts: usize,
    dir: TempDir,
}

impl Rig {
    /// A fleet that trades each of its symbols; `None`, with a printed reason, where a tool is missing.
    pub(crate) fn start() -> Option<Self> {
        let tools = Tools::find()?;
        let redis = Redis::start(&[])?;
        let dir = folder();
        let listed = dir.path().join("symbols");
        let rows = SYMBOLS.iter().fold(String::new(), |mut rows, symbol| {
            writeln!(rows, "{symbol} 2 6 1000").unwrap();
            rows
        });
        std::fs::write(&listed, rows).unwrap();
        let venue =
            VenueProcess::start_with(dir.path(), &["--symbols", listed.to_str().unwrap(), "--no-switch"]);
        let market = Some(Market::open(redis.port()));
        let started: Vec<RunProcess> =
            (0..SHARDS).map(|ordinal| start_pod(&dir, &venue, &redis, ordinal, ordinal)).collect();
        started.iter().for_each(RunProcess::wait_until_ready);
        let prometheus = Prometheus::start(&tools.rules(&SHORT), &places(&started));
        let rig = Self { prometheus, pods: started, venue, market, redis, starts: SHARDS, dir };
        // It looks for pods each five seconds only: a fault before its first scrapes would be no change to it.
        rig.seen(&format!("count(count_over_time(st_start_time_seconds[1m]) > 3) == {SHARDS}"));
        rig.trades_on(&SYMBOLS);
        Some(rig)
    }

    /// Waits until each of the symbols has traded again.
    pub(crate) fn trades_on(&self, symbols: &[&str]) {
        let trades =
            |symbol: &str| self.venue.ledger("totals")["symbols"][symbol]["trades"].as_u64().unwrap_or(0);
        let before: Vec<u64> = symbols.iter().map(|symbol| trades(symbol)).collect();
        for (symbol, before) in symbols.iter().zip(before) {
            until_within(LONG, &format!("{symbol} trades"), || (trades(symbol) > before + 1).then_some(()));
        }
    }

    /// Waits until an alert fires.
    pub(crate) fn told(&self, alert: &str) {
        until_within(LONG, &format!("{alert} fires"), || self.prometheus.fires(alert).then_some(()));
    }

    /// Waits until no alert fires any more.
    pub(crate) fn all_clear(&self) {
        until_within(LONG, "no alert fires", || self.prometheus.firing().is_empty().then_some(()));
    }

    /// Waits until a query finds something.
    pub(crate) fn seen(&self, query: &str) {
        until_within(LONG, query, || (!self.prometheus.query(query).is_empty()).then_some(()));
    }

    /// Waits until a query has found something at any time since that moment: what shows for seconds only may be over
    /// when it is asked for.
    pub(crate) fn seen_since(&self, since_ms: i64, query: &str) {
        let found = || (!self.prometheus.values_since(since_ms, query).is_empty()).then_some(());
        until_within(LONG, query, found);
    }

    /// Waits until an alert has fired at any time since that moment.
    pub(crate) fn told_since(&self, since_ms: i64, alert: &str) {
        let query = format!("ALERTS{{alertname=\"SelfTrader{alert}\",alertstate=\"firing\"}}");
        self.seen_since(since_ms, &query);
    }

    /// The next start of a pod, at another address; ended by a kill if it still runs.
    pub(crate) fn restart(&mut self, ordinal: usize) {
        self.pods[ordinal].process.kill();
        self.starts += 1;
        self.pods[ordinal] = start_pod(&self.dir, &self.venue, &self.redis, ordinal, self.starts);
        self.prometheus.scrape(&places(&self.pods));
    }

    /// One message on a symbol's channel.
    pub(crate) fn publish(&self, symbol: &str, payload: &str) {
        self.redis.ask(&["PUBLISH", &channel(symbol), payload]);
    }

    /// Ends the fleet in order.
    pub(crate) fn finish(mut self) {
        drop(self.market.take());
        for pod in &mut self.pods {
            let (status, _) = pod.stop();
            assert_eq!(status.code(), Some(0), "{}", pod.process.out());
        }
        assert_eq!(self.venue.open_orders(), Vec::<Value>::new());
    }
}

fn places(pods: &[RunProcess]) -> Vec<(usize, std::net::SocketAddr)> {
    pods.iter().map(|pod| pod.admin).enumerate().collect()
}

fn start_pod(dir: &TempDir, venue: &VenueProcess, redis: &Redis, ordinal: usize, start: usize) -> RunProcess {
    let instruments = SYMBOLS.map(|symbol| {
        let mut one = instrument(venue.addr, symbol);
        one["Max Amt Per Order"] = json!(1_000_000_000_000_000_u64);
        one
    });
    let config =
        json!({ "Feed": redis.url(), "Sharding": "static", "Shards": SHARDS, "instruments": instruments });
    let shard = format!("{ordinal}/{SHARDS}");
    RunProcess::start(dir.path(), &format!("start{start}"), &config, &["--shard", &shard])
}

fn channel(symbol: &str) -> String {
    format!("binance_ticker_{symbol}")
}

/// A reference market, ten ticks a second on each symbol; publishes through its server's outages until dropped.
struct Market {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Market {
    fn open(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut client: Option<Client> = None;
            let mut number = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                client = client.or_else(|| Client::connect(port).ok());
                if client.as_mut().is_some_and(|client| !publish(client, number)) {
                    client = None;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

/// A tick on each symbol; whether the server took them all.
fn publish(client: &mut Client, number: u64) -> bool {
    let payload = tick(number);
    SYMBOLS.iter().all(|symbol| client.ask(&["PUBLISH", &channel(symbol), &payload]).is_ok())
}

impl Drop for Market {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A trade of now; the price goes up and down.
fn tick(number: u64) -> String {
    let time = wall_ms();
    let cents = number % 7;
    let side = if number.is_multiple_of(2) { "buy" } else { "sell" };
    json!({ "price": format!("1000.0{cents}"), "qty": "0.5", "side": side, "time": time, "id": format!("{time}-{number}") })
        .to_string()
}
