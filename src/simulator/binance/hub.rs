//! Who listens to what.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::time::Instant;

use super::feed::MarketFeed;
use super::time::{Moment, TimeUnit};
use super::topic::{MarketTopic, Topic};
use crate::simulator::engine::{AccountId, SymbolId};
use crate::simulator::faults::{Faults, Stream, Target};
use crate::simulator::lag::{Kind, Lags};
use crate::simulator::outbox::Outbox;
use crate::simulator::profile::Latency;
use crate::simulator::symbols::Product;

/// One connection's subscription to one account's events.
#[derive(Debug)]
pub(in crate::simulator) struct UserSubscription {
    /// Its number on that connection.
    pub(in crate::simulator) id: u64,
    pub(in crate::simulator) account: AccountId,
    /// It ends with the connection's log-on.
    pub(in crate::simulator) by_logon: bool,
    pub(in crate::simulator) outbox: Arc<Outbox>,
}

/// What a connection is.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Peer {
    pub(in crate::simulator) product: Product,
    pub(in crate::simulator) address: IpAddr,
    /// A WS API connection; otherwise one of streams.
    pub(in crate::simulator) is_api: bool,
    /// Stream payloads are wrapped with their stream's name.
    pub(in crate::simulator) combined: bool,
    pub(in crate::simulator) unit: TimeUnit,
}

impl Peer {
    /// One that came over no socket.
    pub(in crate::simulator) const fn local(product: Product, is_api: bool) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { product, address, is_api, combined: false, unit: TimeUnit::Milli }
    }
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
    /// How late messages come.
    latency: Latency,
    /// The same of answers over REST.
    rest_lags: Option<Lags>,
    /// By the connection's number.
    peers: BTreeMap<u64, (Peer, Arc<Outbox>)>,
    faults: Faults,
}

impl Hub {
    pub(in crate::simulator) fn new(symbols: usize, faults: Faults) -> Self {
        Self {
            feeds: (0..symbols).map(|_| MarketFeed::default()).collect(),
            market: (0..symbols).map(|_| std::array::from_fn(|_| Vec::new())).collect(),
            whole: Default::default(),
            users: Vec::new(),
            connections: 0,
            latency: Latency::default(),
            rest_lags: None,
            peers: BTreeMap::new(),
            faults,
        }
    }

