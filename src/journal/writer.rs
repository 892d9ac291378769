//! Writes the journal. The trading thread writes what is about to leave, itself: one `write` a batch, which outlives
//! the process; another thread syncs it to the device within 5 ms, or before anything leaves where that is asked for.

use std::fmt::Debug;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::drop_copy::Fact;
use pipeline::time::Nanos;
use schemas::config::JournalSync;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix};
use schemas::journal::{Header, JOURNAL_FORMAT, Record, RunEnd, RunEnded, Traded};
use schemas::wire::order_update::OrderUpdate;
use tokio::sync::{Notify, watch};

use super::codec;
use super::disk::{Disk, DiskFile};
use super::drop_copy::{Comparer, Tap};
use super::error::JournalError;
use super::health::{Health, STALL_MAX, lock};
use super::memory::Memory;
use super::part::{NextPart, ToSync};
use super::recovery::{self, EXTENSION, Owner, Recovered, recover};
use super::syncer;
use crate::clock::{self, Clock};
use crate::failpoint::failpoint;
use crate::ownership::epoch_after;

/// A file that has grown beyond this is gone on with in another.
const PART_BYTES_MAX: usize = 32 << 20;
/// Records that need not be written before anything leaves are written after this.
const LAZY: Duration = Duration::from_millis(5);
/// How long the last sync of a run may take.
const FINISH_MAX: Duration = Duration::from_millis(500);

/// Nothing may leave: what would be is not written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written")]
pub struct NotWritten;

/// The journal of this process; clones write the same one. Without a folder it takes everything and keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct Journal(Option<Arc<Shared>>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) sync: JournalSync,
    pub(super) clock: Clock,
    pub(super) health: Health,
    pub(super) writer: Mutex<Writer>,
    /// How many commits are on the device.
    pub(super) synced: watch::Sender<u64>,
    bell: SyncSender<()>,
    /// Something waits that no commit has written.
    lazy: Notify,
    ended: Mutex<Option<Receiver<()>>>,
    tap: Arc<Tap>,
    comparer: Mutex<Option<Comparer>>,
    /// Told when a thread of the journal has failed.
    pub(super) failed: Arc<Notify>,
    /// Others are kept out as long as this lives.
    _lock: Option<Box<dyn Send + Sync + Debug>>,
    bytes: metrics::Counter,
    errors: metrics::Counter,
}

/// What the trading thread and the syncing one share: the file and what is to be written to it. It waits for nothing by
/// itself, so that simulations can drive it.
#[derive(Debug)]
pub struct Writer {
    header: Header,
    memory: Memory,
    buffer: Vec<u8>,
    next_seq: u64,
    /// `None` while there is none that can be trusted.
    file: Option<Arc<dyn DiskFile>>,
    /// The beginning of the next file is made: what comes now follows it.
    is_staged: bool,
    part_bytes: usize,
    commits: u64,
    /// Earlier parts that are not synced yet.
    earlier: Vec<Arc<dyn DiskFile>>,
    ending: bool,
}

impl Journal {
    /// Reads what earlier runs left, then begins a file of this run.
    ///
    /// # Errors
    /// [`JournalError`] where something else, or somebody else's, lies there, or the file system refuses it.
    pub fn open(
        disk: Arc<dyn Disk>,
        place: &str,
        owner: &Owner,
        sync: JournalSync,
        clock: Clock,
    ) -> Result<(Self, Recovered), JournalError> {
        disk.prepare().map_err(|cause| prepared(place, cause))?;
        let words = format!("pid {}, host {}", std::process::id(), host());
        let lock = disk.lock(&words).map_err(|cause| {
            if cause.kind() == io::ErrorKind::WouldBlock {
                let holder = schemas::config::cut(&cause.to_string());
                return JournalError::Locked { place: place.to_owned(), holder };
            }
            JournalError::io(place)(cause)
        })?;
        let run = format!("{:x}", clock::wall_ns());
        let (writer, recovered) = Writer::open(&*disk, place, owner, run, clock::wall_ms())?;
        Ok((Self::start(disk, sync, clock, writer, Some(lock)), recovered))
    }

