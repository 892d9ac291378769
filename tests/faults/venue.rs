//! What a venue does while we run: other filters, a reset, a storm of connections.

use serde_json::{Value, json};

use crate::process::{RunProcess, VenueProcess, folder, instrument, request, until};

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

struct Rig {
    venue: VenueProcess,
    run: RunProcess,
    dir: tempfile::TempDir,
}

impl Rig {
    fn trading() -> Self {
        let dir = folder();
        let venue = VenueProcess::start(dir.path());
        let instruments = SYMBOLS.map(|symbol| instrument(venue.addr, symbol));
        let config = json!({ "Feed": "synthetic:17", "instruments": instruments });
        let run = RunProcess::start(dir.path(), "run", &config, &[]);
        run.wait_until_ready();
        let rig = Self { venue, run, dir };
        SYMBOLS.iter().for_each(|symbol| rig.trades_on(symbol));
        rig
    }

    /// The venue's own count.
    fn trades_of(&self, symbol: &str) -> u64 {
        self.venue.ledger("totals")["symbols"][symbol]["trades"].as_u64().unwrap()
    }

    fn trades_on(&self, symbol: &str) {
        let before = self.trades_of(symbol);
        // A reset may come in between, and counts begin anew.
        until("it trades", || {
            let trades = self.trades_of(symbol);
            (trades > before + 2 || trades < before).then_some(())
        });
    }

    fn instrument(&self, symbol: &str) -> Value {
        let status = self.run.status();
        let instruments = status["instruments"].as_array().unwrap();
        instruments.iter().find(|one| one["maker_symbol"] == symbol).unwrap().clone()
    }

