//! What a fuzzer's bytes do to the readers of outside bytes, and what must hold whatever they are: no panic, no message
//! that a log line could not bear, nothing read that another reader of the same text would not find.
//!
//! `tests/fuzz_corpus` replays the corpora.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline::book::{Book, BookRequest, BookState, Diff};
use pipeline::halt::Halts;
use pipeline::time::{Nanos, Now};
use schemas::config::profile::ProfileFile;
use schemas::config::{Config, Fault};
use schemas::halt::HaltedBy;
use schemas::ids::ClientOrderId;
use schemas::journal::Record;
use schemas::order::{PositionSide, Side};
use schemas::units::Decimal;
use schemas::wire::binance::answer::Answer;
use schemas::wire::binance::limit::RateCounts;
use schemas::wire::binance::order::{OrderAnswer, Sent};
use schemas::wire::binance::{rest as common_rest, stream};
use schemas::wire::order_fault::OrderFault;
use schemas::wire::order_update::OrderUpdate;
use schemas::wire::{binance_spot, binance_usdm};
use self_trader::admin::halts::Order;
use self_trader::feed::decode::{Decoder, Ticker, binance, okx};
use self_trader::halt::{HaltBoard, state};
use self_trader::journal::Journal;
use self_trader::journal::codec::{self, Damage, Start};
use self_trader::journal::memory::Memory;
use self_trader::journal::print;
use self_trader::ownership::Hold;
use serde_json::value::RawValue;

/// No line about a fault is longer, bytes.
const LINE_MAX: usize = 1_024;
/// What a venue might echo and nobody may read.
const KEY: &str = "fuzz-key-that-is-not-for-logs";

/// A payload of a feed, read as each of the shapes.
pub(crate) fn ticks(data: &[u8]) {
    let mut decoder = Decoder::default();
    match decoder.ticker(data) {
        Ok(ticker) => assert_agrees(data, &ticker),
        Err(error) => assert_line(&error.to_string()),
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(binance::trade(text));
    drop(okx::trades(text));
}

/// What simd-json found is what serde_json finds in the same bytes.
fn assert_agrees(data: &[u8], ticker: &Ticker<'_>) {
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_slice(data).expect("what is taken as a ticker is JSON to other readers too");
    let text = |name: &str| {
        let raw = fields.get(name)?.get();
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    };
    let number = |name: &str| text(name).and_then(|text| Decimal::parse(&text).ok());
    assert_eq!((ticker.tick.price, ticker.tick.qty), (number("price"), number("qty")));
    if let Some(symbol) = &ticker.symbol {
        assert_eq!(Some(symbol.as_ref()), text("symbol").as_deref());
    }
    let time_ms = text("time").filter(|text| text != "null");
    assert_eq!(ticker.tick.time_ms, time_ms.map(|text| text.parse().expect("a time is whole milliseconds")));
    ticker.faults.iter().flatten().for_each(|fault| assert_line(&fault.to_string()));
}

/// Frames of a market stream and snapshots, a line each, into one book. `!` begins an answer with a snapshot, `?` one
/// about the best quotes; a line of nothing lets time pass.
pub(crate) fn book(data: &[u8]) {
    let (mut book, mut diff, mut ticket) = (Book::new(), Diff::default(), 0);
    let mut now = Now { mono: Nanos(1), wall_ms: 1_790_000_000_000 };
    book.handle_subscribed(now);
    for line in String::from_utf8_lossy(data).lines() {
        now = now.after(std::time::Duration::from_millis(97));
        if let Some(BookRequest::Snapshot { ticket: asked }) = book.poll_request(now) {
            ticket = asked;
        }
        let fault = match line.split_at_checked(1) {
            None => book.handle_timeout(now).map(|fault| fault.line("here")),
            Some(("!", text)) => snapshot(&mut book, ticket, text, now),
            Some(_) => frame(&mut book, line, &mut diff, now),
        };
        if let Some(fault) = fault {
            assert_line(&fault);
        }
        assert_book(&book, now);
    }
}

fn frame(book: &mut Book, line: &str, diff: &mut Diff, now: Now) -> Option<String> {
    match stream::read(line, diff) {
        Ok(stream::StreamMessage::Best { best, .. }) => book.handle_best(best, now),
        Ok(stream::StreamMessage::Depth { .. }) => book.handle_diff(diff, now),
        Ok(_) => None,
        Err(fault) => {
            book.handle_unreadable(now);
            return Some(fault.to_string());
        }
    }
    .map(|fault| fault.line("here"))
}

fn snapshot(book: &mut Book, ticket: u32, text: &str, now: Now) -> Option<String> {
    match common_rest::read_depth(text) {
        Ok(snapshot) => book.handle_snapshot(ticket, &snapshot, now).map(|fault| fault.line("here")),
        Err(fault) => {
            book.handle_snapshot_failed(ticket, now);
            Some(fault.line("here"))
        }
    }
}

/// A book that says it is live is in order, and its top is its best.
fn assert_book(book: &Book, now: Now) {
    let view = book.top(now);
    assert_eq!(view.top.is_none(), view.state == BookState::Syncing);
    if view.state == BookState::Live {
        assert!(view.top.is_some_and(|top| !top.is_crossed()));
    }
    assert!(book.bids().zip(book.bids().skip(1)).all(|(better, worse)| better.price > worse.price));
    assert!(book.asks().zip(book.asks().skip(1)).all(|(better, worse)| better.price < worse.price));
    assert!(book.bids().chain(book.asks()).all(|level| level.price.is_positive() && level.qty.is_positive()));
}

/// Frames and bodies of an order connection, a line each, read as both dialects and as every answer there is.
pub(crate) fn orders(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        spot(line);
        usdm(line);
        bodies(line);
    }
}

