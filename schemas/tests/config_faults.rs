//! Every fault of a configuration gives its one line: code, pointer, what is wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;

use schemas::config::{Code, Config, FAULTS_MAX, Fault, INSTRUMENTS_MAX};
use schemas::ids::InstrumentPrefix;
use serde_json::{Map, Value, json};

const CANARY: &str = "canary-6f1d0c";

fn instrument() -> Value {
    json!({
        "Maker Exchange": "binance_spot", "API KEY": CANARY, "Secret": { "env": "SECRET" },
        "Follow Exchange": "okx", "Follow Symbol": "BTCUSDT", "Maker Symbol": "BTCUSDT", "Term type": "SPOT",
        "Price Decimals": 2, "Qty Decimals": 5, "Interval": 1, "Qty Multiplier": 0.01,
        "Price Divergence": 0.001, "Max Amt Per Order": 1000,
    })
}

/// The faults of a text, as lines. None of them may hold the secret, in whatever form it is printed.
fn faults(text: &[u8]) -> Vec<String> {
    let faults = Config::parse(text).expect_err("refused");
    assert!(!format!("{faults:?}").contains(CANARY), "{faults:?}");
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(lines.iter().all(|line| !line.contains(['\n', '\r', '\u{1b}'])), "{lines:?}");
    lines
}

fn edited(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let mut instrument = instrument();
    change(instrument.as_object_mut().unwrap());
    json!([instrument]).to_string().into_bytes()
}

/// One key set to a value given as JSON text, so that numbers of any form can be written.
fn with(key: &str, value: &str) -> Vec<u8> {
    let text = edited(|entry| {
        entry.insert(key.to_owned(), "@here@".into());
    });
    String::from_utf8(text).unwrap().replace("\"@here@\"", value).into_bytes()
}

#[track_caller]
fn one(text: &[u8], want: &str) {
    let lines = faults(text);
    assert!(lines.len() == 1 && lines[0].starts_with(want), "want {want}\ngot {lines:#?}");
}

/// Fault K1.
#[test]
fn a_file_that_is_no_text_is_cfg_001() {
    one(b"", "CFG-001 file: empty");
    one(b" \r\n\t ", "CFG-001 file: empty");
    one("\u{feff}".as_bytes(), "CFG-001 file: empty");
    one(b"[{\"Maker\": \"\xff\"}]", "CFG-001 file: not UTF-8 (at byte 12)");
    one(b"\xff\xfe[\0]\0", "CFG-001 file: not UTF-8");
    one(&vec![b' '; 16 * 1024 * 1024 + 1], "CFG-001 file: too large (got 16777217 bytes");
}

#[test]
fn a_syntax_error_is_named_by_line_and_column() {
    one(
        b"[\n  {\"Price Decimals\": 2,,}\n]",
        "CFG-002 2:24: key must be a string (after \"Price Decimals\")",
    );
    one(b"[{\"Interval\": NaN}]", "CFG-002 1:15: expected value (after \"Interval\")");
    one(b"[{\"Interval\": Infinity}]", "CFG-002 1:15");
    one(b"[{\"Interval\": 0x10}]", "CFG-002 1:16");
    one(b"[{\"Interval\": 01}]", "CFG-002 1:16: invalid number");
    one(b"[] []", "CFG-002 1:4: trailing characters");
    one(b"[{}", "CFG-002 1:3: EOF");
    one(b"- Maker Exchange: okx", "CFG-002 1:2");
    one(b"[{'Interval': 1}]", "CFG-002 1:3");
    one(b"[1, // why\n 2]", "CFG-002 1:5");
    one(
        b"[\n {\"Maker Symbol\":\n  \"\\ud800\"}]",
        "CFG-002 3:10: unexpected end of hex escape (after \"Maker Symbol\")",
    );
    one(
        format!("[{{\"Secret\": \"{CANARY}}}]").as_bytes(),
        "CFG-002 1:28: EOF while parsing a string (after \"Secret\")",
    );
    one(format!("[{{\"Secret\": {CANARY}}}]").as_bytes(), "CFG-002 1:13: expected value (after \"Secret\")");
}

#[test]
fn nesting_has_a_limit() {
    for depth in [17, 100_000] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        one(text.as_bytes(), "CFG-002 1:17: nesting deeper than 16");
    }
}

