//! A lane's bulkhead: where an instrument's code fails, only that instrument stops. Another machine takes its place,
//! sweeps, and trades again; where that happens too often the instrument stays halted.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use pipeline::alarm::Alarm;
use pipeline::counts::Counts;
use pipeline::instrument::{Instrument, Settings};
use pipeline::position::Position;
use pipeline::probe::{ProbeState, Smallest};
use pipeline::skip::Skip;
use pipeline::time::Nanos;
use schemas::halt::HaltedBy;
use schemas::ids::ClientOrderId;
use tokio::sync::watch;

use super::{LaneEnd, LaneLinks, run};
use crate::clock::Clock;
use crate::halt::Panics;

/// Beyond the moment at which nothing of the failed machine can reach the venue any more.
const MARGIN: Duration = Duration::from_millis(500);

/// What an instrument's machine is made from.
#[derive(Clone, Debug)]
pub struct Making {
    /// What makes it what it is.
    pub settings: Settings,
    /// What an earlier run left in doubt.
    pub in_doubt: Vec<ClientOrderId>,
    /// It probes first.
    pub probe: Option<Smallest>,
    /// Orders that it may send in a second.
    pub orders_a_second: Option<u32>,
    /// What it holds, and how much it may; outlives a machine that failed.
    pub position: Position,
}

/// Runs an instrument until it has stopped with nothing open, or `give_up` turns true.
pub async fn supervise(
    making: Making,
    mut links: LaneLinks,
    clock: Clock,
    mut give_up: watch::Receiver<bool>,
) -> LaneEnd {
    let mut instrument = making.first();
    let (mut panics, mut restarts) = (Panics::default(), 0_u64);
    loop {
        let running = AssertUnwindSafe(run(&mut instrument, &mut links, clock, &mut give_up));
        if let Ok(end) = running.catch_unwind().await {
            return end;
        }
        restarts += 1;
        // First of all: what the failed machine had handed to its gateway does not leave any more.
        links.hold.set_recovering(true);
        let symbol = links.source.maker_symbol.as_str();
        metrics::counter!("st_panics_total", "task" => "lane").increment(1);
        tracing::error!(symbol, restarts, "its lane failed: no order leaves until the venue is swept");
        let now = clock.now().mono;
        if panics.note(now) {
            links.halts.halt_from_task(Some(symbol), HaltedBy::Alarm, Alarm::Panics.name());
        }
        links.recovers_at = Some(now + making.pause());
        instrument = making.anew(&links, restarts);
    }
}

/// Whatever the failed machine had sent has arrived by now, or never will: the second sweep finds it.
pub(super) fn recovered(links: &mut LaneLinks, now: Nanos) {
    if links.recovers_at.is_some_and(|at| now >= at) {
        links.recovers_at = None;
        links.hold.set_recovering(false);
    }
}

impl Making {
    /// Where the probe stands before anything has happened.
    #[must_use]
    pub fn first_probe(&self) -> ProbeState {
        if self.probe.is_some() { ProbeState::Waits } else { ProbeState::Off }
    }

    fn first(&self) -> Instrument {
        let mut instrument = Instrument::idle(self.settings.clone());
        instrument.close_out(&self.in_doubt);
        self.bound(&mut instrument);
        if let Some(smallest) = self.probe {
            instrument.probe_first(smallest);
        }
        instrument
    }

    /// The one that takes the place of a machine that failed, in the middle of its `restarts`-th failure.
    fn anew(&self, links: &LaneLinks, restarts: u64) -> Instrument {
        let mut instrument = Instrument::anew(self.settings.clone(), counted(links), restarts);
        instrument.close_out(&links.journal.open_of(self.settings.prefix));
        self.bound(&mut instrument);
        if let Some(smallest) = self.probe.filter(|_| !links.stats.probe().is_over()) {
            instrument.probe_first(smallest);
        }
        instrument
    }

    fn bound(&self, instrument: &mut Instrument) {
        instrument.bound_position(self.position.clone());
        if let Some(rate) = self.orders_a_second {
            instrument.limit_rate(rate);
        }
    }

    /// How long an order that left before a failure may take to show at the venue.
    fn pause(&self) -> Duration {
        self.settings.recv_window + MARGIN
    }
}

/// What was counted, and the ticks that were lost with the machine: they are accounted for like all others.
fn counted(links: &LaneLinks) -> Counts {
    let mut counts = links.stats.counts();
    let uncounted = links.taken.saturating_sub(counts.ticks);
    counts.ticks += uncounted;
    counts.skips[Skip::Halted.index()] += uncounted + counts.waiting;
    counts.waiting = 0;
    counts
}
