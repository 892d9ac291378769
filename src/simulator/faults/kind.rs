//! The faults by name, what each can be told, and how far it reaches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The faults. What each does is told in the module's own words and in `docs/venue.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Requests never arrive.
    LoseRequests,
    /// Requests reach the engine late.
    HoldRequests,
    /// Requests are answered with an error, or with what is no answer at all.
    Reject,
    /// Answers come later.
    DelayAnswers,
    /// What was asked is done and not answered.
    LoseAnswers,
    /// Answers come twice.
    DuplicateAnswers,
    /// Answers name another order, client or request.
    WrongAnswers,
    /// Cancels are refused.
    RefuseCancels,
    /// A batch is carried out in another order. USD-M.
    ShuffleBatch,
    /// Messages of streams are lost, for as long as it lasts.
    MuteStream,
    /// Single messages of streams are lost.
    DropMessages,
    /// Messages of streams come twice.
    DuplicateMessages,
    /// Messages of streams change places with the next one.
    ReorderMessages,
    /// Messages of streams come later.
    DelayMessages,
    /// Messages of streams are numbered wrong.
    WrongIds,
    /// Books that no market can have.
    SpoilBook,
    /// The shown book stands still.
    StopBook,
    /// Depth snapshots say that they are older.
    OldSnapshot,
    /// The venue neither reads nor writes, and keeps the socket.
    HalfOpen,
    /// Bytes trickle.
    SlowFrames,
    /// Websocket messages come in many frames.
    FragmentFrames,
    /// One message as long as a book.
    OversizedFrame,
    /// No pings.
    MutePings,
    /// The connection ends.
    Disconnect,
    /// New connections do not come about.
    RefuseConnections,
    /// A WS API session is not logged on any more.
    Logout,
    /// A subscription to an account's events ends.
    EndUserStream,
    /// A listen key ends. USD-M.
    ExpireListenKey,
    /// The venue's clock is wrong.
    SkewClock,
    /// A symbol's filters are others.
    ChangeFilters,
    /// A symbol does not trade.
    Halt,
    /// Orders, trades and balances are gone, as on the public test networks once a month.
    ResetVenue,
    /// The whole venue stands still.
    Freeze,
    /// A mark price jumps. USD-M.
    JumpMark,
}

/// The streams that can be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// The market streams: what is meant where none is named.
pub(super) const MARKET_STREAMS: [Stream; 7] = [
    Stream::Trade,
    Stream::AggTrade,
    Stream::BookTicker,
    Stream::Depth,
    Stream::Kline,
    Stream::Ticker,
    Stream::MarkPrice,
];

/// How something is done, where there are several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `disconnect`: with a close frame (the default).
    Close,
    /// `disconnect`, `refuse_connections`: the socket is reset.
    Reset,
    /// `disconnect`: `serverShutdown` is announced, then a close frame.
    Shutdown,
    /// `refuse_connections`: status 503 (the default).
    Unavailable,
    /// `refuse_connections`: no answer.
    Hang,
    /// `spoil_book`: bids above asks (the default).
    Crossed,
    /// `spoil_book`: best bid and best ask are one price.
    Locked,
    /// `spoil_book`: no bids.
    Empty,
    /// `spoil_book`: quantities below zero.
    Negative,
}

/// What an answer gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The client order id.
    ClientId,
    /// The order's number.
    OrderId,
    /// The WS API request's id.
    RequestId,
}

/// What `exchangeInfo` says of a symbol that does not trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Trading {
    /// Stopped.
    Halt,
    /// Stopped for a while.
    Break,
}

/// What a fault bears upon, and so which scopes and counts mean something to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Requests and their answers: everything can be told.
    Requests,
    /// Messages of streams: everything but an operation.
    Messages,
    /// Connections, while it lasts.
    Lines,
    /// Symbols, while it lasts.
    Symbols,
    /// The venue, while it lasts.
    Venue,
    /// Done at once, and over.
    Once,
}

impl Fault {
    pub(super) const fn reach(self) -> Reach {
        match self {
            Self::LoseRequests
            | Self::HoldRequests
            | Self::Reject
            | Self::DelayAnswers
            | Self::LoseAnswers
            | Self::DuplicateAnswers
            | Self::WrongAnswers
            | Self::RefuseCancels
            | Self::ShuffleBatch
            | Self::OldSnapshot => Reach::Requests,
            Self::MuteStream
            | Self::DropMessages
            | Self::DuplicateMessages
            | Self::ReorderMessages
            | Self::DelayMessages
            | Self::WrongIds
            | Self::SpoilBook => Reach::Messages,
            Self::HalfOpen
            | Self::SlowFrames
            | Self::FragmentFrames
            | Self::MutePings
            | Self::RefuseConnections => Reach::Lines,
            Self::StopBook | Self::ChangeFilters | Self::Halt => Reach::Symbols,
            Self::SkewClock | Self::Freeze => Reach::Venue,
            Self::OversizedFrame
            | Self::Disconnect
            | Self::Logout
            | Self::EndUserStream
            | Self::ExpireListenKey
            | Self::ResetVenue
            | Self::JumpMark => Reach::Once,
        }
    }

    /// The parameters that mean something to it, beside scope and time.
    pub(super) const fn params(self) -> &'static [&'static str] {
        match self {
            Self::Reject => &["status", "code", "msg", "preset", "retry_after", "executed"],
            Self::HoldRequests | Self::DelayAnswers => &["ms", "jitter_ms"],
            Self::DelayMessages => &["ms", "jitter_ms", "stream"],
            Self::WrongAnswers => &["field"],
            Self::MuteStream | Self::DropMessages | Self::DuplicateMessages | Self::ReorderMessages => {
                &["stream"]
            }
            Self::WrongIds => &["stream", "by"],
            Self::SpoilBook => &["stream", "how"],
            Self::OldSnapshot => &["by"],
            Self::SlowFrames => &["bytes", "every_ms"],
            Self::FragmentFrames | Self::OversizedFrame => &["bytes"],
            Self::Disconnect | Self::RefuseConnections => &["how"],
            Self::SkewClock => &["offset_ms", "drift_ppm"],
            Self::ChangeFilters => &["tick_size", "step_size", "min_notional", "announce_ms"],
            Self::Halt => &["status"],
            Self::JumpMark => &["jump_ppm"],
            Self::LoseRequests
            | Self::LoseAnswers
            | Self::DuplicateAnswers
            | Self::RefuseCancels
            | Self::ShuffleBatch
            | Self::StopBook
            | Self::HalfOpen
            | Self::MutePings
            | Self::Logout
            | Self::EndUserStream
            | Self::ExpireListenKey
            | Self::ResetVenue
            | Self::Freeze => &[],
        }
    }

    /// Its name as JSON has it.
    pub(super) fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
