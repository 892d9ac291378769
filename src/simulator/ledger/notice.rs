//! What happens beside the engine and is worth a line in the event log.

use crate::simulator::engine::{AccountId, SymbolId};

/// What sort of happening a notice tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum NoticeKind {
    /// A fault began, acted once, or ended.
    Fault,
    /// A connection was opened.
    Opened,
    /// A connection ended.
    Closed,
    /// A connection logged on, or a listen key was made.
    LoggedOn,
    /// A connection logged off, or a listen key ended.
    LoggedOff,
    /// The monthly reset.
    Reset,
    /// What the ledger has to say of itself: a check, a log that cannot be written.
    Ledger,
}

/// One line of the event log, beside those of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Notice {
    pub(in crate::simulator) kind: NoticeKind,
    /// What it is about, as far as it is about one.
    pub(in crate::simulator) symbol: Option<SymbolId>,
    pub(in crate::simulator) account: Option<AccountId>,
    /// The connection's number.
    pub(in crate::simulator) connection: Option<u64>,
    /// In a few words. Never a secret.
    pub(in crate::simulator) text: String,
}

impl Notice {
    /// A notice about the whole venue.
    pub(in crate::simulator) fn new(kind: NoticeKind, text: impl Into<String>) -> Self {
        Self { kind, symbol: None, account: None, connection: None, text: text.into() }
    }

    /// About that symbol.
    pub(in crate::simulator) fn on(mut self, symbol: impl Into<Option<SymbolId>>) -> Self {
        self.symbol = symbol.into();
        self
    }

    /// About that account.
    pub(in crate::simulator) fn of(mut self, account: impl Into<Option<AccountId>>) -> Self {
        self.account = account.into();
        self
    }

    /// About that connection.
    pub(in crate::simulator) fn at(mut self, connection: u64) -> Self {
        self.connection = Some(connection);
        self
    }
}

impl NoticeKind {
    /// As the event log names it.
    pub(in crate::simulator) const fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::LoggedOn => "logged_on",
            Self::LoggedOff => "logged_off",
            Self::Reset => "reset",
            Self::Ledger => "ledger",
        }
    }
}
