//! What lanes count, readable from other threads: plain relaxed stores, no lock on the way of a tick.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use pipeline::counts::Counts;
use pipeline::instrument::Phase;
use pipeline::probe::ProbeState;
use pipeline::skip::Skip;
use pipeline::time::Nanos;
use pipeline::trade::Outcome;

/// One instrument's counters, written by its lane and read by everybody else.
#[derive(Debug, Default)]
pub struct LaneStats {
    /// The symbol on the venue.
    pub symbol: String,
    /// The venue's name.
    pub venue: String,
    /// The follow key.
    pub follow_key: String,
    ticks: AtomicU64,
    repeats: AtomicU64,
    pairs: AtomicU64,
    conflated: AtomicU64,
    overflow: AtomicU64,
    waiting: AtomicU64,
    swept: AtomicU64,
    late_reports: AtomicU64,
    unknown: AtomicU64,
    zombies: AtomicU64,
    foreign: AtomicU64,
    refused: AtomicU64,
    cancels_refused: AtomicU64,
    skips: [AtomicU64; Skip::ALL.len()],
    outcomes: [AtomicU64; Outcome::ALL.len()],
    /// Monotonic nanoseconds of the open maker's sending, plus one; 0 = none is open.
    open_maker_since: AtomicU64,
    phase: AtomicU64,
    /// Where its probe stands, as [`probe_code`] writes it.
    probe: AtomicU64,
    closing_out: AtomicBool,
    /// Monotonic nanoseconds at which the instrument was to be handed over, plus one; 0 = it was not.
    leaving_since: AtomicU64,
}

impl LaneStats {
    /// Counters of one instrument, all zero.
    #[must_use]
    pub fn new(symbol: &str, venue: &str, follow_key: &str) -> Arc<Self> {
        Arc::new(Self {
            symbol: symbol.to_owned(),
            venue: venue.to_owned(),
            follow_key: follow_key.to_owned(),
            ..Self::default()
        })
    }

    /// The lane's newest counts.
    pub fn store(&self, counts: &Counts, phase: Phase, open_maker_since: Option<u64>) {
        for (cell, value) in [
            (&self.ticks, counts.ticks),
            (&self.repeats, counts.repeats),
            (&self.pairs, counts.pairs),
            (&self.conflated, counts.conflated),
            (&self.overflow, counts.overflow),
            (&self.waiting, counts.waiting),
            (&self.swept, counts.swept),
            (&self.late_reports, counts.late_reports),
            (&self.unknown, counts.unknown),
            (&self.zombies, counts.zombies),
            (&self.foreign, counts.foreign),
            (&self.refused, counts.refused),
            (&self.cancels_refused, counts.cancels_refused),
            (&self.open_maker_since, open_maker_since.map_or(0, |since| since.saturating_add(1))),
            (&self.phase, phase_code(phase)),
        ] {
            cell.store(value, Relaxed);
        }
        for (cell, value) in self.skips.iter().zip(counts.skips) {
            cell.store(value, Relaxed);
        }
        for (cell, value) in self.outcomes.iter().zip(counts.outcomes) {
            cell.store(value, Relaxed);
        }
    }

    /// Where it stands at its start.
    pub fn store_start(&self, probe: ProbeState, closing_out: bool) {
        self.closing_out.store(closing_out, Relaxed);
        self.probe.store(probe_code(probe), Relaxed);
    }

    /// Where its probe stands.
    #[must_use]
    pub fn probe(&self) -> ProbeState {
        probe_of(self.probe.load(Relaxed))
    }

    /// An earlier run's orders in doubt are being asked for.
    #[must_use]
    pub fn is_closing_out(&self) -> bool {
        self.closing_out.load(Relaxed)
    }

    /// The instrument is to be handed over from now on.
    pub fn leaves(&self, now: Nanos) {
        // Asked again, it has been leaving since the first time.
        let _ = self.leaving_since.compare_exchange(0, now.0.saturating_add(1), Relaxed, Relaxed);
    }

    /// It is ours again, or was lost before it was handed over.
    pub fn stays(&self) {
        self.leaving_since.store(0, Relaxed);
    }

    /// Nothing of it is left here: the hand-over is over, if there was one.
    pub fn left(&self, now: Nanos) {
        if self.leaving_since.load(Relaxed) == 0 {
            return;
        }
        if let Some(since) = self.leaving_since.swap(0, Relaxed).checked_sub(1) {
            metrics::histogram!("st_handover_seconds").record(now.since(Nanos(since)));
        }
    }

