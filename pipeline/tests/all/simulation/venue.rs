//! A venue of one symbol: price-time priority, post-only and IOC orders of ours, strangers, a ledger.

use std::collections::BTreeMap;

use pipeline::book::Level;
use pipeline::command::PlaceLeg;
use pipeline::event::OpenOrder;
use schemas::ids::ClientOrderId;
use schemas::order::{OrderStatus, Side};
use schemas::units::Decimal;
use schemas::wire::order_update::{Fill, OrderUpdate};

pub(crate) const PRICE_DECIMALS: u8 = 2;
pub(crate) const QTY_DECIMALS: u8 = 3;

/// A post-only order that would trade at once.
pub(crate) const WOULD_TAKE: i64 = -2010;

/// The venue's account of one order of ours.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) venue_id: u64,
    pub(crate) qty: i128,
    pub(crate) executed: i128,
    pub(crate) status: OrderStatus,
    pub(crate) prevented: bool,
    pub(crate) since_ns: u64,
}

/// One trade; `None` is a stranger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    pub(crate) id: u64,
    pub(crate) maker: Option<ClientOrderId>,
    pub(crate) taker: Option<ClientOrderId>,
    pub(crate) price: i128,
    pub(crate) qty: i128,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    owner: Option<ClientOrderId>,
    side: Side,
    price: i128,
    left: i128,
    turn: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Venue {
    pub(crate) orders: BTreeMap<ClientOrderId, Order>,
    pub(crate) prints: Vec<Print>,
    /// User events that have not been sent out yet.
    pub(crate) events: Vec<OrderUpdate>,
    pub(crate) update_id: u64,
    /// Self-trade prevention expires the maker.
    pub(crate) prevents: bool,
    /// Answers tell how much has traded, and only events in which trades.
    pub(crate) is_terse: bool,
    book: Vec<Resting>,
    turns: u64,
}

impl Venue {
    pub(crate) fn new(is_terse: bool) -> Self {
        Self { is_terse, ..Self::default() }
    }

    /// The maker's leg: what the answer says, or the refusal's code.
    pub(crate) fn place_maker(&mut self, leg: &PlaceLeg, now_ns: u64) -> Result<Vec<OrderUpdate>, i64> {
        if self.best(leg.side.opposite()).is_some_and(|best| crosses(leg.side, leg.price.steps(), best.price))
        {
            return Err(WOULD_TAKE);
        }
        self.enter(leg, now_ns);
        self.rest(Some(leg.id), leg.side, leg.price.steps(), leg.qty.steps());
        let update = self.statement(leg.id, None);
        self.events.push(update);
        Ok(vec![update])
    }

    /// The taker's leg: matched against whoever comes first, and the rest expires.
    pub(crate) fn place_taker(&mut self, leg: &PlaceLeg, now_ns: u64) -> Vec<OrderUpdate> {
        self.enter(leg, now_ns);
        self.events.push(self.statement(leg.id, None));
        let mut answer = self.take(Some(leg.id), leg.side, leg.price.steps(), leg.qty.steps());
        let order = self.order(leg.id);
        if order.status != OrderStatus::Filled {
            order.status = OrderStatus::Expired;
            let update = self.statement(leg.id, None);
            self.events.push(update);
            answer.push(update);
        }
        if self.is_terse { vec![self.statement(leg.id, None)] } else { answer }
    }

    /// `None` where the order is unknown or not open.
    pub(crate) fn cancel(&mut self, id: ClientOrderId) -> Option<OrderUpdate> {
        let place = self.book.iter().position(|resting| resting.owner == Some(id))?;
        self.book.remove(place);
        self.update_id += 1;
        self.order(id).status = OrderStatus::Canceled;
        let update = self.statement(id, None);
        self.events.push(update);
        Some(update)
    }

    /// `None` where the order is unknown.
    pub(crate) fn query(&self, id: ClientOrderId) -> Option<OrderUpdate> {
        self.orders.contains_key(&id).then(|| self.statement(id, None))
    }

    /// Our open orders.
    pub(crate) fn open(&self) -> Vec<OpenOrder> {
        let ours = self.book.iter().filter_map(|resting| resting.owner);
        ours.map(|id| OpenOrder { id, venue_id: self.orders[&id].venue_id }).collect()
    }

    /// An order that a predecessor left.
    pub(crate) fn leave(&mut self, id: ClientOrderId, side: Side, price: i128) {
        let order = Order {
            venue_id: self.next_id(),
            qty: 5,
            executed: 0,
            status: OrderStatus::New,
            prevented: false,
            since_ns: 0,
        };
        self.orders.insert(id, order);
        self.rest(Some(id), side, price, 5);
    }

