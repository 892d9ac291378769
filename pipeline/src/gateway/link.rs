//! What an account's gateway can do at the moment, as its lanes see it.

/// What a gateway can do at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// No connection: nothing leaves.
    #[default]
    Down,
    /// Connected, and the venue's events do not come: only cancels and questions leave.
    Deaf,
    /// Connected, and the rate budget is spent: only cancels and questions leave.
    Spent,
    /// Pairs may begin.
    Open,
}

impl Link {
    /// Whether there is a connection.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Deaf | Self::Spent | Self::Open)
    }
}
