//! Bad ticker payloads: each gives its one line, nothing stops, and the good message after it arrives.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::sync::Arc;
use std::time::Duration;

use pipeline::event::FeedTick;
use pipeline::time::Now;
use self_trader::feed::decode::Reason;
use self_trader::feed::{FeedCounters, Intake, Key, Outcome, Route};
use tokio::sync::mpsc;

#[path = "support/log.rs"]
mod log;

const KEY: &str = "binance_ticker_BTCUSDT";

/// What became of a bad message: refused, or a tick that the rules skip.
#[derive(Clone, Copy)]
enum Want {
    Rejected,
    Tick,
}

/// One bad payload: the code of its line, a part of that line, and what becomes of the message.
type Row = (Vec<u8>, Reason, &'static str, Want);

fn row(payload: impl AsRef<[u8]>, reason: Reason, part: &'static str, want: Want) -> Row {
    (payload.as_ref().to_vec(), reason, part, want)
}

fn rejected(payload: impl AsRef<[u8]>, reason: Reason, part: &'static str) -> Row {
    row(payload, reason, part, Want::Rejected)
}

fn price(value: &str, reason: Reason, part: &'static str) -> Row {
    row(format!(r#"{{"price":{value},"qty":"1"}}"#), reason, part, Want::Tick)
}

fn qty(value: &str, reason: Reason, part: &'static str) -> Row {
    row(format!(r#"{{"price":"1","qty":{value}}}"#), reason, part, Want::Tick)
}

fn time(value: &str, part: &'static str) -> Row {
    rejected(format!(r#"{{"price":"1","qty":"1","time":{value}}}"#), Reason::Time, part)
}

fn with(member: &str, reason: Reason, part: &'static str) -> Row {
    rejected(format!(r#"{{"price":"1","qty":"1",{member}}}"#), reason, part)
}

fn not_text() -> Vec<Row> {
    let utf16: Vec<u8> = r#"{"price":"1"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_big: Vec<u8> = r#"{"price":"1"}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let with_mark = |mark: &[u8], text: &[u8]| [mark, text].concat();
    vec![
        rejected("", Reason::Empty, "empty payload (got 0 bytes"),
        rejected(" \r\n\t ", Reason::Empty, "empty payload"),
        rejected([0; 12], Reason::Empty, "got 12 bytes"),
        rejected(vec![b' '; 65_537], Reason::TooLarge, "(got 65537, max 65536)"),
        rejected("[".repeat(100_000), Reason::TooLarge, "(got 100000, max 65536)"),
        rejected(b"{\"price\":\"\xff\",\"qty\":\"1\"}", Reason::NotText, "at byte 10"),
        rejected(b"{\"price\":\"1\",\"qty\":\"1\",\"x\":\"\xc3\"}", Reason::NotText, "at byte 28"),
        rejected(
            with_mark(&[0xef, 0xbb, 0xbf], br#"{"price":"1","qty":"1"}"#),
            Reason::NotText,
            "byte order mark",
        ),
        rejected(with_mark(&[0xff, 0xfe], &utf16), Reason::NotText, "UTF-16 with a byte order mark"),
        rejected(&utf16, Reason::NotText, "UTF-16"),
        rejected(&utf16_big, Reason::NotText, "UTF-16"),
        rejected(r#"{"price":"1","qty":"1","side":"\ud800"}"#, Reason::NotText, "half a surrogate pair"),
        rejected(r#"{"price":"1","qty":"1","extra":["\udc00"]}"#, Reason::NotText, "half a surrogate pair"),
        rejected([0x1f, 0x8b, 8, 0, 0, 0], Reason::NotJson, "first bytes 1f 8b 08 00: gzip?"),
        rejected([0x28, 0xb5, 0x2f, 0xfd, 0x24], Reason::NotJson, "zstd?"),
        rejected(b"Obj\x01\x04\x14", Reason::NotJson, "Avro container?"),
        rejected([0, 0, 0, 0, 7, 2, 0x10, b'x'], Reason::NotJson, "schema registry frame?"),
        rejected([0x0a, 3, b'1', b'.', b'5', 0x12, 1, b'1'], Reason::NotJson, "protobuf?"),
    ]
}

fn not_an_object() -> Vec<Row> {
    let deep = |levels: usize| {
        format!(r#"{{"price":"1","qty":"1","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    vec![
        rejected(r#"{"price":"1","qty":"1""#, Reason::Malformed, "at byte 22"),
        rejected(r#"{"price":"1","qty":"1"} x"#, Reason::Malformed, "at byte 24"),
        rejected(r#"{"price":"1","qty":"1"}{"price":"1","qty":"1"}"#, Reason::Malformed, "at byte 23"),
        rejected("{\n\"price\":\"1\",\n\"qty\":\"1\" // note\n}", Reason::Malformed, "malformed JSON"),
        rejected(r#"{"price":NaN,"qty":"1"}"#, Reason::Malformed, "at byte 9"),
        rejected(r#"{"price":Infinity,"qty":"1"}"#, Reason::Malformed, "malformed JSON"),
        rejected(r#"{'price':'1','qty':'1'}"#, Reason::Malformed, "at byte 1"),
        rejected(r#"{"price":01,"qty":"1"}"#, Reason::Malformed, "malformed JSON"),
        rejected(r#"{"price":+1,"qty":"1"}"#, Reason::Malformed, "malformed JSON"),
        rejected(r#"{"price":"1","qty":"1",}"#, Reason::Malformed, "malformed JSON"),
        rejected("{\"price\":\"1\u{1}\",\"qty\":\"1\"}", Reason::Malformed, "malformed JSON"),
        rejected("hello", Reason::Malformed, "at byte 0"),
        rejected(deep(16), Reason::TooDeep, "deeper than 16"),
        rejected(deep(30_000), Reason::TooDeep, "deeper than 16 at byte"),
        rejected("[{\"price\":\"1\"}]", Reason::NotObject, "expected object (got [{"),
        rejected("64000.1", Reason::NotObject, "expected object (got 64000.1)"),
        rejected("\"x\"", Reason::NotObject, "expected object"),
        rejected("null", Reason::NotObject, "expected object (got null)"),
        rejected(
            r#"{"price":"1","qty":"1","price":"2"}"#,
            Reason::DuplicateField,
            "duplicate field \"price\"",
        ),
        rejected(
            r#"{"id":1,"price":"1","qty":"1","id":2}"#,
            Reason::DuplicateField,
            "duplicate field \"id\"",
        ),
        rejected(r#"{"qty":"1"}"#, Reason::MissingField, "missing field \"price\""),
        rejected(r#"{"price":"1"}"#, Reason::MissingField, "missing field \"qty\""),
        rejected("{}", Reason::MissingField, "missing field \"price\""),
        rejected(r#"{"Price":"1","qty":"1"}"#, Reason::MissingField, "missing field \"price\""),
        rejected(
            r#"{"price":true,"qty":"1"}"#,
            Reason::WrongType,
            "field \"price\": wrong type or value (got true",
        ),
        rejected(r#"{"price":{"v":1},"qty":"1"}"#, Reason::WrongType, "got {\"v\":1}, want a decimal"),
        rejected(r#"{"price":null,"qty":"1"}"#, Reason::WrongType, "got null"),
        rejected(r#"{"price":"1","qty":[1]}"#, Reason::WrongType, "field \"qty\""),
        with(r#""side":"hold""#, Reason::WrongType, "(got \"hold\", want \"buy\" or \"sell\")"),
        with(r#""side":1"#, Reason::WrongType, "field \"side\""),
        with(r#""symbol":7"#, Reason::WrongType, "field \"symbol\""),
    ]
}

fn bad_numbers() -> Vec<Row> {
    let digits = format!("\"{}\"", "1".repeat(400));
    let mut rows: Vec<Row> =
        ["", "abc", "1,5", " 1", "1 ", "+1", "0x10", "١٢", "1.2.3", ".", "-", "01", "1_0", "NaN", "1e"]
            .iter()
            .map(|text| {
                price(&format!("\"{text}\""), Reason::BadDecimal, "field \"price\": bad decimal (got ")
            })
            .collect();
    rows.extend([
        price(&digits, Reason::BadDecimal, "...\", want a JSON number: more than 28 significant digits)"),
        price("\"12345678901234567.123456789012\"", Reason::BadDecimal, "more than 28 significant digits"),
        price("\"0\"", Reason::PriceNotPositive, "price not positive (got \"0\""),
        price("0", Reason::PriceNotPositive, "price not positive (got \"0\""),
        price("\"-0\"", Reason::PriceNotPositive, "price not positive (got \"-0\""),
        price("-64000.1", Reason::PriceNotPositive, "price not positive (got \"-64000.1\""),
        price("\"1e-30\"", Reason::OutOfRange, "field \"price\": out of range (got \"1e-30\""),
        price("1e30", Reason::OutOfRange, "out of range (got \"1e30\""),
        qty("\"0\"", Reason::QtyNotPositive, "quantity not positive (got \"0\""),
        qty("-1", Reason::QtyNotPositive, "quantity not positive (got \"-1\""),
        qty("\"1e-19\"", Reason::OutOfRange, "field \"qty\": out of range"),
        qty("\"x\\u001b[31m\"", Reason::BadDecimal, "got \"x\\x1b[31m\""),
    ]);
    rows
}

fn bad_times_and_ids() -> Vec<Row> {
    let long_id = format!(r#""id":"{}""#, "x".repeat(41));
    let long_symbol = format!(r#""symbol":"{}""#, "B".repeat(300));
    let mut rows = vec![
        time("0", "(got 0, want whole milliseconds"),
        time("1700000000", "this looks like seconds"),
        time("\"1700000000\"", "this looks like seconds"),
        time("1700000000123456", "this looks like microseconds"),
        time("1700000000123456789", "this looks like nanoseconds"),
        time("-1700000000123", "(got -1700000000123"),
        time("1700000000123.5", "(got 1700000000123.5"),
        time("1.7e12", "(got 1.7e12"),
        time("\"yesterday\"", "(got yesterday"),
        time("\"\"", "(got , want"),
        with(r#""time":true"#, Reason::WrongType, "field \"time\""),
        with(r#""id":18446744073709551616"#, Reason::BadId, "(got 18446744073709551616"),
        with(r#""id":-1"#, Reason::BadId, "(got -1"),
        with(r#""id":1.5"#, Reason::BadId, "(got 1.5"),
        with(r#""id":"""#, Reason::BadId, "(got \"\""),
        with(&long_id, Reason::BadId, "1 to 40 bytes of text"),
        with(r#""id":{}"#, Reason::WrongType, "field \"id\""),
        with(&long_symbol, Reason::SymbolMismatch, "...\", want \"BTCUSDT\""),
    ];
    for symbol in ["ETHUSDT", "btcusdt", "BTC-USDT", "BTC/USDT", "", "BTCUSDT\\u0000", "ВTCUSDT"] {
        let member = format!(r#""symbol":"{symbol}""#);
        rows.push(with(&member, Reason::SymbolMismatch, "want \"BTCUSDT\" as the channel says"));
    }
    rows
}

/// Fault F15.
/// Promise P18, P20.
#[test]
fn each_bad_payload_gives_its_line_and_stops_nothing() {
    for rows in [not_text(), not_an_object(), bad_numbers(), bad_times_and_ids()] {
        for (payload, reason, part, want) in rows {
            check(&payload, reason, part, want);
        }
    }
}

fn check(payload: &[u8], reason: Reason, part: &str, want: Want) {
    let what = String::from_utf8_lossy(&payload[..payload.len().min(80)]).into_owned();
    let mut bench = Bench::new();
    let (outcome, lines) = bench.handle(payload);
    assert_eq!(lines.len(), 1, "one line for {what:?}, got {lines:?}");
    assert!(lines[0].contains(reason.code()), "{what:?} gave {:?}, want {}", lines[0], reason.code());
    assert!(lines[0].contains(part), "{what:?} gave {:?}, want {part:?} in it", lines[0]);
    assert!(!lines[0].chars().any(char::is_control), "{:?}", lines[0]);
    assert!(lines[0].len() < 400, "{:?}", lines[0]);
    match want {
        Want::Rejected => {
            assert_eq!(outcome, Outcome::Rejected(reason), "{what:?}");
            assert_eq!(bench.counters.rejected(reason), 1);
            assert!(bench.lane.try_recv().is_err(), "nothing of {what:?} reaches the lane");
        }
        Want::Tick => {
            assert_eq!(outcome, Outcome::Tick, "{what:?}");
            assert_eq!(bench.counters.bad_numbers(reason), 1);
            let tick = bench.lane.try_recv().unwrap().tick;
            let valid = tick.price.is_some_and(|price| price.is_positive())
                && tick.qty.is_some_and(|qty| qty.is_positive());
            assert!(!valid, "{what:?} must be a tick that the rules skip, got {tick:?}");
        }
    }
    let (good, _) = bench.handle(br#"{"price":"64000.10","qty":"0.5","id":"good"}"#);
    assert_eq!(good, Outcome::Tick, "the good message after {what:?}");
    assert!(bench.lane.try_recv().unwrap().tick.price.is_some());
    assert!(bench.counters.snapshot().balances());
}

/// Fault F14, K11.
#[test]
fn unknown_and_shared_names_are_refused() {
    let counters = Arc::new(FeedCounters::default());
    let route = |key: &str, symbol: &str| Route {
        follow_key: key.to_owned(),
        follow_symbol: symbol.to_owned(),
        poll: Duration::from_secs(1),
        lanes: vec![mpsc::channel(1).0],
        holds: Vec::new(),
    };
    let routes =
        vec![route("a_BTCUSDT", "BTCUSDT"), route("b_BTCUSDT", "BTCUSDT"), route("a_ETHUSDT", "ETHUSDT")];
    let mut intake = Intake::new(routes, counters.clone());
    let mut handle = |key| intake.handle(key, br#"{"price":"1","qty":"1"}"#, Now::default());
    for unknown in ["", "a_btcusdt", "a_BTCUSDT ", "x\u{7}"] {
        assert_eq!(handle(Key::Channel(unknown)), Outcome::Rejected(Reason::UnknownSymbol), "{unknown:?}");
    }
    assert_eq!(handle(Key::Symbol("SOLUSDT")), Outcome::Rejected(Reason::UnknownSymbol));
    assert_eq!(handle(Key::Symbol("BTCUSDT")), Outcome::Rejected(Reason::AmbiguousSymbol));
    assert_eq!(handle(Key::Symbol("ETHUSDT")), Outcome::Tick);
    assert_eq!(handle(Key::Channel("b_BTCUSDT")), Outcome::Tick);
    let snapshot = counters.snapshot();
    assert_eq!(
        (snapshot.messages, snapshot.rejected["unknown_symbol"], snapshot.rejected["ambiguous_symbol"]),
        (8, 5, 1)
    );
    assert!(snapshot.balances());
}

#[test]
fn what_looks_odd_but_is_good_is_taken() {
    for payload in [
        r#"{"price":1e5,"qty":1E-3}"#,
        r#"{"price":"1e5","qty":"2.5e-8"}"#,
        r#"  {"price" : 64000.10 , "qty" : 0.5}  "#,
        r#"{"price":"1","qty":"1","side":null,"time":null,"id":null,"symbol":null}"#,
        r#"{"price":"1","qty":"1","side":"unknown"}"#,
        r#"{"price":"1","qty":"1","extra":{"deep":[[[1]]]},"more":"\ud83d\ude00"}"#,
        r#"{"pri\u0063e":"1","qty":"1"}"#,
        r#"{"price":"1000000000000000","qty":"1e15"}"#,
        r#"{"price":"1","qty":"1","id":"99999999999999999999"}"#,
    ] {
        let mut bench = Bench::new();
        let (outcome, lines) = bench.handle(payload.as_bytes());
        assert_eq!((outcome, lines), (Outcome::Tick, Vec::new()), "{payload}");
        let tick = bench.lane.try_recv().unwrap().tick;
        assert!(tick.price.is_some() && tick.qty.is_some(), "{payload}");
    }
}

#[test]
fn of_the_same_complaint_the_first_and_each_thousandth_is_said() {
    let mut bench = Bench::new();
    let said: usize = (0..2_500).map(|_| bench.handle(b"nonsense").1.len()).sum();
    assert_eq!(said, 3, "the first, the 1,000th and the 2,000th");
    assert_eq!(bench.counters.rejected(Reason::Malformed), 2_500);
}

/// One route, one lane, and the lines that were logged.
struct Bench {
    intake: Intake,
    counters: Arc<FeedCounters>,
    lane: mpsc::Receiver<FeedTick>,
}

impl Bench {
    fn new() -> Self {
        let counters = Arc::new(FeedCounters::default());
        let (sender, lane) = mpsc::channel(8);
        let route = Route {
            follow_key: KEY.to_owned(),
            follow_symbol: "BTCUSDT".to_owned(),
            poll: Duration::from_secs(1),
            lanes: vec![sender],
            holds: Vec::new(),
        };
        Self { intake: Intake::new(vec![route], counters.clone()), counters, lane }
    }

    fn handle(&mut self, payload: &[u8]) -> (Outcome, Vec<String>) {
        log::start();
        let outcome = self.intake.handle(Key::Channel(KEY), payload, Now::default());
        let text = log::take();
        (outcome, text.lines().map(str::to_owned).collect())
    }
}
