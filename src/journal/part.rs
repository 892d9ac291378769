//! What the trading thread hands to the one that waits for the device.

use std::io;
use std::sync::Arc;

use super::disk::{Disk, DiskFile};

/// What is to be synced.
#[derive(Debug)]
pub struct ToSync {
    /// The files, oldest first.
    pub files: Vec<Arc<dyn DiskFile>>,
    /// How many commits are in them.
    pub commits: u64,
    /// Old parts may be removed after.
    pub rolled: bool,
    pub(super) ending: bool,
}

/// A file to go on in where the one before cannot be trusted.
#[derive(Debug)]
pub struct NextPart {
    pub(super) name: String,
    pub(super) head: Vec<u8>,
}

impl NextPart {
    /// Creates it, synced.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
        let file = disk.create(&self.name)?;
        file.append(&self.head)?;
        file.sync()?;
        Ok(file)
    }
}
