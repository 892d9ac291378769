//! A venue's profile as a file: what of `open` or `strict` it changes, its symbols, its accounts.
//!
//! Text in, [`ProfileFile`] or all the faults out, by the same reader as the configuration.

mod filters;
mod keys;
mod read;

use serde::{Deserialize, Serialize};

use super::json_schema::object;
use super::secret_ref::SecretRef;
use super::{Fault, node, text};
use crate::units::Decimal;

pub(super) use filters::filters_schema;
pub use filters::{FILTER_TYPES, Filter};

/// A whole profile; what it leaves out is its base's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFile {
    /// Name: what the venue calls its profile; the file's own name unless given.
    pub name: Option<String>,
    /// Base.
    pub base: Base,
    /// Spot.
    pub spot: MarketSettings,
    /// USD-M.
    pub usdm: MarketSettings,
    /// Latency.
    pub latency: LatencySettings,
    /// Refuse Older Epochs.
    pub refuse_older_epochs: bool,
    /// Symbols; empty: those of the command line.
    pub symbols: Vec<SymbolSettings>,
    /// Accounts; empty: the venue's own one.
    pub accounts: Vec<AccountSettings>,
}

/// The built-in profile that a file starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// Self-trades allowed, limits far away.
    #[default]
    Open,
    /// As the public venues.
    Strict,
}

/// A mode of self-trade prevention, by the venue's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stp {
    /// They trade.
    None,
    /// The incoming order expires.
    ExpireTaker,
    /// The resting order expires.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
    /// The smaller quantity is taken off both.
    Decrement,
    /// Balances change hands without a trade.
    Transfer,
}

/// A product of the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductWord {
    /// Spot.
    #[default]
    Spot,
    /// USD-M futures.
    Usdm,
}

/// A symbol's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatusWord {
    /// It trades.
    #[default]
    Trading,
    /// Listed, and no order is taken.
    Halt,
    /// Listed, and closed for longer.
    Break,
}

/// A type of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderTypeWord {
    /// With a price.
    Limit,
    /// Post-only; Spot.
    LimitMaker,
    /// Without a price.
    Market,
}

/// Self-trade prevention and fees: a product's, or a symbol's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TradeSettings {
    /// Default STP.
    pub default_stp: Option<Stp>,
    /// Allowed STP.
    pub allowed_stp: Option<Vec<Stp>>,
    /// Maker Fee, as a fraction.
    pub maker_fee: Option<Decimal>,
    /// Taker Fee, as a fraction.
    pub taker_fee: Option<Decimal>,
}

/// What holds for all symbols of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketSettings {
    /// Self-trade prevention and fees.
    pub trade: TradeSettings,
    /// Weight Per Minute.
    pub weight_per_minute: Option<u64>,
    /// Requests Per 5 Minutes; Spot only.
    pub raw_requests: Option<u64>,
    /// Orders Per 10 Seconds.
    pub orders_per_10s: Option<u64>,
    /// Orders Per Day; on USD-M Orders Per Minute.
    pub orders_per_long: Option<u64>,
}

/// How late answers and events come, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencySettings {
    /// Answer: to every request.
    pub answer_ms: u64,
    /// Answer Jitter: at most so much more, drawn.
    pub answer_jitter_ms: u64,
    /// Event: of every stream.
    pub event_ms: u64,
    /// Event Jitter: at most so much more, drawn.
    pub event_jitter_ms: u64,
    /// Seed of the draws.
    pub seed: u64,
}

/// One symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolSettings {
    /// Where it stands in the file, as a JSON pointer.
    pub pointer: String,
    /// Symbol.
    pub name: String,
    /// Product.
    pub product: ProductWord,
    /// Base Asset; read out of the name unless given.
    pub base: Option<String>,
    /// Quote Asset; read out of the name unless given.
    pub quote: Option<String>,
    /// Price Decimals; as many as the filters need unless given.
    pub price_decimals: Option<u8>,
    /// Qty Decimals; as many as the filters need unless given.
    pub qty_decimals: Option<u8>,
    /// Start Price.
    pub start_price: Option<Decimal>,
    /// Status.
    pub status: StatusWord,
    /// Order Types.
    pub order_types: Option<Vec<OrderTypeWord>>,
    /// Self-trade prevention and fees.
    pub trade: TradeSettings,
    /// Contract: USD-M only.
    pub contract: ContractSettings,
    /// Filters: all that it has; none given: its base's.
    pub filters: Option<Vec<Filter>>,
    /// Price Range: Spot's execution rule, as bid up, bid down, ask up, ask down.
    pub price_range: Option<[Decimal; 4]>,
}

/// What only a contract has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContractSettings {
    /// Price Precision.
    pub price_precision: Option<u8>,
    /// Quantity Precision.
    pub quantity_precision: Option<u8>,
    /// Max Leverage.
    pub max_leverage: Option<u32>,
    /// Maintenance Margin Percent.
    pub maintenance_percent: Option<Decimal>,
    /// Required Margin Percent.
    pub required_percent: Option<Decimal>,
    /// Liquidation Fee.
    pub liquidation_fee: Option<Decimal>,
    /// Market Take Bound.
    pub market_take_bound: Option<Decimal>,
    /// Trigger Protect.
    pub trigger_protect: Option<Decimal>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// Where it stands in the file, as a JSON pointer.
    pub pointer: String,
    /// API KEY.
    pub key: SecretRef,
    /// Secret; HMAC-SHA256.
    pub secret: SecretRef,
    /// Public Key: Ed25519, as PEM.
    pub public_key: SecretRef,
    /// Spot Balances.
    pub spot: Option<Vec<(String, Decimal)>>,
    /// USD-M Balances.
    pub usdm: Option<Vec<(String, Decimal)>>,
    /// Trade Group.
    pub trade_group: Option<u32>,
    /// Require STP.
    pub require_stp: bool,
    /// Hedge Mode.
    pub hedge: bool,
}

impl ProfileFile {
    /// Reads a profile. A byte order mark and CRLF are accepted.
    ///
    /// # Errors
    /// Every fault of the file, in the order in which they were met.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let text = text(bytes).map_err(|fault| vec![fault])?;
        let node = node::read(text).map_err(|fault| vec![fault])?;
        read::read(&node)
    }
}

/// The JSON Schema of a profile file.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    titled(object(keys::PROFILE), "Profile", "What a venue is like: `self-trader venue --profile FILE`.")
}

/// A schema that stands alone.
pub(super) fn titled(mut schema: serde_json::Value, title: &str, description: &str) -> serde_json::Value {
    let members = schema.as_object_mut().expect("the schema of an object is an object");
    members.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    members.insert("title".to_owned(), title.into());
    members.insert("description".to_owned(), description.into());
    schema
}
