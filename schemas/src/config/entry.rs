//! One instrument: an entry of the configuration's list.

use std::borrow::Cow;

use super::fault::Code;
use super::instrument::{Conflate, OnQuiet, ProbePair, RuleParams, TermType};
use super::reader::Reader;
use super::secret_ref::SecretRef;
use super::venue::{self, Dialect, Venue};
use crate::ids::InstrumentPrefix;
use crate::order::PositionSide;
use crate::units::{Decimal, Rounding, ratio};

/// One instrument: a maker symbol on a venue that follows a follow symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Maker Exchange, with Dialect and Address.
    pub venue: Venue,
    /// API KEY.
    pub api_key: SecretRef,
    /// Secret.
    pub secret: SecretRef,
    /// Passphrase.
    pub passphrase: SecretRef,
    /// Follow Exchange, as written.
    pub follow_exchange: String,
    /// Follow Symbol.
    pub follow_symbol: String,
    /// Maker Symbol.
    pub maker_symbol: String,
    /// What the decision rules read.
    pub rules: RuleParams,
    /// On Quiet.
    pub on_quiet: OnQuiet,
    /// Conflate.
    pub conflate: Conflate,
    /// Max Tick Age, milliseconds.
    pub max_tick_age_ms: u64,
    /// Max Book Age, milliseconds.
    pub max_book_age_ms: u64,
    /// Max Foreign Fill Ratio, a fraction; 0 to 1.
    pub max_foreign_fill_ratio: Decimal,
    /// Max Orders Per Second, where it is given.
    pub max_orders_per_second: Option<u32>,
    /// Max Position, base asset, where it is given.
    pub max_position: Option<Decimal>,
    /// Probe Pair.
    pub probe_pair: ProbePair,
}

impl Instrument {
    /// The key under which the followed trades are published: `{follow exchange}_{prefix}{follow symbol}`.
    #[must_use]
    pub fn follow_key(&self, prefix: &str) -> String {
        let exchange = match self.follow_exchange.as_str() {
            "binance_UMFuture" | "binance_portfolio_margin" => "binance_future",
            other => other,
        };
        format!("{exchange}_{prefix}{}", self.follow_symbol)
    }

    /// What its orders and its lease are told apart by from every other instrument's: the maker symbol and, for a
    /// future, the term beside it, since a venue may list a symbol as both.
    #[must_use]
    pub fn order_key(&self) -> Cow<'_, str> {
        match self.rules.term {
            TermType::Spot => Cow::Borrowed(&self.maker_symbol),
            TermType::Future => Cow::Owned(format!("{}/FUTURE", self.maker_symbol)),
        }
    }

    /// Whether a probe pair goes before its first other one. What the program's own venue and a private one say of
    /// themselves is believed; a public one may say one thing and do another.
    #[must_use]
    pub fn probes(&self) -> bool {
        let public = match &self.venue {
            Venue::BinanceSpotTestnet | Venue::BinanceUsdmTestnet | Venue::OkxDemo => true,
            Venue::Simulated | Venue::Staging { .. } => false,
        };
        match self.probe_pair {
            ProbePair::Auto => public,
            ProbePair::On => true,
            ProbePair::Off => false,
        }
    }

    /// What its orders' ids begin with.
    #[must_use]
    pub fn prefix(&self, instance: &str) -> InstrumentPrefix {
        InstrumentPrefix::new(instance, &self.order_key())
    }
}

/// Reads one entry, every key of it whatever the others hold.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Instrument> {
    let venue = venue::read(reader);
    let [api_key, secret, passphrase] = secrets(reader, venue.as_ref());
    let follow_exchange = reader.text("Follow Exchange");
    let follow_symbol = reader.text("Follow Symbol");
    let maker_symbol = reader.text("Maker Symbol");
    let rules = rules(reader);
    let on_quiet = reader.word("On Quiet");
    let conflate = reader.word("Conflate");
    let max_tick_age_ms = reader.millis("Max Tick Age");
    let max_book_age_ms = reader.millis("Max Book Age");
    let max_foreign_fill_ratio = reader.number("Max Foreign Fill Ratio");
    let max_orders_per_second = reader.whole("Max Orders Per Second");
    let max_position = reader.number("Max Position");
    let probe_pair = reader.word("Probe Pair");
    reader.later("Pipelined");
    let instrument = Instrument {
        venue: venue?,
        api_key: api_key?,
        secret: secret?,
        passphrase: passphrase?,
        follow_exchange: follow_exchange?,
        follow_symbol: follow_symbol?,
        maker_symbol: maker_symbol?,
        rules: rules?,
        on_quiet: on_quiet?,
        conflate: conflate?,
        max_tick_age_ms: max_tick_age_ms?,
        max_book_age_ms: max_book_age_ms?,
        max_foreign_fill_ratio: max_foreign_fill_ratio?,
        max_orders_per_second: max_orders_per_second.and_then(|rate| u32::try_from(rate).ok()),
        max_position,
        probe_pair: probe_pair?,
    };
    together(reader, &instrument);
    Some(instrument)
}

