//! The decisions of self-trader: quote, normalise, trade, cancel. Pure: no clock, no socket, no task, no
//! random source of its own; time, chance and ids are arguments.
//!
//! A tick comes to its [`instrument`], which asks the [`rules`] (quote -> normalise -> sides), carries the pair
//! through [`trade`] and [`cancel`], and speaks to the venue by [`command`]s that the [`gateway`] sends.
#![deny(missing_docs)]

pub mod alarm;
pub mod answer;
pub mod book;
pub mod cancel;
pub mod chance;
pub mod clock_gate;
pub mod close_out;
pub mod command;
pub mod counts;
pub mod drop_copy;
pub mod event;
pub mod evidence;
pub mod gateway;
pub mod halt;
pub mod instrument;
pub mod lease;
pub mod leg;
mod limits;
mod normalise;
pub mod ownership;
pub mod position;
pub mod probe;
mod quote;
pub mod readiness;
pub mod reap;
pub mod rules;
mod settings;
mod sides;
pub mod skip;
pub mod strangers;
pub mod sweep;
pub mod switch;
pub mod time;
pub mod trade;
pub mod waiting;
