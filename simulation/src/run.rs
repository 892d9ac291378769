//! One seed's run: storms of faults and calms, then the end.

use crate::SEC;
use crate::coverage::{Cell, Coverage};
use crate::fault::Fault;
use crate::oracle::{Stats, Violation};
use crate::plan::{self, CALM, ROUND, STORM};
use crate::sabotage::Sabotage;
use crate::setup::{Profile, Setup};
use crate::world::World;

/// In a calm everything that can trade trades again within this.
const RESUME_MAX: u64 = 45 * SEC;
/// How long the end may take.
const END_MAX: u64 = 20 * SEC;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The seed.
    pub seed: u64,
    /// How long, rounds.
    pub rounds: u64,
    /// Which venue.
    pub profile: Profile,
    /// These faults, whatever the seed says.
    pub given: Option<Vec<Fault>>,
    /// One round that is to hit this cell of the coverage, instead of the seed's own.
    pub aim: Option<Cell>,
    /// Only these faults of the plan; all unless given.
    pub only: Option<Vec<usize>>,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
}

impl Spec {
    /// A run of that seed and so many rounds, with all its faults.
    #[must_use]
    pub const fn new(seed: u64, rounds: u64, profile: Profile) -> Self {
        Self { seed, rounds, profile, given: None, aim: None, only: None, sabotage: None }
    }

    /// The faults that it has.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        if let Some(given) = &self.given {
            return given.clone();
        }
        let setup = Setup::new(self.seed, self.profile);
        let processes = setup.processes.len();
        let plan = match self.aim {
            Some(cell) => plan::aimed(cell, self.seed, processes),
            None => plan::faults(self.seed, self.rounds * ROUND, processes),
        };
        match &self.only {
            Some(only) => plan.into_iter().filter(|fault| only.contains(&fault.index)).collect(),
            None => plan,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// Counts.
    pub stats: Stats,
    /// What met what.
    pub coverage: Coverage,
    /// Every event in one number.
    pub trace: u64,
    /// How long it was, nanoseconds of its own time.
    pub length: u64,
}

/// Runs it, up to the first violation.
#[must_use]
pub fn run(spec: &Spec) -> Outcome {
    let setup = Setup::new(spec.seed, spec.profile);
    let mut world = World::new(spec.seed, setup, spec.faults(), spec.sabotage);
    for round in 0..spec.rounds {
        let begin = round * ROUND;
        world.run_until(begin + STORM);
        world.begin_calm();
        world.run_until(begin + STORM + CALM);
        if is_broken(&world) {
            return outcome(world);
        }
        world.check_calm(begin + STORM, RESUME_MAX);
    }
    world.stop_all();
    let end = world.now() + END_MAX;
    world.run_until(end);
    if !is_broken(&world) {
        world.check_end();
    }
    outcome(world)
}

fn is_broken(world: &World) -> bool {
    !world.oracle.violations.is_empty()
}

fn outcome(world: World) -> Outcome {
    let (trace, length) = (world.trace(), world.now());
    Outcome {
        violations: world.oracle.violations,
        stats: world.oracle.stats,
        coverage: world.coverage,
        trace,
        length,
    }
}
