//! Exhaustive single faults: every call and every write of every reference workload, with every kind of fault.

use std::sync::Arc;

use crate::campaign::{all, number};
use crate::report::Report;
use crate::run::run;
use crate::scenario::{CallFault, CallFaultKind, Scenario, WriteFault, workloads};

/// All single faults of a workload that makes so many calls and steps before the second phase.
pub(crate) fn faults(name: &str, scenario: &Scenario) -> Vec<(String, Scenario)> {
    // How many calls and steps the first phase has: a second phase of nothing but a look shows it.
    let mut plain = scenario.clone();
    plain.options.quiet_ms = 1_000;
    let end = run(&plain);
    assert!(end.violations.is_empty(), "{name} fails without a fault: {:?}", end.violations);
    let mut out = Vec::new();
    for call in 1..=end.calls {
        for kind in CallFaultKind::ALL {
            let mut faulty = scenario.clone();
            faulty.call_faults.push(CallFault { call, kind });
            out.push((format!("{name}-call-{call}-{kind:?}"), faulty));
        }
    }
    for step in 1..=end.steps {
        for power in [None, Some(step)] {
            let mut faulty = scenario.clone();
            faulty.write_faults.push(WriteFault { step, power });
            let word = if power.is_some() { "power" } else { "process" };
            out.push((format!("{name}-write-{step}-{word}"), faulty));
        }
    }
    out
}

/// PROOF_SINGLES=n runs every n-th of them; 1 is all.
#[test]
fn every_single_fault_is_survived() {
    let share = usize::try_from(number("PROOF_SINGLES", 700)).unwrap_or(1).max(1);
    let mut cases = Vec::new();
    let mut points = 0;
    for workload in workloads() {
        let all = faults(workload.name, &workload.scenario);
        points += all.len();
        println!("{}: {} single faults", workload.name, all.len());
        cases.extend(all);
    }
    // Spread over all workloads.
    let chosen: Arc<Vec<_>> = Arc::new(cases.into_iter().step_by(share).collect());
    println!("{} of {points} single faults", chosen.len());
    let mut report = Report::new("singles");
    let make = |index: usize| chosen[index].clone();
    all(chosen.len(), make, |done| report.take(done));
    report.finish().write("singles");
}
