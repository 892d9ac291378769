//! Which shard of a fleet owns which symbol. Pure: every process computes the same, and nothing is agreed on.
//!
//! The owner is the shard of the highest weight (rendezvous hashing). The weight of a shard for a symbol is a
//! function of that pair alone, so that one shard more takes its share from all the others and moves nothing
//! between them.

use std::fmt;
use std::str::FromStr;

use schemas::ids::symbol_hash;

/// The most shards that a fleet may have: each symbol is weighed for each of them.
pub const SHARDS_MAX: u32 = 1_000;

/// One process's place in a fleet. An ordinal beyond the shards owns nothing: an old pod of a fleet that shrank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    pub ordinal: u32,
    /// How many there are.
    pub shards: u32,
}

/// A place in a fleet that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers.
    #[error("not a shard (got \"{0}\", want ORDINAL/SHARDS, such as 2/5)")]
    Form(String),
    /// No fleet has that many.
    #[error("number of shards out of range (got {0}, want 1 to {SHARDS_MAX})")]
    Shards(u64),
    /// Beyond the last shard.
    #[error("shard ordinal out of range (got {ordinal}, want 0 to {last})")]
    Ordinal {
        /// The number given.
        ordinal: u64,
        /// The last shard's.
        last: u64,
    },
}

impl Shard {
    /// Reads `2/5`: ordinal 2 of 5 shards.
    ///
    /// # Errors
    /// [`ShardError`], one line.
    pub fn parse(text: &str) -> Result<Self, ShardError> {
        let form = || ShardError::Form(text.escape_debug().take(64).collect());
        let (ordinal, shards) = text.split_once('/').ok_or_else(form)?;
        let (ordinal, shards) = (whole(ordinal).ok_or_else(form)?, whole(shards).ok_or_else(form)?);
        let count = u32::try_from(shards).ok().filter(|count| (1..=SHARDS_MAX).contains(count));
        let count = count.ok_or(ShardError::Shards(shards))?;
        let last = shards - 1;
        let ordinal = u32::try_from(ordinal)
            .ok()
            .filter(|ordinal| *ordinal < count)
            .ok_or(ShardError::Ordinal { ordinal, last })?;
        Ok(Self { ordinal, shards: count })
    }

    /// The shard of a pod of a StatefulSet: the number at the end of its name, as in `self-trader-2`. `None` for a
    /// name without one.
    #[must_use]
    pub fn from_pod_name(name: &str, shards: u32) -> Option<Self> {
        let (_, ordinal) = name.rsplit_once('-')?;
        let ordinal = u32::try_from(whole(ordinal)?).ok()?;
        Some(Self { ordinal, shards })
    }

    /// Whether it owns that maker symbol.
    #[must_use]
    pub fn owns(&self, maker_symbol: &str) -> bool {
        !self.is_idle() && owner(maker_symbol, self.shards) == self.ordinal
    }

    /// Whether it owns nothing, whatever the symbols.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.ordinal >= self.shards
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        Self::parse(text)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ordinal, self.shards)
    }
}

/// The ordinal of the one shard that owns `maker_symbol`. The same in every version and on every machine: tests
/// hold it fast.
#[must_use]
pub fn owner(maker_symbol: &str, shards: u32) -> u32 {
    let symbol = symbol_hash(maker_symbol);
    // The lower ordinal wins a tie: `max_by_key` would take the last.
    (0..shards).min_by_key(|ordinal| std::cmp::Reverse(weight(symbol, *ordinal))).unwrap_or(0)
}

/// The symbol's hash alone is too weak: FNV of short, similar symbols differs in few bits. Both sides go through
/// the finaliser, in turn.
const fn weight(symbol: u64, ordinal: u32) -> u64 {
    mix(symbol ^ mix(ordinal as u64 + 1))
}

/// The finaliser of splitmix64 behind its step: every bit of the input moves every bit of the output.
const fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A whole number of plain digits: no sign, which `parse` alone would take.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
