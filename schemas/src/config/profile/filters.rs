//! A symbol's filters, in exchangeInfo's own words.

use serde_json::{Value, json};

use super::keys::FACTOR;
use crate::config::fault::{Code, member};
use crate::config::json_schema::object;
use crate::config::keys::Given::{Default, Optional, Required};
use crate::config::keys::Kind::{Amount, Flag, Text, Whole};
use crate::config::keys::{Form, Key, Kind, Range, key};
use crate::config::node::{Node, Object};
use crate::config::reader::Reader;
use crate::units::Decimal;

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `PRICE_FILTER`: least, most, tick size.
    Price([Decimal; 3]),
    /// `LOT_SIZE`: least, most, step size.
    Lot([Decimal; 3]),
    /// `MARKET_LOT_SIZE`: least, most, step size.
    MarketLot([Decimal; 3]),
    /// `PERCENT_PRICE`.
    PercentPrice {
        /// `multiplierUp`.
        up: Decimal,
        /// `multiplierDown`.
        down: Decimal,
        /// `avgPriceMins`; Spot only.
        avg_price_mins: u32,
    },
    /// `PERCENT_PRICE_BY_SIDE`.
    PercentPriceBySide {
        /// Bid up, bid down, ask up, ask down.
        bounds: [Decimal; 4],
        /// `avgPriceMins`.
        avg_price_mins: u32,
    },
    /// `MIN_NOTIONAL`, either product's.
    MinNotional {
        /// `minNotional`; on USD-M `notional`.
        min: Decimal,
        /// `applyToMarket`.
        to_market: bool,
        /// `avgPriceMins`.
        avg_price_mins: u32,
    },
    /// `NOTIONAL`.
    Notional {
        /// `minNotional`.
        min: Decimal,
        /// `applyMinToMarket`.
        min_to_market: bool,
        /// `maxNotional`.
        max: Decimal,
        /// `applyMaxToMarket`.
        max_to_market: bool,
        /// `avgPriceMins`.
        avg_price_mins: u32,
    },
    /// `MAX_NUM_ORDERS`.
    MaxOrders(u64),
    /// `MAX_NUM_ALGO_ORDERS`.
    MaxAlgoOrders(u64),
    /// `MAX_POSITION`.
    MaxPosition(Decimal),
}

/// The filters that a venue has.
pub const FILTER_TYPES: [&str; 10] = [
    "PRICE_FILTER",
    "LOT_SIZE",
    "MARKET_LOT_SIZE",
    "PERCENT_PRICE",
    "PERCENT_PRICE_BY_SIDE",
    "MIN_NOTIONAL",
    "NOTIONAL",
    "MAX_NUM_ORDERS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_POSITION",
];

const SIZE: Kind = Amount(Range { low: "0", from_low: true, high: "1e18", to_high: true });
const MINUTES: Kind = Whole(0..=1_440);
const ORDERS: Kind = Whole(0..=1_000_000_000);

const TYPE: Key = key("filterType", Text(Form::Name), Required, "Which filter it is.");

