//! Venues that orders may go to: a closed set of sandboxes.

pub mod backoff;
pub mod binance_spot;
pub mod guard;
