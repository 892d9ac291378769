//! One account at a venue: what it asks of the venue at the start, and its gateway.

mod clock;
mod filter_watch;
mod filters;

pub(super) use clock::{ClockFollower, follow as follow_clock};
pub(super) use filter_watch::{FilterWatch, Listed, follow as follow_filters};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use pipeline::clock_gate::ClockGate;
use pipeline::gateway::{Bounds, LaneId, Link, RateLimit};
use pipeline::probe::Smallest;
use pipeline::time::Nanos;
use schemas::config::{Code, Config, DeadManSwitch, Dialect, Fault, Instrument, TermType, Venue};
use schemas::units::Decimal;
use schemas::wire::binance::api_error::ErrorClass;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Credentials;
use crate::journal::Journal;
use crate::ownership::{Armed, Fence};
use crate::start::StartBoard;
use crate::venue::backoff::Backoff;
use crate::venue::binance::account::AccountKey;
use crate::venue::binance::gateway::{self, GatewayLane, GatewayParts};
use crate::venue::binance::positions::Positions;
use crate::venue::binance::rest::{RestClient, RestError};
use crate::venue::binance::start::{self, VenueFacts};
use crate::venue::binance::switch::{self, SwitchLane, SwitchParts};
use crate::venue::guard::{GuardError, Target};
use crate::venue::{binance_spot, binance_usdm};

/// How long a venue may take to accept an order after its timestamp: an order that comes later is refused by
/// the venue itself.
pub(super) const RECV_WINDOW: Duration = Duration::from_secs(2);
/// Commands that may wait at a gateway; a lane that finds it full waits.
const COMMANDS_MAX: usize = 1_024;

/// Instruments that share an account, by their places in the configuration.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) target: Target,
    pub(super) key: AccountKey,
    pub(super) venue_name: &'static str,
    pub(super) members: Vec<usize>,
    /// How many accounts of this process share its address.
    pub(super) on_address: u32,
    /// The venue is ours: its accounts' settings too.
    is_embedded: bool,
}

/// What the venue said before the first order.
#[derive(Debug)]
pub(super) struct Probed {
    /// Venue time minus ours, for the gateway; whoever measures again changes it.
    pub(super) clock_offset_ms: Arc<AtomicI64>,
    /// How that is known.
    pub(super) clock_gate: ClockGate,
    limits: Vec<RateLimit>,
    /// What the venue asks of the smallest order, by maker symbol.
    pub(super) smallest: BTreeMap<String, Smallest>,
}

/// Why a venue is asked again.
struct Unanswered {
    what: String,
    /// For how long the venue wants to be left alone.
    pause: Duration,
}

/// What a gateway shares with others, and what it may spend.
#[derive(Debug)]
pub(super) struct Means {
    /// How many processes share the account.
    pub(super) sharers: u32,
    pub(super) journal: Journal,
    pub(super) bounds: Bounds,
}

