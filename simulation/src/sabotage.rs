//! Promises broken on purpose, in the simulation's wiring: each must make a named check fail.

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Orders leave without being written to the journal.
    SkipJournal,
    /// A place that was not answered is sent again.
    ResendPlace,
    /// Orders leave whoever owns the instrument, and nobody hears that it is another's.
    DropEpochCheck,
    /// A request that brought no answer counts as "no such order".
    TransportIsNotFound,
    /// Trades that were seen before are traded again.
    IgnoreDuplicates,
    /// Cancels are not sent.
    DropCancels,
    /// Orders leave whatever the age of what they were decided on.
    IgnoreAges,
    /// Requests go on while the venue wants silence.
    IgnoreSilence,
    /// A new owner does not sweep.
    SkipSweep,
    /// What an earlier run traded is not remembered.
    ForgetTraded,
    /// The dead man's switch is renewed whatever is in doubt.
    RenewBlindly,
    /// The venue's reset stops the dead man's switch.
    ResetSwitches,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SkipJournal,
        Self::ResendPlace,
        Self::DropEpochCheck,
        Self::TransportIsNotFound,
        Self::IgnoreDuplicates,
        Self::DropCancels,
        Self::IgnoreAges,
        Self::IgnoreSilence,
        Self::SkipSweep,
        Self::ForgetTraded,
        Self::RenewBlindly,
        Self::ResetSwitches,
    ];
}
