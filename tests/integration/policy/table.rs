//! The table of hostile manifests, and the rule book that they are held against.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use composelet::model::glob::Glob;
use composelet::model::rulebook::{Level, RequiredLimit, RuleBook, Rules};
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

/// One hostile manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    service: Mapping,
    #[serde(default)]
    files: Mapping,
    pub(super) rule: String,
    #[serde(default = "baseline")]
    pub(super) profile: String,
    /// What a request would carry.
    pub(super) sent: Option<String>,
}

fn baseline() -> String {
    "baseline".to_owned()
}

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    serde_yaml::from_str(include_str!("../../fixtures/policy/hostile.yaml")).unwrap()
}

impl Case {
    /// The manifest, with `more` written of its service and `others` beside it.
    pub(super) fn manifest(&self, more: &str, others: &str, places: (&Path, &Path)) -> String {
        let mut service: Mapping = self.service.clone();
        if !service.contains_key("image") && !service.contains_key("build") {
            service.insert("image".into(), "app".into());
        }
        let more: Mapping = serde_yaml::from_str(&format!("{{{more}}}")).unwrap();
        // What is hostile is never written over.
        for (key, value) in more {
            service.entry(key).or_insert(value);
        }
        let mut services: Mapping = serde_yaml::from_str(&format!("{{{others}}}")).unwrap();
        services.insert("app".into(), Value::Mapping(service));
        let mut file = self.files.clone();
        file.insert("services".into(), Value::Mapping(services));
        let text = serde_yaml::to_string(&file).unwrap();
        let (root, state) = (places.0.display().to_string(), places.1.display().to_string());
        text.replace("@ROOT@", &root).replace("@STATE@", &state)
    }

    /// A manifest of the same service that nothing is against.
    pub(super) fn benign(&self) -> String {
        let limits = "mem_limit: 64m, pids_limit: 50";
        let hard = "user: '1000', cap_drop: [ALL], security_opt: ['no-new-privileges:true']";
        let image = if self.profile == "digests" { DIGESTED } else { "app" };
        format!("services: {{app: {{image: '{image}', {limits}, {hard}}}}}")
    }
}

/// What lies beside the manifest: files, and links that lead out.
pub(super) fn prepare(directory: &Path) {
    std::fs::create_dir_all(directory.join("data")).unwrap();
    std::fs::write(directory.join("Dockerfile"), "FROM app\n").unwrap();
    symlink("/etc", directory.join("link")).unwrap();
    symlink("/run/docker.sock", directory.join("sock")).unwrap();
}

/// An image by digest, which the tests make known to the engine.
pub(super) const DIGESTED: &str =
    "app@sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Each case is a project of its name, under its profile.
pub(super) fn book(cases: &[Case]) -> Arc<RuleBook> {
    let own = |name: &str, change: fn(&mut Rules)| {
        let mut rules = Rules { profile: name.to_owned(), ..Rules::of(Level::Baseline) };
        change(&mut rules);
        (name.to_owned(), Arc::new(rules))
    };
    let mut profiles: BTreeMap<String, Arc<Rules>> =
        Level::ALL.map(|level| (level.word().to_owned(), Arc::new(Rules::of(level)))).into();
    profiles.extend([
        own("images", |rules| rules.registries = Some(vec![Glob::new("app"), Glob::new("app/*")])),
        own("digests", |rules| rules.require_digest = true),
        own("limits", |rules| {
            rules.require_limits = [RequiredLimit::Memory, RequiredLimit::Pids].into();
        }),
    ]);
    let projects = cases.iter();
    let projects =
        projects.map(|case| (Glob::new(case.name.as_str()), Arc::clone(&profiles[&case.profile])));
    Arc::new(RuleBook {
        default: Arc::clone(&profiles["baseline"]),
        projects: projects.collect(),
        ..RuleBook::default()
    })
}
