//! What an instrument shows of its orders: to the switch, to metrics, to whoever hands it over.

use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::instrument::Instrument;
use pipeline::switch::View;
use pipeline::time::Nanos;
use schemas::order::OrderStatus;

use crate::evidence::{commands, live, update};
use crate::support::{at_ns, settings};

const SECOND: u64 = 1_000_000_000;

/// Since when a maker may rest: from the decision on, from its sending once that is told, and no longer than it may.
#[test]
fn a_maker_is_open_from_its_decision_to_its_end() {
    let now = at_ns(SECOND);
    assert_eq!(Instrument::new(settings()).open_maker_since(), None);
    let (mut instrument, maker, _) = live(settings());
    assert_eq!(instrument.open_maker_since(), Some(now.mono));
    let sent = Nanos(SECOND + 7);
    instrument.handle_report(&OrderReport::Sent { id: maker, at: sent }, now);
    assert_eq!(instrument.open_maker_since(), Some(sent));
    assert_eq!(instrument.switch_view(), View { swept: true, oldest: Some(sent) });
    instrument.handle_report(&OrderReport::Update(update(maker, OrderStatus::New, "0", None)), now);
    let taker = match commands(&mut instrument)[..] {
        [Command::PlaceTaker(taker)] => taker.id,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(instrument.open_maker_since(), Some(sent));
    // The maker is over, the taker is not: the switch still goes by it.
    instrument.handle_report(&OrderReport::Update(update(maker, OrderStatus::Filled, "1", None)), now);
    assert_eq!((instrument.open_maker_since(), instrument.maybe_open()), (None, vec![taker]));
    assert_eq!(instrument.switch_view(), View { swept: true, oldest: Some(now.mono) });
}
