//! The one door through which connections to a venue leave; checks every peer.
