//! Client order ids: what makes every order of ours recognisable, and a sweep safe.
//!
//! `st` + instance (4) + instrument (6) + epoch (6) + sequence (8) + `m` or `t`: base 36, 27 characters.

use std::fmt;

/// Length of every client order id of ours.
pub const CLIENT_ORDER_ID_LEN: usize = 27;
/// Length of the part that names the instrument: `st` + instance + instrument.
pub const INSTRUMENT_PREFIX_LEN: usize = 12;

/// Sequence numbers from this one on are those of probe pairs; a term has room for 1,679,616 of them.
pub const PROBES_FROM: u64 = 36_u64.pow(8) - 36_u64.pow(4);

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Which leg of a pair an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// The post-only order that rests first.
    Maker,
    /// The IOC order that meets it.
    Taker,
}

impl Leg {
    const fn letter(self) -> u8 {
        match self {
            Self::Maker => b'm',
            Self::Taker => b't',
        }
    }
}

/// Which owner in turn: grows with every process or shard that comes to own an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u32);

impl Epoch {
    /// The largest epoch that six base-36 digits hold.
    pub const MAX: u32 = 36_u32.pow(6) - 1;

    /// An epoch; values beyond [`Epoch::MAX`] are brought down to it.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(if number > Self::MAX { Self::MAX } else { number })
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// `st` + instance + instrument: what every order of one instrument begins with, whoever owned it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentPrefix([u8; INSTRUMENT_PREFIX_LEN]);

impl InstrumentPrefix {
    /// The prefix of `maker_symbol` for an instance of 1 to 4 characters of `a-z 0-9`, padded with `0`
    /// in front.
    #[must_use]
    pub fn new(instance: &str, maker_symbol: &str) -> Self {
        let mut prefix = [b'0'; INSTRUMENT_PREFIX_LEN];
        prefix[..2].copy_from_slice(b"st");
        let instance = instance.as_bytes();
        let kept = instance.len().min(4);
        prefix[6 - kept..6].copy_from_slice(&instance[..kept]);
        base36(symbol_hash(maker_symbol) % 36_u64.pow(6), &mut prefix[6..]);
        Self(prefix)
    }

    /// The text, 12 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether a venue's client order id is one of this instrument's, of any epoch.
    #[must_use]
    pub fn owns(&self, client_order_id: &str) -> bool {
        ClientOrderId::parse(client_order_id).is_some_and(|id| id.prefix() == *self)
    }
}

impl fmt::Display for InstrumentPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InstrumentPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The client order id of one leg of one pair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientOrderId([u8; CLIENT_ORDER_ID_LEN]);

impl ClientOrderId {
    /// The id of leg `leg` of the pair with that sequence number (below `36^8`) in that epoch.
    #[must_use]
    pub fn new(prefix: InstrumentPrefix, epoch: Epoch, sequence: u64, leg: Leg) -> Self {
        let mut id = [b'0'; CLIENT_ORDER_ID_LEN];
        id[..12].copy_from_slice(&prefix.0);
        base36(u64::from(epoch.0), &mut id[12..18]);
        base36(sequence % 36_u64.pow(8), &mut id[18..26]);
        id[26] = leg.letter();
        Self(id)
    }

    /// Reads an id of ours; `None` for anybody else's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id: [u8; CLIENT_ORDER_ID_LEN] = text.as_bytes().try_into().ok()?;
        let ours = id.starts_with(b"st")
            && id[2..26].iter().all(|digit| digit.is_ascii_digit() || digit.is_ascii_lowercase())
            && matches!(id[26], b'm' | b't');
        ours.then_some(Self(id))
    }

    /// The text, 27 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The instrument's part.
    #[must_use]
    pub fn prefix(&self) -> InstrumentPrefix {
        let mut prefix = [0; INSTRUMENT_PREFIX_LEN];
        prefix.copy_from_slice(&self.0[..INSTRUMENT_PREFIX_LEN]);
        InstrumentPrefix(prefix)
    }

    /// The owner's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(u32::try_from(value36(&self.0[12..18])).unwrap_or(Epoch::MAX))
    }

    /// The pair's sequence number.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        value36(&self.0[18..26])
    }

    /// Whether it is of a probe pair, which re-creates no trade of the reference market.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.sequence() >= PROBES_FROM
    }

    /// Which leg.
    #[must_use]
    pub const fn leg(&self) -> Leg {
        if self.0[26] == b'm' { Leg::Maker } else { Leg::Taker }
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// FNV-1a, 64 bits: stable over versions and machines, which a standard hasher does not promise.
#[must_use]
pub fn symbol_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Writes `value` over the whole of `out`, zeros in front.
fn base36(mut value: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(value % 36).unwrap_or(0)];
        value /= 36;
    }
}

fn value36(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            _ => 0,
        };
        value * 36 + u64::from(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_whose_it_is() {
        let prefix = InstrumentPrefix::new("main", "BTCUSDT");
        let id = ClientOrderId::new(prefix, Epoch::new(1_234_567), 987_654_321, Leg::Taker);
        let back = ClientOrderId::parse(id.as_str()).unwrap();
        assert_eq!(id.as_str().len(), CLIENT_ORDER_ID_LEN);
        assert_eq!(
            (back.epoch().number(), back.sequence(), back.leg()),
            (1_234_567, 987_654_321, Leg::Taker)
        );
        assert!(prefix.owns(id.as_str()));
        assert!(!InstrumentPrefix::new("main", "ETHUSDT").owns(id.as_str()));
        assert!(!InstrumentPrefix::new("othr", "BTCUSDT").owns(id.as_str()));
    }

    #[test]
    fn nobody_elses_order_is_taken_for_ours() {
        for foreign in [
            "",
            "st",
            "x-TKT5PX2F0123456789abcdef01",
            "stmain0000000000000000000001",
            "web_0123456789012345678901m",
        ] {
            assert!(ClientOrderId::parse(foreign).is_none(), "{foreign}");
        }
    }
}
