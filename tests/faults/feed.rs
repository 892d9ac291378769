//! What a reference market and its Redis do to the program.

use std::time::Duration;

use serde_json::{Value, json};

use crate::market::{Market, channel, trade, wall_ms};
use crate::process::{RunProcess, VenueProcess, folder, instrument, now, request, until};
use crate::redis::Redis;
use crate::stalls::Stalls;

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];
/// Trading has to be back this long after a fault ends, if the machine goes on.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// Memory that a process of two symbols may use, KiB: half of what fifty may.
const RESIDENT_KIB_MAX: u64 = 128 * 1024;

/// A venue and a run that follows a Redis; the processes end before their folder goes.
struct Rig {
    venue: VenueProcess,
    run: RunProcess,
    redis: Redis,
    _dir: tempfile::TempDir,
}

impl Rig {
    fn start(options: &[&str]) -> Option<Self> {
        let redis = Redis::start(options)?;
        let dir = folder();
        let venue = VenueProcess::start(dir.path());
        let instruments = SYMBOLS.map(|symbol| instrument(venue.addr, symbol));
        let config = json!({ "Feed": redis.url(), "instruments": instruments });
        let run = RunProcess::start(dir.path(), "run", &config, &[]);
        run.wait_until_ready();
        Some(Self { venue, run, redis, _dir: dir })
    }

    fn market(&self) -> Market {
        Market::start(self.redis.port(), "", &SYMBOLS, Duration::from_millis(20))
    }

    /// The venue's own count.
    fn trades_of(&self, symbol: &str) -> u64 {
        self.venue.ledger("totals")["symbols"][symbol]["trades"].as_u64().unwrap()
    }

    fn trades_on(&self) {
        let before = SYMBOLS.map(|symbol| self.trades_of(symbol));
        let (stalls, since, since_ms) = (Stalls::watch(), now(), self_trader::clock::wall_ms());
        for (symbol, before) in SYMBOLS.into_iter().zip(before) {
            until("it trades", || (self.trades_of(symbol) > before + 2).then_some(()));
        }
        let took = stalls.leave_out(since.elapsed(), since_ms);
        assert!(took < BACK_WITHIN, "trading came back after {took:?}");
    }

    fn publish(&self, symbol: &str, payload: &str) {
        assert_eq!(self.redis.ask(&["PUBLISH", &channel(symbol), payload]), "1");
    }

    fn feed(&self, count: &str) -> u64 {
        self.run.status()["feed"][count].as_u64().unwrap()
    }

    /// A counter without labels of the metrics page.
    fn counted(&self, metric: &str) -> u64 {
        let (_, page) = request(self.run.admin, "GET", "/metrics", "");
        let value = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.run.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn ends_clean(mut self) -> Value {
        let (status, summary) = self.run.stop();
        assert_eq!(status.code(), Some(0), "{}", self.run.process.err());
        assert_eq!((&summary["books_balance"], &summary["open_orders"]), (&json!(true), &json!(0)));
        assert!(self.venue.open_orders().is_empty());
        summary
    }
}

/// The server counts a subscriber that does not read as one too many.
/// Fault F6.
#[test]
fn a_subscriber_that_was_cut_for_reading_too_slowly_comes_back() {
    let Some(rig) = Rig::start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]) else { return };
    drop(rig.market());
    rig.run.process.signal("STOP");
    let padding = "x".repeat(60_000);
    let mut sender = rig.redis.client();
    let subscribers = || rig.redis.ask(&["PUBSUB", "NUMSUB", &channel("BTCUSDT")]);
    until("the server cuts it", || {
        let payload = format!(r#"{{"price":"1","qty":"1","time":{},"x":"{padding}"}}"#, wall_ms());
        sender.ask(&["PUBLISH", &channel("BTCUSDT"), &payload]).unwrap();
        subscribers().ends_with("\n0").then_some(())
    });
    rig.run.process.signal("CONT");
    let _market = rig.market();
    rig.trades_on();
    assert!(rig.counted("st_feed_reconnects_total") >= 1);
    rig.ends_clean();
}

