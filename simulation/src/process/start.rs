//! A process begins: as src/app builds one.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pipeline::gateway::{Bounds, Gateway, GatewaySettings, LaneBounds, RateLimit, RateLimitKind, Weights};
use pipeline::instrument::{Instrument, Settings};
use pipeline::probe::Smallest;
use schemas::ids::ClientOrderId;
use schemas::journal::Traded;
use self_trader::clock::Clock;
use self_trader::feed::dedupe::Seens;
use self_trader::journal::{Owner, Recovered};
use self_trader::ownership::{Fence, Hold, epoch_after};

use super::gateway::{ANSWER_PATIENCE, Guard, Session};
use super::journal::Journal;
use super::keeper::Keeper;
use super::lane::Lane;
use super::switch::Switches;
use super::time::ClockFollower;
use super::{Effect, Process};
use crate::clock::LocalClock;
use crate::disk::SimDisk;
use crate::sabotage::Sabotage;
use crate::setup::{PRICE_DECIMALS, Setup};
use crate::wall_ms;

/// The most requests on their way.
const INFLIGHT_MAX: usize = 4_096;

/// The most orders a second of one instrument.
const ORDERS_A_SECOND: u32 = 10;

/// What a process begins with.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// The world.
    pub setup: &'a Setup,
    /// Which process of it.
    pub process: usize,
    /// The how manieth in its place.
    pub life: u32,
    /// Its disk.
    pub disk: SimDisk,
    /// Its clocks.
    pub clock: LocalClock,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
    /// Now.
    pub at: u64,
}

/// The venue's limits, as it states them.
#[must_use]
pub fn limits() -> Vec<RateLimit> {
    vec![
        RateLimit { kind: RateLimitKind::Orders, interval_ms: 10_000, count: 100 },
        RateLimit { kind: RateLimitKind::Weight, interval_ms: 60_000, count: 6_000 },
    ]
}

impl Process {
    /// Starts.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn start(beginning: Beginning<'_>) -> Result<Self, String> {
        let Beginning { setup, process, life, disk, clock, sabotage, at } = beginning;
        let (own, now) = (&setup.processes[process], clock.now(at));
        let owner = Owner {
            instance: "sim".to_owned(),
            shard: own.ordinal,
            shards: u32::from(!setup.is_alone) + 1,
            venues: vec!["simulated".to_owned()],
        };
        let opened = Journal::open(disk, &owner, life, now.wall_ms);
        let (journal, recovered) = opened.map_err(|error| error.to_string())?;
        let seed = (process as u64) << 32 | u64::from(life);
        let holds: Vec<Arc<Hold>> = own.symbols.iter().map(|_| Hold::new()).collect();
        if setup.is_alone {
            let epoch =
                recovered.epoch().unwrap_or_else(|| epoch_after(recovered.highest_epoch(), now.wall_ms));
            holds.iter().for_each(|hold| hold.begin_alone(epoch));
        }
        recovered
            .highest_epoch()
            .into_iter()
            .for_each(|floor| holds.iter().for_each(|hold| hold.outgrow_owner(floor)));
        let present = Arc::new(AtomicU64::new(now.mono.0));
        let guard = Guard {
            fence: Fence::new(holds.clone(), Clock::start()),
            holds: holds.clone(),
            now: Arc::clone(&present),
            sabotage,
        };
        let machine = machine(setup, &own.symbols, guard);
        let offset_ms = wall_ms(at) - now.wall_ms;
        let traded = if sabotage == Some(Sabotage::ForgetTraded) { Vec::new() } else { recovered.traded() };
        let lane = |(symbol, hold): (&usize, &Arc<Hold>)| {
            let settings = settings(&setup.symbols[*symbol], sabotage);
            let mut instrument = instrument(settings, &recovered);
            if setup.probes {
                instrument.probe_first(Smallest::default());
            }
            Lane::new(*symbol, instrument, Arc::clone(hold))
        };
        Ok(Self {
            lanes: own.symbols.iter().zip(&holds).map(lane).collect(),
            seens: own.symbols.iter().map(|symbol| seens(&setup.symbols[*symbol], &traded)).collect(),
            session: Session::new(machine, own.symbols.len(), offset_ms, seed, sabotage),
            follower: ClockFollower::new(&holds, offset_ms, now),
            switches: setup.switch.map(|switch| Switches::new(&holds, switch.times, sabotage)),
            present,
            keeper: (!setup.is_alone).then(|| Keeper::new(holds, seed, sabotage)),
            journal,
            commands: std::collections::VecDeque::new(),
            stop: false,
            stop_by: None,
            sabotage,
            duplicates: 0,
            clock,
            effects: vec![Effect::Connect { link: 1, after: std::time::Duration::ZERO }],
            notes: Vec::new(),
        })
    }
}

fn machine(setup: &Setup, symbols: &[usize], guard: Guard) -> Gateway<Guard> {
    let settings = GatewaySettings {
        lanes: symbols.iter().map(|symbol| setup.symbols[*symbol].prefix).collect(),
        limits: limits(),
        answer_patience: ANSWER_PATIENCE,
        inflight_max: INFLIGHT_MAX,
        sharers: u32::try_from(setup.processes.len()).unwrap_or(1),
        weights: Weights { cancel: 1, query: 4, list: 6 },
        lists_beside: setup.is_usdm,
    };
    let lane = LaneBounds { orders_a_second: Some(ORDERS_A_SECOND), price_decimals: PRICE_DECIMALS };
    let bounds = Bounds { lanes: vec![lane; symbols.len()], ..Bounds::default() };
    let mut machine = Gateway::new(settings, guard).bounded(&bounds);
    machine.handle_events(!setup.is_usdm);
    machine
}

fn settings(settings: &Settings, sabotage: Option<Sabotage>) -> Settings {
    let mut settings = settings.clone();
    if sabotage == Some(Sabotage::IgnoreAges) {
        let hour = std::time::Duration::from_secs(3_600);
        (settings.tick_age_max, settings.book_age_max) = (hour, hour);
    }
    settings
}

fn instrument(settings: Settings, recovered: &Recovered) -> Instrument {
    let ours = |id: &ClientOrderId| id.prefix() == settings.prefix;
    let in_doubt: Vec<ClientOrderId> = recovered.in_doubt().into_iter().filter(ours).collect();
    let mut instrument = Instrument::idle(settings);
    instrument.close_out(&in_doubt);
    instrument
}

fn seens(settings: &Settings, traded: &[Traded]) -> Seens {
    let mut seens = Seens::default();
    let ours = |traded: &&Traded| traded.key == settings.prefix.as_str();
    traded.iter().filter(ours).for_each(|traded| seens.restore(traded));
    seens
}
