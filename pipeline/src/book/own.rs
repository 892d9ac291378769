//! Stub.
use super::Top;
use crate::time::Now;
use schemas::order::Side;
use schemas::units::Decimal;
/// Stub.
#[derive(Clone, Debug, Default)]
pub struct OwnView;
impl OwnView {
    /// Stub.
    pub fn maker_resting(&mut self, _s: Side, _p: Decimal, _q: Decimal, _before: Top) {}
    /// Stub.
    pub fn maker_filled(&mut self, _r: Decimal) {}
    /// Stub.
    pub fn maker_ended(&mut self, _n: Now) {}
    /// Stub.
    pub fn view(&mut self, raw: &Top, _n: Now) -> Top {
        *raw
    }
}
