//! Arbitrary sequences of reports.

use std::collections::BTreeSet;
use std::time::Duration;

use pipeline::command::Command;
use pipeline::event::{CancelFailure, Denial, OpenOrder, OrderReport};
use pipeline::leg::{End, Leg, LegState};
use pipeline::trade::Trade;
use proptest::prelude::*;
use schemas::ids::{ClientOrderId, Leg as LegKind};
use schemas::order::OrderStatus;
use schemas::units::Decimal;
use schemas::wire::order_update::Fill;

use super::{commands, live, update};
use crate::support::{at_ns, num, settings};

/// Something that may come, about the maker or the taker, and how long after the last.
#[derive(Clone, Debug)]
struct Step {
    taker: bool,
    what: What,
    wait_ms: u64,
}

#[derive(Clone, Debug)]
enum What {
    Said(OrderStatus, u8, Option<(u64, u8)>),
    Refused,
    Denied,
    Unknown,
    CancelFailed(CancelFailure),
    NotFound,
    NoAnswer,
    List(bool),
    ListFailed,
    Quiet,
}

impl What {
    fn report(&self, id: ClientOrderId) -> Option<OrderReport> {
        Some(match self {
            Self::Said(status, tenths, fill) => {
                let qty = |tenths: u8| format!("0.{tenths}");
                let fill = fill.map(|(trade_id, tenths)| Fill {
                    trade_id,
                    price: num("100"),
                    qty: num(&qty(tenths)),
                    is_maker: false,
                });
                OrderReport::Update(update(id, *status, &qty(*tenths), fill))
            }
            Self::Refused => OrderReport::Rejected { id, code: -2010, would_match: false },
            Self::Denied => OrderReport::Denied { id, why: Denial::TooLate },
            Self::Unknown => OrderReport::Unknown { id },
            Self::CancelFailed(why) => OrderReport::CancelFailed { id, why: *why },
            Self::NotFound => OrderReport::QueryFailed { id, not_found: true },
            Self::NoAnswer => OrderReport::QueryFailed { id, not_found: false },
            Self::List(holds) => {
                let order = OpenOrder { id, venue_id: 77 };
                OrderReport::OpenOrders(holds.then_some(order).into_iter().collect())
            }
            Self::ListFailed => OrderReport::ListFailed,
            Self::Quiet => return None,
        })
    }

    /// It alone proves that the order, of so many thousandths, is over.
    fn proves(&self, ordered: i128) -> bool {
        match self {
            Self::Said(status, tenths, _) => status.is_final() || i128::from(*tenths) * 100 >= ordered,
            Self::Refused | Self::Denied => true,
            Self::Unknown
            | Self::CancelFailed(_)
            | Self::NotFound
            | Self::NoAnswer
            | Self::List(_)
            | Self::ListFailed
            | Self::Quiet => false,
        }
    }
}

