//! What each fault does when it begins and when it is over.

use std::time::Duration;

use self_trader::simulator::engine::StpMode;

use super::{Event, World};
use crate::MS;
use crate::coverage::OrderState;
use crate::fault::{Fault, Kind};
use crate::process::{Delivery, Point, Process};
use crate::sabotage::Sabotage;

/// How long it takes until it is heard that a user stream of its own has ended.
const STREAM_ENDS: u64 = 100 * MS;

impl World {
    pub(super) fn begin_fault(&mut self, fault: Fault) {
        if fault.awaits.is_some() {
            self.awaiting.push(fault);
        } else {
            self.fault_on(fault);
        }
    }

    pub(super) fn end_fault(&mut self, fault: Fault) {
        let never_began = self.awaiting.iter().position(|awaiting| awaiting.index == fault.index);
        match never_began {
            Some(place) => drop(self.awaiting.remove(place)),
            None => self.fault_off(fault),
        }
    }

    /// What awaits the state of an order of that process begins.
    fn meet(&mut self, process: usize) {
        if self.awaiting.is_empty() {
            return;
        }
        let states: Vec<_> = self.hosts[process].process.iter().flat_map(Process::states_now).collect();
        let is_met = |fault: &Fault| {
            let hits = fault.kind.is_common() || fault.process == process;
            hits && fault.awaits.is_some_and(|state| states.contains(&state))
        };
        while let Some(place) = self.awaiting.iter().position(is_met) {
            let fault = self.awaiting.remove(place);
            self.fault_on(fault);
        }
    }

    fn fault_on(&mut self, fault: Fault) {
        self.oracle.stats.faults += 1;
        for other in &self.active {
            let same = other.kind.is_common() || fault.kind.is_common() || other.process == fault.process;
            if same {
                self.coverage.met(other.kind, fault.kind);
            }
        }
        self.active.push(fault);
        self.set_level(fault.kind);
        for process in self.hit(&fault) {
            let states: Vec<_> =
                self.hosts[process].process.iter_mut().flat_map(Process::order_states).collect();
            states.iter().for_each(|state| self.coverage.saw(fault.kind, *state));
            self.strike(&fault, process);
        }
        self.strike_all(&fault);
    }

    fn fault_off(&mut self, fault: Fault) {
        self.active.retain(|active| active.index != fault.index);
        self.set_level(fault.kind);
        for process in self.hit(&fault) {
            self.relieve(&fault, process);
        }
        let lasts = self.active.iter().any(|active| active.kind == fault.kind);
        if !lasts {
            self.relieve_all(fault.kind);
        }
    }

    /// A fault's process met an order in that state.
    pub(super) fn see(&mut self, process: usize, state: OrderState) {
        for fault in &self.active {
            if fault.kind.is_common() || fault.process == process {
                self.coverage.saw(fault.kind, state);
            }
        }
    }

    /// The processes that a fault hits.
    fn hit(&self, fault: &Fault) -> std::ops::Range<usize> {
        if fault.kind.is_common() { 0..self.hosts.len() } else { fault.process..fault.process + 1 }
    }

    /// The worst of those that are on counts.
    fn set_level(&mut self, kind: Kind) {
        for (process, host) in self.hosts.iter_mut().enumerate() {
            let on = |fault: &&Fault| fault.kind == kind && (kind.is_common() || fault.process == process);
            host.levels[kind.index()] =
                self.active.iter().filter(on).map(|fault| fault.level).max().unwrap_or(0);
        }
    }

    /// What a fault does to one process as it begins. One that lasts a moment waits, most of the time, for an order to be
    /// in a certain state: by chance alone some moments are never hit.
    fn strike(&mut self, fault: &Fault, process: usize) {
        if is_aimed(fault) {
            self.hosts[process].aim = Some(*fault);
        } else {
            self.strike_now(fault, process);
        }
    }

    /// An aimed fault strikes as soon as an order is in its state.
    pub(super) fn take_aim(&mut self, process: usize) {
        self.meet(process);
        if self.active.is_empty() {
            self.hosts[process].process.iter_mut().for_each(Process::forget_states);
            return;
        }
        let states: Vec<_> = self.hosts[process].process.iter_mut().flat_map(Process::order_states).collect();
        states.iter().for_each(|state| self.see(process, *state));
        let Some(fault) = self.hosts[process].aim else { return };
        let wanted = OrderState::ALL[usize::try_from(fault.level).unwrap_or(0) % OrderState::COUNT];
        if states.contains(&wanted) {
            self.hosts[process].aim = None;
            self.strike_now(&fault, process);
        }
    }

