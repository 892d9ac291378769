//! A TCP proxy of a test's own. It can hold back a Kafka client's group requests while its fetches go on, or
//! everything that comes over it, without closing a connection; or keep what comes and pass it on later.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The requests of Kafka's groups: offset commit, find coordinator, join, heartbeat, leave, sync, and the heartbeat
/// of the consumer protocol.
const GROUP_REQUESTS: [i16; 7] = [8, 10, 11, 12, 13, 14, 68];

/// Listens on a free port of loopback and leads to one target.
pub(crate) struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    group_cut: AtomicBool,
    stalled: AtomicBool,
    held: AtomicBool,
    closed: AtomicBool,
    swallowed: AtomicU64,
    kept: AtomicU64,
}

impl Proxy {
    /// A proxy that refuses connections until it leads somewhere.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, shared) = (listener.local_addr().unwrap(), Arc::new(Shared::default()));
        let held = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if held.closed.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(client), Some(target)) = (client, *held.target.lock().unwrap()) else { continue };
                // A target that is away closes the client's connection, as it would itself.
                let _ = held.serve(client, target);
            }
        });
        Self { addr, shared }
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = Some(target);
    }

    /// Group requests are read and thrown away, or pass again.
    pub(crate) fn cut_group(&self, cut: bool) {
        self.shared.group_cut.store(cut, Ordering::Relaxed);
    }

    /// Everything in both directions is thrown away; or connections pass again, new ones if they missed something.
    pub(crate) fn stall(&self, stalled: bool) {
        self.shared.stalled.store(stalled, Ordering::Relaxed);
    }

    /// What comes from clients stays here, the first of it in two halves of which one has passed; or goes on.
    pub(crate) fn hold(&self, held: bool) {
        self.shared.held.store(held, Ordering::Relaxed);
    }

    /// How many times something was kept.
    pub(crate) fn kept(&self) -> u64 {
        self.shared.kept.load(Ordering::Relaxed)
    }

    /// How many requests were thrown away.
    pub(crate) fn swallowed(&self) -> u64 {
        self.shared.swallowed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    #[expect(clippy::disallowed_methods, reason = "wakes its own listener")]
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.addr);
    }
}

impl Shared {
    #[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback server")]
    fn serve(self: &Arc<Self>, client: TcpStream, target: SocketAddr) -> io::Result<()> {
        let server = TcpStream::connect(target)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (requests, answers) = (Arc::clone(self), Arc::clone(self));
        let (client_in, server_out) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = requests.pass_requests(&client_in, &server_out);
            let _ = server_out.shutdown(Shutdown::Both);
        });
        thread::spawn(move || {
            let _ = answers.pass_bytes(&server, &client, false);
            let _ = client.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    /// Requests of the Kafka protocol, one by one. Whatever begins otherwise passes as bytes.
    fn pass_requests(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut head = [0; 6];
        let mut rest = Vec::new();
        loop {
            from.read_exact(&mut head[..4])?;
            let [a, b, c, d, ..] = head;
            let size = u32::from_be_bytes([a, b, c, d]);
            if a != 0 || size < 2 {
                to.write_all(&head[..4])?;
                return self.pass_bytes(from, to, true);
            }
            from.read_exact(&mut head[4..])?;
            let kind = i16::from_be_bytes([head[4], head[5]]);
            rest.resize(usize::try_from(size).unwrap() - 2, 0);
            from.read_exact(&mut rest)?;
            let cut = self.group_cut.load(Ordering::Relaxed) && GROUP_REQUESTS.contains(&kind);
            if cut || self.stalled.load(Ordering::Relaxed) {
                self.swallowed.fetch_add(1, Ordering::Relaxed);
            } else {
                to.write_all(&head)?;
                to.write_all(&rest)?;
            }
        }
    }

    fn pass_bytes(&self, mut from: &TcpStream, mut to: &TcpStream, requests: bool) -> io::Result<()> {
        let mut bytes = [0; 16_384];
        let mut torn = false;
        loop {
            let length = from.read(&mut bytes)?;
            let stalled = self.stalled.load(Ordering::Relaxed);
            // What misses bytes in its middle can only be closed.
            if length == 0 || torn && !stalled {
                return Ok(());
            }
            if stalled {
                torn = true;
                continue;
            }
            let mut rest = &bytes[..length];
            if requests && self.held.load(Ordering::Relaxed) {
                let (half, other) = rest.split_at(length / 2);
                to.write_all(half)?;
                self.kept.fetch_add(1, Ordering::Relaxed);
                while self.held.load(Ordering::Relaxed) && !self.closed.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
                rest = other;
            }
            to.write_all(rest)?;
        }
    }
}
