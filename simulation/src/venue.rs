//! The venue: the embedded venue's own matching engine, with what stands around it: who asks, when, and what is said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pipeline::command::PlaceLeg;
use pipeline::event::OpenOrder;
use pipeline::gateway::{Answer, Silence, VenueRefusal, Verdict};
use schemas::ids::{ClientOrderId, Leg};
use schemas::order::{OrderStatus, Side};
use schemas::units::Decimal;
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};
use self_trader::simulator::engine::{
    AccountId, ClientId, Engine, Event, Life, MarketKind, NewOrder, Order, Reject, StpMode, SymbolId, Target,
};

use crate::setup::{PRICE_DECIMALS, QTY_DECIMALS, RECV_WINDOW};
use crate::{SEC, wall_ms};

/// How long an order that is over can still be asked for.
const KEPT: u64 = 600 * SEC;
/// What each account has of everything, in amount steps.
const AMPLE: i128 = 10_i128.pow(32);
/// How long after its timestamp a renewal of the switch is taken in, milliseconds.
const RENEWAL_WINDOW_MS: i64 = 1_000;
/// A request's timestamp may lie this far ahead, milliseconds.
const AHEAD_MS: i64 = 1_000;

/// Resets of a venue whose books share no number.
const ERAS: u64 = 64;

/// The venue's codes that are used here.
pub mod code {
    /// The timestamp is outside of the window.
    pub const CLOCK: i64 = -1021;
    /// Too many requests.
    pub const TOO_MANY: i64 = -1003;
    /// The venue does not know what became of it.
    pub const UNKNOWN: i64 = -1007;
    /// The venue is busy.
    pub const BUSY: i64 = -1008;
    /// A filter.
    pub const FILTER: i64 = -1013;
    /// The order was refused.
    pub const REFUSED: i64 = -2010;
    /// Nothing to cancel.
    pub const NOT_CANCELLED: i64 = -2011;
    /// No such order.
    pub const NO_ORDER: i64 = -2013;
}

/// One of our orders, as the venue holds it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// As it stands.
    pub order: Order,
    /// When it was accepted.
    pub since: u64,
}

/// What one of our orders traded.
#[derive(Clone, Copy, Debug)]
pub struct OurFill {
    /// Which symbol.
    pub symbol: usize,
    /// Which order.
    pub id: ClientOrderId,
    /// Bought or sold.
    pub side: Side,
    /// Lots.
    pub qty: i64,
    /// The other side was ours, too.
    pub with_ourselves: bool,
}

/// The venue.
#[derive(Debug)]
pub struct Venue {
    engine: Engine,
    us: AccountId,
    them: AccountId,
    symbols: Vec<SymbolId>,
    orders: BTreeMap<ClientOrderId, Known>,
    /// Those that are open, by symbol.
    open: Vec<BTreeSet<ClientOrderId>>,
    ended: VecDeque<(u64, ClientOrderId)>,
    events: Vec<Event>,
    is_usdm: bool,
    strangers: u64,
    /// What the account's events say, not yet sent.
    pub news: Vec<(usize, OrderUpdate)>,
    /// What our orders traded, not yet looked at.
    pub fills: Vec<OurFill>,
    /// The book of each symbol has changed.
    pub touched: Vec<bool>,
    /// Our own orders may not meet.
    pub prevents: StpMode,
    /// Prices must be whole multiples of this, in steps.
    pub tick: i64,
    /// No symbol trades.
    pub halted: bool,
    /// How often it began anew.
    wipes: u64,
    /// When each symbol's dead man's switch fires, if it is armed.
    fires: Vec<Option<u64>>,
    /// A reset has stopped the symbol's switch, and it was not renewed since.
    unguarded: Vec<bool>,
}

