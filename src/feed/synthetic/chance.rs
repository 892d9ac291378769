//! Chance without a state: a number for each question, the same for whoever asks. Integers only.

/// A stream of questions that belongs to one seed and symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The questions of one kind about one thing.
    pub(super) const fn about(self, kind: u64, thing: u64) -> Self {
        Self(mix(self.0 ^ mix(kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mix(thing))))
    }

    /// The answer, 64 even bits.
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// A whole number below `bound`; the bias of the remainder is below 2^-40 for our bounds.
    pub(super) const fn below(self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0 % bound }
    }
}

/// Spreads every bit of the input over all bits of the output (a bijection: multiply, shift, xor, thrice).
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ (value >> 31)).wrapping_add(0x9e37_79b9_7f4a_7c15)
}
