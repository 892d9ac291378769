//! Names to addresses, as an argument: a test can bring a resolver that changes its answer.

use std::io;
use std::net::SocketAddr;

/// Turns a host and a port into addresses.
pub trait Resolve {
    /// The addresses of a host, asked anew each time.
    ///
    /// # Errors
    /// Where the name leads nowhere.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}