    fn strike_now(&mut self, fault: &Fault, process: usize) {
        self.strike_links(fault, process);
        self.strike_life(fault, process);
        let kind = fault.kind;
        if kind == Kind::ClockStep {
            let steps = [-3_600_000, -2_000, -900, -100, 100, 900, 2_000, 3_600_000];
            let step = steps[usize::try_from(fault.level).unwrap_or(0) % steps.len()];
            self.set_clock(process, Some(step), None);
        }
        if kind == Kind::ClockRate {
            self.set_clock(process, None, Some(i64::from(fault.level) * 40 - 20_000));
        }
        if is_of_the_disk(kind) {
            self.apply_disk(process);
        }
    }

    /// Connections, books and feeds.
    fn strike_links(&mut self, fault: &Fault, process: usize) {
        let kind = fault.kind;
        if kind == Kind::Cut {
            self.cut(process);
        }
        if kind == Kind::Deaf && self.setup.is_usdm {
            self.deliver(process, Delivery::Events(false), STREAM_ENDS);
        }
        if kind == Kind::VenueDown {
            self.hosts[process].link = 0;
            self.deliver(process, Delivery::Cut, MS);
        }
        if kind == Kind::BookLost {
            for symbol in self.hosts[process].symbols.clone() {
                self.hide_book(process, symbol);
            }
        }
        if kind == Kind::FeedRewind {
            self.rewind(process, usize::try_from(fault.level).unwrap_or(1));
        }
        if kind == Kind::FeedFrozen {
            self.after(0, Event::Frozen { process });
        }
    }

    /// What ends a process, or holds it.
    fn strike_life(&mut self, fault: &Fault, process: usize) {
        let kind = fault.kind;
        if matches!(kind, Kind::Kill | Kind::HostLoss | Kind::Torn | Kind::BitFlip) {
            self.take_down(fault, process);
            self.spoil(kind, process);
        }
        if kind == Kind::KillBeforeIntent {
            self.kill_at(fault, process, Point::BeforeIntent);
        }
        if kind == Kind::KillAfterIntent {
            self.kill_at(fault, process, Point::AfterIntent);
        }
        if kind == Kind::KillAfterSend {
            self.kill_at(fault, process, Point::AfterSend);
        }
        if kind == Kind::Stop && self.hosts[process].process.is_some() {
            self.hosts[process].down_until = self.hosts[process].down_until.max(fault.until);
            self.deliver(process, Delivery::Stop, 0);
        }
        if kind == Kind::Pause {
            self.freeze(process, fault.until);
        }
        if kind == Kind::PauseMidSend
            && let Some(one) = &mut self.hosts[process].process
        {
            one.hold_next(Some(Duration::from_nanos(fault.until - self.now)));
        }
    }

    /// What a death leaves of the journal.
    fn spoil(&mut self, kind: Kind, process: usize) {
        if kind == Kind::HostLoss {
            self.hosts[process].disk.lose_unsynced();
        }
        if kind == Kind::Torn {
            let cut = usize::try_from(self.dice.between(0, 300)).unwrap_or(0);
            let garbage = usize::try_from(self.dice.between(0, 40)).unwrap_or(0);
            self.hosts[process].disk.tear(cut, garbage);
        }
        if kind == Kind::BitFlip {
            let place = self.dice.between(0, u64::MAX);
            self.hosts[process].disk.flip(place, place >> 7);
        }
    }

    /// What a fault does to the venue, the store and the reference markets as it begins.
    fn strike_all(&mut self, fault: &Fault) {
        if fault.kind == Kind::SelfTrade {
            let modes = [StpMode::ExpireTaker, StpMode::ExpireMaker, StpMode::ExpireBoth];
            self.venue.prevents = modes[usize::try_from(fault.level).unwrap_or(0) % modes.len()];
        }
        if fault.kind == Kind::Wipe {
            let outlives = self.setup.switch.is_some_and(|switch| switch.outlives_reset);
            self.venue.wipe(outlives && self.sabotage != Some(Sabotage::ResetSwitches));
            self.oracle.wiped();
        }
        if fault.kind == Kind::Filters {
            self.venue.tick = 10;
        }
        if fault.kind == Kind::SymbolHalt {
            self.venue.halted = true;
        }
        if fault.kind == Kind::Strangers {
            self.after(0, Event::Stranger);
        }
        if fault.kind == Kind::FeedBurst {
            for symbol in 0..self.markets.len() {
                self.after(0, Event::Burst { symbol, left: fault.level });
            }
        }
        if fault.kind == Kind::StoreWipe {
            self.store.wipe();
        }
        if fault.kind == Kind::StoreRollback {
            self.store.roll_back();
        }
    }

