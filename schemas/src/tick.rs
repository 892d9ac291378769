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

/// What tells one trade of a reference market from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeKey {
    /// An id that is a number.
    Number(u64),
    /// Any other id.
    Text(TickId),
    /// No id: the hash of time, price, quantity and side.
    Content(u64),
}

impl Tick {
    /// What tells this trade from others; none where it has neither id nor time.
    #[must_use]
    pub fn key(&self) -> Option<TradeKey> {
        match self.id {
            Some(id) => Some(id.number().map_or(TradeKey::Text(id), TradeKey::Number)),
            None => self.time_ms.map(|time_ms| TradeKey::Content(self.content(time_ms))),
        }
    }

    /// FNV-1a over what a trade says, numbers by their value however they are written.
    fn content(&self, time_ms: i64) -> u64 {
        let mut hash = Fnv::default();
        hash.add(&time_ms.to_le_bytes());
        for number in [self.price, self.qty] {
            let (mantissa, scale) = number.map_or((0, u32::MAX), Decimal::shortest);
            hash.add(&mantissa.to_le_bytes());
            hash.add(&scale.to_le_bytes());
        }
        hash.add(self.side.map_or("", Side::as_str).as_bytes());
        hash.0
    }
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
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