    /// One that writes nothing until the process is started anew: no order may leave.
    #[must_use]
    pub fn broken(disk: Arc<dyn Disk>, why: String, clock: Clock) -> Self {
        let (bell, _) = sync_channel(1);
        let shared = Shared::new(disk, JournalSync::Batch, clock, Writer::nowhere(), None, bell, None);
        shared.health.break_down(why);
        shared.errors.increment(1);
        Self(Some(Arc::new(shared)))
    }

    fn start(
        disk: Arc<dyn Disk>,
        sync: JournalSync,
        clock: Clock,
        writer: Writer,
        held: Option<Box<dyn Send + Sync + Debug>>,
    ) -> Self {
        let (bell, rings) = sync_channel(1);
        let (end, ended) = sync_channel(1);
        let shared = Arc::new(Shared::new(disk, sync, clock, writer, held, bell, Some(ended)));
        *lock(&shared.comparer) = Comparer::spawn(Arc::clone(&shared.tap), clock, Arc::clone(&shared.failed));
        syncer::spawn(Arc::clone(&shared), rings, end);
        Self(Some(shared))
    }

    /// Whether anything is written at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a commit waits for the device.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.sync == JournalSync::Always)
    }

    /// What keeps orders from leaving, if anything.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let shared = self.0.as_ref()?;
        shared.health.trouble(shared.clock.now().mono)
    }

    /// Whether orders may leave, as far as the journal goes.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| shared.health.is_good(shared.clock.now().mono))
    }

    /// Takes a record in. It is written with the next commit, or a little later; the closure is not asked where there
    /// is no journal.
    pub fn note<'a>(&self, record: impl FnOnce() -> Record<'a>) {
        let Some(shared) = &self.0 else { return };
        shared.push(&mut lock(&shared.writer), &record());
        shared.lazy.notify_one();
    }

    /// The same of an outcome; one of an order that was never written down is nothing to write.
    pub fn note_outcome(&self, id: ClientOrderId, outcome: impl FnOnce() -> schemas::journal::Outcome) {
        let Some(shared) = &self.0 else { return };
        let mut writer = lock(&shared.writer);
        if writer.memory.is_open(id) {
            shared.push(&mut writer, &Record::Outcome(outcome()));
            shared.lazy.notify_one();
        }
    }

    /// What the venue's user stream told of an order: it must fit what was written.
    pub fn told(&self, update: &OrderUpdate) {
        if let Some(shared) = &self.0 {
            shared.tap.note(Fact::of_update(update));
        }
    }

    /// The user stream may have been silent about orders of that instrument.
    pub fn was_deaf(&self, prefix: InstrumentPrefix) {
        if let Some(shared) = &self.0 {
            shared.tap.note(Fact::Deaf(prefix));
        }
    }

    /// Whether the order was written down, and nothing of its end.
    #[must_use]
    pub fn is_open(&self, id: ClientOrderId) -> bool {
        self.0.as_ref().is_some_and(|shared| lock(&shared.writer).memory.is_open(id))
    }

    /// The orders of an instrument that were written down, and nothing of their end.
    #[must_use]
    pub fn open_of(&self, prefix: InstrumentPrefix) -> Vec<ClientOrderId> {
        let Some(shared) = &self.0 else { return Vec::new() };
        lock(&shared.writer).memory.open().filter(|id| id.prefix() == prefix).collect()
    }

    /// Everything that was noted is written; with `Journal Sync: always` it is on the device.
    ///
    /// # Errors
    /// [`NotWritten`]: what was noted must not leave.
    ///
    /// # Cancel safety
    /// May be dropped: what was written stays written.
    pub async fn commit(&self) -> Result<(), NotWritten> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let commits = shared.write()?;
        if shared.sync == JournalSync::Batch {
            return Ok(());
        }
        let mut synced = shared.synced.subscribe();
        let waited = tokio::time::timeout(STALL_MAX, synced.wait_for(|done| *done >= commits)).await;
        match waited {
            Ok(Ok(_)) if !shared.health.is_broken() => Ok(()),
            Ok(_) | Err(_) => Err(NotWritten),
        }
    }

    /// Told when one of its threads has failed in its own code: what is written from then on may never be synced or
    /// compared.
    #[must_use]
    pub fn failed(&self) -> Arc<Notify> {
        self.0.as_ref().map(|shared| Arc::clone(&shared.failed)).unwrap_or_default()
    }

    /// Writes what no commit did, again and again; until dropped.
    pub async fn tend(self) {
        let Some(shared) = &self.0 else { return };
        loop {
            shared.lazy.notified().await;
            tokio::time::sleep(LAZY).await;
            // What cannot be written is known to whoever wants to place.
            let _ = shared.write();
        }
    }

    /// The run has come to its end. Waits for the last sync, but not for long.
    pub fn finish(&self) {
        let Some(shared) = &self.0 else { return };
        let Some(ended) = lock(&shared.ended).take() else { return };
        if let Some(comparer) = lock(&shared.comparer).take() {
            comparer.finish();
        }
        let end = RunEnded { how: RunEnd::Ended, at_ms: clock::wall_ms() };
        lock(&shared.writer).push(&Record::RunEnded(end));
        // A slow device is waited for, below: an end in order is not to look like a crash.
        let _ = shared.write_late(shared.clock.now().mono);
        lock(&shared.writer).ending = true;
        let _ = shared.bell.try_send(());
        if ended.recv_timeout(FINISH_MAX).is_err() {
            tracing::warn!("the journal's last records may not be on the device");
        }
    }
}

