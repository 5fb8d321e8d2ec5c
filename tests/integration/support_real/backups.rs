//! Backups of a project, as a person sees them.

use composelet::model::status::{ConditionKind, Truth};
use serde_json::Value;

use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::condition;
use crate::support_real::wait::{eventually, hold};

/// Every set of a project, oldest first, as `backup list` has them.
pub(crate) fn sets(host: &Host, project: &str) -> Vec<Value> {
    let text = host.expect(&["backup", "list", project, "-o", "json"]);
    serde_json::from_str(&text).unwrap()
}

/// Ids of those that count.
pub(crate) fn good(host: &Host, project: &str) -> Vec<String> {
    let good = sets(host, project).into_iter().filter(|set| set["end"] == "good");
    good.map(|set| set["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the condition `BackedUp` is so, and gives its message.
pub(crate) async fn backed_up(host: &Host, project: &str, wanted: Truth, reason: &str) -> String {
    let mut message = String::new();
    eventually("the condition BackedUp", || {
        let found = condition(&host.status(project)?, ConditionKind::BackedUp)?;
        message.clone_from(&found.message);
        let holds = found.status == wanted && found.reason == reason;
        hold(holds, || format!("{:?} {}: {}", found.status, found.reason, found.message))
    })
    .await;
    message
}

/// Backs a system up as one set and restores every part of it into a throw-away container: each of these services is proven,
/// the copies are gone, and what runs was not touched.
pub(crate) fn every_backup_is_proven(host: &Host, project: &str, services: &[&str]) {
    let running = |host: &Host| -> Vec<String> {
        host.engine.containers_of(project).iter().map(Container::line).collect()
    };
    let before = running(host);
    host.expect(&["backup", "create", project]);
    let run = host.run(&["backup", "drill", project, "--timeout", "120s", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let said: Value = serde_json::from_str(&run.out).unwrap();
    let rows = said["services"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["proven"] == true), "{said}");
    let mut proven: Vec<_> = rows.iter().map(|row| row["service"].as_str().unwrap()).collect();
    proven.sort_unstable();
    assert_eq!(proven, services, "{said}");
    let newest = sets(host, project).pop().unwrap();
    assert!(newest["end"] == "good" && !newest["proven"].is_null(), "{newest}");
    assert_eq!(running(host), before);
}
