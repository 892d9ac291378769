//! The crate `orderbook-rs` beside the engine, over what both understand: LIMIT orders of every life, cancels, and
//! three modes of self-trade prevention. Same trades in the same order, same books.
//!
//! Where the two disagree is told in `docs/venue.md`, section "Against other engines"; the tests at the end of this
//! file hold those disagreements fast, so that a new version of the crate that ends one is noticed.

use std::sync::{Arc, Mutex};

use orderbook_rs::{Id, OrderBook, OrderBookError, OrderType, STPMode, TimeInForce, TimestampMs};
use pricelevel::{Hash32, Price, Quantity};
use proptest::prelude::*;
use schemas::order::Side;
use self_trader::simulator::engine::{
    AccountId, ClientId, Engine, Event, Life, MarketKind, NewOrder, OrderId, OrderKind, Prevented, Reject,
    StpMode, SymbolId, Trade,
};

/// A trade by the numbers that the test gave: maker, taker, price, quantity.
type Told = (u64, u64, i64, i64);

#[derive(Clone, Copy, Debug)]
enum Step {
    Place {
        account: u8,
        side: Side,
        price: i64,
        qty: i64,
        life: Life,
    },
    /// MARKET by quantity.
    Market {
        account: u8,
        side: Side,
        qty: i64,
    },
    /// A MARKET buy by quote quantity. Sells are one of the disagreements.
    Quote {
        account: u8,
        quote: i128,
    },
    /// The order placed that many orders ago.
    Cancel(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let life = prop_oneof![
        6 => Just(Life::Gtc),
        2 => Just(Life::Gtx),
        3 => Just(Life::Ioc),
        2 => Just(Life::Fok),
    ];
    let place = (0..3_u8, sides(), 96..=104_i64, 1..30_i64, life)
        .prop_map(|(account, side, price, qty, life)| Step::Place { account, side, price, qty, life });
    let market =
        (0..3_u8, sides(), 1..60_i64).prop_map(|(account, side, qty)| Step::Market { account, side, qty });
    let quote = (0..3_u8, 50..5_000_i128).prop_map(|(account, quote)| Step::Quote { account, quote });
    let cancel = (0..12_u64).prop_map(Step::Cancel);
    prop::collection::vec(prop_oneof![12 => place, 2 => cancel, 1 => market, 1 => quote], 1..120)
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

struct Beside {
    engine: Engine,
    accounts: Vec<AccountId>,
    symbol: SymbolId,
    stp: StpMode,
    events: Vec<Event>,
    theirs: OrderBook<()>,
    told: Arc<Mutex<Vec<Told>>>,
    placed: u64,
    /// The engine's number of each order placed, by the test's.
    ids: Vec<Option<OrderId>>,
}

impl Beside {
    fn new(stp: StpMode) -> Self {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let accounts: Vec<_> = (0..3).map(|_| engine.add_account()).collect();
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 0, 0).unwrap();
        for account in &accounts {
            engine.deposit(*account, base, 10_i128.pow(30)).unwrap();
            engine.deposit(*account, quote, 10_i128.pow(30)).unwrap();
        }
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let mut theirs = OrderBook::new("BESIDE");
        theirs.set_trade_listener(Arc::new(move |result| {
            for trade in result.match_result.trades().as_vec() {
                listener.lock().unwrap().push((
                    number(trade.maker_order_id()),
                    number(trade.taker_order_id()),
                    i64::try_from(trade.price().as_u128()).unwrap(),
                    i64::try_from(trade.quantity().as_u64()).unwrap(),
                ));
            }
        }));
        theirs.set_stp_mode(match stp {
            StpMode::ExpireTaker => STPMode::CancelTaker,
            StpMode::ExpireMaker => STPMode::CancelMaker,
            StpMode::ExpireBoth => STPMode::CancelBoth,
            StpMode::None | StpMode::Decrement | StpMode::Transfer => STPMode::None,
        });
        let (events, ids) = (Vec::new(), Vec::new());
        Self { engine, accounts, symbol, stp, events, theirs, told, placed: 0, ids }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.events.clear();
        self.told.lock().unwrap().clear();
        match step {
            Step::Place { account, side, price, qty, life } => self.place(account, side, price, qty, life)?,
            Step::Market { account, side, qty } => self.market(account, side, qty, None),
            Step::Quote { account, quote } => self.market(account, Side::Buy, 0, Some(quote)),
            Step::Cancel(ago) => self.cancel(ago)?,
        }
        prop_assert_eq!(self.engine.check(), Ok(()));
        self.same()
    }

    fn place(
        &mut self,
        account: u8,
        side: Side,
        price: i64,
        qty: i64,
        life: Life,
    ) -> Result<(), TestCaseError> {
        self.placed += 1;
        let client = ClientId::new(&self.placed.to_string()).unwrap();
        let owner = self.accounts[usize::from(account)];
        let new = NewOrder::limit(owner, self.symbol, client, side, (price, qty), life);
        let ours = self.engine.place(&NewOrder { stp: self.stp, ..new }, &mut self.events);
        let theirs = self.theirs.add_order(their_order(self.placed, account, side, price, qty, life));
        self.ids.push(ours.ok().map(|order| order.id));
        if self.stp == StpMode::ExpireMaker {
            self.expire_unmet(owner, side.opposite());
        }
        let is_refused = matches!(theirs, Err(OrderBookError::PriceCrossing { .. }));
        prop_assert_eq!(ours == Err(Reject::WouldMatch), is_refused, "{:?} and {:?}", ours, theirs);
        Ok(())
    }

    fn market(&mut self, account: u8, side: Side, qty: i64, quote_qty: Option<i128>) {
        self.placed += 1;
        let client = ClientId::new(&self.placed.to_string()).unwrap();
        let owner = self.accounts[usize::from(account)];
        let new = NewOrder {
            kind: OrderKind::Market,
            quote_qty,
            stp: self.stp,
            ..NewOrder::limit(owner, self.symbol, client, side, (0, qty), Life::Ioc)
        };
        self.ids.push(self.engine.place(&new, &mut self.events).ok().map(|order| order.id));
        let (id, user) = (Id::Sequential(self.placed), Hash32::new([account + 1; 32]));
        // An error is how it tells that something was left over.
        let _ = match quote_qty {
            None => self.theirs.submit_market_order_with_user(id, qty.try_into().unwrap(), their(side), user),
            Some(quote) => {
                let quote = quote.try_into().unwrap();
                self.theirs.submit_market_order_by_amount_with_user(id, quote, their(side), user)
            }
        };
        if self.stp == StpMode::ExpireMaker {
            self.expire_unmet(owner, side.opposite());
        }
    }

    /// Under CancelMaker the crate expires all orders of the taker's owner at each level that it touches, also those
    /// that it would not have met. The engine does not; here it is made to, so that the rest can be compared.
    fn expire_unmet(&mut self, owner: AccountId, side: Side) {
        let touched: Vec<_> = self
            .events
            .iter()
            .filter_map(|event| {
                if let Event::Traded(Trade { price, .. }) | Event::Prevented(Prevented { price, .. }) = event
                {
                    Some(*price)
                } else {
                    None
                }
            })
            .collect();
        let unmet: Vec<_> = self
            .engine
            .open_orders_of_account(owner)
            .filter(|order| order.side == side && touched.contains(&order.price))
            .map(|order| order.id)
            .collect();
        for id in unmet {
            self.engine.cancel(id, &mut self.events).unwrap();
        }
    }

    fn cancel(&mut self, ago: u64) -> Result<(), TestCaseError> {
        let number = self.placed.saturating_sub(ago);
        let id = usize::try_from(number).unwrap().checked_sub(1).and_then(|at| self.ids[at]);
        let ours = id.and_then(|id| self.engine.cancel(id, &mut self.events)).is_some();
        let theirs = self.theirs.cancel_order(Id::Sequential(number));
        prop_assert_eq!(ours, matches!(theirs, Ok(Some(_))), "{:?}", theirs);
        Ok(())
    }

    /// The trades of the last step, and the books.
    fn same(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.trades(), self.told.lock().unwrap().clone());
        for side in [Side::Buy, Side::Sell] {
            prop_assert_eq!(self.levels(side), self.their_levels(side));
        }
        Ok(())
    }

