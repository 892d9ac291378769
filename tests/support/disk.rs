//! A folder in memory whose writes can be torn, refused and delayed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use self_trader::journal::disk::{Disk, DiskFile};

/// How often a sync that takes long looks whether it is over.
const STEP: Duration = Duration::from_millis(5);

/// A folder in memory; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryDisk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) locked: bool,
    /// Appends fail after this many bytes, which are written.
    pub(crate) room: Option<usize>,
    /// Syncs fail.
    pub(crate) sync_fails: bool,
    /// New files are refused.
    pub(crate) no_new: bool,
    /// Syncs take that long; one that is under way heeds it, too.
    pub(crate) sync_takes: Duration,
    pub(crate) syncs: u64,
    /// Names of files that were synced after a failed sync of theirs.
    pub(crate) trusted_again: Vec<String>,
    failed: Vec<String>,
}

impl MemoryDisk {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The names of all journals, oldest first.
    pub(crate) fn journals(&self) -> Vec<String> {
        self.inner().files.keys().filter(|name| name.ends_with(".journal")).cloned().collect()
    }

    /// The newest journal's bytes.
    pub(crate) fn newest(&self) -> Vec<u8> {
        let name = self.journals().pop().unwrap();
        self.inner().files[&name].clone()
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for MemoryDisk {
    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, words: &str) -> io::Result<Box<dyn Send + Sync + Debug>> {
        let mut inner = self.inner();
        if std::mem::replace(&mut inner.locked, true) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, words.to_owned()));
        }
        Ok(Box::new(Lock(self.clone())))
    }

    fn list(&self) -> io::Result<Vec<(String, bool)>> {
        Ok(self.inner().files.keys().map(|name| (name.clone(), true)).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.inner().files.get(name).cloned().ok_or_else(gone)
    }

    fn size(&self, name: &str) -> io::Result<usize> {
        self.inner().files.get(name).map(Vec::len).ok_or_else(gone)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.inner();
        if inner.no_new {
            return Err(io::ErrorKind::StorageFull.into());
        }
        assert!(inner.files.insert(name.to_owned(), Vec::new()).is_none(), "{name} was there");
        drop(inner);
        Ok(Arc::new(MemoryFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn mend(&self, name: &str, len: u64, more: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        let file = inner.files.get_mut(name).ok_or_else(gone)?;
        file.truncate(usize::try_from(len).unwrap());
        file.extend_from_slice(more);
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
struct Lock(MemoryDisk);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.inner().locked = false;
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    name: String,
}

impl DiskFile for MemoryFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let fits = inner.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut inner.room {
            *room -= fits;
        }
        inner.files.get_mut(&self.name).ok_or_else(gone)?.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut took = Duration::ZERO;
        while took < self.disk.inner().sync_takes {
            std::thread::sleep(STEP);
            took += STEP;
        }
        let mut inner = self.disk.inner();
        inner.syncs += 1;
        if inner.sync_fails {
            inner.failed.push(self.name.clone());
            return Err(io::Error::other("input/output error"));
        }
        if inner.failed.contains(&self.name) {
            inner.trusted_again.push(self.name.clone());
        }
        Ok(())
    }
}
