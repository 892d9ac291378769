//! A mix of orders for the matching engine: 45 % post-only, 45 % IOC, 10 % cancels, on a book of 1,000 levels a
//! side.
//!
//! The list is made by playing it once, so that every price is near the touch of that moment and every cancel
//! meets an open order. Post-only orders go one tick below the other side's best price or somewhat behind it,
//! IOC orders take at the touch; quantities are such that the book neither drains nor fills.

use schemas::order::Side;
use self_trader::simulator::engine::{
    AccountId, ClientId, Command, Engine, Event, Life, MarketKind, NewOrder, OrderId, SymbolId,
};

/// Levels of each side at the start.
pub(crate) const LEVELS: i64 = 1_000;
const MID: i64 = 100_000;
const LEVEL_QTY: i64 = 50;
const ACCOUNTS: u16 = 2;

/// One operation, in the words of no engine. Numbers of orders count the places from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Post-only.
    Post { account: u16, side: Side, price: i64, qty: i64 },
    /// Immediate or cancel.
    Take { account: u16, side: Side, price: i64, qty: i64 },
    /// The order placed as that one.
    Cancel(u64),
}

/// What fills the book before the mix: one order a level.
pub(crate) fn ground() -> impl Iterator<Item = Op> {
    (1..=LEVELS).flat_map(|at| {
        let post = |side, price| Op::Post { account: 0, side, price, qty: LEVEL_QTY };
        [post(Side::Buy, MID - at), post(Side::Sell, MID + at)]
    })
}

/// Our engine, and what is needed to talk to it.
pub(crate) struct Venue {
    /// The engine itself.
    pub(crate) engine: Engine,
    /// The one symbol.
    pub(crate) symbol: SymbolId,
    accounts: Vec<AccountId>,
    events: Vec<Event>,
    placed: u64,
}

impl Venue {
    /// Ready, with a full book.
    pub(crate) fn new() -> Self {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let accounts = (0..ACCOUNTS).map(|_| engine.add_account()).collect();
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 2, 3).expect("few decimals");
        let mut venue = Self { engine, symbol, accounts, events: Vec::with_capacity(1_024), placed: 0 };
        venue.fill();
        venue
    }

    /// The book as it was at first; what was allocated is kept.
    pub(crate) fn restart(&mut self) {
        self.events.clear();
        self.engine.apply(&Command::Wipe, &mut self.events).expect("a reset is never refused");
        self.placed = 0;
        self.fill();
    }

    fn fill(&mut self) {
        for account in self.accounts.clone() {
            for asset in self.engine.assets() {
                self.engine.deposit(account, asset, 10_i128.pow(30)).expect("far from the bound");
            }
        }
        ground().for_each(|op| self.play(op));
    }

    /// Does one operation; its events are made and left to be overwritten.
    pub(crate) fn play(&mut self, op: Op) {
        self.events.clear();
        match op {
            Op::Post { account, side, price, qty } => self.place(account, side, price, qty, Life::Gtx),
            Op::Take { account, side, price, qty } => self.place(account, side, price, qty, Life::Ioc),
            Op::Cancel(id) => {
                self.engine.cancel(OrderId(id), &mut self.events);
            }
        }
    }

    fn place(&mut self, account: u16, side: Side, price: i64, qty: i64, life: Life) {
        self.placed += 1;
        let account = self.accounts[usize::from(account)];
        let new = NewOrder::limit(account, self.symbol, client(self.placed), side, (price, qty), life);
        self.engine.place(&new, &mut self.events).expect("made so that none is refused");
    }

    /// How many trades the last operation made.
    pub(crate) fn trades(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Traded(_))).count()
    }
}

/// A list of `count` operations; the same for the same seed.
pub(crate) fn mix(count: usize, seed: u64) -> Vec<Op> {
    let mut venue = Venue::new();
    let mut dice = Dice(seed);
    let (mut open, mut ops) = (Vec::new(), Vec::with_capacity(count));
    while ops.len() < count {
        let op = match dice.below(100) {
            0..45 => post(&venue, &mut dice),
            45..90 => take(&venue, &mut dice),
            _ => match cancel(&venue, &mut dice, &mut open) {
                Some(op) => op,
                None => post(&venue, &mut dice),
            },
        };
        venue.play(op);
        if matches!(op, Op::Post { .. }) {
            open.push(venue.placed);
        }
        ops.push(op);
    }
    ops
}

fn post(venue: &Venue, dice: &mut Dice) -> Op {
    let side = dice.side();
    let (other, _) = venue.engine.best(venue.symbol, side.opposite()).expect("never empty");
    let behind = 1 + if dice.below(5) == 0 { dice.below(LEVELS as u64) } else { dice.below(5) } as i64;
    let price = if side == Side::Buy { other - behind } else { other + behind };
    Op::Post { account: dice.below(2) as u16, side, price, qty: 1 + dice.below(12) as i64 }
}

fn take(venue: &Venue, dice: &mut Dice) -> Op {
    let side = dice.side();
    let (price, _) = venue.engine.best(venue.symbol, side.opposite()).expect("never empty");
    Op::Take { account: dice.below(2) as u16, side, price, qty: 1 + dice.below(10) as i64 }
}

/// An order that still rests, of those that the mix placed.
fn cancel(venue: &Venue, dice: &mut Dice, open: &mut Vec<u64>) -> Option<Op> {
    while !open.is_empty() {
        let id = open.swap_remove(dice.below(open.len() as u64) as usize);
        if venue.engine.order(OrderId(id)).is_some() {
            return Some(Op::Cancel(id));
        }
    }
    None
}

fn client(number: u64) -> ClientId {
    let mut text = *b"x0000000000000000";
    for (at, byte) in text[1..].iter_mut().enumerate() {
        *byte = b"0123456789abcdef"[(number >> (4 * at) & 15) as usize];
    }
    ClientId::new(std::str::from_utf8(&text).expect("hex")).expect("17 characters")
}

/// A small generator of its own: the list must be the same on every machine and with every version.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }
}