fn whats() -> impl Strategy<Value = What> {
    use OrderStatus::{Canceled, Expired, Filled, New, Other, PartiallyFilled};
    let status = prop::sample::select(vec![New, New, PartiallyFilled, Other, Filled, Canceled, Expired]);
    let fill = prop::option::of((1_u64..5, 0_u8..6));
    prop_oneof![
        3 => (status, 0_u8..10, fill).prop_map(|(status, tenths, fill)| What::Said(status, tenths, fill)),
        1 => Just(What::Refused),
        1 => Just(What::Denied),
        3 => Just(What::Unknown),
        2 => Just(What::CancelFailed(CancelFailure::UnknownOrder)),
        1 => Just(What::CancelFailed(CancelFailure::NoAnswer)),
        6 => Just(What::NotFound),
        1 => Just(What::NoAnswer),
        4 => any::<bool>().prop_map(What::List),
        1 => Just(What::ListFailed),
        2 => Just(What::Quiet),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![0_u64..50, 0_u64..3_000, 3_000_u64..8_000];
    let step =
        (any::<bool>(), whats(), wait).prop_map(|(taker, what, wait_ms)| Step { taker, what, wait_ms });
    prop::collection::vec(step, 0..60)
}

/// What an observer knows of one order.
#[derive(Debug)]
struct Seen {
    placed: u32,
    ordered: i128,
    executed: Decimal,
    proved: bool,
    denials: u32,
    lists: u32,
}

impl Seen {
    const fn new(placed: u32) -> Self {
        Self { placed, ordered: 1_000, executed: Decimal::ZERO, proved: false, denials: 0, lists: 0 }
    }
}

proptest! {
    #![proptest_config(crate::support::cases(2_000))]

    /// Whatever comes, in whatever order: a place leaves at most once; what has traded never shrinks; an order whose end
    /// is known has been stated final, refused or denied, or was denied at both of the venue's doors.
    /// Promise P2, P14.
    #[test]
    fn no_end_without_evidence(steps in steps()) {
        let (mut instrument, maker, start) = live(settings());
        let taker = ClientOrderId::new(settings().prefix, settings().epoch, 0, LegKind::Taker);
        let mut seen = [Seen::new(1), Seen::new(0)];
        let mut now = start;
        for step in steps {
            let id = if step.taker { taker } else { maker };
            if step.taker && seen[1].placed == 0 {
                continue;
            }
            let seen_of = &mut seen[usize::from(step.taker)];
            seen_of.proved |= step.what.proves(seen_of.ordered);
            seen_of.denials += u32::from(matches!(step.what, What::NotFound));
            let listed = matches!(step.what, What::List(_));
            seen.iter_mut().for_each(|seen| seen.lists += u32::from(listed));
            if let Some(report) = step.what.report(id) {
                instrument.handle_report(&report, now);
            }
            now = at_ns(now.mono.0 + step.wait_ms * 1_000_000);
            instrument.handle_timeout(now);
            for command in commands(&mut instrument) {
                match command {
                    Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => {
                        let seen = &mut seen[usize::from(leg.id.leg() == LegKind::Taker)];
                        seen.placed += 1;
                        seen.ordered = leg.qty.steps();
                    }
                    Command::Cancel(_) | Command::Query(_) | Command::ListOpen => {}
                }
            }
            prop_assert!(seen.iter().all(|seen| seen.placed <= 1), "{seen:?}");
            if let Some(trade) = instrument.poll_finished(now) {
                check(&trade, &seen, now.mono.since(start.mono))?;
                return Ok(());
            }
            let open: BTreeSet<_> = instrument.maybe_open().into_iter().collect();
            for (id, seen) in [(maker, &seen[0]), (taker, &seen[1])] {
                let doubt = seen.placed == 1 && !seen.proved && seen.denials < 3;
                prop_assert!(!doubt || open.contains(&id), "{id} is forgotten: {seen:?}");
            }
        }
    }

    /// One leg: an end stays as it is, and what has traded never shrinks.
    /// Fault O15.
    #[test]
    fn an_end_stays(whats in prop::collection::vec(whats(), 0..40)) {
        let id = ClientOrderId::new(settings().prefix, settings().epoch, 0, LegKind::Maker);
        let mut leg = Leg::new(id);
        (leg.qty_steps, leg.qty_decimals) = (1_000, 3);
        prop_assert!(leg.ask());
        let mut seen = Seen::new(1);
        for (place, what) in whats.iter().enumerate() {
            let Some(report) = what.report(id) else { continue };
            let before = leg.state();
            leg.handle(&report, at_ns(place as u64).mono);
            prop_assert!(!leg.ask(), "asked for twice");
            seen.proved |= what.proves(seen.ordered);
            if let LegState::Ended(_) = before {
                prop_assert_eq!(leg.state(), before);
            }
            prop_assert!(!leg.is_ended() || seen.proved, "{:?} after {:?}", leg.state(), what);
            prop_assert!(leg.executed() >= seen.executed);
            seen.executed = leg.executed();
            let ids: BTreeSet<u64> = leg.fills().iter().map(|fill| fill.trade_id).collect();
            prop_assert_eq!(ids.len(), leg.fills().len(), "a fill counts once");
        }
    }
}

fn check(trade: &Trade, seen: &[Seen; 2], took: Duration) -> Result<(), TestCaseError> {
    for (leg, seen) in [(&trade.maker, &seen[0]), (&trade.taker, &seen[1])] {
        match leg.end() {
            None => prop_assert_eq!(seen.placed, 0, "{:?} is not over", leg),
            Some(End::Final(_) | End::Refused(_) | End::Denied(_)) => {
                prop_assert!(seen.proved || leg.is_full(), "{:?}", leg);
            }
            Some(end @ (End::NeverArrived | End::Gone)) => {
                prop_assert!(seen.denials >= 3 && seen.lists >= 1, "{:?}", seen);
                let least = if end == End::Gone { 4 } else { 16 };
                prop_assert!(took >= Duration::from_secs(least), "{end:?} after {took:?}");
            }
        }
    }
    Ok(())
}
