//! Random commands into the engine and into the naive venue: same answers, same trades, same ends, same books, same
//! balances and positions; and after every command everything adds up.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schemas::order::{OrderStatus, PositionSide, Side};
use self_trader::simulator::engine::{
    AccountId, AssetId, ClientId, Command, Engine, Event, Fill, Life, MarketKind, NewOrder, Order, OrderId,
    OrderKind, Prevented, PreventedLeg, Reject, StpMode, SymbolId, Target,
};

use crate::naive::{
    ACCOUNTS, ASSETS, DECIMALS, LOT, Leg, MARGIN, Naive, Place, QUOTE, SYMBOLS, Spared, TICK_LOT, Told,
    best_first, is_perpetual, side_index,
};

#[derive(Clone, Debug)]
enum Step {
    Place(Place),
    /// An open order, or one that is not; see [`target`].
    Cancel(u64),
    Expire(u64),
    Amend {
        dice: u64,
        qty: i64,
        client: Option<u32>,
    },
    Modify {
        dice: u64,
        price: i64,
        qty: i64,
    },
    Deposit(usize, usize),
    Fees(usize, u32, u32),
    Lots(usize, i64),
    Leverage(usize, usize, u32),
    Hedge(usize, bool),
    Group(usize, Option<u32>),
    Mark(usize, i64),
    Wipe,
}

