//! Leases: what each answer, silence or loss proves; and, in a simulation with faults, that nobody trusts a lease
//! that another one trusts (P3, H3, H7, H8, H9, C3, K3).

use std::time::Duration;

use pipeline::lease::{Acquired, Answer, Ask, Event, Leases, Request, Times};
use pipeline::time::{Nanos, Now};
use proptest::prelude::*;
use schemas::ids::Epoch;

mod fleet;

const START_MS: i64 = 1_780_000_000_000;

fn at(ms: u64) -> Now {
    Now { mono: Nanos((10_000 + ms) * 1_000_000), wall_ms: START_MS + i64::try_from(ms).unwrap() }
}

fn leases(count: usize) -> Leases {
    Leases::new(count, Times::default())
}

fn got(epoch: u32, wait_ms: u64) -> Acquired {
    Acquired::Got { epoch: Epoch::new(epoch), wait: Duration::from_millis(wait_ms), traded_up_to: None }
}

fn foreign(epoch: u32) -> Acquired {
    Acquired::Foreign { owner: "other".to_owned(), epoch: Epoch::new(epoch) }
}

fn events(leases: &mut Leases) -> Vec<Event> {
    std::iter::from_fn(|| leases.poll_event()).collect()
}

/// The next request, which is to be of that kind.
fn asked(leases: &mut Leases, ask: Ask, now: Now) -> Request {
    let request = leases.poll_request(now).unwrap();
    assert_eq!(request.ask, ask);
    request
}

/// One lease, asked for at 0 and got at 10 ms.
fn held() -> Leases {
    let mut leases = leases(1);
    let request = asked(&mut leases, Ask::Acquire, at(0));
    leases.handle_answer(request.ticket, Answer::Acquired(vec![got(7, 0)]), at(10));
    assert!(matches!(events(&mut leases)[..], [Event::Begin { .. }]));
    leases
}

#[test]
fn a_lease_is_proved_from_the_moment_before_it_was_asked_for() {
    let mut leases = leases(2);
    let request = asked(&mut leases, Ask::Acquire, at(0));
    assert_eq!(request.indices, [0, 1]);
    leases.handle_answer(request.ticket, Answer::Acquired(vec![got(7, 0), foreign(9)]), at(400));
    let [Event::Begin { index: 0, term, until }] = events(&mut leases)[..] else { panic!("no term") };
    assert_eq!((term.epoch.number(), term.from, term.shared), (7, at(400), true));
    assert_eq!(until, at(5_000).mono, "8 s - 3 s after the question");
    assert_eq!((leases.held(), leases.owners().collect::<Vec<_>>()), (1, vec!["other"]));
}

/// Promise P2.
#[test]
fn what_an_owner_tells_on_leaving_reaches_the_next_one() {
    let mut leases = held();
    leases.leave();
    leases.let_go(0, Some(4_711));
    let release = asked(&mut leases, Ask::Release, at(20));
    assert_eq!((release.indices, release.traded_up_to), (vec![0], vec![Some(4_711)]));
    let mut next = self::leases(1);
    let request = asked(&mut next, Ask::Acquire, at(0));
    assert_eq!(request.traded_up_to, []);
    let told = Acquired::Got { epoch: Epoch::new(8), wait: Duration::ZERO, traded_up_to: Some(4_711) };
    next.handle_answer(request.ticket, Answer::Acquired(vec![told]), at(10));
    let [Event::Begin { term, .. }] = events(&mut next)[..] else { panic!("no term") };
    assert_eq!(term.traded_up_to, Some(4_711));
}

#[test]
fn a_store_that_has_forgotten_delays_the_term() {
    let mut leases = leases(1);
    let request = asked(&mut leases, Ask::Acquire, at(0));
    leases.handle_answer(request.ticket, Answer::Acquired(vec![got(7, 8_000)]), at(10));
    let [Event::Begin { term, until, .. }] = events(&mut leases)[..] else { panic!("no term") };
    assert_eq!((term.from, until), (at(8_010), at(5_000).mono));
}