/// Fault K1.
#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    one(&with("Qty Multipler", "1"), "CFG-003 /0/Qty Multipler: unknown; did you mean \"Qty Multiplier\"?");
    one(&with("qty_multiplier", "1"), "CFG-003 /0/qty_multiplier: unknown; did you mean \"Qty Multiplier\"?");
    one(&with("API-KEY", "1"), "CFG-003 /0/API-KEY: unknown; did you mean \"API KEY\"?");
    one(&with("zzz", "1"), "CFG-003 /0/zzz: unknown");
    one(&with("a/b~c", "1"), "CFG-003 /0/a~1b~0c: unknown");
    one(&with("Secrets", &format!("\"{CANARY}\"")), "CFG-003 /0/Secrets: unknown; did you mean \"Secret\"?");
    one(
        &with("Feed", "\"tape:x\""),
        "CFG-003 /0/Feed: unknown here; \"Feed\" belongs beside \"instruments\"",
    );
    let object = json!({ "instruments": [instrument()], "Sed": 1, "Interval": 1 }).to_string();
    let lines = faults(object.as_bytes());
    assert_eq!(
        lines,
        [
            "CFG-003 /Interval: unknown here; \"Interval\" belongs into an instrument",
            "CFG-003 /Sed: unknown; did you mean \"Seed\"?",
        ]
    );
    let hostile = edited(|entry| {
        entry.insert(format!("\u{1b}[2J\n{}", "x".repeat(100_000)), json!(1));
    });
    one(&hostile, "CFG-003 /0/\\u{1b}[2J\\nxxx");
    assert!(faults(&hostile)[0].len() < 120, "{}", faults(&hostile)[0]);
}

#[test]
fn a_key_given_twice_is_refused() {
    let twice = instrument().to_string().replacen('{', "{\"Interval\": 1, ", 1);
    one(format!("[{twice}]").as_bytes(), "CFG-003 /0/Interval: given twice");
}

