//! Where ticks wait while an instrument's gate is shut.

use std::collections::VecDeque;

use schemas::config::Conflate;

use crate::event::FeedTick;

/// The most ticks that wait in a queue.
pub const QUEUE_LEN_MAX: usize = 1_024;

/// What happened to a tick that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It waits.
    Waits,
    /// It took the place of an older one, which is gone.
    Conflated,
    /// The queue is full: it is gone itself.
    Overflow,
}

/// Ticks that wait, by the instrument's Conflate.
#[derive(Clone, Debug)]
pub struct Waiting {
    conflate: Conflate,
    ticks: VecDeque<FeedTick>,
}

impl Waiting {
    /// Nothing waits.
    #[must_use]
    pub fn new(conflate: Conflate) -> Self {
        let room = match conflate {
            Conflate::Newest => 1,
            Conflate::Queue => QUEUE_LEN_MAX,
        };
        Self { conflate, ticks: VecDeque::with_capacity(room) }
    }

    /// Hands a tick over.
    pub fn push(&mut self, tick: FeedTick) -> Admitted {
        match self.conflate {
            Conflate::Newest => {
                let replaced = self.ticks.pop_front().is_some();
                self.ticks.push_back(tick);
                if replaced { Admitted::Conflated } else { Admitted::Waits }
            }
            Conflate::Queue if self.ticks.len() >= QUEUE_LEN_MAX => Admitted::Overflow,
            Conflate::Queue => {
                self.ticks.push_back(tick);
                Admitted::Waits
            }
        }
    }

    /// The one whose turn it is.
    pub fn pop(&mut self) -> Option<FeedTick> {
        self.ticks.pop_front()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ticks.len()
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }
}