fn place() -> impl Strategy<Value = Place> {
    let life = prop_oneof![
        8 => Just(Life::Gtc),
        2 => Just(Life::Gtx),
        3 => Just(Life::Ioc),
        1 => Just(Life::Fok),
    ];
    let stp = prop_oneof![
        4 => Just(StpMode::None),
        1 => Just(StpMode::ExpireTaker),
        1 => Just(StpMode::ExpireMaker),
        1 => Just(StpMode::ExpireBoth),
        1 => Just(StpMode::Decrement),
        4 => Just(StpMode::Transfer),
    ];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let who = (0..ACCOUNTS, 0..SYMBOLS, 0..60_u32, side);
    let terms = (0..8_u8, 97..=103_i64, 1..30_i64, 50..3_000_i128, life, stp);
    let position = (0..20_u8, 0..4_u8);
    (who, terms, position).prop_map(|(who, (kind, price, qty, quote, life, stp), (odd, position))| {
        let (account, symbol, client, side) = who;
        let is_market = kind == 0;
        let by_quote = is_market && quote % 3 == 0;
        Place {
            account,
            symbol,
            client,
            side,
            kind: if is_market { OrderKind::Market } else { OrderKind::Limit },
            price: if is_market { 0 } else { price },
            qty: if by_quote { 0 } else { qty },
            quote: by_quote.then_some(quote),
            // Mostly a life that a MARKET order may have.
            life: if is_market && odd > 0 && life != Life::Fok { Life::Ioc } else { life },
            stp,
            // Both and the hedge sides; what fits the account is put right by `fitted`, but for a few.
            position: match (is_perpetual(symbol), odd, position) {
                (true, 0, 0) | (false, 1.., _) => PositionSide::None,
                (_, _, 0 | 1) => PositionSide::Both,
                (_, _, 2) => PositionSide::Long,
                (_, _, _) => PositionSide::Short,
            },
            reduce_only: odd % 8 == 2,
        }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let perpetual = || 2..SYMBOLS;
    let step = prop_oneof![
        60 => place().prop_map(Step::Place),
        3 => (0..40_u64).prop_map(Step::Cancel),
        1 => (0..40_u64).prop_map(Step::Expire),
        5 => (0..40_u64, 1..30_i64, prop::option::of(0..60_u32))
            .prop_map(|(dice, qty, client)| Step::Amend { dice, qty, client }),
        6 => (0..40_u64, 97..=103_i64, 1..30_i64)
            .prop_map(|(dice, price, qty)| Step::Modify { dice, price, qty }),
        1 => (0..ACCOUNTS, 0..ASSETS).prop_map(|(account, asset)| Step::Deposit(account, asset)),
        2 => (0..SYMBOLS, 0..20_000_u32, 0..20_000_u32).prop_map(|(s, m, t)| Step::Fees(s, m, t)),
        1 => (0..SYMBOLS, 1..5_i64).prop_map(|(symbol, lots)| Step::Lots(symbol, lots)),
        2 => (0..ACCOUNTS, 0..SYMBOLS, 1..=125_u32).prop_map(|(a, s, l)| Step::Leverage(a, s, l)),
        1 => (0..ACCOUNTS, any::<bool>()).prop_map(|(account, hedge)| Step::Hedge(account, hedge)),
        1 => (0..ACCOUNTS, prop::option::of(0..2_u32)).prop_map(|(a, group)| Step::Group(a, group)),
        2 => (perpetual(), 80..120_i64).prop_map(|(symbol, price)| Step::Mark(symbol, price)),
        1 => (0..8_u8).prop_map(|dice| if dice == 0 { Step::Wipe } else { Step::Cancel(39) }),
    ];
    prop::collection::vec(step, 1..200)
}

struct Both {
    engine: Engine,
    naive: Naive,
    accounts: Vec<AccountId>,
    assets: Vec<AssetId>,
    symbols: Vec<SymbolId>,
    commands: Vec<Command>,
    events: Vec<Event>,
    /// Orders that were told to have ended: nothing may be told of them again.
    ended: HashSet<OrderId>,
    last_execution: u64,
    last_update: [u64; SYMBOLS],
    /// The books as the level events alone tell them.
    told_levels: BTreeMap<(usize, &'static str, i64), i64>,
}

/// Tight on purpose: refusals for want of balance or margin must agree too.
fn given(asset: usize) -> i128 {
    match asset {
        QUOTE => 20_000 * (TICK_LOT[0] + TICK_LOT[1]),
        MARGIN => 1_500 * (TICK_LOT[2] + TICK_LOT[3]),
        base => 200 * LOT[base],
    }
}

impl Both {
    fn new() -> Self {
        let (mut engine, naive) = (Engine::default(), Naive::new());
        let assets: Vec<_> = (0..ASSETS).map(|_| engine.add_asset()).collect();
        let accounts: Vec<_> = (0..ACCOUNTS).map(|_| engine.add_account()).collect();
        let kind = |symbol| match is_perpetual(symbol) {
            true => MarketKind::Perpetual { margin: assets[MARGIN] },
            false => MarketKind::Spot { base: assets[symbol], quote: assets[QUOTE] },
        };
        let symbols: Vec<_> = DECIMALS
            .iter()
            .enumerate()
            .map(|(symbol, (price, qty))| engine.add_symbol(kind(symbol), *price, *qty).unwrap())
            .collect();
        let mut both = Self {
            engine,
            naive,
            accounts,
            assets,
            symbols,
            commands: Vec::new(),
            events: Vec::new(),
            ended: HashSet::new(),
            last_execution: 0,
            last_update: [0; SYMBOLS],
            told_levels: BTreeMap::new(),
        };
        for account in 0..ACCOUNTS {
            for asset in 0..ASSETS {
                both.step(&Step::Deposit(account, asset)).unwrap();
            }
        }
        for step in [Step::Group(0, Some(1)), Step::Group(1, Some(1)), Step::Hedge(3, true)] {
            both.step(&step).unwrap();
        }
        both
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        self.events.clear();
        let mut told = Vec::new();
        let (command, want) = self.both_ways(step, &mut told);
        let got = self.engine.apply(&command, &mut self.events);
        self.commands.push(command);
        prop_assert_eq!(got.map(drop), want);
        prop_assert!(want.is_ok() || self.events.is_empty(), "refused, and yet something happened");
        let engine_told: Vec<_> = self.events.iter().filter_map(told_of).collect();
        prop_assert_eq!(engine_told, told);
        prop_assert_eq!(self.engine.check(), Ok(()));
        self.check_numbers()?;
        self.check_books()?;
        self.check_accounts()
    }

    /// The command, and what the naive venue makes of it.
    fn both_ways(&mut self, step: &Step, told: &mut Vec<Told>) -> (Command, Result<(), Reject>) {
        let naive = &mut self.naive;
        let id = |dice: &u64| target(naive, *dice);
        match step {
            Step::Place(place) => {
                let place = fitted(place, naive);
                (Command::Place(self.new_order(&place)), self.naive.place(&place, told))
            }
            Step::Cancel(dice) => {
                let id = id(dice);
                (Command::Cancel { id, now_ms: 8 }, naive.cancel(id.0, told))
            }
            Step::Expire(dice) => {
                let id = id(dice);
                (Command::Expire { id }, naive.expire(id.0, told))
            }
            Step::Amend { dice, qty, client } => {
                let id = id(dice);
                let command = Command::Amend { id, qty: *qty, client: client.map(client_id), now_ms: 9 };
                (command, naive.amend(id.0, *qty, *client, told))
            }
            Step::Modify { dice, price, qty } => {
                let id = id(dice);
                let command = Command::Modify { id, price: *price, qty: *qty, now_ms: 9 };
                (command, naive.modify(id.0, *price, *qty, told))
            }
            Step::Wipe => {
                naive.wipe(told);
                (Command::Wipe, Ok(()))
            }
            Step::Deposit(..)
            | Step::Fees(..)
            | Step::Lots(..)
            | Step::Leverage(..)
            | Step::Hedge(..)
            | Step::Group(..)
            | Step::Mark(..) => self.set(step),
        }
    }

    fn set(&mut self, step: &Step) -> (Command, Result<(), Reject>) {
        let (naive, symbols, accounts) = (&mut self.naive, &self.symbols, &self.accounts);
        match *step {
            Step::Deposit(account, asset) => {
                naive.deposit(account, asset, given(asset));
                let (account, id) = (accounts[account], self.assets[asset]);
                (Command::Deposit { account, asset: id, amount: given(asset) }, Ok(()))
            }
            Step::Fees(symbol, maker_ppm, taker_ppm) => {
                naive.ppm[symbol] = (maker_ppm, taker_ppm);
                (Command::Fees { symbol: symbols[symbol], maker_ppm, taker_ppm }, Ok(()))
            }
            Step::Lots(symbol, lots) => {
                naive.steps[symbol] = lots;
                (Command::Step { symbol: symbols[symbol], lots }, Ok(()))
            }
            Step::Leverage(account, symbol, leverage) => {
                let command =
                    Command::Leverage { account: accounts[account], symbol: symbols[symbol], leverage };
                (command, naive.set_leverage(account, symbol, leverage))
            }
            Step::Hedge(account, hedge) => {
                let command = Command::PositionMode { account: accounts[account], hedge };
                (command, naive.set_hedged(account, hedge))
            }
            Step::Group(account, group) => {
                naive.groups[account] = group;
                (Command::TradeGroup { account: accounts[account], group }, Ok(()))
            }
            Step::Mark(symbol, price) => {
                naive.marks[symbol] = Some(price);
                (Command::Mark { symbol: symbols[symbol], price }, Ok(()))
            }
            Step::Place(_)
            | Step::Cancel(_)
            | Step::Expire(_)
            | Step::Amend { .. }
            | Step::Modify { .. }
            | Step::Wipe => unreachable!("done by the caller"),
        }
    }

    fn new_order(&self, place: &Place) -> NewOrder {
        let (account, symbol) = (self.accounts[place.account], self.symbols[place.symbol]);
        let terms = (place.price, place.qty);
        NewOrder {
            kind: place.kind,
            quote_qty: place.quote,
            stp: place.stp,
            position: place.position,
            reduce_only: place.reduce_only,
            now_ms: 7,
            ..NewOrder::limit(account, symbol, client_id(place.client), place.side, terms, place.life)
        }
    }

    /// Execution and update ids rise by one and never repeat; nothing is told of an order after its end.
    fn check_numbers(&mut self) -> Result<(), TestCaseError> {
        for event in &self.events {
            for order in orders_of(event) {
                prop_assert!(!self.ended.contains(&order.id), "after its end: {:?}", event);
                if order.status.is_final() {
                    self.ended.insert(order.id);
                }
            }
            let executions = match event {
                Event::Accepted { execution, .. }
                | Event::Amended { execution, .. }
                | Event::Modified { execution, .. }
                | Event::Ended { execution, .. } => vec![*execution],
                Event::Traded(trade) => vec![trade.maker.execution, trade.taker.execution],
                Event::Prevented(prevented) => {
                    let taken = [prevented.maker.taken, prevented.taker.taken].into_iter().flatten();
                    taken.map(|taken| taken.execution).collect()
                }
                Event::Level { symbol, side, price, qty, update } => {
                    let last = &mut self.last_update[symbol.index()];
                    prop_assert_eq!(*update, *last + 1);
                    *last = *update;
                    let told = self.told_levels.insert((symbol.index(), side.as_str(), *price), *qty);
                    prop_assert_ne!(told.unwrap_or(0), *qty, "a level that has not changed");
                    vec![]
                }
                Event::Balance { .. } | Event::Position { .. } => vec![],
                Event::Wiped => {
                    self.ended.clear();
                    self.last_execution = 0;
                    self.last_update = [0; SYMBOLS];
                    self.told_levels.clear();
                    vec![]
                }
            };
            for execution in executions {
                prop_assert_eq!(execution, self.last_execution + 1);
                self.last_execution = execution;
            }
        }
        Ok(())
    }

    fn check_books(&self) -> Result<(), TestCaseError> {
        for (symbol, id) in self.symbols.iter().enumerate() {
            for side in [Side::Buy, Side::Sell] {
                let levels: Vec<_> = self.engine.levels(*id, side).collect();
                prop_assert_eq!(&levels, &self.naive.levels(symbol, side));
                let told = self.told_levels.iter().filter(|((s, told_side, _), qty)| {
                    *s == symbol && *told_side == side.as_str() && **qty > 0
                });
                let told = best_first(side, told.map(|((_, _, price), qty)| (*price, *qty)).collect());
                prop_assert_eq!(levels, told, "the level events tell another book");
            }
        }
        self.check_open_orders()
    }

    fn check_open_orders(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.engine.open_order_count(), self.naive.resting.len());
        prop_assert_eq!(self.engine.open_orders().count(), self.naive.resting.len());
        for order in &self.naive.resting {
            let (account, symbol) = (self.accounts[order.terms.account], self.symbols[order.terms.symbol]);
            for target in [Target::Client(client_id(order.terms.client)), Target::Id(OrderId(order.id))] {
                let found = self.engine.find(account, symbol, target).unwrap();
                prop_assert_eq!(
                    (found.id.0, found.remaining(), found.status, found.price, found.qty),
                    (order.id, order.remaining(), order.status, order.terms.price, order.terms.qty)
                );
            }
        }
        Ok(())
    }

    fn check_accounts(&self) -> Result<(), TestCaseError> {
        for (asset, id) in self.assets.iter().enumerate() {
            prop_assert_eq!(self.engine.deposited(*id), self.naive.deposited[asset]);
            prop_assert_eq!(self.engine.fees_earned(*id), self.naive.fees[asset]);
            for (account, account_id) in self.accounts.iter().enumerate() {
                let held = self.engine.balance(*account_id, *id);
                prop_assert_eq!(held, self.naive.balances[account][asset]);
            }
        }
        for (account, id) in self.accounts.iter().enumerate() {
            prop_assert_eq!(self.engine.available(*id, self.assets[MARGIN]), self.naive.available(account));
            for (symbol, symbol_id) in self.symbols.iter().enumerate() {
                for side in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
                    let want = self.naive.positions[account][symbol][side_index(side)];
                    prop_assert_eq!(self.engine.position(*id, *symbol_id, side), want);
                }
            }
        }
        for event in &self.events {
            match event {
                Event::Balance { account, asset, balance } => {
                    prop_assert_eq!(*balance, self.engine.balance(*account, *asset));
                }
                Event::Position { account, symbol, side, position } => {
                    prop_assert_eq!(*position, self.engine.position(*account, *symbol, *side));
                }
                Event::Accepted { .. }
                | Event::Traded(_)
                | Event::Prevented(_)
                | Event::Amended { .. }
                | Event::Modified { .. }
                | Event::Ended { .. }
                | Event::Level { .. }
                | Event::Wiped => {}
            }
        }
        Ok(())
    }
}

/// An open order; now and then one that was placed lately, open or not.
fn target(naive: &Naive, dice: u64) -> OrderId {
    let open = naive.resting.len() as u64;
    match dice {
        4.. if open > 0 => OrderId(naive.resting[(dice * 7 % open) as usize].id),
        _ => OrderId(naive.orders.saturating_sub(dice)),
    }
}

/// Most orders name the position side that their account's mode asks for.
fn fitted(place: &Place, naive: &Naive) -> Place {
    let mut place = place.clone();
    let is_hedged = naive.hedged[place.account];
    place.position = match place.position {
        PositionSide::None => PositionSide::None,
        PositionSide::Both if is_hedged && !place.client.is_multiple_of(16) => PositionSide::Long,
        PositionSide::Both => PositionSide::Both,
        PositionSide::Long | PositionSide::Short if !is_hedged && !place.client.is_multiple_of(16) => {
            PositionSide::Both
        }
        side @ (PositionSide::Long | PositionSide::Short) => side,
    };
    // In hedge mode most orders open: there would be nothing to close.
    place.position = match (place.position, place.side) {
        (PositionSide::Long, Side::Sell) if !place.client.is_multiple_of(3) => PositionSide::Short,
        (PositionSide::Short, Side::Buy) if !place.client.is_multiple_of(3) => PositionSide::Long,
        (side, _) => side,
    };
    place.reduce_only &= is_perpetual(place.symbol) && !is_hedged || place.client.is_multiple_of(8);
    // Most orders that only close find something to close.
    let held = naive.positions[place.account][place.symbol][side_index(place.position)].qty;
    if place.reduce_only && held != 0 && !place.client.is_multiple_of(4) {
        place.side = if held > 0 { Side::Sell } else { Side::Buy };
        place.qty = place.qty.min(held.abs());
    }
    place
}

fn client_id(number: u32) -> ClientId {
    ClientId::new(&format!("c{number}")).unwrap()
}

fn told_of(event: &Event) -> Option<Told> {
    let ended = |order: &Order| Told::Ended {
        id: order.id.0,
        status: order.status,
        reason: order.end,
        left: order.remaining(),
    };
    Some(match event {
        Event::Accepted { order, .. } => Told::Accepted { id: order.id.0 },
        Event::Traded(trade) => Told::Trade {
            id: trade.id,
            price: trade.price,
            qty: trade.qty,
            maker: leg(&trade.maker),
            taker: leg(&trade.taker),
        },
        Event::Prevented(Prevented { id, price, maker, taker, transferred, .. }) => Told::Prevented {
            id: *id,
            price: *price,
            maker: spared(maker),
            taker: spared(taker),
            transferred: *transferred,
        },
        Event::Amended { order, .. } => {
            let client = order.client.as_str()[1..].parse().unwrap();
            Told::Amended { id: order.id.0, qty: order.qty, client }
        }
        Event::Modified { order, .. } => {
            Told::Modified { id: order.id.0, price: order.price, qty: order.qty }
        }
        Event::Ended { order, .. } => ended(order),
        Event::Wiped => Told::Wiped,
        Event::Level { .. } | Event::Balance { .. } | Event::Position { .. } => return None,
    })
}

fn orders_of(event: &Event) -> Vec<Order> {
    match event {
        Event::Accepted { order, .. }
        | Event::Amended { order, .. }
        | Event::Modified { order, .. }
        | Event::Ended { order, .. } => vec![*order],
        Event::Traded(trade) => vec![trade.maker.order, trade.taker.order],
        Event::Prevented(prevented) => vec![prevented.maker.order, prevented.taker.order],
        Event::Level { .. } | Event::Balance { .. } | Event::Position { .. } | Event::Wiped => vec![],
    }
}

fn leg(fill: &Fill) -> Leg {
    Leg { id: fill.order.id.0, status: fill.order.status, fee: fill.fee, realised: fill.realised }
}

fn spared(leg: &PreventedLeg) -> Spared {
    Spared { id: leg.order.id.0, status: leg.order.status, taken: leg.taken.map(|taken| taken.qty) }
}

/// All of it or nothing: what was filled of a FOK order, if anything.
fn check_fok(events: &[Event]) -> Result<(), TestCaseError> {
    for event in events {
        if let Event::Ended { order, .. } = event
            && order.life == Life::Fok
            && order.status == OrderStatus::Expired
        {
            prop_assert_eq!(order.filled, 0, "a FOK order was filled in part");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_engine_does_what_the_naive_venue_does(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step)?;
            check_fok(&both.events)?;
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_same_commands_give_the_same_events(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step)?;
        }
        let run = |engine: &mut Engine, first: usize| {
            let mut events = Vec::new();
            let told: Vec<_> = both.commands[first..]
                .iter()
                .map(|command| engine.apply(command, &mut events))
                .collect();
            (told, events)
        };
        let listed = || {
            let mut engine = Engine::default();
            both.assets.iter().for_each(|_| {
                engine.add_asset();
            });
            both.accounts.iter().for_each(|_| {
                engine.add_account();
            });
            for ((price, qty), id) in DECIMALS.iter().zip(&both.symbols) {
                engine.add_symbol(both.engine.market_kind(*id), *price, *qty).unwrap();
            }
            engine
        };
        let (mut one, mut other) = (listed(), listed());
        prop_assert_eq!(run(&mut one, 0), run(&mut other, 0));
        // After a reset, with the settings as they are by then, numbers begin again and the same follows.
        for engine in [&mut one, &mut other] {
            engine.apply(&Command::Wipe, &mut Vec::new()).unwrap();
        }
        prop_assert_eq!(run(&mut one, 0), run(&mut other, 0));
    }

    #[test]
    fn a_command_survives_its_text(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step)?;
        }
        for command in &both.commands {
            let text = serde_json::to_string(command).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Command>(&text).unwrap(), command);
        }
    }
}

