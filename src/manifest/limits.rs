//! Numbers that stand in two places, and times that the engine cuts.

use std::time::Duration;

use crate::manifest::node::{Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::units;

/// Pairs that must agree as soon as the block on the right exists.
const PAIRS: [(&str, [&str; 3], &str); 4] = [
    ("cpus", ["resources", "limits", "cpus"], "limits"),
    ("mem_limit", ["resources", "limits", "memory"], "limits"),
    ("pids_limit", ["resources", "limits", "pids"], "limits"),
    ("mem_reservation", ["resources", "reservations", "memory"], "reservations"),
];

/// Numbers that the engine refuses beyond these ends. -1 is the kernel's own swappiness, as if nothing stood there.
const RANGES: [(&str, std::ops::RangeInclusive<i64>, &str); 2] = [
    ("oom_score_adj", -1000..=1000, "-1000 to 1000"),
    ("mem_swappiness", -1..=100, "0 to 100, or -1 for what the host has"),
];

/// Checks one service.
pub(crate) fn check(service: &Node, field: &str, report: &mut Report) {
    for (key, path, block) in PAIRS {
        let Some(own) = service.get(key) else {
            continue;
        };
        let deploy = service.get("deploy");
        if deploy.and_then(|deploy| deploy.at(&["resources", block])).is_none() {
            continue;
        }
        let other = deploy.and_then(|deploy| deploy.at(&path));
        if other.map(|node| number(&node.value)) != Some(number(&own.value)) {
            let dotted = format!("deploy.{}", path.join("."));
            let finding = Finding::error(
                "distinct-values",
                &format!("{field}.{key}"),
                format!("{key} and {dotted} differ"),
            )
            .at(own.place)
            .help(format!("write the same value in both places, or remove {key}"));
            report.add(match other {
                Some(other) => finding.related(other.place, "the other value"),
                None => finding,
            });
        }
    }
    for (key, range, help) in RANGES {
        let Some(node) = service.get(key) else {
            continue;
        };
        if !range.contains(&node.as_int().unwrap_or(0)) {
            let path = format!("{field}.{key}");
            let finding = Finding::error("wrong-kind", &path, format!("{path} is out of range"));
            report.add(finding.at(node.place).help(help));
        }
    }
    replicas(service, field, report);
    grace(service, field, report);
}

fn number(value: &Value) -> f64 {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "both sides are cut alike")]
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => f64::NAN,
    }
}

fn replicas(service: &Node, field: &str, report: &mut Report) {
    let scale = service.get("scale");
    let replicas = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    if let (Some(scale), Some(replicas)) = (scale, replicas)
        && scale.as_int() != replicas.as_int()
    {
        report.add(
            Finding::error(
                "distinct-values",
                &format!("{field}.scale"),
                "scale and deploy.replicas differ",
            )
            .at(scale.place)
            .help("write the same number in both places, or remove one")
            .related(replicas.place, "the other number"),
        );
    }
    let Some(count) = scale.or(replicas) else {
        return;
    };
    let number = count.as_int().unwrap_or(1);
    if !(0..=1000).contains(&number) {
        report.add(
            Finding::error("replicas", field, "this number of replicas is not possible")
                .at(count.place)
                .help("0 to 1000"),
        );
    }
    if let Some(name) = service.get("container_name").filter(|_| number > 1) {
        report.add(
            Finding::error(
                "container-name",
                &format!("{field}.container_name"),
                "several replicas cannot share one container_name",
            )
            .at(name.place)
            .help("remove container_name; they are then called <project>-<service>-<n>")
            .related(count.place, "the number of replicas"),
        );
    }
}

fn grace(service: &Node, field: &str, report: &mut Report) {
    let Some(node) = service.get("stop_grace_period") else {
        return;
    };
    let time = node.as_text().and_then(units::duration).unwrap_or_default();
    if time > Duration::ZERO && time < Duration::from_secs(1) {
        report.add(
            Finding::warning(
                "short-grace",
                &format!("{field}.stop_grace_period"),
                "the engine knows whole seconds only: this becomes 0, which kills at once",
            )
            .at(node.place)
            .help("write 1s or more"),
        );
    }
}