impl Venue {
    /// A venue of so many symbols.
    ///
    /// # Panics
    /// Never: the engine takes so few of everything.
    #[must_use]
    pub fn new(symbols: usize, is_usdm: bool) -> Self {
        let mut engine = Engine::default();
        let quote = engine.add_asset();
        let (us, them) = (engine.add_account(), engine.add_account());
        let add = |_| {
            let base = engine.add_asset();
            let kind = MarketKind::Spot { base, quote };
            engine.add_symbol(kind, PRICE_DECIMALS, QTY_DECIMALS).expect("few symbols of few decimals")
        };
        let symbols: Vec<SymbolId> = (0..symbols).map(add).collect();
        let touched = symbols.len();
        let mut venue = Self {
            engine,
            us,
            them,
            touched: vec![true; touched],
            open: vec![BTreeSet::new(); symbols.len()],
            symbols,
            orders: BTreeMap::new(),
            ended: VecDeque::new(),
            events: Vec::with_capacity(64),
            is_usdm,
            strangers: 0,
            news: Vec::new(),
            fills: Vec::new(),
            prevents: StpMode::None,
            tick: 1,
            halted: false,
            wipes: 0,
            fires: vec![None; touched],
            unguarded: vec![false; touched],
        };
        venue.endow();
        venue
    }

    /// Everybody has enough of everything.
    fn endow(&mut self) {
        for account in [self.us, self.them] {
            for asset in self.engine.assets() {
                self.engine.deposit(account, asset, AMPLE).expect("within what can be deposited");
            }
        }
    }

    /// The order of ours with that id, if the venue remembers it.
    #[must_use]
    pub fn order(&self, id: ClientOrderId) -> Option<&Known> {
        self.orders.get(&id)
    }

    /// Our open orders of a symbol, oldest first.
    pub fn open(&self, symbol: usize) -> impl Iterator<Item = (ClientOrderId, &Known)> {
        self.open[symbol].iter().filter_map(|id| Some((*id, self.orders.get(id)?)))
    }

    /// The number of the book's last change, best bid and best ask: price and quantity in steps.
    #[must_use]
    pub fn top(&self, symbol: usize) -> (u64, [Option<(i64, i64)>; 2]) {
        let id = self.symbols[symbol];
        let best = [Side::Buy, Side::Sell].map(|side| self.engine.best(id, side));
        // A venue that begins anew comes back to old numbers, but never to the very one that it had before.
        (self.engine.update_id(id) * ERAS + self.wipes % ERAS, best)
    }

    /// An order of ours, sent with that timestamp.
    pub fn place(&mut self, symbol: usize, leg: &PlaceLeg, sent_ms: i64, at: u64) -> Answer {
        if let Some(refusal) = self.out_of_window(sent_ms, at) {
            return refusal;
        }
        let number = |steps: i128| i64::try_from(steps).unwrap_or(0);
        let (price, qty) = (number(leg.price.steps()), number(leg.qty.steps()));
        if self.halted || price % self.tick != 0 || price <= 0 || qty <= 0 {
            return refusal(code::FILTER, Verdict::Refused);
        }
        let client = ClientId::new(leg.id.as_str()).expect("27 characters");
        let life = if leg.id.leg() == Leg::Maker { Life::Gtx } else { Life::Ioc };
        let new = NewOrder {
            stp: self.prevents,
            now_ms: wall_ms(at),
            ..NewOrder::limit(self.us, self.symbols[symbol], client, leg.side, (price, qty), life)
        };
        let placed = self.engine.place(&new, &mut self.events);
        let updates = self.take_events(at, Some(leg.id));
        match placed {
            Ok(_) => Answer::Updates(updates),
            Err(Reject::WouldMatch) => refusal(code::REFUSED, Verdict::WouldMatch),
            Err(Reject::DuplicateClientId) => refusal(code::REFUSED, Verdict::Unknown),
            Err(_) => refusal(code::REFUSED, Verdict::Refused),
        }
    }

    /// A cancel of ours.
    pub fn cancel(&mut self, symbol: usize, id: ClientOrderId, sent_ms: i64, at: u64) -> Answer {
        if let Some(refusal) = self.out_of_window(sent_ms, at) {
            return refusal;
        }
        let client = ClientId::new(id.as_str()).expect("27 characters");
        let found = self.engine.find(self.us, self.symbols[symbol], Target::Client(client));
        let Some(order) = found else { return refusal(code::NOT_CANCELLED, Verdict::NoSuchOrder) };
        self.engine.cancel(order.id, &mut self.events);
        self.take_events(at, None);
        self.query(id)
    }

