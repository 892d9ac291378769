//! What a client marks its orders with: the engine does not know of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::engine::OrderId;

/// Orders whose marks are kept; then the oldest are forgotten.
const KEPT: usize = 1_000_000;
/// The least `strategyType`.
const TYPE_MIN: i64 = 1_000_000;

/// An order's marks, written as answers have them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct Tag {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strategy_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strategy_type: Option<i64>,
}

impl Tag {
    /// The marks that a request carries: -1134 for a type below [`TYPE_MIN`].
    pub(super) fn read(params: &Params<'_>) -> Result<Option<Self>, ApiError> {
        let (strategy_id, strategy_type) = (params.number("strategyId")?, params.number("strategyType")?);
        if strategy_type.is_some_and(|own| own < TYPE_MIN) {
            return Err(ApiError::bad_strategy_type());
        }
        let any = strategy_id.is_some() || strategy_type.is_some();
        Ok(any.then_some(Self { strategy_id, strategy_type }))
    }
}

/// The marks of all orders that have any.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Tags(BTreeMap<OrderId, Tag>);

impl Tags {
    pub(super) fn put(&mut self, order: OrderId, tag: Option<Tag>) {
        let Some(tag) = tag else { return };
        if self.0.len() >= KEPT {
            self.0.pop_first();
        }
        self.0.insert(order, tag);
    }

    /// An order's marks; empty if it has none.
    pub(super) fn of(&self, order: OrderId) -> Tag {
        if self.0.is_empty() {
            return Tag::default();
        }
        self.0.get(&order).copied().unwrap_or_default()
    }
}