/// What the flows came upon, and how often.
#[test]
fn the_flows_reach_every_rule() {
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..250 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let mut both = Both::new();
        for step in &steps {
            both.events.clear();
            let (command, want) = both.both_ways(step, &mut Vec::new());
            assert_eq!(both.engine.apply(&command, &mut both.events).map(drop), want);
            want.err().into_iter().for_each(|reject| *met.entry(format!("{reject:?}")).or_default() += 1);
            for event in &both.events {
                kinds(event, &both).into_iter().for_each(|kind| *met.entry(kind).or_default() += 1);
            }
        }
    }
    let seldom: Vec<_> = ALL.iter().filter(|kind| met.get(**kind).copied().unwrap_or(0) < 5).collect();
    assert!(seldom.is_empty(), "met less than 5 times: {seldom:?} of {met:#?}");
}

const ALL: &[&str] = &[
    "Unsupported",
    "PositionSideMismatch",
    "DuplicateClientId",
    "WouldMatch",
    "CannotFill",
    "InsufficientBalance",
    "InsufficientMargin",
    "ReduceOnly",
    "UnknownOrder",
    "AmendQty",
    "NoChange",
    "OpenOrders",
    "OpenPosition",
    "spot trade",
    "perpetual trade",
    "fee",
    "profit",
    "loss",
    "rounded",
    "hedged",
    "by quote filled",
    "ExpireTaker spot",
    "ExpireMaker spot",
    "ExpireBoth spot",
    "Decrement spot",
    "Transfer spot",
    "ExpireTaker perpetual",
    "ExpireMaker perpetual",
    "ExpireBoth perpetual",
    "Decrement perpetual",
    "Transfer perpetual",
    "transferred spot",
    "transferred perpetual",
    "in a group",
    "end Canceled",
    "end IocRest",
    "end FokUnfilled",
    "end NoLiquidity",
    "end Modified",
    "end ReduceOnly",
    "end Venue",
    "amended",
    "modified",
    "FOK filled",
    "wiped",
];