    /// A counter without labels of the metrics page.
    fn counted(&self, metric: &str) -> u64 {
        let (_, page) = request(self.run.admin, "GET", "/metrics", "");
        let value = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    fn ends_clean(mut self) {
        let (status, summary) = self.run.stop();
        assert_eq!(status.code(), Some(0), "{}", self.run.process.err());
        assert_eq!((&summary["books_balance"], &summary["open_orders"]), (&json!(true), &json!(0)));
        assert!(self.venue.open_orders().is_empty());
    }
}

/// Fault B13.
/// Promise P18, P26.
#[test]
fn filters_that_change_are_read_again_and_stop_their_symbol_until_it_fits() {
    let rig = Rig::trading();
    let change =
        json!({ "fault": "change_filters", "symbol": "BTCUSDT", "tick_size": "0.5", "announce_ms": 0 });
    rig.venue.fault(&change);
    until("the symbol stops", || {
        (rig.instrument("BTCUSDT")["skips"]["halted"].as_u64() > Some(2)).then_some(())
    });
    assert!(rig.counted("st_filter_reloads_total") >= 1);
    // The log has a thread of its own.
    let told =
        || rig.run.process.out().contains("no order leaves until the venue allows it: CFG-009 BTCUSDT");
    until("it is told", || told().then_some(()));
    let stood = rig.trades_of("BTCUSDT");
    rig.trades_on("ETHUSDT");
    assert_eq!(rig.trades_of("BTCUSDT"), stood);
    let mut off = change;
    off["on"] = json!(false);
    rig.venue.fault(&off);
    rig.trades_on("BTCUSDT");
    rig.ends_clean();
}

/// Fault O27.
/// Promise P18.
#[test]
fn a_symbol_that_the_venue_halts_stands_still_alone_until_it_is_open_again() {
    let rig = Rig::trading();
    rig.venue.fault(&json!({ "fault": "halt", "symbol": "BTCUSDT", "status": "BREAK" }));
    until("the symbol stops", || {
        (rig.instrument("BTCUSDT")["skips"]["halted"].as_u64() > Some(2)).then_some(())
    });
    rig.trades_on("ETHUSDT");
    rig.venue.fault(&json!({ "fault": "halt", "symbol": "BTCUSDT", "on": false }));
    rig.trades_on("BTCUSDT");
    rig.ends_clean();
}

/// Fault O26.
/// Promise P23, P26.
#[test]
fn after_the_venues_reset_it_trades_again_by_itself() {
    let rig = Rig::trading();
    rig.venue.fault(&json!({ "fault": "reset_venue" }));
    for symbol in SYMBOLS {
        until("the count begins anew", || (rig.trades_of(symbol) > 2).then_some(()));
        rig.trades_on(symbol);
    }
    rig.ends_clean();
}

/// Fault B11.
/// Promise P23.
#[test]
fn while_a_venue_refuses_connections_few_are_tried() {
    let rig = Rig::trading();
    let before = rig.counted("st_book_reconnects_total");
    let refuse = json!({ "fault": "refuse_connections", "how": "unavailable" });
    rig.venue.fault(&json!([refuse, { "fault": "disconnect", "how": "reset" }]));
    until("it was tried some times", || {
        (rig.counted("st_book_reconnects_total") >= before + 4).then_some(())
    });
    let mut off = refuse;
    off["on"] = json!(false);
    rig.venue.fault(&off);
    SYMBOLS.iter().for_each(|symbol| rig.trades_on(symbol));
    rig.ends_clean();
}

/// Fault O24.
#[test]
fn a_revoked_key_trades_nothing_and_is_told() {
    let rig = Rig::trading();
    let revoked = json!({ "fault": "reject", "preset": "key_revoked" });
    rig.venue.fault(&revoked);
    // Whichever leg it is: a pair of which the maker rests already ends when the venue's switch has taken that.
    let refused = r#"st_orders_refused_total{symbol="BTCUSDT"}"#;
    until("orders are refused", || (rig.counted(refused) > 0).then_some(()));
    until("nothing is on its way any more", || {
        let before = rig.trades_of("BTCUSDT");
        let refused = || rig.counted("st_feed_messages_total");
        let first = refused();
        until("some ticks come", || (refused() > first + 10).then_some(()));
        (rig.trades_of("BTCUSDT") == before).then_some(())
    });
    let mut off = revoked;
    off["on"] = json!(false);
    rig.venue.fault(&off);
    SYMBOLS.iter().for_each(|symbol| rig.trades_on(symbol));
    rig.ends_clean();
}

/// Fault O25.
/// Promise P18.
#[test]
fn an_exhausted_balance_is_counted_and_stops_no_other_symbol() {
    let rig = Rig::trading();
    let exhausted =
        json!({ "fault": "reject", "operation": "order.place", "symbol": "BTCUSDT", "preset": "no_balance" });
    rig.venue.fault(&exhausted);
    until("orders are refused", || {
        (rig.instrument("BTCUSDT")["outcomes"]["maker_refused"].as_u64() > Some(1)).then_some(())
    });
    rig.trades_on("ETHUSDT");
    let mut off = exhausted;
    off["on"] = json!(false);
    rig.venue.fault(&off);
    rig.trades_on("BTCUSDT");
    rig.ends_clean();
}

/// A changed configuration is taken in by a restart: the stop closes what its symbols had open, whether they come back
/// or not.
/// Fault K2.
#[test]
fn a_symbol_that_is_taken_out_of_the_configuration_leaves_nothing_open() {
    let mut rig = Rig::trading();
    rig.venue.fault(&json!({ "fault": "delay_answers", "ms": 100 }));
    for symbol in SYMBOLS {
        rig.trades_on(symbol);
    }
    let (status, summary) = rig.run.stop();
    assert_eq!((status.code(), &summary["open_orders"]), (Some(0), &json!(0)));
    assert!(rig.venue.open_orders().is_empty());
    let left = rig.trades_of("ETHUSDT");
    let config = json!({ "Feed": "synthetic:17", "instruments": [instrument(rig.venue.addr, "BTCUSDT")] });
    rig.run = RunProcess::start(rig.dir.path(), "again", &config, &[]);
    rig.run.wait_until_ready();
    rig.trades_on("BTCUSDT");
    assert_eq!(rig.trades_of("ETHUSDT"), left);
    rig.ends_clean();
}
