//! Smaller scenarios out of one that fails.

use super::model::Scenario;
use super::service::Tag;

/// How large a scenario is; shrinking makes this less.
pub(crate) fn cost(scenario: &Scenario) -> usize {
    let services = scenario.apps.iter().flat_map(|app| &app.services);
    let inside: usize = services
        .map(|it| {
            3 + it.fields.len()
                + usize::from(it.port.is_some())
                + usize::from(it.volume)
                + usize::from(it.edge)
                + usize::from(it.health.is_some())
                + it.after.len()
                + usize::from(it.update.is_some())
                + usize::from(it.schedule.is_some())
                + usize::from(it.image != Tag::Plain)
                + usize::try_from(it.replicas).unwrap_or(0)
        })
        .sum();
    scenario.apps.len() * 10
        + inside
        + (scenario.litter.len() + scenario.steps.len() + scenario.call_faults.len()) * 4
        + (scenario.event_faults.len() + scenario.write_faults.len()) * 4
        + usize::from(scenario.options.latency)
        + usize::from(scenario.options.hints)
        + usize::from(scenario.options.lost_hints > 0)
        + usize::try_from(scenario.options.chaos_ms / 20_000).unwrap_or(0)
        + usize::try_from(scenario.options.quiet_ms / 75_000).unwrap_or(0)
}

/// Scenarios that are a little smaller, the boldest first.
pub(crate) fn smaller(scenario: &Scenario) -> Vec<Scenario> {
    let mut out = Vec::new();
    let mut with = |change: &dyn Fn(&mut Scenario)| {
        let mut next = scenario.clone();
        change(&mut next);
        if cost(&next) < cost(scenario) {
            out.push(next);
        }
    };
    for part in [2, 4, 8, 16] {
        halves(scenario.steps.len(), part, |from, to| with(&|it| drop(it.steps.drain(from..to))));
        halves(scenario.call_faults.len(), part, |from, to| {
            with(&|it| drop(it.call_faults.drain(from..to)));
        });
    }
    with(&|it| it.event_faults.clear());
    with(&|it| it.write_faults.clear());
    with(&|it| it.litter.clear());
    for index in 0..scenario.apps.len() {
        if scenario.apps.len() > 1 {
            with(&|it| drop(it.apps.remove(index)));
        }
    }
    for index in 0..scenario.steps.len() {
        with(&|it| drop(it.steps.remove(index)));
    }
    for index in 0..scenario.call_faults.len() {
        with(&|it| {
            it.call_faults.remove(index);
        });
    }
    for number in scenario.event_faults.keys() {
        with(&|it| it.event_faults.retain(|one, _| one != number));
    }
    for index in 0..scenario.write_faults.len() {
        with(&|it| {
            it.write_faults.remove(index);
        });
    }
    for index in 0..scenario.litter.len() {
        with(&|it| drop(it.litter.remove(index)));
    }
    with(&|it| it.options.latency = false);
    with(&|it| it.options.hints = false);
    with(&|it| it.options.lost_hints = 0);
    with(&|it| it.options.quiet_ms = 75_000);
    with(&|it| it.options.chaos_ms /= 2);
    with(&|it| it.options.chaos_ms = it.options.chaos_ms.saturating_sub(20_000));
    inside(scenario, &mut with);
    out
}

fn halves(length: usize, parts: usize, mut drop: impl FnMut(usize, usize)) {
    let size = length.div_ceil(parts);
    if size < 2 {
        return;
    }
    let mut from = 0;
    while from < length {
        drop(from, (from + size).min(length));
        from += size;
    }
}

/// A change that makes a scenario smaller.
type Change<'c> = &'c dyn Fn(&mut Scenario);

/// Services become simpler.
fn inside(scenario: &Scenario, with: &mut dyn FnMut(Change<'_>)) {
    for (at, app) in scenario.apps.iter().enumerate() {
        for (index, service) in app.services.iter().enumerate() {
            if app.services.len() > 1 {
                with(&|it| {
                    it.apps[at].services.remove(index);
                    for other in &mut it.apps[at].services {
                        other.after.retain(|one| *one != service.name);
                    }
                });
            }
            with(&|it| it.apps[at].services[index].fields.clear());
            for name in service.fields.keys() {
                with(&|it| it.apps[at].services[index].fields.retain(|one, _| one != name));
            }
            with(&|it| it.apps[at].services[index].port = None);
            with(&|it| it.apps[at].services[index].volume = false);
            with(&|it| it.apps[at].services[index].edge = false);
            with(&|it| it.apps[at].services[index].health = None);
            with(&|it| it.apps[at].services[index].after.clear());
            with(&|it| it.apps[at].services[index].update = None);
            with(&|it| it.apps[at].services[index].schedule = None);
            with(&|it| it.apps[at].services[index].image = Tag::Plain);
            with(&|it| it.apps[at].services[index].replicas = 1);
        }
    }
}