fn spot(line: &str) {
    use binance_spot::answer::{Incoming, read};
    use binance_spot::event::UserEvent;
    match read(line) {
        Ok(Incoming::Answer(read)) => answer(&read, binance_spot::api_error::classify),
        Ok(Incoming::Event(UserEvent::Order(report))) => {
            report.warning().iter().for_each(|warning| assert_line(&warning.line("here")));
            told(report.update());
        }
        Ok(Incoming::Event(_)) => {}
        Err(fault) => assert_line(&fault.line("here")),
    }
}

fn usdm(line: &str) {
    use binance_usdm::event::UserEvent;
    match UserEvent::read(line) {
        Ok(UserEvent::Order(report)) => {
            report.warning().iter().for_each(|warning| assert_line(&warning.line("here")));
            told(report.update());
        }
        Ok(UserEvent::Trade(trade)) => told(trade.update()),
        Ok(_) => {}
        Err(fault) => assert_line(&fault.line("here")),
    }
    match schemas::wire::binance::answer::read(line) {
        Ok(schemas::wire::binance::answer::Incoming::Answer(read)) => {
            answer(&read, binance_usdm::api_error::classify);
        }
        Ok(schemas::wire::binance::answer::Incoming::Event(_)) => {}
        Err(fault) => assert_line(&fault.line("here")),
    }
}

/// Everything that an answer may be asked, whatever its request was.
fn answer(answer: &Answer<'_>, classify: schemas::wire::binance::api_error::Classify) {
    assert_eq!(answer.is_ok(), answer.error(classify, KEY).is_none());
    if let Some(error) = answer.error(classify, KEY) {
        let line = error.to_string();
        assert_line(&line);
        assert!(!line.contains(KEY), "the key is shown");
    }
    let orders = answer.orders().unwrap_or_default();
    for order in answer.order().iter().chain(&orders) {
        one_order(order);
    }
    drop((answer.tops(), answer.subscription_id(), answer.server_time_ms(), answer.rate_counts()));
}

fn one_order(order: &OrderAnswer<'_>) {
    order.warning().iter().for_each(|warning| assert_line(&warning.line("here")));
    if let Ok(updates) = order.updates() {
        updates.for_each(assert_update);
    }
    let Some(client_id) = order.client_id() else { return };
    let sent = Sent {
        symbol: "BTCUSDT",
        client_id,
        side: Side::Buy,
        price: Decimal::new(6_400_010, 2),
        qty: Decimal::new(5, 1),
        position_side: PositionSide::None,
        lot_decimals: 6,
    };
    if let Err(fault) = order.check(&sent) {
        assert_line(&fault.line("here"));
    }
}

fn bodies(line: &str) {
    drop((binance_spot::rest::read_account(line), binance_spot::rest::read_exchange_info(line)));
    drop(binance_usdm::rest::read_exchange_info(line, &["BTCUSDT"]));
    drop((binance_usdm::rest::read_account_config(line), binance_usdm::rest::read_positions(line)));
    drop((binance_usdm::rest::read_mark_price(line), binance_usdm::rest::read_listen_key(line)));
    drop((common_rest::read_time(line), RateCounts::read(line)));
    if let Some(id) = ClientOrderId::parse(line) {
        assert_eq!(id.as_str(), line, "an id is its text");
    }
}

fn told(update: Result<Option<OrderUpdate>, OrderFault>) {
    match update {
        Ok(update) => update.into_iter().for_each(assert_update),
        Err(fault) => assert_line(&fault.line("here")),
    }
}

