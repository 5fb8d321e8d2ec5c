//! Secrets.

use crate::doctor::judge::or_pass;
use crate::doctor::line::Line;
use crate::doctor::survey::Survey;

/// Shortest password that is not called short.
const SHORTEST: usize = 12;
/// Shortest key of a framework, such as SECRET_KEY.
const SHORTEST_KEY: usize = 32;
/// Values and parts of values that stand in every manual.
const DEFAULTS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "changeme",
    "change-me",
    "change_me",
    "admin",
    "root",
    "123456",
    "qwerty",
    "postgres",
    "mysql",
    "redis",
    "example",
    "django-insecure",
    "your-secret",
    "your_secret",
    "test",
    "grafana",
    "letmein",
];

/// What is weak about the value of a secret variable; `None`: nothing. The text does not show the value.
pub fn weakness(name: &str, value: &str) -> Option<&'static str> {
    let name = name.to_uppercase();
    let secret =
        ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "PASS"].iter().any(|one| name.contains(one));
    // A name of a file, an identity or a number of seconds is no secret.
    let other =
        ["_FILE", "_PATH", "_TTL", "_EXPIRE", "_MINUTES", "_DAYS", "_URL", "_ID", "_VALIDATORS"]
            .iter()
            .any(|one| name.ends_with(one));
    if !secret || other {
        return None;
    }
    let lower = value.trim().to_lowercase();
    if lower.is_empty() {
        return Some("is empty");
    }
    if DEFAULTS.iter().any(|known| lower == *known || (known.len() > 5 && lower.starts_with(known)))
    {
        return Some("is a default that everybody knows");
    }
    if name.contains("SECRET_KEY") && value.len() < SHORTEST_KEY {
        return Some("is shorter than 32 characters");
    }
    (value.len() < SHORTEST).then_some("is shorter than 12 characters")
}

pub(super) fn secrets(survey: &Survey) -> Vec<Line> {
    let weak = survey.projects.iter().flat_map(|project| {
        let mend = "make a new one (`openssl rand -base64 32`); one that a database was initialised with has to be changed inside of it, too";
        project.weak_secrets.iter().map(move |what| Line::warn(&project.name, what.as_str(), mend))
    });
    or_pass(weak.collect(), "none is empty, short or a default")
}
