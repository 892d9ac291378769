//! No end without evidence: orders in doubt of earlier runs, statements that contradict what was sent, and arbitrary
//! sequences of reports.

mod alarms;
mod close_out;
mod sequences;

use crate::support::{at_ns, num, tick, top};
use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::instrument::{Instrument, Settings};
use pipeline::time::Now;
use schemas::ids::ClientOrderId;
use schemas::order::OrderStatus;
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};

/// What the venue says of an order.
pub(crate) fn update(
    id: ClientOrderId,
    status: OrderStatus,
    executed: &str,
    last_fill: Option<Fill>,
) -> OrderUpdate {
    OrderUpdate {
        client_id: id,
        venue_order_id: 77,
        status,
        executed: num(executed),
        terms: Terms::default(),
        last_fill,
        prevented: false,
        event_time_ms: None,
    }
}

pub(crate) fn commands(instrument: &mut Instrument) -> Vec<Command> {
    std::iter::from_fn(|| instrument.poll_command()).collect()
}

/// An instrument that is live and has asked for the maker of a pair: 1.000 bought at 100.00.
pub(crate) fn live(settings: Settings) -> (Instrument, ClientOrderId, Now) {
    let now = at_ns(1_000_000_000);
    let mut instrument = Instrument::new(settings);
    instrument.handle_connected(true, now);
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    let maker = next_pair(&mut instrument, now);
    (instrument, maker, now)
}

/// The maker of the next pair.
pub(crate) fn next_pair(instrument: &mut Instrument, now: Now) -> ClientOrderId {
    instrument.handle_top(Some(top(None, None, now.mono.0, now)));
    instrument.handle_tick(tick("100", "1", now), now);
    match commands(instrument)[..] {
        [Command::PlaceMaker(maker)] => maker.id,
        ref other => panic!("{other:?}"),
    }
}
