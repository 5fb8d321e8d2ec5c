//! `x-composelet.backup` of a project, service or volume: what is saved, how, when, and how long it is kept.

use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{backup_drill, schedule, words};
use crate::model::backup::{Backup, Recipe, Retention};
use crate::model::backup_policy::{BackupPolicy, BeforeUpdate};
use crate::model::data_restore::RestoreOnRollback;
use crate::model::id::ServiceName;

const KEYS: &[&str] = &[
    "recipe",
    "file",
    "paths",
    "command",
    "restore",
    "ends_with",
    "retention",
    "recipients",
    "schedule",
    "time_zone",
    "deadline",
    "before_update",
    "restore_on_rollback",
    "drill",
];
/// Of the whole project only when is said: how is a matter of its services and volumes.
const PROJECT_KEYS: &[&str] =
    &["schedule", "time_zone", "deadline", "before_update", "drill", "restore_on_rollback"];
/// A volume is saved as it lies there: the words that say how belong to services.
const VOLUME_KEYS: &[&str] = &["recipe", "retention", "recipients"];
const RECIPES: &[&str] = &["postgres", "mysql", "redis", "mongodb", "sqlite", "files", "none"];
const VOLUME_RECIPES: &[&str] = &["files", "none"];
const RETENTION: &[&str] = &["last", "daily", "weekly", "monthly"];
const FORM: &str = "a mapping such as {recipe: postgres} or {retention: {daily: 7}}; {} takes what is found from image and mounts";
const PROJECT_FORM: &str = "a mapping such as {schedule: \"0 3 * * *\"}";
const BEFORE_UPDATE: &str = "true, false, or a mapping such as {max_age: 1h}";
const RESTORED: &str = "a list of services such as [db]";
const TIME: &str = "a time such as 30m or 2h";
const MOST: i64 = 1000;
/// Letters of a public key of age: `age1` and 58 of Bech32 (BIP-173).
const RECIPIENT: usize = 62;

/// What the word stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Project,
    Service,
    Volume,
}

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, of: Of, report: &mut Report) {
    let Some(map) = node.as_map() else {
        let form = if of == Of::Project { PROJECT_FORM } else { FORM };
        return words::wrong(node, field, form, report);
    };
    let (keys, recipes) = match of {
        Of::Project => (PROJECT_KEYS, RECIPES),
        Of::Service => (KEYS, RECIPES),
        Of::Volume => (VOLUME_KEYS, VOLUME_RECIPES),
    };
    for (key, entry) in map {
        let path = child(field, key);
        if &**key == "drill" && keys.contains(&&**key) {
            backup_drill::check(&entry.node, &path, of, report);
        } else if keys.contains(&&**key) {
            check_key((key, entry), &path, (of, recipes), report);
        } else {
            words::unknown(key, entry, (&path, keys), report);
        }
    }
    together(node, field, report);
}

fn check_key(
    (key, entry): (&str, &Entry),
    path: &str,
    (of, recipes): (Of, &[&str]),
    report: &mut Report,
) {
    let value = &entry.node;
    match key {
        "recipe" => words::one_of(value, path, recipes, report),
        "file" if value.as_text().is_some_and(is_inside) => {}
        "file" => words::wrong(value, path, "an absolute path in the container", report),
        "paths" if paths(value).is_some() => {}
        "paths" => words::wrong(value, path, "a list of absolute paths in the container", report),
        "command" | "restore" if vector(value).is_some() => {}
        "command" | "restore" => {
            words::wrong(value, path, "a list of texts: program and arguments", report);
        }
        "ends_with" if value.as_text().is_some_and(|text| !text.is_empty()) => {}
        "ends_with" => words::wrong(value, path, "a text", report),
        "recipients" if recipients(value).is_some() => {}
        "recipients" => words::wrong(value, path, "a list of public keys (age1…)", report),
        "schedule" => schedule::pattern(value, path, report),
        "time_zone" => schedule::zone(value, path, report),
        "deadline" if words::time(value).is_some() => {}
        "deadline" => words::wrong(value, path, TIME, report),
        "before_update" => check_before_update(value, path, report),
        "restore_on_rollback" if of == Of::Project && names(value).is_some() => {}
        "restore_on_rollback" if of == Of::Project => words::wrong(value, path, RESTORED, report),
        "restore_on_rollback" if words::truth(value).is_some() => {}
        "restore_on_rollback" => {
            let form = "true or false; the services whose data goes back with the whole project stand on the project";
            words::wrong(value, path, form, report);
        }
        _ => check_retention(value, path, report),
    }
}

