//! What to do with a run that failed: make it smaller, write it down, say how to replay it.

use std::fs;
use std::time::Duration;

use crate::campaign::{Done, number, stopwatch};
use crate::report::directory;
use crate::run::{Outcome, broken, run};
use crate::scenario::{Scenario, smaller};

/// The smallest scenario found within the time that breaks the same invariant.
pub(crate) fn shrink(
    scenario: &Scenario,
    outcome: &Outcome,
    most: Duration,
) -> (Scenario, Outcome) {
    let wanted = outcome.violations.first().map(|it| it.invariant);
    let watch = stopwatch();
    let (mut best, mut end) = (scenario.clone(), outcome.clone());
    'again: loop {
        for next in smaller(&best) {
            if watch() > most {
                break 'again;
            }
            let outcome = run(&next);
            if wanted.is_some_and(|wanted| broken(&outcome).contains(wanted)) {
                (best, end) = (next, outcome);
                continue 'again;
            }
        }
        break;
    }
    (best, end)
}

/// Shrinks a failure, writes it below `target/proof/failures` and gives the text for people.
pub(crate) fn tell(done: Done) -> String {
    let most = Duration::from_secs(number("PROOF_SHRINK_SECONDS", 10));
    // Panics of runs are noted in threads of this name only.
    let work = move || {
        let (scenario, outcome) = shrink(&done.scenario, &done.outcome, most);
        (done, scenario, outcome)
    };
    let thread = std::thread::Builder::new().name("seeds-shrink".to_owned());
    let (done, scenario, outcome) = thread.spawn(work).expect("a thread").join().expect("it ends");
    let label: String =
        done.label.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect();
    let folder = directory().join("failures");
    fs::create_dir_all(&folder).expect("a folder below target/proof can be made");
    let path = folder.join(format!("{label}.json"));
    let text = serde_json::to_string_pretty(&scenario).expect("a scenario is plain data");
    fs::write(&path, text + "\n").expect("a file below target/proof can be made");
    let violations: Vec<String> = outcome
        .violations
        .iter()
        .take(5)
        .map(|it| format!("  {} at {:?}: {}", it.invariant, it.at, it.text))
        .collect();
    format!(
        "== {} features {:?}\n{}\n  trace {}\n  replay: PROOF_REPLAY={} cargo test --profile proof --test proof replay -- --nocapture",
        done.label,
        done.scenario.features,
        violations.join("\n"),
        outcome.hash,
        path.display(),
    )
}
