//! SUBSCRIBE and UNSUBSCRIBE frames at a pace that the venue allows, and their confirmations: the books of the
//! symbols that are wanted, and of no others.

use std::time::Duration;

use pipeline::time::Nanos;
use schemas::wire::binance::encode;
use schemas::wire::book_fault::BookFault;

/// Symbols that one frame names, two streams each.
const SYMBOLS_PER_FRAME: usize = 100;
/// A venue cuts a connection that sends more than five messages a second, pongs counted.
const PACE: Duration = Duration::from_millis(250);
/// A confirmation that takes longer never comes.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Subscriptions {
    /// What the venue was last asked for, symbol by symbol.
    asked: Vec<bool>,
    unconfirmed: Vec<Unconfirmed>,
    last_id: u64,
    next_at: Nanos,
    frame: String,
}

struct Unconfirmed {
    id: u64,
    sent: Nanos,
    /// Whose streams it opens; none where it closes them.
    opens: Vec<usize>,
}

/// What a frame that is due does, and with which symbols.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Opened,
    Closed(Vec<usize>),
}

impl Subscriptions {
    pub(super) fn new(symbols: usize) -> Self {
        let asked = vec![false; symbols];
        Self { asked, unconfirmed: Vec::new(), last_id: 0, next_at: Nanos(0), frame: String::new() }
    }

    /// The next frame to send, if one is due: what is wanted and not open is opened first.
    ///
    /// # Errors
    /// [`BookFault::Protocol`] if a confirmation has not come.
    pub(super) fn poll_frame<'s>(
        &mut self,
        now: Nanos,
        wanted: impl Fn(usize) -> bool,
        symbol: impl Fn(usize) -> &'s str,
    ) -> Result<Option<(Asked, &str)>, BookFault> {
        if self.unconfirmed.iter().any(|frame| now.since(frame.sent) >= CONFIRM_TIMEOUT) {
            return Err(BookFault::Protocol { got: "SUBSCRIBE not confirmed".into() });
        }
        if now < self.next_at {
            return Ok(None);
        }
        let opening = self.differing(|asked, wanted| wanted && !asked, &wanted);
        let open = !opening.is_empty();
        let symbols = if open { opening } else { self.differing(|asked, wanted| asked && !wanted, &wanted) };
        if symbols.is_empty() {
            return Ok(None);
        }
        symbols.iter().for_each(|at| self.asked[*at] = open);
        let streams: Vec<String> = symbols
            .iter()
            .map(|at| symbol(*at).to_ascii_lowercase())
            .flat_map(|name| [format!("{name}@bookTicker"), format!("{name}@depth@100ms")])
            .collect();
        self.last_id += 1;
        let write = if open { encode::subscribe } else { encode::unsubscribe };
        write(self.last_id, &mut streams.iter().map(String::as_str), &mut self.frame);
        self.next_at = now + PACE;
        let opens = if open { symbols.clone() } else { Vec::new() };
        self.unconfirmed.push(Unconfirmed { id: self.last_id, sent: now, opens });
        Ok(Some((if open { Asked::Opened } else { Asked::Closed(symbols) }, &self.frame)))
    }

    /// The symbols whose streams are open by this confirmation, and were not closed again meanwhile.
    pub(super) fn confirmed(&mut self, id: Option<u64>) -> Vec<usize> {
        let Some(at) = self.unconfirmed.iter().position(|frame| Some(frame.id) == id) else {
            return Vec::new();
        };
        let mut opened = self.unconfirmed.swap_remove(at).opens;
        opened.retain(|at| self.asked[*at]);
        opened
    }

    fn differing(&self, differs: fn(bool, bool) -> bool, wanted: &impl Fn(usize) -> bool) -> Vec<usize> {
        let symbols = (0..self.asked.len()).filter(|at| differs(self.asked[*at], wanted(*at)));
        symbols.take(SYMBOLS_PER_FRAME).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["AUSDT", "BUSDT"];

    fn poll(subscriptions: &mut Subscriptions, at_ms: u64, wanted: [bool; 2]) -> Option<(Asked, String)> {
        let frame = subscriptions.poll_frame(Nanos(at_ms * 1_000_000), |at| wanted[at], |at| NAMES[at]);
        frame.unwrap().map(|(asked, frame)| (asked, frame.to_owned()))
    }

    #[test]
    fn only_what_is_wanted_is_open() {
        let mut subscriptions = Subscriptions::new(2);
        assert_eq!(poll(&mut subscriptions, 1_000, [false, false]), None);
        let (asked, frame) = poll(&mut subscriptions, 1_000, [false, true]).unwrap();
        assert_eq!(asked, Asked::Opened);
        assert!(frame.contains("SUBSCRIBE") && frame.contains("busdt@depth") && !frame.contains("ausdt"));
        assert_eq!(poll(&mut subscriptions, 1_100, [true, false]), None, "the pace is kept");
        assert_eq!(subscriptions.confirmed(Some(1)), [1]);
        assert_eq!(poll(&mut subscriptions, 1_300, [true, false]).unwrap().0, Asked::Opened);
        let (asked, frame) = poll(&mut subscriptions, 1_600, [true, false]).unwrap();
        assert_eq!(asked, Asked::Closed(vec![1]));
        assert!(frame.contains("UNSUBSCRIBE") && frame.contains("busdt@bookTicker"));
        assert_eq!(subscriptions.confirmed(Some(3)), Vec::<usize>::new());
        assert_eq!(poll(&mut subscriptions, 2_000, [true, false]), None);
    }

    #[test]
    fn a_late_confirmation_of_what_was_closed_since_opens_nothing() {
        let mut subscriptions = Subscriptions::new(2);
        poll(&mut subscriptions, 1_000, [true, true]).unwrap();
        poll(&mut subscriptions, 1_300, [false, true]).unwrap();
        assert_eq!(subscriptions.confirmed(Some(1)), [1]);
    }

    /// Fault B10.
    #[test]
    fn a_confirmation_that_never_comes_costs_the_connection() {
        let mut subscriptions = Subscriptions::new(2);
        poll(&mut subscriptions, 1_000, [true, true]).unwrap();
        let late = subscriptions.poll_frame(Nanos(11_000_000_000), |_| true, |at| NAMES[at]);
        assert!(late.is_err());
    }
}
