//! Counts, moments and numbers of the gateway, each at the place where it turns.

use pipeline::gateway::{Link, Standing};

use super::*;

fn taker(id: ClientOrderId) -> Command {
    let Command::PlaceMaker(leg) = place(id) else { unreachable!() };
    Command::PlaceTaker(leg)
}

fn silent(silence: Silence, seconds: u64) -> Answer {
    let silent_for = Some(Duration::from_secs(seconds));
    Answer::Refused(VenueRefusal { code: -1003, verdict: Verdict::Refused, silent_for, silence })
}

/// What the venue's events say that cannot be goes to the lane whose order it is, and nobody else's is an alarm.
#[test]
fn an_alarm_finds_the_lane_of_its_order() {
    let mut gateway = gateway(&[], 100);
    gateway.handle_alarm(id(1, 0), Alarm::Mismatch);
    let stranger = InstrumentPrefix::new("othr", LANES[0]);
    gateway.handle_alarm(ClientOrderId::new(stranger, Epoch::new(1), 7, Leg::Maker), Alarm::Mismatch);
    assert_eq!(reports(&mut gateway), [(LaneId(1), OrderReport::Alarm(Alarm::Mismatch))]);
}

#[test]
fn it_says_what_it_is_connected_to_and_how_often_answers_were_late() {
    let mut gateway = gateway(&[], 100);
    assert!(gateway.is_connected() && gateway.hears_events());
    gateway.handle_events(false);
    assert!(gateway.is_connected() && !gateway.hears_events());
    gateway.handle_disconnected();
    assert!(!gateway.is_connected());
    assert_eq!(gateway.late_answers(), 0);
    for request in [100, 101] {
        gateway.handle_answer(request, Answer::Unreadable);
    }
    assert_eq!(gateway.late_answers(), 2);
    assert!(!Link::Down.is_up() && [Link::Deaf, Link::Spent, Link::Open].into_iter().all(Link::is_up));
}

/// A number that is given out twice would let a late answer speak of another request.
#[test]
fn no_two_requests_have_one_number() {
    let mut gateway = gateway(&[], 4);
    let mut numbers = BTreeSet::new();
    for sequence in 0..40 {
        gateway.handle_command(LaneId(0), query(id(0, sequence)));
        let request = sent(&mut gateway, at(sequence))[0].request;
        assert!(numbers.insert(request), "{request} twice");
        gateway.handle_answer(request, Answer::Unreadable);
    }
}

/// Makers that wait have their budget in advance; a taker that waits begins no pair.
#[test]
fn pairs_that_wait_are_part_of_the_budget() {
    // Eight orders for places: four pairs.
    let mut gateway = gateway(&[orders(10, 10_000)], 100);
    for sequence in 0..3 {
        assert!(gateway.has_budget(at(0)));
        gateway.handle_command(LaneId(0), place(id(0, sequence)));
    }
    for sequence in 0..3 {
        gateway.handle_command(LaneId(1), taker(id(1, sequence)));
    }
    assert!(gateway.has_budget(at(0)), "a fourth");
    gateway.handle_command(LaneId(0), place(id(0, 3)));
    assert!(!gateway.has_budget(at(0)));
}

#[test]
fn at_its_last_moment_a_place_leaves() {
    let mut gateway = gateway(&[], 100);
    let command = place_until(id(0, 0), at(5));
    gateway.handle_command(LaneId(0), command);
    gateway.handle_timeout(at(5));
    assert_eq!(asked(&mut gateway, at(5)), [command]);
    let request = gateway.inflight() as u64;
    assert!(gateway.handle_journaled(request, true, at(5)));
}

/// What may leave is asked for again soon, and never in the past.
#[test]
fn the_next_moment_is_ahead() {
    let mut gateway = gateway(&[], 100);
    assert_eq!(gateway.poll_timeout(at(0)), None);
    gateway.handle_command(LaneId(0), place(id(0, 0)));
    assert_eq!(gateway.poll_timeout(at(0)), Some(at(1).mono));
}

