//! What each fault does when it begins and when it is over.

use std::time::Duration;

use self_trader::simulator::engine::StpMode;

use super::{Event, World};
use crate::MS;
use crate::coverage::OrderState;
use crate::fault::{Fault, Kind};
use crate::process::{Delivery, Point, Process};

impl World {
    pub(super) fn fault_on(&mut self, fault: Fault) {
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
            let states: Vec<_> = self.hosts[process].process.iter().flat_map(Process::order_states).collect();
            for (_, state) in states {
                self.coverage.saw(fault.kind, state);
            }
            self.strike(&fault, process);
        }
        self.strike_all(&fault);
    }

    pub(super) fn fault_off(&mut self, fault: Fault) {
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

    /// What a fault does to one process as it begins.
    fn strike(&mut self, fault: &Fault, process: usize) {
        let at = self.now;
        match fault.kind {
            Kind::Cut => self.cut(process),
            Kind::Deaf if self.setup.is_usdm => self.deliver(process, Delivery::Events(false), 100 * MS),
            Kind::VenueDown => {
                self.hosts[process].link = 0;
                self.deliver(process, Delivery::Cut, MS);
            }
            Kind::BookLost => {
                for symbol in self.hosts[process].symbols.clone() {
                    self.hide_book(process, symbol);
                }
            }
            Kind::FeedRewind => self.rewind(process, usize::try_from(fault.level).unwrap_or(1)),
            Kind::FeedFrozen => self.after(0, Event::Frozen { process }),
            Kind::Kill => self.take_down(fault, process),
            Kind::HostLoss => {
                self.take_down(fault, process);
                self.hosts[process].disk.lose_unsynced();
            }
            Kind::Torn => {
                self.take_down(fault, process);
                let cut = usize::try_from(self.dice.between(0, 300)).unwrap_or(0);
                let garbage = usize::try_from(self.dice.between(0, 40)).unwrap_or(0);
                self.hosts[process].disk.tear(cut, garbage);
            }
            Kind::BitFlip => {
                self.take_down(fault, process);
                let place = self.dice.between(0, u64::MAX);
                self.hosts[process].disk.flip(place, place >> 7);
            }
            Kind::KillBeforeIntent => self.kill_at(fault, process, Point::BeforeIntent),
            Kind::KillAfterIntent => self.kill_at(fault, process, Point::AfterIntent),
            Kind::KillAfterSend => self.kill_at(fault, process, Point::AfterSend),
            Kind::Stop if self.hosts[process].process.is_some() => {
                self.hosts[process].down_until = self.hosts[process].down_until.max(fault.until);
                self.deliver(process, Delivery::Stop, 0);
            }
            Kind::Pause => self.freeze(process, fault.until),
            Kind::PauseMidSend => {
                if let Some(one) = &mut self.hosts[process].process {
                    one.hold_next(Some(Duration::from_nanos(fault.until - at)));
                }
            }
            Kind::ClockStep => {
                let steps = [-3_600_000, -2_000, -900, -100, 100, 900, 2_000, 3_600_000];
                self.set_clock(
                    process,
                    Some(steps[usize::try_from(fault.level).unwrap_or(0) % steps.len()]),
                    None,
                );
            }
            Kind::ClockRate => {
                let rate = i64::from(fault.level) * 40 - 20_000;
                self.set_clock(process, None, Some(rate));
            }
            Kind::DiskFull | Kind::DiskSlow | Kind::SyncSlow | Kind::SyncFails => self.apply_disk(process),
            Kind::SlowNetwork
            | Kind::LoseRequest
            | Kind::LoseAnswer
            | Kind::LoseEvent
            | Kind::RepeatEvent
            | Kind::Reorder
            | Kind::Zombie
            | Kind::Partition
            | Kind::Deaf
            | Kind::UnknownAnswer
            | Kind::Overloaded
            | Kind::RefuseCancel
            | Kind::TooMany
            | Kind::Ban
            | Kind::SelfTrade
            | Kind::Wipe
            | Kind::Filters
            | Kind::SymbolHalt
            | Kind::Strangers
            | Kind::BookFrozen
            | Kind::BookLate
            | Kind::BookSilent
            | Kind::BookCrossed
            | Kind::FeedDown
            | Kind::FeedRepeat
            | Kind::FeedReorder
            | Kind::FeedStale
            | Kind::FeedFuture
            | Kind::FeedBurst
            | Kind::FeedSecond
            | Kind::FeedJump
            | Kind::Starve
            | Kind::Stop
            | Kind::StoreDown
            | Kind::StoreWipe
            | Kind::StoreRollback
            | Kind::StoreSlow => {}
        }
    }

    /// What a fault does to the venue, the store and the reference markets as it begins.
    fn strike_all(&mut self, fault: &Fault) {
        if fault.kind == Kind::SelfTrade {
            let modes = [StpMode::ExpireTaker, StpMode::ExpireMaker, StpMode::ExpireBoth];
            self.venue.prevents = modes[usize::try_from(fault.level).unwrap_or(0) % modes.len()];
        }
        if fault.kind == Kind::Wipe {
            self.venue.wipe();
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
        match fault.kind {
            Kind::Deaf if self.setup.is_usdm && !lasts && self.hosts[process].link != 0 => {
                self.deliver(process, Delivery::Events(true), 50 * MS);
            }
            Kind::KillBeforeIntent | Kind::KillAfterIntent | Kind::KillAfterSend => {
                if let Some(one) = &mut self.hosts[process].process {
                    one.kill_at(None);
                }
            }
            Kind::PauseMidSend => {
                if let Some(one) = &mut self.hosts[process].process {
                    one.hold_next(None);
                }
            }
            Kind::ClockStep if !lasts => self.set_clock(process, Some(0), None),
            Kind::ClockRate if !lasts => self.set_clock(process, None, Some(0)),
            Kind::DiskFull | Kind::DiskSlow | Kind::SyncSlow | Kind::SyncFails => self.apply_disk(process),
            _ => {}
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
