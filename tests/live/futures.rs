//! FUTURE instruments on the USD-M dialect of a venue in its own process: the recorded tape, hedge and one-way mode,
//! positions and balances against the venue's own ledger, beside SPOT.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use schemas::ids::InstrumentPrefix;
use schemas::units::Decimal;
use schemas::wire::binance::request::Sign;
use self_trader::clock::wall_ms;
use self_trader::venue::binance::sign::HmacSigner;
use serde_json::{Value, json};

use crate::process::{
    Process, RunProcess, VenueProcess, data, folder, instrument, request, request_by, until_within,
};
use crate::redis::Redis;

const TAPE: &str = "derived-trades-20240808/trades_20240808.csv.gz";
/// BTCUSDT is both; a perpetual's lots are thousandths.
pub(crate) const SYMBOLS: &str = r#"[
    {"name": "BTCUSDT", "price_decimals": 2, "qty_decimals": 5},
    {"product": "usdm", "name": "BTCUSDT", "price_decimals": 2, "qty_decimals": 3},
    {"product": "usdm", "name": "ETHUSDT", "price_decimals": 2, "qty_decimals": 3}
]"#;
/// Pairs that a machine which stands still may cost.
const STALLED: u64 = 6;
const FUTURES: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

fn number(value: &Value) -> Decimal {
    Decimal::parse(value.as_str().unwrap()).unwrap()
}

fn minus(number: Decimal) -> Decimal {
    Decimal::new(-number.mantissa(), number.scale())
}

/// A FUTURE in contracts of 0.002.
pub(crate) fn future(venue: SocketAddr, symbol: &str, position_side: &str) -> Value {
    let mut entry = instrument(venue, symbol);
    for (key, value) in [
        ("Dialect", json!("binance_usdm")),
        ("Term type", json!("FUTURE")),
        ("Position Side", json!(position_side)),
        ("Contract Size", serde_json::from_str("0.002").unwrap()),
        ("Leverage", json!(2)),
        ("Qty Decimals", json!(3)),
    ] {
        entry[key] = value;
    }
    entry
}

/// Puts the venue's account into hedge mode, which the program leaves to whoever owns a venue.
fn hedge_mode(venue: &VenueProcess) {
    let query = format!("dualSidePosition=true&timestamp={}", wall_ms());
    let mut hex = [0; 64];
    HmacSigner::new(b"test-secret").sign(query.as_bytes(), &mut hex);
    let signature = std::str::from_utf8(&hex).unwrap();
    let path = format!("/fapi/v1/positionSide/dual?{query}&signature={signature}");
    let (status, body) = request_by("test-key", venue.addr, "POST", &path, "");
    assert_eq!(status, 200, "{body}");
}

/// What the ledger says of its one account.
fn account(venue: &VenueProcess) -> Value {
    venue.ledger("accounts")[0].clone()
}

/// Positions that are not flat, by symbol and side.
fn positions(account: &Value) -> BTreeMap<(String, String), Decimal> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = account["positions"].as_array().unwrap().iter();
    all.map(|one| ((text(&one["symbol"]), text(&one["positionSide"])), number(&one["positionAmt"])))
        .filter(|(_, amount)| !amount.is_zero())
        .collect()
}

/// Whether an instrument's page shows what the venue's account holds; one of spot shows nothing.
fn shows(one: &Value, held: &BTreeMap<(String, String), Decimal>) -> bool {
    let Some(positions) = one.get("positions") else { return true };
    let symbol = one["maker_symbol"].as_str().unwrap();
    let of = |side: &str| held.get(&(symbol.to_owned(), side.to_owned())).copied().unwrap_or(Decimal::ZERO);
    let shown =
        |side: &str| positions[side].as_str().map_or(Decimal::ZERO, |text| Decimal::parse(text).unwrap());
    positions.is_object() && ["LONG", "SHORT", "BOTH"].iter().all(|side| shown(side) == of(side))
}

