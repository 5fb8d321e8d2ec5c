//! Killed at any point of its work, the next controller gets to the same end.

use std::collections::BTreeMap;
use std::fs;

use crate::real::faults::point::Dice;
use crate::real::text::{SLEEP, file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

const KILLS: usize = 10;

fn manifest() -> String {
    let wait = "depends_on: [db]";
    let text = file(&[
        service("app", SLEEP, &[wait, "scale: 2", "networks: [front, back]"]),
        service("db", SLEEP, &["networks: [back]", "volumes: [\"data:/data\"]"]),
        service("web", SLEEP, &["depends_on: [app]", "networks: [front]"]),
    ]);
    format!("{text}networks: {{ front: {{}}, back: {{}} }}\nvolumes: {{ data: {{}} }}\n")
}

/// Names of everything there is, without the part that differs between projects.
fn end_state(host: &Host, project: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut containers: Vec<String> = Vec::new();
    for container in host.engine.containers_of(project) {
        let networks = container.networks().join(",");
        containers.push(format!("{} {} {networks}", container.name(), container.state()));
    }
    let named = |path: &str, key: &str| {
        let list = host.engine.get(path);
        let items = list.get(key).unwrap_or(&list).as_array().cloned().unwrap_or_default();
        let names = items.iter().filter_map(|item| item["Name"].as_str()).map(str::to_owned);
        names.filter(|name| name.starts_with(project)).collect::<Vec<_>>()
    };
    let mut state = BTreeMap::from([
        ("containers", containers),
        ("networks", named("/networks", "-")),
        ("volumes", named("/volumes", "Volumes")),
    ]);
    for names in state.values_mut() {
        for name in names.iter_mut() {
            *name = name.replace(project, "P");
        }
        names.sort();
    }
    state
}

/// The points are numbers of events after which it is killed; a failed run prints them.
#[tokio::test]
async fn kill_9_during_the_first_convergence_gives_the_same_end_state() {
    let mut host = Host::new();
    let reference = host.project("k");
    host.write(&reference, &manifest());
    host.start();
    host.ready(&reference).await;
    let expected = end_state(&host, &reference);
    assert_eq!(expected["containers"].len(), 4, "{expected:#?}");
    let all = host.events.since(0).await.len();
    host.kill();

    let mut dice = Dice::seeded("crash points of the first convergence");
    let points: Vec<usize> = (0..KILLS).map(|_| dice.below(all)).collect();
    eprintln!("killed after these numbers of events, of {all}: {points:?}");
    for (n, point) in points.iter().enumerate() {
        let project = host.project(&format!("k{n}"));
        host.write(&project, &manifest());
        let mark = host.events.count();
        host.start();
        eventually(&format!("{point} events"), || {
            let seen = host.events.count() - mark;
            hold(seen >= *point, || format!("{seen} events"))
        })
        .await;
        host.kill();
        host.start();
        host.ready(&project).await;
        host.pass();
        assert_eq!(end_state(&host, &project), expected, "killed after {point} of {all} events");
        host.kill();
        host.start();
        host.ready(&project).await;
        let calls = host.fresh().await.mutating_calls;
        assert_eq!(calls, 0, "nothing is left to do, killed after {point} of {all} events");
        host.kill();
        // An engine has addresses for about thirty networks, and this test is not alone on it.
        host.forget(&project).await;
        // The next controller would look for it twice, and count its end among the calls of the next point.
        fs::remove_dir_all(host.state()).unwrap();
    }
}

/// The same in the middle of a replacement: one container of the new version, none of the old, no temporary name.
#[tokio::test]
async fn kill_9_during_a_replacement_leaves_one_container() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("web", SLEEP, &["environment: { N: 'a' }"])]));
    host.start();
    host.ready(&shop).await;
    for (point, value) in (1..=6).zip('b'..) {
        let mark = host.events.mark().await;
        let text = file(&[service("web", SLEEP, &[&format!("environment: {{ N: '{value}' }}")])]);
        host.write(&shop, &text);
        eventually(&format!("{point} events"), || {
            let seen = host.events.count() - mark;
            hold(seen >= point, || format!("{seen} events"))
        })
        .await;
        host.kill();
        host.start();
        let wanted = format!("N={value}");
        eventually(&format!("one container with {wanted}"), || {
            let web = host.only(&shop, "web")?;
            let right = web.runs() && web.environment().contains(&wanted.as_str());
            hold(right && web.name() == format!("{shop}-web-1"), || web.line())
        })
        .await;
        host.ready(&shop).await;
    }
}
