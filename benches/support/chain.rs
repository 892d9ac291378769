//! Instruments with their gateway's machine and its encoder: what lies between a decoded tick and the bytes
//! of its two orders, without the sockets, the tasks and the signature.

use std::time::Duration;

use pipeline::book::{Level, Top};
use pipeline::chance::Chance;
use pipeline::command::{Command, PlaceLeg};
use pipeline::event::FeedTick;
use pipeline::gateway::{
    Alone, Answer, Gateway, GatewaySettings, LaneId, Outgoing, RateLimit, RateLimitKind, Weights,
};
use pipeline::instrument::{Instrument, Phase, Settings};
use pipeline::rules::Rules;
use pipeline::time::{Nanos, Now};
use schemas::config::{
    Conflate, EmptyBook, OnQuiet, Placement, RuleParams, SamePolicy, SidePolicy, TermType,
};
use schemas::ids::{Epoch, InstrumentPrefix};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::tick::{Tick, TickId};
use schemas::units::Decimal;
use schemas::wire::binance::encode::Account;
use schemas::wire::binance::request::Sign;
use schemas::wire::order_update::{Fill, OrderUpdate};
use self_trader::venue::binance::gateway::GatewayLane;
use self_trader::venue::binance_spot::wire::Encoder;
use tokio::sync::mpsc;

const PRICE_DECIMALS: u8 = 2;
const QTY_DECIMALS: u8 = 6;
const WALL_MS: i64 = 1_800_000_000_000;

/// Instruments that share an account, swept and following live books.
pub(crate) struct Chain {
    instruments: Vec<Instrument>,
    gateway: Gateway<Alone>,
    encoder: Encoder,
    lanes: Vec<GatewayLane>,
    now: Now,
    /// The two orders of each instrument's pair in flight, as they left.
    sent: Vec<[Option<Outgoing>; 2]>,
    update_id: u64,
}

/// Writes zeros where a signature belongs.
struct Zeros;

impl Sign for Zeros {
    fn sign(&self, _payload: &[u8], hex_out: &mut [u8; 64]) {
        hex_out.fill(b'0');
    }
}

impl Chain {
    pub(crate) fn new(instruments: usize) -> Self {
        let symbols: Vec<String> = (0..instruments).map(|place| format!("B{place:02}USDT")).collect();
        let prefix = |symbol: &String| InstrumentPrefix::new("bnch", symbol);
        let limit = |kind, interval_ms| RateLimit { kind, interval_ms, count: u64::MAX / 2 };
        let settings = GatewaySettings {
            lanes: symbols.iter().map(prefix).collect(),
            limits: vec![
                limit(RateLimitKind::Orders, 10_000),
                limit(RateLimitKind::Orders, 86_400_000),
                limit(RateLimitKind::Weight, 60_000),
            ],
            answer_patience: Duration::from_secs(2),
            inflight_max: 4_096,
            sharers: 1,
            weights: Weights { cancel: 1, query: 4, list: 6 },
            lists_beside: false,
        };
        // Nobody hears these reports: they are taken from the machine itself.
        let (reports, _) = mpsc::channel(1);
        let lane = |symbol: &String| GatewayLane {
            symbol: symbol.clone(),
            prefix: prefix(symbol),
            price_decimals: PRICE_DECIMALS,
            venue: "bench",
            follow_key: String::new(),
            reports: reports.clone(),
        };
        let instrument = |symbol: &String| Instrument::new(instrument_settings(symbol));
        let mut chain = Self {
            instruments: symbols.iter().map(instrument).collect(),
            gateway: Gateway::new(settings, Alone),
            encoder: Encoder::default(),
            lanes: symbols.iter().map(lane).collect(),
            now: Now { mono: Nanos(1_000_000_000), wall_ms: WALL_MS },
            sent: vec![[None, None]; instruments],
            update_id: 1,
        };
        chain.gateway.handle_connected();
        (0..instruments).for_each(|place| chain.go_live(place));
        chain
    }

    /// A tick comes; gives the length of the maker's frame.
    pub(crate) fn tick(&mut self, place: usize, tick: Tick) -> usize {
        let generation = pipeline::ownership::Generation::default();
        let tick = FeedTick { tick, received: self.now, since: self.now.mono, generation };
        self.instruments[place].handle_tick(tick, self.now);
        self.leave(place, 0)
    }

    /// The venue says that the maker rests, and its book shows it; gives the length of the taker's frame.
    pub(crate) fn maker_rests(&mut self, place: usize) -> usize {
        self.gateway.handle_update(self.update(place, 0, OrderStatus::New));
        self.show_top(place, self.placed(place, 0));
        self.hear();
        self.leave(place, 1)
    }

    /// Both legs trade, the requests are answered, and the instrument is ready for the next tick.
    pub(crate) fn end(&mut self, place: usize) {
        for leg in [0, 1] {
            let update = self.update(place, leg, OrderStatus::Filled);
            self.gateway.handle_update(update);
            let request = self.sent[place][leg].expect("a pair is in flight").request;
            self.gateway.handle_answer(request, Answer::Updates(vec![update]));
        }
        self.gateway.handle_written(self.now.mono);
        self.hear();
        let finished = self.instruments[place].poll_finished(self.now);
        assert!(finished.is_some(), "both legs have ended");
        self.sent[place] = [None, None];
        self.now = self.now.after(Duration::from_millis(1));
        self.show_top(place, None);
    }

