//! Every event in one number: two runs of one seed come to the same.

use super::{Event, World};

impl World {
    pub(super) fn note_trace(&mut self, word: u64) {
        self.trace = (self.trace ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    pub(super) fn trace_event(&mut self, event: &Event) {
        let word = match event {
            Event::Print { symbol } => 1 << 8 | *symbol as u64,
            Event::Burst { symbol, left } => 2 << 8 | *symbol as u64 | u64::from(*left) << 16,
            Event::Frozen { process } => 3 << 8 | *process as u64,
            Event::Deliver { process, life, .. } => 4 << 8 | *process as u64 | u64::from(*life) << 16,
            Event::Arrive { process, outgoing, .. } => 5 << 8 | *process as u64 | outgoing.request << 16,
            Event::Connect { process, link, .. } => 6 << 8 | *process as u64 | u64::from(*link) << 16,
            Event::OpenStore { process, conn, .. } => 7 << 8 | *process as u64 | u64::from(*conn) << 16,
            Event::AskStore { process, clock, .. } => 8 << 8 | *process as u64 | u64::from(*clock) << 16,
            Event::Wake { process, .. } => 9 << 8 | *process as u64,
            Event::Start { process } => 10 << 8 | *process as u64,
            Event::Publish { symbol } | Event::Confirm { symbol } => 11 << 8 | *symbol as u64,
            Event::Crowd | Event::Stranger | Event::SaveStore => 12 << 8,
            Event::Cut { process } => 13 << 8 | *process as u64,
            Event::AskTime { process, number, .. } => 17 << 8 | *process as u64 | number << 16,
            Event::Renewal(renewal) => 15 << 8 | renewal.number << 16,
            Event::SwitchDue { symbol } => 16 << 8 | *symbol as u64,
            Event::FaultOn(index) | Event::FaultOff(index) => 14 << 8 | (*index as u64) << 16,
        };
        self.note_trace(word ^ self.now << 20);
    }
}
