//! Verdicts of host probes, as the scripts write them: by container, by probe, `passing`, or `failing` or `pending` with
//! the last error behind a colon.

use std::collections::BTreeMap;

use composelet::model::host_probe::ProbeKind;
use composelet::model::observed::Lifecycle;
use composelet::model::verdict::{Asker, ProbeState, ProbeVerdict, RunVerdict};

use super::sim::Sim;

/// By container, by probe.
pub(crate) type ProbeChange = BTreeMap<String, BTreeMap<String, String>>;

/// Lays them down as verdicts on the present runs.
pub(crate) fn apply(sim: &mut Sim, probes: &ProbeChange, elsewhere: bool) {
    if elsewhere {
        sim.verdicts.asker = Asker::Elsewhere;
    }
    for (name, verdicts) in probes {
        let mut all = sim.engine.observed.containers.iter();
        let one = all.find(|one| one.name.as_str() == name).expect("no such container");
        let Lifecycle::Running { started_at: run } = one.lifecycle else {
            panic!("{name} does not run");
        };
        let known = sim.verdicts.runs.entry(one.id.clone()).or_default();
        if known.run != run {
            *known = RunVerdict { run, ..RunVerdict::default() };
        }
        for (kind, text) in verdicts {
            let kinds = ProbeKind::ALL.into_iter();
            let kind =
                kinds.into_iter().find(|one| one.to_string() == *kind).expect("no such probe");
            known.probes.insert(kind, verdict(text));
        }
    }
}

fn verdict(text: &str) -> ProbeVerdict {
    let (word, error) = text.split_once(": ").unwrap_or((text, ""));
    let state = match word {
        "passing" => ProbeState::Passing,
        "pending" => ProbeState::Pending,
        "failing" => ProbeState::Failing { streak: 3 },
        _ => panic!("not a verdict: {text}"),
    };
    ProbeVerdict { state, error: error.to_owned() }
}
