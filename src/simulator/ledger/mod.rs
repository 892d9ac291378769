//! What the venue remembers and tells those who run it: orders, trades, totals, and `/venue/*`.

pub(super) mod history;
pub(super) mod inspect;
