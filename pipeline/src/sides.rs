//! Who makes and who takes (rules 17 to 19).

use schemas::config::{SidePolicy, TermType};
use schemas::order::{PositionSide, Side};
use schemas::units::Price;

use crate::quote::TickTop;
use crate::rules::{Rule, RuleSet, Rules};

/// 17: the maker's side; one that would cross is turned to the side that can rest.
pub(crate) fn maker(
    rules: &Rules,
    tick_side: Option<Side>,
    drawn: Side,
    price: Price,
    top: &TickTop,
    fired: &mut RuleSet,
) -> Side {
    let wanted = match (rules.params.side, tick_side) {
        (SidePolicy::Follow, Some(taker)) => taker.opposite(),
        (SidePolicy::Follow, None) | (SidePolicy::Random, _) => drawn,
    };
    let side = if top.ask.is_some_and(|ask| price >= ask) {
        Side::Sell
    } else if top.bid.is_some_and(|bid| price <= bid) {
        Side::Buy
    } else {
        wanted
    };
    if side != wanted {
        fired.insert(Rule::SideForced);
    }
    side
}

/// 19: which position a leg changes.
pub(crate) fn position(rules: &Rules, side: Side) -> PositionSide {
    match (rules.params.term, rules.params.position_side, side) {
        (TermType::Spot, _, _) => PositionSide::None,
        (TermType::Future, PositionSide::None, Side::Buy) => PositionSide::Long,
        (TermType::Future, PositionSide::None, Side::Sell) => PositionSide::Short,
        (TermType::Future, given, _) => given,
    }
}