#[test]
fn a_missing_key_is_named_with_what_it_takes() {
    let required = [
        "Maker Exchange",
        "Follow Exchange",
        "Follow Symbol",
        "Maker Symbol",
        "Term type",
        "Price Decimals",
        "Qty Decimals",
        "Interval",
        "Qty Multiplier",
        "Price Divergence",
        "Max Amt Per Order",
    ];
    for key in required {
        let text = edited(|entry| {
            entry.remove(key);
        });
        one(&text, &format!("CFG-004 /0/{key}: missing (want "));
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    one(
        &with("Price Decimals", "\"2\""),
        "CFG-004 /0/Price Decimals: number as string (got \"2\", want an integer 0 to 18)",
    );
    one(&with("Interval", "\"0.5\""), "CFG-004 /0/Interval: number as string");
    one(
        &with("Interval", "\"\""),
        "CFG-004 /0/Interval: wrong type or value (got \"\", want a number at least 0",
    );
    one(&with("Price Decimals", "2.5"), "CFG-004 /0/Price Decimals: wrong type or value (got 2.5,");
    one(&with("Interval", "true"), "CFG-004 /0/Interval: wrong type or value (got true,");
    one(
        &with("Term type", "\"spot\""),
        "CFG-004 /0/Term type: wrong type or value (got \"spot\", want \"SPOT\" or \"FUTURE\")",
    );
    one(&with("Position Side", "\"NONE\""), "CFG-004 /0/Position Side");
    one(&with("Pipelined", "1"), "CFG-016 /0/Pipelined: comes with a later version");
    one(&with("Maker Symbol", "7"), "CFG-004 /0/Maker Symbol: wrong type or value (got 7,");
    one(b"7", "CFG-004 file: wrong type (got a number, want a list of instruments or an object)");
    one(b"\"text\"", "CFG-004 file: wrong type");
    one(b"null", "CFG-004 file: wrong type");
    one(b"[[]]", "CFG-004 /0: wrong type (got a list, want an instrument)");
    one(b"{}", "CFG-004 /instruments: missing or wrong type (got nothing, want a list)");
    one(b"{\"instruments\": 3}", "CFG-004 /instruments: missing or wrong type (got a number, want a list)");
}

/// The committed schema lists every key: none may take null, a list, or an object that is no reference.
/// Fault K1.
#[test]
fn every_key_checks_its_value() {
    let schema = schemas::config::json_schema();
    for (form, base) in [("Instrument", "/0"), ("Process", "")] {
        for key in schema["$defs"][form]["properties"].as_object().unwrap().keys() {
            for wrong in [Value::Null, json!([]), json!({ CANARY: CANARY }), json!([CANARY])] {
                let mut entry = instrument();
                let mut object = json!({ "instruments": [instrument()] });
                let place = if form == "Instrument" { &mut entry } else { &mut object };
                place[key] = wrong;
                let text = if form == "Instrument" { json!([entry]) } else { object };
                let lines = faults(text.to_string().as_bytes());
                let named = lines.iter().any(|line| line[7..].starts_with(&format!(" {base}/{key}")));
                assert!(named, "{key}: {lines:?}");
            }
        }
    }
}

/// Fault K1.
/// Promise P10.
#[test]
fn a_venue_outside_the_set_is_refused_with_the_set() {
    for venue in ["binance", "Binance_spot", "embedded", "", "https://example.test", "okx "] {
        one(
            &with("Maker Exchange", &json!(venue).to_string()),
            &format!(
                "CFG-005 /0/Maker Exchange: \"{venue}\" is not a sandbox; allowed: \"simulated\" (the embedded venue), "
            ),
        );
    }
}

#[test]
fn dialect_and_address_belong_to_staging() {
    let staging = |dialect: Option<&str>, address: Option<&str>| {
        edited(|entry| {
            entry.insert("Maker Exchange".into(), "staging".into());
            entry.extend(dialect.map(|dialect| ("Dialect".to_owned(), dialect.into())));
            entry.extend(address.map(|address| ("Address".to_owned(), address.into())));
        })
    };
    assert!(Config::parse(&staging(Some("binance_spot"), Some("127.0.0.1:8080"))).is_ok());
    one(&staging(None, Some("127.0.0.1:8080")), "CFG-004 /0/Dialect: missing");
    one(&staging(Some("okx"), None), "CFG-004 /0/Address: missing");
    one(
        &staging(Some("kraken"), Some("127.0.0.1:8080")),
        "CFG-004 /0/Dialect: wrong type or value (got \"kraken\"",
    );
    one(&staging(Some("okx"), Some("8.8.8.8:443")), "CFG-006 /0/Address: staging address must be private");
    one(
        &staging(Some("binance_usdm"), Some("127.0.0.1:80")),
        "CFG-011 /0/Term type: the venue \"staging\" has no SPOT",
    );
    one(
        &with("Address", "\"127.0.0.1:80\""),
        "CFG-011 /0/Address: goes only with Maker Exchange \"staging\"",
    );
    one(&with("Dialect", "\"okx\""), "CFG-011 /0/Dialect: goes only with Maker Exchange \"staging\"");
    let secret = format!("user:{CANARY}@127.0.0.1:80");
    one(&staging(Some("okx"), Some(&secret)), "CFG-006 /0/Address: staging address must be host:port");
}

#[test]
fn numbers_have_their_ranges() {
    let refused: HashMap<&str, &[&str]> = HashMap::from([
        ("Price Decimals", ["-1", "19", "1e9", "1e400"].as_slice()),
        ("Qty Decimals", ["-1", "19", "18446744073709551616"].as_slice()),
        ("Interval", ["-1", "-0.001", "86401", "1e9", "1e-19"].as_slice()),
        ("Qty Multiplier", ["0", "-0", "-1", "1e19", "0.00000000000000000001"].as_slice()),
        ("Price Divergence", ["-0.1", "1", "1.5"].as_slice()),
        ("Max Amt Per Order", ["0", "-5", "1e400", "1.00000000000000000000000000001"].as_slice()),
        ("Min Qty", ["-1"].as_slice()),
        ("Min Amt", ["-1", "1000.01"].as_slice()),
        ("Contract Size", ["0"].as_slice()),
        ("Leverage", ["0"].as_slice()),
        ("Max Tick Age", ["0", "3601", "0.0001", "1.2345"].as_slice()),
        ("Max Book Age", ["0", "-1"].as_slice()),
        ("Max Foreign Fill Ratio", ["-0.1", "1.1"].as_slice()),
    ]);
    for (key, values) in refused {
        for value in values {
            one(&with(key, value), &format!("CFG-008 /0/{key}: "));
        }
    }
    one(
        &with("Maker Symbol", "\"\""),
        "CFG-008 /0/Maker Symbol: out of range (got \"\", want text of 1 to 64 bytes",
    );
    one(&with("Maker Symbol", "\"BTC USDT\""), "CFG-008 /0/Maker Symbol");
    one(&with("Maker Symbol", "\"BTC\\u0000\""), "CFG-008 /0/Maker Symbol: out of range (got \"BTC\\0\"");
    one(
        &with("Min Qty", "100001"),
        "CFG-008 /0/Min Qty: out of range (got 100001: above Max Amt Per Order, 1000, at any price)",
    );
    assert!(Config::parse(&with("Min Qty", "100000")).is_ok());
}

#[test]
fn amounts_that_do_not_fit_128_bits_are_refused() {
    let scaled = |decimals: u8, contract: &str, term: &str| {
        let mut entry = instrument();
        entry["Price Decimals"] = decimals.into();
        entry["Qty Decimals"] = decimals.into();
        entry["Maker Exchange"] = "simulated".into();
        entry["Term type"] = term.into();
        entry["Contract Size"] = "@".into();
        json!([entry]).to_string().replace("\"@\"", contract).into_bytes()
    };
    assert!(Config::parse(&scaled(17, "0.1", "SPOT")).is_ok());
    one(
        &scaled(18, "0.1", "SPOT"),
        "CFG-008 /0/Max Amt Per Order: out of range (got 1000: with 36 decimals beyond 128 bits)",
    );
    assert!(Config::parse(&scaled(17, "1", "FUTURE")).is_ok());
    one(&scaled(17, "1e-18", "FUTURE"), "CFG-008 /0/Max Amt Per Order");
}

#[test]
fn a_symbol_has_one_owner_on_a_venue() {
    let mut other = instrument();
    other["Follow Symbol"] = "ETHUSDT".into();
    let twice = json!([instrument(), other]).to_string();
    one(twice.as_bytes(), "CFG-010 /1/Maker Symbol: the same symbol on the same venue as /0");
    other["Maker Exchange"] = "simulated".into();
    assert!(Config::parse(json!([instrument(), other]).to_string().as_bytes()).is_ok());
    let mut future = other.clone();
    future["Term type"] = "FUTURE".into();
    let config = Config::parse(json!([other, future]).to_string().as_bytes()).unwrap();
    let [spot, future] = config.instruments.as_slice() else { panic!() };
    assert_ne!(spot.prefix("main"), future.prefix("main"), "one venue, two markets of one symbol");
    assert_eq!(spot.prefix("main"), InstrumentPrefix::new("main", "BTCUSDT"));
}

#[test]
fn symbols_whose_orders_could_not_be_told_apart_are_refused() {
    let mut seen = HashMap::new();
    let (first, second) = (0..)
        .find_map(|number| {
            let symbol = format!("S{number}USDT");
            let first = seen.insert(InstrumentPrefix::new("main", &symbol), symbol.clone())?;
            Some((first, symbol))
        })
        .unwrap();
    let entry = |symbol: String| {
        let mut entry = instrument();
        entry["Maker Symbol"] = symbol.into();
        entry
    };
    let text = json!({ "instruments": [entry(first), entry(second)] }).to_string();
    one(
        text.as_bytes(),
        "CFG-010 /instruments/1/Maker Symbol: its client order ids would begin as those of /instruments/0",
    );
}

#[test]
fn venue_and_term_type_must_go_together() {
    one(
        &with("Term type", "\"FUTURE\""),
        "CFG-011 /0/Term type: the venue \"binance_spot\" has no FUTURE instruments",
    );
    one(
        &with("Maker Exchange", "\"binance_UMFuture\""),
        "CFG-011 /0/Term type: the venue \"binance_UMFuture\" has no SPOT",
    );
    let config = Config::parse(&with("Position Side", "\"LONG\"")).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.code == Code::Together), "{:?}", config.warnings);
}

