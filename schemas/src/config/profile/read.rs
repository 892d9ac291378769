//! From the file's tree to a profile; every key of it is read whatever the others hold.

use super::filters;
use super::keys::{ACCOUNT, CONTRACT, LATENCY, PRICE_RANGE, PROFILE, SPOT, SYMBOL, USDM};
use super::{
    AccountSettings, ContractSettings, LatencySettings, MarketSettings, ProductWord, ProfileFile,
    SymbolSettings, TradeSettings,
};
use crate::config::INSTRUMENTS_MAX;
use crate::config::fault::{Code, Fault, Faults};
use crate::config::keys::Key;
use crate::config::node::Node;
use crate::config::reader::Reader;
use crate::config::secret_ref::SecretRef;
use crate::units::Decimal;

pub(super) fn read(node: &Node<'_>) -> Result<ProfileFile, Vec<Fault>> {
    let mut faults = Faults::default();
    let Node::Object(object) = node else {
        let kind = node.kind();
        faults.add(Code::Type, "", || format!("wrong type (got {kind}, want an object)"));
        return Err(faults.finish().err().unwrap_or_default());
    };
    let profile = whole(&mut Reader::new(object, "", PROFILE, &mut faults));
    faults.finish()?;
    Ok(profile.expect("without a fault there is a profile"))
}

fn whole(reader: &mut Reader<'_, '_>) -> Option<ProfileFile> {
    let name = reader.text("Name");
    let base = reader.word("Base");
    let spot = group(reader, "Spot", SPOT, |reader| market(reader, "Orders Per Day"));
    let usdm = group(reader, "USD-M", USDM, |reader| market(reader, "Orders Per Minute"));
    let latency = group(reader, "Latency", LATENCY, latency).unwrap_or_default();
    let refuse_older_epochs = reader.flag("Refuse Older Epochs");
    let mut symbols = Vec::new();
    for (pointer, object) in reader.objects("Symbols") {
        symbols.extend(symbol(&mut reader.below(object, &pointer, SYMBOL), &pointer));
    }
    let mut accounts = Vec::new();
    for (pointer, object) in reader.objects("Accounts") {
        accounts.extend(account(&mut reader.below(object, &pointer, ACCOUNT), &pointer));
    }
    for (name, count) in [("Symbols", symbols.len()), ("Accounts", accounts.len())] {
        if count > INSTRUMENTS_MAX {
            reader.fault(Code::Count, name, || {
                format!("too many (got {count}, want at most {INSTRUMENTS_MAX})")
            });
        }
    }
    Some(ProfileFile {
        name,
        base: base?,
        spot: spot.unwrap_or_default(),
        usdm: usdm.unwrap_or_default(),
        latency,
        refuse_older_epochs: refuse_older_epochs?,
        symbols,
        accounts,
    })
}

/// What stands in an object that may be left out.
fn group<T>(
    reader: &mut Reader<'_, '_>,
    name: &str,
    keys: &'static [Key],
    read: impl FnOnce(&mut Reader<'_, '_>) -> Option<T>,
) -> Option<T> {
    let object = reader.object(name)?;
    let pointer = reader.pointer_of(name);
    read(&mut reader.below(object, &pointer, keys))
}

fn market(reader: &mut Reader<'_, '_>, long: &str) -> Option<MarketSettings> {
    let raw_requests = if long == "Orders Per Day" { reader.whole("Requests Per 5 Minutes") } else { None };
    Some(MarketSettings {
        trade: trade(reader),
        weight_per_minute: reader.whole("Weight Per Minute"),
        raw_requests,
        orders_per_10s: reader.whole("Orders Per 10 Seconds"),
        orders_per_long: reader.whole(long),
    })
}

fn trade(reader: &mut Reader<'_, '_>) -> TradeSettings {
    TradeSettings {
        default_stp: reader.word("Default STP"),
        allowed_stp: reader.words("Allowed STP"),
        maker_fee: fee(reader, "Maker Fee"),
        taker_fee: fee(reader, "Taker Fee"),
    }
}

/// A fee; the engine counts millionths.
fn fee(reader: &mut Reader<'_, '_>, name: &str) -> Option<Decimal> {
    let fee = reader.number(name)?;
    if fee.to_steps_exact(6).is_none() {
        reader.fault(Code::Range, name, || format!("out of range (got {fee}, want at most 6 decimals)"));
    }
    Some(fee)
}