    fn go_live(&mut self, place: usize) {
        self.instruments[place].handle_connected(true, self.now);
        let list = self.instruments[place].poll_command().expect("the sweep begins with a list");
        self.gateway.handle_command(LaneId(place), list);
        let outgoing = self.gateway.poll_send(self.now).expect("nothing holds it back");
        self.gateway.handle_written(self.now.mono);
        self.gateway.handle_answer(outgoing.request, Answer::OpenOrders(Vec::new()));
        self.hear();
        self.show_top(place, None);
        assert_eq!(self.instruments[place].phase(), Phase::Live);
    }

    /// Takes one command from the instrument to its frame.
    fn leave(&mut self, place: usize, leg: usize) -> usize {
        let command = self.instruments[place].poll_command().expect("an order leaves");
        self.gateway.handle_command(LaneId(place), command);
        let outgoing = self.gateway.poll_send(self.now).expect("nothing holds it back");
        self.sent[place][leg] = Some(outgoing);
        let account = Account { api_key: "test-key", sign: &Zeros };
        self.encoder.encode(&outgoing, &self.lanes[place], account, 2_000, self.now.wall_ms).len()
    }

    fn hear(&mut self) {
        while let Some((lane, report)) = self.gateway.poll_report() {
            self.instruments[lane.0].handle_report(&report, self.now);
        }
    }

    fn placed(&self, place: usize, leg: usize) -> Option<PlaceLeg> {
        match self.sent[place][leg]?.command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => Some(leg),
            Command::Cancel(_) | Command::Query(_) | Command::ListOpen => None,
        }
    }

    fn update(&self, place: usize, leg: usize, status: OrderStatus) -> OrderUpdate {
        let leg = self.placed(place, leg).expect("the pair's orders have left");
        let traded = status == OrderStatus::Filled;
        let (price, qty) = (leg.price.decimal(PRICE_DECIMALS), leg.qty.decimal(QTY_DECIMALS));
        let fill = Fill { trade_id: self.now.mono.0, price, qty, is_maker: false };
        OrderUpdate {
            terms: Default::default(),
            client_id: leg.id,
            venue_order_id: self.update_id,
            status,
            executed: if traded { qty } else { Decimal::ZERO },
            last_fill: traded.then_some(fill),
            prevented: false,
            event_time_ms: Some(self.now.wall_ms),
        }
    }

    /// The book of strangers, and our maker where it rests within it.
    fn show_top(&mut self, place: usize, maker: Option<PlaceLeg>) {
        let level = |cents| Level { price: Decimal::new(cents, 2), qty: Decimal::new(1_500_000, 6) };
        let (mut bid, mut ask) = (level(6_399_000), level(6_403_000));
        if let Some(maker) = maker {
            let qty = maker.qty.decimal(QTY_DECIMALS);
            let ours = Level { price: maker.price.decimal(PRICE_DECIMALS), qty };
            match maker.side {
                Side::Buy if ours.price > bid.price => bid = ours,
                Side::Sell if ours.price < ask.price => ask = ours,
                Side::Buy | Side::Sell => {}
            }
        }
        self.update_id += 1;
        let (update_id, confirmed) = (self.update_id, self.now);
        let top = Top { bid: Some(bid), ask: Some(ask), update_id, confirmed };
        self.instruments[place].handle_top(Some(top));
    }
}

/// Decoded ticks: prices walk across the book and past it, quantities vary.
pub(crate) fn ticks() -> Vec<Tick> {
    let tick = |number: u32| Tick {
        price: Decimal::parse(&format!("64{:03}.{:02}", number * 37 % 50, number % 100)).ok(),
        qty: Decimal::parse(&format!("0.{:06}", 10_000 + number * 7_919 % 90_000)).ok(),
        side: Some(if number.is_multiple_of(3) { Side::Sell } else { Side::Buy }),
        time_ms: Some(WALL_MS),
        id: Some(TickId::new(&number.to_string())),
    };
    (0..1_000).map(tick).collect()
}

fn instrument_settings(symbol: &str) -> Settings {
    let number = |text| Decimal::parse(text).expect("a decimal");
    Settings {
        contract_size: None,
        rules: Rules::new(RuleParams {
            term: TermType::Spot,
            price_decimals: PRICE_DECIMALS,
            qty_decimals: QTY_DECIMALS,
            position_side: PositionSide::None,
            interval: Decimal::ZERO,
            qty_multiplier: number("0.25"),
            price_divergence: number("0.01"),
            max_amount: number("25000"),
            min_qty: number("0.00001"),
            min_amount: number("5"),
            contract_size: Decimal::ONE,
            leverage: Decimal::ONE,
            placement: Placement::Touch,
            empty_book: EmptyBook::Trade,
            same_price: SamePolicy::Nudge,
            same_qty: SamePolicy::Nudge,
            side: SidePolicy::Random,
        }),
        conflate: Conflate::Newest,
        on_quiet: OnQuiet::Hold,
        tick_age_max: Duration::from_secs(3_600),
        book_age_max: Duration::from_secs(3_600),
        recv_window: Duration::from_secs(2),
        strangers_max: Decimal::ONE,
        prefix: InstrumentPrefix::new("bnch", symbol),
        epoch: Epoch::new(1),
        chance: Chance::new(1, symbol),
    }
}
