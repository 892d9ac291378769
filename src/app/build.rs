//! From a configuration to everything running.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pipeline::book::Top;
use pipeline::chance::Chance;
use pipeline::gateway::{LaneId, Link};
use pipeline::instrument::Settings;
use pipeline::position::Position;
use pipeline::probe::Smallest;
use pipeline::rules::Rules;
use pipeline::time::Nanos;
use schemas::config::{Code, Config, Dialect, Fault, Instrument, Process, TermType, Venue};
use schemas::ids::Epoch;
use schemas::units::Rounding;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::account::{self, Account, ClockFollower, FilterWatch, GatewayHandle, Listed, Means, RECV_WINDOW};
use super::bounds;
use super::embedded;
use super::error::StartError;
use super::fleet::{Fleet, Leases};
use super::journal::{self, Opened};
use super::ledger::Ledger;
use super::options::RunOptions;
use super::running::{Failed, FeedPlan, Running};
use super::takeover::{self, Takeovers, Watched};
use crate::admin::{self, Admin};
use crate::book::{self, Books, SymbolTop};
use crate::clock::Clock;
use crate::config::Credentials;
use crate::feed::{self, FeedCounters, Route};
use crate::halt::state::{self, StateFile};
use crate::halt::{FileWatch, HaltBoard, HaltSignal};
use crate::journal::Journal;
use crate::labels::{LabelSinks, LabelSource};
use crate::lane::{self, LaneEnd, LaneLinks, Making};
use crate::ownership::{Armed, Fence, Hold};
use crate::secret::Secret;
use crate::simulator::RunningVenue;
use crate::start::StartBoard;
use crate::status::AppStatus;
use crate::telemetry::pulse::{Pulse, Watch};
use crate::telemetry::recorder::{Record, Recorder};
use crate::telemetry::stats::LaneStats;
use crate::venue::binance::gateway::GatewayLane;
use crate::venue::binance::positions::Positions;
use crate::venue::binance::switch::{self, SwitchLane};
use crate::venue::egress::Egress;
use crate::venue::guard::{Endpoint, Target};

/// Ticks that may wait for a lane's task to run; beyond that they count as overflow.
const TICKS_MAX: usize = 4_096;
/// Reports that may wait for a lane's task: far more than one pair can bring about.
const REPORTS_MAX: usize = 4_096;
/// `mode=get` without an Interval polls this often.
const POLL_DEFAULT: Duration = Duration::from_secs(1);

