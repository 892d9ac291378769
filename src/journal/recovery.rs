//! What earlier runs left: each file is read, judged, and brought into order before a new one is begun.

use std::io;

use schemas::config::cut;
use schemas::ids::Epoch;
use schemas::journal::{Header, JOURNAL_FORMAT, Record, RunEnd, RunEnded};
use serde_json::Value;

use super::codec::{self, Damage, Frame, Scan, Start};
use super::disk::Disk;
use super::error::JournalError;
use super::memory::Memory;

/// How journals are called.
pub(super) const EXTENSION: &str = ".journal";
/// What is added to the name of one that is damaged in the middle.
const ASIDE: &str = ".quarantined";
/// Files that are kept, the newest ones.
const FILES_MAX: usize = 8;
/// Bytes of all files together.
const BYTES_MAX: usize = 256 << 20;
/// These are kept whatever they take: all that is known of older ones is in them.
const FILES_MIN: usize = 2;
/// Damaged files that are kept.
const QUARANTINED_MAX: usize = 4;

/// Who writes a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `Instance` of the configuration.
    pub instance: String,
    /// This process's ordinal.
    pub shard: u32,
    /// Among how many.
    pub shards: u32,
    /// The venues that orders go to; a private one with its address.
    pub venues: Vec<String>,
}

/// What a file was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// It came to its end in order.
    Ended,
    /// It did not; what was cut off its end, bytes.
    Crashed(usize),
    /// Damaged in the middle, or impossible: put aside.
    Quarantined,
    /// Nothing was ever written: gone.
    Empty,
}

impl RunStatus {
    /// The name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Crashed(_) => "crashed_recovered",
            Self::Quarantined => "quarantined",
            Self::Empty => "empty",
        }
    }
}

/// A run that did not end in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unsealed {
    name: String,
    len: u64,
    next_seq: u64,
}

/// What earlier runs left.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Orders in doubt, trades that were used.
    pub memory: Memory,
    /// What each file was, oldest first.
    pub runs: Vec<(String, RunStatus)>,
    /// When the newest of them began, milliseconds since the epoch.
    pub newest_ms: Option<i64>,
    /// The latest epoch that earlier runs wrote down, and the one of this run.
    pub(super) before: Option<Epoch>,
    pub(super) epoch: Option<Epoch>,
    unsealed: Vec<Unsealed>,
}

/// Reads every journal of a folder.
///
/// # Errors
/// [`JournalError`] where one is not ours to go on with.
pub fn recover(disk: &dyn Disk, place: &str, owner: &Owner) -> Result<Recovered, JournalError> {
    let mut recovered = Recovered::default();
    for (name, is_file) in disk.list().map_err(JournalError::io(place))? {
        if !name.ends_with(EXTENSION) {
            continue;
        }
        let here = format!("{place}/{name}");
        if !is_file {
            return Err(JournalError::Foreign { place: here, got: "no plain file".to_owned() });
        }
        let bytes = disk.read(&name).map_err(JournalError::io(&here))?;
        let status = recovered.file(disk, &File { name: &name, here: &here, bytes: &bytes }, owner)?;
        recovered.runs.push((name, status));
    }
    Ok(recovered)
}

/// Removes the oldest files beyond what is kept.
pub(super) fn prune(disk: &dyn Disk) {
    let names = disk.list().unwrap_or_default();
    let (mut files, mut bytes) = (0, 0);
    for (name, _) in names.iter().rev().filter(|(name, _)| name.ends_with(EXTENSION)) {
        files += 1;
        bytes += disk.size(name).unwrap_or(0);
        if files > FILES_MIN && (files > FILES_MAX || bytes > BYTES_MAX) {
            remove(disk, name);
        }
    }
    let aside = names.iter().rev().filter(|(name, _)| name.ends_with(ASIDE));
    aside.skip(QUARANTINED_MAX).for_each(|(name, _)| remove(disk, name));
}

fn remove(disk: &dyn Disk, name: &str) {
    match disk.remove(name) {
        Ok(()) => tracing::info!(name, "an old journal was removed"),
        Err(error) => tracing::warn!(name, %error, "an old journal could not be removed"),
    }
}

/// One file that was read.
struct File<'a> {
    name: &'a str,
    here: &'a str,
    bytes: &'a [u8],
}

impl Recovered {
    /// Seals what crashed, once a newer file holds what it left.
    pub(super) fn seal(&self, disk: &dyn Disk, at_ms: i64) {
        for Unsealed { name, len, next_seq } in &self.unsealed {
            let mut end = Vec::new();
            let record = Record::RunEnded(RunEnded { how: RunEnd::CrashedRecovered, at_ms });
            let encoded = codec::encode(&record, *next_seq, &mut end).map_err(io::Error::other);
            if let Err(error) = encoded.and_then(|()| disk.mend(name, *len, &end)) {
                tracing::warn!(name, %error, "an earlier journal could not be sealed");
            }
        }
    }

    fn file(&mut self, disk: &dyn Disk, file: &File<'_>, owner: &Owner) -> Result<RunStatus, JournalError> {
        let place = file.here.to_owned();
        let scan = codec::scan(file.bytes);
        match codec::start(file.bytes) {
            Start::Journal => {}
            Start::Cut if scan.frames.is_empty() => return empty(disk, file),
            Start::Newer => {
                return Err(JournalError::Newer { place, got: "unknown".to_owned(), want: JOURNAL_FORMAT });
            }
            Start::Cut | Start::Foreign if is_ours(&scan, owner, file.here) => {
                self.salvage(&scan);
                return quarantine(disk, file, &format!("JRN-006 {place}: its first bytes were damaged"));
            }
            Start::Cut | Start::Foreign => {
                return Err(JournalError::Foreign { place, got: "other bytes at its beginning".to_owned() });
            }
        }
        if let Some(Damage::Middle { seq, at }) = scan.damage {
            self.salvage(&scan);
            return quarantine(disk, file, &format!("JRN-006 {place}: record {seq} at offset {at}"));
        }
        let Some(first) = scan.frames.first() else { return empty(disk, file) };
        let header = header(first, file.here)?;
        check(&header, owner, file.here)?;
        self.newest_ms = self.newest_ms.max(Some(header.started_ms));
        self.memory.outgrow(header.highest_epoch.map(Epoch::new));
        self.whole(disk, file, &scan)
    }