impl Shared {
    fn new(
        disk: Arc<dyn Disk>,
        sync: JournalSync,
        clock: Clock,
        writer: Writer,
        lock: Option<Box<dyn Send + Sync + Debug>>,
        bell: SyncSender<()>,
        ended: Option<Receiver<()>>,
    ) -> Self {
        Self {
            disk,
            sync,
            clock,
            health: Health::default(),
            writer: Mutex::new(writer),
            synced: watch::Sender::new(0),
            bell,
            lazy: Notify::new(),
            ended: Mutex::new(ended),
            tap: Arc::default(),
            comparer: Mutex::default(),
            failed: Arc::default(),
            _lock: lock,
            bytes: metrics::counter!("st_journal_bytes_total"),
            errors: metrics::counter!("st_journal_errors_total"),
        }
    }

    fn push(&self, writer: &mut Writer, record: &Record<'_>) {
        writer.push(record);
        if let Some(fact) = Fact::of_record(record) {
            self.tap.note(fact);
        }
    }

    /// Writes what waits: which commit it is.
    fn write(&self) -> Result<u64, NotWritten> {
        let began = self.clock.now().mono;
        if self.health.is_good(began) { self.write_late(began) } else { Err(NotWritten) }
    }

    /// The same, however long the last sync may take.
    fn write_late(&self, began: Nanos) -> Result<u64, NotWritten> {
        let mut writer = lock(&self.writer);
        if writer.file.is_none() {
            // It broke since we looked: what was noted is in no file yet.
            return Err(NotWritten);
        }
        if writer.buffer.is_empty() {
            return Ok(writer.commits);
        }
        let bytes = writer.buffer.len();
        self.health.written(began);
        let wrote = writer.write(&*self.disk);
        let commits = writer.commits;
        drop(writer);
        if let Err(cause) = wrote {
            self.fail(&format!("cannot be written: {cause}"));
            return Err(NotWritten);
        }
        self.bytes.increment(bytes as u64);
        // One that rings already is heard.
        let _ = self.bell.try_send(());
        let took = self.clock.now().mono.since(began);
        if took > STALL_MAX {
            self.errors.increment(1);
            tracing::error!(ms = took.as_millis(), "the journal stalled: what was written does not leave");
            return Err(NotWritten);
        }
        Ok(commits)
    }

