//! Where a connection may go: the embedded venue, a private one, or a test network by its constants.

use std::net::{IpAddr, SocketAddr};

use schemas::config::{Dialect, StagingAddress, Venue, is_private};

use super::GuardError;
use crate::venue::egress::Egress;

/// What a connection is for. The embedded and private venues serve all of them on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Requests over HTTP.
    Rest,
    /// Orders over a websocket.
    WsApi,
    /// Market data over a websocket.
    Streams,
    /// The account's events over a websocket of their own, where the dialect has one.
    UserStream,
}

/// A place that a connection may go to, and the way out to it, which clones share. Closed: nothing makes one from a
/// public host's name.
#[derive(Clone, Debug)]
pub struct Target {
    place: Place,
    /// The Host header's value, of a place that has one port for everything.
    authority: String,
    egress: Egress,
}

/// The same place, whichever the way out.
impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Target {}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Simulated(Dialect, SocketAddr),
    Staging(Dialect, StagingAddress),
    Public(Network),
}

/// The public test networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    BinanceSpotTestnet,
    BinanceUsdmTestnet,
    OkxDemo,
}

impl Target {
    /// The embedded venue at that address, in the dialect of Binance Spot.
    ///
    /// # Errors
    /// [`GuardError::NotLoopback`] where the address is another machine's.
    pub fn simulated(address: SocketAddr) -> Result<Self, GuardError> {
        Self::embedded(Dialect::BinanceSpot, address)
    }

    /// The embedded venue at that address, in the dialect of Binance USD-M.
    ///
    /// # Errors
    /// As [`Target::simulated`].
    pub fn simulated_futures(address: SocketAddr) -> Result<Self, GuardError> {
        Self::embedded(Dialect::BinanceUsdm, address)
    }

    fn embedded(dialect: Dialect, address: SocketAddr) -> Result<Self, GuardError> {
        if address.ip().to_canonical().is_loopback() {
            Ok(Self::new(Place::Simulated(dialect, address), address.to_string()))
        } else {
            Err(GuardError::NotLoopback(address))
        }
    }

    /// The venue of an instrument; `None` for the embedded one, whose address is known once it listens.
    #[must_use]
    pub fn of(venue: &Venue) -> Option<Self> {
        let public = |network| Some(Self::new(Place::Public(network), String::new()));
        match venue {
            Venue::Simulated => None,
            Venue::BinanceSpotTestnet => public(Network::BinanceSpotTestnet),
            Venue::BinanceUsdmTestnet => public(Network::BinanceUsdmTestnet),
            Venue::OkxDemo => public(Network::OkxDemo),
            Venue::Staging { dialect, address } => {
                let authority = address.authority();
                Some(Self::new(Place::Staging(*dialect, address.clone()), authority))
            }
        }
    }

    /// The way out to it.
    #[must_use]
    pub const fn egress(&self) -> &Egress {
        &self.egress
    }

    fn new(place: Place, authority: String) -> Self {
        Self { place, authority, egress: Egress::default() }
    }

    /// The Host header's value: with the port, except where it is the scheme's own.
    #[must_use]
    pub const fn host(&self, endpoint: Endpoint) -> &str {
        match &self.place {
            Place::Simulated(..) | Place::Staging(..) => self.authority.as_str(),
            Place::Public(network) => network.authority(endpoint),
        }
    }

