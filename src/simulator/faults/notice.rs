//! What the venue's event log is told of faults.

use super::switch::FaultSwitch;

/// Most notices that wait to be told; the oldest make room.
pub(super) const NOTICES_MAX: usize = 1_024;

/// A fault began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct FaultNotice {
    /// Milliseconds since the start of the venue.
    pub(in crate::simulator) at_ms: u64,
    /// The switch's number: the same at its beginning and at its end.
    pub(in crate::simulator) id: u64,
    pub(in crate::simulator) moment: FaultMoment,
    /// The switch; `applied` counts how often it has struck so far.
    pub(in crate::simulator) switch: FaultSwitch,
}

/// What became of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum FaultMoment {
    Began,
    Ended,
}

impl FaultNotice {
    /// Beginning or end, the switch's number, and the switch as JSON, without the symbol, account and connection
    /// that an entry of the log names itself.
    pub(super) fn text(&self) -> String {
        let word = match self.moment {
            FaultMoment::Began => "began",
            FaultMoment::Ended => "ended",
        };
        let bare = FaultSwitch { symbol: None, account: None, ..self.switch.clone() };
        let switch = serde_json::to_string(&bare).expect("switches serialise");
        format!("{word} #{} {switch}", self.id)
    }
}
