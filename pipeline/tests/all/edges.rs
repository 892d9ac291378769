//! The edges: the very moment, size or count at which a decision turns.

mod legs;
mod names;
mod views;
mod waits;
