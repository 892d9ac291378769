//! Orders that an earlier run left in doubt.

use std::collections::BTreeMap;
use std::time::Duration;

use pipeline::close_out::CloseOut;
use pipeline::command::Command;
use pipeline::event::{CancelFailure, OpenOrder, OrderReport};
use pipeline::leg::End;
use pipeline::time::Nanos;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::OrderStatus;

use super::update;

const RECV_WINDOW: Duration = Duration::from_secs(2);

fn order(sequence: u64) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("test", "BTCUSDT"), Epoch::new(3), sequence, Leg::Maker)
}

fn at(ms: u64) -> Nanos {
    Nanos((1_000_000 + ms) * 1_000_000)
}

/// How the venue answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Venue {
    /// Neither door knows the orders.
    Denies,
    /// Its answers do not come.
    Silent,
    /// Questions find nothing, and no list comes.
    NoList,
    /// Questions fail, and the list does not hold them.
    ListOnly,
    /// The first question finds the order open; it can be cancelled.
    Open,
    /// It was filled.
    Filled,
}

/// An earlier run's orders, and a venue that answers at once.
struct Desk {
    close_out: CloseOut,
    venue: Venue,
    sent: Vec<(u64, Command)>,
    ended: BTreeMap<ClientOrderId, (u64, End)>,
    traded_from: Option<u64>,
}

impl Desk {
    fn new(ids: &[ClientOrderId], venue: Venue) -> Self {
        let mut close_out = CloseOut::new(ids);
        close_out.begin(RECV_WINDOW, at(0));
        Self { close_out, venue, sent: Vec::new(), ended: BTreeMap::new(), traded_from: None }
    }

    /// Goes from deadline to deadline until so many milliseconds after the start.
    fn run(mut self, until_ms: u64) -> Self {
        let mut ms = 0;
        loop {
            self.settle(ms);
            if self.traded_from.is_none() && self.close_out.is_over(at(ms)) {
                self.traded_from = Some(ms);
            }
            let gate = self.close_out.until().filter(|until| self.traded_from.is_none() && *until > at(ms));
            let Some(next) = self.close_out.poll_timeout().into_iter().chain(gate).min() else { return self };
            let next_ms = next.since(at(0)).as_millis() as u64;
            assert!(next_ms > ms, "a deadline that has passed: {next_ms} at {ms}");
            if next_ms > until_ms {
                return self;
            }
            ms = next_ms;
        }
    }

    fn settle(&mut self, ms: u64) {
        while let Some(command) = self.close_out.poll_command(at(ms)) {
            assert!(!command.is_place(), "nothing is sent again: {command:?}");
            self.sent.push((ms, command));
            self.answer(command, ms);
        }
        while let Some(leg) = self.close_out.poll_closed() {
            self.ended.insert(leg.id, (ms, leg.end().expect("closed")));
        }
    }

    fn answer(&mut self, command: Command, ms: u64) {
        let now = at(ms);
        match (command, self.venue) {
            (Command::ListOpen, Venue::Denies | Venue::ListOnly) => {
                self.close_out.handle_list(&[], now, now);
            }
            (Command::ListOpen, _) => {}
            (Command::Query(handle), venue) => {
                let id = handle.id;
                let report = match venue {
                    Venue::Denies | Venue::NoList => OrderReport::QueryFailed { id, not_found: true },
                    Venue::Silent | Venue::ListOnly => OrderReport::QueryFailed { id, not_found: false },
                    Venue::Open => OrderReport::Update(update(id, OrderStatus::New, "0", None)),
                    Venue::Filled => OrderReport::Update(update(id, OrderStatus::Filled, "1", None)),
                };
                assert_eq!(self.close_out.handle_report(&report, now), Some(None));
            }
            (Command::Cancel(handle), _) => {
                let canceled = update(handle.id, OrderStatus::Canceled, "0.2", None);
                assert_eq!(self.close_out.handle_report(&OrderReport::Update(canceled), now), Some(None));
            }
            (Command::PlaceMaker(_) | Command::PlaceTaker(_), _) => unreachable!(),
        }
    }

    fn questions(&self) -> usize {
        self.sent.iter().filter(|(_, command)| matches!(command, Command::Query(_))).count()
    }
}

/// Three denials over recvWindow + 2 s and a list, all asked for after the last moment at which it could arrive. Trading
/// waits only until the venue was asked as often from the start on.
/// Promise P14.
#[test]
fn what_never_arrived_ends_after_it_could_have() {
    let desk = Desk::new(&[order(1)], Venue::Denies).run(60_000);
    let (ended_ms, end) = desk.ended[&order(1)];
    assert_eq!(end, End::NeverArrived);
    assert_eq!(ended_ms, 12_000 + 4_000, "recvWindow + 10 s, then recvWindow + 2 s");
    assert_eq!(desk.traded_from, Some(5_000));
    let after: Vec<_> = desk.sent.iter().filter(|(ms, _)| *ms >= 12_000).collect();
    let lists = after.iter().filter(|(_, command)| *command == Command::ListOpen).count();
    assert_eq!((after.len(), lists), (4, 1), "{after:?}");
}

