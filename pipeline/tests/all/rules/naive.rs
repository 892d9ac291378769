//! The decision rules a second time, step by step as they are written, with a decimal library: slow, and
//! sharing no arithmetic with the program.

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Signed, Zero};
use pipeline::chance::Draw;
use pipeline::rules::BestPrices;
use schemas::config::{EmptyBook, Placement, RuleParams, SamePolicy, SidePolicy, TermType};
use schemas::decision::{Answer, LegAnswer};
use schemas::order::{PositionSide, Side};
use schemas::tick::Tick;
use schemas::units::Decimal;

/// An instrument with its memory.
pub(crate) struct Naive {
    params: RuleParams,
    last: Option<Last>,
}

struct Last {
    price: BigDecimal,
    qty: BigDecimal,
    minute: i64,
    fired_ms: i64,
}

/// The number in the oracle's form.
pub(crate) fn big(number: Decimal) -> BigDecimal {
    BigDecimal::new(BigInt::from(number.mantissa()), i64::from(number.scale()))
}

/// An answer in one line.
pub(crate) fn words(answer: &Answer) -> String {
    match answer {
        Answer::Skip { reason } => (*reason).to_owned(),
        Answer::Pair { maker, taker, rules } => {
            format!("{} {} {}", leg_words(maker), leg_words(taker), rules.join(","))
        }
    }
}

fn leg_words(leg: &LegAnswer) -> String {
    let position = leg.position_side.as_str();
    format!("{}@{}x{}[{position}]{}", leg.side, leg.price, leg.qty, leg.tif.as_str())
}

/// A pair's price and quantity so far, and the rules that fired.
struct Draft {
    price: BigDecimal,
    qty: BigDecimal,
    rules: Vec<&'static str>,
}

impl Naive {
    pub(crate) fn new(params: RuleParams) -> Self {
        Self { params, last: None }
    }

    /// The answer in the form of [`words`].
    pub(crate) fn decide(&mut self, tick: &Tick, top: BestPrices, now_ms: i64, draw: Draw) -> String {
        self.try_decide(tick, top, now_ms, draw).unwrap_or_else(str::to_owned)
    }

