//! What an instrument finds out about itself that must stop it until somebody has looked.

/// Why an instrument is to be halted, by its own finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Alarm {
    /// An answer named other values than were sent (`ORD-005`).
    Mismatch,
    /// Fills that cannot be: more than the order holds, less than nothing, finer than a lot (`ORD-007`).
    ImpossibleFill,
    /// The venue's self-trade prevention took legs of pair after pair.
    SelfTradePrevented,
    /// Strangers trade with too much of what we place.
    ForeignFills,
    /// The position has reached its bound.
    PositionBound,
    /// A cap on orders or amounts in an hour is reached.
    HourlyCap,
    /// The reference price jumped beyond the guard, tick after tick.
    PriceGuard,
    /// Its own code failed too often.
    Panics,
}

impl Alarm {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mismatch,
        Self::ImpossibleFill,
        Self::SelfTradePrevented,
        Self::ForeignFills,
        Self::PositionBound,
        Self::HourlyCap,
        Self::PriceGuard,
        Self::Panics,
    ];

    /// The name in metrics, in the journal and at the admin address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::ImpossibleFill => "impossible_fill",
            Self::SelfTradePrevented => "self_trade_prevented",
            Self::ForeignFills => "foreign_fills",
            Self::PositionBound => "position_bound",
            Self::HourlyCap => "hourly_cap",
            Self::PriceGuard => "price_guard",
            Self::Panics => "panics",
        }
    }
}
