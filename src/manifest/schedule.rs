//! `x-composelet.schedule` of a service: at which times it runs, and what follows.

use std::time::Duration;

use crate::calendar::{Calendar, Mistake};
use crate::manifest::environment::child;
use crate::manifest::node::Node;
use crate::manifest::on_change::signal;
use crate::manifest::report::{Finding, Report};
use crate::manifest::{suggest, units, words};
use crate::model::hook::HookCommand;
use crate::model::id::ServiceName;
use crate::model::schedule::{
    Concurrency, FollowUp, HistoryLimit, MOST_HISTORY, Schedule, When, Work,
};

const KEYS: &[&str] = &[
    "cron",
    "time_zone",
    "concurrency",
    "deadline",
    "suspend",
    "history",
    "timeout",
    "exec",
    "on_success",
];
/// Set on words that Ofelia's labels became: their patterns may have a field for seconds. No file can say it.
pub(crate) const SECONDS: &str = "seconds";
const FORM: &str = "a mapping such as {cron: \"30 2 * * *\", time_zone: Europe/Berlin}";
const CRON: &str = "five fields (minute, hour, day, month, day of the week), @hourly, @daily, @weekly, @monthly, @yearly, or @every 10m";
const POLICIES: &[&str] = &["allow", "forbid", "replace"];
const TIME: &str = "a time such as 30s, 10m or 2h";
const MACROS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Reads a pattern. With `seconds` there may be six fields.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(crate) fn when(text: &str, zone: &str, seconds: bool) -> Result<When, (String, String)> {
    let text = text.trim();
    if let Some(time) = text.strip_prefix("@every") {
        let time = units::duration(time.trim()).filter(|time| *time >= Duration::from_secs(1));
        let time = time.ok_or_else(|| {
            ("this is no interval".to_owned(), "write @every and a time of 1s or more".to_owned())
        })?;
        return Ok(When::Every(Duration::from_secs(time.as_secs())));
    }
    let known = MACROS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let pattern = match known {
        Some((_, pattern)) => *pattern,
        None if text.starts_with('@') => {
            let near = suggest::nearest(text, MACROS.iter().map(|(name, _)| *name));
            let help = near.map_or_else(|| CRON.to_owned(), |near| format!("did you mean {near}?"));
            return Err((format!("{text} is not known"), help));
        }
        None => text,
    };
    let (pattern, zone) = (pattern.to_owned(), zone.to_owned());
    let when = When::Cron { pattern, seconds, zone };
    match Calendar::check(&when) {
        Ok(_) => Ok(when),
        Err(mistake) => Err(said(mistake)),
    }
}

fn said(mistake: Mistake) -> (String, String) {
    match mistake {
        Mistake::Zone => (
            "there is no such time zone".to_owned(),
            "an IANA name such as Europe/Berlin or UTC".to_owned(),
        ),
        Mistake::Fields(count) => (format!("a pattern of {count} fields"), CRON.to_owned()),
        Mistake::Field { name, text } => {
            (format!("{text} cannot be the {name}"), format!("mend the field for the {name}"))
        }
        Mistake::Never => ("this time never comes".to_owned(), "check day and month".to_owned()),
    }
}

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, FORM, report);
    };
    for (key, entry) in map {
        let (path, value) = (child(field, key), &entry.node);
        match &**key {
            "cron" => pattern(value, &path, report),
            "time_zone" => zone(value, &path, report),
            "concurrency" => words::one_of(value, &path, POLICIES, report),
            "deadline" | "timeout" if words::time(value).is_some() => {}
            "deadline" | "timeout" => words::wrong(value, &path, TIME, report),
            "suspend" if words::truth(value).is_some() => {}
            "suspend" => words::wrong(value, &path, "true or false", report),
            "history" => history(value, &path, report),
            "exec" => exec(value, &path, report),
            "on_success" => on_success(value, &path, report),
            _ => words::unknown(key, entry, (&path, KEYS), report),
        }
    }
    if node.get("cron").is_none() {
        let message = "nothing says when it runs";
        let finding = Finding::error("missing-key", field, message).at(node.place);
        report.add(finding.help(format!("add cron: {CRON}")));
    }
}

