//! A crowd: resting orders around a price that follows the reference market, and strangers who trade, so that a
//! venue's books look like a market's.
//!
//! What it wants is decided by [`shape`], without a clock and with seeded chance. Here it is carried out: under two
//! accounts that nobody can log in to, through the same door as every order, so that the command log holds it.
//! Its price is the last trade of anybody else, or what `POST /venue/price` says.

pub(super) mod admin;
mod settings;
pub mod shape;

use schemas::ids::symbol_hash;
use schemas::order::{PositionSide, Side};

use super::engine::{AccountId, Command, Event, Life, MarketKind, NewOrder, SymbolId};
use super::options::{AccountSpec, Credential};
use super::profile::SymbolStatus;
use super::publish::publish;
use super::state::{State, Symbol};
use super::symbols::Product;

pub use settings::CrowdSettings;
use shape::{Grid, Intent, Resting, Shape, View};

/// Who rests, and who takes.
const ACCOUNTS: [&str; 2] = ["crowd-maker", "crowd-taker"];
/// For so long after `POST /venue/price` the symbol's own trades do not move its price, milliseconds.
const TOLD_FOR_MS: i64 = 10_000;

/// A venue's crowd.
#[derive(Debug)]
pub(super) struct Crowd {
    maker: AccountId,
    taker: AccountId,
    symbols: Vec<Member>,
    /// Kept for its room.
    intents: Vec<Intent>,
}

/// The crowd on one symbol.
#[derive(Debug)]
struct Member {
    shape: Shape,
    /// When the reference was last told.
    told_ms: Option<i64>,
}

/// The accounts that a crowd needs, in the order in which [`Crowd::new`] wants them.
pub(super) fn accounts() -> [AccountSpec; 2] {
    ACCOUNTS.map(|key| AccountSpec { credential: Credential::Nobody, ..AccountSpec::new(key, "") })
}

impl Crowd {
    /// A crowd on all symbols of the state, which has opened its accounts.
    pub(super) fn new(settings: &CrowdSettings, state: &State, [maker, taker]: [AccountId; 2]) -> Self {
        let member = |symbol: &Symbol| {
            let product = u64::from(symbol.spec.product == Product::UsdM);
            let seed = settings.seed.rotate_left(32) ^ symbol_hash(&symbol.spec.name) ^ product;
            let mut shape = Shape::new(settings, seed, grid(symbol));
            if let Some(price) = symbol.spec.start_price.and_then(|price| symbol.spec.nearest_tick(price)) {
                shape.set_reference(price);
            }
            Member { shape, told_ms: None }
        };
        let symbols = state.symbols.iter().map(member).collect();
        Self { maker, taker, symbols, intents: Vec::new() }
    }

    /// The reference market's price of a symbol, in ticks.
    pub(super) fn tell(&mut self, symbol: SymbolId, price: i64, now_ms: i64) {
        let member = &mut self.symbols[symbol.index()];
        member.told_ms = Some(now_ms);
        member.shape.set_reference(price);
    }

    fn is_own(&self, account: AccountId) -> bool {
        account == self.maker || account == self.taker
    }

    fn tick(&mut self, state: &mut State, now_ms: i64) {
        for at in 0..self.symbols.len() {
            let symbol = state.symbols[at].id;
            if state.symbol(symbol).rules.status != SymbolStatus::Trading {
                continue;
            }
            let view = self.view(state, symbol);
            let mut intents = std::mem::take(&mut self.intents);
            self.symbols[at].shape.poll(now_ms, &view, &mut intents);
            for intent in intents.drain(..) {
                self.carry_out(state, symbol, intent, now_ms);
            }
            self.intents = intents;
        }
    }

    fn view(&self, state: &State, symbol: SymbolId) -> View {
        let engine = state.engine();
        let own = engine.open_orders_of_account(self.maker).filter(|order| order.symbol == symbol);
        let mut own: Vec<Resting> =
            own.map(|order| Resting { id: order.id, side: order.side, price: order.price }).collect();
        own.sort_unstable_by_key(|own| own.id);
        View { own, best: [Side::Buy, Side::Sell].map(|side| engine.best(symbol, side).map(|best| best.0)) }
    }

