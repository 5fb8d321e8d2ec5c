//! Random seeds. PROOF_SEEDS says how many, PROOF_FROM where to begin, PROOF_SEED=n runs one.

use crate::campaign::{all, number};
use crate::report::Report;
use crate::run::run;
use crate::scenario::generate;

/// With as many seeds as this, every cell of the coverage must be reached.
const ENOUGH: u64 = 5_000;

#[test]
fn seeds_keep_every_invariant() {
    let one = std::env::var("PROOF_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let (from, count) = match one {
        Some(seed) => (seed, 1),
        None => (number("PROOF_FROM", 0), number("PROOF_SEEDS", 12)),
    };
    let mut report = Report::new("random");
    let seed = |index: usize| from + u64::try_from(index).unwrap_or(0);
    let make = |index: usize| {
        let scenario = generate(seed(index));
        if one.is_some() {
            println!("{}", serde_json::to_string_pretty(&scenario).expect("plain data"));
        }
        (format!("seed-{}", seed(index)), scenario)
    };
    all(usize::try_from(count).unwrap_or(usize::MAX), make, |done| report.take(done));
    let coverage = report.finish();
    coverage.write("random");
    if count >= ENOUGH {
        let missing = coverage.missing();
        assert!(missing.is_empty(), "never reached in {count} seeds: {missing:#?}");
    }
}

/// One seed in a hundred, but some at least, runs twice.
#[test]
fn equal_seeds_give_equal_traces() {
    let from = number("PROOF_FROM", 0);
    let count = (number("PROOF_SEEDS", 12) / 100).max(3);
    for seed in (0..count).map(|index| from + index * 100) {
        let scenario = generate(seed);
        let (first, second) = (run(&scenario), run(&scenario));
        assert_eq!(first.hash, second.hash, "seed {seed} runs differently the second time");
    }
}