/// The lanes' side of a gateway.
#[derive(Debug)]
pub(super) struct GatewayHandle {
    pub(super) commands: mpsc::Sender<(LaneId, pipeline::command::Command)>,
    pub(super) link: watch::Receiver<Link>,
    /// The account's positions; `None` on spot.
    pub(super) positions: Option<Positions>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

/// Groups instruments by venue, dialect and API key. `simulated` is where the embedded venue listens.
pub(super) fn group(
    config: &Config,
    credentials: &[Credentials],
    simulated: Option<SocketAddr>,
) -> Result<Vec<Account>, GuardError> {
    let mut accounts: BTreeMap<(&Venue, Dialect, &str), Account> = BTreeMap::new();
    // One way out of the process to each venue, however many accounts are there.
    let mut targets: BTreeMap<(&Venue, Dialect), (Target, u32)> = BTreeMap::new();
    for (place, (instrument, credential)) in config.instruments.iter().zip(credentials).enumerate() {
        let Some(target) = target_of(instrument, simulated)? else { continue };
        let api_key = credential.api_key.expose();
        let key = (&instrument.venue, target.dialect(), api_key);
        let (target, accounts_there) = targets.entry((key.0, key.1)).or_insert((target, 0));
        let account = accounts.entry(key).or_insert_with(|| Account {
            target: {
                *accounts_there += 1;
                target.clone()
            },
            on_address: 1,
            key: AccountKey::new(api_key, credential.secret.expose().as_bytes()),
            venue_name: venue_name(&instrument.venue),
            members: Vec::new(),
            is_embedded: instrument.venue == Venue::Simulated,
        });
        account.members.push(place);
    }
    let on_address = |(key, account): ((&Venue, Dialect, &str), Account)| {
        let accounts_there = targets.get(&(key.0, key.1)).map_or(1, |(_, accounts)| *accounts);
        Account { on_address: accounts_there, ..account }
    };
    Ok(accounts.into_iter().map(on_address).collect())
}

/// Where an instrument's orders go: the embedded venue speaks the dialect of its term.
fn target_of(instrument: &Instrument, simulated: Option<SocketAddr>) -> Result<Option<Target>, GuardError> {
    if let Some(target) = Target::of(&instrument.venue) {
        return Ok(Some(target));
    }
    let embedded = match instrument.rules.term {
        TermType::Spot => Target::simulated,
        TermType::Future => Target::simulated_futures,
    };
    simulated.map(embedded).transpose()
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
    pub(super) async fn probe(
        &self,
        config: &Config,
        start: &StartBoard,
        clock: &Clock,
    ) -> Result<Probed, Vec<Fault>> {
        let answers = self.answers(config, start, clock).await.map_err(|fault| vec![fault])?;
        let (clock_gate, facts) = answers;
        let member = |place: &usize| {
            let instrument = &config.instruments[*place];
            let of_symbol = facts.symbols.get(&instrument.maker_symbol);
            filters::check(&config.pointers[*place], instrument, of_symbol, facts.hedge_mode)
        };
        let faults: Vec<Fault> = self.members.iter().flat_map(member).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let stated: Vec<_> = facts.order_limits.iter().chain(&facts.weight_limit).copied().collect();
        let smallest = facts.symbols.iter().map(|(symbol, facts)| {
            (symbol.clone(), Smallest { qty: facts.min_qty, notional: facts.min_notional })
        });
        let offset_ms = clock_gate.offset(clock.now()).map_or(0, |(offset_ms, _)| offset_ms);
        Ok(Probed {
            clock_offset_ms: Arc::new(offset_ms.into()),
            clock_gate,
            limits: gateway::limits(&stated),
            smallest: smallest.collect(),
        })
    }

    /// Asks until the venue answers and its clock can be relied on; a refusal that no waiting mends is a fault of the
    /// key's first instrument.
    async fn answers(
        &self,
        config: &Config,
        start: &StartBoard,
        clock: &Clock,
    ) -> Result<(ClockGate, VenueFacts), Fault> {
        let mut backoff = Backoff::of_connection(u64::from(std::process::id()));
        loop {
            let unanswered = match self.ask(config, clock).await {
                Ok((gate, facts)) => match gate.verdict(clock.now()) {
                    Ok(()) => {
                        start.set_filters(&self.members, None);
                        start.set_clock(&self.members, None);
                        return Ok((gate, facts));
                    }
                    Err(trouble) => {
                        start.set_filters(&self.members, None);
                        start.set_clock(&self.members, Some(trouble));
                        Unanswered { what: trouble.to_string(), pause: Duration::ZERO }
                    }
                },
                Err(error) if is_final(&error) => {
                    let pointer = format!("{}/API KEY", config.pointers[self.members[0]]);
                    let message = format!("refused by the venue \"{}\": {error}", self.venue_name);
                    return Err(Fault::new(Code::Secret, pointer, message));
                }
                Err(error) => {
                    start.set_filters(&self.members, Some(error.to_string()));
                    Unanswered { what: error.to_string(), pause: error.wanted_silence() }
                }
            };
            let pause = backoff.after_failure().max(unanswered.pause);
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(venue = self.venue_name, pause_ms, "waiting for the venue: {}", unanswered.what);
            tokio::time::sleep(pause).await;
        }
    }

    /// What to keep the venue's dead man's switch with. Where it would cost too much of the rate limits there is none:
    /// orders leave without it unless it is demanded.
    pub(super) fn switch(
        &self,
        probed: &mut Probed,
        wanted: DeadManSwitch,
        lanes: Vec<SwitchLane>,
        sharers: u32,
    ) -> Option<SwitchParts> {
        if !switch::reserve(&self.target, lanes.len(), sharers, &mut probed.limits) {
            let venue = self.venue_name;
            tracing::warn!(
                venue,
                "no dead man's switch: renewals would cost more than a quarter of the limits"
            );
            if wanted == DeadManSwitch::Auto {
                lanes.iter().for_each(|lane| lane.hold.set_armed(Armed::Waived, Nanos(0), None));
            }
            return None;
        }
        Some(SwitchParts {
            target: self.target.clone(),
            account: self.key.clone(),
            clock_offset_ms: Arc::clone(&probed.clock_offset_ms),
            wanted,
            lanes,
        })
    }

    /// Starts the gateway.
    pub(super) fn start_gateway(
        self,
        probed: Probed,
        lanes: Vec<GatewayLane>,
        fence: Fence,
        means: Means,
        clock: Clock,
    ) -> GatewayHandle {
        let (commands, command_receiver) = mpsc::channel(COMMANDS_MAX);
        let (link_sender, link) = watch::channel(Link::Down);
        let positions = Positions::new(lanes.iter().map(|lane| lane.symbol.as_str()));
        let has_positions = self.target.dialect() == Dialect::BinanceUsdm;
        let parts = GatewayParts {
            target: self.target,
            account: self.key,
            recv_window_ms: u32::try_from(RECV_WINDOW.as_millis()).expect("two seconds fit"),
            clock_offset_ms: probed.clock_offset_ms,
            limits: probed.limits,
            sharers: means.sharers,
            lanes,
            commands: command_receiver,
            link: link_sender,
            positions: positions.clone(),
            journal: means.journal,
            bounds: means.bounds,
        };
        let task = tokio::spawn(gateway::run(parts, fence, clock));
        GatewayHandle { commands, link, positions: has_positions.then_some(positions), task }
    }

    async fn ask(&self, config: &Config, clock: &Clock) -> Result<(ClockGate, VenueFacts), RestError> {
        let rest = RestClient::new(self.target.clone());
        let offset = start::clock_offset(&rest, clock).await?;
        let mut gate = ClockGate::default();
        gate.handle_measured(offset.offset_ms, offset.round_trip, clock.now());
        let symbols: Vec<&str> =
            self.members.iter().map(|place| config.instruments[*place].maker_symbol.as_str()).collect();
        let venue_ms = || clock.now().wall_ms + offset.offset_ms;
        let account = self.key.account();
        let facts = match self.target.dialect() {
            Dialect::BinanceSpot | Dialect::Okx => {
                binance_spot::start::read_facts(&rest, account, &symbols, venue_ms()).await?
            }
            Dialect::BinanceUsdm => {
                let facts = binance_usdm::start::read_facts(&rest, account, &symbols, venue_ms).await?;
                self.settle(config, &rest, facts, venue_ms).await?
            }
        };
        Ok((gate, facts))
    }

    /// Settings of a futures account: its position mode where the venue is ours, each symbol's leverage.
    async fn settle(
        &self,
        config: &Config,
        rest: &RestClient,
        mut facts: VenueFacts,
        venue_ms: impl Fn() -> i64,
    ) -> Result<VenueFacts, RestError> {
        let account = self.key.account();
        let wanted = filters::wants_hedge_mode(config.instruments[self.members[0]].rules.position_side);
        if self.is_embedded && facts.hedge_mode != Some(wanted) {
            binance_usdm::start::set_hedge_mode(rest, account, wanted, venue_ms()).await?;
            facts.hedge_mode = Some(wanted);
        }
        for place in &self.members {
            let instrument = &config.instruments[*place];
            let (symbol, leverage) = (&instrument.maker_symbol, instrument.rules.leverage);
            if !facts.symbols.contains_key(symbol) {
                continue;
            }
            let Some(leverage) = whole_leverage(leverage) else {
                tracing::warn!(symbol, %leverage, "no leverage of the venue's (want 1 to 125): its own stays");
                continue;
            };
            let set = binance_usdm::start::set_leverage(rest, account, symbol, leverage, venue_ms()).await;
            match set {
                Err(error) if error.is_refusal() => {
                    tracing::warn!(symbol, leverage, %error, "the venue's own leverage stays");
                }
                set => set?,
            }
        }
        Ok(facts)
    }
}

/// A leverage that a venue knows: whole, 1 to 125.
fn whole_leverage(leverage: Decimal) -> Option<u8> {
    let whole = u8::try_from(leverage.to_steps_exact(0)?).ok()?;
    (1..=125).contains(&whole).then_some(whole)
}

/// Whether the same question would be refused for ever.
fn is_final(error: &RestError) -> bool {
    let is_auth = |error: &RestError| matches!(error, RestError::Api { error, .. } if error.class() == ErrorClass::Auth);
    error.is_refusal() || is_auth(error)
}
