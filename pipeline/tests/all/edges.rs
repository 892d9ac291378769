//! The edges: the very moment, size or count at which a decision turns.

mod legs;
mod names;
mod terms;
mod views;
mod waits;
mod whole;