fn assert_update(update: OrderUpdate) {
    assert!(update.executed >= Decimal::ZERO, "less than nothing traded");
    assert!(update.last_fill.is_none_or(|fill| fill.qty >= Decimal::ZERO), "less than nothing was filled");
}

/// A configuration or, behind `#`, a venue's profile.
pub(crate) fn config(data: &[u8]) {
    let faults = match data.strip_prefix(b"#") {
        Some(profile) => ProfileFile::parse(profile).err(),
        None => Config::parse(data).and_then(|config| config.check()).err(),
    };
    let Some(faults) = faults else { return };
    assert!(!faults.is_empty(), "refused without a reason");
    faults.iter().map(Fault::to_string).for_each(|line| assert_line(&line));
}

/// A journal: as it is, or, behind anything else than its beginning, records as JSON lines that are framed first and
/// then cut and bent as the last line says (`CUT,AT,BYTE`).
pub(crate) fn journal(data: &[u8]) {
    if data.starts_with(&codec::MAGIC[..4]) {
        return scanned(data);
    }
    let text = String::from_utf8_lossy(data);
    let mut bytes = codec::MAGIC.to_vec();
    let mut written = 0;
    for line in text.lines() {
        if let Ok(record) = serde_json::from_str::<Record<'_>>(line)
            && codec::encode(&record, written, &mut bytes).is_ok()
        {
            written += 1;
        }
    }
    let whole = codec::scan(&bytes);
    assert_eq!((whole.frames.len() as u64, whole.damage), (written, None));
    let numbers: Vec<usize> =
        text.lines().last().unwrap_or("").split(',').filter_map(|number| number.parse().ok()).collect();
    if let [cut, at, byte] = numbers[..] {
        let len = bytes.len();
        bytes.truncate(codec::MAGIC.len().max(len.saturating_sub(cut)));
        let len = bytes.len();
        bytes[at % len] ^= byte.to_le_bytes()[0];
    }
    scanned(&bytes);
}

fn scanned(bytes: &[u8]) {
    let mut shown = Vec::new();
    if let Err(error) = print::print(bytes, "here", &mut shown) {
        assert_line(&error.to_string());
    }
    if codec::start(bytes) != Start::Journal {
        return;
    }
    let scan = codec::scan(bytes);
    let behind = scan
        .frames
        .last()
        .map_or(codec::MAGIC.len(), |frame| frame.at + codec::FRAME_HEAD + frame.payload.len());
    match scan.damage {
        None => assert_eq!(behind, bytes.len()),
        Some(Damage::Tail { at } | Damage::Middle { at, .. }) => assert_eq!(behind, at),
    }
    let mut memory = Memory::default();
    for frame in &scan.frames {
        if let Ok(record) = serde_json::from_slice::<Record<'_>>(frame.payload) {
            // What is impossible is told and leaves the memory as it was.
            let _ = memory.take(&record, frame.payload);
        }
    }
    assert_eq!(memory.open().len(), memory.open_payloads().len());
}

/// One line, short, that shows as it is.
fn assert_line(line: &str) {
    assert!(line.len() <= LINE_MAX, "{} bytes", line.len());
    assert!(!line.chars().any(char::is_control), "control characters in {line:?}");
}

/// Behind `#` a state of halts as it is found on disk; else bodies of requests, a line each: `+` halts, `-` releases.
pub(crate) fn admin(data: &[u8]) {
    if let Some(state) = data.strip_prefix(b"#") {
        match state::parse(&String::from_utf8_lossy(state)) {
            Ok(halts) => drop(Halts::restored(halts)),
            Err(cause) => assert_line(&cause),
        }
        return;
    }
    let hold = Hold::new();
    let board = HaltBoard::open(vec![("BTCUSDT".to_owned(), Arc::clone(&hold))], None, Journal::default());
    for line in data.split(|byte| *byte == b'\n') {
        let (halts, body) = match line.split_first() {
            Some((b'+', body)) => (true, body),
            Some((b'-', body)) => (false, body),
            Some(_) | None => continue,
        };
        let Some(order) = Order::read(body) else { continue };
        let told = if halts {
            board.halt(order.symbol.as_deref(), HaltedBy::Operator, &order.reason)
        } else {
            board.release(order.symbol.as_deref(), &order.reason)
        };
        match told {
            Ok(_) => assert!(!order.reason.trim().is_empty(), "without a reason"),
            Err(refused) => assert_line(&refused.to_string()),
        }
        assert_eq!(hold.is_halted(), board.of("BTCUSDT").is_some(), "the door is not what the list says");
        board.list().iter().for_each(|halt| assert_line(&halt.reason));
    }
}
