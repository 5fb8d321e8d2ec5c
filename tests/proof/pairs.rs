//! Pairs of faults over the smallest workloads: PROOF_PAIRS=n runs so many, spread evenly.

use crate::campaign::{all, number};
use crate::report::Report;
use crate::scenario::workloads;
use crate::singles::faults;

/// Workloads whose pairs are run.
const SMALLEST: usize = 2;

#[test]
fn pairs_of_faults_are_survived() {
    let wanted = usize::try_from(number("PROOF_PAIRS", 0)).unwrap_or(0);
    if wanted == 0 {
        println!("no pairs asked for: PROOF_PAIRS=n");
        return;
    }
    let mut report = Report::new("pairs");
    for workload in workloads().into_iter().take(SMALLEST) {
        let singles = faults(workload.name, &workload.scenario);
        let count = singles.len() * singles.len().saturating_sub(1) / 2;
        let stride = (count * SMALLEST / wanted).max(1);
        println!("{}: every {stride}. of {count} pairs", workload.name);
        let make = |index: usize| {
            let (first, second) = pair(index * stride);
            let (name, mut scenario) = singles[first].clone();
            let (other, extra) = &singles[second];
            scenario.call_faults.extend(extra.call_faults.iter().cloned());
            scenario.write_faults.extend(extra.write_faults.iter().copied());
            (format!("{name}+{other}"), scenario)
        };
        all(count / stride, make, |done| report.take(done));
    }
    report.finish().write("pairs");
}

/// The pair with this number, first above second: (1, 0), (2, 0), (2, 1), (3, 0) …
fn pair(number: usize) -> (usize, usize) {
    let mut first = 1;
    let mut rest = number;
    while rest >= first {
        rest -= first;
        first += 1;
    }
    (first, rest)
}

#[test]
fn every_pair_has_its_number() {
    assert_eq!(
        (0..6).map(pair).collect::<Vec<_>>(),
        [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    );
}
