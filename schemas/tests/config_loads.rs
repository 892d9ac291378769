//! What loads, and what it comes to mean.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use schemas::config::{
    Config, Conflate, Dialect, EmptyBook, FeedFormat, OnQuiet, Placement, Process, SamePolicy, SecretRef,
    Sharding, SidePolicy, TermType, Venue,
};
use schemas::order::PositionSide;
use schemas::units::Decimal;
use serde_json::{Value, json};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn load(text: &str) -> Config {
    Config::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn the_prototypes_list_loads_unchanged() {
    let config = load(&example("prototype.json"));
    assert_eq!(config.process, Process::default());
    let [spot, future] = config.instruments.as_slice() else { panic!("two instruments") };
    assert_eq!(spot.venue, Venue::BinanceSpotTestnet);
    assert_eq!(spot.api_key, SecretRef::Literal("your-testnet-key".into()));
    assert_eq!(spot.passphrase, SecretRef::None);
    assert_eq!((spot.rules.term, spot.rules.position_side), (TermType::Spot, PositionSide::None));
    assert_eq!((spot.rules.price_decimals, spot.rules.qty_decimals), (2, 5));
    assert_eq!((spot.rules.interval, spot.rules.qty_multiplier), (Decimal::ONE, decimal("0.01")));
    assert_eq!((spot.rules.price_divergence, spot.rules.max_amount), (decimal("0.001"), decimal("1000")));
    assert_eq!((spot.rules.min_qty, spot.rules.min_amount), (decimal("0.0001"), decimal("10")));
    assert_eq!(spot.follow_key("ticker_"), "okx_ticker_BTCUSDT");
    assert_eq!(future.venue, Venue::BinanceUsdmTestnet);
    assert_eq!((future.rules.term, future.rules.position_side), (TermType::Future, PositionSide::Both));
    assert_eq!(future.follow_key("t:"), "binance_future_t:ETHUSDT");
}

#[test]
fn what_is_left_out_has_the_documented_value() {
    let config = load(&example("simulated.json"));
    let [one] = config.instruments.as_slice() else { panic!("one instrument") };
    assert_eq!(one.venue, Venue::Simulated);
    assert_eq!((&one.api_key, &one.secret), (&SecretRef::None, &SecretRef::None));
    assert_eq!((one.rules.min_qty, one.rules.min_amount), (Decimal::ZERO, Decimal::ZERO));
    assert_eq!((one.rules.contract_size, one.rules.leverage), (decimal("0.1"), decimal("2")));
    assert_eq!((one.rules.placement, one.rules.empty_book), (Placement::Touch, EmptyBook::Trade));
    assert_eq!((one.rules.same_price, one.rules.same_qty), (SamePolicy::Nudge, SamePolicy::Nudge));
    assert_eq!(
        (one.rules.side, one.on_quiet, one.conflate),
        (SidePolicy::Random, OnQuiet::Hold, Conflate::Newest)
    );
    assert_eq!((one.max_tick_age_ms, one.max_book_age_ms), (5_000, 2_000));
    assert_eq!(config.warnings, []);
    let bare = load(
        &json!({ "instruments": serde_json::from_str::<Value>(&example("simulated.json")).unwrap() })
            .to_string(),
    );
    assert_eq!(bare.process, Process::default(), "the table's defaults are those of the type");
}

#[test]
fn the_object_form_has_every_key() {
    let config = load(&example("complete.json"));
    assert!(config.process.feed.is_some());
    assert_eq!(config.process.feed_format, FeedFormat::Ticker);
    assert_eq!(config.process.admin_address, Some(([127, 0, 0, 1], 9464).into()));
    assert_eq!(config.process.labels.as_deref(), Some(Path::new("labels.jsonl")));
    assert_eq!((config.process.sharding, config.process.shards), (Sharding::Static, 3));
    assert_eq!(config.process.kafka_options.len(), 6);
    let one = &config.instruments[0];
    let Venue::Staging { dialect, address } = &one.venue else { panic!("staging") };
    assert_eq!(*dialect, Dialect::BinanceSpot);
    assert_eq!((address.host().as_str(), address.port(), address.tls()), ("venue.exchange.svc", 8080, false));
    assert_eq!(one.api_key, SecretRef::Env("STAGING_API_KEY".into()));
    assert_eq!(one.secret, SecretRef::File("/run/secrets/staging-api-secret".into()));
    assert_eq!((one.rules.same_price, one.rules.side), (SamePolicy::Keep, SidePolicy::Follow));
}

#[test]
fn one_instrument_alone_loads() {
    let list: Value = serde_json::from_str(&example("simulated.json")).unwrap();
    assert_eq!(load(&list[0].to_string()).instruments, load(&list.to_string()).instruments);
}

#[test]
fn the_byte_order_mark_and_other_line_ends_are_accepted() {
    let text = example("complete.json");
    let foreign = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(load(&foreign), load(&text));
}

#[test]
fn numbers_are_read_from_their_text() {
    let with = |key: &str, text: &str| {
        let list = example("simulated.json");
        let at = list.find(&format!("\"{key}\": ")).unwrap() + key.len() + 4;
        let end = at + list[at..].find([',', '\n']).unwrap();
        load(&format!("{}{text}{}", &list[..at], &list[end..])).instruments.remove(0).rules
    };
    for whole in ["2.0", "2e0", "20e-1", "2"] {
        assert_eq!(with("Price Decimals", whole).price_decimals, 2, "{whole}");
    }
    assert_eq!(with("Max Amt Per Order", "1e5").max_amount, decimal("100000"));
    let exact = "0.1000000000000000055511151231";
    assert_eq!(with("Qty Multiplier", exact).qty_multiplier, decimal(exact));
    assert_ne!(with("Qty Multiplier", exact).qty_multiplier, decimal("0.1"));
}

#[test]
fn a_seed_may_be_any_64_bits() {
    let mut object =
        json!({ "instruments": serde_json::from_str::<Value>(&example("simulated.json")).unwrap() });
    object["Seed"] = json!(u64::MAX);
    assert_eq!(load(&object.to_string()).process.seed, u64::MAX);
}

#[test]
fn every_golden_case_loads() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [here.join("golden/rules.jsonl"), here.join("../../shared/golden/rules.jsonl")];
    let Some(cases) = places.iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
        eprintln!("skipped: no golden cases here");
        return;
    };
    let mut loaded = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        for text in [case["param"].to_string(), json!([case["param"]]).to_string()] {
            let config = load(&text);
            assert_eq!(config.instruments[0].maker_symbol, case["param"]["Maker Symbol"], "{}", case["name"]);
        }
        loaded += 1;
    }
    assert!(loaded >= 100, "{loaded} cases");
}
