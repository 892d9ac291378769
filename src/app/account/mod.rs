//! One account at a venue: what it asks of the venue at the start, and its gateway.

mod filters;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use pipeline::gateway::{LaneId, Link, RateLimit};
use schemas::config::{Code, Config, Fault, Venue};
use schemas::wire::binance_spot::api_error::ErrorClass;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Credentials;
use crate::ownership::Fence;
use crate::venue::backoff::Backoff;
use crate::venue::binance_spot::account::AccountKey;
use crate::venue::binance_spot::gateway::{self, GatewayLane, GatewayParts};
use crate::venue::binance_spot::rest::{RestClient, RestError};
use crate::venue::binance_spot::start::{self, VenueFacts};
use crate::venue::guard::Target;

/// How long a venue may take to accept an order after its timestamp: an order that comes later is refused by
/// the venue itself.
pub(super) const RECV_WINDOW: Duration = Duration::from_secs(2);
/// Commands that may wait at a gateway; a lane that finds it full waits.
const COMMANDS_MAX: usize = 1_024;
/// How often the venue's clock is measured again: a clock that drifts costs refused orders.
const CLOCK_EVERY: Duration = Duration::from_secs(60);

/// Instruments that share an account, by their places in the configuration.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) target: Target,
    pub(super) key: AccountKey,
    pub(super) venue_name: &'static str,
    pub(super) members: Vec<usize>,
}

/// What the venue said before the first order.
#[derive(Debug)]
pub(super) struct Probed {
    /// Venue time minus ours, for the gateway; whoever measures again changes it.
    pub(super) clock_offset_ms: Arc<AtomicI64>,
    limits: Vec<RateLimit>,
}

/// The lanes' side of a gateway.
#[derive(Debug)]
pub(super) struct GatewayHandle {
    pub(super) commands: mpsc::Sender<(LaneId, pipeline::command::Command)>,
    pub(super) link: watch::Receiver<Link>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

/// Groups instruments by venue and API key. `simulated` is where the embedded venue listens.
pub(super) fn group(
    config: &Config,
    credentials: &[Credentials],
    simulated: Option<&Target>,
) -> Vec<Account> {
    let mut accounts: BTreeMap<(&Venue, &str), Account> = BTreeMap::new();
    for (place, (instrument, credential)) in config.instruments.iter().zip(credentials).enumerate() {
        let Some(target) = Target::of(&instrument.venue).or_else(|| simulated.cloned()) else { continue };
        let api_key = credential.api_key.expose();
        let account = accounts.entry((&instrument.venue, api_key)).or_insert_with(|| Account {
            target,
            key: AccountKey::new(api_key, credential.secret.expose().as_bytes()),
            venue_name: venue_name(&instrument.venue),
            members: Vec::new(),
        });
        account.members.push(place);
    }
    accounts.into_values().collect()
}

/// The venue's name in labels, metrics and messages.
pub(super) const fn venue_name(venue: &Venue) -> &'static str {
    match venue {
        Venue::Simulated => "simulated",
        Venue::BinanceSpotTestnet => "binance_spot",
        Venue::BinanceUsdmTestnet => "binance_UMFuture",
        Venue::OkxDemo => "okx",
        Venue::Staging { .. } => "staging",
    }
}

impl Account {
    /// Asks the venue for filters, limits, self-trade prevention and time. A venue that is away, busy or at
    /// odds about the time is waited for.
    ///
    /// What stands in the way of trading comes back as faults, all at once.
    pub(super) async fn probe(&self, config: &Config, clock: &Clock) -> Result<Probed, Vec<Fault>> {
        let (offset_ms, facts) = self.answers(config, clock).await.map_err(|fault| vec![fault])?;
        let member = |place: &usize| {
            let instrument = &config.instruments[*place];
            let of_symbol = facts.symbols.get(&instrument.maker_symbol);
            filters::check(&config.pointers[*place], instrument, of_symbol)
        };
        let faults: Vec<Fault> = self.members.iter().flat_map(member).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let stated: Vec<_> = facts.order_limits.iter().chain(&facts.weight_limit).copied().collect();
        Ok(Probed { clock_offset_ms: Arc::new(offset_ms.into()), limits: gateway::limits(&stated) })
    }

