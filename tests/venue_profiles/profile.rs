//! Profile files: what they change, and what is wrong with them.

use std::path::Path;
use std::process::{Command, Output};

use schemas::config::profile::ProfileFile;
use self_trader::simulator::profile::file::{Loaded, load};
use self_trader::simulator::{self, Profile, VenueOptions};
use serde_json::{Value, json};

use crate::client::{Key, Socket, error_of, get, limit, signed, with};

/// What a profile comes to; its references lead nowhere.
fn loaded(file: &Value) -> Result<Loaded, Vec<String>> {
    let texts =
        |faults: Vec<schemas::config::Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let file = ProfileFile::parse(file.to_string().as_bytes()).map_err(texts)?;
    load(&file, |_| None).map_err(texts)
}

fn start(file: &Value) -> simulator::RunningVenue {
    let Loaded { profile, symbols, accounts } = loaded(file).unwrap();
    let default = VenueOptions::default();
    simulator::start(VenueOptions {
        profile,
        symbols: if symbols.is_empty() { default.symbols } else { symbols },
        accounts: if accounts.is_empty() { default.accounts } else { accounts },
        ..VenueOptions::default()
    })
    .unwrap()
}

#[test]
fn an_empty_profile_is_its_base() {
    for (base, want) in [("open", Profile::open()), ("strict", Profile::strict())] {
        let Loaded { profile, symbols, accounts } = loaded(&json!({"Base": base, "Name": base})).unwrap();
        assert_eq!(profile, want);
        assert!(symbols.is_empty() && accounts.is_empty());
    }
}

#[tokio::test]
async fn a_profile_changes_modes_limits_symbols_and_accounts() {
    let venue = start(&json!({
        "Base": "strict",
        "Spot": {"Default STP": "EXPIRE_TAKER", "Allowed STP": ["EXPIRE_TAKER"], "Orders Per 10 Seconds": 3},
        "Symbols": [{
            "Symbol": "SOLEUR", "Price Decimals": 3, "Qty Decimals": 2,
            "Filters": [{"filterType": "MIN_NOTIONAL", "minNotional": "20"}],
        }],
        "Accounts": [
            {"API KEY": "one", "Secret": "word", "Spot Balances": {"EUR": "1000"}},
        ],
    }));
    let info = get(venue.addr(), "/api/v3/exchangeInfo").await;
    assert_eq!(info["symbols"][0]["symbol"], "SOLEUR");
    assert_eq!(info["symbols"][0]["allowedSelfTradePreventionModes"], json!(["EXPIRE_TAKER"]));
    let limits = info["rateLimits"].as_array().unwrap();
    assert!(
        limits.iter().any(|limit| limit["rateLimitType"] == "ORDERS" && limit["limit"] == 3),
        "{limits:?}"
    );

    let one = Key { key: "one", secret: "word" };
    let mut api = Socket::api(venue.addr()).await;
    let order = |price, qty| with(limit("BUY", price, qty, "GTX"), "symbol", "SOLEUR");
    let answer = api.call("order.place", signed(one, order("100.000", "0.1"))).await;
    assert_eq!(error_of(&answer).0, -1013, "below 20: {answer}");
    let answer = api.call("order.place", signed(one, order("100.000", "10.01"))).await;
    assert_eq!(error_of(&answer).0, -2010, "more than 1000 EUR: {answer}");
    let answer = api.call("order.place", signed(one, order("100.000", "10"))).await;
    assert_eq!(answer["status"], 200, "{answer}");
    let answer = api.call("account.status", signed(crate::client::TEST_KEY, json!({}))).await;
    assert_eq!(error_of(&answer).0, -2015, "the test account is not there: {answer}");
}

/// Answers come late by what the profile says, over both ways; and the order is carried out at once.
#[tokio::test]
async fn latency_holds_answers_and_events_back() {
    let venue = start(&json!({"Latency": {"Answer": 150, "Answer Jitter": 50, "Event": 400}}));
    let clock = self_trader::clock::Clock::start();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let before = clock.now().mono;
    api.good("order.place", limit("BUY", "100.00", "1", "GTX")).await;
    let answered = clock.now().mono;
    // However late a machine reads them: what is due first leaves first.
    assert_eq!(api.take_kept(), Vec::<Value>::new(), "the answer is due before the events");
    api.event("NEW").await;
    let told = clock.now().mono;
    let ms = |from: pipeline::time::Nanos, to: pipeline::time::Nanos| (to.0 - from.0) / 1_000_000;
    assert!(ms(before, answered) >= 150, "{} ms", ms(before, answered));
    assert!(ms(before, told) >= 400, "{} ms", ms(before, told));
    get(venue.addr(), "/api/v3/time").await;
    assert!(ms(told, clock.now().mono) >= 150);
}

