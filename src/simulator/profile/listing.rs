//! One symbol of a profile file: its decimals, and its filters in ticks and lots.

use schemas::config::profile::{Filter, OrderTypeWord, StatusWord, SymbolSettings};
use schemas::config::{Code, Fault};
use schemas::units::{Decimal, Rounding};

use super::file::{mode, modes, ppm, product};
use super::rules::{
    NotionalForm, NotionalRule, OrderType, PercentForm, PercentPrice, Range, STEPS_MAX, SideMultipliers,
    SymbolRules, SymbolStatus,
};
use super::{Profile, built_in};
use crate::simulator::engine::AMOUNT_DECIMALS;
use crate::simulator::symbols::SymbolSpec;

/// The symbol with its own rules.
pub(super) fn spec(settings: &SymbolSettings, profile: &Profile) -> Result<SymbolSpec, Fault> {
    let filters = settings.filters.as_deref();
    let (price_decimals, qty_decimals) = decimals(settings);
    if u32::from(price_decimals) + u32::from(qty_decimals) > u32::from(AMOUNT_DECIMALS) {
        let total = u32::from(price_decimals) + u32::from(qty_decimals);
        let message = format!("price and quantity are too fine (got {total} decimals, want at most 18)");
        return Err(Fault::new(Code::Filters, settings.pointer.clone(), message));
    }
    let mut spec = SymbolSpec::named(&settings.name, price_decimals, qty_decimals);
    spec.product = product(settings.product);
    spec.base = settings.base.clone().unwrap_or(spec.base);
    spec.quote = settings.quote.clone().unwrap_or(spec.quote);
    spec.start_price = settings.start_price;
    let wrong = |what| Fault::new(Code::Filters, settings.pointer.clone(), what);
    spec.check().map_err(wrong)?;
    let market = profile.market(spec.product);
    let mut rules = match filters {
        None => built_in::rules(market, &spec),
        Some(filters) => {
            let mut rules = built_in::wide(market, &spec);
            for filter in filters {
                apply(&mut rules, filter, &spec).map_err(|what| {
                    Fault::new(Code::Filters, format!("{}/Filters", settings.pointer), what)
                })?;
            }
            rules
        }
    };
    overlay(&mut rules, settings);
    spec.rules = Some(Box::new(rules));
    Ok(spec)
}

/// Decimals of price and quantity: as given, or as many as the filters need.
fn decimals(settings: &SymbolSettings) -> (u8, u8) {
    let filters = settings.filters.as_deref().unwrap_or_default();
    let needed = |numbers: &mut dyn Iterator<Item = Decimal>| {
        numbers.map(Decimal::decimals).max().and_then(|most| u8::try_from(most).ok()).unwrap_or(0)
    };
    let of = |pick: fn(&Filter) -> Option<&[Decimal; 3]>| {
        filters.iter().filter_map(pick).flatten().copied().collect::<Vec<_>>()
    };
    let prices = of(|filter| if let Filter::Price(numbers) = filter { Some(numbers) } else { None });
    let lots = of(|filter| if let Filter::Lot(numbers) = filter { Some(numbers) } else { None });
    let market = of(|filter| if let Filter::MarketLot(numbers) = filter { Some(numbers) } else { None });
    let price = settings.price_decimals.unwrap_or_else(|| needed(&mut prices.into_iter()));
    let qty = settings.qty_decimals.unwrap_or_else(|| {
        let most = lots.iter().chain(&market).copied().max();
        let coarse = needed(&mut lots.into_iter());
        let fine = coarse.max(needed(&mut market.into_iter()));
        // What MARKET orders alone need is left out where it would make the numbers too large.
        let fits = most.and_then(|most| most.to_steps(fine, Rounding::Up));
        let fits = fits.is_none_or(|steps| steps <= i128::from(STEPS_MAX));
        if fits && u32::from(fine) + u32::from(price) <= u32::from(AMOUNT_DECIMALS) { fine } else { coarse }
    });
    (price, qty)
}

