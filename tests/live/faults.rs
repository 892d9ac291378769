//! Each fault switched on and off while trading: nothing trades on a stale book, trading comes back, books balance.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{
    PATIENCE, RunProcess, Standstill, VenueProcess, folder, instrument, now, until, until_within,
};

/// Trading has to be back this long after a fault ends, beside the time that the machine itself stood still.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// The whole stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// The processes end before their folder goes.
struct Rig {
    venue: VenueProcess,
    run: RunProcess,
    _dir: tempfile::TempDir,
}

fn trading() -> Rig {
    trading_at(&[])
}

/// On a venue with these arguments.
fn trading_at(more: &[&str]) -> Rig {
    let dir = folder();
    let venue = VenueProcess::start_with(dir.path(), more);
    let instruments = SYMBOLS.map(|symbol| instrument(venue.addr, symbol));
    let config = json!({ "Feed": "synthetic:21", "instruments": instruments });
    let run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let rig = Rig { venue, run, _dir: dir };
    for symbol in SYMBOLS {
        until("it trades", || (rig.trades_of(symbol) > 1).then_some(()));
    }
    rig
}

impl Rig {
    /// Switches a fault on, waits until `seen`, switches it off, and sees trading come back on each symbol that
    /// it touched.
    fn during(&self, fault: &Value, seen: impl FnMut() -> Option<()>) {
        self.venue.fault(fault);
        until("the fault shows", seen);
        self.end(fault);
    }

    fn end(&self, fault: &Value) {
        let mut off = fault.clone();
        off["on"] = json!(false);
        self.venue.fault(&off);
        let touched: Vec<&str> = fault["symbol"].as_str().map_or(SYMBOLS.to_vec(), |symbol| vec![symbol]);
        let (stood, ended) = (Standstill::watch_at(self.venue.addr), now());
        let before: Vec<u64> = touched.iter().map(|symbol| self.trades_of(symbol)).collect();
        for (symbol, before) in touched.iter().zip(before) {
            let again = || (self.trades_of(symbol) > before + 2).then_some(());
            until_within(PATIENCE * 2, &format!("{symbol} trades again"), again);
        }
        let (took, lost) = (ended.elapsed(), stood.lost());
        assert!(took < BACK_WITHIN + lost, "trading came back after {took:?}, {lost:?} of them lost");
    }

    /// The venue's own count.
    fn trades_of(&self, symbol: &str) -> u64 {
        self.venue.ledger("totals")["symbols"][symbol]["trades"].as_u64().unwrap()
    }

    /// A trade that no stream tells does not confirm the book: only one question a second does, or finds it
    /// wrong.
    fn grows_old(&self, symbol: &str) {
        let mut known = self.trades_of(symbol);
        until("a trade leaves the book old, or it is gone", || {
            let before = std::mem::replace(&mut known, self.trades_of(symbol));
            let traded = known > before;
            let age = self.instrument(symbol)["book"]["age_ms"].as_u64();
            age.is_none_or(|age| traded && age > 300).then_some(())
        });
    }

    fn instrument(&self, symbol: &str) -> Value {
        let status = self.run.status();
        let instruments = status["instruments"].as_array().unwrap();
        instruments.iter().find(|one| one["maker_symbol"] == symbol).unwrap().clone()
    }

