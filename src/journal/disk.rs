//! The folder that a journal lies in, behind a trait: tests tear, shorten, fail and delay what is written.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One folder of files. Errors are the system's.
#[expect(clippy::missing_errors_doc, reason = "they are the system's, as the trait says")]
pub trait Disk: Send + Sync + Debug {
    /// Makes sure that the folder is there.
    fn prepare(&self) -> io::Result<()>;

    /// Keeps others out until dropped. Where others hold it: `WouldBlock` with their words.
    fn lock(&self, words: &str) -> io::Result<Box<dyn Send + Sync + Debug>>;

    /// Names of the entries in their order, and whether each is a plain file.
    fn list(&self) -> io::Result<Vec<(String, bool)>>;

    /// A whole file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// A file's length, bytes.
    fn size(&self, name: &str) -> io::Result<usize>;

    /// A new file; one of that name must not exist.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Cuts a file to `len` bytes, appends `more`, and syncs it.
    fn mend(&self, name: &str, len: u64, more: &[u8]) -> io::Result<()>;

    /// Renames a file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A file that is appended to by one thread and synced by another. Errors are the system's.
#[expect(clippy::missing_errors_doc, reason = "they are the system's, as the trait says")]
pub trait DiskFile: Send + Sync + Debug {
    /// Writes all of it at the end. After an error it is unknown how much was written.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until what was written is on the device. After an error nothing of the file can be trusted.
    fn sync(&self) -> io::Result<()>;
}

/// A real folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// New names last only when their folder is synced.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Disk for Folder {
    fn prepare(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.0)
    }

    fn lock(&self, words: &str) -> io::Result<Box<dyn Send + Sync + Debug>> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(self.0.join("lock"))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(words.as_bytes())?;
                Ok(Box::new(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.take(200).read_to_string(&mut holder)?;
                Err(io::Error::new(io::ErrorKind::WouldBlock, holder))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<(String, bool)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            // A name that is no text is nobody's here.
            if let Ok(name) = entry.file_name().into_string() {
                names.push((name, entry.file_type()?.is_file()));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.0.join(name))
    }

    fn size(&self, name: &str) -> io::Result<usize> {
        let len = std::fs::metadata(self.0.join(name))?.len();
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).create_new(true).open(self.0.join(name))?;
        self.sync()?;
        Ok(Arc::new(Plain(file)))
    }

    fn mend(&self, name: &str, len: u64, more: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        OpenOptions::new().write(true).open(&path)?.set_len(len)?;
        let mut file = OpenOptions::new().append(true).open(&path)?;
        file.write_all(more)?;
        file.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))?;
        self.sync()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }
}

#[derive(Debug)]
struct Plain(File);

impl DiskFile for Plain {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