    /// The path that the endpoint's requests begin with.
    #[must_use]
    pub const fn path(&self, endpoint: Endpoint) -> &'static str {
        match (self.dialect(), endpoint) {
            (Dialect::BinanceSpot, Endpoint::Rest) => "/api/v3",
            (Dialect::BinanceSpot, Endpoint::WsApi) => "/ws-api/v3",
            (Dialect::BinanceSpot, Endpoint::Streams) => "/stream",
            (Dialect::BinanceSpot, Endpoint::UserStream) => "/ws",
            (Dialect::BinanceUsdm, Endpoint::Rest) => "/fapi/v1",
            (Dialect::BinanceUsdm, Endpoint::WsApi) => "/ws-fapi/v1",
            (Dialect::BinanceUsdm, Endpoint::Streams) => "/public/stream",
            (Dialect::BinanceUsdm, Endpoint::UserStream) => "/private/ws",
            (Dialect::Okx, Endpoint::Rest) => "/api/v5",
            (Dialect::Okx, Endpoint::WsApi | Endpoint::UserStream) => "/ws/v5/private",
            (Dialect::Okx, Endpoint::Streams) => "/ws/v5/public",
        }
    }

    /// The path that the same endpoint had before USD-M's streams were split; only a public host may still want
    /// it: a connection on the wrong one is accepted and stays mute.
    #[must_use]
    pub const fn older_path(&self, endpoint: Endpoint) -> Option<&'static str> {
        match (&self.place, endpoint) {
            (Place::Public(Network::BinanceUsdmTestnet), Endpoint::Streams) => Some("/stream"),
            (Place::Public(Network::BinanceUsdmTestnet), Endpoint::UserStream) => Some("/ws"),
            (Place::Simulated(..) | Place::Staging(..) | Place::Public(_), _) => None,
        }
    }

    /// Whether it is the embedded venue, or one of ours: no public one.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        match &self.place {
            Place::Simulated(..) | Place::Staging(..) => true,
            Place::Public(_) => false,
        }
    }

    /// Whether the connection is encrypted; always, to a public host.
    #[must_use]
    pub const fn tls(&self) -> bool {
        match &self.place {
            Place::Simulated(..) => false,
            Place::Staging(_, address) => address.tls(),
            Place::Public(_) => true,
        }
    }

    /// The protocol that is spoken there.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match &self.place {
            Place::Simulated(dialect, _) | Place::Staging(dialect, _) => *dialect,
            Place::Public(Network::BinanceSpotTestnet) => Dialect::BinanceSpot,
            Place::Public(Network::BinanceUsdmTestnet) => Dialect::BinanceUsdm,
            Place::Public(Network::OkxDemo) => Dialect::Okx,
        }
    }

    /// Whether a peer of that address may be talked to. A test network's is whatever its name leads to:
    /// there, TLS proves the name.
    pub(super) const fn admits(&self, ip: IpAddr) -> bool {
        match &self.place {
            Place::Simulated(..) => ip.to_canonical().is_loopback(),
            Place::Staging(..) => is_private(ip),
            Place::Public(_) => true,
        }
    }

    /// Host and port as the resolver wants them.
    pub(super) fn address(&self, endpoint: Endpoint) -> (String, u16) {
        match &self.place {
            Place::Simulated(_, address) => (address.ip().to_string(), address.port()),
            Place::Staging(_, address) => (address.host(), address.port()),
            Place::Public(network) => {
                let (host, port) =
                    network.authority(endpoint).split_once(':').unwrap_or((self.host(endpoint), "443"));
                (host.to_owned(), port.parse().expect("ports of the table are numbers"))
            }
        }
    }

    /// OKX serves production's REST on the same host; only a header tells the two apart.
    pub(super) const fn may_reach(&self, endpoint: Endpoint) -> Result<(), GuardError> {
        match (&self.place, endpoint) {
            (Place::Public(network @ Network::OkxDemo), Endpoint::Rest) => {
                Err(GuardError::HeaderOnly(network.authority(endpoint)))
            }
            (Place::Simulated(..) | Place::Staging(..) | Place::Public(_), _) => Ok(()),
        }
    }
}

impl Network {
    /// Exact hosts, each of a test network. Nothing is ever matched by its ending: production's hosts lie
    /// under the same domains.
    const fn authority(self, endpoint: Endpoint) -> &'static str {
        match (self, endpoint) {
            (Self::BinanceSpotTestnet, Endpoint::Rest) => "testnet.binance.vision",
            (Self::BinanceSpotTestnet, Endpoint::WsApi) => "ws-api.testnet.binance.vision",
            (Self::BinanceSpotTestnet, Endpoint::Streams | Endpoint::UserStream) => {
                "stream.testnet.binance.vision"
            }
            (Self::BinanceUsdmTestnet, Endpoint::Rest) => "demo-fapi.binance.com",
            (Self::BinanceUsdmTestnet, Endpoint::WsApi) => "testnet.binancefuture.com",
            (Self::BinanceUsdmTestnet, Endpoint::Streams | Endpoint::UserStream) => {
                "fstream.binancefuture.com"
            }
            (Self::OkxDemo, Endpoint::Rest) => "openapi.okx.com",
            (Self::OkxDemo, Endpoint::WsApi | Endpoint::Streams | Endpoint::UserStream) => {
                "wspap.okx.com:8443"
            }
        }
    }
}
