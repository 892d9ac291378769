//! What becomes of requests and their answers.

use super::edit;
use super::held::Held;
use super::kind::{Fault, Field};
use super::plan::{Plan, Target};
use super::reply::Reply;
use super::switch::FaultSwitch;

const DELAY_MS: u64 = 1_000;

/// What becomes of a request on its way to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Intake {
    /// It arrives.
    Pass,
    /// It never arrives.
    Lost,
    /// It arrives so many milliseconds later.
    Held(u64),
    /// It is not carried out, and answered so.
    Refused(Box<Reply>),
}

/// What becomes of an answer.
#[derive(Debug)]
pub(in crate::simulator) enum Delivery {
    /// It goes out at once.
    Now,
    /// There is none yet: the request is on its way for a while more.
    Held(Held),
    /// It goes out otherwise.
    Troubled(Box<Detour>),
}

/// What an answer goes through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Detour {
    /// It does not go out.
    pub(in crate::simulator) lost: bool,
    /// The request did not arrive either.
    pub(in crate::simulator) unheard: bool,
    /// It goes out after its events, so many milliseconds later.
    pub(in crate::simulator) after_ms: Option<u64>,
    /// This goes out instead.
    pub(in crate::simulator) instead: Option<Reply>,
    /// It goes out twice.
    pub(in crate::simulator) twice: bool,
    pub(in crate::simulator) wrong: Option<Field>,
    /// A depth snapshot's number is so much lower.
    older: Option<i64>,
}

impl Delivery {
    /// Of a request that never arrived.
    pub(in crate::simulator) fn lost_request() -> Self {
        Self::Troubled(Box::new(Detour { lost: true, unheard: true, ..Detour::default() }))
    }

    /// Of a request that was refused on its way.
    pub(in crate::simulator) fn refused(reply: Reply) -> Self {
        Self::Troubled(Box::new(Detour { instead: Some(reply), ..Detour::default() }))
    }
}

impl Detour {
    /// The answer's body as it goes out.
    pub(in crate::simulator) fn body(&self, body: Vec<u8>) -> Vec<u8> {
        let mut text = match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => return error.into_bytes(),
        };
        match self.wrong {
            Some(Field::ClientId) => edit::replace_text(&mut text, "clientOrderId", "notYourOrder"),
            Some(Field::OrderId) => edit::add(&mut text, "orderId", 1_000_000),
            Some(Field::RequestId) | None => {}
        }
        if let Some(by) = self.older {
            edit::add(&mut text, "lastUpdateId", -by);
        }
        text.into_bytes()
    }
}

impl Plan {
    /// What becomes of a request that arrives.
    pub(super) fn intake(&mut self, target: &Target<'_>) -> Intake {
        if self.strike(Fault::LoseRequests, target).is_some() {
            return Intake::Lost;
        }
        if let Some(switch) = self.strike_of(Fault::Reject, target, |switch| !is_executed(switch)) {
            return Intake::Refused(Box::new(Reply::of(&switch.params)));
        }
        match self.strike(Fault::HoldRequests, target) {
            Some(switch) => Intake::Held(self.delay(&switch)),
            None => Intake::Pass,
        }
    }

    /// What becomes of the answer to a request that was carried out.
    pub(super) fn delivery(&mut self, target: &Target<'_>) -> Delivery {
        let lost = self.strike(Fault::LoseAnswers, target).is_some();
        let late = self.strike(Fault::DelayAnswers, target);
        let detour = Detour {
            lost,
            unheard: false,
            after_ms: late.map(|switch| self.delay(&switch)),
            instead: self
                .strike_of(Fault::Reject, target, is_executed)
                .map(|switch| Reply::of(&switch.params)),
            twice: self.strike(Fault::DuplicateAnswers, target).is_some(),
            wrong: self
                .strike(Fault::WrongAnswers, target)
                .map(|switch| switch.params.field.unwrap_or(Field::ClientId)),
            older: self.older(target),
        };
        if detour == Detour::default() { Delivery::Now } else { Delivery::Troubled(Box::new(detour)) }
    }

    /// How late something comes by that switch.
    pub(super) fn delay(&mut self, switch: &FaultSwitch) -> u64 {
        switch.params.ms.unwrap_or(DELAY_MS) + self.draw(switch.params.jitter_ms.unwrap_or(0))
    }

    /// Only depth is asked for old, and nobody signs that.
    fn older(&mut self, target: &Target<'_>) -> Option<i64> {
        let is_depth = target.names.iter().any(|name| *name == "depth" || name.ends_with("/depth"));
        if !is_depth {
            return None;
        }
        let target = Target { unsigned: false, ..*target };
        let switch = self.strike(Fault::OldSnapshot, &target)?;
        Some(switch.params.by.unwrap_or(1_000))
    }
}

fn is_executed(switch: &FaultSwitch) -> bool {
    switch.params.executed.unwrap_or(false)
}
