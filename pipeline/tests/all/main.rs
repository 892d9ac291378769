//! All that `pipeline` decides, through its public doors. One binary: a change costs one link.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod book;
mod book_flows;
mod budget;
mod clock_gate;
mod edges;
mod evidence;
mod gateway;
mod halt;
mod lease;
mod own;
mod ownership;
mod readiness;
mod reap;
mod rules;
mod simulation;
mod support;
mod switch;
mod trade;
mod waiting;