#[test]
fn an_answer_that_comes_too_late_opens_nothing_and_is_asked_for_again() {
    let mut leases = leases(1);
    let request = asked(&mut leases, Ask::Acquire, at(0));
    leases.handle_answer(request.ticket, Answer::Acquired(vec![got(7, 0)]), at(5_000));
    assert_eq!(events(&mut leases), []);
    let again = asked(&mut leases, Ask::Acquire, at(5_000));
    assert_eq!(again.above, [Epoch::new(7)], "what was given out once is not to be given out again");
}

#[test]
fn renewals_come_each_second_and_count_from_their_own_question() {
    let mut leases = held();
    let first = asked(&mut leases, Ask::Renew, at(10));
    assert!(leases.poll_request(at(9_000)).is_none(), "one is on its way");
    leases.handle_answer(first.ticket, Answer::Renewed(vec![true]), at(300));
    assert_eq!(events(&mut leases), [Event::Prolong { index: 0, until: at(5_010).mono }]);
    assert_eq!(leases.poll_request(at(1_009)), None);
    assert_eq!(leases.poll_timeout(true), Some(at(1_010).mono));
    assert_eq!(
        leases.poll_timeout(false),
        Some(at(5_010).mono),
        "without a store only the end is waited for"
    );
    let second = asked(&mut leases, Ask::Renew, at(1_010));
    leases.handle_failure(second.ticket, at(2_000));
    assert_eq!(leases.poll_request(at(2_249)), None);
    asked(&mut leases, Ask::Renew, at(2_250));
}

#[test]
fn a_lease_that_was_not_renewed_in_time_is_over_and_its_late_answer_proves_nothing() {
    let mut leases = held();
    let renewal = asked(&mut leases, Ask::Renew, at(100));
    leases.handle_timeout(at(4_999));
    assert_eq!(events(&mut leases), []);
    leases.handle_timeout(at(5_000));
    assert_eq!(events(&mut leases), [Event::Lost { index: 0 }]);
    let again = asked(&mut leases, Ask::Acquire, at(5_000));
    leases.handle_answer(again.ticket, Answer::Acquired(vec![got(8, 0)]), at(5_001));
    assert!(matches!(events(&mut leases)[..], [Event::Begin { .. }]));
    leases.handle_answer(renewal.ticket, Answer::Renewed(vec![false]), at(5_002));
    assert_eq!(events(&mut leases), [], "an answer about an earlier term");
    assert_eq!(leases.held(), 1);
}

#[test]
fn the_late_answer_itself_ends_what_ran_out_before_it() {
    let mut leases = held();
    let renewal = asked(&mut leases, Ask::Renew, at(4_900));
    leases.handle_answer(renewal.ticket, Answer::Renewed(vec![true]), at(5_100));
    assert_eq!(events(&mut leases), [Event::Lost { index: 0 }], "a new term needs a new epoch");
}

#[test]
fn anothers_lease_is_lost_at_once_and_wanted_again() {
    let mut leases = held();
    let renewal = asked(&mut leases, Ask::Renew, at(100));
    leases.handle_answer(renewal.ticket, Answer::Renewed(vec![false]), at(110));
    assert_eq!(events(&mut leases), [Event::Lost { index: 0 }]);
    let again = asked(&mut leases, Ask::Acquire, at(110));
    leases.handle_answer(again.ticket, Answer::Acquired(vec![foreign(9)]), at(120));
    assert_eq!(leases.poll_request(at(359)), None);
    assert_eq!(asked(&mut leases, Ask::Acquire, at(360)).above, [Epoch::new(9)]);
}

#[test]
fn what_leaves_is_kept_from_others_until_it_is_let_go() {
    let mut leases = held();
    assert_eq!(leases.leave(), [0]);
    let renewal = asked(&mut leases, Ask::Renew, at(100));
    leases.handle_answer(renewal.ticket, Answer::Renewed(vec![true]), at(110));
    assert_eq!((events(&mut leases), leases.remaining(), leases.is_closed()), (vec![], 1, false));
    leases.let_go(0, None);
    let release = asked(&mut leases, Ask::Release, at(200));
    leases.handle_failure(release.ticket, at(300));
    assert_eq!((leases.remaining(), leases.is_closed()), (1, true));
    let release = asked(&mut leases, Ask::Release, at(550));
    leases.handle_answer(release.ticket, Answer::Released, at(560));
    assert_eq!((leases.remaining(), leases.poll_request(at(10_000))), (0, None));
}