    /// A file without damage in its middle.
    fn whole(
        &mut self,
        disk: &dyn Disk,
        file: &File<'_>,
        scan: &Scan<'_>,
    ) -> Result<RunStatus, JournalError> {
        let mut ended = false;
        for frame in &scan.frames[1..] {
            match self.take(frame) {
                Ok(is_end) => ended = is_end,
                Err(cause) => {
                    self.salvage(scan);
                    let (here, seq, at) = (file.here, frame.seq, frame.at);
                    return quarantine(
                        disk,
                        file,
                        &format!("JRN-008 {here}: record {seq} at offset {at}: {cause}"),
                    );
                }
            }
        }
        let len = match scan.damage {
            Some(Damage::Tail { at }) => at,
            Some(Damage::Middle { .. }) | None => file.bytes.len(),
        };
        let dropped = file.bytes.len() - len;
        if dropped > 0 {
            tracing::warn!("JRN-005 {}: dropped {dropped} bytes of tail", file.here);
        }
        if ended {
            return Ok(RunStatus::Ended);
        }
        let (name, next_seq) = (file.name.to_owned(), scan.frames.len() as u64);
        self.unsealed.push(Unsealed { name, len: len as u64, next_seq });
        Ok(RunStatus::Crashed(dropped))
    }

    /// Takes a record in; whether it is the last of its file.
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool, String> {
        let record: Record<'_> = serde_json::from_slice(frame.payload).map_err(|error| error.to_string())?;
        self.memory.take(&record, frame.payload).map_err(|error| error.to_string())?;
        Ok(matches!(record, Record::RunEnded(_)))
    }

    /// What is true in a damaged file: a trade that was used stays used, an order may be in doubt.
    fn salvage(&mut self, scan: &Scan<'_>) {
        if let Some(Ok(header)) = scan.frames.first().map(|first| header(first, "")) {
            self.memory.outgrow(header.highest_epoch.map(Epoch::new));
        }
        for frame in scan.frames.iter().chain(&scan.salvaged) {
            // An outcome whose intent is lost proves nothing about others.
            let _ = self.take(frame);
        }
    }
}

fn empty(disk: &dyn Disk, file: &File<'_>) -> Result<RunStatus, JournalError> {
    tracing::warn!("JRN-001 {}: empty run file, removed", file.here);
    disk.remove(file.name).map_err(JournalError::io(file.here))?;
    Ok(RunStatus::Empty)
}

fn quarantine(disk: &dyn Disk, file: &File<'_>, message: &str) -> Result<RunStatus, JournalError> {
    tracing::error!("{message}: put aside; the venue's own lists decide");
    disk.rename(file.name, &format!("{}{ASIDE}", file.name)).map_err(JournalError::io(file.here))?;
    Ok(RunStatus::Quarantined)
}

/// The first record of a file.
pub(super) fn header(first: &Frame<'_>, here: &str) -> Result<Header, JournalError> {
    let foreign = |got: &str| JournalError::Foreign { place: here.to_owned(), got: got.to_owned() };
    let value: Value = serde_json::from_slice(first.payload).map_err(|_| foreign("no header"))?;
    // The number first: a later version may have changed all the rest.
    let format =
        value.pointer("/header/format").and_then(Value::as_u64).ok_or_else(|| foreign("no header"))?;
    if format > u64::from(JOURNAL_FORMAT) {
        let got = format.to_string();
        return Err(JournalError::Newer { place: here.to_owned(), got, want: JOURNAL_FORMAT });
    }
    match serde_json::from_value(value) {
        Ok(Record::Header(header)) => Ok(header),
        Ok(_) | Err(_) => Err(foreign("an unreadable header")),
    }
}

/// Whether a file that begins with other bytes is a journal of ours all the same: no other program writes a first record
/// whose checksum is right and that names us.
fn is_ours(scan: &Scan<'_>, owner: &Owner, here: &str) -> bool {
    let header = scan.frames.first().map(|first| header(first, here));
    header.is_some_and(|header| header.is_ok_and(|header| check(&header, owner, here).is_ok()))
}

/// A journal may be gone on with by the same shard of the same instance, on at least one of its venues.
fn check(header: &Header, owner: &Owner, here: &str) -> Result<(), JournalError> {
    let other = |got: String, want: String| JournalError::NotOurs { place: here.to_owned(), got, want };
    let instance = |name: &str| format!("instance \"{}\"", cut(name));
    if header.instance != owner.instance {
        return Err(other(instance(&header.instance), instance(&owner.instance)));
    }
    if header.shard != owner.shard {
        return Err(other(format!("shard {}", header.shard), format!("shard {}", owner.shard)));
    }
    let (ours, theirs) = (&owner.venues, &header.venues);
    let strangers =
        !ours.is_empty() && !theirs.is_empty() && !ours.iter().any(|venue| theirs.contains(venue));
    if strangers {
        let venues = |names: &[String]| format!("venue {}", cut(&names.join(", ")));
        return Err(other(venues(theirs), venues(ours)));
    }
    Ok(())
}
