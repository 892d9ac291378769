//! The tables of a profile's keys.

use crate::config::keys::Given::{Default, Optional, Required};
use crate::config::keys::Kind::{
    Amount, Amounts, Filters, Flag, Group, Groups, Number, Secret, Text, Whole, Word, Words,
};
use crate::config::keys::{Form, Key, Kind, Range, key};

const STP_WORDS: &[&str] = &["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"];
const FEE: Kind = Number(Range { low: "0", from_low: true, high: "1", to_high: true });
const PRICE: Kind = Amount(Range { low: "0", from_low: false, high: "1e18", to_high: true });
const PERCENT: Kind = Amount(Range { low: "0", from_low: true, high: "100", to_high: true });
pub(super) const FACTOR: Kind = Amount(Range { low: "0", from_low: true, high: "1000000", to_high: true });
const COUNT: Kind = Whole(1..=1_000_000_000_000);
const DELAY: Kind = Whole(0..=60_000);

/// The whole file.
pub(super) static PROFILE: &[Key] = &[
    key(
        "Name",
        Text(Form::Name),
        Optional,
        "What the venue calls its profile; the file's name unless given.",
    ),
    key(
        "Base",
        Word(&["open", "strict"]),
        Default("\"open\""),
        "The built-in profile that this one changes.",
    ),
    key("Spot", Group(SPOT), Optional, "What holds for all Spot symbols."),
    key("USD-M", Group(USDM), Optional, "What holds for all USD-M symbols."),
    key("Latency", Group(LATENCY), Optional, "How late answers and events come."),
    key(
        "Refuse Older Epochs",
        Flag,
        Default("true"),
        "Refuse an order of self-trader once an owner of a later epoch has placed one.",
    ),
    key("Symbols", Groups(SYMBOL), Optional, "What is listed; BTCUSDT and ETHUSDT unless given."),
    key("Accounts", Groups(ACCOUNT), Optional, "Who may trade; the venue's own test account unless given."),
];

/// The keys of self-trade prevention and fees, wherever they stand.
macro_rules! with_trade {
    ($name:ident, $doc:literal, [$($own:expr),* $(,)?]) => {
        #[doc = $doc]
        pub(super) static $name: &[Key] = &[
            $($own,)*
            key("Default STP", Word(STP_WORDS), Optional, "Self-trade prevention of an order that names none."),
            key("Allowed STP", Words(STP_WORDS), Optional, "The modes that an order may name."),
            key("Maker Fee", FEE, Optional, "Fraction of the amount, whole millionths: who rested pays it."),
            key("Taker Fee", FEE, Optional, "Fraction of the amount, whole millionths: who came pays it."),
        ];
    };
}

with_trade!(
    SPOT,
    "Spot as a whole.",
    [
        key("Weight Per Minute", COUNT, Optional, "Request weight that an address may spend in a minute."),
        key(
            "Requests Per 5 Minutes",
            COUNT,
            Optional,
            "Requests that an address may send, whatever their weight."
        ),
        key("Orders Per 10 Seconds", COUNT, Optional, "Unfilled orders that an account may have."),
        key("Orders Per Day", COUNT, Optional, "Unfilled orders that an account may have."),
    ]
);

with_trade!(
    USDM,
    "USD-M as a whole.",
    [
        key("Weight Per Minute", COUNT, Optional, "Request weight that an address may spend in a minute."),
        key("Orders Per 10 Seconds", COUNT, Optional, "Orders that an account may send."),
        key("Orders Per Minute", COUNT, Optional, "Orders that an account may send."),
    ]
);

/// Latency.
pub(super) static LATENCY: &[Key] = &[
    key(
        "Answer",
        DELAY,
        Default("0"),
        "Milliseconds from a request to its answer; the work is done at once.",
    ),
    key("Answer Jitter", DELAY, Default("0"), "At most so many milliseconds more, drawn for each answer."),
    key("Event", DELAY, Default("0"), "Milliseconds from an event to its message on a stream."),
    key("Event Jitter", DELAY, Default("0"), "At most so many milliseconds more, drawn for each message."),
    key("Seed", Whole(0..=u64::MAX), Default("1"), "Seed of those draws."),
];