    /// A stranger's limit order: trades what it can, the rest rests.
    pub(crate) fn stranger(&mut self, side: Side, price: i128, qty: i128) {
        let before = self.prints.len();
        self.take(None, side, price, qty);
        let taken: i128 = self.prints[before..].iter().map(|print| print.qty).sum();
        if taken < qty {
            self.rest(None, side, price, qty - taken);
        }
    }

    pub(crate) fn strangers_leave(&mut self) {
        self.book.retain(|resting| resting.owner.is_some());
        self.update_id += 1;
    }

    /// The best level of a side, all orders at its price together.
    pub(crate) fn level(&self, side: Side) -> Option<Level> {
        let price = self.best(side)?.price;
        let at_price = self.book.iter().filter(|resting| resting.side == side && resting.price == price);
        let qty = at_price.map(|resting| resting.left).sum();
        Some(Level {
            price: Decimal::from_steps(price, PRICE_DECIMALS),
            qty: Decimal::from_steps(qty, QTY_DECIMALS),
        })
    }

    fn enter(&mut self, leg: &PlaceLeg, now_ns: u64) {
        let order = Order {
            venue_id: self.next_id(),
            qty: leg.qty.steps(),
            executed: 0,
            status: OrderStatus::New,
            prevented: false,
            since_ns: now_ns,
        };
        assert!(self.orders.insert(leg.id, order).is_none(), "{} came twice", leg.id);
    }

    /// Matches an order as far as it goes; the statements about it, one a fill.
    fn take(&mut self, taker: Option<ClientOrderId>, side: Side, price: i128, qty: i128) -> Vec<OrderUpdate> {
        let (mut left, mut statements) = (qty, Vec::new());
        while left > 0 {
            let Some(best) = self.best(side.opposite()).filter(|best| crosses(side, price, best.price))
            else {
                break;
            };
            if self.prevents && taker.is_some() && best.owner.is_some() {
                self.prevent(best);
                continue;
            }
            let traded = left.min(best.left);
            left -= traded;
            let print =
                Print { id: self.next_id(), maker: best.owner, taker, price: best.price, qty: traded };
            self.prints.push(print);
            self.reduce(best, traded);
            for (owner, is_maker) in [(best.owner, true), (taker, false)] {
                let Some(id) = owner else { continue };
                let update = self.fill(id, print, is_maker);
                self.events.push(update);
                if !is_maker {
                    statements.push(update);
                }
            }
        }
        statements
    }

    fn fill(&mut self, id: ClientOrderId, print: Print, is_maker: bool) -> OrderUpdate {
        let order = self.order(id);
        order.executed += print.qty;
        let full = order.executed == order.qty;
        order.status = if full { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let fill = Fill {
            trade_id: print.id,
            price: Decimal::from_steps(print.price, PRICE_DECIMALS),
            qty: Decimal::from_steps(print.qty, QTY_DECIMALS),
            is_maker,
        };
        self.statement(id, Some(fill))
    }

    fn prevent(&mut self, maker: Resting) {
        self.book.retain(|resting| resting.turn != maker.turn);
        self.update_id += 1;
        let Some(id) = maker.owner else { return };
        let order = self.order(id);
        order.status = OrderStatus::ExpiredInMatch;
        order.prevented = true;
        let update = self.statement(id, None);
        self.events.push(update);
    }

    fn statement(&self, id: ClientOrderId, last_fill: Option<Fill>) -> OrderUpdate {
        let order = &self.orders[&id];
        OrderUpdate {
            terms: Default::default(),
            client_id: id,
            venue_order_id: order.venue_id,
            status: order.status,
            executed: Decimal::from_steps(order.executed, QTY_DECIMALS),
            last_fill,
            prevented: order.prevented,
            event_time_ms: None,
        }
    }

    fn best(&self, side: Side) -> Option<Resting> {
        let of_side = self.book.iter().filter(|resting| resting.side == side);
        let rank = |resting: &&Resting| match side {
            Side::Buy => (-resting.price, resting.turn),
            Side::Sell => (resting.price, resting.turn),
        };
        of_side.min_by_key(rank).copied()
    }

    fn rest(&mut self, owner: Option<ClientOrderId>, side: Side, price: i128, left: i128) {
        self.turns += 1;
        self.update_id += 1;
        self.book.push(Resting { owner, side, price, left, turn: self.turns });
    }

    fn reduce(&mut self, resting: Resting, traded: i128) {
        self.update_id += 1;
        if let Some(found) = self.book.iter_mut().find(|found| found.turn == resting.turn) {
            found.left -= traded;
        }
        self.book.retain(|resting| resting.left > 0);
    }

    fn order(&mut self, id: ClientOrderId) -> &mut Order {
        self.orders.get_mut(&id).expect("whatever rests was entered")
    }

    fn next_id(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }
}

fn crosses(side: Side, price: i128, best: i128) -> bool {
    match side {
        Side::Buy => price >= best,
        Side::Sell => price <= best,
    }
}
