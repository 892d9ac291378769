//! What reaches a gateway by another way than its order connection, and what leaves by one.

use pipeline::alarm::Alarm;
use pipeline::gateway::Answer;
use pipeline::time::Nanos;
use schemas::ids::{ClientOrderId, InstrumentPrefix};
use schemas::wire::order_update::OrderUpdate;

/// News from beside the order connection.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most are updates: a box would cost an allocation each")]
pub(crate) enum Beside {
    /// Whether the venue's events come.
    Events(bool),
    /// A statement of the user stream about an order of ours.
    Update(OrderUpdate),
    /// The user stream says what cannot be of an order of ours.
    Alarm {
        /// The order.
        id: ClientOrderId,
        /// What it is.
        alarm: Alarm,
    },
    /// The answer to a request that went by REST.
    Answer {
        /// The request's id.
        request: u64,
        /// What came of it.
        answer: Answer,
    },
}

/// A list of open orders to be asked for by REST.
#[derive(Clone, Debug)]
pub(crate) struct ListJob {
    /// The request's id.
    pub(crate) request: u64,
    /// The venue's symbol.
    pub(crate) symbol: String,
    /// Whose orders count.
    pub(crate) prefix: InstrumentPrefix,
    /// From when on the machine no longer waits for it.
    pub(crate) late: Nanos,
}
