//! The venue's port and its thread.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use axum::serve::Listener;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use super::binance::{feed, prefix_switch, rest, streams, ws_api};
use super::binance_spot::Spot;
use super::binance_usdm::{self, UsdM};
use super::crowd;
use super::faults::{self, Faults, Line, LineListener};
use super::ledger::inspect;
use super::options::{VenueError, VenueOptions};
use super::state::State;
use super::tls::{Identity, TlsOptions};
use super::{Closing, TlsPort};
use crate::clock;

/// How often the depth streams are looked after.
const TICK: Duration = Duration::from_millis(feed::TICK_MS);

/// How long the connections have to take leave.
const GOODBYE_WITHIN: Duration = Duration::from_millis(250);
const GOODBYE_STEP: Duration = Duration::from_millis(2);

const NANOS_IN_MS: u64 = 1_000_000;

/// What every connection shares. One thread serves them all: the lock is never waited for.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Whether frames are stamped; asked before the lock is taken.
    pub(super) stamps: bool,
    faults: Faults,
}

impl Shared {
    pub(super) fn new(state: State) -> Arc<Self> {
        let (stamps, faults) = (state.stamps.is_some(), state.faults.clone());
        Arc::new(Self { state: Mutex::new(state), stamps, faults })
    }

    /// The faults, without the lock.
    pub(super) fn faults(&self) -> Faults {
        self.faults.clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the books for the last time and closes the logs.
    pub(super) fn close(&self) -> Closing {
        let mut state = self.lock();
        state.check();
        Closing { summary: state.journal.tally.summary(), failure: state.journal.close() }
    }
}

/// A venue whose ports are bound and whose thread has not begun.
pub(super) struct Venue {
    shared: Arc<Shared>,
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<Tls>,
    runtime: Runtime,
    stamp_file: Option<PathBuf>,
}

/// The port with TLS.
struct Tls {
    listener: TcpListener,
    addr: SocketAddr,
    identity: Identity,
}

impl Venue {
    pub(super) fn new(options: VenueOptions) -> Result<Self, VenueError> {
        let state = State::new(&options)?;
        let (listener, addr) = bind(options.listen)?;
        let tls = options.tls.as_ref().map(Tls::new).transpose()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(VenueError::Thread)?;
        Ok(Self { shared: Shared::new(state), listener, addr, tls, runtime, stamp_file: options.stamp_file })
    }

    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn tls(&self) -> Option<TlsPort> {
        self.tls.as_ref().map(|tls| TlsPort { addr: tls.addr, ca_pem: tls.identity.ca_pem.clone() })
    }

    /// Serves until told to stop, or until its ledger fails; then all connections are cut.
    pub(super) fn run(self, stop: oneshot::Receiver<()>) -> Closing {
        let Self { shared, listener, tls, runtime, stamp_file, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                () = serve(listener, Arc::clone(&shared)) => {}
                () = serve_tls(tls, Arc::clone(&shared)) => {}
                () = tick(&shared) => {}
                _ = stop => {}
            }
            say_goodbye(&shared).await;
        });
        runtime.shutdown_background();
        if let Some(path) = stamp_file
            && let Err(error) = std::fs::write(&path, shared.lock().stamp_lines())
        {
            tracing::error!(path = %path.display(), %error, "stamps not written");
        }
        shared.close()
    }
}

/// Tells every connection that the venue goes away, and lets what waits be written.
async fn say_goodbye(shared: &Shared) {
    {
        let state = shared.lock();
        state.hub.announce_shutdown(None, clock::wall_ms());
        state.hub.peers().for_each(|(_, outbox)| outbox.finish());
    }
    let all_gone = async {
        while shared.lock().hub.peers().len() > 0 {
            tokio::time::sleep(GOODBYE_STEP).await;
        }
    };
    if tokio::time::timeout(GOODBYE_WITHIN, all_gone).await.is_err() {
        tracing::debug!("connections were cut before all was written");
    }
}

impl Tls {
    fn new(options: &TlsOptions) -> Result<Self, VenueError> {
        let identity = Identity::new(options)?;
        let (listener, addr) = bind(options.listen)?;
        Ok(Self { listener, addr, identity })
    }
}

/// A listener, and where it listens.
fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), VenueError> {
    let cannot_listen = |source| VenueError::Listen { addr, source };
    let listener = TcpListener::bind(addr).map_err(cannot_listen)?;
    listener.set_nonblocking(true).map_err(cannot_listen)?;
    let addr = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, addr))
}

/// Serves the plain port. Comes back only if it cannot listen.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    if let Some(listener) = Plain::of(listener)
        && let Err(error) =
            axum::serve(LineListener(listener), router(shared).into_make_service_with_connect_info::<Line>())
                .await
    {
        tracing::error!(%error, "the venue stopped listening");
    }
}

/// Serves the port with TLS, if there is one. Comes back only if it cannot listen.
async fn serve_tls(tls: Option<Tls>, shared: Arc<Shared>) {
    let Some(Tls { listener, identity, .. }) = tls else { return std::future::pending().await };
    if let Some(listener) = Plain::of(listener)
        && let Err(error) = axum::serve(
            LineListener(identity.listener(listener)),
            router(shared).into_make_service_with_connect_info::<Line>(),
        )
        .await
    {
        tracing::error!(%error, "the venue stopped listening");
    }
}

/// A port whose connections do not wait for more to send.
#[derive(Debug)]
struct Plain(tokio::net::TcpListener);

impl Plain {
    fn of(listener: TcpListener) -> Option<Self> {
        tokio::net::TcpListener::from_std(listener)
            .inspect_err(|error| tracing::error!(%error, "the venue cannot listen"))
            .map(Self)
            .ok()
    }
}

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    /// Cancel safe.
    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY on a connection");
        }
        (stream, from)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ws-api/v3", any(ws_api::ws_api::<Spot>))
        .route("/api/{*path}", any(rest::rest::<Spot>))
        .route("/ws-fapi/v1", any(ws_api::ws_api::<UsdM>))
        .route("/fapi/{*path}", any(rest::rest::<UsdM>))
        .route("/sapi/{*path}", any(rest::elsewhere))
        .route("/dapi/{*path}", any(rest::elsewhere))
        .route("/eapi/{*path}", any(rest::elsewhere))
        .merge(inspect::routes())
        .route("/venue/price", post(crowd::admin::price))
        .route(
            "/venue/faults",
            get(faults::admin::list).post(faults::admin::switch).delete(faults::admin::clear),
        )
        .fallback(streams::streams)
        .with_state(shared)
}

async fn tick(shared: &Shared) {
    let clock = clock::Clock::start();
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 1.. {
        interval.tick().await;
        let (mut state, now) = (shared.lock(), clock.now());
        if state.journal.failure().is_some() {
            return;
        }
        beat(&mut state, count, now.mono.0 / NANOS_IN_MS, now.wall_ms);
    }
}

/// Every [`feed::TICK_MS`]: what happens by itself. `count` is from 1, `up_ms` since the venue began.
pub(super) fn beat(state: &mut State, count: u64, up_ms: u64, wall_ms: i64) {
    faults::effects::advance(state, up_ms, wall_ms);
    if !state.faults.is_frozen() {
        let now_ms = state.faults.venue_ms(wall_ms);
        binance_usdm::tick(state, count, now_ms);
        prefix_switch::tick(state, now_ms);
        crowd::tick(state, now_ms);
        feed::tick(state, count, now_ms);
    }
}