#[test]
fn what_was_asked_for_when_the_end_came_is_given_back_once_it_is_quiet() {
    for (answer, given_back) in [(got(7, 0), true), (foreign(7), false)] {
        for quiet_first in [false, true] {
            let mut leases = leases(1);
            let request = asked(&mut leases, Ask::Acquire, at(0));
            assert_eq!(leases.leave(), [0]);
            if quiet_first {
                leases.let_go(0, None);
            }
            leases.handle_answer(request.ticket, Answer::Acquired(vec![answer.clone()]), at(10));
            assert_eq!(events(&mut leases), []);
            let kept = given_back && !quiet_first;
            assert_eq!(
                leases.poll_request(at(10)).map(|request| request.ask),
                match (kept, given_back) {
                    (true, _) => Some(Ask::Renew),
                    (false, true) => Some(Ask::Release),
                    (false, false) => None,
                }
            );
            if kept {
                leases.let_go(0, None);
                asked(&mut leases, Ask::Release, at(20));
            }
        }
    }
    let mut leases = leases(1);
    asked(&mut leases, Ask::Acquire, at(0));
    leases.leave();
    leases.let_go(0, None);
    leases.handle_disconnected();
    leases.handle_connected(at(20));
    asked(&mut leases, Ask::Release, at(20));
}

/// The store may hold what is over here: it ran out during an outage, its answer came too late, or not at all.
#[test]
fn what_may_still_be_ours_at_the_store_is_given_back_at_the_end() {
    let mut ran_out = held();
    ran_out.handle_disconnected();
    ran_out.handle_timeout(at(5_000));
    assert_eq!(events(&mut ran_out), [Event::Lost { index: 0 }]);

    let mut too_late = leases(1);
    let request = asked(&mut too_late, Ask::Acquire, at(0));
    too_late.handle_answer(request.ticket, Answer::Acquired(vec![got(7, 0)]), at(5_000));

    let mut unanswered = leases(1);
    asked(&mut unanswered, Ask::Acquire, at(0));
    unanswered.handle_disconnected();

    for mut leases in [ran_out, too_late, unanswered] {
        assert_eq!(leases.leave(), [0]);
        leases.handle_connected(at(5_100));
        let renewal = asked(&mut leases, Ask::Renew, at(5_100));
        leases.handle_answer(renewal.ticket, Answer::Renewed(vec![true]), at(5_110));
        assert_eq!(events(&mut leases), [], "kept from others, but no term");
        leases.let_go(0, None);
        let release = asked(&mut leases, Ask::Release, at(5_200));
        leases.handle_answer(release.ticket, Answer::Released, at(5_210));
        assert_eq!(leases.remaining(), 0);
    }
}

#[test]
fn what_the_store_denied_is_not_given_back() {
    let mut never_asked = leases(1);
    assert_eq!((never_asked.leave(), never_asked.remaining()), (vec![], 0));

    let mut anothers = leases(1);
    let request = asked(&mut anothers, Ask::Acquire, at(0));
    anothers.handle_answer(request.ticket, Answer::Acquired(vec![foreign(9)]), at(10));
    assert_eq!((anothers.leave(), anothers.remaining()), (vec![], 0));

    let mut lost = held();
    let renewal = asked(&mut lost, Ask::Renew, at(100));
    lost.handle_answer(renewal.ticket, Answer::Renewed(vec![false]), at(110));
    assert_eq!((lost.leave(), lost.remaining()), (vec![], 0));
}

