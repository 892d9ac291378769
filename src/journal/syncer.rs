//! The thread that syncs, and that begins another file where one has failed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use schemas::config::JournalSync;

use super::health::lock;
use super::recovery::prune;
use super::writer::Shared;
use crate::failpoint::{break_in, failpoint};
use crate::vital;

/// What is written within this time is synced together: as long as what is on the device may lag behind by 5 ms allows,
/// since each sync takes time from the trading thread's core (benches/README.md).
const GROUP: Duration = Duration::from_millis(4);
/// How often another file is tried where one has failed.
const RETRY: Duration = Duration::from_secs(1);

/// Starts it; it says when it has ended.
pub(super) fn spawn(shared: Arc<Shared>, bell: Receiver<()>, end: SyncSender<()>) {
    let failed = Arc::clone(&shared.failed);
    if let Err(error) = vital::spawn("journal", "journal", failed, move || run(&shared, &bell, &end)) {
        // The shared part is gone with the closure's: what it kept says so by itself, at the first commit.
        tracing::error!(%error, "the journal's thread could not be started");
    }
}

fn run(shared: &Shared, bell: &Receiver<()>, end: &SyncSender<()>) {
    loop {
        match bell.recv_timeout(RETRY) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) if !shared.health.is_broken() => continue,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if shared.sync == JournalSync::Batch {
            std::thread::sleep(GROUP);
        }
        if sync(shared) {
            let _ = end.try_send(());
            return;
        }
    }
}

/// Whether the run has ended.
fn sync(shared: &Shared) -> bool {
    let work = {
        let mut writer = lock(&shared.writer);
        shared.health.syncing();
        writer.take_sync()
    };
    if shared.health.is_broken() {
        if !work.ending
            && let Err(cause) = shared.mend()
        {
            tracing::debug!(%cause, "the journal cannot be written yet");
        }
        shared.synced.send_replace(work.commits);
        return work.ending;
    }
    break_in("journal");
    failpoint!("before_sync");
    let began = shared.clock.now().mono;
    for file in &work.files {
        if let Err(cause) = file.sync() {
            shared.fail(&format!("cannot be synced: {cause}"));
            shared.synced.send_replace(work.commits);
            return work.ending;
        }
    }
    shared.health.synced();
    shared.synced.send_replace(work.commits);
    let took = shared.clock.now().mono.since(began);
    metrics::histogram!("st_journal_sync_seconds").record(took.as_secs_f64());
    if work.rolled {
        prune(&*shared.disk);
    }
    work.ending
}
