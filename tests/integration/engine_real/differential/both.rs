//! The comparison itself. `DIFFERENTIAL_SEQUENCES` says how many sequences, `DIFFERENTIAL_SEED` where they begin.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use serde_json::json;

use super::known::is_known;
use super::mutants::Mutant;
use super::real_side::replay;
use super::sequence::{Names, Op, sequence};
use super::sim_side::simulate;
use crate::support_real::engine::Engine;
use crate::support_real::results::record;

/// Sequences of a run that asks for no number.
const QUICK: u64 = 12;
/// Where they begin.
const SEED: u64 = 1;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

fn names() -> Names {
    let random = RandomState::new().hash_one("differential");
    Names(format!("dt-{:08x}", random & 0xffff_ffff))
}

#[tokio::test]
async fn random_sequences_mean_the_same_to_both() {
    let (first, count) =
        (number("DIFFERENTIAL_SEED", SEED), number("DIFFERENTIAL_SEQUENCES", QUICK));
    let (mut calls, mut different, mut wrong) = (0, 0, String::new());
    for seed in first..first + count {
        let (sequence, names) = (sequence(seed), names());
        calls += sequence.len();
        // The simulated engine has a runtime of its own, whose clock is paused.
        let simulated = || simulate(&sequence, &names, None);
        let expected = std::thread::scope(|scope| scope.spawn(simulated).join().unwrap());
        let Some(broken) = replay(&sequence, &names, &expected).await else { continue };
        different += 1;
        writeln!(wrong, "DIFFERENTIAL_SEED={seed}").unwrap();
        for op in &sequence[..=broken.at] {
            writeln!(wrong, "  {op}").unwrap();
        }
        for one in broken.differences {
            writeln!(wrong, "    {}: simulated {}, real {}", one.path, one.simulated, one.real)
                .unwrap();
        }
    }
    eprintln!("{count} sequences, {calls} calls");
    let engine = Engine::connect().get("/version")["Version"].clone();
    record(
        "differential",
        &json!({ "engine": engine, "first_seed": first, "sequences": count, "calls": calls, "different": different }),
    );
    assert!(wrong.is_empty(), "the engines differ:\n{wrong}");
}

/// The real engine is not asked: what a mutant changes in the picture of the simulated engine would be a difference.
#[test]
fn every_mutant_of_the_simulation_is_found() {
    let names = names();
    let sequences: Vec<Vec<Op>> = (1..=40).map(sequence).collect();
    let right: Vec<_> = sequences.iter().map(|one| simulate(one, &names, None)).collect();
    for mutant in Mutant::ALL {
        let found = sequences.iter().zip(&right).any(|(sequence, right)| {
            let wrong = simulate(sequence, &names, Some(mutant));
            let steps = sequence.iter().zip(right.iter().zip(&wrong));
            let mut differences = steps.flat_map(|(op, (a, b))| {
                a.differences(b).into_iter().filter(move |one| !is_known(one, op, u32::MAX))
            });
            differences.next().is_some()
        });
        assert!(found, "{mutant:?} is not found by 40 sequences");
    }
}
