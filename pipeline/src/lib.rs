//! The decisions of self-trader: quote, normalise, trade, cancel. Pure: no clock, no socket, no task, no
//! random source of its own; time, chance and ids are arguments.
#![deny(missing_docs)]

pub mod book;
pub mod event;
pub mod gateway;
pub mod time;
