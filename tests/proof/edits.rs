//! Every attribute changed alone: set, changed, changed back, taken away.

use std::collections::BTreeMap;

use crate::campaign::all;
use crate::report::Report;
use crate::scenario::{App, FIELDS, Operation, Options, Scenario, Service, Step};

/// What one attribute is in turn; each ends a scenario of its own, so that every state is judged when it has settled.
fn walks(values: usize) -> Vec<Vec<Option<usize>>> {
    let last = values - 1;
    vec![
        vec![Some(0)],
        vec![Some(0), Some(last), Some(0)],
        vec![Some(0), None],
        vec![Some(0), None, Some(last)],
    ]
}

fn scenario(name: &str, walk: &[Option<usize>]) -> Scenario {
    let web = Service { name: "web".to_owned(), replicas: 2, ..Service::default() };
    let app = App { name: "shop".to_owned(), services: vec![web], broken: false };
    let steps: Vec<Step> = (1..)
        .zip(walk)
        .map(|(number, value)| {
            let fields = BTreeMap::from([(name.to_owned(), *value)]);
            let (app, service) = ("shop".to_owned(), "web".to_owned());
            Step { at_ms: number * 15_000, operation: Operation::Edit { app, service, fields } }
        })
        .collect();
    let chaos_ms = 15_000 * (u64::try_from(steps.len()).unwrap_or(0) + 1);
    let options = Options { chaos_ms, quiet_ms: 45_000, ..Options::default() };
    Scenario { apps: vec![app], steps, options, ..Scenario::default() }
}

#[test]
fn every_attribute_is_changed_alone_and_back() {
    let mut cases = Vec::new();
    for field in FIELDS {
        for walk in walks(field.values.len()) {
            let label = format!("{} {walk:?}", field.name);
            cases.push((label, scenario(field.name, &walk)));
        }
    }
    let mut report = Report::new("edits");
    all(cases.len(), |index| cases[index].clone(), |done| report.take(done));
    report.finish();
}
