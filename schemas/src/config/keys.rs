//! The one table of keys: parsing, suggestions, defaults and the JSON Schema all come from it.

use std::ops::RangeInclusive;

/// A key of the configuration.
pub(super) struct Key {
    /// As users write it.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// What holds where it is left out.
    pub(super) given: Given,
    /// One sentence for the schema.
    pub(super) doc: &'static str,
}

/// What a key takes.
pub(super) enum Kind {
    /// Text of that form.
    Text(Form),
    /// One of the maker exchanges.
    Venue,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within these bounds.
    Whole(RangeInclusive<u64>),
    /// A number within these bounds.
    Number(Range),
    /// A secret: a reference, or the text itself.
    Secret,
    /// An address that may carry a password: one line of text, or a reference.
    Address,
    /// Options of the Kafka client by name: text, a number, true or false, or a reference.
    Options,
    /// The list of instruments.
    Instruments,
    /// True or false.
    Flag,
    /// A number within these bounds, written as a number or as text: amounts are text on the wire.
    Amount(Range),
    /// Some of these words, none twice.
    Words(&'static [&'static str]),
    /// An object with these keys.
    Group(&'static [Key]),
    /// A list of objects with these keys.
    Groups(&'static [Key]),
    /// A list of a symbol's filters.
    Filters,
    /// An object of amounts by asset.
    Amounts,
    /// Not in this version: only its default is accepted.
    Later,
}

/// What text may look like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// 1 to 64 bytes, no blanks or control characters.
    Name,
    /// As a name, or empty.
    Prefix,
    /// 1 to 4 of a-z 0-9.
    Instance,
    /// 1 to 4096 bytes, no control characters: a path, a URL, an address.
    Line,
}

/// The bounds of a number, as exact text.
pub(super) struct Range {
    /// The lower bound.
    pub(super) low: &'static str,
    /// Whether the lower bound itself is allowed.
    pub(super) from_low: bool,
    /// The upper bound.
    pub(super) high: &'static str,
    /// Whether the upper bound itself is allowed.
    pub(super) to_high: bool,
}

