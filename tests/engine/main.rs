//! The matching engine against a deliberately naive venue and against another engine, over random flows of orders;
//! and single rules by hand.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod flow;
mod naive;
mod other_book;
mod perpetual;
mod rules;
mod self_trade;
mod support;