    /// Makes messages of connections to come late, and answers over REST.
    pub(in crate::simulator) fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
        self.rest_lags = Lags::new(&latency, 0);
    }

    /// When the next answer over REST may leave; none if at once.
    pub(in crate::simulator) fn rest_due(&mut self) -> Option<Instant> {
        self.rest_lags.as_mut()?.due(Kind::Answer, Duration::ZERO, Instant::now())
    }

    /// A new connection's outbox.
    pub(in crate::simulator) fn connect(&mut self, peer: Peer) -> Arc<Outbox> {
        self.connections += 1;
        let outbox = Arc::new(Outbox::new(self.connections, peer.combined, peer.unit));
        outbox.set_lags(Lags::new(&self.latency, self.connections));
        self.peers.insert(outbox.id, (peer, Arc::clone(&outbox)));
        outbox
    }

    /// Every connection, in the order of their beginning.
    pub(in crate::simulator) fn peers(&self) -> impl ExactSizeIterator<Item = &(Peer, Arc<Outbox>)> {
        self.peers.values()
    }

    /// Tells every connection of a product that the venue is going away, or those of both.
    pub(in crate::simulator) fn announce_shutdown(&self, product: Option<Product>, now_ms: i64) {
        let meant = |peer: &Peer| product.is_none_or(|product| product == peer.product);
        for (peer, outbox) in self.peers.values().filter(|(peer, _)| meant(peer)) {
            let at = peer.unit.during(|| Moment(now_ms).written());
            let event = format!("{{\"e\":\"serverShutdown\",\"E\":{at}}}");
            let message = if peer.is_api { format!("{{\"event\":{event}}}") } else { event };
            outbox.push(message.into());
        }
    }

    /// Forgets a connection.
    pub(in crate::simulator) fn disconnect(&mut self, outbox: &Outbox) {
        self.peers.remove(&outbox.id);
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
        payload: impl Fn() -> String,
    ) {
        let name = || format!("{}{}@{}", symbol_name.to_lowercase(), topic.contract(), topic.name(product));
        let listeners = &self.market[symbol.index()][topic.index()];
        if self.faults.is_on() {
            let stream = Some(topic.muted_as());
            let target = Target { stream, ..self.faults.symbol(symbol) };
            return self.send_troubled(&target, listeners, &name(), payload);
        }
        send(listeners, name, payload);
    }

    /// Sends a payload to all listeners of a stream of all symbols.
    pub(in crate::simulator) fn send_whole(
        &self,
        product: Product,
        topic: MarketTopic,
        payload: impl Fn() -> String,
    ) {
        let name = || MarketTopic::ALL[topic.index()].1.to_owned();
        let listeners = &self.whole[product.index()][topic.index()];
        if self.faults.is_on() {
            let stream = Some(topic.muted_as());
            let target = Target { product: Some(product), stream, ..Target::default() };
            return self.send_troubled(&target, listeners, &name(), payload);
        }
        send(listeners, name, payload);
    }

    fn send_troubled(
        &self,
        target: &Target<'_>,
        listeners: &[Arc<Outbox>],
        name: &str,
        payload: impl Fn() -> String,
    ) {
        let payload = |outbox: &Outbox| outbox.unit.during(&payload);
        self.faults.send(target, name, listeners.iter(), payload, |outbox, payload| {
            if outbox.is_combined() { wrapped(name, &payload) } else { payload.into() }
        });
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
    pub(in crate::simulator) fn send_user(&self, account: AccountId, event: impl Fn() -> String) {
        if self.faults.is_on() {
            return self.send_user_troubled(account, event);
        }
        let mut texts = [None, None];
        for user in self.users.iter().filter(|user| user.account == account) {
            let unit = user.outbox.unit;
            let event: &String = texts[unit as usize].get_or_insert_with(|| unit.during(&event));
            user.outbox.push(format!("{{\"subscriptionId\":{},\"event\":{event}}}", user.id).into());
        }
    }

    /// An event says itself which symbol it is about, if it is about one.
    fn send_user_troubled(&self, account: AccountId, event: impl Fn() -> String) {
        let sample = event();
        let target = Target {
            symbol: symbol_of(&sample),
            account: self.faults.account(account),
            stream: Some(Stream::User),
            ..Target::default()
        };
        for user in self.users.iter().filter(|user| user.account == account) {
            let event = |outbox: &Outbox| outbox.unit.during(&event);
            self.faults.send(&target, "user", std::iter::once(&user.outbox), event, |_, event| {
                format!("{{\"subscriptionId\":{},\"event\":{event}}}", user.id).into()
            });
        }
    }
}

fn symbol_of(event: &str) -> Option<&str> {
    let (_, rest) = event.split_once("\"s\":\"")?;
    rest.split_once('"').map(|(symbol, _)| symbol)
}

fn wrapped(name: &str, payload: &str) -> Utf8Bytes {
    format!("{{\"stream\":\"{name}\",\"data\":{payload}}}").into()
}

/// Each of the forms in which a payload is wanted is made once.
fn send(listeners: &[Arc<Outbox>], name: impl Fn() -> String, payload: impl Fn() -> String) {
    let mut bare: [Option<Utf8Bytes>; 2] = [None, None];
    let mut combined: [Option<Utf8Bytes>; 2] = [None, None];
    for listener in listeners {
        let unit = listener.unit as usize;
        let payload = bare[unit].get_or_insert_with(|| listener.unit.during(&payload).into());
        if listener.is_combined() {
            let wrap = || wrapped(&name(), payload);
            listener.push(combined[unit].get_or_insert_with(wrap).clone());
        } else {
            listener.push(payload.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::VenueOptions;
    use crate::simulator::engine::{Engine, MarketKind};

    const PEER: Peer = Peer::local(Product::Spot, false);

    #[test]
    fn a_connection_that_ends_listens_to_nothing_any_more() {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 2, 2).expect("few decimals");
        let account = engine.add_account();
        let mut hub = Hub::new(1, Faults::new(&VenueOptions::default()));
        let (gone, stays) = (hub.connect(PEER), hub.connect(PEER));
        for outbox in [&gone, &stays] {
            hub.listen(symbol, Topic::Trade, outbox);
            hub.users.push(UserSubscription { id: 0, account, by_logon: false, outbox: Arc::clone(outbox) });
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
        let mut hub = Hub::new(1, Faults::new(&VenueOptions::default()));
        let (first, second) = (hub.connect(PEER), hub.connect(PEER));
        assert!(hub.listen(symbol, Topic::Trade, &first));
        assert!(!hub.listen(symbol, Topic::Trade, &first), "asked for by another name of the same stream");
        assert!(!hub.listen(symbol, Topic::Trade, &second));
    }
}
