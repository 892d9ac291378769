//! The matching engine: price-time priority, balances and positions that always add up, and nothing else.
//!
//! Commands in ([`Engine::apply`], or the plain methods), events out into the caller's buffer. It never reads a
//! clock, a socket or a random source: the same commands give the same events. Prices and quantities are whole
//! ticks and lots of their symbol, amounts are whole steps of `10^-`[`AMOUNT_DECIMALS`] of their asset. In the
//! steady state an operation allocates nothing: orders live in a slab, levels in sorted vectors that keep their
//! room.
//!
//! An order's way: `admit` checks it and holds what it may spend, `incoming` knows how much it still wants,
//! `matching` trades it, `balances` and `positions` book what changes hands, `change` is for what happens to it
//! later. `check` proves at any time that everything adds up.

mod admit;
mod balances;
mod book;
mod change;
mod check;
mod incoming;
mod market;
mod matching;
mod orders;
mod positions;
mod queries;
mod settings;
mod types;

pub use balances::{AMOUNT_DECIMALS, Balance, DEPOSITS_MAX};
pub use check::Imbalance;
pub use types::{
    AccountId, AssetId, CLIENT_ID_LEN_MAX, ClientId, Command, Done, EndReason, Event, Fill, Life, MarketKind,
    NewOrder, Order, OrderId, OrderKind, Position, Prevented, PreventedLeg, Reject, StpMode, SymbolId, Taken,
    Target, Trade,
};

use balances::Balances;
use book::Book;
use market::Market;
use orders::Orders;
use positions::Positions;
use settings::Settings;

/// All books, open orders, balances and positions of one venue.
#[derive(Debug, Default)]
pub struct Engine {
    markets: Vec<Market>,
    books: Vec<Book>,
    orders: Orders,
    accounts: Vec<Settings>,
    balances: Balances,
    positions: Positions,
    counters: Counters,
}

/// The last number given out of each kind; the first is 1.
#[derive(Debug, Default)]
struct Counters {
    order: u64,
    trade: u64,
    execution: u64,
    prevented: u64,
}

impl Counters {
    fn execution(&mut self) -> u64 {
        self.execution += 1;
        self.execution
    }
}

impl Engine {
    /// Carries a command out. Events go to the end of `events`.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed and no event was written.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) -> Result<Done, Reject> {
        match command {
            Command::Place(new) => self.place(new, events).map(Done::Order),
            Command::Cancel { id, .. } => found(self.cancel(*id, events)),
            Command::Expire { id } => found(self.expire(*id, events)),
            Command::Amend { id, qty, client, now_ms } => {
                self.amend(*id, *qty, *client, *now_ms, events).map(Done::Order)
            }
            Command::Modify { id, price, qty, now_ms } => {
                self.modify(*id, *price, *qty, *now_ms, events).map(Done::Order)
            }
            Command::AddAsset => self.list_asset().map(Done::Asset),
            Command::AddAccount => self.open_account().map(Done::Account),
            Command::AddSymbol { kind, price_decimals, qty_decimals } => {
                self.add_symbol(*kind, *price_decimals, *qty_decimals).map(Done::Symbol)
            }
            Command::Deposit { .. }
            | Command::Fees { .. }
            | Command::Step { .. }
            | Command::Leverage { .. }
            | Command::PositionMode { .. }
            | Command::TradeGroup { .. }
            | Command::Mark { .. }
            | Command::Wipe => self.set(command, events).map(|()| Done::Nothing),
        }
    }

    /// Takes an order in and matches it. Answers the order as it stands afterwards.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed and no event was written.
    pub fn place(&mut self, new: &NewOrder, events: &mut Vec<Event>) -> Result<Order, Reject> {
        let incoming = self.admit(new)?;
        self.counters.order += 1;
        events.push(Event::Accepted { order: incoming.order, execution: self.counters.execution() });
        Ok(self.run(incoming, events))
    }
}

fn found(order: Option<Order>) -> Result<Done, Reject> {
    order.map(Done::Order).ok_or(Reject::UnknownOrder)
}
