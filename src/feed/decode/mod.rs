//! Bytes in, ticks out: one file a payload shape. Never reads a number through a float, never trusts a length.

use std::borrow::Cow;

use schemas::tick::Tick;

pub mod binance;
mod careful;
pub mod error;
mod fields;
mod guess;
pub mod okx;
pub mod ticker;

pub use error::{DecodeError, Reason, shown};
pub use ticker::Decoder;

/// Longest payload that is looked at, bytes.
pub const PAYLOAD_LEN_MAX: usize = 64 * 1024;
/// Deepest nesting that is read.
pub const DEPTH_MAX: usize = 16;

/// What a payload says.
#[derive(Debug)]
pub struct Ticker<'a> {
    /// The trade; a number that is none is `None`, and the rules skip it as `invalid_tick`.
    pub tick: Tick,
    /// The symbol, where the body names one.
    pub symbol: Option<Cow<'a, str>>,
    /// What is wrong with price and quantity; the message is a tick all the same.
    pub faults: [Option<DecodeError>; 2],
}
