//! The start of a run against a venue that refuses: what waiting mends is waited for, the rest is a fault.

use std::collections::VecDeque;
use std::time::Duration;

use crate::scripted_venue::{ScriptedVenue, json};
use schemas::config::{Config, Fault};
use self_trader::app::{self, RunOptions, StartError};
use self_trader::clock::{Clock, wall_ms};
use self_trader::config::credentials_from;

const RIGHTS: &str = r#"{"canTrade":true,"requireSelfTradePrevention":false}"#;
const INFO: &str = r#"{"rateLimits":[],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.05000000"},{"filterType":"LOT_SIZE","stepSize":"0.00003000","minQty":"0.00003000"}],"defaultSelfTradePreventionMode":"NONE","allowedSelfTradePreventionModes":["NONE"]}]}"#;

/// A venue that answers questions about the account with these, one after the other, then with the rights.
async fn venue(refusals: Vec<Vec<u8>>) -> ScriptedVenue {
    let mut refusals = VecDeque::from(refusals);
    ScriptedVenue::start(move |request| match request.split(['?', ' ']).nth(1).unwrap() {
        "/api/v3/time" => json(200, &format!(r#"{{"serverTime":{}}}"#, wall_ms())),
        "/api/v3/account" => refusals.pop_front().unwrap_or_else(|| json(200, RIGHTS)),
        "/api/v3/exchangeInfo" => json(200, INFO),
        other => panic!("{other}"),
    })
    .await
}

/// The faults of a start that is refused.
async fn faults(venue: &ScriptedVenue, form: impl Fn(&str) -> String) -> Vec<String> {
    let entry = format!(
        r#"{{
            "Maker Exchange": "staging", "Dialect": "binance_spot", "Address": "{}",
            "API KEY": "k", "Secret": "s", "Follow Exchange": "binance", "Follow Symbol": "BTCUSDT",
            "Maker Symbol": "BTCUSDT", "Term type": "SPOT", "Price Decimals": 2, "Qty Decimals": 5,
            "Interval": 0, "Qty Multiplier": 1, "Price Divergence": 0.05, "Max Amt Per Order": 1000
        }}"#,
        venue.address
    );
    let mut config = Config::parse(form(&entry).as_bytes()).unwrap();
    config.process.feed = Some("synthetic:1".parse().unwrap());
    let credentials = credentials_from(&config, |_| None).unwrap();
    match app::run(config, credentials, RunOptions::default(), |_| {}).await {
        Err(StartError::Config(faults)) => faults.iter().map(Fault::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn alone(entry: &str) -> String {
    entry.to_owned()
}

#[tokio::test]
async fn only_what_waiting_does_not_mend_ends_the_start() {
    let body = r#"{"code":-1003,"msg":"Too many requests"}"#;
    let later = format!("HTTP/1.1 429 X\r\nRetry-After: 2\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let venue = venue(vec![
        json(503, r#"{"code":-1008,"msg":"Overloaded"}"#),
        json(400, r#"{"code":-1021,"msg":"Timestamp"}"#),
        json(504, r#"{"code":-1007,"msg":"Timeout"}"#),
        later.into_bytes(),
        json(401, r#"{"code":-2015,"msg":"Invalid API-key"}"#),
    ])
    .await;
    let clock = Clock::start();
    let began = clock.now().mono;
    let faults = faults(&venue, alone).await;
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert!(fault.starts_with("CFG-012 /API KEY: ") && fault.contains("-2015"), "{fault}");
    let waited = clock.now().mono.since(began);
    assert!(waited >= Duration::from_secs(2), "{waited:?} in spite of Retry-After");
}

#[tokio::test]
async fn a_step_that_no_decimal_fits_is_named_where_the_instrument_stands() {
    let venue = venue(Vec::new()).await;
    let list = |entry: &str| format!("[{entry}]");
    let object = |entry: &str| format!(r#"{{"instruments": [{entry}]}}"#);
    for (faults, pointer) in [
        (faults(&venue, alone).await, ""),
        (faults(&venue, list).await, "/0"),
        (faults(&venue, object).await, "/instruments/0"),
    ] {
        assert_eq!(
            faults,
            [
                format!(
                    "CFG-009 {pointer}/Price Decimals: finer than the venue's filter for BTCUSDT (got 2, want \
                     at most 1: its step is 0.05000000)"
                ),
                format!(
                    "CFG-009 {pointer}/Qty Decimals: no number of decimals fits the venue's filter for BTCUSDT \
                     (got 5: its step is 0.00003000)"
                ),
            ]
        );
    }
}