/// Builds everything and starts it but for the feed, which comes last, when the rest is ready.
pub(super) async fn start(
    config: Config,
    credentials: Vec<Credentials>,
    options: RunOptions,
    halt_signal: HaltSignal,
    clock: Clock,
) -> Result<Running, StartError> {
    refuse_what_cannot_run(&config)?;
    let fleet = Fleet::of(&config, options.shard).map_err(|fault| StartError::Config(vec![fault]))?;
    let (config, credentials) = fleet.cut(config, credentials);
    let Config { process, instruments, .. } = &config;
    let url = process.feed.clone().ok_or_else(no_feed)?;
    let source = feed::Source { url, reading: fleet.kafka(process, &options) };
    feed::check(&source).await?;
    let admin = process.admin_address.map(admin::bind).transpose()?;
    let venue = embedded::start(instruments)?;
    let simulated = venue.as_ref().map(RunningVenue::addr);
    let opened = journal::open(process, instruments, &fleet, clock).await?;
    let sinks = LabelSinks::new(process, &options.access);
    let predecessors = fleet.predecessors(sinks.clone());
    let recorder = tokio::task::spawn_blocking(move || Recorder::start(&sinks)).await;
    let recorder = recorder.map_err(anyhow::Error::from)??;
    let mut builder = Builder::new(&fleet, process, instruments, recorder.sender(), &opened, clock);
    builder.heart.spawn(halt_signal.obey(builder.halts.clone()));
    let halt_file = process.halt_file.clone().map(|path| FileWatch::start(path, builder.halts.clone()));
    let halt_file = halt_file.transpose()?;
    builder.heart.spawn(opened.journal.clone().tend());
    let pulse = Pulse::start(clock);
    builder.heart.spawn(pulse.clone().run());
    let watch = Watch::start(pulse.clone())?;
    let desk = builder.desk(options.access.admin_token.clone());
    let admin = admin.map(|bound| bound.serve(pulse.clone(), Some(desk))).transpose()?;
    let accounts = account::group(&config, &credentials, simulated).map_err(anyhow::Error::from)?;
    let probed = probe(accounts, &config, &builder.start, clock).await?;
    let ledgers = open_ledgers(instruments, &probed).await;
    for (account, facts) in probed {
        builder.start_account(account, facts);
    }
    let leases = fleet.take(process, instruments, &builder.holds, &options, opened.epochs, clock);
    let takeovers = takeover::start(std::mem::take(&mut builder.watched), predecessors)?;
    let counters = Arc::new(FeedCounters::default());
    let (feed_state, feed_state_receiver) = watch::channel(feed::FeedState::default());
    let status =
        builder.status(&recorder, Arc::clone(&counters), feed_state_receiver, pulse, leases.as_ref());
    if let Some(admin) = &admin {
        admin.show(status.clone());
    }
    let journal = opened.journal.clone();
    builder.heart.spawn(status.clone().watch_start());
    let parts = Parts {
        venue,
        ledgers,
        leases,
        takeovers,
        recorder,
        status,
        admin,
        watch,
        halt_file,
        counters,
        journal,
    };
    let feed = FeedPlan {
        source,
        routes: builder.routes(process),
        traded: opened.traded.clone(),
        state: feed_state,
    };
    Ok(builder.finish(feed, parts))
}

