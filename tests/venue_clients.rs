//! Stock clients, written by others, against the venue: unchanged but for their addresses and keys. Each test starts a
//! venue and a load on it, and runs a script of `tests/clients` with the Python that has the client. Without that Python
//! the test is skipped and says so; scripts/test makes them. `SELF_TRADER_CLIENT_SECONDS` says how long each local book
//! is kept under load, 10 s unless given; scripts/test-clients gives 300.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "says what was skipped, and what was done")]

#[path = "support/venue_client.rs"]
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod client;
#[path = "venue_clients/load.rs"]
mod load;

use std::path::{Path, PathBuf};
use std::process::Command;

use load::{LOAD_KEY, Load};
use schemas::units::Decimal;
use self_trader::simulator::{self, AccountSpec, Balance, Product, VenueOptions};

/// Where a product's WS API is.
const fn ws_api(product: Product) -> &'static str {
    match product {
        Product::Spot => "/ws-api/v3",
        Product::UsdM => "/ws-fapi/v1",
    }
}

/// Which Python environment has the client.
#[derive(Clone, Copy)]
enum Python {
    Main,
    ConnectorSpot,
    ConnectorUsdM,
}

impl Python {
    /// Environments lie side by side; `SELF_TRADER_PYTHON` names the first one's Python.
    fn find(self) -> Option<PathBuf> {
        let main = std::env::var_os("SELF_TRADER_PYTHON").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python"),
            PathBuf::from,
        );
        let suffix = match self {
            Self::Main => return main.exists().then_some(main),
            Self::ConnectorSpot => "-connector-spot",
            Self::ConnectorUsdM => "-connector-usdm",
        };
        let venv = main.parent()?.parent()?;
        let beside =
            venv.with_file_name(format!("{}{suffix}", venv.file_name()?.to_str()?)).join("bin/python");
        beside.exists().then_some(beside)
    }
}

fn seconds() -> u64 {
    std::env::var("SELF_TRADER_CLIENT_SECONDS").map_or(10, |text| text.parse().unwrap())
}

/// A venue with two accounts; the scripts' owns little enough that one order can be too much.
fn listing() -> VenueOptions {
    let mut options = VenueOptions::default();
    options.accounts.push(AccountSpec::new(LOAD_KEY.key, LOAD_KEY.secret));
    let owned = [("BTC", "1000"), ("ETH", "100000"), ("USDT", "1000000000")];
    let owned = owned.map(|(asset, amount)| (Product::Spot, asset, amount));
    let balances =
        owned.into_iter().chain([(Product::UsdM, "USDT", "1000000000")]).map(|(product, asset, amount)| {
            Balance { product, asset: asset.to_owned(), amount: Decimal::parse(amount).unwrap() }
        });
    options.accounts[0].balances = Some(balances.collect());
    for symbol in &mut options.symbols {
        let price = if symbol.base == "ETH" { "2000" } else { "64000" };
        symbol.start_price = Some(Decimal::parse(price).unwrap());
    }
    options
}

/// Runs a script against a venue with a load on it. Every line of its output must be good, and there must be at least
/// so many of them.
fn run(python: Python, script: &str, product: Product, least: usize) {
    let Some(python) = python.find() else {
        println!(
            "skipped: no Python with the client (SELF_TRADER_PYTHON, target/venv); scripts/test makes it"
        );
        return;
    };
    let venue = simulator::start(listing()).unwrap();
    let load = Load::start(venue.addr(), ws_api(product));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let output = Command::new(python)
        .arg(&script)
        .args([product.as_str(), &format!("http://{}", venue.addr()), &seconds().to_string()])
        .output()
        .unwrap();
    let load = load.stop();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}\n{load:?}");
    let good = out.lines().filter(|line| line.starts_with("ok   ")).count();
    assert!(good >= least, "{good} checks, at least {least} wanted\n{out}\n{err}");
    println!("{} {}: {good} checks; {load:?}", script.display(), product.as_str());
    load.was_heavy();
}

#[test]
fn ccxt_on_spot() {
    run(Python::Main, "ccxt_rest.py", Product::Spot, 46);
}

#[test]
fn ccxt_on_usdm() {
    run(Python::Main, "ccxt_rest.py", Product::UsdM, 61);
}

#[test]
fn ccxt_pro_on_spot() {
    run(Python::Main, "ccxt_pro.py", Product::Spot, 24);
}

#[test]
fn ccxt_pro_on_usdm() {
    run(Python::Main, "ccxt_pro.py", Product::UsdM, 25);
}

#[test]
fn python_binance_on_spot() {
    run(Python::Main, "python_binance.py", Product::Spot, 53);
}

#[test]
fn python_binance_on_usdm() {
    run(Python::Main, "python_binance.py", Product::UsdM, 58);
}

#[test]
fn binance_connector_on_spot() {
    run(Python::ConnectorSpot, "connector_spot.py", Product::Spot, 39);
}

#[test]
fn binance_futures_connector_on_usdm() {
    run(Python::ConnectorUsdM, "connector_usdm.py", Product::UsdM, 42);
}

#[test]
fn modular_sdk_on_spot() {
    run(Python::Main, "sdk_spot.py", Product::Spot, 42);
}

#[test]
fn modular_sdk_on_usdm() {
    run(Python::Main, "sdk_usdm.py", Product::UsdM, 50);
}