    /// The file cannot be trusted any more.
    pub(super) fn fail(&self, why: &str) {
        self.errors.increment(1);
        tracing::error!("JRN-009 the journal {why}: no order leaves, cancels go on");
        lock(&self.writer).give_up_file();
        self.health.break_down(format!("JRN-009 {why}"));
        let _ = self.bell.try_send(());
    }

    /// Another file, with all that is known. Never the same one again.
    pub(super) fn mend(&self) -> io::Result<()> {
        let next = lock(&self.writer).next_part();
        // Not under the lock: the trading thread must not wait for it.
        let file = next.write(&*self.disk)?;
        lock(&self.writer).go_on(&next, file);
        self.health.mended();
        tracing::info!(name = next.name, "the journal is written again");
        Ok(())
    }
}

impl Writer {
    /// Reads what earlier runs left, then begins the file of a run of that name.
    ///
    /// # Errors
    /// [`JournalError`] where something else, or somebody else's, lies there, or the file system refuses it.
    pub fn open(
        disk: &dyn Disk,
        place: &str,
        owner: &Owner,
        run: String,
        now_ms: i64,
    ) -> Result<(Self, Recovered), JournalError> {
        let mut recovered = recover(disk, place, owner)?;
        let header = Header {
            format: JOURNAL_FORMAT,
            program: "self-trader".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: owner.instance.clone(),
            shard: owner.shard,
            shards: owner.shards,
            venues: owner.venues.clone(),
            run,
            part: 0,
            // Whatever the clock says, files sort in the order in which they were begun.
            started_ms: recovered.newest_ms.map_or(now_ms, |newest| now_ms.max(newest.saturating_add(1))),
            highest_epoch: None,
        };
        let before = recovered.memory.highest_epoch();
        let epoch = epoch_after(before, now_ms);
        // On the device before anything leaves under it: the first orders' records may be lost with the power.
        recovered.memory.outgrow(Some(epoch));
        (recovered.before, recovered.epoch) = (before, Some(epoch));
        let mut writer = Self::new(header, std::mem::take(&mut recovered.memory));
        let begun = writer.begin(disk).map_err(JournalError::io(place))?;
        begun.sync().map_err(JournalError::io(place))?;
        recovered.memory = writer.memory.clone();
        failpoint!("in_recovery");
        recovered.seal(disk, now_ms);
        recovery::prune(disk);
        writer.file = Some(begun);
        Ok((writer, recovered))
    }

    fn new(header: Header, memory: Memory) -> Self {
        Self {
            header,
            memory,
            buffer: Vec::with_capacity(64 * 1024),
            next_seq: 0,
            file: None,
            is_staged: false,
            part_bytes: 0,
            commits: 0,
            earlier: Vec::new(),
            ending: false,
        }
    }

    fn nowhere() -> Self {
        let header = Header {
            format: JOURNAL_FORMAT,
            program: String::new(),
            version: String::new(),
            instance: String::new(),
            shard: 0,
            shards: 0,
            venues: Vec::new(),
            run: String::new(),
            part: 0,
            started_ms: 0,
            highest_epoch: None,
        };
        Self::new(header, Memory::default())
    }

    /// What is to be synced now.
    pub fn take_sync(&mut self) -> ToSync {
        let mut files = std::mem::take(&mut self.earlier);
        let rolled = !files.is_empty();
        files.extend(self.file.clone());
        ToSync { files, commits: self.commits, rolled, ending: self.ending }
    }

    fn name(&self) -> String {
        let Header { started_ms, run, part, .. } = &self.header;
        format!("{started_ms:013}-{run}-{part:04}{EXTENSION}")
    }

    /// The beginning of a file: whose it is, and all that is known so far. Returns the next number, too.
    fn head(&self) -> (Vec<u8>, u64) {
        let mut head = codec::MAGIC.to_vec();
        let mut seq = 0;
        let highest_epoch = self.memory.highest_epoch().map(Epoch::number);
        let header = std::iter::once(Record::Header(Header { highest_epoch, ..self.header.clone() }));
        for record in header.chain(self.memory.traded().map(Record::Traded)) {
            codec::encode(&record, seq, &mut head).expect("names and numbers, bounded");
            seq += 1;
        }
        for payload in self.memory.open_payloads() {
            codec::reframe(payload, seq, &mut head);
            seq += 1;
        }
        (head, seq)
    }

