//! Wire messages, one folder a dialect; beside them the words that every dialect is translated into.

pub mod binance;
pub mod binance_spot;
pub mod binance_usdm;
pub mod book_fault;
pub mod cut;
pub mod market;
pub mod older_epoch;
pub mod order_fault;
pub mod order_update;
