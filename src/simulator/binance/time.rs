//! Moments as answers and events tell them: in milliseconds, or in microseconds for who asks for them.
//!
//! Views hold a [`Moment`]; which unit it is written in is settled where the view is serialised.

use std::cell::Cell;

use serde::{Serialize, Serializer};

use super::error::ApiError;

thread_local! {
    /// Serialisers take no argument of their own: this is it, set by [`TimeUnit::during`] alone.
    static WRITTEN_IN: Cell<TimeUnit> = const { Cell::new(TimeUnit::Milli) };
}

/// What the numbers of moments count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) enum TimeUnit {
    #[default]
    Milli,
    Micro,
}

impl TimeUnit {
    /// By the word of `timeUnit` or of the header `X-MBX-TIME-UNIT`, in either case; -1194 for any other.
    pub(in crate::simulator) fn named(word: &str) -> Result<Self, ApiError> {
        if word.eq_ignore_ascii_case("MILLISECOND") {
            Ok(Self::Milli)
        } else if word.eq_ignore_ascii_case("MICROSECOND") {
            Ok(Self::Micro)
        } else {
            Err(ApiError::bad_time_unit())
        }
    }

    /// The unit that a websocket's address asks for.
    pub(in crate::simulator) fn of_query(query: Option<&str>) -> Result<Self, ApiError> {
        let mut pairs = query.unwrap_or_default().split('&');
        match pairs.find_map(|pair| pair.strip_prefix("timeUnit=")) {
            Some(word) => Self::named(word),
            None => Ok(Self::Milli),
        }
    }

    /// Moments that `write` serialises are written in this unit.
    pub(in crate::simulator) fn during<R>(self, write: impl FnOnce() -> R) -> R {
        struct Restore(TimeUnit);
        impl Drop for Restore {
            fn drop(&mut self) {
                WRITTEN_IN.set(self.0);
            }
        }
        let _restore = Restore(WRITTEN_IN.replace(self));
        write()
    }
}

/// A moment, in milliseconds since the epoch. The venue's clock has no finer ones: microseconds end in 000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::simulator) struct Moment(pub(in crate::simulator) i64);

impl Moment {
    /// The number as it is written now.
    pub(in crate::simulator) fn written(self) -> i64 {
        match WRITTEN_IN.get() {
            TimeUnit::Milli => self.0,
            TimeUnit::Micro => self.0.saturating_mul(1_000),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.written())
    }
}

/// The last millisecond of a span that ends before `end_ms`: a span's last microsecond where those are told.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct LastOf {
    pub(in crate::simulator) end_ms: i64,
}

impl Serialize for LastOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(Moment(self.end_ms).written() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_the_unit_that_is_asked_for() {
        let json =
            |unit: TimeUnit| unit.during(|| serde_json::to_string(&Moment(1_790_000_000_123)).unwrap());
        assert_eq!(json(TimeUnit::Micro), "1790000000123000");
        assert_eq!(json(TimeUnit::Milli), "1790000000123");
        let end = LastOf { end_ms: 60_000 };
        assert_eq!(serde_json::to_string(&end).unwrap(), "59999");
        assert_eq!(TimeUnit::Micro.during(|| serde_json::to_string(&end).unwrap()), "59999999");
    }
}
