//! One pair from decision to end, through the instrument that owns it: what it sends for each thing that a
//! venue or a transport may do, and when.

use std::collections::VecDeque;
use std::time::Duration;

use crate::support::{at_ns, num, settings, tick, top};
use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::event::{CancelFailure, Denial, OpenOrder, OrderReport};
use pipeline::instrument::{Instrument, Phase, Settings};
use pipeline::leg::{End, LegState};
use pipeline::time::{Nanos, Now};
use pipeline::trade::{Outcome, Trade};
use proptest::prelude::*;
use schemas::config::TermType;
use schemas::ids::{ClientOrderId, Epoch, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::units::Decimal;
use schemas::wire::order_update::{Fill, OrderUpdate};

use OrderStatus::{Canceled, Expired, ExpiredInMatch, Filled, New, PartiallyFilled, Rejected};

/// An instrument with one decided pair of 1.000 at 100.00, whose maker has been asked for.
struct Desk {
    instrument: Instrument,
    now: Now,
    maker: PlaceLeg,
}

impl Desk {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        let mut instrument = Instrument::new(settings);
        let now = at_ns(1_000_000_000);
        instrument.handle_connected(true, now);
        assert_eq!(commands(&mut instrument), [Command::ListOpen]);
        instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
        instrument.handle_top(Some(top(None, None, 1, now)));
        instrument.handle_tick(tick("100", "1", now), now);
        let maker = match commands(&mut instrument)[..] {
            [Command::PlaceMaker(maker)] => maker,
            ref other => panic!("{other:?}"),
        };
        Self { instrument, now, maker }
    }

    /// A pair whose maker rests and whose taker has been asked for.
    fn with_taker() -> (Self, PlaceLeg) {
        let mut desk = Self::new();
        let taker = match desk.says(desk.maker.id, New, "0", None)[..] {
            [Command::PlaceTaker(taker)] => taker,
            ref other => panic!("{other:?}"),
        };
        (desk, taker)
    }

    fn report(&mut self, report: OrderReport) -> Vec<Command> {
        self.instrument.handle_report(&report, self.now);
        commands(&mut self.instrument)
    }

    /// A statement of the venue.
    fn says(
        &mut self,
        id: ClientOrderId,
        status: OrderStatus,
        executed: &str,
        fill: Option<Fill>,
    ) -> Vec<Command> {
        self.report(statement(id, status, executed, fill))
    }

    /// Lets time pass from deadline to deadline, and tells what was sent how many milliseconds from now.
    fn wait(&mut self, ms: u64) -> Vec<(u64, Command)> {
        self.wait_answering(ms, |_| None)
    }

    /// As `wait`, and what is sent is answered at once.
    fn wait_answering(
        &mut self,
        ms: u64,
        answer: impl Fn(Command) -> Option<OrderReport>,
    ) -> Vec<(u64, Command)> {
        let (start, mut sent) = (self.now.mono, Vec::new());
        let end = start + Duration::from_millis(ms);
        while let Some(at) = self.instrument.poll_timeout(self.now).filter(|at| *at <= end) {
            assert!(at > self.now.mono || at == start, "a deadline that has passed: {at:?}");
            self.now = at_ns(at.0);
            self.instrument.handle_timeout(self.now);
            let mut new = VecDeque::from(commands(&mut self.instrument));
            while let Some(command) = new.pop_front() {
                sent.push((u64::try_from(at.since(start).as_millis()).unwrap(), command));
                if let Some(report) = answer(command) {
                    new.extend(self.report(report));
                }
            }
        }
        self.now = at_ns(end.0);
        sent
    }

    fn finished(&mut self) -> Trade {
        self.instrument.poll_finished(self.now).expect("the pair is over")
    }

    fn is_open(&self) -> bool {
        !self.instrument.maybe_open().is_empty()
    }
}

fn commands(instrument: &mut Instrument) -> Vec<Command> {
    std::iter::from_fn(|| instrument.poll_command()).collect()
}

fn statement(id: ClientOrderId, status: OrderStatus, executed: &str, fill: Option<Fill>) -> OrderReport {
    OrderReport::Update(OrderUpdate {
        terms: Default::default(),
        client_id: id,
        venue_order_id: venue_id(id),
        status,
        executed: num(executed),
        last_fill: fill,
        prevented: false,
        event_time_ms: None,
    })
}

fn venue_id(id: ClientOrderId) -> u64 {
    100 + id.sequence() * 2 + u64::from(id.leg() == Leg::Taker)
}

#[expect(clippy::unnecessary_wraps, reason = "read as the optional fill of a statement")]
fn fill(trade_id: u64, qty: &str) -> Option<Fill> {
    Some(Fill { trade_id, price: num("100"), qty: num(qty), is_maker: false })
}

fn cancel(id: ClientOrderId) -> Command {
    Command::Cancel(OrderHandle { id, venue_id: Some(venue_id(id)) })
}

fn query(id: ClientOrderId) -> Command {
    Command::Query(OrderHandle { id, venue_id: None })
}

/// A venue that denies all knowledge of an order: the question about it finds nothing, nor does the list hold it.
fn denied(id: ClientOrderId) -> impl Fn(Command) -> Option<OrderReport> {
    move |command| match command {
        Command::Query(_) => Some(OrderReport::QueryFailed { id, not_found: true }),
        Command::ListOpen => Some(OrderReport::OpenOrders(Vec::new())),
        Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) => None,
    }
}