fn kinds(event: &Event, both: &Both) -> Vec<String> {
    let product = |symbol: SymbolId| if is_perpetual(symbol.index()) { "perpetual" } else { "spot" };
    match event {
        Event::Traded(trade) => {
            let taker = &trade.taker.order;
            let filled = taker.status == OrderStatus::Filled;
            let flags = [
                (trade.maker.fee > 0, "fee"),
                (trade.taker.realised > 0, "profit"),
                (trade.taker.realised < 0, "loss"),
                (taker.position == PositionSide::Short, "hedged"),
                (filled && taker.quote_qty.is_some(), "by quote filled"),
                (filled && taker.life == Life::Fok, "FOK filled"),
            ];
            let kinds = flags.into_iter().filter(|(is_met, _)| *is_met).map(|(_, kind)| kind.to_owned());
            kinds.chain([format!("{} trade", product(trade.symbol))]).collect()
        }
        Event::Prevented(prevented) => {
            let product = product(prevented.symbol);
            let mut kinds = vec![format!("{:?} {product}", prevented.mode)];
            kinds.extend(prevented.transferred.then(|| format!("transferred {product}")));
            kinds.extend(prevented.trade_group.map(|_| "in a group".to_owned()));
            kinds
        }
        Event::Ended { order, .. } => vec![format!("end {:?}", order.end.unwrap())],
        Event::Amended { .. } => vec!["amended".to_owned()],
        Event::Modified { .. } => vec!["modified".to_owned()],
        Event::Wiped => vec!["wiped".to_owned()],
        Event::Position { account, symbol, side, .. } => {
            let position = both.engine.position(*account, *symbol, *side);
            let is_rounded = position.qty != 0 && position.cost % i128::from(position.qty) != 0;
            is_rounded.then(|| "rounded".to_owned()).into_iter().collect()
        }
        Event::Accepted { .. } | Event::Level { .. } | Event::Balance { .. } => vec![],
    }
}
