//! The embedded venue: a matching engine and the dialects it speaks on real sockets.

pub mod engine;