/// Asks every account's venue for what has to be known before the first order; all faults come together.
async fn probe(
    accounts: Vec<Account>,
    config: &Config,
    board: &StartBoard,
    clock: Clock,
) -> Result<Vec<(Account, account::Probed)>, StartError> {
    let (mut probed, mut faults) = (Vec::new(), Vec::new());
    for account in accounts {
        match account.probe(config, board, &clock).await {
            Ok(facts) => probed.push((account, facts)),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(probed) } else { Err(StartError::Config(faults)) }
}

/// What [`Builder::finish`] puts together with its own.
pub(super) struct Parts {
    pub(super) venue: Option<RunningVenue>,
    pub(super) ledgers: Vec<Option<Ledger>>,
    pub(super) leases: Option<Leases>,
    pub(super) takeovers: Option<Takeovers>,
    pub(super) recorder: Recorder,
    pub(super) status: AppStatus,
    pub(super) admin: Option<Admin>,
    pub(super) watch: Watch,
    pub(super) halt_file: Option<FileWatch>,
    pub(super) counters: Arc<FeedCounters>,
    pub(super) journal: Journal,
}

fn refuse_what_cannot_run(config: &Config) -> Result<(), StartError> {
    let later = |(place, instrument): (usize, &Instrument)| {
        let what = match &instrument.venue {
            Venue::OkxDemo => "no client for this venue yet",
            Venue::Staging { dialect: Dialect::Okx, .. } => "no client for this dialect yet",
            Venue::Simulated
            | Venue::BinanceSpotTestnet
            | Venue::BinanceUsdmTestnet
            | Venue::Staging { dialect: Dialect::BinanceSpot | Dialect::BinanceUsdm, .. } => return None,
        };
        Some(Fault::new(
            Code::Later,
            format!("{}/Maker Exchange", config.pointers[place]),
            format!("{}: {what}", instrument.maker_symbol),
        ))
    };
    let faults: Vec<Fault> = config.instruments.iter().enumerate().filter_map(later).collect();
    if faults.is_empty() { Ok(()) } else { Err(StartError::Config(faults)) }
}

fn no_feed() -> StartError {
    let message = "no feed (want one here or by --feed: redis://, tape:, synthetic:)";
    StartError::Config(vec![Fault::new(Code::Type, "/Feed", message)])
}

/// One ledger a venue, where all of them may keep one: embedded and staging venues do, public ones do not.
async fn open_ledgers(
    instruments: &[Instrument],
    probed: &[(Account, account::Probed)],
) -> Vec<Option<Ledger>> {
    let private =
        |instrument: &Instrument| matches!(instrument.venue, Venue::Simulated | Venue::Staging { .. });
    if !instruments.iter().all(private) {
        return Vec::new();
    }
    let mut targets: Vec<&Target> = Vec::new();
    for (account, _) in probed {
        // One venue may be spoken to in two dialects; its ledger holds both.
        let host = account.target.host(Endpoint::Rest);
        if !targets.iter().any(|known| known.host(Endpoint::Rest) == host) {
            targets.push(&account.target);
        }
    }
    let mut ledgers = Vec::new();
    for target in targets {
        ledgers.push(Ledger::open(target.clone()).await);
    }
    ledgers
}

/// What a lane hears besides its ticks.
struct LaneInputs {
    reports: mpsc::Receiver<pipeline::event::OrderReport>,
    top: watch::Receiver<Option<Top>>,
    doubt: Arc<AtomicBool>,
    /// What the venue asks of the smallest order.
    smallest: Smallest,
}

/// Lanes, books and gateways as they come into being.
pub(super) struct Builder<'a> {
    fleet: &'a Fleet,
    process: &'a Process,
    instruments: &'a [Instrument],
    records: mpsc::Sender<Record>,
    opened: &'a Opened,
    clock: Clock,
    holds: Vec<Arc<Hold>>,
    halts: HaltBoard,
    start: StartBoard,
    stop: watch::Sender<bool>,
    give_up: watch::Sender<bool>,
    lanes: JoinSet<LaneEnd>,
    ticks: BTreeMap<usize, mpsc::Sender<pipeline::event::FeedTick>>,
    tops: Vec<(String, watch::Receiver<Option<Top>>)>,
    book_stop: watch::Sender<bool>,
    books: Vec<Books>,
    heart: JoinSet<()>,
    gateways: Vec<GatewayHandle>,
    links: Vec<(&'static str, watch::Receiver<Link>)>,
    egresses: Vec<(&'static str, Egress)>,
    stats: Vec<Arc<LaneStats>>,
    /// In the order of `stats`.
    lane_holds: Vec<Arc<Hold>>,
    /// In the order of `stats`; `None` on spot.
    positions: Vec<Option<Positions>>,
    /// Instruments whose venue keeps a ledger that outlives us.
    watched: Vec<Watched>,
    /// In the order of `stats`: places in the configuration.
    places: Vec<usize>,
    /// In the order of `stats`: what their gateways can do.
    lane_links: Vec<watch::Receiver<Link>>,
}

impl<'a> Builder<'a> {
    fn new(
        fleet: &'a Fleet,
        process: &'a Process,
        instruments: &'a [Instrument],
        records: mpsc::Sender<Record>,
        opened: &'a Opened,
        clock: Clock,
    ) -> Self {
        let holds: Vec<Arc<Hold>> = instruments.iter().map(|_| Hold::new()).collect();
        let members = instruments.iter().zip(&holds);
        let members = members.map(|(one, hold)| (one.maker_symbol.clone(), Arc::clone(hold))).collect();
        let symbols = instruments.iter().map(|instrument| instrument.maker_symbol.as_str());
        Self {
            halts: HaltBoard::open(members, halt_state(process), opened.journal.clone()),
            start: StartBoard::new(symbols, clock),
            fleet,
            process,
            instruments,
            records,
            opened,
            clock,
            holds,
            stop: watch::Sender::new(false),
            give_up: watch::Sender::new(false),
            lanes: JoinSet::new(),
            ticks: BTreeMap::new(),
            tops: Vec::new(),
            book_stop: watch::Sender::new(false),
            books: Vec::new(),
            heart: JoinSet::new(),
            gateways: Vec::new(),
            links: Vec::new(),
            egresses: Vec::new(),
            stats: Vec::new(),
            lane_holds: Vec::new(),
            positions: Vec::new(),
            watched: Vec::new(),
            places: Vec::new(),
            lane_links: Vec::new(),
        }
    }

    /// What the admin server can show and be told before there is a status.
    fn desk(&self, token: Option<Secret>) -> admin::Desk {
        admin::Desk { start: self.start.clone(), halts: self.halts.clone(), token }
    }

    /// One account's gateway and the lanes behind it.
    fn start_account(&mut self, account: Account, mut probed: account::Probed) {
        self.keep_switch(&account, &mut probed);
        let (venue_name, target, members) =
            (account.venue_name, account.target.clone(), account.members.clone());
        let (lanes, receivers): (Vec<GatewayLane>, Vec<_>) =
            members.iter().map(|place| gateway_lane(self.process, &self.instruments[*place])).unzip();
        self.heart.spawn(account::follow_clock(ClockFollower {
            target: target.clone(),
            venue: venue_name,
            offset_ms: Arc::clone(&probed.clock_offset_ms),
            gate: probed.clock_gate,
            places: members.clone(),
            holds: members.iter().map(|place| Arc::clone(&self.holds[*place])).collect(),
            start: self.start.clone(),
            clock: self.clock,
        }));
        let (key, offset_ms) = (account.key.clone(), Arc::clone(&probed.clock_offset_ms));
        let smallest: Vec<Smallest> = members
            .iter()
            .map(|place| {
                probed.smallest.get(&self.instruments[*place].maker_symbol).copied().unwrap_or_default()
            })
            .collect();
        let bounds = bounds::of_account(self.process, self.instruments, &members, account.on_address);
        let holds = members.iter().map(|place| Arc::clone(&self.holds[*place])).collect();
        let fence = Fence::new(holds, self.clock);
        let (sharers, journal) = (self.process.shards, self.opened.journal.clone());
        let means = Means { sharers, journal, bounds };
        let handle = account.start_gateway(probed, lanes, fence, means, self.clock);
        let mut books = Vec::new();
        for (lane, (place, reports)) in members.iter().zip(receivers).enumerate() {
            let (top_sender, top) = watch::channel(None);
            let symbol = self.instruments[*place].maker_symbol.clone();
            let doubt = Arc::<AtomicBool>::default();
            let claim = Some(self.holds[*place].claim());
            self.watch(*place, &target);
            books.push(SymbolTop { symbol, top: top_sender, claim, doubt: Arc::clone(&doubt) });
            self.start_lane(
                *place,
                LaneId(lane),
                venue_name,
                &handle,
                LaneInputs { reports, top, doubt, smallest: smallest[lane] },
            );
        }
        self.heart.spawn(account::follow_filters(FilterWatch {
            target: target.clone(),
            key,
            offset_ms,
            members: self.listed(&members),
            start: self.start.clone(),
            clock: self.clock,
        }));
        self.books.push(book::spawn(&target, books, self.clock, &self.book_stop.subscribe()));
        self.links.push((venue_name, handle.link.clone()));
        if !self.egresses.iter().any(|(_, known)| known.is_same(target.egress())) {
            self.egresses.push((venue_name, target.egress().clone()));
        }
        self.gateways.push(handle);
    }

    /// The lanes that were started last, for the watch over their filters.
    fn listed(&self, members: &[usize]) -> Vec<Listed> {
        let stats = &self.stats[self.stats.len() - members.len()..];
        let listed = |(place, stats): (&usize, &Arc<LaneStats>)| Listed {
            place: *place,
            instrument: self.instruments[*place].clone(),
            hold: Arc::clone(&self.holds[*place]),
            stats: Arc::clone(stats),
            refused: 0,
            unfit: false,
        };
        members.iter().zip(stats).map(listed).collect()
    }

    /// Keeps the venue's dead man's switch armed for these instruments, if it has one.
    fn keep_switch(&mut self, account: &Account, probed: &mut account::Probed) {
        let wanted = self.process.dead_man_switch;
        if !switch::is_expected(&account.target, wanted) {
            return;
        }
        let lane = |place: &usize| SwitchLane {
            symbol: self.instruments[*place].maker_symbol.clone(),
            prefix: self.instruments[*place].prefix(&self.process.instance),
            hold: Arc::clone(&self.holds[*place]),
        };
        let lanes: Vec<SwitchLane> = account.members.iter().map(lane).collect();
        lanes.iter().for_each(|lane| lane.hold.set_armed(Armed::No, Nanos(0), None));
        if let Some(parts) = account.switch(probed, wanted, lanes, self.process.shards) {
            self.heart.spawn(switch::run(parts, self.clock));
        }
    }

    fn watch(&mut self, place: usize, target: &Target) {
        let instrument = &self.instruments[place];
        if matches!(instrument.venue, Venue::Staging { .. }) {
            let prefix = instrument.prefix(&self.process.instance);
            let hold = Arc::clone(&self.holds[place]);
            self.watched.push(Watched { target: target.clone(), prefix, hold });
        }
    }

    fn start_lane(
        &mut self,
        place: usize,
        lane: LaneId,
        venue_name: &str,
        gateway: &GatewayHandle,
        LaneInputs { reports, top, doubt, smallest }: LaneInputs,
    ) {
        let instrument = &self.instruments[place];
        let follow_key = instrument.follow_key(&self.process.ticker_prefix);
        let stats = LaneStats::new(&instrument.maker_symbol, venue_name, &follow_key);
        let (ticks, tick_receiver) = mpsc::channel(TICKS_MAX);
        self.tops.push((instrument.maker_symbol.clone(), top.clone()));
        let links = LaneLinks {
            lane,
            ticks: tick_receiver,
            top,
            doubt,
            reports,
            hold: Arc::clone(&self.holds[place]),
            claim: self.holds[place].claim(),
            barred: self.holds[place].barred(),
            halts: self.halts.clone(),
            armed: self.holds[place].arming().armed(),
            link: gateway.link.clone(),
            commands: gateway.commands.clone(),
            records: self.records.clone(),
            journal: self.opened.journal.clone(),
            stats: Arc::clone(&stats),
            source: Arc::new(LabelSource {
                instance: self.process.instance.clone(),
                venue: venue_name.to_owned(),
                maker_symbol: instrument.maker_symbol.clone(),
                follow_key,
                price_decimals: instrument.rules.price_decimals,
            }),
            stop: self.stop.subscribe(),
            taken: 0,
            recovers_at: None,
        };
        let making = Making {
            settings: self.settings(instrument),
            in_doubt: self.opened.in_doubt(instrument.prefix(&self.process.instance)).to_vec(),
            probe: instrument.probes().then_some(smallest),
            orders_a_second: bounds::orders_a_second(instrument),
            position: Position::new(Some(bounds::position(instrument))),
        };
        stats.store_start(making.first_probe(), false);
        self.lanes.spawn(lane::supervise(making, links, self.clock, self.give_up.subscribe()));
        self.places.push(place);
        self.lane_links.push(gateway.link.clone());
        self.ticks.insert(place, ticks);
        self.stats.push(stats);
        self.lane_holds.push(Arc::clone(&self.holds[place]));
        self.positions.push(gateway.positions.clone());
    }

    fn settings(&self, instrument: &Instrument) -> Settings {
        Settings {
            rules: Rules::new(instrument.rules.clone()),
            contract_size: counts_base_asset(instrument).then_some(instrument.rules.contract_size),
            conflate: instrument.conflate,
            on_quiet: instrument.on_quiet,
            tick_age_max: Duration::from_millis(instrument.max_tick_age_ms),
            book_age_max: Duration::from_millis(instrument.max_book_age_ms),
            recv_window: RECV_WINDOW,
            strangers_max: instrument.max_foreign_fill_ratio,
            prefix: instrument.prefix(&self.process.instance),
            epoch: Epoch::new(0),
            chance: Chance::new(self.process.seed, &instrument.maker_symbol),
        }
    }

    /// One route a follow key, with all the lanes that follow it.
    fn routes(&mut self, process: &Process) -> Vec<Route> {
        let mut routes: BTreeMap<String, Route> = BTreeMap::new();
        for (place, ticks) in std::mem::take(&mut self.ticks) {
            let instrument = &self.instruments[place];
            let follow_key = instrument.follow_key(&process.ticker_prefix);
            let interval_ms = instrument.rules.interval.to_steps(3, Rounding::Up).unwrap_or(0);
            let poll = u64::try_from(interval_ms).map(Duration::from_millis).unwrap_or(POLL_DEFAULT);
            let route = routes.entry(follow_key.clone()).or_insert_with(|| Route {
                follow_key,
                follow_symbol: instrument.follow_symbol.clone(),
                poll: if poll.is_zero() { POLL_DEFAULT } else { poll },
                lanes: Vec::new(),
                holds: Vec::new(),
            });
            route.lanes.push(ticks);
            route.holds.push(Arc::clone(&self.holds[place]));
        }
        routes.into_values().collect()
    }

    fn status(
        &self,
        recorder: &Recorder,
        counters: Arc<FeedCounters>,
        feed: watch::Receiver<feed::FeedState>,
        pulse: Pulse,
        leases: Option<&Leases>,
    ) -> AppStatus {
        AppStatus {
            clock: self.clock,
            started: self.clock.now(),
            lanes: self.stats.clone(),
            holds: self.lane_holds.clone(),
            positions: self.positions.clone(),
            configured: self.fleet.configured(),
            shard: self.fleet.shown(),
            leases: leases.map(Leases::status),
            tops: self.tops.clone(),
            links: self.links.clone(),
            egresses: self.egresses.clone(),
            feed,
            counters,
            recorded: recorder.recorded(),
            journal: self.opened.journal.clone(),
            halts: self.halts.clone(),
            start: self.start.clone(),
            places: self.places.clone(),
            lane_links: self.lane_links.clone(),
            pulse,
            started_up: Arc::default(),
            stopping: Arc::default(),
            leave: Arc::default(),
        }
    }

    fn finish(self, feed: FeedPlan, parts: Parts) -> Running {
        Running {
            clock: self.clock,
            stop_lanes: self.stop,
            give_up: self.give_up,
            lanes: self.lanes,
            ends: Vec::new(),
            feed_plan: Some(feed),
            feed: None,
            failed: Failed {
                labels: parts.recorder.failed(),
                journal: parts.journal.failed(),
                halt_file: parts.halt_file.as_ref().map(FileWatch::failed).unwrap_or_default(),
            },
            gateways: self.gateways,
            book_stop: self.book_stop,
            books: self.books,
            heart: self.heart,
            parts,
        }
    }
}

/// Contracts are sent as what they hold of the base asset; OKX counts contracts.
fn counts_base_asset(instrument: &Instrument) -> bool {
    let is_future = instrument.rules.term == TermType::Future;
    is_future && instrument.venue.dialect() != Some(Dialect::Okx)
}

fn gateway_lane(
    process: &Process,
    instrument: &Instrument,
) -> (GatewayLane, mpsc::Receiver<pipeline::event::OrderReport>) {
    let (reports, receiver) = mpsc::channel(REPORTS_MAX);
    let lane = GatewayLane {
        symbol: instrument.maker_symbol.clone(),
        prefix: instrument.prefix(&process.instance),
        price_decimals: instrument.rules.price_decimals,
        venue: account::venue_name(&instrument.venue),
        follow_key: instrument.follow_key(&process.ticker_prefix),
        reports,
    };
    (lane, receiver)
}

/// Where halts outlast the process: where it is said, or beside the journal.
fn halt_state(process: &Process) -> Option<StateFile> {
    let beside = process.journal.as_ref().map(|folder| folder.join(state::NAME));
    process.halt_state.clone().or(beside).map(StateFile::new)
}
