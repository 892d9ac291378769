//! The halt file: everything is halted while it is there. Looked at by a thread of its own, since a file system may
//! take its time.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use schemas::halt::HaltedBy;
use tokio::sync::Notify;

use super::{HaltBoard, REASON_MAX};
use crate::failpoint::break_in;
use crate::vital;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(20);
/// As much of it as is read.
const BYTES_MAX: u64 = 4 * REASON_MAX as u64;

/// The thread that looks at the halt file; dropped, it ends.
#[derive(Debug)]
pub struct FileWatch {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<Notify>,
}

impl FileWatch {
    /// Looks at once, before this returns, and then again and again.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(path: PathBuf, board: HaltBoard) -> anyhow::Result<Self> {
        let mut there = look(&path, &board, false);
        let (stop, stopped) = sync_channel(0);
        let failed = Arc::<Notify>::default();
        let thread = vital::spawn("halt-file", "other", Arc::clone(&failed), move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                break_in("halt_file");
                there = look(&path, &board, there);
            }
        });
        let thread = thread.context("failed to start the watch over the halt file")?;
        Ok(Self { stop: Some(stop), thread: Some(thread), failed })
    }

    /// Told when it has failed in its own code: a file is no longer obeyed.
    #[must_use]
    pub fn failed(&self) -> Arc<Notify> {
        Arc::clone(&self.failed)
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the watch over the halt file failed");
        }
    }
}

/// Whether the file is there now. One that cannot be looked for counts as there: a volume that went away must not
/// begin to trade.
fn look(path: &Path, board: &HaltBoard, was_there: bool) -> bool {
    let reason = match path.symlink_metadata() {
        Ok(_) if was_there => return true,
        Ok(_) => text(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder_is_there(path) => {
            if was_there {
                board.file_gone();
            }
            return false;
        }
        Err(_) if was_there => return true,
        Err(error) => format!("the halt file cannot be looked for: {error}"),
    };
    if let Err(error) = board.halt(None, HaltedBy::File, &reason) {
        tracing::error!(%error, "the halt file's text is no reason");
    }
    true
}

fn folder_is_there(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder == Path::new("") || folder.is_dir())
}

/// Its first line, as far as that is plain text.
fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    if path.is_file()
        && let Ok(file) = File::open(path)
        && file.take(BYTES_MAX).read_to_end(&mut bytes).is_err()
    {
        bytes.clear();
    }
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default().trim();
    let plain: String = line.chars().filter(|one| !one.is_control()).take(REASON_MAX).collect();
    if plain.trim().is_empty() { "the halt file".to_owned() } else { plain }
}
