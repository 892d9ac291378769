//! Who listens to what.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use super::market_streams::MarketFeed;
use super::stream_names::{KINDS, Kind};
use crate::simulator::engine::{AccountId, SymbolId};
use crate::simulator::outbox::Outbox;

/// One connection's subscription to one account's events.
#[derive(Debug)]
pub(super) struct UserSubscription {
    /// Its number on that connection.
    pub(super) id: u64,
    pub(super) account: AccountId,
    pub(super) outbox: Arc<Outbox>,
}

/// The listeners of all streams.
#[derive(Debug)]
pub(crate) struct Hub {
    /// By symbol.
    pub(super) feeds: Vec<MarketFeed>,
    market: Vec<[Vec<Arc<Outbox>>; KINDS.len()]>,
    users: Vec<UserSubscription>,
    connections: u64,
}

impl Hub {
    pub(crate) fn new(symbols: usize) -> Self {
        Self {
            feeds: (0..symbols).map(|_| MarketFeed::default()).collect(),
            market: (0..symbols).map(|_| Default::default()).collect(),
            users: Vec::new(),
            connections: 0,
        }
    }

    /// A new connection's outbox.
    pub(super) fn connect(&mut self, combined: bool) -> Arc<Outbox> {
        self.connections += 1;
        Arc::new(Outbox::new(self.connections, combined))
    }

    /// Forgets a connection.
    pub(super) fn disconnect(&mut self, outbox: &Outbox) {
        for listeners in self.market.iter_mut().flatten() {
            listeners.retain(|listener| listener.id != outbox.id);
        }
        self.users.retain(|user| user.outbox.id != outbox.id);
    }

    /// Adds a listener. True if it is the stream's first.
    pub(super) fn listen(&mut self, symbol: SymbolId, kind: Kind, outbox: &Arc<Outbox>) -> bool {
        let listeners = &mut self.market[symbol.index()][kind.index()];
        if listeners.iter().any(|listener| listener.id == outbox.id) {
            return false;
        }
        listeners.push(Arc::clone(outbox));
        listeners.len() == 1
    }

    pub(super) fn unlisten(&mut self, symbol: SymbolId, kind: Kind, outbox: &Outbox) {
        self.market[symbol.index()][kind.index()].retain(|listener| listener.id != outbox.id);
    }

    pub(super) fn is_heard(&self, symbol: SymbolId, kind: Kind) -> bool {
        !self.market[symbol.index()][kind.index()].is_empty()
    }

    /// Sends a payload to all listeners of a stream, wrapped with its name for those who want that.
    pub(super) fn send(&self, symbol: SymbolId, symbol_name: &str, kind: Kind, payload: String) {
        let mut wrapped = None;
        let payload = Utf8Bytes::from(payload);
        for listener in &self.market[symbol.index()][kind.index()] {
            if listener.is_combined() {
                listener.push(wrapped.get_or_insert_with(|| wrap(symbol_name, kind, &payload)).clone());
            } else {
                listener.push(payload.clone());
            }
        }
    }

    pub(super) fn users(&self) -> &[UserSubscription] {
        &self.users
    }

    pub(super) fn users_mut(&mut self) -> &mut Vec<UserSubscription> {
        &mut self.users
    }

    /// Whether anybody listens to that account.
    pub(super) fn is_user_heard(&self, account: AccountId) -> bool {
        self.users.iter().any(|user| user.account == account)
    }

    /// Sends an event to all who listen to that account.
    pub(super) fn send_user(&self, account: AccountId, event: &str) {
        for user in self.users.iter().filter(|user| user.account == account) {
            let message = format!("{{\"subscriptionId\":{},\"event\":{event}}}", user.id);
            user.outbox.push(message.into());
        }
    }
}

fn wrap(symbol_name: &str, kind: Kind, payload: &str) -> Utf8Bytes {
    let (_, stream) = KINDS[kind.index()];
    format!("{{\"stream\":\"{}@{stream}\",\"data\":{payload}}}", symbol_name.to_lowercase()).into()
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
            hub.listen(symbol, Kind::Trade, outbox);
            hub.users.push(UserSubscription { id: 0, account, outbox: Arc::clone(outbox) });
        }
        hub.disconnect(&gone);
        assert!(hub.is_heard(symbol, Kind::Trade) && hub.is_user_heard(account));
        assert_eq!(Arc::strong_count(&gone), 1, "no one else holds it");
        hub.disconnect(&stays);
        assert!(!hub.is_heard(symbol, Kind::Trade) && !hub.is_user_heard(account));
    }

    #[test]
    fn only_the_first_listener_begins_a_stream() {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 2, 2).expect("few decimals");
        let mut hub = Hub::new(1);
        let (first, second) = (hub.connect(false), hub.connect(false));
        assert!(hub.listen(symbol, Kind::Trade, &first));
        assert!(!hub.listen(symbol, Kind::Trade, &first), "asked for by another name of the same stream");
        assert!(!hub.listen(symbol, Kind::Trade, &second));
    }
}
