//! Planted bugs: every one of `src/planted.rs` must be found. Needs the feature `planted-bugs`.

#[cfg(feature = "planted-bugs")]
mod found {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::campaign::{number, stopwatch};
    use crate::report::directory;
    use crate::run::{broken, run};
    use crate::scenario::{Scenario, generate, workloads};

    /// All of them, with what they do.
    const BUGS: &[(&str, &str)] = &[
        ("strangers-are-ours", "containers of another installation are taken for ours"),
        ("one-offs-are-ours", "containers of `docker compose run` are taken for ours"),
        ("no-crash-back-off", "a crashing container is started again at once"),
        ("paused-is-fine", "a paused container is left"),
        ("guard-asleep", "a mass removal needs no confirmation"),
        ("unreadable-is-empty", "a directory that cannot be read counts as empty"),
        ("cache-for-ever", "an inspection is never looked at again"),
        ("no-relist", "only events wake a project"),
        ("deaf-to-sigterm", "SIGTERM is not heard"),
        ("start-beside", "a successor is started while its predecessor runs"),
        ("no-stop-before-removal", "a running container is removed without a stop"),
        ("volumes-go-along", "a removal takes anonymous volumes along"),
        ("limits-are-forgotten", "a changed limit is not updated"),
        ("name-not-given-back", "a wrong name stays"),
        ("dead-is-left", "a failed removal is not tried again"),
        ("orphans-stay", "containers of a service that went stay"),
        ("two-act", "the lock per engine locks nobody out"),
        ("ledger-unsaved", "the memory of a project is never written"),
        ("generation-falls", "the counter of versions goes back and forth"),
        ("call-back-off-stays-short", "a failing call is tried again too soon"),
        ("networks-stay", "networks that nobody needs stay"),
        ("secrets-are-shown", "a changed secret shows in the plan"),
        ("new-image-unseen", "a moved tag recreates nothing"),
        ("unhealthy-is-fine", "an unhealthy container is left"),
        ("detached-stays", "networks of a running container are not put right"),
        ("policy-is-forgotten", "a changed restart policy is not updated"),
        ("surplus-stays", "replicas beyond the declared number stay"),
        ("hints-only", "the directory is read at hints only"),
        ("broken-is-gone", "a file that does not load counts as gone"),
        ("never-synced", "the state directory is never synced"),
        ("no-deadlines", "a call may take ten days"),
        ("drift-is-left", "what only another container can have recreates nothing"),
        ("ready-anyway", "Ready is shown while replicas are missing"),
        ("not-by-id", "a removal names the container by the beginning of its id"),
        ("no-turns", "all replicas are replaced at once"),
        ("not-waited-for", "the next turn comes before the one before is available"),
        ("held-at-once", "a version counts as stable before it has held"),
        ("back-to-anything", "a rollback goes to the version before, whatever became of it"),
        ("rejection-is-forgotten", "a new controller tries again what was rejected"),
        ("runs-side-by-side", "a run begins beside the one before, which forbids it"),
        ("due-again", "a due time counts again once its run is over"),
        ("missed-is-missed", "a due time that was missed is not caught up"),
    ];

    /// The first failing run and how many were needed.
    fn hunt(bug: &'static str, budget: u64) -> Option<(u64, String)> {
        composelet::planted::wake(Some(bug));
        let stories = workloads().into_iter().map(|one| (one.name.to_owned(), one.scenario));
        let seeds = (0..budget).map(|seed| (format!("seed {seed}"), generate(seed)));
        let all: Box<dyn Iterator<Item = (String, Scenario)>> = Box::new(stories.chain(seeds));
        let mut found = None;
        for (runs, (label, scenario)) in (1..).zip(all) {
            let outcome = run(&scenario);
            if !outcome.violations.is_empty() {
                found = Some((runs, format!("{:?} in {label}", broken(&outcome))));
                break;
            }
        }
        composelet::planted::wake(None);
        found
    }

    /// PROOF_PLANTED=n gives each bug the reference workloads and n seeds; without it nothing is run.
    #[test]
    fn every_planted_bug_is_found() {
        let budget = number("PROOF_PLANTED", 0);
        if budget == 0 {
            println!("no hunt asked for: PROOF_PLANTED=n");
            return;
        }
        let (next, ends) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let watch = stopwatch();
        std::thread::scope(|scope| {
            for thread in 0..number("PROOF_THREADS", 2) {
                let work = || {
                    while let Some((bug, _)) = BUGS.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let end = hunt(bug, budget);
                        println!("{bug}: {end:?}");
                        ends.lock().unwrap().insert(*bug, end);
                    }
                };
                let builder = std::thread::Builder::new().name(format!("seeds-{thread}"));
                builder.spawn_scoped(scope, work).unwrap();
            }
        });
        let ends = ends.into_inner().unwrap();
        let missed: Vec<_> =
            ends.iter().filter(|(_, end)| end.is_none()).map(|(bug, _)| *bug).collect();
        println!(
            "{} of {} planted bugs found in {:?}",
            ends.len() - missed.len(),
            ends.len(),
            watch()
        );
        let rows: BTreeMap<_, _> = ends.iter().collect();
        let text = serde_json::to_string_pretty(&rows).unwrap();
        std::fs::write(directory().join("planted.json"), text).unwrap();
        assert!(missed.is_empty(), "not found within {budget} seeds: {missed:?}");
    }

    /// Whoever plants one lists it here, and whoever digs one up takes it out.
    #[test]
    fn the_list_is_that_of_the_source() {
        let mut planted = std::collections::BTreeSet::new();
        let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if !path.ends_with("planted.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let places = text.split("planted!(").skip(1);
                    planted.extend(places.filter_map(|it| Some(it.split('"').nth(1)?.to_owned())));
                }
            }
        }
        let listed = BUGS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(planted, listed);
    }
}