/// A statement about one of the legs, by its letter.
type Said = (Leg, OrderStatus, &'static str, Option<(u64, &'static str)>);

/// Fault O9.
#[test]
fn a_maker_then_a_taker_and_both_are_filled() {
    let (mut desk, taker) = Desk::with_taker();
    let maker = desk.maker;
    assert_eq!((maker.side, taker.side), (Side::Buy, Side::Sell));
    assert_eq!((maker.price, maker.qty, maker.qty_decimals), (taker.price, taker.qty, taker.qty_decimals));
    assert_eq!(
        (maker.qty.text(3).to_string(), maker.price.text(2).to_string()),
        ("1.000".into(), "100.00".into())
    );
    assert_eq!(desk.says(maker.id, Filled, "1", fill(5, "1")), []);
    assert!(desk.instrument.poll_finished(desk.now).is_none());
    assert_eq!(desk.says(taker.id, Filled, "1", fill(5, "1")), []);
    let trade = desk.finished();
    assert_eq!((trade.outcome(), trade.maker.id, trade.taker.id), (Outcome::Matched, maker.id, taker.id));
    assert_eq!(desk.instrument.poll_timeout(desk.now), None);
    assert!(!desk.is_open());
}

/// Name, outcome, and what the venue says of the legs (of the maker M, of the taker T) after the maker rests.
const OUTCOMES: &[(&str, Outcome, &[Said])] = &[
    ("taker first", Outcome::Matched, &[(T, Filled, "1", Some((5, "1"))), (M, Filled, "1", Some((5, "1")))]),
    ("nothing traded", Outcome::TakerMissed, &[(T, Expired, "0", None), (M, Canceled, "0", None)]),
    (
        "maker taken by a stranger",
        Outcome::Sniped,
        &[(M, Filled, "1", Some((4, "1"))), (T, Expired, "0", None)],
    ),
    (
        "a part taken by a stranger",
        Outcome::Sniped,
        &[(M, PartiallyFilled, "0.3", Some((4, "0.3"))), (T, Expired, "0", None), (M, Canceled, "0.3", None)],
    ),
    (
        "each with a stranger",
        Outcome::Sniped,
        &[(M, Filled, "1", Some((4, "1"))), (T, Filled, "1", Some((5, "1")))],
    ),
    (
        "a part with each other",
        Outcome::Partial,
        &[
            (T, Expired, "0.4", Some((5, "0.4"))),
            (M, PartiallyFilled, "0.4", Some((5, "0.4"))),
            (M, Canceled, "0.4", None),
        ],
    ),
    (
        "full, a part with strangers",
        Outcome::Partial,
        &[
            (M, PartiallyFilled, "0.4", Some((4, "0.4"))),
            (M, Filled, "1", Some((5, "0.6"))),
            (T, PartiallyFilled, "0.6", Some((5, "0.6"))),
            (T, Filled, "1", Some((6, "0.4"))),
        ],
    ),
    (
        "taker with a stranger alone",
        Outcome::Partial,
        &[(T, Filled, "1", Some((5, "1"))), (M, Canceled, "0", None)],
    ),
    ("prevented taker", Outcome::Prevented, &[(T, ExpiredInMatch, "0", None), (M, Canceled, "0", None)]),
    ("prevented maker", Outcome::Prevented, &[(M, ExpiredInMatch, "0", None), (T, Expired, "0", None)]),
    (
        "full, but nobody knows with whom",
        Outcome::UnknownResolved,
        &[(T, Filled, "1", Some((5, "1"))), (M, Filled, "1", None)],
    ),
    (
        "full, the first fill never heard of",
        Outcome::UnknownResolved,
        &[(T, Filled, "1", Some((5, "0.6"))), (M, Filled, "1", Some((5, "0.6")))],
    ),
];

const M: Leg = Leg::Maker;
const T: Leg = Leg::Taker;

/// What the legs' ends come to, once the maker's rest was cancelled where there is one.
#[test]
fn outcomes_by_what_the_venue_said() {
    for (name, outcome, statements) in OUTCOMES {
        let (mut desk, taker) = Desk::with_taker();
        for (leg, status, executed, traded) in *statements {
            let id = if *leg == M { desk.maker.id } else { taker.id };
            let traded = traded.and_then(|(trade_id, qty)| fill(trade_id, qty));
            let sent = desk.says(id, *status, executed, traded);
            assert!(sent.iter().all(|command| *command == cancel(desk.maker.id)), "{name}: {sent:?}");
        }
        // Trades of the taker that nothing has named yet are waited for.
        assert_eq!(desk.wait(1_000), [], "{name}");
        assert_eq!(desk.finished().outcome(), *outcome, "{name}");
        let place = Outcome::ALL.iter().position(|known| known == outcome).unwrap();
        assert_eq!(desk.instrument.counts().outcomes[place], 1, "{name}");
        assert!(desk.instrument.counts().balance());
    }
}