/// Fault H9, O22.
#[test]
fn a_term_that_a_later_owner_ended_is_followed_by_one_above_it_that_waits() {
    let mut leases = held();
    leases.handle_superseded(0, Epoch::new(40), at(100));
    assert_eq!(events(&mut leases), [Event::Lost { index: 0 }]);
    let again = asked(&mut leases, Ask::Acquire, at(100));
    assert_eq!(again.above, [Epoch::new(40)]);
    leases.handle_answer(again.ticket, Answer::Acquired(vec![got(41, 0)]), at(110));
    let [Event::Begin { term, .. }] = events(&mut leases)[..] else { panic!("no term") };
    assert_eq!((term.epoch.number(), term.from), (41, at(8_110)), "whoever it is may be there for a TTL");
    leases.handle_superseded(0, Epoch::new(42), at(200));
    let again = asked(&mut leases, Ask::Acquire, at(360));
    leases.handle_answer(again.ticket, Answer::Acquired(vec![foreign(43)]), at(370));
    assert_eq!((leases.held(), leases.owners().collect::<Vec<_>>()), (0, vec!["other"]));
}

/// Fault H9.
#[test]
fn an_epoch_that_is_not_later_than_one_that_is_known_begins_no_term() {
    let mut leases = leases(1);
    leases.outgrow(0, Epoch::new(7));
    let request = asked(&mut leases, Ask::Acquire, at(0));
    assert_eq!(request.above, [Epoch::new(7)]);
    leases.handle_answer(request.ticket, Answer::Acquired(vec![got(7, 0)]), at(10));
    assert_eq!(events(&mut leases), []);
    let again = asked(&mut leases, Ask::Acquire, at(250));
    leases.handle_answer(again.ticket, Answer::Acquired(vec![got(8, 0)]), at(260));
    assert!(matches!(events(&mut leases)[..], [Event::Begin { .. }]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..crate::support::cases(500) })]

    /// Fault H3, H7, H8, H9, C3, K3.
    /// Promise P3.
    #[test]
    fn no_two_trust_one_lease_whatever_happens(seed in any::<u64>()) {
        let report = fleet::run(seed, Duration::from_secs(300));
        prop_assert_eq!(report.fault, None);
        prop_assert_eq!(report.refused, 0, "by clocks that are right no epoch ever comes back");
    }

    /// Fault C1, H9, O22.
    /// Promise P3.
    #[test]
    fn wild_clocks_neither_let_two_trade_nor_stop_one_for_good(seed in any::<u64>()) {
        let report = fleet::run_wild(seed, Duration::from_secs(300));
        prop_assert_eq!(report.fault, None);
    }
}

/// The simulation would prove nothing if nothing happened in it, or if nobody ever held anything.
#[test]
fn the_simulation_sees_what_it_is_to_see() {
    let reports: Vec<_> = (0..40).map(|seed| fleet::run(seed, Duration::from_secs(300))).collect();
    let sum = |of: fn(&fleet::Report) -> u32| reports.iter().map(of).sum::<u32>();
    assert!(sum(|report| report.terms) > 1_000, "{}", sum(|report| report.terms));
    let wild: Vec<_> = (0..40).map(|seed| fleet::run_wild(seed, Duration::from_secs(300))).collect();
    let wilder = |of: fn(&fleet::Report) -> u32| wild.iter().map(of).sum::<u32>();
    assert!(wilder(|report| report.steps) > 200, "{}", wilder(|report| report.steps));
    assert!(wilder(|report| report.refused) > 5, "{}", wilder(|report| report.refused));
    assert!(sum(|report| report.takeovers) > 300, "{}", sum(|report| report.takeovers));
    for (name, count) in [
        ("wipes", sum(|report| report.wipes)),
        ("restarts", sum(|report| report.restarts)),
        ("pauses", sum(|report| report.pauses)),
        ("losses", sum(|report| report.losses)),
        ("evictions", sum(|report| report.evictions)),
        ("handovers", sum(|report| report.handovers)),
    ] {
        assert!(count > 40, "{name}: {count}");
    }
}

/// Each of the rules is needed: without it the same simulation finds two that trust one lease.
#[test]
fn the_simulation_finds_each_broken_rule() {
    use fleet::Broken;
    for broken in
        [Broken::Margin, Broken::WipedStore, Broken::EvictedLease, Broken::ShortMemory, Broken::Fence]
    {
        let found =
            (0..300).any(|seed| fleet::run_broken(seed, Duration::from_secs(300), broken).fault.is_some());
        assert!(found, "{broken:?}");
    }
}
