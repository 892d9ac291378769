//! Profiles out of recorded exchangeInfo answers: the venue started with one answers with the same filters.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use flate2::read::MultiGzDecoder;
use schemas::config::profile::{FILTER_TYPES, ProfileFile};
use schemas::units::Decimal;
use self_trader::simulator::profile::file::load;
use self_trader::simulator::{self, VenueOptions};
use serde_json::{Value, json};

use crate::client::get;

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_self-trader")).args(args).output().unwrap()
}

/// The profile that a recording gives; none, with a word, where the recording is not there.
fn profile_of(path: &str, more: &[&str]) -> Option<ProfileFile> {
    if !Path::new(path).exists() {
        println!("skipped: {path} is not there");
        return None;
    }
    let output = program(&[&["profile", "--from", path], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Some(ProfileFile::parse(&output.stdout).unwrap())
}

async fn listed(file: &ProfileFile, path: &str) -> Value {
    let loaded = load(file, |_| None).unwrap();
    let options =
        VenueOptions { profile: loaded.profile, symbols: loaded.symbols, ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    get(venue.addr(), path).await
}

/// A symbol's filters by type, numbers by value: a venue writes as many digits as its symbol has. What a filter of the
/// recording says and a venue does not (multiplierDecimal) is left out.
fn filters(symbol: &Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let plain = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Decimal::parse(&text).map_or(text, |number| {
            number.to_steps_exact(18).map_or_else(String::new, |steps| steps.to_string())
        })
    };
    let known = |filter: &&Value| FILTER_TYPES.iter().any(|name| filter["filterType"] == *name);
    let read = |filter: &Value| {
        let fields = filter.as_object().unwrap().iter();
        let fields = fields.filter(|(name, _)| *name != "filterType" && *name != "multiplierDecimal");
        let fields = fields.map(|(name, value)| (name.clone(), plain(value))).collect();
        (filter["filterType"].as_str().unwrap().to_owned(), fields)
    };
    symbol["filters"].as_array().unwrap().iter().filter(known).map(read).collect()
}

fn compare(recorded: &Value, answered: &Value) -> usize {
    let recorded: BTreeMap<&str, &Value> = recorded["symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| (own["symbol"].as_str().unwrap(), own))
        .collect();
    let answered = answered["symbols"].as_array().unwrap();
    let lots = |filters: &mut BTreeMap<String, BTreeMap<String, String>>| {
        let step: i128 = filters["LOT_SIZE"]["stepSize"].parse().unwrap();
        if let Some(most) = filters.get_mut("MARKET_LOT_SIZE").and_then(|filter| filter.get_mut("maxQty")) {
            let whole: i128 = most.parse().unwrap();
            *most = (whole - whole % step.max(1)).to_string();
        }
    };
    for symbol in answered {
        let name = symbol["symbol"].as_str().unwrap();
        let (mut answered, mut recorded) = (filters(symbol), filters(recorded[name]));
        // The most of a MARKET order may be recorded finer than any quantity can be.
        lots(&mut answered);
        lots(&mut recorded);
        // A venue always shows this one; where none was recorded it binds nobody.
        if !recorded.contains_key("MARKET_LOT_SIZE") {
            answered.remove("MARKET_LOT_SIZE");
        }
        assert_eq!(answered, recorded, "{name}");
    }
    answered.len()
}

fn recorded(path: &str) -> Value {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    std::io::Read::read_to_string(&mut MultiGzDecoder::new(file), &mut text).unwrap();
    simulator::profile::import::find(&text).unwrap()
}

#[tokio::test]
async fn spot_answers_with_the_recorded_filters_of_every_symbol() {
    let path = "../shared/data/cf-binance-spot-20211011/BINANCE.0.gz";
    let Some(file) = profile_of(path, &[]) else { return };
    let info = listed(&file, "/api/v3/exchangeInfo").await;
    assert!(compare(&recorded(path), &info) > 1_000);
    let limits = info["rateLimits"].to_string();
    assert!(limits.contains("1200") && limits.contains("160000"), "{limits}");
}

#[tokio::test]
async fn usdm_answers_with_the_recorded_filters_of_every_perpetual() {
    let path = "../shared/data/cf-binance-usdm-20210722/BINANCE_FUTURES.0.gz";
    let Some(file) = profile_of(path, &[]) else { return };
    let info = listed(&file, "/fapi/v1/exchangeInfo").await;
    assert!(compare(&recorded(path), &info) > 100);
    let btc = info["symbols"].as_array().unwrap().iter().find(|own| own["symbol"] == "BTCUSDT").unwrap();
    assert_eq!(btc["pricePrecision"], 2);
}

#[test]
fn only_the_symbols_named_are_taken_and_each_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info.json");
    let symbol = |name: &str, status: &str| {
        json!({
            "symbol": name, "status": status, "baseAsset": "A", "quoteAsset": "USDT",
            "orderTypes": ["LIMIT", "STOP_LOSS"],
            "defaultSelfTradePreventionMode": "NONE", "allowedSelfTradePreventionModes": ["NONE", "FUTURE_MODE"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "100.00", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.010", "maxQty": "9", "stepSize": "0.005"},
                {"filterType": "ICEBERG_PARTS", "limit": 10},
            ],
        })
    };
    let info = json!({"rateLimits": [], "symbols": [symbol("AUSDT", "TRADING"), symbol("BUSDT", "BREAK")]});
    std::fs::write(&path, info.to_string()).unwrap();
    let path = path.to_str().unwrap();
    let names = |file: &ProfileFile| file.symbols.iter().map(|own| own.name.clone()).collect::<Vec<_>>();
    let all = profile_of(path, &[]).unwrap();
    assert_eq!(names(&all), ["AUSDT"], "what does not trade is left out");
    assert_eq!(names(&profile_of(path, &["--symbols", "BUSDT"]).unwrap()), ["BUSDT"]);
    let loaded = load(&all, |_| None).unwrap();
    let spec = &loaded.symbols[0];
    assert_eq!((spec.price_decimals, spec.qty_decimals, spec.base.as_str()), (1, 3, "A"));
    let rules = spec.rules.as_deref().unwrap();
    assert_eq!((rules.price.max, rules.lot.min, rules.lot.step, rules.allowed_stp.len()), (1_000, 10, 5, 1));
    for (more, words) in [
        (&["--symbols", "CUSDT"][..], "no symbol in it that trades"),
        (&["--symbols", "AUSDT,CUSDT"], "--symbols: no symbol CUSDT in it"),
        (&["--base", "loose"], "--base: no such profile"),
    ] {
        let output = program(&[&["profile", "--from", path], more].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{more:?}");
    }
    let nothing = folder.path().join("nothing.json");
    std::fs::write(&nothing, "{\"symbols\": 3}").unwrap();
    let output = program(&["profile", "--from", nothing.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no exchangeInfo in it"));
}