/// Promise P14.
#[test]
fn one_door_alone_closes_nothing() {
    for venue in [Venue::Silent, Venue::NoList, Venue::ListOnly] {
        let desk = Desk::new(&[order(1)], venue).run(600_000);
        assert_eq!(desk.ended, BTreeMap::new());
        // Trading waits no longer than 10 s for it, and it is asked for on and on.
        assert_eq!(desk.traded_from, Some(10_000));
        assert!(desk.questions() > 100, "{}", desk.questions());
    }
}

#[test]
fn what_is_found_ends_as_the_venue_says() {
    let desk = Desk::new(&[order(1), order(2)], Venue::Filled).run(60_000);
    let filled = (200, End::Final(OrderStatus::Filled));
    assert_eq!(desk.ended, BTreeMap::from([(order(1), filled), (order(2), filled)]));
    assert_eq!((desk.questions(), desk.traded_from), (2, Some(200)));
}

/// Fault O2, O22.
#[test]
fn what_is_found_open_is_cancelled() {
    let desk = Desk::new(&[order(1)], Venue::Open).run(60_000);
    assert_eq!(desk.ended[&order(1)], (200, End::Final(OrderStatus::Canceled)));
    assert!(matches!(desk.sent[1], (200, Command::Cancel(handle)) if handle.venue_id == Some(77)));
}

/// The list finds what the question does not.
#[test]
fn what_a_list_holds_is_cancelled() {
    let mut close_out = CloseOut::new(&[order(1)]);
    close_out.begin(RECV_WINDOW, at(0));
    close_out.handle_list(&[OpenOrder { id: order(1), venue_id: 9 }], at(0), at(5));
    assert_eq!(close_out.open().collect::<Vec<_>>(), [order(1)]);
    let command = close_out.poll_command(at(5));
    assert!(matches!(command, Some(Command::Cancel(handle)) if handle.venue_id == Some(9)), "{command:?}");
    // The venue denies it: asked for until that is proved, from then on.
    let unknown = OrderReport::CancelFailed { id: order(1), why: CancelFailure::UnknownOrder };
    close_out.handle_report(&unknown, at(6));
    let mut ended = None;
    for ms in [6, 2_006, 4_006] {
        assert_eq!(ended, None);
        while let Some(command) = close_out.poll_command(at(ms)) {
            match command {
                Command::Query(_) => {
                    let denied = OrderReport::QueryFailed { id: order(1), not_found: true };
                    close_out.handle_report(&denied, at(ms));
                }
                Command::ListOpen => close_out.handle_list(&[], at(ms), at(ms)),
                Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) => {
                    panic!("{command:?} at {ms}")
                }
            }
        }
        ended = close_out.poll_closed().and_then(|leg| leg.end());
    }
    assert_eq!(ended, Some(End::Gone));
}

/// Nothing is asked for before the sweep, and nobody else's order is taken for one of these.
#[test]
fn nothing_happens_before_it_begins() {
    let mut close_out = CloseOut::new(&[order(1)]);
    assert!(!close_out.is_over(at(60_000)));
    assert_eq!((close_out.poll_command(at(60_000)), close_out.poll_timeout()), (None, None));
    let other = OrderReport::QueryFailed { id: order(2), not_found: true };
    assert_eq!(close_out.handle_report(&other, at(0)), None);
    assert!(CloseOut::new(&[]).is_over(at(0)), "no doubts, nothing to wait for");
}

/// Many are asked for a few at a time, and all of them end.
#[test]
fn many_take_their_turn() {
    let ids: Vec<ClientOrderId> = (0..80).map(order).collect();
    let desk = Desk::new(&ids, Venue::Denies).run(600_000);
    assert_eq!(desk.ended.len(), 80);
    let at_once = |ms: u64| desk.sent.iter().filter(|(at, _)| *at == ms).count();
    assert!(desk.sent.iter().all(|(ms, _)| at_once(*ms) <= 65), "{}", desk.sent.len());
}

/// Trading waits until a moment that is named, from the first beginning on.
#[test]
fn the_wait_is_named_and_begins_once() {
    let mut close_out = CloseOut::new(&[order(1)]);
    assert_eq!(close_out.until(), None);
    close_out.begin(RECV_WINDOW, at(0));
    close_out.begin(RECV_WINDOW, at(5_000));
    assert_eq!(close_out.until(), Some(at(10_000)));
    assert!(!close_out.is_over(at(9_999)) && close_out.is_over(at(10_000)));
}

/// Of orders that turn up late sixty-four are followed; the next sweep takes care of the others.
#[test]
fn late_arrivals_are_followed_up_to_a_bound() {
    let mut close_out = CloseOut::default();
    for sequence in 0..70 {
        let said = OrderReport::Update(update(order(sequence), OrderStatus::New, "0", None));
        close_out.adopt(&said, order(sequence), RECV_WINDOW, at(sequence));
    }
    assert_eq!(close_out.open().count(), 64);
    assert_eq!(close_out.oldest_open(), Some(at(0)));
    // They are nobody's to write down.
    let gone = OrderReport::Update(update(order(3), OrderStatus::Canceled, "0", None));
    assert_eq!(close_out.handle_report(&gone, at(100)), Some(None));
    assert_eq!((close_out.open().count(), close_out.poll_closed().is_none()), (63, true));
}
