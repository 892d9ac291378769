//! Open connections: since when, whose, what they listen to. Each coming and going is in the event log.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notice::{Notice, NoticeKind};
use crate::simulator::binance::hub::Peer;
use crate::simulator::engine::AccountId;
use crate::simulator::outbox::Outbox;
use crate::simulator::state::State;

/// What is known of the open connections, by number.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Connections(BTreeMap<u64, Seen>);

/// What is known of one.
#[derive(Debug)]
pub(super) struct Seen {
    /// Milliseconds since the epoch.
    pub(super) opened_ms: i64,
    pub(super) logged_on: Option<AccountId>,
    /// Names of market streams.
    pub(super) streams: Vec<String>,
}

impl Connections {
    pub(super) fn get(&self, connection: u64) -> Option<&Seen> {
        self.0.get(&connection)
    }
}

impl State {
    /// A new connection's outbox.
    pub(in crate::simulator) fn open_connection(&mut self, peer: Peer) -> Arc<Outbox> {
        let outbox = self.hub.connect(peer);
        let seen = Seen { opened_ms: self.journal.time_ms(), logged_on: None, streams: Vec::new() };
        self.connections.0.insert(outbox.id, seen);
        let door = if peer.is_api { "WS API" } else { "streams" };
        let text = format!("{} {door} from {}", peer.product.as_str(), peer.address);
        self.announce(Notice::new(NoticeKind::Opened, text).at(outbox.id));
        outbox
    }

    /// Forgets a connection.
    pub(in crate::simulator) fn close_connection(&mut self, outbox: &Outbox) {
        self.hub.disconnect(outbox);
        let account = self.connections.0.remove(&outbox.id).and_then(|seen| seen.logged_on);
        self.announce(Notice::new(NoticeKind::Closed, "").at(outbox.id).of(account));
    }

    /// A connection logged on as that account, or off.
    pub(in crate::simulator) fn logged_on(&mut self, outbox: &Outbox, account: Option<AccountId>) {
        let Some(seen) = self.connections.0.get_mut(&outbox.id) else { return };
        let before = std::mem::replace(&mut seen.logged_on, account);
        let kind = match account {
            Some(_) => NoticeKind::LoggedOn,
            None => NoticeKind::LoggedOff,
        };
        if before != account {
            self.announce(Notice::new(kind, "").at(outbox.id).of(account.or(before)));
        }
    }

    /// A connection listens to those market streams now.
    pub(in crate::simulator) fn listens_to(&mut self, outbox: &Outbox, streams: &[String]) {
        if let Some(seen) = self.connections.0.get_mut(&outbox.id) {
            // Other names are listen keys, and those are secrets.
            let of_market = |name: &&String| name.contains(['@', '!']);
            seen.streams = streams.iter().filter(of_market).cloned().collect();
        }
    }
}
