//! A file of lines that a thread of its own writes.
//!
//! The queue is bounded and nothing in it is dropped: where the disk is slower than the venue, the venue waits, and
//! where it does not get on within [`WAIT_MAX`] or cannot write, the file has failed and the venue ends.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Lines that may wait.
const QUEUE: usize = 65_536;
/// How long the venue waits for room in the queue.
const WAIT_MAX: Duration = Duration::from_secs(10);
const WAIT_STEP: Duration = Duration::from_millis(1);

/// Writes an item as a line, without its end.
pub(super) type Render<T> = fn(&T, &mut Vec<u8>);

/// A file of lines that grows while the venue runs.
#[derive(Debug)]
pub(super) struct LineFile<T> {
    path: PathBuf,
    queue: Option<SyncSender<T>>,
    writer: Option<JoinHandle<std::io::Result<()>>>,
}

impl<T: Send + 'static> LineFile<T> {
    /// Begins the file anew with `head`, a line without its end or nothing at all.
    pub(super) fn create(path: &Path, head: &str, render: Render<T>) -> std::io::Result<Self> {
        let mut file = File::create(path)?;
        if !head.is_empty() {
            writeln!(file, "{head}")?;
        }
        let (queue, items) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new()
            .name("venue-log".to_owned())
            .spawn(move || write(BufWriter::with_capacity(1 << 20, file), &items, render))?;
        Ok(Self { path: path.to_owned(), queue: Some(queue), writer: Some(writer) })
    }

    /// Hands a line over. Blocks while the queue is full.
    ///
    /// # Errors
    /// The file has failed; the line is lost, and no later one is taken.
    pub(super) fn push(&mut self, item: T) -> Result<(), String> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let mut item = item;
        let mut waited = Duration::ZERO;
        loop {
            match queue.try_send(item) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(back)) if waited < WAIT_MAX => item = back,
                Err(TrySendError::Full(_)) => {
                    self.queue = None;
                    self.writer = None;
                    return Err(self.failed(&format!("the disk did not get on in {} s", WAIT_MAX.as_secs())));
                }
                Err(TrySendError::Disconnected(_)) => return Err(self.finish().err().unwrap_or_default()),
            }
            std::thread::sleep(WAIT_STEP);
            waited += WAIT_STEP;
        }
    }

    /// Writes what waits, and closes the file.
    ///
    /// # Errors
    /// Not all of it could be written.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.queue = None;
        match self.writer.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(self.failed(&error.to_string())),
            Some(Err(_)) => Err(self.failed("its writer panicked")),
        }
    }

    fn failed(&self, what: &str) -> String {
        format!("{}: cannot be written: {what}", self.path.display())
    }
}

/// Until the venue lets go of the queue. What has been taken is in the file whenever nothing waits.
fn write<T>(mut file: BufWriter<File>, items: &Receiver<T>, render: Render<T>) -> std::io::Result<()> {
    let mut line = Vec::with_capacity(1_024);
    loop {
        let item = match items.try_recv() {
            Ok(item) => item,
            Err(TryRecvError::Empty) => {
                file.flush()?;
                match items.recv() {
                    Ok(item) => item,
                    Err(_) => break,
                }
            }
            Err(TryRecvError::Disconnected) => break,
        };
        line.clear();
        render(&item, &mut line);
        line.push(b'\n');
        file.write_all(&line)?;
    }
    file.flush()?;
    file.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(number: &u64, line: &mut Vec<u8>) {
        line.extend_from_slice(number.to_string().as_bytes());
    }

    #[test]
    fn every_line_is_in_the_file_at_the_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        let mut file = LineFile::create(&path, "head", render).expect("a file");
        let count = 3 * QUEUE as u64;
        for number in 0..count {
            file.push(number).expect("room");
        }
        file.finish().expect("written");
        let text = std::fs::read_to_string(&path).expect("readable");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("head"));
        assert!(lines.map(|line| line.parse::<u64>().expect("a number")).eq(0..count));
    }

    #[test]
    fn a_full_disk_is_said() {
        let mut file = LineFile::create(Path::new("/dev/full"), "", render).expect("opens");
        let said = (0..10_000_000_u64).find_map(|number| file.push(number).err());
        let said = said.unwrap_or_else(|| file.finish().expect_err("nothing can be written"));
        assert!(said.starts_with("/dev/full: cannot be written"), "{said}");
        file.push(1).expect("a file that has failed says so once");
    }
}
