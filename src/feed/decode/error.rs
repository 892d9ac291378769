//! What can be wrong with a message: a code, a name for the metric, and one line for the reader.

use schemas::units::DecimalError;

/// Bytes of a value that a message shows.
const SHOWN_LEN_MAX: usize = 64;

/// What is wrong with a message. One line each: `CODE field "x": what is wrong (got X, want Y)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing, whitespace, or only NUL bytes.
    #[error("FEED-001 empty payload (got {len} bytes, want a JSON object)")]
    Empty {
        /// Length of the payload.
        len: usize,
    },
    /// Longer than any ticker.
    #[error("FEED-002 payload too large (got {len}, max 65536)")]
    TooLarge {
        /// Length of the payload.
        len: usize,
    },
    /// Not UTF-8, a byte order mark, UTF-16, or half a surrogate pair.
    #[error("FEED-003 not valid UTF-8/JSON at byte {at} (got {what})")]
    NotText {
        /// Offset of the first wrong byte.
        at: usize,
        /// What stands there.
        what: String,
    },
    /// Not JSON's grammar.
    #[error("FEED-004 malformed JSON at byte {at} (got \"{near}\")")]
    Malformed {
        /// Offset of the first wrong byte.
        at: usize,
        /// What stands there.
        near: String,
    },
    /// Nested too deep.
    #[error("FEED-005 nesting deeper than 16 at byte {at}")]
    TooDeep {
        /// Offset of the bracket that is one too many.
        at: usize,
    },
    /// JSON, but no object.
    #[error("FEED-006 expected object (got {got})")]
    NotObject {
        /// The value.
        got: String,
    },
    /// The same field twice.
    #[error("FEED-007 duplicate field \"{field}\"")]
    Duplicate {
        /// Its name.
        field: &'static str,
    },
    /// A field that must be there.
    #[error("FEED-008 missing field \"{field}\"")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A value of another kind.
    #[error("FEED-009 field \"{field}\": wrong type or value (got {got}, want {want})")]
    WrongType {
        /// Its name.
        field: &'static str,
        /// The value.
        got: String,
        /// What belongs there.
        want: &'static str,
    },
    /// A price or quantity that is no number of ours.
    #[error("FEED-010 field \"{field}\": bad decimal (got \"{got}\", want a JSON number: {why})")]
    BadDecimal {
        /// Its name.
        field: &'static str,
        /// The text.
        got: String,
        /// Which rule it breaks.
        why: DecimalError,
    },
    /// A price of zero or below.
    #[error("FEED-011 field \"price\": price not positive (got \"{got}\", want a number above zero)")]
    PriceNotPositive {
        /// The text.
        got: String,
    },
    /// A number beyond the range.
    #[error("FEED-012 field \"{field}\": out of range (got \"{got}\", want 1e-18 to 1e18)")]
    OutOfRange {
        /// Its name.
        field: &'static str,
        /// The text.
        got: String,
    },
    /// A quantity of zero or below.
    #[error("FEED-013 field \"qty\": quantity not positive (got \"{got}\", want a number above zero)")]
    QtyNotPositive {
        /// The text.
        got: String,
    },
    /// A time that is no whole milliseconds of our age.
    #[error(
        "FEED-014 field \"time\": time out of range, unit? (got {got}, want whole milliseconds since the epoch{hint})"
    )]
    Time {
        /// The text.
        got: String,
        /// The unit that it looks like.
        hint: &'static str,
    },
    /// Nobody follows that channel or symbol.
    #[error("FEED-015 unknown symbol or channel (got \"{got}\")")]
    UnknownSymbol {
        /// The channel or symbol.
        got: String,
    },
    /// The body names another symbol than the channel.
    #[error("FEED-016 symbol mismatch (got \"{got}\", want \"{want}\" as the channel says)")]
    SymbolMismatch {
        /// The body's.
        got: String,
        /// The channel's.
        want: String,
    },
    /// A trade id that is none.
    #[error(
        "FEED-017 field \"id\": bad trade id (got {got}, want a whole number within 64 bits or 1 to 40 bytes of text)"
    )]
    Id {
        /// The value.
        got: String,
    },
    /// Another encoding than JSON.
    #[error("FEED-018 not JSON (first bytes {bytes}: {guess}?)")]
    NotJson {
        /// The first bytes, hexadecimal.
        bytes: String,
        /// What it looks like.
        guess: &'static str,
    },
    /// Redis sent something that is no message of ours.
    #[error("FEED-019 unexpected Redis reply kind (got {got}, want {want})")]
    ReplyKind {
        /// What came.
        got: String,
        /// What was wanted.
        want: &'static str,
    },
    /// A bare symbol that several follow keys share.
    #[error("FEED-020 ambiguous symbol \"{got}\": {count} follow keys have it, name the channel")]
    AmbiguousSymbol {
        /// The symbol.
        got: String,
        /// How many follow keys have it.
        count: usize,
    },
    /// A message without a key whose body names no symbol either.
    #[error("FEED-021 no key (got none, want the symbol or the follow key as the message's key)")]
    NoKey,
    /// A message whose key belongs to another partition than the one it came on.
    #[error(
        "FEED-022 partition conflict for \"{key}\" (got partition {got}, want {want}: publishers disagree on the partitioner)"
    )]
    PartitionConflict {
        /// The key.
        key: String,
        /// The partition that it came on.
        got: i32,
        /// The partition that it belongs to.
        want: i32,
    },
    /// A trade whose number is below one that came before it.
    #[error("FEED-023 trade out of order (got id {got}, want one above {newest})")]
    OutOfOrder {
        /// Its number.
        got: u64,
        /// The highest before it.
        newest: u64,
    },
}