    /// Begins a file.
    fn begin(&mut self, disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
        let (head, next_seq) = self.head();
        let file = disk.create(&self.name())?;
        file.append(&head)?;
        self.part_bytes = head.len();
        self.next_seq = next_seq;
        Ok(file)
    }

    /// Another file to go on in, with all that is known. What is pushed from now on follows its beginning.
    pub fn next_part(&mut self) -> NextPart {
        self.header.part += 1;
        let (head, next_seq) = self.head();
        (self.next_seq, self.is_staged) = (next_seq, true);
        self.buffer.clear();
        NextPart { name: self.name(), head }
    }

    /// Goes on in that file.
    pub fn go_on(&mut self, next: &NextPart, file: Arc<dyn DiskFile>) {
        self.part_bytes = next.head.len();
        self.is_staged = false;
        self.file = Some(file);
    }

    /// The file cannot be trusted any more.
    pub fn give_up_file(&mut self) {
        (self.file, self.is_staged) = (None, false);
        self.earlier.clear();
        self.buffer.clear();
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// What is known by all records so far.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Takes a record in; it is written with the next [`Writer::write`].
    pub fn push(&mut self, record: &Record<'_>) {
        let start = self.buffer.len();
        if let Err(error) = codec::encode(record, self.next_seq, &mut self.buffer) {
            tracing::error!(%error, "broken invariant: a record that cannot be written");
            return;
        }
        self.next_seq += 1;
        let payload = &self.buffer[start + codec::FRAME_HEAD..];
        if let Err(error) = self.memory.take(record, payload) {
            tracing::error!(%error, "broken invariant: an impossible record");
        }
        if self.file.is_none() && !self.is_staged {
            // It is known, and the next file begins with all that is.
            self.buffer.clear();
        }
    }

    /// Writes what waits, with one append.
    ///
    /// # Errors
    /// The system's. The file cannot be trusted then.
    pub fn write(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::Error::other("no file")) };
        failpoint!("torn_intent", {
            let _ = file.append(&self.buffer[..self.buffer.len() / 2]);
        });
        file.append(&self.buffer)?;
        self.part_bytes += self.buffer.len();
        self.buffer.clear();
        self.commits += 1;
        if self.part_bytes > PART_BYTES_MAX { self.roll(disk) } else { Ok(()) }
    }

    /// Goes on in another file.
    fn roll(&mut self, disk: &dyn Disk) -> io::Result<()> {
        self.push(&Record::RunEnded(RunEnded { how: RunEnd::Continued, at_ms: clock::wall_ms() }));
        let Some(file) = self.file.take() else { return Ok(()) };
        file.append(&self.buffer)?;
        self.buffer.clear();
        self.earlier.push(file);
        self.header.part += 1;
        self.file = Some(self.begin(disk)?);
        Ok(())
    }
}

impl Recovered {
    /// The trades that pairs were made of, by follow key.
    #[must_use]
    pub fn traded(&self) -> Vec<Traded> {
        self.memory.traded().collect()
    }

    /// Orders that may exist, and of which no end is written.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<ClientOrderId> {
        self.memory.open().collect()
    }

    /// The latest owner that sent an order, or was about to.
    #[must_use]
    pub const fn highest_epoch(&self) -> Option<Epoch> {
        self.before
    }

    /// The epoch of this run, if nobody else gives them out: later than any before it, and written down already.
    #[must_use]
    pub const fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }
}

/// A file where the folder should be is something else than a journal.
fn prepared(place: &str, cause: io::Error) -> JournalError {
    if matches!(cause.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) {
        return JournalError::Foreign { place: place.to_owned(), got: "no folder".to_owned() };
    }
    JournalError::io(place)(cause)
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
