//! Static shards: whose a symbol must be. The first word of a process's name is its ordinal.

use self_trader::assign;

use crate::members::Fleet;

/// Waits as [`Fleet::settle`]; then each symbol is the shard's that the hash names.
pub(crate) fn settle(fleet: &mut Fleet, shards: u32, phase: &str, members: &[&str]) {
    for (symbol, (owner, _)) in fleet.settle(phase, members) {
        let ordinal = owner.split(' ').next().and_then(|word| word.parse().ok());
        let named = assign::owner(&symbol, shards);
        assert_eq!(ordinal, Some(named), "{phase}: {symbol} of {shards} shards is owned by \"{owner}\"");
    }
}
