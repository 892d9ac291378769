//! Decimals and levels as the dialect writes them: numbers as text, levels as pairs of them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::units::Decimal;
use crate::wire::market::Level;

/// A number that is sent as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number as text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Decimal::parse(text).map(Text).map_err(E::custom)
    }
}

/// Reads `[["price","qty"], ...]` over a list that is kept.
pub(crate) struct LevelsInto<'v>(pub(crate) &'v mut Vec<Level>);

impl<'de> DeserializeSeed<'de> for LevelsInto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.clear();
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LevelsInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of levels")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut levels: A) -> Result<(), A::Error> {
        while let Some((Text(price), Text(qty))) = levels.next_element()? {
            self.0
                .push(level(price, qty).ok_or_else(|| de::Error::custom("price or quantity out of range"))?);
        }
        Ok(())
    }
}

/// A level whose price is above zero and whose quantity is not below it.
pub(crate) fn level(price: Decimal, qty: Decimal) -> Option<Level> {
    (price.is_positive() && qty.mantissa() >= 0).then_some(Level { price, qty })
}

/// One side of a best quote: an empty side is quoted with a quantity of zero. `Err` if it is no level at all.
pub(crate) fn side(price: Decimal, qty: Decimal) -> Result<Option<Level>, ()> {
    if qty.is_zero() && price.mantissa() >= 0 {
        return Ok(None);
    }
    level(price, qty).map(Some).ok_or(())
}