fn latency(reader: &mut Reader<'_, '_>) -> Option<LatencySettings> {
    let names = ["Answer", "Answer Jitter", "Event", "Event Jitter", "Seed"];
    let [answer, answer_jitter, event, event_jitter, seed] = names.map(|name| reader.whole(name));
    Some(LatencySettings {
        answer_ms: answer?,
        answer_jitter_ms: answer_jitter?,
        event_ms: event?,
        event_jitter_ms: event_jitter?,
        seed: seed?,
    })
}

fn symbol(reader: &mut Reader<'_, '_>, pointer: &str) -> Option<SymbolSettings> {
    let (name, product) = (reader.text("Symbol"), reader.word("Product"));
    let (base, quote) = (reader.text("Base Asset"), reader.text("Quote Asset"));
    let [price_decimals, qty_decimals] = ["Price Decimals", "Qty Decimals"].map(|name| small(reader, name));
    let start_price = reader.amount("Start Price");
    let (status, order_types) = (reader.word("Status"), reader.words("Order Types"));
    let trade = trade(reader);
    let contract = group(reader, "Contract", CONTRACT, |reader| Some(contract(reader)));
    let filters = filters::read(reader);
    let price_range = group(reader, "Price Range", PRICE_RANGE, price_range);
    if filters.is_none() && (price_decimals.is_none() || qty_decimals.is_none()) {
        let message = || "missing (want decimals of price and quantity, or filters)".to_owned();
        reader.fault(Code::Type, "Price Decimals", message);
    }
    if product == Some(ProductWord::Spot) && reader.has("Contract") {
        reader.fault(Code::Together, "Contract", || "belongs to a symbol of product usdm".to_owned());
    }
    Some(SymbolSettings {
        pointer: pointer.to_owned(),
        name: name?,
        product: product?,
        base,
        quote,
        price_decimals,
        qty_decimals,
        start_price,
        status: status?,
        order_types,
        trade,
        contract: contract.unwrap_or_default(),
        filters,
        price_range,
    })
}

fn small(reader: &mut Reader<'_, '_>, name: &str) -> Option<u8> {
    reader.whole(name).and_then(|number| u8::try_from(number).ok())
}

fn contract(reader: &mut Reader<'_, '_>) -> ContractSettings {
    ContractSettings {
        price_precision: small(reader, "Price Precision"),
        quantity_precision: small(reader, "Quantity Precision"),
        max_leverage: reader.whole("Max Leverage").and_then(|number| u32::try_from(number).ok()),
        maintenance_percent: reader.amount("Maintenance Margin Percent"),
        required_percent: reader.amount("Required Margin Percent"),
        liquidation_fee: reader.amount("Liquidation Fee"),
        market_take_bound: reader.amount("Market Take Bound"),
        trigger_protect: reader.amount("Trigger Protect"),
    }
}

fn price_range(reader: &mut Reader<'_, '_>) -> Option<[Decimal; 4]> {
    let names = ["bidLimitMultUp", "bidLimitMultDown", "askLimitMultUp", "askLimitMultDown"];
    let [bid_up, bid_down, ask_up, ask_down] = names.map(|name| reader.amount(name));
    Some([bid_up?, bid_down?, ask_up?, ask_down?])
}

fn account(reader: &mut Reader<'_, '_>, pointer: &str) -> Option<AccountSettings> {
    let [key, secret, public_key] = ["API KEY", "Secret", "Public Key"].map(|name| reader.secret(name));
    let (spot, usdm) = (reader.amounts("Spot Balances"), reader.amounts("USD-M Balances"));
    let trade_group = reader.whole("Trade Group").and_then(|group| u32::try_from(group).ok());
    let (require_stp, hedge) = (reader.flag("Require STP"), reader.flag("Hedge Mode"));
    let (key, secret, public_key) = (key?, secret?, public_key?);
    if key == SecretRef::None {
        reader.fault(Code::Type, "API KEY", || "empty (want a key)".to_owned());
    }
    if (secret == SecretRef::None) == (public_key == SecretRef::None) {
        reader.fault(Code::Together, "Secret", || "want either Secret or Public Key".to_owned());
    }
    Some(AccountSettings {
        pointer: pointer.to_owned(),
        key,
        secret,
        public_key,
        spot,
        usdm,
        trade_group,
        require_stp: require_stp?,
        hedge: hedge?,
    })
}
