//! What both Binance dialects share: frames, signatures, order answers, streams, limits, refusals. No sockets, no
//! keys.
//!
//! Reading is lenient where a venue may grow (unknown fields, event types, statuses) and strict where money
//! hangs on it; every fault becomes one line with its code ([`super::book_fault`], [`super::order_fault`]).

pub mod answer;
pub mod api_error;
pub mod encode;
pub mod limit;
pub(crate) mod number;
pub mod order;
pub mod request;
pub mod rest;
pub mod stream;
