//! One account at a venue: what it asks of the venue at the start, and its gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use pipeline::gateway::{Alone, LaneId, RateLimit};
use schemas::config::{Code, Fault, Instrument, Venue};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Credentials;
use crate::venue::backoff::Backoff;
use crate::venue::binance_spot::account::AccountKey;
use crate::venue::binance_spot::gateway::{self, GatewayLane, GatewayParts, Link};
use crate::venue::binance_spot::rest::{RestClient, RestError};
use crate::venue::binance_spot::start::{self, SymbolFacts, VenueFacts};
use crate::venue::guard::Target;

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
}

/// What the venue said before the first order.
#[derive(Debug)]
pub(super) struct Probed {
    clock_offset_ms: i64,
    limits: Vec<RateLimit>,
}

/// The lanes' side of a gateway.
#[derive(Debug)]
pub(super) struct GatewayHandle {
    pub(super) commands: mpsc::Sender<(LaneId, pipeline::command::Command)>,
    pub(super) link: watch::Receiver<Link>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

/// Groups instruments by account. `simulated` is where the embedded venue listens.
pub(super) fn group(
    instruments: &[Instrument],
    credentials: &[Credentials],
    simulated: Option<&Target>,
) -> Vec<Account> {
    let mut accounts: BTreeMap<(String, Vec<u8>), Account> = BTreeMap::new();
    for (place, (instrument, credential)) in instruments.iter().zip(credentials).enumerate() {
        let Some(target) = Target::of(&instrument.venue).or_else(|| simulated.cloned()) else { continue };
        let api_key = credential.api_key.expose();
        let entry = accounts.entry((format!("{:?}", instrument.venue), api_key.as_bytes().to_vec()));
        let account = entry.or_insert_with(|| Account {
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
    /// Asks the venue for filters, limits, self-trade prevention and time; a venue that is away is waited for.
    ///
    /// What stands in the way of trading comes back as faults, all at once.
    pub(super) async fn probe(
        &self,
        instruments: &[Instrument],
        clock: &Clock,
    ) -> Result<Probed, Vec<Fault>> {
        let mut backoff = Backoff::of_connection(u64::from(std::process::id()));
        let (offset_ms, facts) = loop {
            match self.ask(instruments, clock).await {
                Ok(answers) => break answers,
                Err(error @ RestError::Api { .. }) => {
                    return Err(vec![Fault::new(Code::Secret, self.venue_name, error.to_string())]);
                }
                Err(error) => tracing::warn!(venue = self.venue_name, %error, "waiting for the venue"),
            }
            tokio::time::sleep(backoff.after_failure()).await;
        };
        let faults: Vec<Fault> = self
            .members
            .iter()
            .flat_map(|place| {
                check(*place, &instruments[*place], facts.symbols.get(&instruments[*place].maker_symbol))
            })
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let stated: Vec<_> = facts.order_limits.iter().chain(&facts.weight_limit).copied().collect();
        Ok(Probed { clock_offset_ms: offset_ms, limits: gateway::limits(&stated) })
    }

    /// Starts the gateway.
    pub(super) fn start_gateway(
        self,
        probed: Probed,
        lanes: Vec<GatewayLane>,
        clock: Clock,
    ) -> GatewayHandle {
        let (commands, command_receiver) = mpsc::channel(COMMANDS_MAX);
        let (link_sender, link) = watch::channel(Link::Down);
        let parts = GatewayParts {
            target: self.target,
            account: self.key,
            recv_window_ms: u32::try_from(RECV_WINDOW.as_millis()).unwrap_or(5_000),
            clock_offset_ms: probed.clock_offset_ms,
            limits: probed.limits,
            lanes,
            commands: command_receiver,
            link: link_sender,
        };
        let task = tokio::spawn(gateway::run(parts, Alone, clock));
        GatewayHandle { commands, link, task }
    }

    async fn ask(&self, instruments: &[Instrument], clock: &Clock) -> Result<(i64, VenueFacts), RestError> {
        let rest = RestClient::new(self.target.clone());
        let offset = start::clock_offset(&rest, clock).await?;
        let symbols: Vec<&str> =
            self.members.iter().map(|place| instruments[*place].maker_symbol.as_str()).collect();
        let venue_ms = clock.now().wall_ms + offset.offset_ms;
        let facts = start::read_facts(&rest, self.key.account(), &symbols, venue_ms).await?;
        Ok((offset.offset_ms, facts))
    }
}

/// What keeps an instrument from trading on its venue.
fn check(place: usize, instrument: &Instrument, facts: Option<&SymbolFacts>) -> Vec<Fault> {
    let symbol = &instrument.maker_symbol;
    let Some(facts) = facts else {
        let message = format!("the venue has no such symbol (got {symbol:?})");
        return vec![Fault::new(Code::Filters, format!("/{place}/Maker Symbol"), message)];
    };
    let mut faults = Vec::new();
    for (key, ours, theirs, step) in [
        ("Price Decimals", instrument.rules.price_decimals, facts.price_decimals(), facts.tick),
        ("Qty Decimals", instrument.rules.qty_decimals, facts.qty_decimals(), facts.step),
    ] {
        if ours > theirs {
            let message = format!(
                "finer than the venue's filter for {symbol} (got {ours}, want at most {theirs}: its step is {step})"
            );
            faults.push(Fault::new(Code::Filters, format!("/{place}/{key}"), message));
        }
    }
    if !facts.none_allowed {
        let why = if facts.account_requires_stp {
            "the account requires self-trade prevention".to_owned()
        } else {
            format!("{symbol} allows {} and not NONE", facts.allowed_stp.join(", "))
        };
        let message = format!(
            "self-trade prevention stands in the way: {why}; the venue's operator, or the embedded venue, can allow it"
        );
        faults.push(Fault::new(Code::Filters, format!("/{place}/Maker Symbol"), message));
    }
    if !facts.trading {
        let message = format!("{symbol} does not trade now");
        faults.push(Fault::new(Code::Filters, format!("/{place}/Maker Symbol"), message));
    }
    faults
}