/// What holds where a key is left out.
pub(super) enum Given {
    /// It must be there.
    Required,
    /// This value, as JSON text, read by the same way as one that is given.
    Default(&'static str),
    /// Nothing, or what the doc says.
    Optional,
}

use Given::{Default, Optional, Required};
use Kind::{Address, Instruments, Later, Number, Options, Secret, Text, Venue, Whole, Word};

const POSITIVE: Kind = Number(Range { low: "0", from_low: false, high: "1e18", to_high: true });
const NOT_NEGATIVE: Kind = Number(Range { low: "0", from_low: true, high: "1e18", to_high: true });
const FRACTION: Kind = Number(Range { low: "0", from_low: true, high: "1", to_high: false });
const RATIO: Kind = Number(Range { low: "0", from_low: true, high: "1", to_high: true });
const INTERVAL: Kind = Number(Range { low: "0", from_low: true, high: "86400", to_high: true });
const AGE: Kind = Number(Range { low: "0.001", from_low: true, high: "3600", to_high: true });
const TAKEOVER: Kind = Number(Range { low: "5", from_low: true, high: "60", to_high: true });
const RATE: Kind = Whole(1..=1_000_000);
const SAME: Kind = Word(&["nudge", "keep"]);

/// The keys of one instrument.
pub(super) static INSTRUMENT: &[Key] = &[
    key("Maker Exchange", Venue, Required, "The sandbox that orders go to."),
    key("API KEY", Secret, Default("\"\""), "The account's key; not needed for `simulated`."),
    key("Secret", Secret, Default("\"\""), "The account's secret; not needed for `simulated`."),
    key("Passphrase", Secret, Default("\"\""), "The key's passphrase; OKX asks for one."),
    key(
        "Follow Exchange",
        Text(Form::Name),
        Required,
        "The reference market's exchange; `binance_UMFuture` and `binance_portfolio_margin` are followed as `binance_future`.",
    ),
    key("Follow Symbol", Text(Form::Name), Required, "The symbol that is followed."),
    key("Maker Symbol", Text(Form::Name), Required, "The symbol that is traded on the venue."),
    key("Term type", Word(&["SPOT", "FUTURE"]), Required, "Spot or futures."),
    key("Price Decimals", Whole(0..=18), Required, "Digits after the point of a price."),
    key("Qty Decimals", Whole(0..=18), Required, "Digits after the point of a quantity."),
    key(
        "Position Side",
        Word(&["", "BOTH", "LONG", "SHORT"]),
        Default("\"\""),
        "Futures: the position that both legs change; empty: buyer LONG, seller SHORT. Spot ignores it.",
    ),
    key("Interval", INTERVAL, Required, "Least seconds between two pairs; 0: every tick."),
    key("Qty Multiplier", POSITIVE, Required, "Our quantity as a multiple of the tick's."),
    key(
        "Price Divergence",
        FRACTION,
        Required,
        "Largest step from one pair's price to the next, as a fraction: 0.001 is 0.1 %.",
    ),
    key("Max Amt Per Order", POSITIVE, Required, "Most quote asset an order may be worth, before leverage."),
    key("Min Qty", NOT_NEGATIVE, Default("0"), "Least base asset of an order."),
    key("Min Amt", NOT_NEGATIVE, Default("0"), "Least quote asset an order is worth."),
    key("Contract Size", POSITIVE, Default("0.1"), "Futures: base asset of one contract."),
    key("Leverage", POSITIVE, Default("2"), "Futures: the leverage that multiplies the quantity."),
    key(
        "Placement",
        Word(&["touch", "inside"]),
        Default("\"touch\""),
        "Where the price may lie: within bid and ask, or strictly between them.",
    ),
    key(
        "Empty Book",
        Word(&["skip", "trade"]),
        Default("\"trade\""),
        "What a missing side of the book means: no pair, or no bound.",
    ),
    key("Same Price", SAME, Default("\"nudge\""), "What happens to a price equal to the last pair's."),
    key("Same Qty", SAME, Default("\"nudge\""), "What happens to a quantity equal to the last pair's."),
    key(
        "Side",
        Word(&["random", "follow"]),
        Default("\"random\""),
        "The maker's side: drawn, or the other side than the tick's taker.",
    ),
    key(
        "On Quiet",
        Word(&["hold", "repeat"]),
        Default("\"hold\""),
        "Without a tick for an Interval: nothing, or the last tick again up to Max Tick Age.",
    ),
    key(
        "Conflate",
        Word(&["newest", "queue"]),
        Default("\"newest\""),
        "What waits while no pair may start: the newest tick, or up to 1,024 in order.",
    ),
    key("Max Tick Age", AGE, Default("5"), "Seconds after which a tick is too old to trade."),
    key("Max Book Age", AGE, Default("2"), "Seconds after which an unconfirmed book is too old to trade."),
    key(
        "Max Foreign Fill Ratio",
        RATIO,
        Default("0.05"),
        "Part of what the latest 200 pairs traded that may go to strangers; above it the instrument halts. 1: all of it.",
    ),
    key(
        "Max Orders Per Second",
        RATE,
        Optional,
        "Most orders of the symbol in a second, in the long run; public venues: 5 unless given, others: the venue's own limits.",
    ),
    key(
        "Max Position",
        POSITIVE,
        Optional,
        "Most base asset that strangers may leave us with, long or short; three times the largest order unless given.",
    ),
    key(
        "Probe Pair",
        Word(&["auto", "on", "off"]),
        Default("\"auto\""),
        "Whether a pair of the smallest quantity must match before the first other: `auto` is `on` at public venues.",
    ),
    key(
        "Pipelined",
        Later,
        Default("false"),
        "Send the taker without waiting for the maker, where a venue keeps the order; not in this version.",
    ),
    key(
        "Dialect",
        Word(&["binance_spot", "binance_usdm", "okx"]),
        Optional,
        "`staging` only: the protocol that the venue speaks.",
    ),
    key(
        "Address",
        Text(Form::Line),
        Optional,
        "`staging` only: `host:port` or `http(s)://host:port` of a private venue.",
    ),
];

/// The keys beside `instruments`.
pub(super) static PROCESS: &[Key] = &[
    key("instruments", Instruments, Required, "The instruments, one entry each."),
    key("Feed", Address, Optional, "Where ticks come from; `--feed` overrides it."),
    key("Feed Format", Word(&["ticker"]), Default("\"ticker\""), "How a message of the feed is written."),
    key("Ticker Prefix", Text(Form::Prefix), Default("\"ticker_\""), "The follow key's middle part."),
    key(
        "Seed",
        Whole(0..=u64::MAX),
        Default("1"),
        "Seed of every draw: the same seed gives the same orders.",
    ),
    key(
        "Instance",
        Text(Form::Instance),
        Default("\"main\""),
        "Marks this program's orders apart from those of others on the same account.",
    ),
    key("Admin Address", Text(Form::Line), Optional, "`IP:port` of metrics, probes and status."),
    key("Labels", Text(Form::Line), Optional, "File for one JSON line a pair; `--labels` overrides it."),
    key(
        "Journal",
        Text(Form::Line),
        Optional,
        "Folder of the journal: every order is written there before it leaves; `--journal` overrides it.",
    ),
    key(
        "Journal Sync",
        Word(&["batch", "always"]),
        Default("\"batch\""),
        "When the journal reaches the device: within 5 ms of an order, or before it leaves.",
    ),
    key(
        "Admin Token",
        Secret,
        Default("\"\""),
        "What a request that halts or releases must carry; without it, loopback only.",
    ),
    key(
        "Halt File",
        Text(Form::Line),
        Optional,
        "Everything is halted while this file exists; its first line is the reason.",
    ),
    key(
        "Halt State",
        Text(Form::Line),
        Optional,
        "File in which halts outlast the process; `halts.json` in the Journal's folder unless named.",
    ),
    key(
        "Dead Man Switch",
        Word(&["auto", "on", "off"]),
        Default("\"auto\""),
        "The venue's own, which cancels what is open when this process falls silent: used where there is one, demanded, or left alone.",
    ),
    key(
        "Sharding",
        Word(&["alone", "static", "group"]),
        Default("\"alone\""),
        "Who owns which instrument: one process all; each what hashes to its ordinal; or as a Kafka group gives them out.",
    ),
    key(
        "Shards",
        Whole(1..=1_000),
        Default("1"),
        "How many processes share the instruments and the accounts; in a group the most.",
    ),
    key(
        "Lease Store",
        Address,
        Optional,
        "`redis://` or `rediss://` of the leases of `static` sharding; the feed's Redis unless named.",
    ),
    key(
        "Kafka Options",
        Options,
        Default("{}"),
        "Options of the Kafka client by their own names, such as TLS and SASL; what the program itself depends on is refused.",
    ),
    key(
        "Takeover Delay",
        TAKEOVER,
        Default("5"),
        "Seconds that a group's new owner waits where its predecessor may still trade.",
    ),
    key(
        "Labels Kafka",
        Text(Form::Line),
        Optional,
        "`kafka://host:port/TOPIC` for one message a pair, keyed by maker symbol.",
    ),
    key(
        "Max Account Orders Per Second",
        RATE,
        Optional,
        "Most orders of an account in a second, all processes together; public venues: 50 unless given.",
    ),
    key(
        "Max Requests Per Second",
        RATE,
        Optional,
        "Most orders, cancels and questions to a venue in a second, all processes together; public venues: 100 unless given.",
    ),
    key(
        "Max Orders Per Hour",
        Whole(2..=1_000_000_000),
        Optional,
        "Most orders of an account in an hour, all processes together; public venues: 100000 unless given. Reached, its instruments halt.",
    ),
    key(
        "Max Notional Per Hour",
        POSITIVE,
        Optional,
        "Most quote asset that an account's orders of an hour are worth; public venues: 100000000 unless given. Reached, its instruments halt.",
    ),
    key("Log Format", Word(&["text", "json"]), Default("\"text\""), "For people, or one JSON object a line."),
    key(
        "Log File",
        Text(Form::Line),
        Optional,
        "File for logs instead of standard output; a new one each day.",
    ),
];

/// The maker exchanges, and what each is.
pub(super) const MAKER_EXCHANGES: [(&str, &str); 5] = [
    ("simulated", "the embedded venue"),
    ("binance_spot", "testnet"),
    ("binance_UMFuture", "testnet"),
    ("okx", "demo"),
    ("staging", "a private Address"),
];

/// Every key's name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    INSTRUMENT.iter().chain(PROCESS).map(|key| key.name)
}

pub(super) const fn key(name: &'static str, kind: Kind, given: Given, doc: &'static str) -> Key {
    Key { name, kind, given, doc }
}