/// Puts one filter into the rules; what is wrong with it, in a few words.
fn apply(rules: &mut SymbolRules, filter: &Filter, spec: &SymbolSpec) -> Result<(), String> {
    match *filter {
        Filter::Price(numbers) => rules.price = range(numbers, spec.price_decimals, "PRICE_FILTER")?,
        Filter::Lot(numbers) => {
            rules.lot = range(numbers, spec.qty_decimals, "LOT_SIZE")?;
        }
        Filter::MarketLot(numbers) => {
            rules.market_lot = rounded(numbers, spec.qty_decimals, "MARKET_LOT_SIZE")?;
        }
        Filter::PercentPrice { up, down, avg_price_mins } => {
            let bounds = SideMultipliers::both(up, down);
            rules.percent_price = Some(PercentPrice { form: PercentForm::Both, bounds, avg_price_mins });
        }
        Filter::PercentPriceBySide { bounds, avg_price_mins } => {
            let bounds = sides(bounds);
            rules.percent_price = Some(PercentPrice { form: PercentForm::BySide, bounds, avg_price_mins });
        }
        Filter::MinNotional { min, to_market, avg_price_mins } => {
            rules.notional = Some(NotionalRule {
                form: NotionalForm::Min,
                min,
                min_to_market: to_market,
                max: None,
                max_to_market: false,
                avg_price_mins,
            });
        }
        Filter::Notional { min, min_to_market, max, max_to_market, avg_price_mins } => {
            let max = (!max.is_zero()).then_some(max);
            rules.notional = Some(NotionalRule {
                form: NotionalForm::MinMax,
                min,
                min_to_market,
                max,
                max_to_market,
                avg_price_mins,
            });
        }
        Filter::MaxOrders(count) => rules.max_orders = usize::try_from(count).unwrap_or(usize::MAX),
        Filter::MaxAlgoOrders(count) => rules.max_algo_orders = Some(count),
        Filter::MaxPosition(most) => {
            rules.max_position = Some(steps(most, spec.qty_decimals, Rounding::Down, "MAX_POSITION")?);
        }
    }
    Ok(())
}

/// Least, most and step in whole steps of the decimals.
fn range(numbers: [Decimal; 3], decimals: u8, filter: &str) -> Result<Range, String> {
    for number in numbers {
        if number.to_steps_exact(decimals).is_none() {
            return Err(format!("{filter}: {number} is finer than {decimals} decimals"));
        }
    }
    rounded(numbers, decimals, filter)
}

fn rounded([min, max, step]: [Decimal; 3], decimals: u8, filter: &str) -> Result<Range, String> {
    Ok(Range {
        min: steps(min, decimals, Rounding::Up, filter)?,
        max: steps(max, decimals, Rounding::Down, filter)?,
        step: steps(step, decimals, Rounding::Up, filter)?,
    })
}

/// A number in steps; what is beyond the engine's numbers is as much as it takes.
fn steps(number: Decimal, decimals: u8, rounding: Rounding, filter: &str) -> Result<i64, String> {
    let steps =
        number.to_steps(decimals, rounding).ok_or_else(|| format!("{filter}: {number} is too large"))?;
    Ok(i64::try_from(steps).unwrap_or(STEPS_MAX).min(STEPS_MAX))
}

const fn sides([bid_up, bid_down, ask_up, ask_down]: [Decimal; 4]) -> SideMultipliers {
    SideMultipliers { bid_up, bid_down, ask_up, ask_down }
}

/// What a symbol says of itself beside its filters.
fn overlay(rules: &mut SymbolRules, settings: &SymbolSettings) {
    rules.status = match settings.status {
        StatusWord::Trading => SymbolStatus::Trading,
        StatusWord::Halt => SymbolStatus::Halt,
        StatusWord::Break => SymbolStatus::Break,
    };
    if let Some(types) = &settings.order_types {
        rules.order_types = types.iter().copied().map(order_type).collect();
    }
    let trade = &settings.trade;
    rules.default_stp = trade.default_stp.map_or(rules.default_stp, mode);
    if let Some(allowed) = &trade.allowed_stp {
        rules.allowed_stp = modes(allowed);
    }
    rules.maker_fee_ppm = trade.maker_fee.map_or(rules.maker_fee_ppm, ppm);
    rules.taker_fee_ppm = trade.taker_fee.map_or(rules.taker_fee_ppm, ppm);
    rules.price_range = settings.price_range.map(sides).or(rules.price_range);
    let (contract, own) = (&mut rules.contract, &settings.contract);
    contract.price_precision = own.price_precision.unwrap_or(contract.price_precision);
    contract.quantity_precision = own.quantity_precision.unwrap_or(contract.quantity_precision);
    contract.max_leverage = own.max_leverage.unwrap_or(contract.max_leverage);
    contract.maintenance_percent = own.maintenance_percent.unwrap_or(contract.maintenance_percent);
    contract.required_percent = own.required_percent.unwrap_or(contract.required_percent);
    contract.liquidation_fee = own.liquidation_fee.unwrap_or(contract.liquidation_fee);
    contract.market_take_bound = own.market_take_bound.unwrap_or(contract.market_take_bound);
    contract.trigger_protect = own.trigger_protect.unwrap_or(contract.trigger_protect);
}

const fn order_type(word: OrderTypeWord) -> OrderType {
    match word {
        OrderTypeWord::Limit => OrderType::Limit,
        OrderTypeWord::LimitMaker => OrderType::LimitMaker,
        OrderTypeWord::Market => OrderType::Market,
    }
}
