//! The one door through which connections to a venue leave.
//!
//! A connection can only be asked for with a [`Target`], and no `Target` can be made for a public host
//! other than the test networks' own. The peer of a private venue is checked on every connect, after
//! resolving. Nothing here follows a redirect, reads a proxy variable or trusts an answer of before.

mod resolve;
mod stream;
mod target;
mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

pub use resolve::{Resolve, SystemResolver};
pub use stream::Stream;
pub use target::{Endpoint, Target};

/// How long resolving, connecting and the TLS handshake may take together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The embedded venue listens on loopback only.
    #[error("address of the embedded venue is not loopback (got {0})")]
    NotLoopback(SocketAddr),
    /// The name of a private (or embedded) venue led to an address that is not; nothing was sent.
    #[error("CFG-006 {host}: staging address must be private (got {ip})")]
    NotPrivate {
        /// The host as configured.
        host: String,
        /// Where it led.
        ip: IpAddr,
    },
    /// On this host, production and test differ by a header alone; it is reached only with a client that
    /// cannot leave the header out.
    #[error("no client of this version may reach {0}")]
    HeaderOnly(&'static str),
    /// The name led nowhere.
    #[error("cannot resolve {host}: {cause}")]
    Resolve {
        /// The host.
        host: String,
        /// The system's words.
        cause: io::Error,
    },
    /// No address answered.
    #[error("cannot connect to {host}: {cause}")]
    Connect {
        /// The host.
        host: String,
        /// The system's words, of the last address tried.
        cause: io::Error,
    },
    /// The TLS handshake failed.
    #[error("no TLS with {host}: {cause}")]
    Tls {
        /// The host.
        host: String,
        /// What the handshake said.
        cause: io::Error,
    },
    /// The time is up.
    #[error("no connection to {host} within {within:?}")]
    TimedOut {
        /// The host.
        host: String,
        /// How long it was waited.
        within: Duration,
    },
}

/// Connects to a venue, checked, within [`CONNECT_TIMEOUT`].
///
/// # Errors
/// [`GuardError`]: refused by the wall, or not reached.
///
/// # Cancel safety
/// A dropped future leaves no connection behind.
pub async fn connect(target: &Target, endpoint: Endpoint) -> Result<Stream, GuardError> {
    connect_by(&SystemResolver, CONNECT_TIMEOUT, target, endpoint).await
}

/// [`connect`], with the resolver and the deadline as arguments.
///
/// # Errors
/// As [`connect`].
pub async fn connect_by(
    resolver: &impl Resolve,
    within: Duration,
    target: &Target,
    endpoint: Endpoint,
) -> Result<Stream, GuardError> {
    target.may_reach(endpoint)?;
    let (host, port) = target.address(endpoint);
    match timeout(within, open(resolver, target, &host, port)).await {
        Ok(result) => result,
        Err(_) => Err(GuardError::TimedOut { host, within }),
    }
}

async fn open(resolver: &impl Resolve, target: &Target, host: &str, port: u16) -> Result<Stream, GuardError> {
    let candidates = resolver
        .resolve(host, port)
        .await
        .map_err(|cause| GuardError::Resolve { host: host.to_owned(), cause })?;
    // All before the first is dialled: a name with one public address is not a private name.
    for candidate in &candidates {
        check(target, host, candidate.ip())?;
    }
    let tcp = dial(host, &candidates).await?;
    let peer = tcp.peer_addr().map_err(|cause| GuardError::Connect { host: host.to_owned(), cause })?;
    check(target, host, peer.ip())?;
    tcp.set_nodelay(true).map_err(|cause| GuardError::Connect { host: host.to_owned(), cause })?;
    if target.tls() { tls::handshake(host, tcp).await } else { Ok(Stream::plain(tcp)) }
}

fn check(target: &Target, host: &str, ip: IpAddr) -> Result<(), GuardError> {
    if target.admits(ip) { Ok(()) } else { Err(GuardError::NotPrivate { host: host.to_owned(), ip }) }
}

/// The first candidate that answers; the error of the last one if none does.
#[expect(clippy::disallowed_methods, reason = "this is the door: the candidates were checked")]
async fn dial(host: &str, candidates: &[SocketAddr]) -> Result<TcpStream, GuardError> {
    let mut cause = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in candidates {
        match TcpStream::connect(candidate).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => cause = error,
        }
    }
    Err(GuardError::Connect { host: host.to_owned(), cause })
}