    /// Asks until the venue answers; a refusal that no waiting mends is a fault of the key's first instrument.
    async fn answers(&self, config: &Config, clock: &Clock) -> Result<(i64, VenueFacts), Fault> {
        let mut backoff = Backoff::of_connection(u64::from(std::process::id()));
        loop {
            let error = match self.ask(config, clock).await {
                Ok(answers) => return Ok(answers),
                Err(error) => error,
            };
            if is_final(&error) {
                let pointer = format!("{}/API KEY", config.pointers[self.members[0]]);
                let message = format!("refused by the venue \"{}\": {error}", self.venue_name);
                return Err(Fault::new(Code::Secret, pointer, message));
            }
            let pause = backoff.after_failure().max(asked_pause(&error));
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(venue = self.venue_name, %error, pause_ms, "waiting for the venue");
            tokio::time::sleep(pause).await;
        }
    }

    /// Starts the gateway.
    pub(super) fn start_gateway(
        self,
        probed: Probed,
        lanes: Vec<GatewayLane>,
        fence: Fence,
        sharers: u32,
        clock: Clock,
    ) -> GatewayHandle {
        let (commands, command_receiver) = mpsc::channel(COMMANDS_MAX);
        let (link_sender, link) = watch::channel(Link::Down);
        let parts = GatewayParts {
            target: self.target,
            account: self.key,
            recv_window_ms: u32::try_from(RECV_WINDOW.as_millis()).expect("two seconds fit"),
            clock_offset_ms: probed.clock_offset_ms,
            limits: probed.limits,
            sharers,
            lanes,
            commands: command_receiver,
            link: link_sender,
        };
        let task = tokio::spawn(gateway::run(parts, fence, clock));
        GatewayHandle { commands, link, task }
    }

    async fn ask(&self, config: &Config, clock: &Clock) -> Result<(i64, VenueFacts), RestError> {
        let rest = RestClient::new(self.target.clone());
        let offset = start::clock_offset(&rest, clock).await?;
        let symbols: Vec<&str> =
            self.members.iter().map(|place| config.instruments[*place].maker_symbol.as_str()).collect();
        let venue_ms = clock.now().wall_ms + offset.offset_ms;
        let facts = start::read_facts(&rest, self.key.account(), &symbols, venue_ms).await?;
        Ok((offset.offset_ms, facts))
    }
}

/// Measures the venue's clock again and again, for the gateway's timestamps; until dropped.
pub(super) async fn follow_clock(target: Target, offset_ms: Arc<AtomicI64>, clock: Clock) {
    let rest = RestClient::new(target);
    loop {
        tokio::time::sleep(CLOCK_EVERY).await;
        match start::clock_offset(&rest, &clock).await {
            // A question on its way for so long says less than the last measurement.
            Ok(measured) if measured.round_trip > RECV_WINDOW => {}
            Ok(measured) => offset_ms.store(measured.offset_ms, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the venue's clock could not be measured"),
        }
    }
}

/// Whether the same question would be refused for ever.
const fn is_final(error: &RestError) -> bool {
    let RestError::Api { error, .. } = error else { return false };
    match error.class() {
        ErrorClass::Auth
        | ErrorClass::NoSuchSymbol
        | ErrorClass::Filter
        | ErrorClass::WouldMatch
        | ErrorClass::Balance
        | ErrorClass::Duplicate
        | ErrorClass::CancelRefused
        | ErrorClass::NoSuchOrder
        | ErrorClass::Refused => true,
        ErrorClass::OutcomeUnknown
        | ErrorClass::RateLimited
        | ErrorClass::OrderLimit
        | ErrorClass::Overloaded
        | ErrorClass::Clock
        | ErrorClass::MarketClosed => false,
    }
}

/// How long the venue wants to be left alone.
fn asked_pause(error: &RestError) -> Duration {
    match error {
        RestError::Api { retry_after, .. } => retry_after.unwrap_or_default(),
        RestError::Fault(_) | RestError::Depth(_) => Duration::ZERO,
    }
}
