//! Faults that a test switches on and off while the venue runs.
//!
//! `POST /venue/faults` takes one object or an array of them:
//!
//! ```json
//! {"symbol": "BTCUSDT", "fault": "delay_answers", "on": true, "ms": 800}
//! ```
//!
//! * `symbol`: which symbol; left out or null = all of them.
//! * `on`: true (the default) or false. The switch for all symbols and those of single ones are apart: a fault
//!   is at work where either is on.
//! * `fault`:
//!   - `mute_stream`: messages of streams are lost, not held back. `stream` names which: `trade`, `aggTrade`,
//!     `bookTicker`, `depth` (every depth stream), `kline`, `ticker`, `markPrice`, `user` (the account's events), or, left out, all market
//!     streams. A muted depth stream leaves a gap in U/u.
//!   - `refuse_cancels`: cancels are refused with status 503 and code -1008; the order stays.
//!   - `delay_answers`: answers to signed requests come `ms` later (default 1000). What was asked is done at once,
//!     and its events are told at once.
//!   - `lose_answers`: signed requests are carried out and never answered (over REST: 504 and code -1007 after
//!     10 s). Events are still told.
//!   - `stop_book`: `bookTicker` and depth streams fall silent, and `ticker.book` and `depth` answer with the book
//!     as it was when the fault began. When it ends, one depth diff catches up, without a gap.
//!
//! `GET /venue/faults` lists what is on, `DELETE /venue/faults` switches all off. A request without a symbol is
//! touched by the faults of all symbols only.

use serde::{Deserialize, Serialize};

use super::engine::SymbolId;

/// What a test asks for, and what `GET` lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSwitch {
    /// Which symbol; none = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Which fault.
    pub fault: Fault,
    /// On or off.
    #[serde(default = "yes")]
    pub on: bool,
    /// `delay_answers`: how long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// `mute_stream`: which; none = all market streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
}

fn yes() -> bool {
    true
}

/// The faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Lose the messages of streams.
    MuteStream,
    /// Refuse to cancel.
    RefuseCancels,
    /// Answer later.
    DelayAnswers,
    /// Do not answer.
    LoseAnswers,
    /// Freeze the book that is shown.
    StopBook,
}

/// The streams that can be muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stream {
    /// Trades.
    Trade,
    /// Aggregate trades.
    AggTrade,
    /// Top of book.
    BookTicker,
    /// Depth, diffs and snapshots.
    Depth,
    /// Candles.
    Kline,
    /// Tickers and average prices.
    Ticker,
    /// Mark prices.
    MarkPrice,
    /// The account's own events.
    User,
}

const STREAMS: [Stream; 8] = [
    Stream::Trade,
    Stream::AggTrade,
    Stream::BookTicker,
    Stream::Depth,
    Stream::Kline,
    Stream::Ticker,
    Stream::MarkPrice,
    Stream::User,
];

/// Longest delay that an answer can get.
const DELAY_MS_MAX: u64 = 60_000;
const DELAY_MS_DEFAULT: u64 = 1_000;

/// The switches of one symbol, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Scope {
    muted: [bool; STREAMS.len()],
    refuse_cancels: bool,
    delay_ms: Option<u64>,
    lose_answers: bool,
    stop_book: bool,
}

impl Scope {
    fn set(&mut self, switch: &FaultSwitch) {
        let on = switch.on;
        match switch.fault {
            Fault::MuteStream => {
                for (muted, stream) in self.muted.iter_mut().zip(STREAMS) {
                    let meant = switch.stream.map_or(stream != Stream::User, |named| named == stream);
                    *muted = if meant { on } else { *muted };
                }
            }
            Fault::RefuseCancels => self.refuse_cancels = on,
            Fault::DelayAnswers => {
                self.delay_ms = on.then_some(switch.ms.unwrap_or(DELAY_MS_DEFAULT).min(DELAY_MS_MAX));
            }
            Fault::LoseAnswers => self.lose_answers = on,
            Fault::StopBook => self.stop_book = on,
        }
    }

    fn list(&self, symbol: Option<&str>, out: &mut Vec<FaultSwitch>) {
        let switch = |fault| FaultSwitch {
            symbol: symbol.map(str::to_owned),
            fault,
            on: true,
            ms: None,
            stream: None,
        };
        for stream in
            STREAMS.into_iter().zip(self.muted).filter(|(_, muted)| *muted).map(|(stream, _)| stream)
        {
            out.push(FaultSwitch { stream: Some(stream), ..switch(Fault::MuteStream) });
        }
        if let Some(ms) = self.delay_ms {
            out.push(FaultSwitch { ms: Some(ms), ..switch(Fault::DelayAnswers) });
        }
        let plain = [
            (self.refuse_cancels, Fault::RefuseCancels),
            (self.lose_answers, Fault::LoseAnswers),
            (self.stop_book, Fault::StopBook),
        ];
        out.extend(plain.into_iter().filter(|(on, _)| *on).map(|(_, fault)| switch(fault)));
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Now,
    AfterMs(u64),
    Never,
}

/// All switches.
#[derive(Debug)]
pub(super) struct Faults {
    all: Scope,
    of: Vec<Scope>,
}

impl Faults {
    pub(super) fn new(symbols: usize) -> Self {
        Self { all: Scope::default(), of: vec![Scope::default(); symbols] }
    }

    /// Turns one switch; `symbol` is what its name means.
    pub(super) fn set(&mut self, symbol: Option<SymbolId>, switch: &FaultSwitch) {
        match symbol {
            None => self.all.set(switch),
            Some(symbol) => self.of[symbol.index()].set(switch),
        }
    }

    /// All off.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.of.len());
    }

    /// What is on. `name` tells a symbol's name.
    pub(super) fn list<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<FaultSwitch> {
        let mut on = Vec::new();
        self.all.list(None, &mut on);
        for (scope, name) in self.of.iter().zip(names) {
            scope.list(Some(name), &mut on);
        }
        on
    }

    pub(super) fn is_muted(&self, symbol: SymbolId, stream: Stream) -> bool {
        let at = stream as usize;
        self.all.muted[at] || self.of[symbol.index()].muted[at]
    }

    pub(super) fn refuses_cancels(&self, symbol: SymbolId) -> bool {
        self.all.refuse_cancels || self.of[symbol.index()].refuse_cancels
    }

    pub(super) fn stops_book(&self, symbol: SymbolId) -> bool {
        self.all.stop_book || self.of[symbol.index()].stop_book
    }

    /// What becomes of the answer to a signed request about that symbol, or about none.
    pub(super) fn delivery(&self, symbol: Option<SymbolId>) -> Delivery {
        let own = symbol.map(|symbol| self.of[symbol.index()]).unwrap_or_default();
        if self.all.lose_answers || own.lose_answers {
            return Delivery::Never;
        }
        match self.all.delay_ms.max(own.delay_ms) {
            None => Delivery::Now,
            Some(ms) => Delivery::AfterMs(ms),
        }
    }
}
