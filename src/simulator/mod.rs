//! The embedded venue: a matching engine and the dialects it speaks on real sockets.
//!
//! It is a market of its own, not a mock: orders rest, meet and settle, and everything that a client is told
//! comes out of the engine. It runs on a thread of its own, with a runtime of its own, and is reached only
//! through its port; nothing in this program may talk to it by a shorter way.
//!
//! One port serves the dialects of Binance Spot and USD-M Futures (what they share: [`binance`]), the venue's own
//! books of account (`/venue/*`) and its faults (`/venue/faults`, see [`faults`]).

pub mod binance;
mod binance_spot;
mod binance_usdm;
pub mod engine;
pub mod faults;
mod ledger;
mod options;
mod outbox;
pub mod profile;
mod publish;
mod server;
mod socket;
mod state;
mod symbols;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use options::{AccountSpec, Balance, Credential, VenueError, VenueOptions};
pub use profile::Profile;
pub use symbols::{Product, SymbolSpec};

/// How long a venue may take to stop before its thread is left behind.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A venue that is up. It stops when this is dropped.
#[derive(Debug)]
pub struct RunningVenue {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a venue and comes back when its port is open.
///
/// # Errors
/// The options contradict themselves, the address cannot be bound, or no thread can be had.
pub fn start(options: VenueOptions) -> Result<RunningVenue, VenueError> {
    let venue = server::Venue::new(options)?;
    let addr = venue.addr();
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("venue".to_owned())
        .spawn(move || {
            venue.run(stopped);
            // Nobody listens any more if the owner has given up waiting.
            let _ = end.send(());
        })
        .map_err(VenueError::Thread)?;
    Ok(RunningVenue { addr, stop: Some(stop), ended, thread: Some(thread) })
}

impl RunningVenue {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it: every connection is cut. Waits at most 5 s for its thread.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) else { return };
        // A venue that has ended by itself no longer listens.
        let _ = stop.send(());
        match self.ended.recv_timeout(STOP_WITHIN) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                if thread.join().is_err() {
                    tracing::error!("the venue's thread panicked");
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => tracing::error!("the venue did not stop in time"),
        }
    }
}

impl Drop for RunningVenue {
    fn drop(&mut self) {
        self.stop();
    }
}
