//! Who may trade which instrument, and the proof of it. Three ways: alone (one process, nothing to prove), a lease
//! in Redis, membership of a Kafka group proved by commits. All of them speak through one [`Hold`] an instrument.

mod arming;
mod epoch;
mod fence;
mod hold;
pub mod lease;

pub use arming::{Armed, Arming};
pub use epoch::{epoch_after, epoch_at};
pub use fence::Fence;
pub use hold::Hold;
