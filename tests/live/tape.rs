//! The recorded tape through a real Redis onto a venue in its own process.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, RunProcess, VenueProcess, data, folder, instrument, until_within};
use crate::redis::Redis;

const TAPE: &str = "derived-trades-20240808/trades_20240808.csv.gz";
const TRADES: u64 = 15_863;

#[test]
fn every_message_of_the_tape_is_accounted_for_and_the_ledger_equals_the_labels() {
    let (Some(tape), Some(redis)) = (data(TAPE), Redis::start(&[])) else { return };
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut bitcoin = instrument(venue.addr, "BTCUSDT");
    bitcoin["Conflate"] = json!("queue");
    let config = json!({ "Feed": redis.url(), "instruments": [bitcoin, instrument(venue.addr, "ETHUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();

    let series = "binance-spot:BTCUSDT,binance-spot:ETHUSDT";
    let args = ["replay", &tape, "--to", &redis.url(), "--speed", "6", "--series", series];
    let mut replay = Process::start(dir.path(), "replay", &args);
    until_within(Duration::from_secs(120), "the tape ends", || {
        let status = run.status();
        let done = replay.out().contains("replayed") && status["feed"]["messages"] == json!(TRADES);
        done.then_some(())
    });
    assert!(replay.wait().success());
    let (status, summary) = run.stop();

    assert_eq!(status.code(), Some(0));
    assert_eq!(summary["messages"], TRADES);
    assert_eq!(summary["ticks"], TRADES);
    assert_eq!(summary["books_balance"], true);
    assert_eq!(summary["open_orders"], 0);
    let (pairs, matched) = (summary["pairs"].as_u64().unwrap(), summary["matched"].as_u64().unwrap());
    assert!(matched * 100 > pairs * 99, "matched {matched} of {pairs}");
    assert!(pairs > 9_000, "{pairs} pairs");
    assert!(venue.open_orders().is_empty());
    assert_eq!(summary["venue_trades"], venue.trades());
    legs_agree(&venue, &run.labels(), pairs);
}

/// Each trade of the venue is one fill of one maker and one taker of ours, and the other way round.
fn legs_agree(venue: &VenueProcess, labels: &[Value], pairs: u64) {
    assert_eq!(labels.len() as u64, pairs);
    // A machine that stood still may leave a pair that has traded without the names of its trades.
    let unnamed = |label: &&Value| label["outcome"] == "unknown_resolved";
    let unnamed: BTreeSet<&str> =
        labels.iter().filter(unnamed).filter_map(|label| label["maker"]["client_id"].as_str()).collect();
    let mut fills: BTreeMap<(String, u64), Legs> = BTreeMap::new();
    let mut tick_ids = BTreeSet::new();
    for label in labels {
        let symbol = label["maker_symbol"].as_str().unwrap();
        assert!(tick_ids.insert((symbol.to_owned(), label["tick"]["id"].clone().to_string())));
        if unnamed.contains(label["maker"]["client_id"].as_str().unwrap()) {
            continue;
        }
        for (place, leg) in [&label["maker"], &label["taker"]].into_iter().enumerate() {
            for fill in leg["fills"].as_array().unwrap() {
                let key = (symbol.to_owned(), fill["trade_id"].as_u64().unwrap());
                let client_id = leg["client_id"].as_str().unwrap().to_owned();
                let before = fills.entry(key).or_default()[place].replace((client_id, Fill::of(fill)));
                assert!(before.is_none(), "one trade in two labels: {label}");
            }
        }
    }
    let mut trades = venue.ledger("trades").as_array().unwrap().clone();
    trades.retain(|trade| !unnamed.contains(trade["makerClientOrderId"].as_str().unwrap()));
    assert_eq!(trades.len(), fills.len());
    for trade in &trades {
        let key = (trade["symbol"].as_str().unwrap().to_owned(), trade["id"].as_u64().unwrap());
        let legs = &fills[&key];
        for (place, name) in ["makerClientOrderId", "takerClientOrderId"].into_iter().enumerate() {
            let (client_id, fill) = legs[place].as_ref().unwrap();
            assert_eq!(trade[name], json!(client_id));
            assert_eq!(*fill, Fill::of(trade));
        }
    }
}

/// Client order id and fill of the maker and of the taker.
type Legs = [Option<(String, Fill)>; 2];

/// Price and quantity as text without trailing zeros.
#[derive(Debug, PartialEq, Eq)]
struct Fill(String, String);

impl Fill {
    fn of(value: &Value) -> Self {
        let plain = |field: &str| {
            let text = value[field].as_str().unwrap();
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        Self(plain("price"), plain("qty"))
    }
}
