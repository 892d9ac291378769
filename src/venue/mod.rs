//! Venues that orders may go to: a closed set of sandboxes.

pub mod backoff;
pub mod binance;
pub mod binance_spot;
pub mod binance_usdm;
pub mod egress;
pub mod guard;