/// Nothing waits, and what a pair kept back is all that is missing: its end by itself is a moment to look again.
#[test]
fn what_comes_free_by_itself_is_waited_for() {
    let mut gateway = gateway(&[orders(5, 86_400_000)], 100);
    for sequence in 0..2 {
        gateway.handle_command(LaneId(0), place(id(0, sequence)));
    }
    let out = sent(&mut gateway, at(0));
    for outgoing in out {
        let Command::PlaceMaker(leg) = outgoing.command else { panic!("{outgoing:?}") };
        gateway.handle_answer(outgoing.request, Answer::Updates(vec![update(leg.id, OrderStatus::New)]));
    }
    assert!(!gateway.has_budget(at(1)));
    assert_eq!(gateway.poll_timeout(at(1)), Some(at(60_000).mono));
}

/// Of two wishes for silence that came together the ban is the stricter one, whichever came first.
#[test]
fn a_ban_is_not_softened_by_a_wish_to_wait() {
    for bans_first in [true, false] {
        let address = Address::default();
        let mut gateway = gateway(&[], 100).behind(address.clone());
        for sequence in 0..2 {
            gateway.handle_command(LaneId(0), query(id(0, sequence)));
        }
        let out = sent(&mut gateway, at(0));
        let mut answers = [silent(Silence::All, 120), silent(Silence::Most, 5)];
        if !bans_first {
            answers.reverse();
        }
        for (outgoing, answer) in out.into_iter().zip(answers) {
            gateway.handle_answer(outgoing.request, answer);
        }
        assert_eq!(gateway.poll_send(at(0)), None);
        assert_eq!(address.lock().standing(at(0).mono), Standing::Banned(at(120_000).mono), "{bans_first}");
    }
}

/// Two places have no answer, and each one's late refusal is its own.
#[test]
fn late_refusals_are_told_apart() {
    for first in [0, 1] {
        let mut gateway = gateway(&[], 100);
        for sequence in 0..2 {
            gateway.handle_command(LaneId(0), place(id(0, sequence)));
        }
        let out = sent(&mut gateway, at(0));
        gateway.handle_timeout(at(10_000));
        assert_eq!(reports(&mut gateway).len(), 2);
        for sequence in [first, 1 - first] {
            let request = out[usize::try_from(sequence).unwrap()].request;
            gateway.handle_answer(request, refused(-2010, Verdict::Refused));
            let rejected = OrderReport::Rejected { id: id(0, sequence), code: -2010, would_match: false };
            assert_eq!(reports(&mut gateway), [(LaneId(0), rejected)]);
        }
    }
}

/// The venue's count holds what it has answered; what is still on its way comes on top, and no more than that.
#[test]
fn what_was_answered_is_on_its_way_no_more() {
    let answered = |gateway: &mut Gateway<Alone>, command: Command| {
        gateway.handle_command(LaneId(0), command);
        let request = sent(gateway, at(0))[0].request;
        gateway.handle_answer(request, Answer::Unreadable);
    };
    // Places leave 8 of 10; the orders of each end at once.
    let mut places = gateway(&[orders(10, 10_000)], 100);
    for sequence in 0..2 {
        places.handle_command(LaneId(0), place(id(0, sequence)));
        let request = sent(&mut places, at(0))[0].request;
        let over = update(id(0, sequence), OrderStatus::Canceled);
        places.handle_answer(request, Answer::Updates(vec![over]));
    }
    places.handle_count(orders(6, 10_000), at(1));
    assert!(places.has_budget(at(1)), "8 - 6 are a pair");
    places.handle_count(orders(7, 10_000), at(1));
    assert!(!places.has_budget(at(1)));
    // Questions weigh 4: of 40 one more fits beside 36, and none beside 37.
    for (used, left) in [(36, 1), (37, 0)] {
        let mut questions = gateway(&[weight(40, 60_000)], 100);
        (0..3).for_each(|sequence| answered(&mut questions, query(id(0, sequence))));
        questions.handle_count(weight(used, 60_000), at(1));
        questions.handle_command(LaneId(0), query(id(0, 9)));
        assert_eq!(asked(&mut questions, at(1)).len(), left, "{used} used");
    }
    // One is on its way: 32 and 4 leave room for one more, 33 and 4 for none.
    for (used, left) in [(32, 1), (33, 0)] {
        let mut questions = gateway(&[weight(40, 60_000)], 100);
        questions.handle_command(LaneId(0), query(id(0, 0)));
        assert_eq!(asked(&mut questions, at(0)).len(), 1);
        questions.handle_count(weight(used, 60_000), at(1));
        questions.handle_command(LaneId(0), query(id(0, 9)));
        assert_eq!(asked(&mut questions, at(1)).len(), left, "{used} used, 4 on their way");
    }
}