fn check_before_update(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        if words::truth(node).is_none() {
            words::wrong(node, field, BEFORE_UPDATE, report);
        }
        return;
    };
    for (key, entry) in map {
        let path = child(field, key);
        if &**key != "max_age" {
            words::unknown(key, entry, (&path, &["max_age"]), report);
        } else if words::time(&entry.node).is_none() {
            words::wrong(&entry.node, &path, TIME, report);
        }
    }
}

/// `None`: no update waits.
fn before_update(node: &Node) -> Option<BeforeUpdate> {
    let default = BeforeUpdate::default();
    if node.as_map().is_none() {
        return words::truth(node)?.then_some(default);
    }
    let max_age = node.get("max_age").and_then(words::time);
    Some(BeforeUpdate { max_age: max_age.unwrap_or(default.max_age) })
}

fn check_retention(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, "a mapping such as {last: 3, daily: 7}", report);
    };
    for (key, entry) in map {
        let path = child(field, key);
        if !RETENTION.contains(&&**key) {
            words::unknown(key, entry, (&path, RETENTION), report);
        } else if words::number(&entry.node, MOST).is_none() {
            words::wrong(&entry.node, &path, "a number from 0 to 1000", report);
        }
    }
}

/// Words that only mean something beside another one.
fn together(node: &Node, field: &str, report: &mut Report) {
    let given = |key: &str| node.get(key).is_some();
    let recipe = node.get("recipe").and_then(Node::as_text);
    let mut error = |message: &str, help: &str| {
        report.add(Finding::error("backup", field, message).at(node.place).help(help));
    };
    if given("command") && recipe.is_some() {
        error("recipe and command exclude each other", "keep one of them");
    }
    if !given("command") && (given("restore") || given("ends_with")) {
        error("restore and ends_with belong to command", "write the command that prints the data");
    }
    if given("file") != (recipe == Some("sqlite")) {
        error(
            "recipe: sqlite and file belong together",
            "write {recipe: sqlite, file: /app/data.db}",
        );
    }
    if (given("time_zone") || given("deadline")) && !given("schedule") {
        error("time_zone and deadline belong to schedule", "write {schedule: \"0 3 * * *\"}");
    }
    let asked = ["schedule", "before_update", "drill"].into_iter().any(given);
    if asked && recipe == Some("none") {
        error(
            "recipe: none saves nothing",
            "remove schedule, before_update and drill, or the recipe",
        );
    }
    let restores = node.get("restore_on_rollback");
    let restores = restores.is_some_and(|node| words::truth(node) != Some(false));
    if restores && node.get("before_update").and_then(before_update).is_none() {
        error(
            "restore_on_rollback belongs to before_update: without its backup there is nothing to go back to",
            "write before_update: true beside it, or remove it",
        );
    }
    if given("paths") && recipe != Some("files") {
        error("paths belong to recipe: files", "write {recipe: files, paths: [/app/media]}");
    }
}

/// The checked value of the word.
pub(crate) fn read(node: &Node) -> Option<Backup> {
    node.as_map()?;
    Some(Backup {
        recipe: recipe(node),
        retention: node.get("retention").map(retention).unwrap_or_default(),
        recipients: node.get("recipients").and_then(recipients).unwrap_or_default(),
        policy: policy(node),
        drill: node.get("drill").and_then(backup_drill::read),
    })
}

