//! A process's journal in virtual time: the real writer, memory, codec and recovery; the syncing thread is a deadline.

use std::sync::Arc;
use std::time::Duration;

use pipeline::time::Nanos;
use schemas::ids::ClientOrderId;
use schemas::journal::{Outcome, Record};
use self_trader::journal::disk::DiskFile;
use self_trader::journal::{Health, JournalError, Owner, Recovered, STALL_MAX, Writer};

use crate::disk::SimDisk;

/// What is written within this time is synced together.
const GROUP: Duration = Duration::from_millis(2);
/// Records that need not be written before anything leaves are written after this.
const LAZY: Duration = Duration::from_millis(5);
/// How often another file is tried where one has failed.
const RETRY: Duration = Duration::from_secs(1);

/// The journal of one process.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: SimDisk,
    /// None where it could not be opened: nothing is written until the process is started anew.
    writer: Option<Writer>,
    health: Health,
    lazy: Option<Nanos>,
    /// The syncing thread wakes then.
    group: Option<Nanos>,
    syncing: Option<(Nanos, Vec<Arc<dyn DiskFile>>)>,
    /// Something was written while the thread syncs.
    more: bool,
    retry: Option<Nanos>,
    /// How long a write and a sync take.
    pub(crate) write_takes: Duration,
    pub(crate) sync_takes: Duration,
}

impl Journal {
    /// Reads what earlier runs left, and begins a run's file. A file system that refuses it is no error: then no order
    /// leaves.
    pub(crate) fn open(
        disk: SimDisk,
        owner: &Owner,
        run: u32,
        now_ms: i64,
    ) -> Result<(Self, Recovered), JournalError> {
        let opened = Writer::open(&disk, "simulated", owner, format!("{run:x}"), now_ms);
        let (writer, recovered, health) = match opened {
            Ok((writer, recovered)) => (Some(writer), recovered, Health::default()),
            Err(error) if error.may_pass() => {
                let health = Health::default();
                health.break_down(error.to_string());
                (None, Recovered::default(), health)
            }
            Err(error) => return Err(error),
        };
        let journal = Self {
            disk,
            writer,
            health,
            lazy: None,
            group: None,
            syncing: None,
            more: false,
            retry: None,
            write_takes: Duration::ZERO,
            sync_takes: Duration::from_micros(200),
        };
        Ok((journal, recovered))
    }

    /// It could be opened.
    pub(crate) const fn is_open(&self) -> bool {
        self.writer.is_some()
    }

    pub(crate) fn is_good(&self, now: Nanos) -> bool {
        self.health.is_good(now)
    }

    pub(crate) fn note(&mut self, record: &Record<'_>, now: Nanos) {
        if let Some(writer) = &mut self.writer {
            writer.push(record);
            self.lazy.get_or_insert(now + LAZY);
        }
    }

    pub(crate) fn note_outcome(&mut self, id: ClientOrderId, outcome: impl FnOnce() -> Outcome, now: Nanos) {
        if self.writer.as_ref().is_some_and(|writer| writer.memory().is_open(id)) {
            self.note(&Record::Outcome(outcome()), now);
        }
    }

    /// Orders that were written down, and nothing of their end.
    pub(crate) fn open_orders(&self) -> Vec<ClientOrderId> {
        self.writer.as_ref().map_or_else(Vec::new, |writer| writer.memory().open().collect())
    }

    /// Writes what waits: whether it may leave, and how long it took.
    pub(crate) fn commit(&mut self, now: Nanos) -> (bool, Duration) {
        self.lazy = None;
        if !self.health.is_good(now) {
            return (false, Duration::ZERO);
        }
        let Some(writer) = self.writer.as_mut() else { return (false, Duration::ZERO) };
        if !writer.has_news() {
            return (true, Duration::ZERO);
        }
        self.health.written(now);
        if writer.write(&self.disk).is_err() {
            self.fail(now);
            return (false, self.write_takes);
        }
        if self.syncing.is_some() {
            self.more = true;
        } else {
            self.group.get_or_insert(now + self.write_takes + GROUP);
        }
        (self.write_takes <= STALL_MAX, self.write_takes)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        let synced = self.syncing.as_ref().map(|(at, _)| *at);
        [self.lazy, self.group, synced, self.retry].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Nanos) {
        if self.lazy.is_some_and(|at| at <= now) {
            self.commit(now);
        }
        if let Some((_, files)) = self.syncing.take_if(|(at, _)| *at <= now) {
            self.synced(&files, now);
        }
        if self.syncing.is_none() && self.group.take_if(|at| *at <= now).is_some() {
            self.begin_sync(now);
        }
        if self.retry.take_if(|at| *at <= now).is_some() {
            self.mend(now);
        }
    }

    fn begin_sync(&mut self, now: Nanos) {
        let Some(writer) = &mut self.writer else { return };
        self.health.syncing();
        self.syncing = Some((now + self.sync_takes, writer.take_sync().files));
    }

    fn synced(&mut self, files: &[Arc<dyn DiskFile>], now: Nanos) {
        if files.iter().any(|file| file.sync().is_err()) {
            self.fail(now);
            return;
        }
        self.health.synced();
        if std::mem::take(&mut self.more) {
            // What was written meanwhile is synced next.
            self.group = Some(now + GROUP);
        }
    }

    fn fail(&mut self, now: Nanos) {
        if let Some(writer) = &mut self.writer {
            writer.give_up_file();
            self.retry = Some(now + RETRY);
        }
        (self.group, self.syncing, self.more) = (None, None, false);
        self.health.break_down("the disk".to_owned());
    }

    fn mend(&mut self, now: Nanos) {
        let Some(writer) = &mut self.writer else { return };
        let next = writer.next_part();
        match next.write(&self.disk) {
            Ok(file) => {
                writer.go_on(&next, file);
                self.health.mended();
            }
            Err(_) => self.retry = Some(now + RETRY),
        }
    }
}
