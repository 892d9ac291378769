//! One fault as a test asks for it: which, whom it touches, when, and its numbers.

use schemars::JsonSchema;
use schemas::units::Decimal;
use serde::{Deserialize, Serialize};

use super::kind::{Fault, Field, How, MARKET_STREAMS, Reach, Stream, Trading};
use super::reply::Preset;
use super::span::Span;
use crate::simulator::symbols::Product;

/// Longest delay that anything can get.
const DELAY_MS_MAX: u64 = 600_000;
/// Longest message that can be made up.
const BYTES_MAX: u64 = 64 << 20;
const MILLION: u32 = 1_000_000;

/// Which connections are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Connection {
    /// The n-th since the start, from 1. Those that only ask `/venue/*` are not counted.
    Number(u64),
    /// All of a kind.
    Kind(LineKind),
}

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// REST.
    Rest,
    /// WS API.
    WsApi,
    /// Market streams.
    Streams,
    /// Whatever an account's events come over: a USD-M listen key's connection, a subscribed WS API connection.
    User,
}

/// What a test asks for, and what `GET` lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSwitch {
    /// Which fault.
    pub fault: Fault,
    /// On or off.
    #[serde(default = "yes")]
    pub on: bool,
    /// Only what is about that symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Only that product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
    /// Only that API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only those connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// Only that operation: a WS API method (`order.place`), a REST verb and path (`POST /api/v3/order`), the
    /// beginning of one with `*` after it, or `*` for all, signed or not.
    #[serde(default, alias = "method", skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// When it begins, from the start of the venue (script) or from now (request).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Span>,
    /// How long it lasts; unless given, until it is switched off.
    #[serde(default, rename = "for", alias = "for_ms", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// It begins again so often. Needs `for`, unless it is over at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// Only the next so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Only so many of a million, by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<u32>,
    /// How often it has struck. Told, not asked for.
    #[serde(default, skip_deserializing, skip_serializing_if = "is_zero")]
    pub applied: u64,
    /// Its numbers.
    #[serde(flatten)]
    pub params: FaultParams,
}

/// What is told to one fault or another. Which take what is told in the table of `docs/venue.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultParams {
    /// How much later, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Up to so much more, by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u64>,
    /// Which stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// `reject`: an HTTP status. `halt`: `HALT` or `BREAK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// `reject`: the venue's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// `reject`: its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<String>,
    /// `reject`: one of the well-known ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// `reject`: `Retry-After` in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// `reject`: what was asked is done nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed: Option<bool>,
    /// `wrong_answers`: which field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// How far off numbers are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<i64>,
    /// Which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<How>,
    /// How many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How often, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// `skew_clock`: how far ahead (below zero: behind) the venue's clock is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ms: Option<i64>,
    /// `skew_clock`: how much too fast it runs, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_ppm: Option<i64>,
    /// `change_filters`: the new tick size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_size: Option<String>,
    /// `change_filters`: the new step size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_size: Option<String>,
    /// `change_filters`: the new least price * quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_notional: Option<String>,
    /// `change_filters`: `exchangeInfo` tells it so much later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce_ms: Option<u64>,
    /// `jump_mark`: by how many millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump_ppm: Option<i64>,
}

