//! Everything that can be done to the engine.

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, AssetId, ClientId, OrderId, SymbolId};
use super::order::{NewOrder, Order};

/// What a symbol exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MarketKind {
    /// Base for quote, both delivered.
    Spot {
        /// What a quantity is of.
        base: AssetId,
        /// What a price is in.
        quote: AssetId,
    },
    /// A linear perpetual: positions, and a wallet that takes fees and profits.
    Perpetual {
        /// The wallet's asset, and what a price is in.
        margin: AssetId,
    },
}

/// One change of the engine. The same commands give the same events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A new asset.
    AddAsset,
    /// A new account, with nothing in it.
    AddAccount,
    /// A new symbol with an empty book.
    AddSymbol {
        /// Spot or perpetual, and its assets.
        kind: MarketKind,
        /// A tick is `10^-price_decimals`.
        price_decimals: u8,
        /// A lot is `10^-qty_decimals`.
        qty_decimals: u8,
    },
    /// Gives an account an amount out of nowhere: the only thing that changes an asset's total.
    Deposit {
        /// To whom.
        account: AccountId,
        /// Of what.
        asset: AssetId,
        /// In amount steps, above zero.
        amount: i128,
    },
    /// Takes an order in and matches it.
    Place(NewOrder),
    /// Takes an open order out of its book, for its owner.
    Cancel {
        /// Which.
        id: OrderId,
        /// The caller's time; not used.
        now_ms: i64,
    },
    /// Makes an open order smaller; it keeps its place in the queue.
    Amend {
        /// Which.
        id: OrderId,
        /// The whole order's new quantity: below the old one, above what has traded or was prevented.
        qty: i64,
        /// Its new client id; unless given it keeps the old one.
        client: Option<ClientId>,
        /// Passed through into [`Order::amended_ms`].
        now_ms: i64,
    },
    /// Changes an open order's price, quantity or both; it goes to the end of the queue, or trades.
    Modify {
        /// Which.
        id: OrderId,
        /// The new price in ticks.
        price: i64,
        /// The whole order's new quantity in lots.
        qty: i64,
        /// Passed through into [`Order::amended_ms`].
        now_ms: i64,
    },
    /// A symbol's fees, in millionths, at most 1,000,000.
    Fees {
        /// Of which symbol.
        symbol: SymbolId,
        /// For who rested.
        maker_ppm: u32,
        /// For who came.
        taker_ppm: u32,
    },
    /// The quantity step of MARKET orders by quote quantity, in lots; 1 unless set.
    Step {
        /// Of which symbol.
        symbol: SymbolId,
        /// In lots, above zero.
        lots: i64,
    },
    /// An account's leverage on a perpetual, 1 to 125; 20 unless set.
    Leverage {
        /// Whose.
        account: AccountId,
        /// Where.
        symbol: SymbolId,
        /// How many times.
        leverage: u32,
    },
    /// An account's position mode on all perpetuals; only with no open order and no position there.
    PositionMode {
        /// Whose.
        account: AccountId,
        /// Long and short apart; otherwise one position a symbol.
        hedge: bool,
    },
    /// Puts an account into a trade group, or out of any.
    TradeGroup {
        /// Who.
        account: AccountId,
        /// Which group.
        group: Option<u32>,
    },
    /// A perpetual's mark price: what positions are valued at. Until it is set they are valued at their cost.
    Mark {
        /// Which perpetual.
        symbol: SymbolId,
        /// In ticks, above zero.
        price: i64,
    },
    /// Takes an open order out of its book, for the venue: status EXPIRED.
    Expire {
        /// Which.
        id: OrderId,
    },
    /// The monthly reset: orders, balances, fees earned and positions are gone, and all counters start again.
    /// What is listed stays, and so do accounts with their groups, modes and leverage, fees, steps and marks.
    Wipe,
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// Nothing to tell.
    Nothing,
    /// The asset that was added.
    Asset(AssetId),
    /// The account that was added.
    Account(AccountId),
    /// The symbol that was added.
    Symbol(SymbolId),
    /// The order as it stands after the command.
    Order(Order),
}
