//! Lifecycle hooks (Compose `pre_start`, `post_start`, `pre_stop`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::id::ServiceName;
use crate::model::secret::{Secret, sha256_hex};

/// Shortest value that is taken out of the output of a hook: shorter ones are words of every day.
const SHORTEST_HIDDEN: usize = 4;
/// What stands in the place of a hidden value.
const HIDDEN: &str = "***";

/// The hooks of a service, each kind in the order in which it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Steps before the first start of a version, each in a container of its own.
    pub pre_start: Vec<PreStart>,
    /// Commands inside the container after each start.
    pub post_start: Vec<HookCommand>,
    /// Commands inside the container before each stop.
    pub pre_stop: Vec<HookCommand>,
}

/// A command inside a container that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookCommand {
    /// Program and arguments.
    pub command: Vec<Secret>,
    /// `user[:group]`; `None` is that of the container.
    pub user: Option<String>,
    /// With all capabilities.
    pub privileged: bool,
    /// `None` is that of the container.
    pub working_dir: Option<String>,
    /// Beside the variables of the container; `None` takes one away.
    pub environment: BTreeMap<String, Option<Secret>>,
    /// Values that are taken out of its output before anybody sees it.
    pub hidden: Vec<Secret>,
}

/// Commands before the stop, by service; those of services that are declared no longer included.
pub type StopHooks = BTreeMap<ServiceName, Vec<HookCommand>>;

/// A step before the start, in a container of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreStart {
    /// Image reference; that of the service unless written.
    pub image: String,
    /// What runs; without a command that of the image.
    pub run: HookCommand,
}

/// Which hooks are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookKind {
    /// `pre_start`.
    PreStart,
    /// `post_start`.
    PostStart,
}

/// One hook of a list, counted from 1, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStep {
    /// Which list.
    pub kind: HookKind,
    /// Its place.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl HookStep {
    /// The hook at `index` (from 0) of `of`.
    pub fn new(kind: HookKind, index: u32, of: usize) -> Self {
        let of = u32::try_from(of).unwrap_or(u32::MAX);
        Self { kind, number: index.saturating_add(1), of }
    }
}

impl fmt::Display for HookStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            HookKind::PreStart => "pre_start",
            HookKind::PostStart => "post_start",
        };
        write!(f, "{kind} hook {} of {}", self.number, self.of)
    }
}

impl PreStart {
    /// Digest of everything that is written of the step.
    pub fn digest(&self) -> String {
        let run = &self.run;
        let words = run.command.iter().flat_map(|word| ["word", word.expose()]);
        let variables = run.environment.iter().flat_map(|(name, value)| match value {
            Some(value) => ["variable", name.as_str(), value.expose()],
            None => ["unset", name.as_str(), ""],
        });
        let rest = [
            self.image.as_str(),
            run.user.as_deref().unwrap_or(""),
            run.working_dir.as_deref().unwrap_or(""),
            if run.privileged { "privileged" } else { "" },
        ];
        let parts = rest.into_iter().chain(words).chain(variables);
        sha256_hex(parts.flat_map(|part| [part, "\u{1}"]))
    }
}

/// `line` without the values of `hidden`: commands print what they were given (invariant 17).
pub fn hide(line: &str, hidden: &[Secret]) -> String {
    let mut values: Vec<&str> =
        hidden.iter().map(Secret::expose).filter(|text| text.len() >= SHORTEST_HIDDEN).collect();
    // Longest first: one value may be the beginning of another.
    values.sort_by_key(|text| std::cmp::Reverse(text.len()));
    values.into_iter().fold(line.to_owned(), |line, value| line.replace(value, HIDDEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_the_longest_first() {
        let hidden = [Secret::from("hunter"), Secret::from("hunter2"), Secret::from("on")];
        assert_eq!(hide("no hunter2, one hunter", &hidden), "no ***, one ***");
    }

    #[test]
    fn every_part_of_a_step_is_in_its_digest() {
        let step = PreStart {
            image: "app".to_owned(),
            run: HookCommand { command: vec!["migrate".into()], ..HookCommand::default() },
        };
        let mut others = vec![step.clone(); 6];
        others[0].image = "tool".to_owned();
        others[1].run.command = vec!["migr".into(), "ate".into()];
        others[2].run.user = Some("root".to_owned());
        others[3].run.working_dir = Some("root".to_owned());
        others[4].run.privileged = true;
        others[5].run.environment = [("A".to_owned(), None)].into();
        let mut digests: Vec<String> = others.iter().map(PreStart::digest).collect();
        digests.push(step.digest());
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 7);
    }
}
