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
pub mod crowd;
pub mod door;
pub mod engine;
pub mod faults;
mod lag;
mod ledger;
mod options;
mod outbox;
mod owners;
pub mod profile;
mod publish;
mod server;
mod socket;
mod state;
mod symbols;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

pub use crowd::CrowdSettings;
pub use ledger::{ReplayError, Replayed, Summary, replay};
pub use options::{AccountSpec, Balance, Credential, LedgerOptions, VenueError, VenueOptions};
pub use profile::Profile;
pub use symbols::{Product, SymbolSpec};
pub use tls::{TlsError, TlsOptions};

/// How long a venue may take to stop before its thread is left behind.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What a venue leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What it did.
    pub summary: Summary,
    /// Why its ledger is not to be trusted: a log that could not be written, or books that do not add up.
    pub failure: Option<String>,
}

/// A TLS port that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPort {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The certificate of the venue's authority as PEM: what clients are to trust.
    pub ca_pem: String,
}

/// A venue that is up. It stops when this is dropped.
#[derive(Debug)]
pub struct RunningVenue {
    addr: SocketAddr,
    tls: Option<TlsPort>,
    stop: Option<oneshot::Sender<()>>,
    ended: mpsc::Receiver<Closing>,
    /// Told when the venue's thread has ended, for whatever reason.
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a venue and comes back when its port is open.
///
/// # Errors
/// The options contradict themselves, the address cannot be bound, or no thread can be had.
pub fn start(options: VenueOptions) -> Result<RunningVenue, VenueError> {
    let venue = server::Venue::new(options)?;
    let (addr, tls) = (venue.addr(), venue.tls());
    let (stop, stopped) = oneshot::channel();
    let (closing, ended) = mpsc::sync_channel(1);
    let end = Arc::new(Notify::new());
    let at_end = Arc::clone(&end);
    let thread = std::thread::Builder::new()
        .name("venue".to_owned())
        .spawn(move || {
            let left = venue.run(stopped);
            // Nobody listens any more if the owner has given up waiting.
            let _ = closing.send(left);
            at_end.notify_one();
        })
        .map_err(VenueError::Thread)?;
    Ok(RunningVenue { addr, tls, stop: Some(stop), ended, end, thread: Some(thread) })
}

impl RunningVenue {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its TLS port, if it has one.
    #[must_use]
    pub const fn tls(&self) -> Option<&TlsPort> {
        self.tls.as_ref()
    }

    /// Comes back when it has ended by itself, as it does when a log cannot be written. Cancel safe.
    pub async fn ended(&self) {
        self.end.notified().await;
    }

    /// Stops it: every connection is cut. Waits at most 5 s for its thread; nothing is left behind where that was
    /// not enough, or where the thread panicked.
    pub fn shutdown(mut self) -> Option<Closing> {
        self.stop()
    }

    fn stop(&mut self) -> Option<Closing> {
        let (stop, thread) = (self.stop.take()?, self.thread.take()?);
        // A venue that has ended by itself no longer listens.
        let _ = stop.send(());
        let left = self.ended.recv_timeout(STOP_WITHIN);
        if left == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::error!("the venue did not stop in time");
            return None;
        }
        if thread.join().is_err() {
            tracing::error!("the venue's thread panicked");
        }
        left.ok()
    }
}

impl Drop for RunningVenue {
    fn drop(&mut self) {
        self.stop();
    }
}