/// What the venue's account holds when the tape is over, as the program shows it and as the ledger has it.
struct Played {
    venue: VenueProcess,
    before: Value,
    after: Value,
    /// `positions` of each FUTURE, from `/status`.
    shown: BTreeMap<String, Value>,
    /// What our own pairs traded, by symbol.
    traded: BTreeMap<String, Decimal>,
}

/// The tape's USD-M trades on perpetuals of both symbols, and on spot beside them.
fn play(position_side: &str) -> Option<Played> {
    let (tape, redis) = (data(TAPE)?, Redis::start(&[])?);
    let dir = folder();
    let symbols = dir.path().join("symbols.json");
    std::fs::write(&symbols, SYMBOLS).unwrap();
    let venue = VenueProcess::start_with(dir.path(), &["--symbols", symbols.to_str().unwrap()]);
    if position_side.is_empty() {
        hedge_mode(&venue);
    }
    let before = account(&venue);
    let futures = FUTURES.map(|symbol| future(venue.addr, symbol, position_side));
    let [bitcoin, ether] = futures;
    let instruments = json!([instrument(venue.addr, "BTCUSDT"), bitcoin, ether]);
    let config = json!({ "Feed": redis.url(), "instruments": instruments });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let series = "binance-usdm:BTCUSDT,binance-usdm:ETHUSDT";
    let args = ["replay", &tape, "--to", &redis.url(), "--speed", "15", "--series", series];
    let mut replay = Process::start(dir.path(), "replay", &args);
    until_within(Duration::from_secs(120), "the tape ends", || {
        replay.out().contains("replayed").then_some(())
    });
    assert!(replay.wait().success());
    // What is no tick comes behind all that are.
    redis.ask(&["PUBLISH", "binance_ticker_BTCUSDT", "the end"]);
    let status = until_within(Duration::from_secs(60), "the last pairs are over and told", || {
        let status = run.status();
        // What a pair has moved comes by another connection than its answers.
        let held = positions(&account(&venue));
        let is_told = |one: &Value| {
            let ended: u64 = one["outcomes"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
            one["waiting"] == 0 && one["pairs"].as_u64() == Some(ended) && shows(one, &held)
        };
        let all = status["instruments"].as_array().unwrap();
        let ticks: u64 = all.iter().filter_map(|one| one["ticks"].as_u64()).sum();
        let taken = status["feed"]["rejected"] != 0 && status["feed"]["ticks"] == ticks;
        (taken && all.iter().all(is_told)).then_some(status)
    });
    let (code, summary) = run.stop();
    assert_eq!(code.code(), Some(0), "{summary}");
    matched_above_99_in_100(&summary);
    assert!(venue.open_orders().is_empty());
    assert_eq!(summary["venue_trades"], venue.trades());
    let all = status["instruments"].as_array().unwrap().iter();
    let shown = all
        .filter(|one| one.get("positions").is_some())
        .map(|one| (one["maker_symbol"].as_str().unwrap().to_owned(), one["positions"].clone()))
        .collect();
    let traded = traded(&run.labels());
    Some(Played { after: account(&venue), venue, before, shown, traded })
}

fn matched_above_99_in_100(summary: &Value) {
    let (pairs, matched) = (summary["pairs"].as_u64().unwrap(), summary["matched"].as_u64().unwrap());
    // A machine that stands still may cost each symbol the pair that is in flight.
    assert!(pairs > 500 && (matched + STALLED) * 100 > pairs * 99, "matched {matched} of {pairs}: {summary}");
    assert_eq!(summary["books_balance"], true);
    assert_eq!(summary["open_orders"], 0);
}

/// What the makers of the futures' pairs traded, each trade once: also where a machine that stood still left a trade
/// without its name.
fn traded(labels: &[Value]) -> BTreeMap<String, Decimal> {
    let mut traded = BTreeMap::new();
    for symbol in FUTURES {
        let prefix = InstrumentPrefix::new("main", &format!("{symbol}/FUTURE"));
        let ours = labels.iter().filter(|label| prefix.owns(label["maker"]["client_id"].as_str().unwrap()));
        let mut sum = Decimal::ZERO;
        for label in ours {
            sum = sum.checked_add(number(&label["maker"]["executed"])).unwrap();
        }
        assert!(sum.is_positive(), "{symbol} has not traded");
        traded.insert(symbol.to_owned(), sum);
    }
    traded
}

impl Played {
    /// No fees, and each trade was with ourselves: nothing of the wallet went anywhere.
    fn balances_add_up(&self) {
        let wallet = |account: &Value| account["wallets"][0].clone();
        let (before, after) = (wallet(&self.before), wallet(&self.after));
        assert!(after["walletBalance"].is_string());
        for field in ["asset", "walletBalance", "unrealizedProfit"] {
            assert_eq!(after[field], before[field], "{field}");
        }
        let (status, body) = request(self.venue.addr, "POST", "/venue/check", "");
        assert_eq!(status, 200, "{body}");
    }
}

#[test]
fn in_hedge_mode_what_is_bought_is_long_and_what_is_sold_is_short() {
    let Some(played) = play("") else { return };
    let held = positions(&played.after);
    for symbol in FUTURES {
        let traded = played.traded[symbol];
        let of = |side: &str| held[&(symbol.to_owned(), side.to_owned())];
        assert_eq!((of("LONG"), of("SHORT")), (traded, minus(traded)), "{symbol}");
        let shown = &played.shown[symbol];
        assert_eq!((number(&shown["LONG"]), number(&shown["SHORT"])), (traded, minus(traded)), "{symbol}");
    }
    assert_eq!(held.len(), 4);
    played.balances_add_up();
}

#[test]
fn in_one_way_mode_the_position_stays_where_it_was() {
    let Some(played) = play("BOTH") else { return };
    assert_eq!(positions(&played.after), BTreeMap::new());
    for symbol in FUTURES {
        let shown = played.shown[symbol].as_object().unwrap();
        assert!(shown.values().all(|amount| number(amount).is_zero()), "{symbol}: {shown:?}");
    }
    played.balances_add_up();
}

#[test]
fn one_symbol_is_spot_and_future_on_the_embedded_venue() {
    let dir = folder();
    let entry = |term: &str| {
        let mut entry = instrument("127.0.0.1:1".parse().unwrap(), "BTCUSDT");
        for key in ["Dialect", "Address"] {
            entry.as_object_mut().unwrap().remove(key);
        }
        entry["Maker Exchange"] = json!("simulated");
        entry["Term type"] = json!(term);
        entry["Contract Size"] = serde_json::from_str("0.001").unwrap();
        entry
    };
    let config = json!({ "Feed": "synthetic:1", "instruments": [entry("SPOT"), entry("FUTURE")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    // The account of our own venue was put into the mode that an empty Position Side needs. The two legs of a pair are
    // told one after the other.
    let is_hedged = |future: &Value| {
        let held = |side: &str| Decimal::parse(future["positions"][side].as_str()?).ok();
        held("LONG")
            .zip(held("SHORT"))
            .is_some_and(|(long, short)| long.is_positive() && short == minus(long))
    };
    let status = until_within(Duration::from_secs(30), "both have matched, and are hedged", || {
        let status = run.status();
        let matched = |one: &Value| one["outcomes"]["matched"].as_u64() > Some(2);
        let all = status["instruments"].as_array().unwrap();
        (all.iter().all(matched) && is_hedged(&all[1])).then_some(status)
    });
    let (code, summary) = run.stop();
    assert_eq!((code.code(), &summary["open_orders"]), (Some(0), &json!(0)), "{summary}");
    // A machine that stands still may leave a pair that has traded without the names of its trades.
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert!((count("matched")..=count("pairs")).contains(&count("venue_trades")), "{summary}");
    assert_eq!(status["instruments"][0].get("positions"), None);
    let labels = run.labels();
    let ids: BTreeSet<&str> =
        labels.iter().map(|label| label["maker"]["client_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), labels.len(), "no id means two orders");
}