    fn carry_out(&self, state: &mut State, symbol: SymbolId, intent: Intent, now_ms: i64) {
        let (account, life, side, price, lots) = match intent {
            Intent::Cancel(id) => {
                state.cancel(id, now_ms);
                return publish(state, now_ms);
            }
            Intent::Rest { side, price, lots } => (self.maker, Life::Gtx, side, price, lots),
            Intent::Take { side, price, lots } => (self.taker, Life::Ioc, side, price, lots),
        };
        let position = match state.engine().market_kind(symbol) {
            MarketKind::Spot { .. } => PositionSide::None,
            MarketKind::Perpetual { .. } => PositionSide::Both,
        };
        let client = state.make_client_id();
        let new = NewOrder {
            position,
            now_ms,
            ..NewOrder::limit(account, symbol, client, side, (price, lots), life)
        };
        // An order that would trade at once is one that the next look places elsewhere.
        if state.apply(&Command::Place(new)).is_ok() {
            publish(state, now_ms);
        }
    }

    /// What others did: their trades move the price, their orders at the touch may be taken.
    fn react(&mut self, state: &mut State, seen: &[Seen], now_ms: i64) {
        for seen in seen {
            let (Seen::Print { symbol, .. } | Seen::Rested { symbol, .. }) = *seen;
            let member = &mut self.symbols[symbol.index()];
            match *seen {
                Seen::Print { price, .. } => {
                    if member.told_ms.is_none_or(|told_ms| now_ms - told_ms > TOLD_FOR_MS) {
                        member.shape.handle_print(price);
                    }
                }
                Seen::Rested { side, price, .. } => {
                    let engine = state.engine();
                    let touch = engine.best(symbol, side).filter(|best| best.0 == price);
                    let taken = touch.and_then(|(_, lots)| member.shape.handle_rested(side, price, lots));
                    if let Some(intent) = taken {
                        self.carry_out(state, symbol, intent, now_ms);
                    }
                }
            }
        }
    }
}

/// Something that somebody else did.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    /// A trade without the crowd.
    Print { symbol: SymbolId, price: i64 },
    /// An order came to rest.
    Rested { symbol: SymbolId, side: Side, price: i64 },
}

/// What of a command's events concerns a crowd; nothing where there is none.
pub(super) fn look(state: &State, events: &[Event]) -> Vec<Seen> {
    let Some(crowd) = &state.crowd else { return Vec::new() };
    let mut seen = Vec::new();
    for event in events {
        match event {
            Event::Traded(trade) => {
                let legs = [&trade.maker.order, &trade.taker.order];
                if legs.iter().all(|order| !crowd.is_own(order.account)) {
                    seen.push(Seen::Print { symbol: trade.symbol, price: trade.price });
                }
            }
            Event::Accepted { order, .. } if !crowd.is_own(order.account) && rests(order.life) => {
                seen.push(Seen::Rested { symbol: order.symbol, side: order.side, price: order.price });
            }
            Event::Accepted { .. }
            | Event::Prevented(_)
            | Event::Amended { .. }
            | Event::Modified { .. }
            | Event::Ended { .. }
            | Event::Level { .. }
            | Event::Position { .. }
            | Event::Balance { .. }
            | Event::Wiped => {}
        }
    }
    seen
}

const fn rests(life: Life) -> bool {
    match life {
        Life::Gtc | Life::Gtx => true,
        Life::Ioc | Life::Fok => false,
    }
}

/// Lets the crowd answer to what others did.
pub(super) fn react(state: &mut State, seen: &[Seen], now_ms: i64) {
    if seen.is_empty() {
        return;
    }
    // Taken out while it acts: it does not answer to itself.
    if let Some(mut crowd) = state.crowd.take() {
        crowd.react(state, seen, now_ms);
        state.crowd = Some(crowd);
    }
}

/// Every tick: the crowd looks at its books.
pub(super) fn tick(state: &mut State, now_ms: i64) {
    if let Some(mut crowd) = state.crowd.take() {
        crowd.tick(state, now_ms);
        state.crowd = Some(crowd);
    }
}

fn grid(symbol: &Symbol) -> Grid {
    let decimals = symbol.spec.price_decimals + symbol.spec.qty_decimals;
    Grid { price: symbol.rules.price, lot: symbol.rules.lot, unit: 10_i128.pow(decimals.into()) }
}
