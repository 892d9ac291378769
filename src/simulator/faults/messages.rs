//! What becomes of the messages of streams.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use super::edit;
use super::kind::{Fault, How};
use super::plan::{Plan, Target};
use super::switch::FaultSwitch;
use crate::simulator::outbox::Outbox;

/// What becomes of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fate {
    dropped: bool,
    twice: bool,
    after_ms: Option<u64>,
    behind: bool,
}

/// A message that waits for the next one of its stream on its connection.
#[derive(Debug)]
pub(super) struct Stashed {
    outbox: Arc<Outbox>,
    stream: String,
    message: Utf8Bytes,
}

/// Sends a stream's message as the faults let it come through. `wrap` makes of a payload what a listener gets.
pub(super) fn send<'a>(
    (plan, stash): (&mut Plan, &mut Vec<Stashed>),
    target: &Target<'_>,
    stream: &str,
    listeners: impl Iterator<Item = &'a Arc<Outbox>>,
    payload: &str,
    wrap: impl Fn(&Outbox, &str) -> Utf8Bytes,
) {
    // What is told of no connection touches all listeners alike.
    let mut common = payload.to_owned();
    let fate = plan.fate(target, false, &mut common);
    for outbox in listeners {
        let line = outbox.line().and_then(super::line::Line::tag);
        let own = Target {
            line: line.map(|tag| super::plan::LineTag { user: tag.user || is_user(target), ..tag }),
            ..*target
        };
        let mut text = common.clone();
        let own = plan.fate(&own, true, &mut text);
        if fate.dropped || own.dropped {
            continue;
        }
        let message = wrap(outbox, &text);
        if fate.behind || own.behind {
            stash.push(Stashed { outbox: Arc::clone(outbox), stream: stream.to_owned(), message });
            continue;
        }
        for _ in 0..1 + u8::from(fate.twice || own.twice) {
            match fate.after_ms.max(own.after_ms) {
                Some(ms) => outbox.push_after(message.clone(), std::time::Duration::from_millis(ms)),
                None => outbox.push(message.clone()),
            }
        }
        release(stash, |stashed| stashed.outbox.id == outbox.id && stashed.stream == stream);
    }
}

/// Lets go the messages that are meant.
pub(super) fn release(stash: &mut Vec<Stashed>, meant: impl Fn(&Stashed) -> bool) {
    for stashed in stash.extract_if(.., |stashed| meant(stashed)) {
        stashed.outbox.push(stashed.message);
    }
}

fn is_user(target: &Target<'_>) -> bool {
    target.stream == Some(super::kind::Stream::User)
}

impl Plan {
    /// What becomes of a message by the faults of single connections, or by all others; its text is changed.
    fn fate(&mut self, target: &Target<'_>, of_line: bool, text: &mut String) -> Fate {
        let meant = |switch: &FaultSwitch| switch.connection.is_some() == of_line;
        // Plain mutes have been asked before the message was made.
        let muted = |switch: &FaultSwitch| meant(switch) && !super::is_plain_mute(switch);
        let dropped = self.strike_of(Fault::MuteStream, target, muted).is_some()
            || self.strike_of(Fault::DropMessages, target, meant).is_some();
        if dropped {
            return Fate { dropped, ..Fate::default() };
        }
        if let Some(switch) = self.strike_of(Fault::WrongIds, target, meant) {
            let by = switch.params.by.unwrap_or(1_000);
            for name in ["U", "u", "pu", "t", "a", "f", "l", "i", "lastUpdateId"] {
                edit::add(text, name, by);
            }
        }
        if let Some(switch) = self.strike_of(Fault::SpoilBook, target, meant) {
            spoil(text, switch.params.how.unwrap_or(How::Crossed));
        }
        let late = self.strike_of(Fault::DelayMessages, target, meant);
        Fate {
            dropped,
            twice: self.strike_of(Fault::DuplicateMessages, target, meant).is_some(),
            after_ms: late.map(|switch| self.delay(&switch)),
            behind: self.strike_of(Fault::ReorderMessages, target, meant).is_some(),
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
            How::Negative => edit::negate(text, if edit::text_of(text, "B").is_some() { "B" } else { bids }),
            How::Crossed | How::Close | How::Reset | How::Shutdown | How::Unavailable | How::Hang => {
                edit::swap(text, bids, asks);
            }
        }
    }
}