/// Checks a pattern of five fields.
pub(crate) fn pattern(node: &Node, field: &str, report: &mut Report) {
    let Some(text) = node.as_text() else {
        return words::wrong(node, field, CRON, report);
    };
    if let Err((message, help)) = when(text, "UTC", false) {
        report.add(Finding::error("cron", field, message).at(node.place).help(help));
    }
}

/// Checks the name of a time zone.
pub(crate) fn zone(node: &Node, field: &str, report: &mut Report) {
    let Some(text) = node.as_text() else {
        return words::wrong(node, field, "an IANA name such as Europe/Berlin", report);
    };
    if let Err((message, help)) = when("0 0 * * *", text, false) {
        report.add(Finding::error("time-zone", field, message).at(node.place).help(help));
    }
}

fn mapping(
    node: &Node,
    (field, form): (&str, &str),
    keys: &[&str],
    report: &mut Report,
    mut each: impl FnMut(&str, &Node, &str, &mut Report),
) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, form, report);
    };
    for (key, entry) in map {
        let path = child(field, key);
        if keys.contains(&&**key) {
            each(key, &entry.node, &path, report);
        } else {
            words::unknown(key, entry, (&path, keys), report);
        }
    }
}

fn history(node: &Node, field: &str, report: &mut Report) {
    let form = "a mapping such as {succeeded: 3, failed: 1}";
    mapping(node, (field, form), &["succeeded", "failed"], report, |_, value, path, report| {
        if words::number(value, i64::from(MOST_HISTORY)).is_none() {
            words::wrong(value, path, "a number from 0 to 100", report);
        }
    });
}

fn exec(node: &Node, field: &str, report: &mut Report) {
    let form = "a mapping such as {service: db, command: [backup]}";
    let keys = &["service", "command", "user"];
    mapping(node, (field, form), keys, report, |key, value, path, report| {
        let good = match key {
            "command" => words::command(value).is_some(),
            _ => value.as_text().is_some_and(|text| !text.is_empty()),
        };
        if !good {
            words::wrong(value, path, "a text; for command a list of words, too", report);
        }
    });
    if node.as_map().is_some() && node.get("command").is_none() {
        let finding = Finding::error("missing-key", field, "nothing says what runs");
        report.add(finding.at(node.place).help("add command:"));
    }
}

fn on_success(node: &Node, field: &str, report: &mut Report) {
    let form = "a mapping such as {signal: {service: proxy, signal: SIGHUP}}";
    let keys = &["signal", "restart", "job"];
    mapping(node, (field, form), keys, report, |key, value, path, report| {
        let text = value.as_text().is_some_and(|text| !text.is_empty());
        let named = |key: &str| value.get(key).and_then(Node::as_text);
        if key == "signal" {
            let known = named("signal").and_then(signal).is_some() && named("service").is_some();
            let others = value.as_map().is_some_and(|map| map.len() == 2);
            if !known || !others {
                words::wrong(value, path, "{service: NAME, signal: SIGHUP}", report);
            }
        } else if !text {
            words::wrong(value, path, "the name of a service", report);
        }
    });
}

