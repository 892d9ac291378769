//! SUBSCRIBE frames at a pace that the venue allows, and their confirmations.

use std::ops::Range;
use std::time::Duration;

use pipeline::time::Nanos;
use schemas::wire::binance_spot::encode;
use schemas::wire::book_fault::BookFault;

/// Symbols that one frame names, two streams each.
const SYMBOLS_PER_FRAME: usize = 100;
/// A venue cuts a connection that sends more than five messages a second, pongs counted.
const PACE: Duration = Duration::from_millis(250);
/// A confirmation that takes longer never comes.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Subscriptions {
    symbols: usize,
    /// When each frame that was sent was sent; `None` once it is confirmed. Frame n has the id n + 1.
    sent: Vec<Option<Nanos>>,
    next_at: Nanos,
    frame: String,
}

impl Subscriptions {
    pub(super) const fn new(symbols: usize) -> Self {
        Self { symbols, sent: Vec::new(), next_at: Nanos(0), frame: String::new() }
    }

    /// The next frame to send, if one is due.
    ///
    /// # Errors
    /// [`BookFault::Protocol`] if a confirmation has not come.
    pub(super) fn poll_frame<'s>(
        &mut self,
        now: Nanos,
        symbol: impl Fn(usize) -> &'s str,
    ) -> Result<Option<&str>, BookFault> {
        if self.sent.iter().flatten().any(|sent| now.since(*sent) >= CONFIRM_TIMEOUT) {
            return Err(BookFault::Protocol { got: "SUBSCRIBE not confirmed".into() });
        }
        let range = self.range(self.sent.len());
        if range.is_empty() || now < self.next_at {
            return Ok(None);
        }
        let streams: Vec<String> = range
            .map(|at| symbol(at).to_ascii_lowercase())
            .flat_map(|name| [format!("{name}@bookTicker"), format!("{name}@depth@100ms")])
            .collect();
        let id = u64::try_from(self.sent.len() + 1).unwrap_or(u64::MAX);
        encode::subscribe(id, streams.iter().map(String::as_str), &mut self.frame);
        self.sent.push(Some(now));
        self.next_at = now + PACE;
        Ok(Some(&self.frame))
    }

    /// The symbols whose streams are open by this confirmation.
    pub(super) fn confirmed(&mut self, id: Option<u64>) -> Range<usize> {
        let frame = id.and_then(|id| usize::try_from(id).ok()?.checked_sub(1));
        match frame.and_then(|frame| self.sent.get_mut(frame)?.take().map(|_| frame)) {
            Some(frame) => self.range(frame),
            None => 0..0,
        }
    }

    fn range(&self, frame: usize) -> Range<usize> {
        let start = (frame * SYMBOLS_PER_FRAME).min(self.symbols);
        start..(start + SYMBOLS_PER_FRAME).min(self.symbols)
    }
}
