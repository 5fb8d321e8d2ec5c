//! The front door: a request, the rules, and what is against them.

use crate::model::id::ProjectName;
use crate::model::rulebook::{Level, Rules};
use crate::model::violation::{Rule, Violation};
use crate::policy::facts::{Facts, Ground};
use crate::policy::fields::unclassified;
use crate::policy::request::{Request, is_on, text};
use crate::policy::{build, container, image, isolation, mounts, resources};

/// What a judgement knows.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) rules: &'a Rules,
    pub(super) project: &'a ProjectName,
    pub(super) directory: Option<&'a str>,
    pub(super) ground: &'a Ground,
    pub(super) facts: &'a Facts,
    found: Vec<Violation>,
}

impl Judge<'_> {
    /// Notes a violation, unless the profile leaves the rule out.
    pub(super) fn refuse(&mut self, rule: Rule, field: &str, value: &str) {
        if !self.rules.allow.contains(&rule) {
            self.found.push(Violation::new(rule, field, value, &self.rules.profile));
        }
    }

    /// Whether the profile is at least as strict as `level`.
    pub(super) fn holds(&self, level: Level) -> bool {
        self.rules.level >= level
    }
}

/// What `rules` have against a request of `project`, whose files lie in `directory`. Nothing: it is admitted. Total and
/// deterministic.
pub fn judge(
    request: &Request<'_>,
    rules: &Rules,
    (project, directory): (&ProjectName, Option<&str>),
    (ground, facts): (&Ground, &Facts),
) -> Vec<Violation> {
    let mut judge = Judge { rules, project, directory, ground, facts, found: Vec::new() };
    if judge.holds(Level::Baseline)
        && let Some((kind, body)) = request.body()
    {
        for field in unclassified(kind, body) {
            judge.refuse(Rule::UnknownField, &field, "");
        }
    }
    match request {
        Request::Container { body, built } => {
            isolation::judge(&mut judge, body);
            resources::judge(&mut judge, body);
            container::judge(&mut judge, body);
            mounts::judge(&mut judge, body);
            if !built {
                image::judge(&mut judge, text(body, "/Image").unwrap_or_default());
            }
        }
        Request::Network(body) => container::network(&mut judge, body),
        Request::Volume(body) => mounts::volume(&mut judge, body),
        Request::Update(body) => resources::update(&mut judge, body),
        Request::Exec(body) => {
            if judge.holds(Level::Baseline) && is_on(body, "/Privileged") {
                judge.refuse(Rule::Privileged, "privileged", "true");
            }
            let user = text(body, "/User").filter(|user| isolation::is_root(user));
            if let Some(user) = user.filter(|_| judge.holds(Level::Restricted)) {
                judge.refuse(Rule::NonRoot, "user", user);
            }
        }
        // All that an attachment can say is in the table of fields, and harmless.
        Request::Connect(_) => {}
        Request::Build(input) => build::judge(&mut judge, input),
        Request::Pull(reference) => image::judge(&mut judge, reference),
    }
    let mut found = judge.found;
    found.sort();
    found.dedup();
    found
}
