//! Generated files against the command line.
//!
//! ORACLE_FILES says how many (`all`: every unit once, every wrong value, and as many combinations), ORACLE_SEED which.

use crate::compose_oracle::cli::Cli;
use crate::compose_oracle::compare::{Difference, differences, each};
use crate::compose_oracle::generate::{Pack, Random, UNITS, Unit, combined, join, units, wrong};
use crate::compose_oracle::known::{self, Known};

/// Files of a run that nobody asked more of.
const FILES: usize = 60;
/// The seed of such a run.
const SEED: u64 = 20_261_122;

/// The files of a seed: of ten, seven with many units, two with combinations, one with a wrong value.
fn files(seed: u64, count: Option<usize>) -> Vec<Pack> {
    let mut random = Random(seed);
    let all = units();
    let mut shuffled = all.clone();
    random.shuffle(&mut shuffled);
    let packs = shuffled.chunks(UNITS);
    let mut packs: Vec<Pack> =
        packs.map(|units| Pack { units: units.to_vec(), join: join(&mut random) }).collect();
    let mut wrong = wrong();
    random.shuffle(&mut wrong);
    let combinations = count.unwrap_or(packs.len());
    let mut combined: Vec<Pack> = (0..combinations).map(|_| combined(&mut random, &all)).collect();
    if let Some(count) = count {
        combined.truncate(count / 5);
        wrong.truncate(count / 10);
        packs.truncate(count - combined.len() - wrong.len());
    }
    packs.into_iter().chain(combined).chain(wrong).collect()
}

/// What is not explained, with the smallest file that shows it.
fn look(cli: &Cli, pack: &Pack) -> Vec<(Pack, Vec<Difference>)> {
    let found = differences(cli, &pack.case());
    if found.is_empty() {
        return Vec::new();
    }
    if pack.units.len() > 1 {
        let (left, right) = pack.units.split_at(pack.units.len() / 2);
        let mut parts: Vec<_> = [left, right]
            .into_iter()
            .flat_map(|units| look(cli, &Pack { units: units.to_vec(), join: pack.join }))
            .collect();
        if parts.is_empty() {
            // Only together they differ.
            parts.push((pack.clone(), found));
        }
        return parts;
    }
    vec![reduce(cli, pack, found)]
}

/// Drops keys while a difference stays.
fn reduce(cli: &Cli, pack: &Pack, mut found: Vec<Difference>) -> (Pack, Vec<Difference>) {
    let mut pack = pack.clone();
    let keys = |unit: &Unit| unit.base.len() + unit.over.len();
    let mut index = 0;
    while index < keys(&pack.units[0]) && keys(&pack.units[0]) > 1 {
        let mut less = pack.clone();
        let unit = &mut less.units[0];
        if index < unit.base.len() {
            unit.base.remove(index);
        } else {
            unit.over.remove(index - unit.base.len());
        }
        let still = differences(cli, &less.case());
        if still.is_empty() {
            index += 1;
        } else {
            (pack, found) = (less, still);
        }
    }
    (pack, found)
}

fn tell(known: &[Known], pack: &Pack, found: &[Difference]) -> Option<String> {
    let names: Vec<String> = pack.units.iter().map(Unit::name).collect();
    let name = format!("{} ({:?})", names.join(" | "), pack.join);
    let left = known::unexplained(known, &name, found);
    (!left.is_empty()).then(|| left.join("\n"))
}

#[test]
fn generated_files_mean_the_same_to_the_command_line() {
    let cli = Cli::find();
    let known = known::of("");
    let number = |name: &str| std::env::var(name).ok();
    let seed = number("ORACLE_SEED").and_then(|text| text.parse().ok()).unwrap_or(SEED);
    let count = match number("ORACLE_FILES").as_deref() {
        Some("all") => None,
        other => Some(other.and_then(|text| text.parse().ok()).unwrap_or(FILES)),
    };
    let files = files(seed, count);
    let found = each(&files, |pack| look(&cli, pack));
    let wrong: Vec<String> =
        found.iter().flatten().filter_map(|(pack, found)| tell(&known, pack, found)).collect();
    assert!(
        wrong.is_empty(),
        "ORACLE_SEED={seed}: {} differences in {} generated files:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}
