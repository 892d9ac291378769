//! Faults as data: what fails, when, for how long and for whom.

use crate::coverage::OrderState;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Messages between process and venue take up to 3 s longer.
    SlowNetwork,
    /// Requests vanish.
    LoseRequest,
    /// Answers vanish.
    LoseAnswer,
    /// User events vanish.
    LoseEvent,
    /// User events come twice.
    RepeatEvent,
    /// Messages overtake each other.
    Reorder,
    /// Requests arrive seconds after they left.
    Zombie,
    /// Nothing passes between process and venue, and nobody is told.
    Partition,
    /// The order connection breaks again and again.
    Cut,
    /// The account's events stop, on a connection of their own where the venue has one.
    Deaf,
    /// Outcomes that the venue does not know itself.
    UnknownAnswer,
    /// Places are refused for sure.
    Overloaded,
    /// Cancels are refused.
    RefuseCancel,
    /// 429.
    TooMany,
    /// 418.
    Ban,
    /// Self-trade prevention takes legs.
    SelfTrade,
    /// The monthly reset.
    Wipe,
    /// The tick becomes ten times as large.
    Filters,
    /// The symbols do not trade.
    SymbolHalt,
    /// The venue is away.
    VenueDown,
    /// Strangers trade with us.
    Strangers,
    /// The book is out of sequence.
    BookLost,
    /// The book goes on being confirmed and does not move.
    BookFrozen,
    /// The book comes late.
    BookLate,
    /// The book is not confirmed, and nobody is told.
    BookSilent,
    /// The book shows a bid above its ask.
    BookCrossed,
    /// No ticks.
    FeedDown,
    /// Ticks come twice.
    FeedRepeat,
    /// Ticks overtake each other.
    FeedReorder,
    /// An hour of ticks comes again.
    FeedRewind,
    /// Ticks come long after they happened.
    FeedStale,
    /// Ticks of the future.
    FeedFuture,
    /// Many ticks at once.
    FeedBurst,
    /// A second publisher of the same market, some way behind.
    FeedSecond,
    /// The same message again and again.
    FeedFrozen,
    /// Prices jump by half.
    FeedJump,
    /// kill -9.
    Kill,
    /// kill -9 before the next order's intent is written.
    KillBeforeIntent,
    /// kill -9 after the next order's intent is written.
    KillAfterIntent,
    /// kill -9 after the next order's frame is written.
    KillAfterSend,
    /// The host is gone, with what was not synced.
    HostLoss,
    /// SIGSTOP, then SIGCONT.
    Pause,
    /// The next order's frame is held for that long after its permit was given.
    PauseMidSend,
    /// The process gets little of its processor.
    Starve,
    /// SIGTERM, then a new process.
    Stop,
    /// The wall clock is stepped.
    ClockStep,
    /// The clocks run at another rate.
    ClockRate,
    /// The lease store does not answer.
    StoreDown,
    /// The lease store forgets everything.
    StoreWipe,
    /// The lease store comes back as it was some time ago.
    StoreRollback,
    /// The lease store answers late.
    StoreSlow,
    /// The disk is full.
    DiskFull,
    /// Writes take long.
    DiskSlow,
    /// Syncs take long.
    SyncSlow,
    /// Syncs fail.
    SyncFails,
    /// kill -9, and the journal's tail is torn.
    Torn,
    /// kill -9, and a bit of the journal is flipped.
    BitFlip,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 57] = [
        Self::SlowNetwork,
        Self::LoseRequest,
        Self::LoseAnswer,
        Self::LoseEvent,
        Self::RepeatEvent,
        Self::Reorder,
        Self::Zombie,
        Self::Partition,
        Self::Cut,
        Self::Deaf,
        Self::UnknownAnswer,
        Self::Overloaded,
        Self::RefuseCancel,
        Self::TooMany,
        Self::Ban,
        Self::SelfTrade,
        Self::Wipe,
        Self::Filters,
        Self::SymbolHalt,
        Self::VenueDown,
        Self::Strangers,
        Self::BookLost,
        Self::BookFrozen,
        Self::BookLate,
        Self::BookSilent,
        Self::BookCrossed,
        Self::FeedDown,
        Self::FeedRepeat,
        Self::FeedReorder,
        Self::FeedRewind,
        Self::FeedStale,
        Self::FeedFuture,
        Self::FeedBurst,
        Self::FeedSecond,
        Self::FeedFrozen,
        Self::FeedJump,
        Self::Kill,
        Self::KillBeforeIntent,
        Self::KillAfterIntent,
        Self::KillAfterSend,
        Self::HostLoss,
        Self::Pause,
        Self::PauseMidSend,
        Self::Starve,
        Self::Stop,
        Self::ClockStep,
        Self::ClockRate,
        Self::StoreDown,
        Self::StoreWipe,
        Self::StoreRollback,
        Self::StoreSlow,
        Self::DiskFull,
        Self::DiskSlow,
        Self::SyncSlow,
        Self::SyncFails,
        Self::Torn,
        Self::BitFlip,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its place in [`Kind::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name: what the code calls it.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// It hits everybody: the venue, the store, the reference market.
    #[must_use]
    pub const fn is_common(self) -> bool {
        matches!(
            self,
            Self::UnknownAnswer
                | Self::Overloaded
                | Self::RefuseCancel
                | Self::Ban
                | Self::SelfTrade
                | Self::Wipe
                | Self::Filters
                | Self::SymbolHalt
                | Self::VenueDown
                | Self::Strangers
                | Self::FeedStale
                | Self::FeedFuture
                | Self::FeedBurst
                | Self::FeedSecond
                | Self::FeedJump
                | Self::StoreWipe
                | Self::StoreRollback
        )
    }

    /// The process it hits is gone for as long as it lasts.
    #[must_use]
    pub const fn kills(self) -> bool {
        matches!(
            self,
            Self::Kill
                | Self::KillBeforeIntent
                | Self::KillAfterIntent
                | Self::KillAfterSend
                | Self::HostLoss
                | Self::Stop
                | Self::Torn
                | Self::BitFlip
        )
    }
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its place in the plan that the seed gives.
    pub index: usize,
    /// When it begins, nanoseconds.
    pub at: u64,
    /// When it is over.
    pub until: u64,
    /// Which process it hits, where it does not hit all.
    pub process: usize,
    /// How bad it is, 1 to 1,000.
    pub level: u32,
    /// What fails.
    pub kind: Kind,
    /// It begins when an order of its process comes into that state, and not at all if none does before it is over.
    pub awaits: Option<OrderState>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { index, at, until, process, level, kind, awaits } = self;
        let (from, to) = (at / crate::MS, until / crate::MS);
        write!(
            f,
            "#{index} {kind:?} {}.{:03} s - {}.{:03} s, level {level}",
            from / 1_000,
            from % 1_000,
            to / 1_000,
            to % 1_000
        )?;
        if !kind.is_common() {
            write!(f, ", process {process}")?;
        }
        awaits.map_or(Ok(()), |state| write!(f, ", once {state:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_at_its_place() {
        assert!(Kind::ALL.iter().enumerate().all(|(place, kind)| kind.index() == place));
    }
}
