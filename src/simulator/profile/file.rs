//! From a profile file to what a venue starts with.

use std::ffi::OsString;

use schemas::config::profile::{
    AccountSettings, Base, LatencySettings, MarketSettings, ProductWord, ProfileFile, Stp, TradeSettings,
};
use schemas::config::{Code, Fault};
use schemas::units::Decimal;

use super::{Latency, MarketProfile, Profile, listing};
use crate::secret::{Secret, SecretError};
use crate::simulator::engine::StpMode;
use crate::simulator::options::{AccountSpec, Balance, Credential};
use crate::simulator::symbols::{Product, SymbolSpec};

/// What a profile file comes to.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// How the venue behaves.
    pub profile: Profile,
    /// What it lists; empty where the file says nothing of it.
    pub symbols: Vec<SymbolSpec>,
    /// Who may trade; empty where the file says nothing of it.
    pub accounts: Vec<AccountSpec>,
}

/// Makes the profile that a file describes; `env` looks up what its references name.
///
/// # Errors
/// CFG-009 for filters that cannot be kept in a symbol's decimals, CFG-012 for references that lead nowhere.
pub fn load(file: &ProfileFile, env: impl Fn(&str) -> Option<OsString> + Copy) -> Result<Loaded, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut profile = match file.base {
        Base::Open => Profile::open(),
        Base::Strict => Profile::strict(),
    };
    profile.name = file.name.clone().unwrap_or_else(|| "file".to_owned());
    change(&mut profile.spot, &file.spot);
    change(&mut profile.usdm, &file.usdm);
    profile.latency = latency(file.latency);
    profile.refuse_older_epochs = file.refuse_older_epochs;
    let mut symbols = Vec::with_capacity(file.symbols.len());
    for settings in &file.symbols {
        match listing::spec(settings, &profile) {
            Ok(spec) => symbols.push(spec),
            Err(fault) => faults.push(fault),
        }
    }
    let mut accounts = Vec::with_capacity(file.accounts.len());
    for settings in &file.accounts {
        match account(settings, env) {
            Ok(account) => accounts.push(account),
            Err((key, error)) => {
                faults.push(Fault::new(
                    Code::Secret,
                    format!("{}/{key}", settings.pointer),
                    error.to_string(),
                ));
            }
        }
    }
    if faults.is_empty() { Ok(Loaded { profile, symbols, accounts }) } else { Err(faults) }
}

fn change(market: &mut MarketProfile, settings: &MarketSettings) {
    let TradeSettings { default_stp, allowed_stp, maker_fee, taker_fee } = &settings.trade;
    market.default_stp = default_stp.map_or(market.default_stp, mode);
    if let Some(allowed) = allowed_stp {
        market.allowed_stp = modes(allowed);
    }
    market.maker_fee_ppm = maker_fee.map_or(market.maker_fee_ppm, ppm);
    market.taker_fee_ppm = taker_fee.map_or(market.taker_fee_ppm, ppm);
    market.weight_per_minute = settings.weight_per_minute.unwrap_or(market.weight_per_minute);
    market.raw_requests = settings.raw_requests.or(market.raw_requests);
    market.orders[0].limit = settings.orders_per_10s.unwrap_or(market.orders[0].limit);
    market.orders[1].limit = settings.orders_per_long.unwrap_or(market.orders[1].limit);
}

const fn latency(settings: LatencySettings) -> Latency {
    Latency {
        answer_ms: settings.answer_ms,
        answer_jitter_ms: settings.answer_jitter_ms,
        event_ms: settings.event_ms,
        event_jitter_ms: settings.event_jitter_ms,
        seed: settings.seed,
    }
}

fn account(
    settings: &AccountSettings,
    env: impl Fn(&str) -> Option<OsString> + Copy,
) -> Result<AccountSpec, (&'static str, SecretError)> {
    let key = Secret::resolve(&settings.key, env).map_err(|error| ("API KEY", error))?;
    let secret = Secret::resolve(&settings.secret, env).map_err(|error| ("Secret", error))?;
    let credential = if secret.is_empty() {
        let pem = Secret::resolve_pem(&settings.public_key, env).map_err(|error| ("Public Key", error))?;
        Credential::Ed25519(pem.expose().to_owned())
    } else {
        Credential::Hmac(secret.expose().to_owned())
    };
    Ok(AccountSpec {
        credential,
        balances: balances(settings),
        trade_group: settings.trade_group,
        require_stp: settings.require_stp,
        hedge: settings.hedge,
        ..AccountSpec::new(key.expose(), "")
    })
}

/// What an account begins with; none where the file names no balance.
fn balances(settings: &AccountSettings) -> Option<Vec<Balance>> {
    if settings.spot.is_none() && settings.usdm.is_none() {
        return None;
    }
    let of = |product, amounts: &Option<Vec<(String, Decimal)>>| {
        let amounts = amounts.iter().flatten();
        amounts.map(|(asset, amount)| Balance { product, asset: asset.clone(), amount: *amount }).collect()
    };
    let (spot, usdm): (Vec<_>, Vec<_>) =
        (of(Product::Spot, &settings.spot), of(Product::UsdM, &settings.usdm));
    Some([spot, usdm].concat())
}

/// A fee in millionths; the reader has seen that it is a whole number of them.
pub(super) fn ppm(fee: Decimal) -> u32 {
    fee.to_steps_exact(6).and_then(|ppm| u32::try_from(ppm).ok()).unwrap_or(0)
}

pub(super) fn modes(words: &[Stp]) -> Vec<StpMode> {
    words.iter().copied().map(mode).collect()
}

pub(super) const fn mode(word: Stp) -> StpMode {
    match word {
        Stp::None => StpMode::None,
        Stp::ExpireTaker => StpMode::ExpireTaker,
        Stp::ExpireMaker => StpMode::ExpireMaker,
        Stp::ExpireBoth => StpMode::ExpireBoth,
        Stp::Decrement => StpMode::Decrement,
        Stp::Transfer => StpMode::Transfer,
    }
}

pub(super) const fn product(word: ProductWord) -> Product {
    match word {
        ProductWord::Spot => Product::Spot,
        ProductWord::Usdm => Product::UsdM,
    }
}