#[test]
fn every_fault_is_a_line_with_code_and_pointer() {
    for (file, want) in [
        (json!([]), "CFG-004 file: wrong type (got a list, want an object)"),
        (json!({"Bsae": "open"}), "CFG-003 /Bsae: unknown; did you mean \"Base\"?"),
        (
            json!({"Base": "loose"}),
            "CFG-004 /Base: wrong type or value (got \"loose\", want \"open\" or \"strict\")",
        ),
        (json!({"Spot": {"Orders Per Minute": 1}}), "CFG-003 /Spot/Orders Per Minute: unknown; did you mean"),
        (json!({"Spot": {"Maker Fee": 0.0000001}}), "CFG-008 /Spot/Maker Fee: out of range"),
        (json!({"Spot": {"Allowed STP": ["NEVER"]}}), "CFG-004 /Spot/Allowed STP: wrong type or value"),
        (
            json!({"Latency": {"Answer": 60_001}}),
            "CFG-008 /Latency/Answer: out of range (got 60001, want an integer 0 to 60000)",
        ),
        (json!({"Symbols": [{"Symbol": "A"}]}), "CFG-004 /Symbols/0/Price Decimals: missing"),
        (
            json!({"Symbols": [{"Symbol": "A", "Filters": [{"filterType": "ICEBERG"}]}]}),
            "CFG-004 /Symbols/0/Filters/0/filterType: no such filter",
        ),
        (
            json!({"Symbols": [{"Symbol": "A", "Filters": [{"filterType": "LOT_SIZE", "minQty": "2", "maxQty": "1", "stepSize": "1"}]}]}),
            "CFG-008 /Symbols/0/Filters/0/minQty: out of range (got 2, want at most 1)",
        ),
        (
            json!({"Symbols": [{"Symbol": "A", "Filters": [{"filterType": "LOT_SIZE", "minQty": "2", "maxQty": "1"}]}]}),
            "CFG-004 /Symbols/0/Filters/0/stepSize: missing",
        ),
        (
            json!({"Symbols": [{"Symbol": "A", "Price Decimals": 1, "Qty Decimals": 1, "Filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1", "tickSize": "0.01"}]}]}),
            "CFG-009 /Symbols/0/Filters: PRICE_FILTER: 0.01 is finer than 1 decimals",
        ),
        (
            json!({"Symbols": [{"Symbol": "A", "Price Decimals": 10, "Qty Decimals": 10}]}),
            "CFG-009 /Symbols/0: price and quantity are too fine (got 20 decimals, want at most 18)",
        ),
        (
            json!({"Accounts": [{"API KEY": "a"}]}),
            "CFG-011 /Accounts/0/Secret: want either Secret or Public Key",
        ),
        (
            json!({"Accounts": [{"API KEY": "a", "Secret": {"env": "NOWHERE"}}]}),
            "CFG-012 /Accounts/0/Secret: ",
        ),
        (
            json!({"Accounts": [{"API KEY": "a", "Secret": "b", "Spot Balances": {"EUR": "-1"}}]}),
            "CFG-008 /Accounts/0/Spot Balances/EUR: out of range",
        ),
    ] {
        let faults = loaded(&file).unwrap_err();
        assert_eq!(faults.len(), 1, "{file}: {faults:?}");
        assert!(faults[0].starts_with(want), "{file}: {}", faults[0]);
    }
}

/// A secret is never shown.
#[test]
fn no_fault_shows_a_secret() {
    let file = json!({"Accounts": [{"API KEY": {"env": "NOWHERE"}, "Secret": ["canary"], "Public Key": 5}]});
    let faults = loaded(&file).unwrap_err();
    assert!(faults.iter().all(|fault| !fault.contains("canary")), "{faults:?}");
}

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_self-trader")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_command_says_what_is_wrong_with_a_profile_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let bad = write("bad.json", &json!({"Bsae": "open", "Latency": {"Answer": -1}}));
    let output = program(&["venue", "--profile", &bad]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("bad.json: 2 faults\nCFG-003 /Bsae: unknown; did you mean \"Base\"?\n"), "{said}");
    let output = program(&["venue", "--profile", "loose"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--profile: no such profile (got loose, want open, strict or a file)")
    );
    let crowd = write("crowd.json", &json!({"Levels": 0, "Snipe": 2}));
    let output = program(&["venue", "--crowd", &crowd]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("CFG-008 /Levels: out of range (got 0, want an integer 1 to 500)"));
    assert!(Path::new(&crowd).exists());
    assert_eq!(program(&["venue", "--tls-ca-out", "x"]).status.code(), Some(2), "only with --tls");
}
