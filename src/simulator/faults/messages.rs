//! What becomes of the messages of streams.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;

use super::kind::{Fault, How, Stream};
use super::plan::{LineTag, Plan, Target};
use super::switch::FaultSwitch;
use super::{Line, edit, is_plain_mute};
use crate::simulator::outbox::Outbox;

/// What becomes of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    dropped: bool,
    twice: bool,
    after_ms: Option<u64>,
    behind: bool,
    /// Its numbers are so far off.
    off_by: Option<i64>,
    spoilt: Option<How>,
}

/// A message that waits for the next one of its stream on its connection. One at most waits of each.
#[derive(Debug)]
pub(super) struct Stashed {
    outbox: Arc<Outbox>,
    stream: String,
    message: Utf8Bytes,
}

/// Sends a stream's message as the faults let it come through. `payload` is written for a listener, `wrap` makes of it
/// what the listener gets.
pub(super) fn send<'a>(
    (plan, stash): (&mut Plan, &mut Vec<Stashed>),
    target: &Target<'_>,
    stream: &str,
    listeners: impl Iterator<Item = &'a Arc<Outbox>>,
    payload: impl Fn(&Outbox) -> String,
    wrap: impl Fn(&Outbox, String) -> Utf8Bytes,
) {
    // What is told of no connection touches all listeners alike.
    let common = plan.fate(target, false);
    for outbox in listeners {
        let line = outbox.line().and_then(Line::tag);
        let line = line.map(|tag| LineTag { user: tag.user || target.stream == Some(Stream::User), ..tag });
        let fate = common.and(plan.fate(&Target { line, ..*target }, true));
        if fate.dropped {
            continue;
        }
        let mut text = payload(outbox);
        fate.edit(&mut text);
        let message = wrap(outbox, text);
        let is_awaited = stash.iter().any(|stashed| stashed.is_of(outbox, stream));
        if fate.behind && !is_awaited {
            // Those whose connection has ended since are let go.
            stash.retain(|stashed| Arc::strong_count(&stashed.outbox) > 1);
            stash.push(Stashed { outbox: Arc::clone(outbox), stream: stream.to_owned(), message });
            continue;
        }
        for _ in 0..1 + u8::from(fate.twice) {
            match fate.after_ms {
                Some(ms) => outbox.push_after(message.clone(), Duration::from_millis(ms)),
                None => outbox.push(message.clone()),
            }
        }
        release(stash, |stashed| stashed.is_of(outbox, stream));
    }
}

impl Stashed {
    fn is_of(&self, outbox: &Outbox, stream: &str) -> bool {
        self.outbox.id == outbox.id && self.stream == stream
    }
}

/// Lets go the messages that are meant.
pub(super) fn release(stash: &mut Vec<Stashed>, meant: impl Fn(&Stashed) -> bool) {
    for stashed in stash.extract_if(.., |stashed| meant(stashed)) {
        stashed.outbox.push(stashed.message);
    }
}

impl Fate {
    /// Both.
    fn and(self, other: Self) -> Self {
        Self {
            dropped: self.dropped || other.dropped,
            twice: self.twice || other.twice,
            after_ms: self.after_ms.max(other.after_ms),
            behind: self.behind || other.behind,
            off_by: self.off_by.or(other.off_by),
            spoilt: self.spoilt.or(other.spoilt),
        }
    }

    fn edit(self, text: &mut String) {
        if let Some(by) = self.off_by {
            for name in ["U", "u", "pu", "t", "a", "f", "l", "i", "lastUpdateId"] {
                edit::add(text, name, by);
            }
        }
        if let Some(how) = self.spoilt {
            spoil(text, how);
        }
    }
}

impl Plan {
    /// What becomes of a message by the faults of single connections, or by all others.
    fn fate(&mut self, target: &Target<'_>, of_line: bool) -> Fate {
        let meant = |switch: &FaultSwitch| switch.connection.is_some() == of_line;
        // Plain mutes have been asked before the message was made.
        let muted = |switch: &FaultSwitch| meant(switch) && !is_plain_mute(switch);
        let dropped = self.strike_of(Fault::MuteStream, target, muted).is_some()
            || self.strike_of(Fault::DropMessages, target, meant).is_some();
        if dropped {
            return Fate { dropped, ..Fate::default() };
        }
        let wrong = self.strike_of(Fault::WrongIds, target, meant);
        let spoilt = self.strike_of(Fault::SpoilBook, target, meant);
        let late = self.strike_of(Fault::DelayMessages, target, meant);
        Fate {
            dropped,
            twice: self.strike_of(Fault::DuplicateMessages, target, meant).is_some(),
            after_ms: late.map(|switch| self.delay(&switch)),
            behind: self.strike_of(Fault::ReorderMessages, target, meant).is_some(),
            off_by: wrong.map(|switch| switch.params.by.unwrap_or(1_000)),
            spoilt: spoilt.map(|switch| switch.params.how.unwrap_or(How::Crossed)),
        }
    }
}

/// Makes a book of it that no market can have. A message that tells no book stays as it is.
fn spoil(text: &mut String, how: How) {
    // The sides of diffs and of the top of a book, then those of partial books; quantities of the top alone.
    let sides = [("b", "a"), ("bids", "asks")];
    for (bids, asks) in sides {
        match how {
            How::Locked => edit::copy(text, bids, asks),
            How::Empty => {
                edit::empty(text, bids);
                if bids == "b" && edit::text_of(text, "B").is_some() {
                    edit::replace_text(text, "b", "0.00000000");
                    edit::replace_text(text, "B", "0.00000000");
                }
            }
            How::Negative => {
                let is_top = bids == "b" && edit::text_of(text, "B").is_some();
                edit::negate(text, if is_top { "B" } else { bids });
            }
            How::Crossed | How::Close | How::Reset | How::Shutdown | How::Unavailable | How::Hang => {
                edit::swap(text, bids, asks);
            }
        }
    }
}