    /// What the venue says of an order.
    #[must_use]
    pub fn query(&self, id: ClientOrderId) -> Answer {
        match self.orders.get(&id) {
            Some(known) => Answer::Updates(vec![update(id, &known.order, None)]),
            None => refusal(code::NO_ORDER, Verdict::NoSuchOrder),
        }
    }

    /// The open orders of ours on a symbol.
    #[must_use]
    pub fn list(&self, symbol: usize) -> Answer {
        let one = |(id, known): (ClientOrderId, &Known)| OpenOrder { id, venue_id: known.order.id.0 };
        Answer::OpenOrders(self.open(symbol).map(one).collect())
    }

    /// Whether a request of that timestamp comes too late, or too early.
    fn out_of_window(&self, sent_ms: i64, at: u64) -> Option<Answer> {
        let now_ms = wall_ms(at);
        let window_ms = i64::try_from(RECV_WINDOW.as_millis()).unwrap_or(0);
        let inside = sent_ms <= now_ms + AHEAD_MS && now_ms - sent_ms <= window_ms;
        (!inside).then(|| refusal(code::CLOCK, Verdict::Refused))
    }

    /// A stranger's order.
    pub fn stranger(&mut self, symbol: usize, side: Side, (price, qty): (i64, i64), life: Life, at: u64) {
        self.strangers += 1;
        let client = ClientId::new(&format!("x{}", self.strangers)).expect("a short text");
        let order = (price.max(1), qty.max(1));
        let new = NewOrder::limit(self.them, self.symbols[symbol], client, side, order, life);
        // A stranger's post-only order may be refused like anybody's.
        let _ = self.engine.place(&new, &mut self.events);
        self.take_events(at, None);
    }

    /// All strangers' orders are gone.
    pub fn strangers_leave(&mut self, at: u64) {
        let mut theirs: Vec<_> =
            self.engine.open_orders_of_account(self.them).map(|order| order.id).collect();
        theirs.sort_unstable();
        for id in theirs {
            self.engine.cancel(id, &mut self.events);
        }
        self.take_events(at, None);
    }

    /// A renewal of the dead man's switch: whether it came in time.
    pub fn arm(&mut self, symbols: &[usize], countdown: u64, sent_ms: i64, at: u64) -> bool {
        let late_ms = wall_ms(at) - sent_ms;
        let inside = (-AHEAD_MS..=RENEWAL_WINDOW_MS).contains(&late_ms);
        if inside {
            for symbol in symbols {
                (self.fires[*symbol], self.unguarded[*symbol]) = (Some(at + countdown), false);
            }
        }
        inside
    }

    /// The dead man's switch of a symbol cancels everything of ours there, if it is due, and is off then.
    pub fn fire(&mut self, symbol: usize, at: u64) {
        if self.fires[symbol].take_if(|due| *due <= at).is_none() {
            return;
        }
        let open: Vec<ClientOrderId> = self.open[symbol].iter().copied().collect();
        for id in open {
            self.cancel(symbol, id, wall_ms(at), at);
        }
    }

    /// Whether a reset has taken the symbol's switch away since its last renewal.
    #[must_use]
    pub fn is_unguarded(&self, symbol: usize) -> bool {
        self.unguarded[symbol]
    }

    /// The monthly reset: orders, balances and numbers are gone, and nobody is told; switches too, unless they are kept.
    pub fn wipe(&mut self, keeps_switches: bool) {
        let mut events = Vec::new();
        let wiped = self.engine.apply(&self_trader::simulator::engine::Command::Wipe, &mut events);
        wiped.expect("a wipe is never refused");
        self.wipes += 1;
        self.orders.clear();
        self.open.iter_mut().for_each(BTreeSet::clear);
        self.ended.clear();
        self.endow();
        if !keeps_switches {
            self.fires.fill(None);
            self.unguarded.fill(true);
        }
        self.touched.fill(true);
    }

    /// Forgets orders that have been over for long.
    pub fn forget(&mut self, at: u64) {
        while let Some((ended, id)) = self.ended.front().copied()
            && ended + KEPT < at
        {
            self.ended.pop_front();
            self.orders.remove(&id);
        }
    }

