//! Who listens to what.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use super::feed::MarketFeed;
use super::topic::{MarketTopic, Topic};
use crate::simulator::engine::{AccountId, SymbolId};
use crate::simulator::outbox::Outbox;
use crate::simulator::symbols::Product;

/// One connection's subscription to one account's events.
#[derive(Debug)]
pub(in crate::simulator) struct UserSubscription {
    /// Its number on that connection.
    pub(in crate::simulator) id: u64,
    pub(in crate::simulator) account: AccountId,
    pub(in crate::simulator) outbox: Arc<Outbox>,
}

/// The listeners of all streams.
#[derive(Debug)]
pub(in crate::simulator) struct Hub {
    /// By symbol.
    pub(in crate::simulator) feeds: Vec<MarketFeed>,
    market: Vec<[Vec<Arc<Outbox>>; Topic::COUNT]>,
    /// By product, then by [`MarketTopic::index`].
    whole: [[Vec<Arc<Outbox>>; MarketTopic::ALL.len()]; 2],
    users: Vec<UserSubscription>,
    connections: u64,
}

impl Hub {
    pub(in crate::simulator) fn new(symbols: usize) -> Self {
        Self {
            feeds: (0..symbols).map(|_| MarketFeed::default()).collect(),
            market: (0..symbols).map(|_| std::array::from_fn(|_| Vec::new())).collect(),
            whole: Default::default(),
            users: Vec::new(),
            connections: 0,
        }
    }

    /// A new connection's outbox.
    pub(in crate::simulator) fn connect(&mut self, combined: bool) -> Arc<Outbox> {
        self.connections += 1;
        Arc::new(Outbox::new(self.connections, combined))
    }

    /// Forgets a connection.
    pub(in crate::simulator) fn disconnect(&mut self, outbox: &Outbox) {
        for listeners in self.market.iter_mut().flatten().chain(self.whole.iter_mut().flatten()) {
            listeners.retain(|listener| listener.id != outbox.id);
        }
        self.users.retain(|user| user.outbox.id != outbox.id);
    }

    /// Adds a listener. True if it is the stream's first.
    pub(in crate::simulator) fn listen(
        &mut self,
        symbol: SymbolId,
        topic: Topic,
        outbox: &Arc<Outbox>,
    ) -> bool {
        let listeners = &mut self.market[symbol.index()][topic.index()];
        if listeners.iter().any(|listener| listener.id == outbox.id) {
            return false;
        }
        listeners.push(Arc::clone(outbox));
        listeners.len() == 1
    }

    pub(in crate::simulator) fn unlisten(&mut self, symbol: SymbolId, topic: Topic, outbox: &Outbox) {
        self.market[symbol.index()][topic.index()].retain(|listener| listener.id != outbox.id);
    }

    pub(in crate::simulator) fn is_heard(&self, symbol: SymbolId, topic: Topic) -> bool {
        !self.market[symbol.index()][topic.index()].is_empty()
    }

    /// Adds a listener to a stream of all symbols of a product.
    pub(in crate::simulator) fn listen_whole(
        &mut self,
        product: Product,
        topic: MarketTopic,
        outbox: &Arc<Outbox>,
    ) {
        let listeners = &mut self.whole[product.index()][topic.index()];
        if !listeners.iter().any(|listener| listener.id == outbox.id) {
            listeners.push(Arc::clone(outbox));
        }
    }

    pub(in crate::simulator) fn unlisten_whole(
        &mut self,
        product: Product,
        topic: MarketTopic,
        outbox: &Outbox,
    ) {
        self.whole[product.index()][topic.index()].retain(|listener| listener.id != outbox.id);
    }

    pub(in crate::simulator) fn is_whole_heard(&self, product: Product, topic: MarketTopic) -> bool {
        !self.whole[product.index()][topic.index()].is_empty()
    }

    /// Sends a payload to all listeners of a symbol's stream, wrapped with its name for those who want that.
    pub(in crate::simulator) fn send(
        &self,
        symbol: SymbolId,
        (product, symbol_name): (Product, &str),
        topic: Topic,
        payload: String,
    ) {
        let name = || format!("{}@{}", symbol_name.to_lowercase(), topic.name(product));
        send(&self.market[symbol.index()][topic.index()], name, payload);
    }

    /// Sends a payload to all listeners of a stream of all symbols.
    pub(in crate::simulator) fn send_whole(&self, product: Product, topic: MarketTopic, payload: String) {
        let name = || MarketTopic::ALL[topic.index()].1.to_owned();
        send(&self.whole[product.index()][topic.index()], name, payload);
    }

    pub(in crate::simulator) fn users(&self) -> &[UserSubscription] {
        &self.users
    }

    pub(in crate::simulator) fn users_mut(&mut self) -> &mut Vec<UserSubscription> {
        &mut self.users
    }

    /// Whether anybody listens to that account.
    pub(in crate::simulator) fn is_user_heard(&self, account: AccountId) -> bool {
        self.users.iter().any(|user| user.account == account)
    }

    /// Sends an event to all who listen to that account.
    pub(in crate::simulator) fn send_user(&self, account: AccountId, event: &str) {
        for user in self.users.iter().filter(|user| user.account == account) {
            let message = format!("{{\"subscriptionId\":{},\"event\":{event}}}", user.id);
            user.outbox.push(message.into());
        }
    }
}

fn send(listeners: &[Arc<Outbox>], name: impl Fn() -> String, payload: String) {
    let mut wrapped = None;
    let payload = Utf8Bytes::from(payload);
    for listener in listeners {
        if listener.is_combined() {
            let wrap = || Utf8Bytes::from(format!("{{\"stream\":\"{}\",\"data\":{payload}}}", name()));
            listener.push(wrapped.get_or_insert_with(wrap).clone());
        } else {
            listener.push(payload.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::engine::{Engine, MarketKind};

    #[test]
    fn a_connection_that_ends_listens_to_nothing_any_more() {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 2, 2).expect("few decimals");
        let account = engine.add_account();
        let mut hub = Hub::new(1);
        let (gone, stays) = (hub.connect(false), hub.connect(false));
        for outbox in [&gone, &stays] {
            hub.listen(symbol, Topic::Trade, outbox);
            hub.users.push(UserSubscription { id: 0, account, outbox: Arc::clone(outbox) });
        }
        hub.disconnect(&gone);
        assert!(hub.is_heard(symbol, Topic::Trade) && hub.is_user_heard(account));
        assert_eq!(Arc::strong_count(&gone), 1, "no one else holds it");
        hub.disconnect(&stays);
        assert!(!hub.is_heard(symbol, Topic::Trade) && !hub.is_user_heard(account));
    }

    #[test]
    fn only_the_first_listener_begins_a_stream() {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 2, 2).expect("few decimals");
        let mut hub = Hub::new(1);
        let (first, second) = (hub.connect(false), hub.connect(false));
        assert!(hub.listen(symbol, Topic::Trade, &first));
        assert!(!hub.listen(symbol, Topic::Trade, &first), "asked for by another name of the same stream");
        assert!(!hub.listen(symbol, Topic::Trade, &second));
    }
}