with_trade!(
    SYMBOL,
    "One symbol.",
    [
        key("Symbol", Text(Form::Name), Required, "As in BTCUSDT."),
        key("Product", Word(&["spot", "usdm"]), Default("\"spot\""), "Which dialect speaks of it."),
        key("Base Asset", Text(Form::Name), Optional, "Read out of the name unless given."),
        key("Quote Asset", Text(Form::Name), Optional, "Read out of the name unless given."),
        key("Price Decimals", Whole(0..=18), Optional, "As many as the filters need unless given."),
        key("Qty Decimals", Whole(0..=18), Optional, "As many as the filters need unless given."),
        key("Start Price", PRICE, Optional, "The last price until something has traded."),
        key("Status", Word(&["TRADING", "HALT", "BREAK"]), Default("\"TRADING\""), "Whether it trades."),
        key(
            "Order Types",
            Words(&["LIMIT", "LIMIT_MAKER", "MARKET"]),
            Optional,
            "All that the product has unless given."
        ),
        key(
            "Filters",
            Filters,
            Optional,
            "As exchangeInfo has them, and no others; the base's unless given."
        ),
        key(
            "Price Range",
            Group(PRICE_RANGE),
            Optional,
            "Spot: what of an order would trade outside it expires."
        ),
        key("Contract", Group(CONTRACT), Optional, "USD-M: what a contract has beside its filters."),
    ]
);

/// A range of prices around the reference price.
pub(super) static PRICE_RANGE: &[Key] = &[
    key("bidLimitMultUp", FACTOR, Required, "The most that a buyer pays, as a multiple."),
    key("bidLimitMultDown", FACTOR, Required, "The least that a buyer pays, as a multiple."),
    key("askLimitMultUp", FACTOR, Required, "The most that a seller gets, as a multiple."),
    key("askLimitMultDown", FACTOR, Required, "The least that a seller gets, as a multiple."),
];

/// What only a contract has.
pub(super) static CONTRACT: &[Key] = &[
    key("Price Precision", Whole(0..=18), Optional, "Most decimals of a price; Price Decimals unless given."),
    key(
        "Quantity Precision",
        Whole(0..=18),
        Optional,
        "Most decimals of a quantity; Qty Decimals unless given.",
    ),
    key("Max Leverage", Whole(1..=125), Optional, "The most leverage that an account may set."),
    key("Maintenance Margin Percent", PERCENT, Optional, "Of a position's value."),
    key("Required Margin Percent", PERCENT, Optional, "Of a position's value, at the default leverage."),
    key("Liquidation Fee", FACTOR, Optional, "Part of the value; only shown."),
    key("Market Take Bound", FACTOR, Optional, "How far from the mark price a MARKET order trades."),
    key("Trigger Protect", FACTOR, Optional, "Only shown."),
];

/// One account.
pub(super) static ACCOUNT: &[Key] = &[
    key("API KEY", Secret, Required, "What requests name."),
    key("Secret", Secret, Default("\"\""), "HMAC-SHA256; this or Public Key."),
    key("Public Key", Secret, Default("\"\""), "Ed25519, as PEM; this or Secret."),
    key(
        "Spot Balances",
        Amounts,
        Optional,
        "What it begins with; ample of everything unless any balance is given.",
    ),
    key(
        "USD-M Balances",
        Amounts,
        Optional,
        "What it begins with; ample of everything unless any balance is given.",
    ),
    key(
        "Trade Group",
        Whole(0..=4_294_967_295),
        Optional,
        "Accounts of one group count as one for self-trade prevention.",
    ),
    key("Require STP", Flag, Default("false"), "No order of it may ask for NONE."),
    key("Hedge Mode", Flag, Default("false"), "USD-M: long and short positions apart from the start."),
];