#[test]
fn a_taker_whose_answer_names_no_trades_is_over_with_the_event_that_does() {
    let (mut desk, taker) = Desk::with_taker();
    assert_eq!(desk.says(taker.id, Filled, "1", None), []);
    assert_eq!(desk.says(desk.maker.id, Filled, "1", fill(4, "1")), []);
    assert_eq!(desk.instrument.poll_finished(desk.now).map(|trade| trade.outcome()), None);
    assert_eq!(desk.says(taker.id, Filled, "1", fill(4, "1")), []);
    assert_eq!(desk.finished().outcome(), Outcome::Matched);
    assert!(!desk.is_open());
}

#[test]
fn a_taker_whose_trades_are_never_named_is_given_up_soon() {
    let (mut desk, taker) = Desk::with_taker();
    desk.says(taker.id, Filled, "1", None);
    desk.says(desk.maker.id, Filled, "1", fill(4, "1"));
    assert_eq!(desk.wait(999), []);
    assert_eq!(desk.instrument.poll_finished(desk.now).map(|trade| trade.outcome()), None);
    assert_eq!(desk.wait(1), []);
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

/// The maker's trades are compared with the taker's alone: where that has none, nothing is waited for.
#[test]
fn a_maker_without_a_takers_trade_to_compare_with_is_over_at_once() {
    let (mut desk, taker) = Desk::with_taker();
    desk.says(taker.id, Expired, "0", None);
    assert_eq!(desk.says(desk.maker.id, Filled, "1", None), []);
    assert_eq!(desk.finished().outcome(), Outcome::Sniped);
}

/// A maker whose trades are not named is waited for as long as a taker is.
#[test]
fn a_maker_whose_trades_are_never_named_is_given_up_soon() {
    let (mut desk, taker) = Desk::with_taker();
    desk.says(taker.id, Filled, "1", fill(4, "1"));
    desk.says(desk.maker.id, Filled, "1", None);
    assert_eq!(desk.wait(999), []);
    assert_eq!(desk.instrument.poll_finished(desk.now).map(|trade| trade.outcome()), None);
    assert_eq!(desk.wait(1), []);
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

/// A taker that was in doubt is over with the evidence, whether or not its trades are ever named.
#[test]
fn the_trades_of_a_taker_that_was_in_doubt_are_not_waited_for() {
    let (mut desk, taker) = Desk::with_taker();
    desk.report(OrderReport::Unknown { id: taker.id });
    desk.says(taker.id, Expired, "0.4", None);
    desk.says(desk.maker.id, Canceled, "0.4", fill(4, "0.4"));
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

/// The same of one that showed as open for too long.
#[test]
fn the_trades_of_a_taker_that_lingered_are_not_waited_for() {
    let (mut desk, taker) = Desk::with_taker();
    desk.says(taker.id, New, "0", None);
    desk.wait(2_100);
    desk.says(taker.id, Canceled, "0.4", None);
    desk.says(desk.maker.id, Canceled, "0.4", fill(4, "0.4"));
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

fn become_future(settings: &mut Settings, contract_size: &str, leverage: &str) {
    let params = &mut settings.rules.params;
    params.term = TermType::Future;
    params.contract_size = num(contract_size);
    params.leverage = num(leverage);
    settings.contract_size = Some(num(contract_size));
}

#[test]
fn contracts_are_placed_as_what_they_hold() {
    let mut settings = settings();
    become_future(&mut settings, "0.0050", "0.007");
    let desk = Desk::with(settings);
    // 1.000 x 0.007 is one contract of 0.005, and a rest.
    assert_eq!((desk.maker.qty.steps(), desk.maker.qty_decimals), (5, 3));
    assert_eq!(desk.maker.qty.text(desk.maker.qty_decimals).to_string(), "0.005");
    assert_eq!(desk.maker.position_side, PositionSide::Long);
}

#[test]
fn a_stranger_may_take_less_than_a_contract() {
    let mut settings = settings();
    become_future(&mut settings, "0.003", "0.009");
    let mut desk = Desk::with(settings);
    assert_eq!(desk.maker.qty.steps(), 9);
    let sent = desk.says(desk.maker.id, PartiallyFilled, "0.001", fill(4, "0.001"));
    assert!(matches!(sent[..], [Command::PlaceTaker(taker)] if taker.qty.steps() == 8), "{sent:?}");
}

/// What is left is less than a step of the order: no taker can be written for it, and the maker must not stay.
/// Fault O11.
#[test]
fn a_maker_that_a_stranger_left_a_crumb_of_is_cancelled() {
    let mut future = settings();
    become_future(&mut future, "0.1", "0.1");
    for (settings, most) in [(future, "0.05"), (settings(), "0.9995")] {
        let mut desk = Desk::with(settings);
        let sent = desk.says(desk.maker.id, PartiallyFilled, most, fill(4, most));
        assert_eq!(sent, [cancel(desk.maker.id)], "{most}");
        assert_eq!(desk.says(desk.maker.id, Canceled, most, None), []);
        assert_eq!(desk.finished().outcome(), Outcome::Sniped);
        assert!(!desk.is_open());
    }
}

/// Its taker is on its way and may meet what is left: the maker stays until that is over.
#[test]
fn a_crumb_waits_for_the_taker_that_has_left() {
    let (mut desk, taker) = Desk::with_taker();
    assert_eq!(desk.says(desk.maker.id, PartiallyFilled, "0.9995", fill(4, "0.9995")), []);
    assert_eq!(desk.says(taker.id, Expired, "0", None), [cancel(desk.maker.id)]);
}

/// Fault O7.
#[test]
fn a_refused_maker_has_no_taker() {
    let ends: [fn(ClientOrderId) -> OrderReport; 5] = [
        |id| OrderReport::Rejected { id, code: -2010, would_match: false },
        |id| statement(id, Rejected, "0", None),
        // USD-M may take a GTX order that would cross, and expire it.
        |id| statement(id, Expired, "0", None),
        |id| OrderReport::Denied { id, why: Denial::TooLate },
        |id| OrderReport::Denied { id, why: Denial::Disconnected },
    ];
    for end in ends {
        let mut desk = Desk::new();
        assert_eq!(desk.report(end(desk.maker.id)), []);
        let trade = desk.finished();
        assert_eq!((trade.outcome(), trade.taker.state()), (Outcome::MakerRefused, LegState::Idle));
        assert!(!desk.is_open());
    }
}

/// A maker that would match is what a moving market brings; any other refusal is for somebody to look at.
#[test]
fn refusals_that_no_market_explains_are_counted() {
    for (would_match, refused) in [(false, 1), (true, 0)] {
        let mut desk = Desk::new();
        desk.report(OrderReport::Rejected { id: desk.maker.id, code: -2010, would_match });
        assert_eq!(desk.finished().outcome(), Outcome::MakerRefused);
        assert_eq!(desk.instrument.counts().refused, refused);
    }
}

/// Fault O8.
#[test]
fn a_maker_whose_taker_missed_is_cancelled_at_once() {
    let ends: [fn(ClientOrderId) -> OrderReport; 4] = [
        |id| statement(id, Expired, "0", None),
        |id| statement(id, Expired, "0.4", fill(5, "0.4")),
        |id| OrderReport::Rejected { id, code: -2010, would_match: false },
        |id| OrderReport::Denied { id, why: Denial::TooLate },
    ];
    for end in ends {
        let (mut desk, taker) = Desk::with_taker();
        assert_eq!(desk.report(end(taker.id)), [cancel(desk.maker.id)]);
    }
}

/// Fault O11.
#[test]
fn a_maker_that_traded_in_part_before_the_taker_gets_a_smaller_taker() {
    let mut desk = Desk::new();
    let sent = desk.says(desk.maker.id, PartiallyFilled, "0.3", fill(4, "0.3"));
    assert!(matches!(sent[..], [Command::PlaceTaker(taker)] if taker.qty.steps() == 700), "{sent:?}");
}

#[test]
fn a_sniped_maker_gets_no_taker() {
    let mut desk = Desk::new();
    assert_eq!(desk.says(desk.maker.id, Filled, "1", fill(4, "1")), []);
    assert_eq!(desk.finished().outcome(), Outcome::Sniped);
}

#[test]
fn an_event_stands_in_for_an_answer_that_is_lost() {
    let (mut desk, taker) = Desk::with_taker();
    assert_eq!(desk.report(OrderReport::Unknown { id: desk.maker.id }), []);
    assert_eq!(desk.says(taker.id, Filled, "1", fill(5, "1")), []);
    assert_eq!(desk.says(desk.maker.id, Filled, "1", fill(5, "1")), []);
    assert_eq!(desk.finished().outcome(), Outcome::Matched);
}

/// Fault O2.
#[test]
fn a_maker_of_unknown_outcome_is_asked_for_and_cancelled_when_found() {
    let mut desk = Desk::new();
    let maker = desk.maker.id;
    assert_eq!(desk.report(OrderReport::Unknown { id: maker }), []);
    let asked = desk.wait_answering(4_000, denied(maker));
    assert_eq!(asked, [(200, query(maker)), (1_000, query(maker)), (3_000, query(maker))]);
    // The fourth question, 5 s after the outcome became unknown, finds it.
    let sent = desk.wait_answering(10_000, |command| match command {
        Command::Query(_) => Some(statement(maker, New, "0", None)),
        Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) | Command::ListOpen => None,
    });
    assert_eq!(sent[..2], [(1_000, query(maker)), (1_000, cancel(maker))]);
    assert_eq!(desk.says(maker, Canceled, "0", None), []);
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

/// Fault O2, O3.
#[test]
fn a_late_acknowledgement_of_an_unknown_maker_cancels_it_and_sends_no_taker() {
    let mut desk = Desk::new();
    desk.report(OrderReport::Unknown { id: desk.maker.id });
    desk.wait(500);
    assert_eq!(desk.says(desk.maker.id, New, "0", None), [cancel(desk.maker.id)]);
    assert_eq!(desk.says(desk.maker.id, New, "0", None), []);
}

/// Never before recvWindow + 10 s after sending; then three denials over recvWindow + 2 s, and a list without it.
/// Fault O1. Promise P14.
#[test]
fn an_order_that_was_never_acknowledged_ends_late() {
    for recv_window_s in [2, 5, 60] {
        let recv_window = Duration::from_secs(recv_window_s);
        let mut desk = Desk::with(Settings { recv_window, ..settings() });
        let maker = desk.maker.id;
        desk.report(OrderReport::Sent { id: maker, at: desk.now.mono });
        desk.report(OrderReport::Unknown { id: maker });
        let last_arrival_ms = (recv_window_s + 10) * 1_000;
        desk.wait_answering(last_arrival_ms, denied(maker));
        assert_eq!(desk.instrument.maybe_open(), [maker]);
        let denied_ms = (recv_window_s + 2) * 1_000;
        let asked = desk.wait_answering(denied_ms - 1, denied(maker));
        assert_eq!(asked.iter().filter(|(_, command)| *command == Command::ListOpen).count(), 0, "{asked:?}");
        assert_eq!(desk.instrument.maybe_open(), [maker]);
        desk.wait_answering(1, denied(maker));
        let trade = desk.finished();
        assert_eq!(trade.maker.end(), Some(End::NeverArrived));
        assert_eq!(trade.outcome(), Outcome::UnknownResolved);
    }
}

/// One of the venue's doors alone proves nothing, however often it is asked.
/// Promise P14.
#[test]
fn an_order_that_only_one_door_denies_stays_in_doubt() {
    let doors: [fn(ClientOrderId, Command) -> Option<OrderReport>; 2] = [
        |id, command| match denied(id)(command) {
            Some(OrderReport::OpenOrders(_)) => Some(OrderReport::ListFailed),
            other => other,
        },
        |id, command| match denied(id)(command) {
            Some(OrderReport::QueryFailed { id, .. }) => {
                Some(OrderReport::QueryFailed { id, not_found: false })
            }
            other => other,
        },
    ];
    for door in doors {
        let mut desk = Desk::new();
        let maker = desk.maker.id;
        desk.report(OrderReport::Unknown { id: maker });
        desk.wait_answering(600_000, |command| door(maker, command));
        assert_eq!(desk.instrument.maybe_open(), [maker]);
        // Denials that nobody asked for prove nothing either.
        for _ in 0..10 {
            desk.report(OrderReport::OpenOrders(Vec::new()));
        }
        assert_eq!(desk.instrument.maybe_open(), [maker]);
    }
}

/// The list of open orders holds what the question about it does not find: it is there, and it is cancelled.
/// Promise P14.
#[test]
fn an_order_that_the_list_holds_is_cancelled() {
    let mut desk = Desk::new();
    let maker = desk.maker.id;
    desk.report(OrderReport::Unknown { id: maker });
    let listed = OpenOrder { id: maker, venue_id: venue_id(maker) };
    let sent = desk.wait_answering(20_000, |command| match denied(maker)(command) {
        Some(OrderReport::OpenOrders(_)) => Some(OrderReport::OpenOrders(vec![listed])),
        other => other,
    });
    let after_list = sent.iter().skip_while(|(_, command)| *command != Command::ListOpen).nth(1);
    assert_eq!(after_list.map(|(_, command)| *command), Some(cancel(maker)), "{sent:?}");
    desk.says(maker, Canceled, "0", None);
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

/// It reaches the venue after all proof that it never would: merged, counted, cancelled until that has evidence.
/// Fault O4. Promise P14.
#[test]
fn a_zombie_is_cancelled() {
    let mut desk = Desk::new();
    let maker = desk.maker.id;
    desk.report(OrderReport::Unknown { id: maker });
    desk.wait_answering(60_000, denied(maker));
    assert_eq!(desk.finished().maker.end(), Some(End::NeverArrived));
    assert_eq!(desk.says(maker, New, "0", None), [cancel(maker)]);
    assert_eq!((desk.instrument.counts().zombies, desk.instrument.maybe_open()), (1, vec![maker]));
    assert_eq!(desk.wait(600), [(500, cancel(maker))]);
    // Cancelled, and said to be open once more: it is over.
    desk.says(maker, Canceled, "0", None);
    assert!(!desk.is_open());
    assert_eq!(desk.instrument.poll_closed().map(|leg| leg.id), None);
    assert_eq!(desk.wait(20_000), []);
}

/// Fault O1. Promise P14.
#[test]
fn a_transport_that_fails_never_counts_as_not_found() {
    let mut desk = Desk::new();
    let maker = desk.maker.id;
    desk.report(OrderReport::Unknown { id: maker });
    let asked =
        desk.wait_answering(3_600_000, |_| Some(OrderReport::QueryFailed { id: maker, not_found: false }));
    assert!(asked.len() > 700 && desk.is_open(), "{} questions", asked.len());
    // Then denials, an hour late: the third of them ends it.
    let asked = desk.wait_answering(10_000, denied(maker));
    assert!(desk.is_open(), "{asked:?}");
    desk.wait_answering(5_000, denied(maker));
    assert_eq!(desk.finished().maker.end(), Some(End::NeverArrived));
}

/// Late to the second question, too: the third is still 0.2 s away, though its time has passed.
#[test]
fn questions_that_were_missed_do_not_follow_at_once() {
    let mut desk = Desk::new();
    desk.report(OrderReport::Unknown { id: desk.maker.id });
    desk.now = at_ns(desk.now.mono.0 + 4_000_000_000);
    desk.instrument.handle_timeout(desk.now);
    assert_eq!(commands(&mut desk.instrument), [query(desk.maker.id)]);
    assert_eq!(desk.wait(400), [(200, query(desk.maker.id)), (400, query(desk.maker.id))]);
}

/// Two cancels were on their way: the second answer of "unknown" does not begin the proof anew.
#[test]
fn a_second_unknown_order_begins_nothing_anew() {
    let (mut desk, taker) = Desk::with_taker();
    let maker = desk.maker.id;
    desk.says(taker.id, Expired, "0", None);
    let unknown = OrderReport::CancelFailed { id: maker, why: CancelFailure::UnknownOrder };
    desk.report(unknown.clone());
    desk.report(OrderReport::QueryFailed { id: maker, not_found: true });
    desk.report(OrderReport::OpenOrders(Vec::new()));
    desk.wait_answering(2_000, denied(maker));
    assert_eq!(desk.report(unknown), []);
    desk.wait_answering(2_000, denied(maker));
    assert_eq!(desk.finished().maker.end(), Some(End::Gone));
}

/// Of an order that was never acknowledged "unknown order" proves nothing: it may still arrive.
#[test]
fn unknown_order_says_nothing_of_what_was_never_acknowledged() {
    let mut desk = Desk::new();
    let maker = desk.maker.id;
    desk.report(OrderReport::Unknown { id: maker });
    let unknown = OrderReport::CancelFailed { id: maker, why: CancelFailure::UnknownOrder };
    assert_eq!(desk.report(unknown), []);
    desk.wait_answering(11_900, denied(maker));
    assert_eq!(desk.instrument.maybe_open(), [maker]);
}

/// Four questions that may settle it, half as far apart as the proof takes; those after them 5 s.
#[test]
fn questions_slow_down_when_four_settled_nothing() {
    let (mut desk, taker) = Desk::with_taker();
    let maker = desk.maker.id;
    desk.says(taker.id, Expired, "0", None);
    desk.report(OrderReport::CancelFailed { id: maker, why: CancelFailure::UnknownOrder });
    let silent = |_| Some(OrderReport::QueryFailed { id: maker, not_found: false });
    desk.report(OrderReport::QueryFailed { id: maker, not_found: false });
    let at: Vec<u64> = desk.wait_answering(20_000, silent).iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [2_000, 4_000, 6_000, 11_000, 16_000]);
}

#[test]
fn a_process_that_slept_asks_one_question_at_a_time() {
    let mut desk = Desk::new();
    desk.report(OrderReport::Unknown { id: desk.maker.id });
    desk.now = at_ns(desk.now.mono.0 + 30_000_000_000);
    desk.instrument.handle_timeout(desk.now);
    assert_eq!(commands(&mut desk.instrument), [query(desk.maker.id)]);
    assert_eq!(desk.wait(199), []);
}

/// The first is at once; then 0.5, 0.5, 1, 2, 4, 5, 5 ... s apart, for ever.
#[test]
fn cancels_go_on_until_there_is_evidence() {
    let failures = [CancelFailure::NoAnswer, CancelFailure::Refused(-1_000)];
    for why in failures {
        let (mut desk, taker) = Desk::with_taker();
        let maker = desk.maker.id;
        assert_eq!(desk.says(taker.id, Expired, "0", None), [cancel(maker)]);
        desk.report(OrderReport::CancelFailed { id: maker, why });
        let sent = desk.wait_answering(86_400_000, |_| Some(OrderReport::CancelFailed { id: maker, why }));
        let at: Vec<u64> = sent.iter().map(|(at, _)| *at).collect();
        assert_eq!(at[..8], [500, 1_000, 2_000, 4_000, 8_000, 13_000, 18_000, 23_000]);
        assert!(sent.iter().all(|(_, command)| *command == cancel(maker)));
        assert!(at.len() > 17_000 && at.windows(2).all(|two| two[1] - two[0] <= 5_000));
        desk.says(maker, Canceled, "0", None);
        assert_eq!(desk.finished().outcome(), Outcome::TakerMissed);
    }
}

/// Fault O13.
#[test]
fn unknown_to_the_venue_ends_an_acknowledged_order_only_by_its_status() {
    let (mut desk, taker) = Desk::with_taker();
    let maker = desk.maker.id;
    desk.says(taker.id, Expired, "0", None);
    let unknown = OrderReport::CancelFailed { id: maker, why: CancelFailure::UnknownOrder };
    let asks = Command::Query(OrderHandle { id: maker, venue_id: Some(venue_id(maker)) });
    assert_eq!(desk.report(unknown.clone()), [asks]);
    assert!(desk.is_open());
    // It was filled in the meantime.
    assert_eq!(desk.says(maker, Filled, "1", fill(4, "1")), []);
    assert_eq!(desk.finished().outcome(), Outcome::Sniped);
}

/// Fault O13. Promise P14.
#[test]
fn an_order_that_the_venue_forgot_ends_after_three_denials_over_its_window() {
    let (mut desk, taker) = Desk::with_taker();
    let maker = desk.maker.id;
    desk.says(taker.id, Expired, "0", None);
    desk.report(OrderReport::CancelFailed { id: maker, why: CancelFailure::UnknownOrder });
    assert_eq!(desk.report(OrderReport::QueryFailed { id: maker, not_found: true }), [Command::ListOpen]);
    desk.report(OrderReport::OpenOrders(Vec::new()));
    let asked = desk.wait_answering(3_999, denied(maker));
    assert_eq!(asked.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2_000]);
    assert!(desk.is_open());
    desk.wait_answering(1, denied(maker));
    assert_eq!(desk.finished().maker.end(), Some(End::Gone));
}

/// A venue that takes its word back: the order is open after all, and cancels go on.
#[test]
fn an_order_that_is_found_open_again_is_cancelled_again() {
    let (mut desk, taker) = Desk::with_taker();
    let maker = desk.maker.id;
    desk.says(taker.id, Expired, "0", None);
    desk.report(OrderReport::CancelFailed { id: maker, why: CancelFailure::UnknownOrder });
    assert_eq!(desk.says(maker, New, "0", None), []);
    let sent = desk.wait(2_000);
    assert_eq!(sent[..2], [(500, cancel(maker)), (1_000, cancel(maker))]);
}

#[test]
fn a_taker_in_doubt_has_its_maker_cancelled_at_once() {
    let (mut desk, taker) = Desk::with_taker();
    assert_eq!(desk.report(OrderReport::Unknown { id: taker.id }), [cancel(desk.maker.id)]);
    assert_eq!(desk.says(desk.maker.id, Canceled, "0", None), []);
    assert_eq!(desk.instrument.maybe_open(), [taker.id]);
    assert_eq!(desk.wait(300), [(200, query(taker.id))]);
    assert_eq!(desk.says(taker.id, Expired, "0", None), []);
    assert_eq!(desk.finished().outcome(), Outcome::UnknownResolved);
}

#[test]
fn a_taker_in_doubt_that_matched_is_matched() {
    let (mut desk, taker) = Desk::with_taker();
    desk.says(desk.maker.id, Filled, "1", fill(5, "1"));
    desk.report(OrderReport::Unknown { id: taker.id });
    desk.says(taker.id, Filled, "1", fill(5, "1"));
    assert_eq!(desk.finished().outcome(), Outcome::Matched);
}

#[test]
fn a_taker_that_shows_as_open_is_given_two_seconds() {
    let (mut desk, taker) = Desk::with_taker();
    assert_eq!(desk.says(taker.id, New, "0", None), []);
    let sent = desk.wait(2_100);
    assert_eq!(sent, [(2_000, cancel(desk.maker.id)), (2_000, cancel(taker.id))]);
}

#[test]
fn a_makers_own_fill_event_is_waited_for_a_moment() {
    let (mut desk, taker) = Desk::with_taker();
    assert_eq!(desk.says(taker.id, Filled, "1", fill(5, "1")), []);
    assert_eq!(desk.wait(99), []);
    assert_eq!(desk.wait(1), [(1, cancel(desk.maker.id))]);
    desk.says(desk.maker.id, Filled, "1", fill(5, "1"));
    assert_eq!(desk.finished().outcome(), Outcome::Matched);
}

#[test]
fn reports_about_other_orders_change_nothing() {
    let (mut desk, _) = Desk::with_taker();
    let settings = settings();
    let others = [
        ClientOrderId::new(settings.prefix, settings.epoch, 1, Leg::Maker),
        ClientOrderId::new(settings.prefix, Epoch::new(6), 0, Leg::Maker),
    ];
    for id in others {
        let reports = [
            OrderReport::Rejected { id, code: -2010, would_match: false },
            OrderReport::Denied { id, why: Denial::TooLate },
            OrderReport::Unknown { id },
            OrderReport::CancelFailed { id, why: CancelFailure::UnknownOrder },
            OrderReport::QueryFailed { id, not_found: true },
            statement(id, Filled, "1", fill(5, "1")),
        ];
        for report in reports {
            assert_eq!(desk.report(report), []);
        }
    }
    assert_eq!(desk.instrument.counts().late_reports, 12);
    assert!(desk.instrument.poll_finished(desk.now).is_none());
    assert_eq!(desk.instrument.maybe_open().len(), 2);
}

#[test]
fn late_reports_about_an_ended_pair_are_counted_and_change_nothing() {
    let (mut desk, taker) = Desk::with_taker();
    desk.says(taker.id, Filled, "1", fill(5, "1"));
    desk.says(desk.maker.id, Filled, "1", fill(5, "1"));
    let outcomes = desk.instrument.counts().outcomes;
    assert_eq!(desk.says(taker.id, New, "0", None), []);
    assert_eq!(desk.report(OrderReport::Unknown { id: taker.id }), []);
    assert_eq!(desk.finished().outcome(), Outcome::Matched);
    assert_eq!(desk.says(desk.maker.id, PartiallyFilled, "0.5", fill(5, "0.5")), []);
    assert_eq!((desk.instrument.counts().outcomes, desk.instrument.counts().late_reports), (outcomes, 3));
}

#[test]
fn what_was_refused_after_it_was_acknowledged_stays_acknowledged() {
    let (mut desk, _) = Desk::with_taker();
    assert_eq!(desk.report(OrderReport::Rejected { id: desk.maker.id, code: -2010, would_match: false }), []);
    assert_eq!(desk.instrument.maybe_open().len(), 2);
}

/// P4: no maker leaves once the tick or the book that it was decided on is stale; its taker has the lesser of
/// both ages from the decision on.
#[test]
fn a_maker_must_leave_while_what_it_was_decided_on_is_fresh() {
    let ms = Duration::from_millis;
    // Age of the tick and of the book at the decision, and what is left.
    for (tick_ms, book_ms, left) in
        [(0, 0, ms(2_000)), (0, 1_500, ms(500)), (4_900, 0, ms(100)), (4_900, 1_990, ms(10))]
    {
        let mut desk = Desk::new();
        desk.report(OrderReport::Rejected { id: desk.maker.id, code: -2010, would_match: false });
        desk.finished();
        let now = at_ns(60_000_000_000);
        let before = |age_ms: u64| at_ns(now.mono.0 - age_ms * 1_000_000);
        desk.instrument.handle_top(Some(top(None, None, 2, before(book_ms))));
        desk.instrument.handle_tick(tick("100", "1", before(tick_ms)), now);
        let placed = commands(&mut desk.instrument);
        let maker: Vec<PlaceLeg> = placed.iter().filter_map(placed_leg).collect();
        assert_eq!(maker.len(), 1);
        assert_eq!(maker[0].not_after, now.mono + left, "{tick_ms} {book_ms}");
        let taker = desk.says(maker[0].id, New, "0", None);
        let taker: Vec<Nanos> = taker.iter().filter_map(placed_leg).map(|leg| leg.not_after).collect();
        assert_eq!(taker, [now.mono + ms(2_000)]);
    }
}

fn placed_leg(command: &Command) -> Option<PlaceLeg> {
    match command {
        Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => Some(*leg),
        Command::Cancel(_) | Command::Query(_) | Command::ListOpen => None,
    }
}

#[test]
fn stopping_lets_the_pair_end_then_sweeps_once_more() {
    let (mut desk, taker) = Desk::with_taker();
    desk.instrument.stop(desk.now);
    assert_eq!((commands(&mut desk.instrument), desk.instrument.phase()), (Vec::new(), Phase::Stopping));
    desk.says(taker.id, Filled, "1", fill(5, "1"));
    assert_eq!(desk.says(desk.maker.id, Filled, "1", fill(5, "1")), [Command::ListOpen]);
    // Asking twice sends no second list.
    desk.instrument.stop(desk.now);
    assert_eq!(commands(&mut desk.instrument), []);
    desk.report(OrderReport::ListFailed);
    assert_eq!(desk.wait(600), [(500, Command::ListOpen)]);
    desk.report(OrderReport::OpenOrders(Vec::new()));
    assert_eq!(desk.instrument.phase(), Phase::Stopped);
    desk.instrument.handle_tick(tick("100", "1", desk.now), desk.now);
    desk.instrument.stop(desk.now);
    assert_eq!((commands(&mut desk.instrument), desk.instrument.phase()), (Vec::new(), Phase::Stopped));
    assert!(desk.instrument.counts().balance());
}

proptest! {
    #![proptest_config(crate::support::cases(4_000))]

    /// Statements come twice, in any order, over two ways: each leg is sent once, the executed quantity
    /// never goes back, a final status stays, and the outcome is the same.
    /// Fault O15. Promise P2.
    #[test]
    fn the_order_of_statements_does_not_matter(order in statements()) {
        let mut desk = Desk::new();
        let taker = ClientOrderId::new(settings().prefix, settings().epoch, 0, Leg::Taker);
        let mut sent = desk.says(desk.maker.id, New, "0", None);
        let mut over: Option<Trade> = None;
        for (leg, status, executed, trade) in &order {
            let id = if *leg == Leg::Maker { desk.maker.id } else { taker };
            sent.extend(desk.says(id, *status, executed, fill(*trade, "0.5").filter(|_| *executed != "0")));
            over = over.or_else(|| desk.instrument.poll_finished(desk.now));
        }
        let places = sent.iter().filter(|command| command.is_place()).count();
        prop_assert_eq!((places, sent.len()), (1, 1), "{:?}", sent);
        let trade = over.expect("every leg has its final statement");
        for leg in [&trade.maker, &trade.taker] {
            prop_assert_eq!(leg.end(), Some(End::Final(Filled)));
            prop_assert_eq!(leg.executed(), Decimal::ONE);
            prop_assert!(leg.fills().len() <= 2);
        }
        let both = |leg: &pipeline::leg::Leg| leg.fills().len() == 2;
        let shown = both(&trade.maker) && both(&trade.taker);
        let outcome = if shown { Outcome::Matched } else { Outcome::UnknownResolved };
        prop_assert_eq!(trade.outcome(), outcome);
    }
}

/// The statements about both legs, which traded in two halves with each other: shuffled, some of them twice.
fn statements() -> impl Strategy<Value = Vec<(Leg, OrderStatus, &'static str, u64)>> {
    let leg = |leg| [(leg, New, "0", 0), (leg, PartiallyFilled, "0.5", 5), (leg, Filled, "1", 6)];
    let all: Vec<_> = leg(Leg::Maker).into_iter().chain(leg(Leg::Taker)).collect();
    let twice = prop::sample::subsequence(all.clone(), 0..=all.len());
    twice.prop_flat_map(move |twice| Just([all.clone(), twice].concat()).prop_shuffle())
}
