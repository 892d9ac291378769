//! Plain lines for logs and pipes: one a second.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::view::View;
use crate::status::AppStatus;

/// A watcher on a thread of its own; dropping it ends it.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) stop: Option<SyncSender<()>>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the demo's view failed");
        }
    }
}

/// Prints a line each second until dropped.
pub(super) fn start(status: AppStatus, title: String) -> Watcher {
    let (stop, stopped) = sync_channel(1);
    let thread = std::thread::Builder::new().name("view".to_owned()).spawn(move || {
        print(&format!("following {title} on an empty embedded venue"));
        while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            print(&View::of(&status).line());
        }
    });
    Watcher { stop: Some(stop), thread: thread.ok() }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print(line: &str) {
    println!("{line}");
}