/// The kind of a [`DecodeError`]: what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// FEED-001.
    Empty,
    /// FEED-002.
    TooLarge,
    /// FEED-003.
    NotText,
    /// FEED-004.
    Malformed,
    /// FEED-005.
    TooDeep,
    /// FEED-006.
    NotObject,
    /// FEED-007.
    DuplicateField,
    /// FEED-008.
    MissingField,
    /// FEED-009.
    WrongType,
    /// FEED-010, a tick all the same.
    BadDecimal,
    /// FEED-011, a tick all the same.
    PriceNotPositive,
    /// FEED-012, a tick all the same.
    OutOfRange,
    /// FEED-013, a tick all the same.
    QtyNotPositive,
    /// FEED-014.
    Time,
    /// FEED-015.
    UnknownSymbol,
    /// FEED-016.
    SymbolMismatch,
    /// FEED-017.
    BadId,
    /// FEED-018.
    NotJson,
    /// FEED-019.
    ReplyKind,
    /// FEED-020.
    AmbiguousSymbol,
    /// FEED-021.
    NoKey,
    /// FEED-022.
    PartitionConflict,
    /// FEED-023.
    OutOfOrder,
}

impl Reason {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 23] = [
        Self::Empty,
        Self::TooLarge,
        Self::NotText,
        Self::Malformed,
        Self::TooDeep,
        Self::NotObject,
        Self::DuplicateField,
        Self::MissingField,
        Self::WrongType,
        Self::BadDecimal,
        Self::PriceNotPositive,
        Self::OutOfRange,
        Self::QtyNotPositive,
        Self::Time,
        Self::UnknownSymbol,
        Self::SymbolMismatch,
        Self::BadId,
        Self::NotJson,
        Self::ReplyKind,
        Self::AmbiguousSymbol,
        Self::NoKey,
        Self::PartitionConflict,
        Self::OutOfOrder,
    ];

    /// The code that the line begins with, and the name that metrics and summaries use.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Empty => ("FEED-001", "empty"),
            Self::TooLarge => ("FEED-002", "too_large"),
            Self::NotText => ("FEED-003", "not_text"),
            Self::Malformed => ("FEED-004", "malformed"),
            Self::TooDeep => ("FEED-005", "too_deep"),
            Self::NotObject => ("FEED-006", "not_object"),
            Self::DuplicateField => ("FEED-007", "duplicate_field"),
            Self::MissingField => ("FEED-008", "missing_field"),
            Self::WrongType => ("FEED-009", "wrong_type"),
            Self::BadDecimal => ("FEED-010", "bad_decimal"),
            Self::PriceNotPositive => ("FEED-011", "price_not_positive"),
            Self::OutOfRange => ("FEED-012", "out_of_range"),
            Self::QtyNotPositive => ("FEED-013", "qty_not_positive"),
            Self::Time => ("FEED-014", "time_out_of_range"),
            Self::UnknownSymbol => ("FEED-015", "unknown_symbol"),
            Self::SymbolMismatch => ("FEED-016", "symbol_mismatch"),
            Self::BadId => ("FEED-017", "bad_id"),
            Self::NotJson => ("FEED-018", "not_json"),
            Self::ReplyKind => ("FEED-019", "unexpected_reply"),
            Self::AmbiguousSymbol => ("FEED-020", "ambiguous_symbol"),
            Self::NoKey => ("FEED-021", "no_key"),
            Self::PartitionConflict => ("FEED-022", "partition_conflict"),
            Self::OutOfOrder => ("FEED-023", "out_of_order"),
        }
    }

    /// `FEED-001` ... `FEED-023`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.words().0
    }

    /// The metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.words().1
    }

    /// Of a number itself: the message is a tick all the same, which the rules skip.
    #[must_use]
    pub const fn is_number_fault(self) -> bool {
        matches!(self, Self::BadDecimal | Self::PriceNotPositive | Self::OutOfRange | Self::QtyNotPositive)
    }

    /// Its place in [`Reason::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl DecodeError {
    /// What is counted.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Empty { .. } => Reason::Empty,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::NotText { .. } => Reason::NotText,
            Self::Malformed { .. } => Reason::Malformed,
            Self::TooDeep { .. } => Reason::TooDeep,
            Self::NotObject { .. } => Reason::NotObject,
            Self::Duplicate { .. } => Reason::DuplicateField,
            Self::Missing { .. } => Reason::MissingField,
            Self::WrongType { .. } => Reason::WrongType,
            Self::BadDecimal { .. } => Reason::BadDecimal,
            Self::PriceNotPositive { .. } => Reason::PriceNotPositive,
            Self::OutOfRange { .. } => Reason::OutOfRange,
            Self::QtyNotPositive { .. } => Reason::QtyNotPositive,
            Self::Time { .. } => Reason::Time,
            Self::UnknownSymbol { .. } => Reason::UnknownSymbol,
            Self::SymbolMismatch { .. } => Reason::SymbolMismatch,
            Self::Id { .. } => Reason::BadId,
            Self::NotJson { .. } => Reason::NotJson,
            Self::ReplyKind { .. } => Reason::ReplyKind,
            Self::AmbiguousSymbol { .. } => Reason::AmbiguousSymbol,
            Self::NoKey => Reason::NoKey,
            Self::OutOfOrder { .. } => Reason::OutOfOrder,
            Self::PartitionConflict { .. } => Reason::PartitionConflict,
        }
    }

    /// `FEED-001` ... `FEED-022`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason().code()
    }
}

/// The first 64 bytes of a value as they may be logged: control bytes, bytes beyond ASCII's printable ones and
/// backslashes escaped, `...` where something was cut.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(SHOWN_LEN_MAX);
    for (position, byte) in bytes.iter().enumerate() {
        let escaped = std::ascii::escape_default(*byte);
        let escaped = if *byte == b'"' { "\"".to_owned() } else { escaped.to_string() };
        if text.len() + escaped.len() > SHOWN_LEN_MAX || (position == SHOWN_LEN_MAX) {
            text.push_str("...");
            break;
        }
        text.push_str(&escaped);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_where_it_says() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert_eq!(reason.code(), format!("FEED-{:03}", index + 1));
        }
    }

    #[test]
    fn shown_values_are_short_and_printable() {
        assert_eq!(shown(b"abc \"1\""), "abc \"1\"");
        assert_eq!(shown("a\n\u{1b}[31mä".as_bytes()), "a\\n\\x1b[31m\\xc3\\xa4");
        let long = shown(&[b'x'; 500]);
        assert_eq!((long.len(), long.ends_with("...")), (67, true));
    }
}