    fn trades(&self) -> Vec<Told> {
        let number = |client: ClientId| client.as_str().parse().unwrap();
        let trade = |event: &Event| {
            let Event::Traded(Trade { maker, taker, price, qty, .. }) = event else { return None };
            Some((number(maker.order.client), number(taker.order.client), *price, *qty))
        };
        self.events.iter().filter_map(trade).collect()
    }

    fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        self.engine.levels(self.symbol, side).collect()
    }

    fn their_levels(&self, side: Side) -> Vec<(i64, i64)> {
        let levels = self.theirs.levels_with_cumulative_depth(their(side)).map(Result::unwrap);
        levels
            .map(|level| (i64::try_from(level.price).unwrap(), i64::try_from(level.quantity).unwrap()))
            .collect()
    }
}

fn their_order(number: u64, account: u8, side: Side, price: i64, qty: i64, life: Life) -> OrderType<()> {
    let (id, price) = (Id::Sequential(number), Price::new(price.try_into().unwrap()));
    let (quantity, side, timestamp) =
        (Quantity::new(qty.try_into().unwrap()), their(side), TimestampMs::new(1));
    let user_id = Hash32::new([account + 1; 32]);
    let time_in_force = match life {
        Life::Gtc | Life::Gtx => TimeInForce::Gtc,
        Life::Ioc => TimeInForce::Ioc,
        Life::Fok => TimeInForce::Fok,
    };
    let extra_fields = ();
    match life {
        Life::Gtx => {
            OrderType::PostOnly { id, price, quantity, side, user_id, timestamp, time_in_force, extra_fields }
        }
        Life::Gtc | Life::Ioc | Life::Fok => {
            OrderType::Standard { id, price, quantity, side, user_id, timestamp, time_in_force, extra_fields }
        }
    }
}