    /// A counter without labels of the metrics page.
    fn counted(&self, metric: &str) -> u64 {
        let (_, page) = crate::process::request(self.run.admin, "GET", "/metrics", "");
        let value = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    fn skipped(&self, symbol: &str, reason: &str) -> u64 {
        self.instrument(symbol)["skips"][reason].as_u64().unwrap_or(0)
    }

    fn ends_clean(mut self) -> Value {
        let (status, summary) = self.run.stop();
        assert_eq!(status.code(), Some(0), "{}", self.run.process.err());
        assert_eq!(summary["books_balance"], true);
        assert_eq!(summary["open_orders"], 0);
        assert!(self.venue.open_orders().is_empty());
        summary
    }
}

/// For a while that is long against a tick and an answer.
fn a_while(rig: &Rig) -> impl FnMut() -> Option<()> {
    let messages = rig.run.status()["feed"]["messages"].as_u64().unwrap();
    let admin = rig.run.admin;
    move || {
        let status = crate::process::get_json(admin, "/status");
        (status["feed"]["messages"].as_u64().unwrap() > messages + 40).then_some(())
    }
}

/// Fault B7.
/// Promise P4, P18.
#[test]
fn a_stopped_book_is_not_traded_on() {
    let rig = trading();
    let frozen = json!({ "fault": "stop_book", "symbol": "BTCUSDT" });
    let others = rig.trades_of("ETHUSDT");
    rig.during(&frozen, || {
        // The other symbol is not touched: it goes on.
        let skips = rig.skipped("BTCUSDT", "stale_book") > 3;
        (skips && rig.trades_of("ETHUSDT") > others + 3).then_some(())
    });
    rig.ends_clean();
}

#[test]
fn a_stopped_book_stays_untraded_for_as_long_as_it_lasts() {
    let rig = trading();
    let frozen = json!({ "fault": "stop_book" });
    rig.during(&frozen, || {
        let stale = |symbol: &str| rig.skipped(symbol, "stale_book");
        // One skip is too little: a machine that stood still may have made the book old before.
        for symbol in SYMBOLS {
            until("it is traded no more", || {
                let (trades, skipped) = (rig.trades_of(symbol), stale(symbol));
                until("ticks skip", || (stale(symbol) > skipped + 5).then_some(()));
                (rig.trades_of(symbol) == trades).then_some(())
            });
        }
        let before = SYMBOLS.map(|symbol| (rig.trades_of(symbol), stale(symbol)));
        for (symbol, (trades, skipped)) in SYMBOLS.into_iter().zip(before) {
            until("more is skipped", || (stale(symbol) > skipped + 5).then_some(()));
            assert_eq!(rig.trades_of(symbol), trades, "{symbol} traded on a stale book");
        }
        Some(())
    });
    rig.ends_clean();
}

#[test]
fn a_book_that_no_stream_confirms_grows_old_between_questions() {
    let rig = trading();
    let ticker = json!({ "fault": "mute_stream", "stream": "bookTicker" });
    let broken = || rig.counted("st_book_gaps_total") + rig.counted("st_book_mismatches_total");
    let before = broken();
    rig.venue.fault(&ticker);
    rig.during(&json!({ "fault": "mute_stream", "stream": "depth" }), || {
        SYMBOLS.iter().for_each(|symbol| rig.grows_old(symbol));
        rig.venue.fault(&json!({ "fault": "mute_stream", "stream": "bookTicker", "on": false }));
        Some(())
    });
    until("what was missed shows", || (broken() > before).then_some(()));
    rig.ends_clean();
}

/// Fault B4, B10.
/// Promise P23.
#[test]
fn muted_market_streams_come_back() {
    let rig = trading();
    // Either stream alone confirms a book, so only that trading goes on can be seen.
    for stream in ["bookTicker", "depth"] {
        rig.during(&json!({ "fault": "mute_stream", "stream": stream }), a_while(&rig));
    }
    rig.during(&json!({ "fault": "mute_stream" }), || {
        SYMBOLS.iter().for_each(|symbol| rig.grows_old(symbol));
        Some(())
    });
    rig.ends_clean();
}

/// Fault O15, O16.
#[test]
fn a_fill_that_no_event_tells_is_asked_for() {
    let rig = trading();
    let resolved =
        |symbol: &str| rig.instrument(symbol)["outcomes"]["unknown_resolved"].as_u64().unwrap_or(0);
    let before = SYMBOLS.map(resolved);
    // A question tells how much of the maker traded, not with whom.
    rig.during(&json!({ "fault": "mute_stream", "stream": "user" }), || {
        SYMBOLS.iter().zip(before).all(|(symbol, before)| resolved(symbol) > before).then_some(())
    });
    rig.ends_clean();
}

/// Fault O13, O14.
#[test]
fn refused_cancels_are_tried_until_they_go_through() {
    // Its switch would close the maker.
    let rig = trading_at(&["--no-switch"]);
    // Without answers and events a maker that rests has to be cancelled: and that is refused.
    let blind = [json!({ "fault": "mute_stream", "stream": "user" }), json!({ "fault": "lose_answers" })];
    rig.venue.fault(&json!({ "fault": "refuse_cancels" }));
    rig.venue.fault(&json!(blind));
    let id = |order: &Value| order["clientOrderId"].as_str().unwrap().to_owned();
    let open = id(&rig.venue.resting(|_| true));
    let refused = rig.venue.ledger("totals")["cancels"].as_u64().unwrap();
    let began = now();
    until("it still rests after the prototype's three tries", || {
        assert!(rig.venue.open_orders().iter().any(|order| id(order) == open));
        (began.elapsed() > Duration::from_millis(2_500)).then_some(())
    });
    assert_eq!(rig.venue.ledger("totals")["cancels"].as_u64().unwrap(), refused);
    for mut fault in blind {
        fault["on"] = json!(false);
        rig.venue.fault(&fault);
    }
    until("refused cancels are counted", || {
        let (_, page) = crate::process::request(rig.run.admin, "GET", "/metrics", "");
        let count = page.lines().find_map(|line| line.strip_prefix("st_cancels_refused_total "));
        (count.unwrap() != "0").then_some(())
    });
    rig.venue.fault(&json!({ "fault": "refuse_cancels", "on": false }));
    until("the maker is cancelled", || {
        rig.venue.open_orders().iter().all(|order| id(order) != open).then_some(())
    });
    let before = rig.venue.trades();
    until("it trades again", || (rig.venue.trades() > before + 2).then_some(()));
    rig.ends_clean();
}

/// Fault O3.
#[test]
fn late_answers_change_nothing_but_the_time() {
    let rig = trading();
    rig.during(&json!({ "fault": "delay_answers", "ms": 300 }), a_while(&rig));
    rig.during(&json!({ "fault": "delay_answers", "ms": 3_000 }), a_while(&rig));
    rig.ends_clean();
}

/// Fault O2.
#[test]
fn lost_answers_are_resolved_by_evidence() {
    let rig = trading();
    rig.during(&json!({ "fault": "lose_answers" }), a_while(&rig));
    let summary = rig.ends_clean();
    assert!(PATIENCE.as_millis() as u64 > summary["oldest_open_maker_ms"].as_u64().unwrap());
}

#[test]
fn a_hung_venue_does_not_hold_up_the_stop() {
    let mut rig = trading();
    rig.venue.signal("STOP");
    // Orders that were on their way stay there: the next ticks find their pairs unfinished.
    let pairs = || SYMBOLS.map(|symbol| rig.instrument(symbol)["pairs"].as_u64().unwrap());
    let mut seen = pairs();
    until("nothing ends any more", || {
        let before = std::mem::replace(&mut seen, pairs());
        let messages = rig.run.status()["feed"]["messages"].as_u64().unwrap();
        until("ticks come", || {
            (rig.run.status()["feed"]["messages"].as_u64().unwrap() > messages + 5).then_some(())
        });
        (before == seen).then_some(())
    });
    let (stood, began) = (Standstill::watch(), now());
    let (status, summary) = rig.run.stop();
    let (took, lost) = (began.elapsed(), stood.lost());
    assert!(took < STOP_WITHIN + lost, "{took:?}, {lost:?} of them lost");
    rig.venue.signal("CONT");
    assert_eq!(status.code(), Some(3), "{summary}");
    assert!(summary["open_orders"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(summary["books_balance"], true);
}