    /// What the end of a fault does for one process.
    fn relieve(&mut self, fault: &Fault, process: usize) {
        let lasts = self.level(fault.kind, process) > 0;
        self.hosts[process].aim.take_if(|aim| aim.index == fault.index);
        let kind = fault.kind;
        if kind == Kind::Deaf && self.setup.is_usdm && !lasts && self.hosts[process].link != 0 {
            // However short the fault was, the stream is heard to end before another one begins.
            self.deliver(process, Delivery::Events(true), STREAM_ENDS + 50 * MS);
        }
        if let Some(one) = &mut self.hosts[process].process {
            if matches!(kind, Kind::KillBeforeIntent | Kind::KillAfterIntent | Kind::KillAfterSend) {
                one.kill_at(None);
            }
            if kind == Kind::PauseMidSend {
                one.hold_next(None);
            }
        }
        if kind == Kind::ClockStep && !lasts {
            self.set_clock(process, Some(0), None);
        }
        if kind == Kind::ClockRate && !lasts {
            self.set_clock(process, None, Some(0));
        }
        if is_of_the_disk(kind) {
            self.apply_disk(process);
        }
    }

    fn relieve_all(&mut self, kind: Kind) {
        if kind == Kind::SelfTrade {
            self.venue.prevents = StpMode::None;
        }
        if kind == Kind::Filters {
            self.venue.tick = 1;
        }
        if kind == Kind::SymbolHalt {
            self.venue.halted = false;
        }
    }

    /// A process dies and is started again when the fault is over.
    fn take_down(&mut self, fault: &Fault, process: usize) {
        let host = &mut self.hosts[process];
        host.down_until = host.down_until.max(fault.until);
        // SIGKILL also ends what SIGSTOP holds.
        host.frozen_until = self.now;
        if host.process.is_some() {
            self.kill(process);
        } else {
            let until = host.down_until;
            self.queue.push(until, Event::Start { process });
        }
    }

    fn kill_at(&mut self, fault: &Fault, process: usize, point: Point) {
        let host = &mut self.hosts[process];
        if let Some(one) = &mut host.process {
            one.kill_at(Some(point));
            host.down_until = host.down_until.max(fault.until);
        }
    }

    fn set_clock(&mut self, process: usize, step_ms: Option<i64>, rate_ppm: Option<i64>) {
        let (host, at) = (&mut self.hosts[process], self.now);
        host.step_ms = step_ms.unwrap_or(host.step_ms);
        host.rate_ppm = rate_ppm.unwrap_or(host.rate_ppm);
        let (step_ms, rate_ppm) = (host.step_ms, host.rate_ppm);
        if let Some(one) = &mut host.process {
            one.clock().set_step(step_ms);
            one.clock().set_rate(rate_ppm, at);
        }
        // Deadlines lie elsewhere now.
        self.wake_at(process, at + 1);
    }

    /// A disk is as bad as its faults make it.
    pub(super) fn apply_disk(&mut self, process: usize) {
        let level = |kind| self.level(kind, process);
        let room = (level(Kind::DiskFull) > 0).then(|| usize::try_from(level(Kind::DiskFull)).unwrap_or(0));
        let fails = level(Kind::SyncFails) > 0;
        let write = Duration::from_millis(u64::from(level(Kind::DiskSlow)));
        let sync = Duration::from_millis(4 * u64::from(level(Kind::SyncSlow))) + Duration::from_micros(200);
        let host = &mut self.hosts[process];
        let mut disk = host.disk.inner();
        if room.is_none() || disk.room.is_none() {
            disk.room = room;
        }
        disk.sync_fails = fails;
        drop(disk);
        if let Some(one) = &mut host.process {
            one.set_disk(write, sync);
        }
    }
}

/// Whether a fault waits for an order's state.
const fn is_aimed(fault: &Fault) -> bool {
    let momentary = matches!(
        fault.kind,
        Kind::Kill | Kind::HostLoss | Kind::Torn | Kind::BitFlip | Kind::Stop | Kind::Pause
    );
    momentary && fault.level > 300
}

const fn is_of_the_disk(kind: Kind) -> bool {
    matches!(kind, Kind::DiskFull | Kind::DiskSlow | Kind::SyncSlow | Kind::SyncFails)
}
