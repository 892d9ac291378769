//! Messages as the venue's own documentation and recordings have them.

use std::path::{Path, PathBuf};

use schemas::order::{OrderStatus, PositionSide};
use schemas::wire::binance::answer::{self, Incoming};
use schemas::wire::binance::order::OrderAnswer;
use schemas::wire::binance::rest::read_depth;
use schemas::wire::binance::stream::{self, StreamMessage};
use schemas::wire::binance_usdm::event::UserEvent;
use schemas::wire::binance_usdm::rest::{read_exchange_info, read_mark_price, read_positions};
use schemas::wire::market::Diff;

/// The fixture's last message, on one line; `None` where the fixtures are not there.
fn fixture(path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/fixtures-jkorf-binance");
    let path: PathBuf = root.join(path);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let start = text.rfind("\n= \n").map(|at| at + 4);
    let body = start.map_or_else(|| text.splitn(4, '\n').nth(3).unwrap(), |at| &text[at..]);
    let body = body.replace("\"|1|\"", "1").replace("|1|", "1");
    // Compact, as a venue sends it.
    let value: serde_json::Value =
        serde_json::from_str(body.trim()).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    Some(value.to_string())
}

#[test]
fn answers_of_the_order_connection() {
    for (name, status) in [
        ("PlaceOrder", OrderStatus::New),
        ("GetOrder", OrderStatus::New),
        ("CancelOrder", OrderStatus::Canceled),
    ] {
        let Some(text) = fixture(&format!("Socket/UsdFutures/Trading/{name}.txt")) else { return };
        let Incoming::Answer(answer) = answer::read(&text).unwrap() else { panic!("{text}") };
        let order = answer.order().unwrap();
        assert_eq!(order.status(), Some(status), "{name}");
        assert!(answer.is_ok() && order.executed().unwrap().is_zero());
    }
}

#[test]
fn events_of_the_user_stream() {
    let Some(text) = fixture("Subscriptions/UsdFutures/OrderUpdate.txt") else { return };
    let UserEvent::Order(report) = UserEvent::read(&text).unwrap() else { panic!() };
    assert_eq!((&*report.symbol, report.position_side), ("BTCUSDT", PositionSide::Long));
    let text = fixture("Subscriptions/UsdFutures/TradeUpdate.txt").unwrap();
    assert!(matches!(UserEvent::read(&text).unwrap(), UserEvent::Trade(trade) if trade.update() == Ok(None)));
    let text = fixture("Subscriptions/UsdFutures/AccountUpdate.txt").unwrap();
    let UserEvent::Positions(positions) = UserEvent::read(&text).unwrap() else { panic!() };
    let shown: Vec<_> =
        positions.iter().map(|position| (position.side.as_str(), position.amount().to_string())).collect();
    let want = [("BOTH", "0"), ("LONG", "20"), ("SHORT", "-10")].map(|(side, text)| (side, text.to_owned()));
    assert_eq!(shown, want);
    let text = fixture("Subscriptions/UsdFutures/Leverage.txt").unwrap();
    assert!(matches!(UserEvent::read(&text).unwrap(), UserEvent::Ignored { .. }));
}

#[test]
fn market_streams() {
    let Some(text) = fixture("Subscriptions/UsdFutures/Book.txt") else { return };
    let mut diff = Diff::default();
    // The documentation names one symbol in the stream and another one in its message.
    let text = text.replace("BNBUSDT", "BTCUSDT");
    let message = stream::read(&text, &mut diff).unwrap();
    assert!(matches!(message, StreamMessage::Depth { .. }));
    assert_eq!((diff.first_id, diff.last_id, diff.previous_id), (157, 160, Some(149)));
    let text = fixture("Subscriptions/UsdFutures/BookTicker.txt").unwrap().replace("BNBUSDT", "BTCUSDT");
    let message = stream::read(&text, &mut diff).unwrap();
    assert!(matches!(message, StreamMessage::Best { best, .. } if best.update_id == 400_900_217));
    let bare: serde_json::Value = serde_json::from_str(&text).unwrap();
    let bare = bare["data"].to_string();
    assert!(matches!(stream::read(&bare, &mut diff).unwrap(), StreamMessage::Best { .. }));
}

#[test]
fn answers_over_rest() {
    let Some(text) = fixture("Endpoints/UsdFutures/Trading/GetOpenOrders.txt") else { return };
    let orders = OrderAnswer::read_list(&text).unwrap();
    assert!(orders.iter().all(|order| order.client_id().is_none() && order.order_id > 0));
    assert!(!orders.is_empty());
    let text = fixture("Endpoints/UsdFutures/ExchangeData/GetExchangeInfo.txt").unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let name = all["symbols"][0]["symbol"].as_str().unwrap();
    let info = read_exchange_info(&text, &[name]).unwrap();
    assert!(info.symbols[0].tick().is_positive() && info.symbols[0].step().is_positive());
    let text = fixture("Endpoints/UsdFutures/ExchangeData/GetOrderBook.txt").unwrap();
    assert!(!read_depth(&text).unwrap().bids.is_empty());
    let text = fixture("Endpoints/UsdFutures/Trading/GetPositions.txt").unwrap();
    assert!(!read_positions(&text).unwrap().is_empty());
    let text = fixture("Endpoints/UsdFutures/ExchangeData/GetMarkPrice.txt").unwrap();
    assert!(read_mark_price(&text).unwrap().is_positive());
}
