//! Who may trade which instrument, and the proof of it. Three ways: alone (one process, nothing to prove), a lease
//! in Redis, membership of a Kafka group proved by commits. All of them speak through one [`Hold`] an instrument.

pub mod epoch;
mod fence;
mod hold;

pub use fence::Fence;
pub use hold::Hold;
