//! A book that stands still: a maker of ours rested, and no update has come since.

use schemas::units::Decimal;

use super::Instrument;
use crate::book::Top;
use crate::time::{Nanos, Now};

/// A maker of ours rested, so the book changed; the book that we are shown has yet to say so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unseen {
    /// The update id of the top that the maker was decided on.
    update_id: u64,
    /// When the venue acknowledged the maker.
    since: Nanos,
}

/// Whether the book's keeper is to be told that its book stands still.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    pending: bool,
    last: Option<Nanos>,
}

impl Instrument {
    /// The venue's top of book; `None` while it is not live.
    pub fn handle_top(&mut self, top: Option<Top>) {
        self.top = top;
        // Any other id is news; a venue that began anew counts from the start.
        if let (Some(top), Some(unseen)) = (top, self.unseen)
            && top.update_id != unseen.update_id
        {
            self.unseen = None;
        }
    }

    /// Whether the book's keeper is to be told, now, that its book stands still though our own maker changed it.
    pub fn poll_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubt.pending)
    }

    pub(super) fn live_top(&self, now: Now) -> Option<Top> {
        let confirmed = |top: &Top| now.mono.since(top.confirmed.mono) <= self.settings.book_age_max;
        self.top.filter(|top| confirmed(top) && !self.stands_still(now))
    }

    /// Our own maker rested Max Book Age ago, and no update has come since: whatever confirms the top, the book
    /// behind it does not move with the venue.
    fn stands_still(&self, now: Now) -> bool {
        self.unseen.is_some_and(|unseen| now.mono.since(unseen.since) > self.settings.book_age_max)
    }

    pub(super) fn doubt_a_book_that_stands_still(&mut self, now: Now) {
        let lately = self.doubt.last.is_some_and(|last| now.mono.since(last) < self.settings.book_age_max);
        if self.stands_still(now) && !lately {
            self.doubt = Doubt { pending: true, last: Some(now.mono) };
        }
    }

    /// Keeps the view of our own resting quantity in step with the maker.
    pub(super) fn follow_own_maker(&mut self, now: Now) {
        let Some(trade) = &self.trade else { return };
        let maker = &trade.maker;
        if let Some(since) = maker.acknowledged_at
            && self.unseen.is_none()
            && self.top.is_some_and(|top| top.update_id <= trade.book_update_id)
        {
            self.unseen = Some(Unseen { update_id: trade.book_update_id, since });
        }
        if maker.is_ended() {
            self.own.maker_ended(now);
        } else {
            let remaining = Decimal::from_steps(maker.remaining_steps(), maker.qty_decimals);
            self.own.maker_filled(remaining);
        }
    }
}
