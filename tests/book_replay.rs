//! Recorded markets through the decoder and the book: no gap, and the top that the recording ends with.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, or says why"
)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use pipeline::book::{Book, BookRequest, BookState, Diff, Level, Snapshot};
use pipeline::time::{Nanos, Now};
use schemas::wire::binance::rest::read_depth;
use schemas::wire::binance::stream::{StreamMessage, read};

/// The recordings lie beside the project, not in it.
fn recorded(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

fn lines(path: &Path) -> impl Iterator<Item = String> {
    BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines().map(Result::unwrap)
}

#[derive(Default)]
struct Replay {
    books: HashMap<String, Book>,
    diff: Diff,
    line: u64,
    best_quotes: u64,
}

impl Replay {
    fn now(&self) -> Now {
        Now { mono: Nanos(self.line * 1_000), wall_ms: 0 }
    }

    fn book(&mut self, symbol: &str) -> &mut Book {
        let now = self.now();
        self.books.entry(symbol.to_owned()).or_insert_with(|| {
            let mut book = Book::new();
            book.handle_subscribed(now);
            book
        })
    }

    fn message(&mut self, text: &str) {
        self.line += 1;
        let now = self.now();
        let mut diff = std::mem::take(&mut self.diff);
        let fault = match read(text, &mut diff).unwrap() {
            StreamMessage::Best { symbol, best } => {
                self.best_quotes += 1;
                self.book(&symbol).handle_best(best, now)
            }
            StreamMessage::Depth { symbol } => self.book(&symbol).handle_diff(&diff, now),
            StreamMessage::Subscribed { .. } | StreamMessage::ServerShutdown | StreamMessage::Ignored => None,
        };
        self.diff = diff;
        assert_eq!(fault, None, "line {}: {text}", self.line);
        for (symbol, book) in &self.books {
            assert_ne!(book.state(now), BookState::Crossed, "{symbol} after line {}", self.line);
        }
    }

    fn snapshot(&mut self, symbol: &str, snapshot: &Snapshot) {
        self.line += 1;
        let now = self.now();
        let book = self.book(symbol);
        let Some(BookRequest::Snapshot { ticket }) = book.poll_request(now) else {
            panic!("{symbol} asks for none")
        };
        assert_eq!(book.handle_snapshot(ticket, snapshot, now), None);
    }

    /// Best bid and ask of the diffs' book, and that they agree with the newest best quote.
    fn end(&self, symbol: &str) -> (String, String) {
        let book = &self.books[symbol];
        let counts = book.counts();
        assert_eq!((counts.gaps, counts.resyncs, counts.mismatches), (0, 0, 0), "{symbol}");
        let price = |level: Option<&Level>| level.map(|level| level.price.to_string()).unwrap();
        let depths = (book.bids().count(), book.asks().count());
        println!("{symbol}: {depths:?} levels, {counts:?}");
        (price(book.bids().next()), price(book.asks().next()))
    }
}

#[test]
fn best_quotes_and_diffs_of_2024() {
    let recordings = [
        ("hftb-spot-20240808/btcusdt_20240808.gz", "BTCUSDT", "61685.99000000", "61686.00000000"),
        ("hftb-spot-20240808/ethusdt_20240808.gz", "ETHUSDT", "2682.50000000", "2682.51000000"),
    ];
    for (path, symbol, bid, ask) in recordings {
        let Some(path) = recorded(path) else { return };
        let mut replay = Replay::default();
        for line in lines(&path) {
            let (_, text) = line.split_once(' ').unwrap();
            if text.starts_with("{\"lastUpdateId\"") {
                replay.snapshot(symbol, &read_depth(text).unwrap());
            } else {
                replay.message(text);
            }
        }
        assert_eq!(replay.end(symbol), (bid.to_owned(), ask.to_owned()));
        assert!(replay.best_quotes > 20_000);
    }
}

#[test]
fn chained_diffs_of_usdm_in_2024() {
    let recordings = [
        ("hftb-usdm-20240808/btcusdt_20240808.gz", "BTCUSDT"),
        ("hftb-usdm-20240808/ethusdt_20240808.gz", "ETHUSDT"),
    ];
    for (path, symbol) in recordings {
        let Some(path) = recorded(path) else { return };
        let mut replay = Replay::default();
        for line in lines(&path) {
            let (_, text) = line.split_once(' ').unwrap();
            if text.starts_with("{\"lastUpdateId\"") {
                replay.snapshot(symbol, &read_depth(text).unwrap());
            } else {
                replay.message(text);
            }
        }
        let (bid, ask) = replay.end(symbol);
        println!("{symbol} ends at {bid} / {ask}");
        assert!(replay.best_quotes > 10_000 && replay.books[symbol].state(replay.now()) == BookState::Live);
    }
}

#[test]
fn usdm_snapshots_that_came_over_rest_in_2021() {
    let folder = "cf-binance-usdm-20210722";
    let (Some(diffs), Some(rest)) = (
        recorded(&format!("{folder}/BINANCE_FUTURES.ws.1.0.gz")),
        recorded(&format!("{folder}/BINANCE_FUTURES.http.0.0.gz")),
    ) else {
        return;
    };
    let mut snapshots: Vec<(f64, String, String)> = Vec::new();
    for line in lines(&rest) {
        let Some((head, text)) = line.split_once(": ") else { continue };
        let Some((url, at)) = head.split_once(" -> ") else { continue };
        let Some((_, query)) = url.split_once("/depth?symbol=") else { continue };
        snapshots.push((at.parse().unwrap(), query.split('&').next().unwrap().to_owned(), text.to_owned()));
    }
    snapshots.reverse();
    let mut replay = Replay::default();
    for line in lines(&diffs) {
        let Some((at, text)) = line.split_once(": ") else { continue };
        let Ok(at) = at.parse::<f64>() else { continue };
        while snapshots.last().is_some_and(|(came, _, _)| *came <= at) {
            let (_, symbol, text) = snapshots.pop().unwrap();
            replay.snapshot(&symbol, &read_depth(&text).unwrap());
        }
        replay.message(text);
    }
    for (symbol, bid, ask) in [
        ("SUSHIUSDT", "7.6120", "7.6160"),
        ("AKROUSDT", "0.01734", "0.01735"),
        ("KEEPUSDT", "0.2463", "0.2467"),
        ("CTKUSDT", "1.01100", "1.01200"),
    ] {
        assert_eq!(replay.end(symbol), (bid.to_owned(), ask.to_owned()));
    }
}

#[test]
fn a_snapshot_that_came_after_the_first_diffs_of_2021() {
    let Some(path) = recorded("cf-binance-spot-20210404/BINANCE-ee25be.0.gz") else { return };
    let mut replay = Replay::default();
    for line in lines(&path) {
        let Some((head, text)) = line.split_once(": ") else { continue };
        if let Some((_, query)) = head.split_once("/depth?symbol=") {
            let symbol = query.split('&').next().unwrap();
            replay.snapshot(symbol, &read_depth(text).unwrap());
        } else if head.parse::<f64>().is_ok() {
            replay.message(text);
        }
    }
    let ends = [
        ("DOTUSDT", "43.49510000", "43.49860000"),
        ("BTCUSDT", "58005.11000000", "58005.12000000"),
        ("ETHUSDT", "2066.02000000", "2066.03000000"),
    ];
    for (symbol, bid, ask) in ends {
        assert_eq!(replay.end(symbol), (bid.to_owned(), ask.to_owned()));
    }
}
