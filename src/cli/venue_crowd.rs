//! The crowd of `self-trader venue`, and the market that it follows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use pipeline::event::FeedTick;
use schemas::config::crowd::CrowdFile;
use schemas::config::{Dialect, FeedUrl, Venue, cut, feed_url};
use schemas::units::Decimal;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::outcome::complain;
use crate::clock::Clock;
use crate::config;
use crate::feed::{self, FeedCounters, FeedState, FeedStop, Intake, Route, Source};
use crate::simulator::{CrowdSettings, Product, SymbolSpec};
use crate::venue::binance::rest::RestClient;
use crate::venue::guard::Target;

/// How often the venue is told the newest prices.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// How often a source that must be asked is asked.
const POLL: Duration = Duration::from_millis(200);
/// Trades of a symbol that wait for the next telling; the newest counts.
const WAITING_MAX: usize = 4_096;

/// Arguments of `venue` that are about its crowd.
#[derive(Debug, clap::Args)]
pub(super) struct CrowdArgs {
    /// Strangers who rest and trade: small, deep, or a file (see `self-trader schema crowd`)
    #[arg(long, value_name = "small|deep|FILE")]
    crowd: Option<String>,
    /// Where the crowd's price comes from: a feed as in Feed, such as synthetic:1 or redis://127.0.0.1:6379, with the
    /// follow keys binance_ticker_SYMBOL and, for USD-M, binance_future_ticker_SYMBOL
    /// [default: the last trade of others, and POST /venue/price]
    #[arg(long, value_name = "URL", value_parser = feed_url, requires = "crowd")]
    crowd_follow: Option<FeedUrl>,
}

impl CrowdArgs {
    /// The crowd that is asked for.
    pub(super) fn settings(&self) -> anyhow::Result<Option<CrowdSettings>> {
        self.crowd.as_deref().map(settings).transpose()
    }

    /// A feed that tells the crowd's price.
    pub(super) fn follow(&self) -> Option<FeedUrl> {
        self.crowd_follow.clone()
    }
}

fn settings(name: &str) -> anyhow::Result<CrowdSettings> {
    if let Some(settings) = CrowdSettings::named(name) {
        return Ok(settings);
    }
    let path = Path::new(name);
    if !path.exists() {
        bail!("--crowd: no such crowd (got {}, want small, deep or a file)", cut(name));
    }
    let report = |faults: Vec<_>| anyhow!(config::report(path, &faults));
    let bytes = config::read(path).with_context(|| format!("--crowd {}", path.display()))?;
    CrowdFile::parse(&bytes).map(|file| CrowdSettings::from(&file)).map_err(report)
}

/// One symbol whose price is told.
struct Told {
    product: Product,
    name: String,
    ticks: mpsc::Receiver<FeedTick>,
}

/// Tells the venue at `addr`, through its port, the prices of a feed, if there is one. Never comes back: a venue outlives
/// its feed.
pub(super) async fn follow(url: Option<FeedUrl>, addr: SocketAddr, symbols: &[SymbolSpec]) {
    if let Some(url) = url
        && let Err(error) = follow_feed(url, addr, symbols).await
    {
        complain(&format!("{error:#}"));
    }
    std::future::pending().await
}

async fn follow_feed(url: FeedUrl, addr: SocketAddr, symbols: &[SymbolSpec]) -> anyhow::Result<()> {
    let client = client(addr)?;
    let (told, routes): (Vec<_>, Vec<_>) = symbols.iter().map(route).unzip();
    let intake = Intake::new(routes, Arc::new(FeedCounters::default()));
    let (state, _state) = watch::channel(FeedState::default());
    let (_stop, stopped) = watch::channel(FeedStop::Run);
    tokio::select! {
        ended = feed::run(Source::from(url), intake, Clock::start(), state, stopped) => {
            ended.map(drop).context("--crowd-follow")
        }
        () = tell(&client, told) => Ok(()),
    }
}

fn client(addr: SocketAddr) -> anyhow::Result<RestClient> {
    let ip = if addr.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { addr.ip() };
    let address = SocketAddr::new(ip, addr.port()).to_string();
    let address = address.parse().with_context(|| format!("--crowd-follow: {address} is not private"))?;
    let target = Target::of(&Venue::Staging { dialect: Dialect::BinanceSpot, address });
    Ok(RestClient::new(target.context("a private venue has an address")?))
}

fn route(symbol: &SymbolSpec) -> (Told, Route) {
    let (lane, ticks) = mpsc::channel(WAITING_MAX);
    let exchange = match symbol.product {
        Product::Spot => "binance",
        Product::UsdM => "binance_future",
    };
    let route = Route {
        follow_key: format!("{exchange}_ticker_{}", symbol.name),
        follow_symbol: symbol.name.clone(),
        poll: POLL,
        lanes: vec![lane],
        holds: Vec::new(),
    };
    (Told { product: symbol.product, name: symbol.name.clone(), ticks }, route)
}

async fn tell(client: &RestClient, mut told: Vec<Told>) {
    let mut interval = tokio::time::interval(TELL_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        interval.tick().await;
        for symbol in &mut told {
            let Some(price) = newest(&mut symbol.ticks) else { continue };
            let (product, name) = (symbol.product.as_str(), &symbol.name);
            let told = client.tell_price(product, name, &price.to_string()).await;
            if let Err(error) = &told
                && !failing
            {
                tracing::warn!(%error, symbol = name, "the venue was not told the crowd's price");
            }
            failing = told.is_err();
        }
    }
}

/// The newest price of those that wait.
fn newest(ticks: &mut mpsc::Receiver<FeedTick>) -> Option<Decimal> {
    let mut newest = None;
    while let Ok(tick) = ticks.try_recv() {
        newest = tick.tick.price.or(newest);
    }
    newest
}
