//! A process's disk: its writes can be refused, slow, torn, flipped and lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::ids::ClientOrderId;
use self_trader::journal::codec::{MAGIC, Start, scan, start};
use self_trader::journal::disk::{Disk, DiskFile};

/// The part of the magic that says which version it is.
const VERSION_LEN: usize = 2;
/// What stands before the id of an intent in a journal.
const INTENT: &[u8] = b"{\"intent\":{\"id\":\"";

/// A folder in memory; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<Inner>>);

/// What is on it, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Inner {
    files: BTreeMap<String, Contents>,
    /// Orders whose intents were written: read off the bytes, not asked of who wrote them.
    intents: BTreeSet<ClientOrderId>,
    /// Writes fail after so many more bytes, which are written.
    pub room: Option<usize>,
    /// Syncs fail.
    pub sync_fails: bool,
}

#[derive(Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    /// So many of them are on the device.
    synced: usize,
}

impl SimDisk {
    /// What is on it.
    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order's intent was written here.
    #[must_use]
    pub fn has_intent(&self, id: ClientOrderId) -> bool {
        self.inner().intents.contains(&id)
    }

    /// Forgets the intents of pairs that are long over; only the check's memory, not the disk's.
    pub fn forget_intents(&self) {
        self.inner().intents.clear();
    }

    /// The host is gone: what was not synced is lost.
    pub fn lose_unsynced(&self) {
        for file in self.inner().files.values_mut() {
            file.bytes.truncate(file.synced);
        }
    }

    /// The newest file ends in the middle of a record, and some garbage, by chance.
    pub fn tear(&self, cut: usize, garbage: usize) {
        let mut inner = self.inner();
        if let Some((_, file)) = inner.files.iter_mut().next_back() {
            // A file of nothing but garbage is somebody else's, and refused: that is for a person to see.
            let kept = file.bytes.len().saturating_sub(cut).max(MAGIC.len().min(file.bytes.len()));
            file.bytes.truncate(kept);
            let garbage = if kept < MAGIC.len() { 0 } else { garbage };
            file.bytes.extend(std::iter::repeat_n(0xa5, garbage));
        }
    }

    /// A bit of the newest file is another one.
    pub fn flip(&self, place: u64, bit: u64) {
        let mut inner = self.inner();
        if let Some((_, file)) = inner.files.iter_mut().next_back() {
            // Nothing tells that it is ours once neither its name nor its first record is whole, and one of another
            // version is refused: that is for a person to see.
            let is_named = start(&file.bytes) == Start::Journal;
            let has_header = !scan(&file.bytes).frames.is_empty();
            let spared = if has_header { MAGIC.len() - VERSION_LEN } else { 0 }..MAGIC.len();
            let len = if is_named { file.bytes.len() as u64 } else { 0 };
            let byte = (len > 0).then(|| usize::try_from(place % len).unwrap_or(0));
            if let Some(byte) = byte.filter(|byte| !spared.contains(byte)) {
                file.bytes[byte] ^= 1 << (bit % 8);
            }
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for SimDisk {
    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _words: &str) -> io::Result<Box<dyn Send + Sync + Debug>> {
        Ok(Box::new(()))
    }

    fn list(&self) -> io::Result<Vec<(String, bool)>> {
        Ok(self.inner().files.keys().map(|name| (name.clone(), true)).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.inner().files.get(name).map(|file| file.bytes.clone()).ok_or_else(gone)
    }

    fn size(&self, name: &str) -> io::Result<usize> {
        self.inner().files.get(name).map(|file| file.bytes.len()).ok_or_else(gone)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.inner();
        if inner.room.is_some() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.files.insert(name.to_owned(), Contents::default());
        drop(inner);
        Ok(Arc::new(SimFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn mend(&self, name: &str, len: u64, more: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        let file = inner.files.get_mut(name).ok_or_else(gone)?;
        file.bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        file.bytes.extend_from_slice(more);
        file.synced = file.bytes.len();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        let file = inner.files.remove(from).ok_or_else(gone)?;
        inner.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner().files.remove(name).map(drop).ok_or_else(gone)
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    name: String,
}

impl DiskFile for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let fits = inner.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut inner.room {
            *room -= fits;
        }
        let file = inner.files.get_mut(&self.name).ok_or_else(gone)?;
        file.bytes.extend_from_slice(&bytes[..fits]);
        note_intents(&bytes[..fits], &mut inner.intents);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        if inner.sync_fails {
            return Err(io::Error::other("input/output error"));
        }
        let file = inner.files.get_mut(&self.name).ok_or_else(gone)?;
        file.synced = file.bytes.len();
        Ok(())
    }
}

fn note_intents(bytes: &[u8], intents: &mut BTreeSet<ClientOrderId>) {
    let len = schemas::ids::CLIENT_ORDER_ID_LEN;
    let mut rest = bytes;
    while let Some(at) = find(rest, INTENT) {
        rest = &rest[at + INTENT.len()..];
        let id = rest.get(..len).and_then(|id| std::str::from_utf8(id).ok()).and_then(ClientOrderId::parse);
        intents.extend(id);
    }
}

/// Where the needle begins.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(brace) = bytes[from..].iter().position(|byte| *byte == needle[0]) {
        if bytes[from + brace..].starts_with(needle) {
            return Some(from + brace);
        }
        from += brace + 1;
    }
    None
}