    /// Takes in what the engine did: news for the account, fills for the oracle; gives what the answer to a place
    /// says of that order.
    fn take_events(&mut self, at: u64, asked: Option<ClientOrderId>) -> Vec<OrderUpdate> {
        let mut answer = Vec::new();
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Accepted { order, .. } | Event::Ended { order, .. } => self.say(&order, None, at),
                Event::Traded(trade) => {
                    let ours = |order: &Order| order.account == self.us;
                    let with_ourselves = ours(&trade.maker.order) && ours(&trade.taker.order);
                    for (order, is_maker) in [(trade.maker.order, true), (trade.taker.order, false)] {
                        let fill = Fill {
                            trade_id: trade.id,
                            price: Decimal::from_steps(i128::from(trade.price), PRICE_DECIMALS),
                            qty: Decimal::from_steps(i128::from(trade.qty), QTY_DECIMALS),
                            is_maker,
                        };
                        self.say(&order, Some(fill), at);
                        let Some(id) = self.ours(&order) else { continue };
                        let (symbol, side, qty) = (order.symbol.index(), order.side, trade.qty);
                        self.fills.push(OurFill { symbol, id, side, qty, with_ourselves });
                        if asked == Some(id) && !self.is_usdm {
                            answer.push(update(id, &order, Some(fill)));
                        }
                    }
                }
                Event::Prevented(prevented) => {
                    self.say(&prevented.maker.order, None, at);
                    self.say(&prevented.taker.order, None, at);
                }
                Event::Level { symbol, .. } => self.touched[symbol.index()] = true,
                Event::Amended { .. }
                | Event::Modified { .. }
                | Event::Position { .. }
                | Event::Balance { .. }
                | Event::Wiped => {}
            }
        }
        self.finish_answer(answer, asked)
    }

    /// An answer's last statement names the order as it stands; those before it only that part of it traded.
    fn finish_answer(&self, mut answer: Vec<OrderUpdate>, asked: Option<ClientOrderId>) -> Vec<OrderUpdate> {
        let Some((id, known)) = asked.and_then(|id| Some((id, self.orders.get(&id)?))) else { return answer };
        let (status, prevented) = (known.order.status, known.order.prevented > 0);
        let last = answer.len().saturating_sub(1);
        for (place, update) in answer.iter_mut().enumerate() {
            update.status = if place == last { status } else { OrderStatus::PartiallyFilled };
            update.prevented = prevented;
        }
        if answer.is_empty() {
            answer.push(update(id, &known.order, None));
        }
        answer
    }

    fn say(&mut self, order: &Order, fill: Option<Fill>, at: u64) {
        let Some(id) = self.ours(order) else { return };
        let since =
            self.orders.get(&id).filter(|known| known.order.id == order.id).map_or(at, |known| known.since);
        self.orders.insert(id, Known { order: *order, since });
        let open = &mut self.open[order.symbol.index()];
        if order.status.is_final() {
            open.remove(&id);
            self.ended.push_back((at, id));
        } else {
            open.insert(id);
        }
        self.news.push((order.symbol.index(), update(id, order, fill)));
    }

    fn ours(&self, order: &Order) -> Option<ClientOrderId> {
        (order.account == self.us).then(|| ClientOrderId::parse(order.client.as_str())).flatten()
    }
}

/// The venue's statement about an order.
fn update(id: ClientOrderId, order: &Order, last_fill: Option<Fill>) -> OrderUpdate {
    OrderUpdate {
        client_id: id,
        venue_order_id: order.id.0,
        status: order.status,
        executed: Decimal::from_steps(i128::from(order.filled), QTY_DECIMALS),
        terms: Terms {
            side: Some(order.side),
            price: Some(Decimal::from_steps(i128::from(order.price), PRICE_DECIMALS)),
            qty: Some(Decimal::from_steps(i128::from(order.qty), QTY_DECIMALS)),
        },
        last_fill,
        prevented: order.prevented > 0,
        event_time_ms: None,
    }
}

/// A refusal without a wish for silence.
#[must_use]
pub const fn refusal(code: i64, verdict: Verdict) -> Answer {
    Answer::Refused(VenueRefusal { code, verdict, silent_for: None, silence: Silence::Most })
}
