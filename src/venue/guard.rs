//! The one door through which connections to a venue leave. Stand-in: loopback only.

use std::net::SocketAddr;

use tokio::net::TcpStream;

/// A connection to a venue.
pub type Stream = TcpStream;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Requests over HTTP.
    Rest,
    /// Orders over a websocket.
    WsApi,
    /// Market data over a websocket.
    Streams,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The embedded venue listens on loopback only.
    #[error("address of the embedded venue is not loopback (got {0})")]
    NotLoopback(SocketAddr),
    /// No address answered.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
}

/// A place that a connection may go to.
#[derive(Clone, Debug)]
pub struct Target(SocketAddr, String);

impl Target {
    /// The embedded venue at that address.
    ///
    /// # Errors
    /// [`GuardError::NotLoopback`].
    pub fn simulated(address: SocketAddr) -> Result<Self, GuardError> {
        if address.ip().is_loopback() {
            Ok(Self(address, address.to_string()))
        } else {
            Err(GuardError::NotLoopback(address))
        }
    }

    /// The Host header's value.
    #[must_use]
    pub fn host(&self, _endpoint: Endpoint) -> &str {
        &self.1
    }

    /// The path that the endpoint's requests begin with.
    #[must_use]
    pub const fn path(&self, endpoint: Endpoint) -> &'static str {
        match endpoint {
            Endpoint::Rest => "/api/v3",
            Endpoint::WsApi => "/ws-api/v3",
            Endpoint::Streams => "/stream",
        }
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn tls(&self) -> bool {
        false
    }
}

/// Connects to a venue.
///
/// # Errors
/// [`GuardError`].
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub async fn connect(target: &Target, _endpoint: Endpoint) -> Result<Stream, GuardError> {
    Ok(TcpStream::connect(target.0).await?)
}