/// An HTTP status, or what a symbol's status becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Status {
    /// `reject`.
    Http(u16),
    /// `halt`.
    Trading(Trading),
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl FaultSwitch {
    /// That fault, everywhere, from now on.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            on: true,
            symbol: None,
            product: None,
            account: None,
            connection: None,
            operation: None,
            at: None,
            lasts: None,
            every: None,
            count: None,
            probability: None,
            applied: 0,
            params: FaultParams::default(),
        }
    }

    /// Whether both are the same switch: the same fault with the same reach. The later one takes the place of the
    /// earlier, or ends it.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.fault == other.fault
            && self.symbol == other.symbol
            && self.product == other.product
            && self.account == other.account
            && self.connection == other.connection
            && self.operation == other.operation
            && self.params.stream == other.params.stream
    }

    /// One for each stream, where streams are switched one by one.
    pub(super) fn split(self) -> Vec<Self> {
        if self.fault != Fault::MuteStream || self.params.stream.is_some() {
            return vec![self];
        }
        let of = |stream| {
            let mut one = self.clone();
            one.params.stream = Some(stream);
            one
        };
        MARKET_STREAMS.map(of).into()
    }

    /// What is wrong with it, in a few words.
    pub(super) fn check(&self) -> Result<(), String> {
        let known = self.fault.params();
        if let Some(name) = self.params.given().into_iter().find(|name| !known.contains(name)) {
            return Err(format!("{name}: means nothing to {}", self.fault.name()));
        }
        self.check_scope()?;
        self.check_numbers()?;
        self.check_reject()?;
        self.check_filters()
    }

    fn check_scope(&self) -> Result<(), String> {
        let reach = self.fault.reach();
        let name = self.fault.name();
        let counted = matches!(reach, Reach::Requests | Reach::Messages);
        if !counted && (self.count.is_some() || self.probability.is_some()) {
            return Err(format!("count, probability: mean nothing to {name}"));
        }
        if self.operation.is_some() && reach != Reach::Requests {
            return Err(format!("operation: means nothing to {name}"));
        }
        let nowhere = matches!(self.fault, Fault::SkewClock | Fault::Freeze | Fault::ResetVenue);
        let scoped = self.symbol.is_some() || self.product.is_some();
        if nowhere && (scoped || self.account.is_some() || self.connection.is_some()) {
            return Err(format!("symbol, product, account, connection: mean nothing to {name}"));
        }
        let by_line = self.account.is_some() || self.connection.is_some();
        if by_line
            && matches!(self.fault, Fault::StopBook | Fault::ChangeFilters | Fault::Halt | Fault::JumpMark)
        {
            return Err(format!("account, connection: mean nothing to {name}"));
        }
        if self.fault == Fault::ShuffleBatch
            && (self.symbol.is_some() || self.connection.is_some() || self.operation.is_some())
        {
            return Err(format!("symbol, connection, operation: mean nothing to {name}"));
        }
        if self.symbol.is_some() && reach == Reach::Lines {
            return Err(format!("symbol: means nothing to {name}"));
        }
        let repeats = self.every.is_some() && self.lasts.is_none() && reach != Reach::Once;
        if repeats { Err("every: needs for".to_owned()) } else { Ok(()) }
    }

    fn check_numbers(&self) -> Result<(), String> {
        let params = &self.params;
        let late = [("ms", params.ms), ("jitter_ms", params.jitter_ms), ("every_ms", params.every_ms)];
        for (name, ms) in late {
            if let Some(ms) = ms.filter(|ms| *ms > DELAY_MS_MAX) {
                return Err(format!("{name}: {ms}, want at most {DELAY_MS_MAX}"));
            }
        }
        if let Some(bytes) = params.bytes.filter(|bytes| !(1..=BYTES_MAX).contains(bytes)) {
            return Err(format!("bytes: {bytes}, want 1 to {BYTES_MAX}"));
        }
        if let Some(ppm) = self.probability.filter(|ppm| *ppm > MILLION) {
            return Err(format!("probability: {ppm}, want at most {MILLION} (millionths)"));
        }
        if self.count == Some(0) || self.every.is_some_and(|every| every.ms() == 0) {
            return Err("count, every: want more than 0".to_owned());
        }
        let drift = params.drift_ppm.unwrap_or(0).unsigned_abs();
        let jump = params.jump_ppm.unwrap_or(0);
        if drift > u64::from(MILLION) || !(-999_999..=100_000_000).contains(&jump) {
            return Err("drift_ppm, jump_ppm: out of bounds".to_owned());
        }
        Ok(())
    }

    fn check_reject(&self) -> Result<(), String> {
        match (self.fault, self.params.status) {
            (Fault::Reject, Some(Status::Http(status))) if !(200..=599).contains(&status) => {
                Err(format!("status: {status}, want 200 to 599"))
            }
            (Fault::Reject, Some(Status::Trading(_))) => Err("status: want a number".to_owned()),
            (Fault::Halt, Some(Status::Http(_))) => Err("status: want HALT or BREAK".to_owned()),
            _ => Ok(()),
        }
    }

    fn check_filters(&self) -> Result<(), String> {
        let params = &self.params;
        let sizes = [
            ("tick_size", &params.tick_size),
            ("step_size", &params.step_size),
            ("min_notional", &params.min_notional),
        ];
        for (name, size) in sizes {
            if let Some(text) = size {
                let size = Decimal::parse(text).map_err(|error| format!("{name}: {error}"))?;
                if size <= Decimal::new(0, 0) {
                    return Err(format!("{name}: want more than 0"));
                }
            }
        }
        let nothing = sizes.iter().all(|(_, size)| size.is_none());
        if self.fault == Fault::ChangeFilters && self.on && nothing {
            return Err("change_filters: want tick_size, step_size or min_notional".to_owned());
        }
        Ok(())
    }
}

impl FaultParams {
    /// The names of those that are given.
    fn given(&self) -> Vec<&'static str> {
        [
            ("ms", self.ms.is_some()),
            ("jitter_ms", self.jitter_ms.is_some()),
            ("stream", self.stream.is_some()),
            ("status", self.status.is_some()),
            ("code", self.code.is_some()),
            ("msg", self.msg.is_some()),
            ("preset", self.preset.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("executed", self.executed.is_some()),
            ("field", self.field.is_some()),
            ("by", self.by.is_some()),
            ("how", self.how.is_some()),
            ("bytes", self.bytes.is_some()),
            ("every_ms", self.every_ms.is_some()),
            ("offset_ms", self.offset_ms.is_some()),
            ("drift_ppm", self.drift_ppm.is_some()),
            ("tick_size", self.tick_size.is_some()),
            ("step_size", self.step_size.is_some()),
            ("min_notional", self.min_notional.is_some()),
            ("announce_ms", self.announce_ms.is_some()),
            ("jump_ppm", self.jump_ppm.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}