    fn try_decide(
        &mut self,
        tick: &Tick,
        top: BestPrices,
        now_ms: i64,
        draw: Draw,
    ) -> Result<String, &'static str> {
        let positive = |number: Option<Decimal>| number.map(big).filter(Signed::is_positive);
        let (tick_price, tick_qty) = positive(tick.price).zip(positive(tick.qty)).ok_or("invalid_tick")?;
        let interval_ms = big(self.params.interval) * BigDecimal::from(1_000);
        if self.last.as_ref().is_some_and(|last| interval_ms > now_ms - last.fired_ms) {
            return Err("interval");
        }
        let decimals = i64::from(self.params.price_decimals);
        let side = |price: Option<Decimal>, mode| {
            price.map(|price| big(price).with_scale_round(decimals, mode)).filter(Signed::is_positive)
        };
        let (bid, ask) = (side(top.bid, RoundingMode::Ceiling), side(top.ask, RoundingMode::Floor));
        if self.params.empty_book == EmptyBook::Skip && (bid.is_none() || ask.is_none()) {
            return Err("no_book");
        }
        if bid.as_ref().zip(ask.as_ref()).is_some_and(|(bid, ask)| bid >= ask) {
            return Err("crossed_book");
        }
        let mut draft = Draft {
            price: tick_price.with_scale_round(decimals, RoundingMode::HalfEven),
            qty: BigDecimal::zero(),
            rules: Vec::new(),
        };
        self.follow_last_price(&mut draft, ask.as_ref(), now_ms);
        self.clamp(&mut draft, bid.as_ref(), ask.as_ref())?;
        self.quantity(&mut draft, &(tick_qty * big(self.params.qty_multiplier) * big(draw.coefficient)))?;
        self.orders(draft, tick.side, [bid, ask], now_ms, draw)
    }

    /// 6a, 6b, 7.
    fn follow_last_price(&self, draft: &mut Draft, ask: Option<&BigDecimal>, now_ms: i64) {
        let Some(last) = &self.last else { return };
        let (decimals, one) = (i64::from(self.params.price_decimals), BigDecimal::from(1));
        let divergence = big(self.params.price_divergence);
        if draft.price == last.price {
            if self.params.same_price == SamePolicy::Nudge {
                draft.rules.push("same_price");
                let tick = self.tick();
                let lower = ask == Some(&draft.price);
                draft.price = if lower { &draft.price - tick } else { &draft.price + tick };
            }
        } else if (&draft.price - &last.price).abs() > &divergence * &last.price {
            draft.rules.push("divergence_cap");
            draft.price = if draft.price > last.price {
                (&last.price * (one + divergence)).with_scale_round(decimals, RoundingMode::Floor)
            } else {
                (&last.price * (one - divergence)).with_scale_round(decimals, RoundingMode::Ceiling)
            };
        }
        if now_ms.div_euclid(60_000) != last.minute {
            draft.rules.push("minute_open");
            draft.price = last.price.clone();
        }
    }

    /// 8, 8b, 9.
    fn clamp(
        &self,
        draft: &mut Draft,
        bid: Option<&BigDecimal>,
        ask: Option<&BigDecimal>,
    ) -> Result<(), &'static str> {
        let inside = self.params.placement == Placement::Inside;
        let margin = if inside { self.tick() } else { BigDecimal::zero() };
        let floor = bid.map(|bid| bid + &margin);
        let ceiling = ask.map(|ask| ask - &margin);
        if inside && floor.as_ref().zip(ceiling.as_ref()).is_some_and(|(floor, ceiling)| floor > ceiling) {
            return Err("no_room");
        }
        let before = draft.price.clone();
        if let Some(floor) = floor.filter(|floor| draft.price < *floor) {
            draft.price = floor;
        }
        if let Some(ceiling) = ceiling.filter(|ceiling| draft.price > *ceiling) {
            draft.price = ceiling;
        }
        if draft.price != before {
            draft.rules.push("book_clamp");
        }
        if draft.price.is_positive() { Ok(()) } else { Err("invalid_price") }
    }

    /// 10 to 15.
    fn quantity(&self, draft: &mut Draft, scaled: &BigDecimal) -> Result<(), &'static str> {
        let decimals = i64::from(self.params.qty_decimals);
        let lot = BigDecimal::new(BigInt::from(1), decimals);
        let mut qty = scaled.with_scale_round(decimals, RoundingMode::HalfEven);
        let min_qty =
            big(self.params.min_qty).with_scale_round(decimals, RoundingMode::Ceiling).max(lot.clone());
        if qty < min_qty {
            qty = min_qty.clone();
            draft.rules.push("min_qty");
        }
        let min_amount = big(self.params.min_amount);
        let least_by_amount = quotient(&min_amount, &draft.price, decimals, true);
        if &qty * &draft.price < min_amount {
            qty = least_by_amount.clone();
            draft.rules.push("min_amount");
        }
        let most = quotient(&big(self.params.max_amount), &draft.price, decimals, false);
        if qty > most {
            qty = most.clone();
            draft.rules.push("max_amount");
        }
        let least = min_qty.max(least_by_amount);
        if qty < least {
            return Err("limits_conflict");
        }
        if self.params.same_qty == SamePolicy::Nudge && self.last.as_ref().is_some_and(|last| last.qty == qty)
        {
            let grown =
                (&qty * big(Decimal::new(10_001, 4))).with_scale_round(decimals, RoundingMode::HalfEven);
            let mut candidate = if grown == qty { &qty + &lot } else { grown };
            if candidate > most {
                candidate = &qty - &lot;
            }
            if candidate >= least && candidate.is_positive() {
                qty = candidate;
                draft.rules.push("same_qty");
            }
        }
        draft.qty = qty;
        Ok(())
    }

    /// 16 to 19, and the memory.
    fn orders(
        &mut self,
        mut draft: Draft,
        tick_side: Option<Side>,
        [bid, ask]: [Option<BigDecimal>; 2],
        now_ms: i64,
        draw: Draw,
    ) -> Result<String, &'static str> {
        let future = self.params.term == TermType::Future;
        let order_qty = if future {
            quotient(&(&draft.qty * big(self.params.leverage)), &big(self.params.contract_size), 0, false)
        } else {
            draft.qty.with_scale(i64::from(self.params.qty_decimals))
        };
        if order_qty.is_zero() {
            return Err("zero_contracts");
        }
        let wanted = match tick_side {
            Some(side) if self.params.side == SidePolicy::Follow => side.opposite(),
            Some(_) | None => draw.maker_side,
        };
        let maker = match (bid, ask) {
            (_, Some(ask)) if draft.price >= ask => Side::Sell,
            (Some(bid), _) if draft.price <= bid => Side::Buy,
            _ => wanted,
        };
        if maker != wanted {
            draft.rules.push("side_forced");
        }
        let price = draft.price.with_scale(i64::from(self.params.price_decimals)).to_plain_string();
        let leg = |side: Side, tif: &str| {
            let position = match (future, self.params.position_side, side) {
                (false, _, _) => "",
                (true, PositionSide::None, Side::Buy) => "LONG",
                (true, PositionSide::None, Side::Sell) => "SHORT",
                (true, given, _) => given.as_str(),
            };
            format!("{side}@{price}x{}[{position}]{tif}", order_qty.to_plain_string())
        };
        let words =
            format!("{} {} {}", leg(maker, "GTX"), leg(maker.opposite(), "IOC"), draft.rules.join(","));
        let minute = now_ms.div_euclid(60_000);
        self.last = Some(Last { price: draft.price, qty: draft.qty, minute, fired_ms: now_ms });
        Ok(words)
    }

    fn tick(&self) -> BigDecimal {
        BigDecimal::new(BigInt::from(1), i64::from(self.params.price_decimals))
    }
}

/// `dividend / divisor` to so many decimals, rounded once; for numbers that are not below zero.
fn quotient(dividend: &BigDecimal, divisor: &BigDecimal, decimals: i64, up: bool) -> BigDecimal {
    let scale = 64;
    let whole = |number: &BigDecimal, scale| number.with_scale(scale).into_bigint_and_exponent().0;
    let (dividend, divisor) = (whole(dividend, scale + decimals), whole(divisor, scale));
    let (down, rest): (BigInt, BigInt) = (&dividend / &divisor, &dividend % &divisor);
    BigDecimal::new(if up && !rest.is_zero() { down + 1 } else { down }, decimals)
}
