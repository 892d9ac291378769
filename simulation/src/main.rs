//! Runs simulations.
#![expect(clippy::print_stdout, reason = "it is what the command is for")]

use simulation::run::{Spec, run};
use simulation::setup::Profile;

fn main() {
    let seed = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let outcome = run(&Spec::new(seed, 3, Profile::Mixed));
    println!("{:?}", outcome.violations);
    println!("{:?}", outcome.stats);
}
