//! What goes into the engine and what comes out.

mod command;
mod event;
mod ids;
mod order;
mod reject;

pub use command::{Command, Done, MarketKind};
pub use event::{Event, Fill, Position, Prevented, PreventedLeg, Taken, Trade};
pub use ids::{AccountId, AssetId, CLIENT_ID_LEN_MAX, ClientId, OrderId, SymbolId, Target};
pub(super) use order::reaches;
pub use order::{EndReason, Life, NewOrder, Order, OrderKind, StpMode};
pub use reject::Reject;
