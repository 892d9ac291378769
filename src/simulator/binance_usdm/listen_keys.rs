//! Listen keys, and the connections that listen by them.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use crate::simulator::binance::error::ApiError;
use crate::simulator::engine::AccountId;
use crate::simulator::faults::{Faults, Target};
use crate::simulator::outbox::Outbox;

/// An account's key. It has one at most.
#[derive(Debug)]
struct ListenKey {
    account: AccountId,
    text: String,
    until_ms: i64,
}

/// A connection that listens by a key.
#[derive(Debug)]
struct Listener {
    account: AccountId,
    key: String,
    /// The events that it wants; empty: all.
    events: Vec<String>,
    outbox: Arc<Outbox>,
}

/// All keys and who listens.
#[derive(Debug)]
pub(in crate::simulator) struct ListenKeys {
    life_ms: i64,
    made: u64,
    keys: Vec<ListenKey>,
    listeners: Vec<Listener>,
}

impl ListenKeys {
    pub(super) const fn new(life_ms: i64) -> Self {
        Self { life_ms, made: 0, keys: Vec::new(), listeners: Vec::new() }
    }

    /// The account's key: a new one, or the one that it has, which then lives on.
    pub(super) fn open(&mut self, account: AccountId, now_ms: i64) -> &str {
        let at = self.keys.iter().position(|key| key.account == account).unwrap_or_else(|| {
            self.made += 1;
            self.keys.push(ListenKey { account, text: format!("stlk{:060}", self.made), until_ms: 0 });
            self.keys.len() - 1
        });
        self.keys[at].until_ms = now_ms + self.life_ms;
        &self.keys[at].text
    }

    /// Lets the account's key live on; -1125 if it has none.
    pub(super) fn prolong(&mut self, account: AccountId, now_ms: i64) -> Result<&str, ApiError> {
        let key = self.keys.iter_mut().find(|key| key.account == account);
        let key = key.ok_or(ApiError::bad_listen_key())?;
        key.until_ms = now_ms + self.life_ms;
        Ok(&key.text)
    }

    /// Ends the account's key, and all that listen by it hear no more; -1125 if it has none.
    pub(super) fn close(&mut self, account: AccountId) -> Result<(), ApiError> {
        let at = self.keys.iter().position(|key| key.account == account);
        let key = self.keys.swap_remove(at.ok_or(ApiError::bad_listen_key())?);
        self.listeners.retain(|listener| listener.key != key.text);
        Ok(())
    }

    /// Whether there is such a key.
    pub(in crate::simulator) fn is_key(&self, text: &str) -> bool {
        self.keys.iter().any(|key| key.text == text)
    }

    /// Lets a connection listen by a key. False if there is no such key.
    pub(in crate::simulator) fn listen(
        &mut self,
        text: &str,
        events: &[String],
        outbox: &Arc<Outbox>,
    ) -> bool {
        let Some(key) = self.keys.iter().find(|key| key.text == text) else { return false };
        self.listeners.retain(|listener| listener.outbox.id != outbox.id || listener.key != text);
        self.listeners.push(Listener {
            account: key.account,
            key: text.to_owned(),
            events: events.to_vec(),
            outbox: Arc::clone(outbox),
        });
        true
    }

    /// A connection listens by that key no more.
    pub(in crate::simulator) fn unlisten(&mut self, text: &str, outbox: &Outbox) {
        self.listeners.retain(|listener| listener.outbox.id != outbox.id || listener.key != text);
    }

    /// Forgets a connection.
    pub(in crate::simulator) fn disconnect(&mut self, outbox: &Outbox) {
        self.listeners.retain(|listener| listener.outbox.id != outbox.id);
    }

    /// Whether anybody listens to that account.
    pub(super) fn is_heard(&self, account: AccountId) -> bool {
        self.listeners.iter().any(|listener| listener.account == account)
    }

    /// The connections that listen, and to whom.
    pub(in crate::simulator) fn listeners(&self) -> impl Iterator<Item = (AccountId, &Arc<Outbox>)> {
        self.listeners.iter().map(|listener| (listener.account, &listener.outbox))
    }

    /// As [`ListenKeys::send`], as the faults let it come through.
    pub(super) fn send_troubled(
        &self,
        (faults, target): (&Faults, &Target<'_>),
        account: AccountId,
        name: &str,
        event: &str,
    ) {
        for listener in self.listeners.iter().filter(|listener| listener.wants(account, name)) {
            let outbox = std::iter::once(&listener.outbox);
            faults.send(
                target,
                "user",
                outbox,
                |_| event.to_owned(),
                |_, event| listener.wrap(&event.into()),
            );
        }
    }

    /// Sends an event of that name to all who listen to the account and want it.
    pub(super) fn send(&self, account: AccountId, name: &str, event: String) {
        let bare = Utf8Bytes::from(event);
        for listener in self.listeners.iter().filter(|listener| listener.wants(account, name)) {
            listener.push(&bare);
        }
    }

    /// Ends the keys whose life is over, and tells those who listen by them.
    pub(super) fn expire(&mut self, now_ms: i64) {
        let life_over = |key: &ListenKey| key.until_ms <= now_ms;
        if !self.keys.iter().any(life_over) {
            return;
        }
        let (gone, kept) = std::mem::take(&mut self.keys).into_iter().partition(life_over);
        self.keys = kept;
        for key in &gone {
            self.tell_expired(key, now_ms);
        }
    }

    /// Ends an account's key before its time, or all of them, as if their life were over.
    pub(in crate::simulator) fn expire_now(&mut self, account: Option<AccountId>, now_ms: i64) {
        for key in &mut self.keys {
            if account.is_none_or(|account| key.account == account) {
                key.until_ms = now_ms;
            }
        }
        self.expire(now_ms);
    }

    fn tell_expired(&mut self, key: &ListenKey, now_ms: i64) {
        let event =
            format!("{{\"e\":\"listenKeyExpired\",\"E\":{now_ms},\"listenKey\":\"{}\"}}", key.text).into();
        for listener in self.listeners.iter().filter(|listener| listener.key == key.text) {
            listener.push(&event);
        }
        self.listeners.retain(|listener| listener.key != key.text);
    }
}

impl Listener {
    fn wants(&self, account: AccountId, name: &str) -> bool {
        self.account == account && (self.events.is_empty() || self.events.iter().any(|own| own == name))
    }

    fn push(&self, event: &Utf8Bytes) {
        self.outbox.push(self.wrap(event));
    }

    /// Bare, or wrapped with the key for who wants that.
    fn wrap(&self, event: &Utf8Bytes) -> Utf8Bytes {
        if self.outbox.is_combined() {
            format!("{{\"stream\":\"{}\",\"data\":{event}}}", self.key).into()
        } else {
            event.clone()
        }
    }
}
