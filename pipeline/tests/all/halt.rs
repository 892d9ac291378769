//! Halts: who is halted by whom, and what releases it.

use pipeline::event::Denial;
use pipeline::halt::{Bar, Change, Halts, NotReleased};
use pipeline::skip::Skip;
use schemas::halt::{Halt, HaltedBy};

fn halt(symbol: Option<&str>, by: HaltedBy) -> Halt {
    Halt { symbol: symbol.map(str::to_owned), reason: "why".to_owned(), by, at_ms: 1 }
}

/// Promise P17.
#[test]
fn what_was_halted_by_name_is_released_by_name_alone() {
    let mut halts = Halts::default();
    assert_eq!(halts.halt(halt(Some("A"), HaltedBy::Operator)), Change::Done);
    assert_eq!(halts.halt(halt(None, HaltedBy::Signal)), Change::Done);
    assert_eq!(halts.release(Some("B")), Err(NotReleased::HaltedWithAll));
    assert!(halts.release(None).is_ok());
    assert!(halts.of("A").is_some() && halts.of("B").is_none());
    assert!(halts.release(Some("A")).is_ok());
    assert_eq!(halts.release(Some("A")), Err(NotReleased::NotHalted));
    assert!(halts.of("A").is_none());
}

#[test]
fn a_repeated_halt_keeps_its_first_reason() {
    let mut halts = Halts::default();
    halts.halt(halt(Some("A"), HaltedBy::Operator));
    let second = Halt { reason: "another".to_owned(), ..halt(Some("A"), HaltedBy::Alarm) };
    assert_eq!(halts.halt(second), Change::Already);
    assert_eq!(halts.of("A").map(|halt| halt.reason.as_str()), Some("why"));
}

#[test]
fn a_file_halts_all_until_it_is_gone_and_is_not_remembered() {
    let mut halts = Halts::default();
    halts.halt(halt(None, HaltedBy::File));
    assert_eq!(halts.release(None), Err(NotReleased::ByFile));
    assert!(halts.of("A").is_some() && halts.lasting().is_empty());
    assert!(halts.file_gone().is_some() && halts.file_gone().is_none());
    assert!(halts.of("A").is_none());
}

#[test]
fn what_is_restored_is_what_lasted() {
    let mut halts = Halts::default();
    halts.halt(halt(Some("A"), HaltedBy::Alarm));
    halts.halt(halt(None, HaltedBy::Operator));
    assert_eq!(Halts::restored(halts.lasting()), halts);
}

/// What is shown is all that is halted; what lasts is all but the file's.
#[test]
fn what_is_shown_is_everything_that_halts() {
    let mut halts = Halts::default();
    assert_eq!(halts.iter().count(), 0);
    for (symbol, by) in [(None, HaltedBy::File), (None, HaltedBy::Signal), (Some("A"), HaltedBy::Alarm)] {
        halts.halt(halt(symbol, by));
    }
    let by: Vec<HaltedBy> = halts.iter().map(|halt| halt.by).collect();
    assert_eq!(by, [HaltedBy::Signal, HaltedBy::File, HaltedBy::Alarm]);
    let lasting: Vec<HaltedBy> = halts.lasting().iter().map(|halt| halt.by).collect();
    assert_eq!(lasting, [HaltedBy::Signal, HaltedBy::Alarm]);
}

/// Why a tick makes no pair, and why an order does not leave.
#[test]
fn each_bar_has_words_of_its_own() {
    assert_eq!((Bar::Halted.skip(), Bar::Halted.denial()), (Skip::Halted, Denial::Halted));
    assert_eq!(
        (Bar::ClockUnsure.skip(), Bar::ClockUnsure.denial()),
        (Skip::ClockUnsure, Denial::ClockUnsure)
    );
}
