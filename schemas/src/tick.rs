//! One trade of the reference market.

use std::fmt;

use crate::order::Side;
use crate::units::Decimal;

/// Longest trade id that is kept; longer ones are cut.
pub const TICK_ID_LEN_MAX: usize = 40;

/// One trade of the reference market, as a feed decoded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The price; `None` if it was no number (rule 1 skips it).
    pub price: Option<Decimal>,
    /// The quantity in the base asset; `None` if it was no number.
    pub qty: Option<Decimal>,
    /// The taker's side, where known.
    pub side: Option<Side>,
    /// Event time, milliseconds since the epoch, where known.
    pub time_ms: Option<i64>,
    /// The reference market's trade id, where known.
    pub id: Option<TickId>,
}

/// A trade id, kept without allocating.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TickId {
    bytes: [u8; TICK_ID_LEN_MAX],
    len: u8,
}

impl TickId {
    /// Keeps the first 40 bytes of the text (fewer if that would cut a character in two).
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(TICK_ID_LEN_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; TICK_ID_LEN_MAX];
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        Self { bytes, len: u8::try_from(end).unwrap_or(0) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// The id as a number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.as_str().parse().ok()
    }
}

impl fmt::Debug for TickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