/// The three secrets; needed everywhere but on the embedded venue, where nobody looks at them.
fn secrets(reader: &mut Reader<'_, '_>, venue: Option<&Venue>) -> [Option<SecretRef>; 3] {
    let outside = venue.is_some_and(|venue| *venue != Venue::Simulated);
    let okx = venue.is_some_and(|venue| venue.dialect() == Some(Dialect::Okx));
    ["API KEY", "Secret", "Passphrase"].map(|name| {
        let secret = reader.secret(name);
        let needed = outside && (name != "Passphrase" || okx);
        match secret {
            Some(SecretRef::None) if needed => {
                reader.fault(Code::Type, name, || "missing or empty (this venue asks for it)".to_owned());
            }
            Some(SecretRef::Literal(_)) if outside => {
                reader.warn_of_secret(name, None);
            }
            Some(SecretRef::None | SecretRef::Literal(_) | SecretRef::Env(_) | SecretRef::File(_)) | None => {
            }
        }
        secret
    })
}

fn rules(reader: &mut Reader<'_, '_>) -> Option<RuleParams> {
    let term = reader.word("Term type");
    let price_decimals = reader.whole("Price Decimals");
    let qty_decimals = reader.whole("Qty Decimals");
    let position_side = reader.word("Position Side");
    let numbers = ["Interval", "Qty Multiplier", "Price Divergence", "Max Amt Per Order"];
    let [interval, qty_multiplier, price_divergence, max_amount] = numbers.map(|name| reader.number(name));
    let numbers = ["Min Qty", "Min Amt", "Contract Size", "Leverage"];
    let [min_qty, min_amount, contract_size, leverage] = numbers.map(|name| reader.number(name));
    let placement = reader.word("Placement");
    let empty_book = reader.word("Empty Book");
    let [same_price, same_qty] = ["Same Price", "Same Qty"].map(|name| reader.word(name));
    let side = reader.word("Side");
    Some(RuleParams {
        term: term?,
        price_decimals: u8::try_from(price_decimals?).ok()?,
        qty_decimals: u8::try_from(qty_decimals?).ok()?,
        position_side: position_side?,
        interval: interval?,
        qty_multiplier: qty_multiplier?,
        price_divergence: price_divergence?,
        max_amount: max_amount?,
        min_qty: min_qty?,
        min_amount: min_amount?,
        contract_size: contract_size?,
        leverage: leverage?,
        placement: placement?,
        empty_book: empty_book?,
        same_price: same_price?,
        same_qty: same_qty?,
        side: side?,
    })
}

/// What only two keys together can get wrong.
fn together(reader: &mut Reader<'_, '_>, instrument: &Instrument) {
    let (rules, venue) = (&instrument.rules, &instrument.venue);
    if !venue.offers(rules.term) {
        let term = if rules.term == TermType::Spot { "SPOT" } else { "FUTURE" };
        let message = || format!("the venue \"{}\" has no {term} instruments", venue.name());
        reader.fault(Code::Together, "Term type", message);
    }
    if rules.term == TermType::Spot && rules.position_side != PositionSide::None {
        reader.warn(Code::Together, "Position Side", "SPOT has no position side; ignored");
    }
    if rules.min_amount > rules.max_amount {
        let (min, max) = (rules.min_amount, rules.max_amount);
        let message = || format!("out of range (got {min}, want at most Max Amt Per Order, {max})");
        reader.fault(Code::Range, "Min Amt", message);
    }
    if least_amount(rules).is_none_or(|least| least > rules.max_amount) {
        let (min, max) = (rules.min_qty, rules.max_amount);
        let message = || format!("out of range (got {min}: above Max Amt Per Order, {max}, at any price)");
        reader.fault(Code::Range, "Min Qty", message);
    }
    if most_steps(rules).is_none() {
        let message = || {
            let decimals = rules.price_decimals + rules.qty_decimals;
            format!("out of range (got {}: with {decimals} decimals beyond 128 bits)", rules.max_amount)
        };
        reader.fault(Code::Range, "Max Amt Per Order", message);
    }
}

/// What Min Qty is worth at the lowest price there is, one tick; `None` if that is beyond numbers.
fn least_amount(rules: &RuleParams) -> Option<Decimal> {
    let scale = rules.min_qty.scale() + u32::from(rules.price_decimals);
    let decimals = 18;
    let exponent = i32::from(decimals) - i32::try_from(scale).ok()?;
    let steps = ratio([rules.min_qty.mantissa(), 1, 1], 1, exponent, Rounding::Down)?;
    Some(Decimal::from_steps(steps, decimals))
}

/// The largest quantity that can come up: Max Amt Per Order at a price of one tick, in lots, and for
/// FUTURE multiplied into contracts. `None` if it does not fit `i128`.
fn most_steps(rules: &RuleParams) -> Option<i128> {
    let decimals = i32::from(rules.price_decimals) + i32::from(rules.qty_decimals);
    let scale = |number: Decimal| i32::try_from(number.scale()).unwrap_or(i32::MAX);
    let lots =
        ratio([rules.max_amount.mantissa(), 1, 1], 1, decimals - scale(rules.max_amount), Rounding::Up)?;
    if rules.term == TermType::Spot {
        return Some(lots);
    }
    let exponent = scale(rules.contract_size) - scale(rules.leverage);
    ratio([lots, rules.leverage.mantissa(), 1], rules.contract_size.mantissa(), exponent, Rounding::Up)
}
