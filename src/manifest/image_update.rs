//! `x-composelet.image_update` of a service: the image follows its registry. Watchtower's labels that say the same count
//! where the word is not given.

use std::sync::Arc;
use std::time::Duration;

use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{schedule, words};
use crate::model::image_update::{ImageUpdate, TagOrder, UpdatePolicy, UpdateWindow};
use crate::tags::{check_pattern, check_range};

const KEYS: &[&str] = &[
    "policy",
    "base",
    "semver",
    "pattern",
    "order",
    "interval",
    "minimum_age",
    "window",
    "monitor_only",
];
const FORM: &str = "a mapping such as {policy: digest}, {base: true} or {semver: \"~1.4\"}";
const ORDERS: &[&str] = &["numerical", "alphabetical"];
const TIME: &str = "a time of a minute or more, such as 30m, 6h or 2d";
const AGE: &str = "a time such as 12h or 2d";
const WINDOW: &str =
    "a mapping such as {schedule: \"0 2 * * *\", duration: 3h, timezone: Europe/Madrid}";
const WINDOW_KEYS: &[&str] = &["schedule", "duration", "timezone"];
/// The registry is not asked more often.
const SHORTEST: Duration = Duration::from_secs(60);
/// Time between two looks, unless the file says it. A look without a pull does not count against limits of pulls.
const INTERVAL: Duration = Duration::from_hours(1);
/// Watchtower's own default (its `poll-interval`).
const WATCHTOWER_INTERVAL: Duration = Duration::from_hours(24);
/// Labels of Watchtower (github.com/containrrr/watchtower): include the container, and only report of it.
const ENABLE: &str = "com.centurylinklabs.watchtower.enable";
const MONITOR_ONLY: &str = "com.centurylinklabs.watchtower.monitor-only";

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, FORM, report);
    };
    for (key, entry) in map {
        check_key((key, entry), &child(field, key), report);
    }
    let given = |key: &str| node.get(key).is_some();
    let error = |message: &str, help: &str, report: &mut Report| {
        report.add(Finding::error("image-update", field, message).at(node.place).help(help));
    };
    let followed =
        [given("policy"), given("base"), given("semver"), given("pattern") && !given("semver")];
    match followed.iter().filter(|given| **given).count() {
        1 => {}
        0 => error("nothing says which image is followed", &format!("write {FORM}"), report),
        _ => error(
            "policy: digest, base: true, and semver or pattern, exclude each other",
            "keep one of them",
            report,
        ),
    }
    if given("order") != (given("pattern") && !given("semver")) {
        let help = "pattern alone takes order: numerical or alphabetical; semver orders by itself";
        error("order belongs to pattern", help, report);
    }
}

fn check_key((key, entry): (&str, &Entry), path: &str, report: &mut Report) {
    let value = &entry.node;
    match key {
        "policy" => words::one_of(value, path, &["digest"], report),
        "semver" => text(value, path, report, check_range),
        "pattern" => text(value, path, report, check_pattern),
        "order" => words::one_of(value, path, ORDERS, report),
        "interval" if words::time(value).is_some_and(|time| time >= SHORTEST) => {}
        "interval" => words::wrong(value, path, TIME, report),
        "minimum_age" if words::time(value).is_some() => {}
        "minimum_age" => words::wrong(value, path, AGE, report),
        "window" => check_window(value, path, report),
        "monitor_only" if words::truth(value).is_some() => {}
        "monitor_only" => words::wrong(value, path, "true or false", report),
        "base" if words::truth(value) == Some(true) => {}
        "base" => words::wrong(value, path, "true, or nothing", report),
        _ => words::unknown(key, entry, (path, KEYS), report),
    }
}

