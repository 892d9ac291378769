//! What runs beside the trading thread, or as a task on it, and is not to be done without: where it fails in its own
//! code, the run ends. Nobody would notice what is no longer looked after.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

/// Starts a thread. If it fails, that is counted under `task` and `failed` is told.
///
/// # Errors
/// The system's, where it gives no thread.
pub fn spawn(
    name: &'static str,
    task: &'static str,
    failed: Arc<Notify>,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    spawn_or(name, task, move || failed.notify_one(), work)
}

/// Starts a thread. If it fails, that is counted under `task` and `on_failure` is called on it.
///
/// # Errors
/// The system's, where it gives no thread.
pub fn spawn_or(
    name: &'static str,
    task: &'static str,
    on_failure: impl FnOnce() + Send + 'static,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let bell = Bell { task, ring: Some(on_failure) };
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _bell = bell;
        work();
    })
}

/// Rings where its thread fails.
struct Bell<R: FnOnce()> {
    task: &'static str,
    ring: Option<R>,
}

impl<R: FnOnce()> Drop for Bell<R> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(ring) = self.ring.take()
        {
            metrics::counter!("st_panics_total", "task" => self.task).increment(1);
            ring();
        }
    }
}

/// The first of the tasks that failed; those that have nothing to do may end.
pub async fn first_panic(task: &'static str, tasks: &mut JoinSet<()>) -> String {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            count_panic(task, &error);
            return error.to_string();
        }
    }
    std::future::pending().await
}

/// A task that was told to end has not failed.
pub fn count_panic(task: &'static str, error: &JoinError) {
    if error.is_panic() {
        metrics::counter!("st_panics_total", "task" => task).increment(1);
    }
}

/// Lets whoever looks after a task fail as the task did.
pub fn pass_on(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}
