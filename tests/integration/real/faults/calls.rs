//! The controller killed before and after every call that changes something: the same end, by the same effects.

use rustix::process::Signal;
use serde_json::json;

use crate::fault_proxy::{Fault, Moment, Proxy, Rule};
use crate::real::faults::point::{Dice, Share};
use crate::real::faults::workload::{ALL, Outcome, Workload};
use crate::support_real::host::Host;
use crate::support_real::results::record;
use crate::support_real::wait::{eventually, hold};

/// Points of a run that asks for no number.
const QUICK: usize = 5;

/// A host whose controllers reach the engine through a proxy.
pub(super) fn proxied() -> (Host, Proxy) {
    let mut host = Host::new();
    let proxy = Proxy::start(&host.aside().join("proxy.sock"), host.engine.socket());
    host.address = Some(proxy.address());
    (host, proxy)
}

/// Runs a workload; with a point, the controller is killed there, and another one goes on. Gives the outcome and the number
/// of changing calls, or nothing if the point did not come.
async fn run(workload: &Workload, point: Option<(Moment, usize)>) -> Option<(Outcome, usize)> {
    let (mut host, proxy) = proxied();
    let project = host.project("p");
    workload.prepare(&mut host, &project).await;
    let (mark, before) = (host.events.mark().await, proxy.changes().len());
    if let Some((moment, n)) = point {
        proxy.rule(Rule::on_change(Fault::Signal(moment, Signal::KILL)).nth(n));
    }
    workload.change(&host, &project);
    if point.is_some() {
        let killed = workload.cut_off(&mut host, &project, mark).await;
        if !killed {
            return None;
        }
        host.kill();
        proxy.heal();
        // A network that the dead one asked for may come when the next one has looked: two of them, one to be removed.
        eventually("the engine has done what it was told", || {
            hold(proxy.answered(), || format!("{:#?}", proxy.lines()))
        })
        .await;
        host.start();
    }
    workload.end(&host, &project, mark).await;
    let calls = proxy.changes().len() - before;
    let outcome = workload.outcome(&host, &project, mark).await;
    // Converged means silent.
    let count = proxy.changes().len();
    if !outcome.objects["containers"].is_empty() {
        host.pass();
        let now = proxy.lines();
        assert_eq!(proxy.changes().len(), count, "{point:?} of {}: {now:#?}", workload.name);
    }
    Some((outcome, calls))
}

/// What a point must give: the same objects; and nothing made or destroyed more often than without the crash.
fn judge(workload: &Workload, point: (Moment, usize), expected: &Outcome, found: &Outcome) {
    assert_eq!(found.objects, expected.objects, "{} killed {point:?}", workload.name);
    assert_eq!(found.effects, expected.effects, "{} killed {point:?}", workload.name);
}

#[tokio::test]
async fn killed_at_any_call_the_next_controller_ends_in_the_same_state() {
    let share = Share::asked(QUICK);
    let mut dice = Dice::seeded("crash points at calls");
    let chosen: Vec<&Workload> = match (share, std::env::var("CRASH_WORKLOAD")) {
        (_, Ok(name)) => ALL.iter().filter(|one| one.name == name).collect(),
        (Share::All, _) => ALL.iter().collect(),
        (Share::Some(_), _) => {
            let first = dice.below(ALL.len());
            let second = first + 1 + dice.below(ALL.len() - 1);
            vec![&ALL[first], &ALL[second % ALL.len()]]
        }
    };
    let mut tried = 0;
    for workload in &chosen {
        let mut passed = 0;
        let (expected, calls) = run(workload, None).await.unwrap();
        let all = (1..=calls).flat_map(|n| [(Moment::Before, n), (Moment::After, n)]);
        let points: Vec<_> = match share {
            Share::All => all.collect(),
            Share::Some(points) => {
                let all: Vec<_> = all.collect();
                let each = points.div_ceil(chosen.len());
                (0..each).map(|_| all[dice.below(all.len())]).collect()
            }
        };
        eprintln!("{}: {calls} changing calls, tried: {points:?}", workload.name);
        for point in points {
            // Calls that run side by side may be fewer in another run.
            if let Some((found, _)) = run(workload, Some(point)).await {
                judge(workload, point, &expected, &found);
                passed += 1;
            }
        }
        let (name, of) = (workload.name, 2 * calls);
        record(
            "crash-points",
            &json!({ "at": "calls", "workload": name, "passed": passed, "of": of }),
        );
        tried += passed;
    }
    assert!(tried > 0, "no point came");
    eprintln!("{tried} crash points at calls passed");
}

/// Points that found something once: a removed project's container made again, and a restart for a changed file that was
/// taken for done when it was only begun.
#[tokio::test]
async fn points_that_found_something_stay_mended() {
    for (name, point) in [("remove", (Moment::Before, 3)), ("config", (Moment::Before, 1))] {
        let workload = ALL.iter().find(|one| one.name == name).unwrap();
        let (expected, _) = run(workload, None).await.unwrap();
        let (found, _) = run(workload, Some(point)).await.expect("the point comes");
        judge(workload, point, &expected, &found);
    }
}
