//! Orders of the program's own form: one of an earlier owner is refused, in both dialects, and nobody else's ever.

use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use self_trader::simulator::{self, Profile, VenueOptions};
use serde_json::{Value, json};

use crate::client::{Socket, get, limit, venue, with};
use crate::faults_support::switch;
use crate::usdm;

fn id(instance: &str, epoch: u32, sequence: u64) -> String {
    let prefix = InstrumentPrefix::new(instance, "BTCUSDT");
    ClientOrderId::new(prefix, Epoch::new(epoch), sequence, Leg::Maker).as_str().to_owned()
}

fn named(mut order: Value, id: &str) -> Value {
    order = with(order, "newClientOrderId", id);
    order
}

fn order(id: &str) -> Value {
    named(limit("BUY", "100.00", "1.0", "GTC"), id)
}

async fn refused(venue: &simulator::RunningVenue) -> u64 {
    get(venue.addr(), "/venue/totals").await["older_epochs_refused"].as_u64().unwrap()
}

/// Promise P3.
#[tokio::test]
async fn an_order_of_an_earlier_owner_is_refused() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", order(&id("main", 8, 0))).await;
    api.good("order.place", order(&id("main", 9, 0))).await;
    let late = api.refused("order.place", order(&id("main", 8, 1))).await;
    assert_eq!(late, (-2010, "Older epoch: got 8, want at least 9.".to_owned()));
    api.good("order.place", order(&id("main", 9, 1))).await;
    assert_eq!(refused(&venue).await, 1);
    let orders = get(venue.addr(), "/venue/orders").await;
    assert_eq!(orders.as_array().unwrap().len(), 3, "what is refused was never an order");
    // What an earlier owner left can still be cancelled, by anybody of the account.
    let old = json!({"symbol": "BTCUSDT", "origClientOrderId": id("main", 8, 0)});
    api.good("order.cancel", old).await;
}

/// Promise P3.
#[tokio::test]
async fn contracts_are_fenced_like_spot_and_apart_from_it() {
    let venue = venue();
    let mut spot = Socket::api(venue.addr()).await;
    spot.good("order.place", order(&id("main", 9, 0))).await;
    let mut api = usdm::api(venue.addr()).await;
    let order = |id: &str| named(usdm::limit("BUY", "100.00", "1", "GTC"), id);
    api.good("order.place", order(&id("main", 5, 0))).await;
    api.good("order.place", order(&id("main", 6, 0))).await;
    let late = api.refused("order.place", order(&id("main", 5, 1))).await;
    assert_eq!(late, (-2010, "Older epoch: got 5, want at least 6.".to_owned()));
    assert_eq!(refused(&venue).await, 1);
}

#[tokio::test]
async fn whoever_was_refused_by_the_book_was_there_all_the_same() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTC")).await;
    let crossing = named(limit("BUY", "100.00", "1", "GTX"), &id("main", 9, 0));
    assert_eq!(api.refused("order.place", crossing).await.0, -2010);
    let late = api.refused("order.place", order(&id("main", 8, 0))).await;
    assert!(late.1.starts_with("Older epoch"), "{late:?}");
}

#[tokio::test]
async fn others_ids_other_instances_and_other_symbols_are_nobodys_business() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", order(&id("main", 9, 0))).await;
    let other_symbol = with(order(&id("main", 1, 0)), "symbol", "ETHUSDT");
    let foreign = ["stmain", "web_1", "STMAIN000000000008000000000", &id("test", 1, 0)];
    for order in foreign.map(order).into_iter().chain([other_symbol]) {
        api.good("order.place", order).await;
    }
    assert_eq!(refused(&venue).await, 0);
}

#[tokio::test]
async fn a_wipe_makes_no_owner_come_back() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", order(&id("main", 9, 0))).await;
    switch(venue.addr(), json!({"fault": "reset_venue"})).await;
    let late = api.refused("order.place", order(&id("main", 8, 0))).await;
    assert!(late.1.starts_with("Older epoch"), "{late:?}");
    api.good("order.place", order(&id("main", 9, 1))).await;
}

#[tokio::test]
async fn a_profile_may_let_them_in() {
    let profile = Profile { refuse_older_epochs: false, ..Profile::open() };
    let venue = simulator::start(VenueOptions { profile, ..VenueOptions::default() }).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    for epoch in [9, 8] {
        api.good("order.place", order(&id("main", epoch, 0))).await;
    }
}
