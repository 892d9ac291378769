//! The decisions of self-trader: quote, normalise, trade, cancel. Pure: no clock, no socket, no task, no
//! random source of its own; time, chance and ids are arguments.
#![deny(missing_docs)]

pub mod answer;
pub mod book;
pub mod chance;
pub mod event;
pub mod gateway;
mod limits;
mod normalise;
mod quote;
pub mod rules;
mod sides;
pub mod skip;
pub mod time;
