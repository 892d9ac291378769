//! Each fault switched on and off while trading: nothing trades on a stale book, trading comes back, books balance.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{PATIENCE, RunProcess, VenueProcess, folder, instrument, now, until};

/// Trading has to be back this long after a fault ends.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// The processes end before their folder goes.
struct Rig {
    venue: VenueProcess,
    run: RunProcess,
    _dir: tempfile::TempDir,
}

fn trading() -> Rig {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let instruments = [instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")];
    let config = json!({ "Feed": "synthetic:21", "instruments": instruments });
    let run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 3).then_some(()));
    Rig { venue, run, _dir: dir }
}

impl Rig {
    /// Switches a fault on, waits until `seen`, switches it off, and sees trading come back.
    fn during(&self, fault: &Value, seen: impl FnMut() -> Option<()>) {
        self.venue.fault(fault);
        until("the fault shows", seen);
        let mut off = fault.clone();
        off["on"] = json!(false);
        self.venue.fault(&off);
        let (ended, before) = (now(), self.venue.trades());
        until("it trades again", || (self.venue.trades() > before + 2).then_some(()));
        assert!(ended.elapsed() < BACK_WITHIN, "trading came back after {:?}", ended.elapsed());
    }

    fn skipped(&self, symbol: &str, reason: &str) -> u64 {
        let status = self.run.status();
        let instruments = status["instruments"].as_array().unwrap().clone();
        let one = instruments.iter().find(|one| one["maker_symbol"] == symbol).unwrap();
        one["skips"][reason].as_u64().unwrap_or(0)
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

#[test]
fn a_stopped_book_is_not_traded_on() {
    let rig = trading();
    let frozen = json!({ "fault": "stop_book", "symbol": "BTCUSDT" });
    rig.during(&frozen, || (rig.skipped("BTCUSDT", "stale_book") > 3).then_some(()));
    assert_eq!(rig.skipped("ETHUSDT", "stale_book"), 0, "the other symbol was not touched");
    rig.ends_clean();
}

#[test]
fn a_stopped_book_stays_untraded_for_as_long_as_it_lasts() {
    let rig = trading();
    rig.venue.fault(&json!({ "fault": "stop_book" }));
    until("the book is stale", || {
        (rig.skipped("BTCUSDT", "stale_book") > 0 && rig.skipped("ETHUSDT", "stale_book") > 0).then_some(())
    });
    let (trades, skipped) = (rig.venue.trades(), rig.skipped("BTCUSDT", "stale_book"));
    until("more is skipped", || (rig.skipped("BTCUSDT", "stale_book") > skipped + 5).then_some(()));
    assert_eq!(rig.venue.trades(), trades);
    rig.venue.fault(&json!({ "fault": "stop_book", "on": false }));
    until("it trades again", || (rig.venue.trades() > trades).then_some(()));
    rig.ends_clean();
}

#[test]
fn muted_streams_come_back() {
    let rig = trading();
    for stream in ["bookTicker", "depth", "user"] {
        rig.during(&json!({ "fault": "mute_stream", "stream": stream }), a_while(&rig));
    }
    rig.during(&json!({ "fault": "mute_stream" }), a_while(&rig));
    rig.ends_clean();
}

#[test]
fn refused_cancels_are_tried_until_they_go_through() {
    let rig = trading();
    // Without the user stream and with answers lost, makers have to be cancelled: and that is refused.
    rig.venue.fault(&json!({ "fault": "refuse_cancels" }));
    rig.during(&json!({ "fault": "lose_answers", "symbol": "BTCUSDT" }), a_while(&rig));
    rig.venue.fault(&json!({ "fault": "refuse_cancels", "on": false }));
    rig.ends_clean();
}

#[test]
fn late_answers_change_nothing_but_the_time() {
    let rig = trading();
    rig.during(&json!({ "fault": "delay_answers", "ms": 300 }), a_while(&rig));
    rig.during(&json!({ "fault": "delay_answers", "ms": 3_000 }), a_while(&rig));
    rig.ends_clean();
}

#[test]
fn lost_answers_are_resolved_by_evidence() {
    let rig = trading();
    rig.during(&json!({ "fault": "lose_answers" }), a_while(&rig));
    let summary = rig.ends_clean();
    assert!(PATIENCE.as_millis() as u64 > summary["oldest_open_maker_ms"].as_u64().unwrap());
}