static PRICE: &[Key] = &[
    TYPE,
    key("minPrice", SIZE, Required, "The least price; 0: any."),
    key("maxPrice", SIZE, Required, "The highest price; 0: any."),
    key("tickSize", SIZE, Required, "The step of prices; 0: any."),
];
static LOT: &[Key] = &[
    TYPE,
    key("minQty", SIZE, Required, "The least quantity; 0: any."),
    key("maxQty", SIZE, Required, "The largest quantity; 0: any."),
    key("stepSize", SIZE, Required, "The step of quantities; 0: any."),
];
static PERCENT_PRICE: &[Key] = &[
    TYPE,
    key("multiplierUp", FACTOR, Required, "The highest price, as a multiple of the reference."),
    key("multiplierDown", FACTOR, Required, "The least price, as a multiple of the reference."),
    key(
        "avgPriceMins",
        MINUTES,
        Default("0"),
        "Spot: minutes of trades in the reference; 0: the last price.",
    ),
    key("multiplierDecimal", SIZE, Optional, "USD-M: decimals of the multiples; not used."),
];
static BY_SIDE: &[Key] = &[
    TYPE,
    key("bidMultiplierUp", FACTOR, Required, "A buyer's highest price, as a multiple of the reference."),
    key("bidMultiplierDown", FACTOR, Required, "A buyer's least price, as a multiple of the reference."),
    key("askMultiplierUp", FACTOR, Required, "A seller's highest price, as a multiple of the reference."),
    key("askMultiplierDown", FACTOR, Required, "A seller's least price, as a multiple of the reference."),
    key("avgPriceMins", MINUTES, Default("0"), "Minutes of trades in the reference; 0: the last price."),
];
static MIN_NOTIONAL: &[Key] = &[
    TYPE,
    key("minNotional", SIZE, Optional, "Spot: the least price times quantity."),
    key("notional", SIZE, Optional, "USD-M: the least price times quantity."),
    key("applyToMarket", Flag, Default("true"), "Whether it binds MARKET orders."),
    key(
        "avgPriceMins",
        MINUTES,
        Default("0"),
        "Minutes of trades that value a MARKET order; 0: the last price.",
    ),
];
static NOTIONAL: &[Key] = &[
    TYPE,
    key("minNotional", SIZE, Required, "The least price times quantity; 0: any."),
    key("applyMinToMarket", Flag, Default("true"), "Whether the least binds MARKET orders."),
    key("maxNotional", SIZE, Default("0"), "The most price times quantity; 0: any."),
    key("applyMaxToMarket", Flag, Default("false"), "Whether the most binds MARKET orders."),
    key(
        "avgPriceMins",
        MINUTES,
        Default("0"),
        "Minutes of trades that value a MARKET order; 0: the last price.",
    ),
];
static MAX_ORDERS: &[Key] = &[
    TYPE,
    key("maxNumOrders", ORDERS, Optional, "Spot: open orders of an account."),
    key("limit", ORDERS, Optional, "USD-M: open orders of an account."),
];
static MAX_ALGO_ORDERS: &[Key] = &[
    TYPE,
    key("maxNumAlgoOrders", ORDERS, Optional, "Spot: open conditional orders of an account."),
    key("limit", ORDERS, Optional, "USD-M: open conditional orders of an account."),
];
static MAX_POSITION: &[Key] =
    &[TYPE, key("maxPosition", SIZE, Required, "Most of the base asset that is held and bid for.")];

/// Reads the list at `Filters`; `None` if there is none.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<Filter>> {
    if !reader.has("Filters") {
        return None;
    }
    let mut filters = Vec::new();
    for (pointer, object) in reader.objects("Filters") {
        let Some(keys) = keys_of(object) else {
            let message = || format!("no such filter (want {})", FILTER_TYPES.join(", "));
            reader.fault_at(Code::Type, &member(&pointer, "filterType"), message);
            continue;
        };
        filters.extend(one(&mut reader.below(object, &pointer, keys)));
    }
    Some(filters)
}

fn keys_of(object: &Object<'_>) -> Option<&'static [Key]> {
    match object.get("filterType")? {
        Node::Text(name) => keys_named(name),
        Node::Null | Node::Flag(_) | Node::Number(_) | Node::List(_) | Node::Object(_) => None,
    }
}

fn keys_named(name: &str) -> Option<&'static [Key]> {
    let at = FILTER_TYPES.iter().position(|known| *known == name)?;
    let tables: [&'static [Key]; 10] = [
        PRICE,
        LOT,
        LOT,
        PERCENT_PRICE,
        BY_SIDE,
        MIN_NOTIONAL,
        NOTIONAL,
        MAX_ORDERS,
        MAX_ALGO_ORDERS,
        MAX_POSITION,
    ];
    tables.get(at).copied()
}