/// Fault F7, F12, F21.
#[test]
fn one_trade_that_is_told_again_and_again_makes_one_pair() {
    let Some(rig) = Rig::start(&[]) else { return };
    for number in 0..3 {
        // Two publishers of one market, each of which says everything ten times.
        for _ in 0..20 {
            rig.publish("BTCUSDT", &trade("BTCUSDT", number, wall_ms()));
        }
        // Of two that wait only the newer one would trade.
        until("it has made its pair", || (rig.trades_of("BTCUSDT") == number + 1).then_some(()));
    }
    until("all are counted", || (rig.feed("messages") == 60).then_some(()));
    until("as duplicates, too", || (rig.feed("duplicates") >= 57).then_some(()));
    assert_eq!((rig.feed("duplicates"), rig.counted("st_feed_duplicates_total")), (57, 57));
    let summary = rig.ends_clean();
    assert_eq!((&summary["pairs"], &summary["ticks"]), (&json!(3), &json!(3)));
}

/// A burst is conflated: what waits is one trade a symbol, and memory stays what it was.
/// Fault F10.
/// Promise P19.
#[test]
fn a_burst_of_a_hundred_thousand_messages_costs_neither_memory_nor_a_late_order() {
    const MESSAGES: u64 = 100_000;
    let Some(rig) = Rig::start(&[]) else { return };
    let mut sender = rig.redis.client();
    for first in (0..MESSAGES).step_by(1_000) {
        let sent = wall_ms();
        let payloads: Vec<String> =
            (first..first + 1_000).map(|number| trade("BTCUSDT", number, sent)).collect();
        let key = channel("BTCUSDT");
        let commands: Vec<[&str; 3]> = payloads.iter().map(|payload| ["PUBLISH", &key, payload]).collect();
        let commands: Vec<&[&str]> = commands.iter().map(<[&str; 3]>::as_slice).collect();
        sender.send(&commands).unwrap();
        commands.iter().for_each(|_| drop(sender.answer().unwrap()));
    }
    until("all are accounted for", || (rig.feed("messages") + rig.feed("lagged") == MESSAGES).then_some(()));
    let (lagged, resident) = (rig.feed("lagged"), rig.resident_kib());
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB");
    let trades = rig.trades_of("BTCUSDT");
    assert!(trades * 4 < MESSAGES, "{trades} trades: nothing was conflated");
    let _market = rig.market();
    until("the other symbol trades", || (rig.trades_of("ETHUSDT") > 2).then_some(()));
    let summary = rig.ends_clean();
    let left_out = ["conflated", "overflow"].map(|count| summary[count].as_u64().unwrap());
    // What the feed has lost already cannot be left out any more.
    assert!(left_out.iter().sum::<u64>() > (MESSAGES - lagged) / 2, "{lagged} lagged: {summary}");
}

/// Fault F11.
/// Promise P4, P18.
#[test]
fn a_symbol_whose_market_falls_silent_stands_still_alone() {
    let Some(rig) = Rig::start(&[]) else { return };
    let both = rig.market();
    rig.trades_on();
    drop(both);
    let one = Market::start(rig.redis.port(), "", &SYMBOLS[..1], Duration::from_millis(20));
    // What waited when the market fell silent still trades, and need not be as quick as the other.
    let silent = until("the last of both is done", || {
        let (silent, busy) = (rig.trades_of("ETHUSDT"), rig.trades_of("BTCUSDT"));
        until("the other goes on", || (rig.trades_of("BTCUSDT") > busy + 10).then_some(()));
        (rig.trades_of("ETHUSDT") == silent).then_some(silent)
    });
    let busy = rig.trades_of("BTCUSDT");
    until("the other goes on", || (rig.trades_of("BTCUSDT") > busy + 40).then_some(()));
    assert_eq!(rig.trades_of("ETHUSDT"), silent);
    drop(one);
    rig.ends_clean();
}

/// What was shuffled on its way is not traded after what came later, and is counted.
/// Fault F8, F9.
#[test]
fn trades_out_of_order_and_gaps_are_counted() {
    let Some(rig) = Rig::start(&[]) else { return };
    for (done, (number, traded)) in (1..).zip([(10, 1), (12, 2), (11, 2), (20, 3), (13, 3), (9, 3)]) {
        rig.publish("BTCUSDT", &trade("BTCUSDT", number, wall_ms()));
        until("it is counted", || (rig.feed("messages") == done).then_some(()));
        // Of two that wait only the newer one would trade.
        until("what is new has traded", || (rig.trades_of("BTCUSDT") == traded).then_some(()));
    }
    let out_of_order = || rig.counted("st_feed_rejected_total{reason=\"out_of_order\"}");
    until("the last one is refused", || (out_of_order() >= 3).then_some(()));
    assert_eq!((rig.counted("st_feed_gaps_total"), out_of_order()), (2, 3));
    let summary = rig.ends_clean();
    assert_eq!((&summary["pairs"], &summary["rejected"]), (&json!(3), &json!(3)));
}
