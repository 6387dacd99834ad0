//! Any plan, any interleaving of a fleet that loses, repeats, reorders and dies: the run ends, and
//! what its journal says holds.

mod coverage;
mod fleet;
mod hazards;
mod job;
mod laws;
mod plans;
mod post;

use std::sync::Mutex;

use proptest::prelude::any;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};

use crate::testing::Fired;

/// Runs of one suite; `PROPTEST_CASES` asks for more. Fixed seeds, so that what one run of the suite
/// covers every run covers.
const CASES: u32 = 160;

#[test]
fn any_run_ends_and_its_journal_obeys_the_laws() {
    let cases = std::env::var("PROPTEST_CASES").map_or(CASES, |text| {
        text.parse().expect("PROPTEST_CASES is a number")
    });
    let config = Cases {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Cases::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let fired = Mutex::new(Fired::new());
    let outcome = runner.run(&(plans::any_plan(), any::<u64>()), |(plan, seed)| {
        let is_large = plan.len() >= 200;
        let env = fleet::play(plan, seed);
        laws::check(&env);
        let mut all = fired.lock().expect("no other thread");
        *all.entry("plan of 200 tasks".into()).or_default() += u64::from(is_large);
        for (name, count) in env.fired {
            *all.entry(name).or_default() += count;
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    coverage::check(&fired.into_inner().expect("no other thread"));
}