fn one(reader: &mut Reader<'_, '_>) -> Option<Filter> {
    match reader.text("filterType")?.as_str() {
        "PRICE_FILTER" => three(reader, ["minPrice", "maxPrice", "tickSize"]).map(Filter::Price),
        "LOT_SIZE" => three(reader, ["minQty", "maxQty", "stepSize"]).map(Filter::Lot),
        "MARKET_LOT_SIZE" => three(reader, ["minQty", "maxQty", "stepSize"]).map(Filter::MarketLot),
        "PERCENT_PRICE" => percent_price(reader),
        "PERCENT_PRICE_BY_SIDE" => by_side(reader),
        "MIN_NOTIONAL" => min_notional(reader),
        "NOTIONAL" => notional(reader),
        "MAX_NUM_ORDERS" => either(reader, "maxNumOrders").map(Filter::MaxOrders),
        "MAX_NUM_ALGO_ORDERS" => either(reader, "maxNumAlgoOrders").map(Filter::MaxAlgoOrders),
        "MAX_POSITION" => reader.amount("maxPosition").map(Filter::MaxPosition),
        _ => None,
    }
}

fn three(reader: &mut Reader<'_, '_>, names: [&str; 3]) -> Option<[Decimal; 3]> {
    let [low, high, step] = names.map(|name| reader.amount(name));
    let (low, high, step) = (low?, high?, step?);
    if !high.is_zero() && low > high {
        reader.fault(Code::Range, names[0], || format!("out of range (got {low}, want at most {high})"));
        return None;
    }
    Some([low, high, step])
}

fn percent_price(reader: &mut Reader<'_, '_>) -> Option<Filter> {
    let (up, down) = (reader.amount("multiplierUp"), reader.amount("multiplierDown"));
    let avg_price_mins = minutes(reader);
    Some(Filter::PercentPrice { up: up?, down: down?, avg_price_mins: avg_price_mins? })
}

fn by_side(reader: &mut Reader<'_, '_>) -> Option<Filter> {
    let names = ["bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown"];
    let [bid_up, bid_down, ask_up, ask_down] = names.map(|name| reader.amount(name));
    let avg_price_mins = minutes(reader);
    let bounds = [bid_up?, bid_down?, ask_up?, ask_down?];
    Some(Filter::PercentPriceBySide { bounds, avg_price_mins: avg_price_mins? })
}

fn min_notional(reader: &mut Reader<'_, '_>) -> Option<Filter> {
    let (spot, usdm) = (reader.amount("minNotional"), reader.amount("notional"));
    let (to_market, avg_price_mins) = (reader.flag("applyToMarket"), minutes(reader));
    if spot.or(usdm).is_none() && !reader.has("minNotional") && !reader.has("notional") {
        reader.fault(Code::Type, "minNotional", || "missing (want an amount)".to_owned());
    }
    Some(Filter::MinNotional { min: spot.or(usdm)?, to_market: to_market?, avg_price_mins: avg_price_mins? })
}

fn notional(reader: &mut Reader<'_, '_>) -> Option<Filter> {
    let (min, max) = (reader.amount("minNotional"), reader.amount("maxNotional"));
    let (min_to_market, max_to_market) = (reader.flag("applyMinToMarket"), reader.flag("applyMaxToMarket"));
    let avg_price_mins = minutes(reader);
    Some(Filter::Notional {
        min: min?,
        min_to_market: min_to_market?,
        max: max?,
        max_to_market: max_to_market?,
        avg_price_mins: avg_price_mins?,
    })
}

/// A count under Spot's name for it, or USD-M's.
fn either(reader: &mut Reader<'_, '_>, spot: &str) -> Option<u64> {
    let (own, limit) = (reader.whole(spot), reader.whole("limit"));
    if own.or(limit).is_none() && !reader.has(spot) && !reader.has("limit") {
        reader.fault(Code::Type, spot, || "missing (want a count)".to_owned());
    }
    own.or(limit)
}

fn minutes(reader: &mut Reader<'_, '_>) -> Option<u32> {
    reader.whole("avgPriceMins").and_then(|minutes| u32::try_from(minutes).ok())
}

/// The JSON Schema of a list of filters.
pub(in crate::config) fn filters_schema() -> Value {
    let one = |name: &&str| {
        let mut schema = object(keys_named(name).expect("every filter has its keys"));
        schema["properties"]["filterType"] = json!({ "const": name });
        schema
    };
    json!({ "type": "array", "items": { "oneOf": FILTER_TYPES.iter().map(one).collect::<Vec<_>>() } })
}