fn policy(node: &Node) -> Option<BackupPolicy> {
    let zone = node.get("time_zone").and_then(Node::as_text).unwrap_or("UTC");
    let pattern = node.get("schedule").and_then(Node::as_text);
    let schedule = pattern.and_then(|pattern| schedule::when(pattern, zone, false).ok());
    let deadline = node.get("deadline").and_then(words::time);
    let before_update = node.get("before_update").and_then(before_update);
    let restore_on_rollback =
        node.get("restore_on_rollback").map(restore_on_rollback).unwrap_or_default();
    let policy = BackupPolicy { schedule, deadline, before_update, restore_on_rollback };
    (policy.schedule.is_some() || before_update.is_some()).then_some(policy)
}

fn restore_on_rollback(node: &Node) -> RestoreOnRollback {
    let names = node.as_list().into_iter().flatten().filter_map(Node::as_text);
    match words::truth(node) {
        Some(true) => RestoreOnRollback::Own,
        Some(false) => RestoreOnRollback::Nothing,
        None => RestoreOnRollback::Services(names.map(ServiceName::from).collect()),
    }
}

/// The services that the word of a project names, each with the field that names it.
pub(crate) fn named(word: &Node) -> Vec<(String, &Node)> {
    let list = word.get("restore_on_rollback").and_then(Node::as_list);
    let list = list.into_iter().flatten().enumerate();
    list.map(|(index, node)| (format!("x-composelet.backup.restore_on_rollback[{index}]"), node))
        .collect()
}

fn names(node: &Node) -> Option<()> {
    let list = node.as_list().filter(|list| !list.is_empty())?;
    list.iter().all(|one| one.as_text().is_some_and(|name| !name.is_empty())).then_some(())
}

fn recipe(node: &Node) -> Option<Recipe> {
    if let Some(dump) = node.get("command").and_then(words::command) {
        let text = |key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
        let restore = node.get("restore").and_then(words::command);
        return Some(Recipe::Command { dump, restore, ends_with: text("ends_with") });
    }
    Some(match node.get("recipe")?.as_text()? {
        "postgres" => Recipe::Postgres,
        "mysql" => Recipe::Mysql,
        "redis" => Recipe::Redis,
        "mongodb" => Recipe::Mongo,
        "sqlite" => Recipe::Sqlite { file: node.get("file")?.as_text()?.to_owned() },
        "none" => Recipe::Nothing,
        _ => Recipe::Files { paths: node.get("paths").and_then(paths).unwrap_or_default() },
    })
}

/// What is not written is 0 as soon as anything is.
fn retention(node: &Node) -> Retention {
    let number = |key: &str| node.get(key).and_then(|node| words::number(node, MOST)).unwrap_or(0);
    Retention {
        last: number("last"),
        daily: number("daily"),
        weekly: number("weekly"),
        monthly: number("monthly"),
    }
}

fn is_inside(path: &str) -> bool {
    path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..")
}

fn paths(node: &Node) -> Option<Vec<String>> {
    let list = node.as_list()?.iter();
    let paths: Option<Vec<String>> =
        list.map(|one| one.as_text().filter(|path| is_inside(path)).map(str::to_owned)).collect();
    paths.filter(|paths| !paths.is_empty())
}

/// A command as a list: a line would need a shell to split it, and whose rules hold is not seen in a file.
fn vector(node: &Node) -> Option<()> {
    node.as_list()?;
    words::command(node).map(drop)
}

fn recipients(node: &Node) -> Option<Vec<String>> {
    let list = node.as_list()?.iter();
    let fits = |text: &&str| text.starts_with("age1") && text.len() == RECIPIENT;
    list.map(|one| one.as_text().filter(fits).map(str::to_owned)).collect()
}