fn their(side: Side) -> orderbook_rs::Side {
    match side {
        Side::Buy => orderbook_rs::Side::Buy,
        Side::Sell => orderbook_rs::Side::Sell,
    }
}

fn number(id: Id) -> u64 {
    match id {
        Id::Sequential(number) => number,
        Id::Uuid(_) | Id::Ulid(_) => panic!("the test gave numbers"),
    }
}

fn beside(stp: StpMode, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut beside = Beside::new(stp);
    steps.iter().try_for_each(|step| beside.step(*step))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_engines_trade_alike(steps in steps()) {
        beside(StpMode::None, &steps)?;
    }

    #[test]
    fn both_engines_expire_the_taker_alike(steps in steps()) {
        beside(StpMode::ExpireTaker, &steps)?;
    }

    /// But for [`Beside::expire_unmet`].
    #[test]
    fn both_engines_expire_the_maker_alike(steps in steps()) {
        beside(StpMode::ExpireMaker, &steps)?;
    }

    #[test]
    fn both_engines_expire_both_alike(steps in steps()) {
        beside(StpMode::ExpireBoth, &steps)?;
    }
}

/// The disagreement: a taker that a stranger's order satisfies leaves its owner's order behind it alone. The crate
/// expires that one, too.
#[test]
fn the_other_engine_expires_makers_that_nobody_met() {
    let mut beside = Beside::new(StpMode::ExpireMaker);
    let order = |account, side, qty| Step::Place { account, side, price: 100, qty, life: Life::Gtc };
    beside.step(order(1, Side::Sell, 5)).unwrap();
    beside.step(order(0, Side::Sell, 5)).unwrap();
    let taker = NewOrder {
        stp: StpMode::ExpireMaker,
        ..NewOrder::limit(
            beside.accounts[0],
            beside.symbol,
            ClientId::new("3").unwrap(),
            Side::Buy,
            (100, 5),
            Life::Gtc,
        )
    };
    beside.engine.place(&taker, &mut beside.events).unwrap();
    beside.theirs.add_order(their_order(3, 0, Side::Buy, 100, 5, Life::Gtc)).unwrap();
    assert_eq!(beside.levels(Side::Sell), [(100, 5)]);
    assert_eq!(beside.their_levels(Side::Sell), []);
}

/// The disagreement: what is left of a sell by quote quantity is less than a lot at the best bid, and a whole lot at
/// the bid behind it. The crate sells there, past an order with a better price; the engine ends.
#[test]
fn the_other_engine_sells_past_a_better_bid() {
    let mut beside = Beside::new(StpMode::None);
    let bid = |price| Step::Place { account: 1, side: Side::Buy, price, qty: 5, life: Life::Gtc };
    beside.step(bid(100)).unwrap();
    beside.step(bid(90)).unwrap();
    beside.market(0, Side::Sell, 0, Some(195));
    assert_eq!(beside.trades(), [(1, 3, 100, 1)]);
    assert_eq!(*beside.told.lock().unwrap(), [(1, 3, 100, 1), (2, 3, 90, 1)]);
    assert_eq!(beside.their_levels(Side::Buy), [(100, 4), (90, 4)]);
}