    /// The counts as last stored.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            ticks: self.ticks.load(Relaxed),
            repeats: self.repeats.load(Relaxed),
            pairs: self.pairs.load(Relaxed),
            conflated: self.conflated.load(Relaxed),
            overflow: self.overflow.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            swept: self.swept.load(Relaxed),
            late_reports: self.late_reports.load(Relaxed),
            unknown: self.unknown.load(Relaxed),
            zombies: self.zombies.load(Relaxed),
            foreign: self.foreign.load(Relaxed),
            refused: self.refused.load(Relaxed),
            cancels_refused: self.cancels_refused.load(Relaxed),
            skips: std::array::from_fn(|index| self.skips[index].load(Relaxed)),
            outcomes: std::array::from_fn(|index| self.outcomes[index].load(Relaxed)),
        }
    }

    /// When the open maker was sent (monotonic nanoseconds), if one is open.
    #[must_use]
    pub fn open_maker_since(&self) -> Option<u64> {
        self.open_maker_since.load(Relaxed).checked_sub(1)
    }

    /// What the instrument is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            1 => Phase::Live,
            2 => Phase::Stopping,
            3 => Phase::Stopped,
            4 => Phase::Idle,
            _ => Phase::Sweeping,
        }
    }
}

const fn phase_code(phase: Phase) -> u64 {
    match phase {
        Phase::Sweeping => 0,
        Phase::Live => 1,
        Phase::Stopping => 2,
        Phase::Stopped => 3,
        Phase::Idle => 4,
    }
}

/// The kind in the lowest byte, what it holds above it.
fn probe_code(state: ProbeState) -> u64 {
    let refusal =
        |code: i64| u64::from(u32::from_ne_bytes(i32::try_from(code).unwrap_or(i32::MIN).to_ne_bytes()));
    let place = |outcome: Outcome| Outcome::ALL.iter().position(|one| *one == outcome).unwrap_or(0) as u64;
    match state {
        ProbeState::Off => 0,
        ProbeState::Waits => 1,
        ProbeState::NoRoom => 2,
        ProbeState::TooLarge => 3,
        ProbeState::Sent => 4,
        ProbeState::Refused(code) => 5 | refusal(code) << 8,
        ProbeState::Prevented => 6,
        ProbeState::Missed(outcome) => 7 | place(outcome) << 8,
        ProbeState::Passed => 8,
        ProbeState::Unproved => 9,
    }
}

fn probe_of(code: u64) -> ProbeState {
    let above = u32::try_from(code >> 8).unwrap_or(0);
    match code & 0xff {
        1 => ProbeState::Waits,
        2 => ProbeState::NoRoom,
        3 => ProbeState::TooLarge,
        4 => ProbeState::Sent,
        5 => ProbeState::Refused(i32::from_ne_bytes(above.to_ne_bytes()).into()),
        6 => ProbeState::Prevented,
        7 => {
            ProbeState::Missed(Outcome::ALL.get(above as usize).copied().unwrap_or(Outcome::UnknownResolved))
        }
        8 => ProbeState::Passed,
        9 => ProbeState::Unproved,
        _ => ProbeState::Off,
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn a_hand_over_is_timed_from_the_first_word_to_its_end() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let stats = LaneStats::new("BTCUSDT", "simulated", "binance_ticker_BTCUSDT");
        let seconds = |seconds: u64| Nanos(seconds * 1_000_000_000);
        metrics::with_local_recorder(&recorder, || {
            stats.left(seconds(1));
            stats.leaves(seconds(2));
            stats.leaves(seconds(4));
            stats.left(seconds(5));
            stats.left(seconds(9));
            stats.leaves(seconds(10));
            stats.stays();
            stats.left(seconds(11));
        });
        let page = recorder.handle().render();
        assert!(page.contains("st_handover_seconds_sum 3\n"), "{page}");
        assert!(page.contains("st_handover_seconds_count 1\n"), "{page}");
    }

    #[test]
    fn where_a_probe_stands_is_kept_as_it_is() {
        let missed = Outcome::ALL.map(ProbeState::Missed);
        let refused = [-2_010, 0, 4_000].map(ProbeState::Refused);
        let plain = [
            ProbeState::Off,
            ProbeState::Waits,
            ProbeState::NoRoom,
            ProbeState::TooLarge,
            ProbeState::Sent,
            ProbeState::Prevented,
            ProbeState::Passed,
            ProbeState::Unproved,
        ];
        for state in plain.into_iter().chain(missed).chain(refused) {
            assert_eq!(probe_of(probe_code(state)), state);
        }
    }
}
