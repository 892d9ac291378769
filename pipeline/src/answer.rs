//! A decision in the words of `decide`.

use schemas::decision::{Answer, LegAnswer};
use schemas::order::{PositionSide, Side, TimeInForce};

use crate::rules::{Pair, Rule, Rules};
use crate::skip::Skip;

/// The answer that `decide` prints for a decision.
#[must_use]
pub fn answer(rules: &Rules, decision: &Result<Pair, Skip>) -> Answer {
    let pair = match decision {
        Ok(pair) => pair,
        Err(skip) => return Answer::Skip { reason: skip.name() },
    };
    let leg = |side: Side, tif: TimeInForce, position_side: PositionSide| LegAnswer {
        side,
        order_type: "LIMIT",
        tif,
        price: pair.price.text(rules.params.price_decimals).to_string(),
        qty: pair.order_qty.text(pair.order_qty_decimals).to_string(),
        position_side,
    };
    Answer::Pair {
        maker: leg(pair.maker_side, TimeInForce::Gtx, pair.maker_position),
        taker: leg(pair.maker_side.opposite(), TimeInForce::Ioc, pair.taker_position),
        rules: pair.rules.iter().map(Rule::name).collect(),
    }
}