/// Fault K1.
/// Promise P11.
#[test]
fn secrets_are_asked_for_and_never_shown() {
    for wrong in [
        "null",
        "7",
        "[]",
        "{}",
        "{\"env\": \"\"}",
        "{\"env\": \"A=B\"}",
        "{\"file\": 1}",
        "{\"vault\": \"x\"}",
    ] {
        one(
            &with("Secret", wrong),
            "CFG-004 /0/Secret: wrong type or value (got something else; not shown, want {\"env\"",
        );
    }
    one(&with("Secret", "{\"env\": \"A\", \"file\": \"b\"}"), "CFG-004 /0/Secret");
    one(&with("Secret", &json!({ "value": CANARY }).to_string()), "CFG-004 /0/Secret");
    one(&with("API KEY", "\"\""), "CFG-004 /0/API KEY: missing or empty");
    let okx = edited(|entry| {
        entry.insert("Maker Exchange".into(), "okx".into());
    });
    one(&okx, "CFG-004 /0/Passphrase: missing or empty");
    let staging = edited(|entry| {
        entry.insert("Maker Exchange".into(), "staging".into());
        entry.insert("Dialect".into(), "okx".into());
        entry.insert("Address".into(), "127.0.0.1:8080".into());
    });
    one(&staging, "CFG-004 /0/Passphrase: missing or empty");
    let config = Config::parse(&with("Passphrase", &format!("\"{CANARY}\""))).unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(Fault::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("CFG-007 /0/API KEY: a secret stands in the file"), "{warnings:?}");
    assert!(!format!("{config:?}{config:#?}{warnings:?}").contains(CANARY));
}

