//! One host: a process or none, its disk, its clocks, and what fails for it.

use std::collections::{BTreeSet, VecDeque};

use pipeline::book::Level;
use pipeline::gateway::{Answer, Silence};
use schemas::ids::Epoch;

use crate::disk::SimDisk;
use crate::fault::{Fault, Kind};
use crate::process::{Delivery, Process};
use crate::setup::ProcessSetup;

/// What a book connection shows: the number of the last change, and the levels.
pub(super) type Shown = (u64, [Option<Level>; 2]);

/// A clock may gain as much: so much earlier a wait by it is over.
const FAST_PPM: u64 = 21_000;

#[derive(Debug)]
pub(super) struct Host {
    pub(super) symbols: Vec<usize>,
    pub(super) process: Option<Process>,
    /// How many processes have run here.
    pub(super) life: u32,
    pub(super) disk: SimDisk,
    /// What reached the process while it stood still.
    pub(super) inbox: VecDeque<Delivery>,
    pub(super) frozen_until: u64,
    pub(super) down_until: u64,
    pub(super) wake_at: Option<u64>,
    /// How often in a row it was woken for a deadline that had passed.
    pub(super) spins: u32,
    /// The number of the open order connection; 0 = none.
    pub(super) link: u32,
    /// Until when the venue wants silence, as the process was told, and of what.
    pub(super) silent: Option<(u64, Silence)>,
    /// A fault that waits for the state of an order.
    pub(super) aim: Option<Fault>,
    /// How bad each kind of fault is for it; 0 = not on.
    pub(super) levels: [u32; Kind::COUNT],
    pub(super) step_ms: i64,
    pub(super) rate_ppm: i64,
    /// When each symbol's book was last heard of.
    pub(super) heard: Vec<Option<u64>>,
    /// What each symbol's book last showed.
    pub(super) shown: Vec<Option<Shown>>,
    /// When the last message of each book arrives: they do not overtake each other.
    pub(super) book_at: Vec<u64>,
    /// The epochs that processes here began with, where nobody gives them out.
    pub(super) epochs: BTreeSet<Epoch>,
    /// The one of them that the latest start would have used again.
    pub(super) used: Option<Epoch>,
}

impl Host {
    pub(super) fn new(setup: &ProcessSetup, symbols: usize) -> Self {
        Self {
            symbols: setup.symbols.clone(),
            process: None,
            life: 0,
            disk: SimDisk::default(),
            inbox: VecDeque::new(),
            frozen_until: 0,
            down_until: 0,
            wake_at: None,
            spins: 0,
            link: 0,
            silent: None,
            aim: None,
            levels: [0; Kind::COUNT],
            step_ms: 0,
            rate_ppm: 0,
            heard: vec![None; symbols],
            shown: vec![None; symbols],
            book_at: vec![0; symbols],
            epochs: BTreeSet::new(),
            used: None,
        }
    }

    /// The venue's wish for silence reaches the process. Of two in force the longer and the stricter one counts.
    pub(super) fn hear_silence(&mut self, delivery: &Delivery, at: u64) {
        if let Delivery::Answer { link, answer: Answer::Refused(refusal), .. } = delivery
            && self.process.as_ref().is_some_and(|one| one.hears(*link))
            && let Some(wait) = refusal.silent_for
        {
            let wait = super::nanos(wait);
            let until = at + wait - wait * FAST_PPM / 1_000_000;
            self.silent = Some(match self.silent.filter(|(until, _)| *until > at) {
                Some((earlier, Silence::All)) => (earlier.max(until), Silence::All),
                Some((earlier, Silence::Most | Silence::Orders)) => (earlier.max(until), refusal.silence),
                None => (until, refusal.silence),
            });
        }
    }

    /// The book of a symbol is heard of.
    pub(super) fn hear_book(&mut self, delivery: &Delivery, at: u64) {
        if let Delivery::Top { symbol, best: Some(_), .. } = delivery {
            self.heard[*symbol] = Some(at);
        }
    }

    /// How much its wall clock is behind the true one, milliseconds.
    pub(super) fn behind_ms(&mut self, at: u64) -> u64 {
        let Some(one) = &mut self.process else { return 0 };
        let behind = crate::wall_ms(at) - one.clock().now(at).wall_ms;
        u64::try_from(behind).unwrap_or(0)
    }

    /// It is down, or stands still.
    pub(super) fn is_away(&self, at: u64) -> bool {
        self.process.is_none() || self.frozen_until > at
    }
}