/// Checks what the word of one service says of others, and what it says beside other words.
pub(crate) fn references(project: &Node, service: &Node, field: &str, report: &mut Report) {
    let Some(node) = service.at(&["x-composelet", "schedule"]) else {
        return;
    };
    let field = format!("{field}.x-composelet.schedule");
    let mentions: [(&str, &[&str]); 4] = [
        ("exec.service", &["exec", "service"]),
        ("on_success.signal.service", &["on_success", "signal", "service"]),
        ("on_success.restart", &["on_success", "restart"]),
        ("on_success.job", &["on_success", "job"]),
    ];
    for (path, keys) in mentions {
        let Some((name, text)) = node.at(keys).and_then(|node| Some((node, node.as_text()?)))
        else {
            continue;
        };
        let path = format!("{field}.{path}");
        let shown = report.sources.shown(text, name.place).to_owned();
        let Some(target) = project.at(&["services", text]) else {
            let services = project.get("services").and_then(Node::as_map);
            let names = services.into_iter().flat_map(|map| map.keys().map(|name| &**name));
            let help = suggest::nearest(text, names).map_or_else(
                || "name a service of this project that its profiles do not switch off".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            let message = format!("there is no service {shown}");
            report.add(Finding::error("unknown-service", &path, message).at(name.place).help(help));
            continue;
        };
        let mode = target.at(&["deploy", "mode"]).and_then(Node::as_text);
        let job = target.at(&["x-composelet", "job"]).is_some()
            && target.at(&["x-composelet", "schedule"]).is_none();
        if keys == ["on_success", "job"] && !job && !mode.is_some_and(|mode| mode.ends_with("-job"))
        {
            let message = format!("{shown} is no job");
            let finding = Finding::error("wrong-kind", &path, message).at(name.place);
            report.add(finding.help("name a service with x-composelet.job; restart is for others"));
        }
    }
    beside(service, node, &field, report);
}

/// Words that say nothing beside a schedule.
fn beside(service: &Node, node: &Node, field: &str, report: &mut Report) {
    for key in ["once", "on_rollback", "allow_failure"] {
        if let Some(other) = service.at(&["x-composelet", "job", key]) {
            let message = format!("job.{key} has no meaning beside a schedule");
            let finding = Finding::error("exclusive-keys", field, message).at(other.place);
            report.add(finding.help("remove it; retries and like go with a schedule"));
        }
    }
    if node.get("exec").is_some() {
        return;
    }
    for key in ["pre_start", "post_start", "pre_stop", "container_name"] {
        if let Some(other) = service.get(key) {
            let message = format!("{key} has no effect beside a schedule");
            let path = field.replace("x-composelet.schedule", key);
            let finding = Finding::note("no-effect", &path, message).at(other.place);
            report.add(finding.help("each run is a container of its own; remove it"));
        }
    }
}

/// Whether a service only runs at its times: not with a command in its own containers.
pub(crate) fn is_scheduled(name: &str, service: &Node) -> bool {
    let node = service.at(&["x-composelet", "schedule"]);
    node.is_some_and(|node| match node.get("exec") {
        Some(exec) => exec.get("service").and_then(Node::as_text).is_some_and(|one| one != name),
        None => true,
    })
}

/// The checked word of a service; `retries` is that of its job.
pub(crate) fn read(name: &str, service: &Node, retries: Option<u32>) -> Option<Schedule> {
    let node = service.at(&["x-composelet", "schedule"])?;
    let zone = node.get("time_zone").and_then(Node::as_text).unwrap_or("UTC");
    let limits = HistoryLimit::default();
    let kept = |key: &str, default| {
        let number = node.at(&["history", key]);
        number.and_then(|node| words::number(node, i64::from(MOST_HISTORY))).unwrap_or(default)
    };
    let time = |key: &str| node.get(key).and_then(words::time);
    Some(Schedule {
        name: String::new(),
        when: when(node.get("cron")?.as_text()?, zone, node.get(SECONDS).is_some()).ok()?,
        concurrency: match node.get("concurrency").and_then(Node::as_text) {
            Some("allow") => Concurrency::Allow,
            Some("replace") => Concurrency::Replace,
            _ => Concurrency::Forbid,
        },
        deadline: time("deadline"),
        suspend: node.get("suspend").and_then(words::truth).unwrap_or(false),
        history: HistoryLimit {
            succeeded: kept("succeeded", limits.succeeded),
            failed: kept("failed", limits.failed),
        },
        timeout: time("timeout"),
        retries: retries.unwrap_or(0),
        work: work(name, node),
        on_success: follow_ups(node),
    })
}

fn work(name: &str, node: &Node) -> Work {
    let Some(exec) = node.get("exec") else {
        return Work::Container;
    };
    let text = |key: &str| exec.get(key).and_then(Node::as_text);
    let command = HookCommand {
        command: exec.get("command").and_then(words::command).unwrap_or_default(),
        user: text("user").map(str::to_owned),
        ..HookCommand::default()
    };
    let service = ServiceName::new(text("service").unwrap_or(name));
    Work::Exec { service, command: Box::new(command) }
}

fn follow_ups(node: &Node) -> Vec<FollowUp> {
    let text = |keys: &[&str]| node.at(keys).and_then(Node::as_text).map(ServiceName::new);
    let sent = node.at(&["on_success", "signal", "signal"]).and_then(Node::as_text);
    let signalled = text(&["on_success", "signal", "service"]).zip(sent.and_then(signal));
    let signalled = signalled.map(|(service, signal)| FollowUp::Signal { service, signal });
    let restart = text(&["on_success", "restart"]).map(FollowUp::Restart);
    let job = text(&["on_success", "job"]).map(FollowUp::Job);
    signalled.into_iter().chain(restart).chain(job).collect()
}