#[test]
fn a_feeds_password_is_never_shown() {
    for feed in [format!("redis://user:{CANARY}@localhost"), format!("redis://:{CANARY}@localhost/\u{7}")] {
        let object = json!({ "instruments": [instrument()], "Feed": feed }).to_string();
        match Config::parse(object.as_bytes()) {
            Ok(config) => assert!(!format!("{config:?}").contains(CANARY)),
            Err(faults) => assert!(!format!("{faults:?}").contains(CANARY)),
        }
    }
    let object =
        json!({ "instruments": [instrument()], "Feed": format!("http://:{CANARY}@localhost") }).to_string();
    one(object.as_bytes(), "CFG-004 /Feed: not a feed URL; not shown");
}

#[test]
fn the_process_wide_keys_are_checked() {
    let object = json!({
        "instruments": [instrument()],
        "Feed": "ftp://x", "Feed Format": "csv", "Ticker Prefix": "a b", "Seed": -1, "Instance": "Main",
        "Admin Address": "localhost", "Labels": "", "Sharding": "lease", "Shards": 2,
        "Kafka Options": 1, "Journal": 4, "Journal Sync": "never", "Lease Store": "tape:x", "Takeover Delay": "5", "Log Format": 1,
        "Labels Kafka": 7, "Log File": true,
    });
    let lines = faults(object.to_string().as_bytes());
    let starts = [
        "CFG-004 /Feed: ",
        "CFG-004 /Admin Address: not an address (got \"localhost\", want IP:port)",
        "CFG-004 /Feed Format: ",
        "CFG-008 /Ticker Prefix: ",
        "CFG-008 /Seed: ",
        "CFG-008 /Instance: ",
        "CFG-008 /Labels: ",
        "CFG-004 /Labels Kafka: ",
        "CFG-004 /Journal: ",
        "CFG-004 /Journal Sync: ",
        "CFG-004 /Sharding: ",
        "CFG-004 /Lease Store: ",
        "CFG-004 /Kafka Options: ",
        "CFG-004 /Takeover Delay: number as string",
        "CFG-004 /Log Format: ",
        "CFG-004 /Log File: ",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "want {start}\ngot {line}");
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let mut first = instrument();
    first["Price Decimals"] = json!("2");
    first["Interval"] = json!(-1);
    let mut second = instrument();
    second["Maker Exchange"] = json!("binance");
    second["Intervall"] = json!(1);
    second.as_object_mut().unwrap().remove("Term type");
    let lines = faults(json!({ "Seed": "x", "instruments": [first, second] }).to_string().as_bytes());
    let codes: Vec<&str> = lines.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        codes,
        [
            "CFG-004 /Seed",
            "CFG-004 /instruments/0/Price Decimals",
            "CFG-008 /instruments/0/Interval",
            "CFG-003 /instruments/1/Intervall",
            "CFG-005 /instruments/1/Maker Exchange",
            "CFG-004 /instruments/1/Term type",
        ]
    );
}

#[test]
fn the_number_of_instruments_has_bounds() {
    one(b"[]", "CFG-014 file: number of instruments out of range (got 0, want 1 to 10000)");
    one(b"{\"instruments\": []}", "CFG-014 /instruments: number of instruments");
    let entries = |count: usize| {
        let entry = |number: usize| {
            let mut entry = instrument();
            entry["Maker Symbol"] = format!("S{number}").into();
            entry
        };
        Value::Array((0..count).map(entry).collect()).to_string()
    };
    one(entries(INSTRUMENTS_MAX + 1).as_bytes(), "CFG-014 file: number of instruments");
    assert_eq!(Config::parse(entries(1_000).as_bytes()).unwrap().instruments.len(), 1_000);
}

/// Fault K1.
#[test]
fn a_flood_of_faults_is_counted_not_printed() {
    let text = format!("[{}]", vec!["{\"x\": 1}"; 5_000].join(","));
    let lines = faults(text.as_bytes());
    assert_eq!(lines.len(), FAULTS_MAX + 1);
    assert!(lines.last().unwrap().ends_with("more faults, not listed"), "{}", lines.last().unwrap());
}