fn text(
    node: &Node,
    path: &str,
    report: &mut Report,
    check: impl Fn(&str) -> Result<(), (String, &'static str)>,
) {
    let Some(text) = node.scalar_text() else {
        return words::wrong(node, path, "a text", report);
    };
    if let Err((message, help)) = check(&text) {
        report.add(Finding::error("image-update", path, message).at(node.place).help(help));
    }
}

fn check_window(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, WINDOW, report);
    };
    for (key, entry) in map {
        let (path, value) = (child(field, key), &entry.node);
        match &**key {
            "schedule" => schedule::pattern(value, &path, report),
            "timezone" => schedule::zone(value, &path, report),
            "duration" if words::time(value).is_some() => {}
            "duration" => words::wrong(value, &path, "a time such as 30m or 3h", report),
            _ => words::unknown(key, entry, (&path, WINDOW_KEYS), report),
        }
    }
    for key in ["schedule", "duration"] {
        if node.get(key).is_none() {
            let message = format!("the window has no {key}");
            let finding = Finding::error("missing-key", field, message).at(node.place);
            report.add(finding.help(format!("write {WINDOW}")));
        }
    }
}

/// Checks that the image of a service can move.
pub(crate) fn check_service(service: &Node, field: &str, report: &mut Report) {
    let Some(word) = service.at(&["x-composelet", "image_update"]) else { return };
    let path = format!("{field}.x-composelet.image_update");
    let mut error = |message: &str, help: &str| {
        report.add(Finding::error("image-update", &path, message).at(word.place).help(help));
    };
    let (built, base) = (service.get("build").is_some(), word.get("base").is_some());
    if built && !base {
        error(
            "the image is built here, not followed in a registry",
            "write {base: true} to follow what it is built upon, or remove image_update or build",
        );
    } else if base && !built {
        error("nothing is built here: there is no base image", "write {policy: digest}");
    } else if !built
        && service.get("image").and_then(Node::as_text).is_some_and(|image| image.contains('@'))
    {
        error("an image by digest does not move", "write the image with its tag alone");
    } else if service.get("pull_policy").and_then(Node::as_text) == Some("never") {
        error("pull_policy: never forbids what image_update asks for", "remove one of them");
    }
}

/// What the checked word of a service says, or the labels of Watchtower.
pub(crate) fn read(service: &Node) -> Option<Arc<ImageUpdate>> {
    let update = match service.at(&["x-composelet", "image_update"]) {
        Some(word) => word_of(word),
        None => watchtower(service),
    };
    update.map(Arc::new)
}

fn word_of(node: &Node) -> Option<ImageUpdate> {
    node.as_map()?;
    let text = |key: &str| node.get(key).and_then(Node::scalar_text).map(|text| text.to_string());
    let policy = match (text("semver"), text("pattern")) {
        _ if node.get("base").is_some() => UpdatePolicy::Base,
        (Some(range), pattern) => UpdatePolicy::Semver { range, pattern },
        (None, Some(pattern)) => {
            let order = match text("order").as_deref() {
                Some("alphabetical") => TagOrder::Alphabetical,
                _ => TagOrder::Numerical,
            };
            UpdatePolicy::Pattern { pattern, order }
        }
        (None, None) => UpdatePolicy::Digest,
    };
    let time = |key: &str| node.get(key).and_then(words::time);
    Some(ImageUpdate {
        policy,
        interval: time("interval").unwrap_or(INTERVAL),
        minimum_age: time("minimum_age").unwrap_or_default(),
        window: node.get("window").and_then(window),
        monitor_only: node.get("monitor_only").and_then(words::truth).unwrap_or(false),
    })
}

fn window(node: &Node) -> Option<UpdateWindow> {
    let zone = node.get("timezone").and_then(Node::as_text).unwrap_or("UTC");
    let opens = schedule::when(node.get("schedule")?.as_text()?, zone, false).ok()?;
    Some(UpdateWindow { opens, duration: words::time(node.get("duration")?)? })
}

/// `enable` asks for an update of the tag as written; `monitor-only` for a report.
fn watchtower(service: &Node) -> Option<ImageUpdate> {
    let labels = service.get("labels").and_then(Node::as_map)?;
    let says = |label: &str| labels.get(label).and_then(|entry| words::truth(&entry.node));
    let image = service.get("image").and_then(Node::as_text)?;
    let moves = service.get("build").is_none() && !image.contains('@');
    let never = service.get("pull_policy").and_then(Node::as_text) == Some("never");
    (says(ENABLE) == Some(true) && moves && !never).then(|| ImageUpdate {
        policy: UpdatePolicy::Digest,
        interval: WATCHTOWER_INTERVAL,
        minimum_age: Duration::ZERO,
        window: None,
        monitor_only: says(MONITOR_ONLY) == Some(true),
    })
}
