//! SIGUSR1 halts everything.

use schemas::halt::HaltedBy;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::HaltBoard;

/// SIGUSR1, listened to from the beginning: without a listener it would end the process.
#[derive(Debug)]
pub struct HaltSignal(Signal);

impl HaltSignal {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the signal cannot be listened to.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::user_defined1()).map(Self)
    }

    /// Halts everything whenever it comes; until dropped.
    pub async fn obey(mut self, board: HaltBoard) {
        while self.0.recv().await.is_some() {
            board.halt_from_task(None, HaltedBy::Signal, "SIGUSR1");
        }
    }
}
