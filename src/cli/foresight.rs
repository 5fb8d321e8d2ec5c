//! What the planner would do about each project: files, engine and ledger are read, the preview is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::manifests::{self, Reading};
use crate::cli::policy;
use crate::controller::admission::refusals;
use crate::engine::{Admission, Engine, ObserveRequest};
use crate::ledger::Ledger;
use crate::manifest::{Dialect, HostChoices, Loaded};
use crate::model::backup_set::BackupSet;
use crate::model::desired::{BuildDigest, DesiredProject, DesiredService, SourceFacts};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::hook::StopHooks;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::neighbour::{Neighbour, Neighbours, Presence, Progress};
use crate::model::observed::HostView;
use crate::model::operation::RunningOperations;
use crate::model::outcome::Failure;
use crate::model::path::PathMap;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::model::verdict::{Asker, Verdicts};
use crate::planner::{
    Attended, AttendedContainer, Intent, PlanInput, Preview, attended, preview, resolved,
};
use crate::source::{ContentStore, FactReader, stamps, traces};

/// A build context counts as settled when it was quiet for 5 s. A preview does not wait: it reads as if later.
const AS_IF_LATER: Duration = Duration::from_secs(6);
/// Readings of a large build context before it is left unknown.
const FACT_READINGS: usize = 64;

/// One project and what would happen to it.
#[derive(Debug)]
pub(super) struct Foreseen {
    /// Its name, or that of its entry if it has none.
    pub(super) name: String,
    /// Findings in its manifests.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What would happen; `None` if its manifests do not load.
    pub(super) preview: Option<Preview>,
}

impl Foreseen {
    /// Whether its manifests have errors.
    pub(super) fn is_broken(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }

    /// Whether anything would be done.
    pub(super) fn has_changes(&self) -> bool {
        let mut steps = self.preview.iter().flat_map(|preview| &preview.steps);
        steps.any(|step| !step.plan.nodes.is_empty())
    }
}

/// Foresees the selected projects, or all: those of the watched directory, and those that went from it.
///
/// # Errors
/// The engine cannot be reached, the directory cannot be read, or a selected project is not known.
pub(super) async fn foresee(
    context: &Context,
    environment: BTreeMap<String, String>,
    selected: &[String],
) -> Result<Vec<Foreseen>, CliError> {
    let engine = connect(context).await?;
    let paths = own_paths(context, &engine).await?;
    let choices = HostChoices { paths: paths.clone(), ..context.settings.choices.clone() };
    let reading = Reading {
        environment,
        choices,
        dialect: Dialect::Controller,
        decryption: manifests::decryption(context),
    };
    let entries = manifests::entries_of_root(&context.settings.desired_state)?;
    let loaded: Vec<(String, Loaded)> = entries
        .iter()
        .map(|entry| {
            let loaded = reading.load(entry)?;
            let fallback = || entry.path().file_name().to_owned();
            Ok((loaded.name.as_ref().map_or_else(fallback, ToString::to_string), loaded))
        })
        .collect::<Result<_, CliError>>()?;
    let projects = loaded.iter().filter_map(|(_, loaded)| loaded.project.as_ref());
    let shared = projects.flat_map(DesiredProject::containers_of_others).collect();
    let mut host = Host::look(context, (engine, paths), &shared).await?;
    host.meet(&loaded);
    let gone = host.gone(&loaded);
    let is_selected = |name: &str| selected.is_empty() || selected.iter().any(|one| one == name);
    for name in selected {
        if !loaded.iter().any(|(known, _)| known == name)
            && !gone.contains(&ProjectName::from(name.as_str()))
        {
            return Err(CliError::not_found(format!("there is no project `{name}`")));
        }
    }
    let mut foreseen = Vec::new();
    for (name, loaded) in loaded.into_iter().filter(|(name, _)| is_selected(name)) {
        let preview = match &loaded.project {
            Some(project) => Some(host.preview(&project.name, Some(project)).await?),
            None => None,
        };
        let mut diagnostics = loaded.diagnostics;
        let refused = loaded.project.iter();
        diagnostics.extend(refused.flat_map(|one| policy::findings(one, &host.admission)));
        foreseen.push(Foreseen { name, diagnostics, preview });
    }
    for name in gone.iter().filter(|name| is_selected(name.as_str())) {
        let preview = Some(host.preview(name, None).await?);
        foreseen.push(Foreseen { name: name.to_string(), diagnostics: Vec::new(), preview });
    }
    Ok(foreseen)
}

/// How the container of a one-off command is made.
///
/// # Errors
/// The project or service is not known, its files have errors, or something that it needs is not there yet.
pub(super) async fn attended_container(
    context: &Context,
    engine: &Engine,
    (project, service): (&DesiredProject, &ServiceName),
    wish: &Attended,
) -> Result<AttendedContainer, CliError> {
    let paths = own_paths(context, engine).await?;
    let shared = project.containers_of_others();
    let host = Host::look(context, (engine.clone(), paths), &shared).await?;
    let made = host.ask(&project.name, Some(project), |input| match input.desired {
        Intent::Run(desired) => attended(input, desired, service, wish),
        _ => Err("nothing is declared".to_owned()),
    });
    made.await?.map_err(|why| {
        CliError::runtime(why).hint(format!(
            "`composelet describe {}/{service}` says what it waits for",
            project.name
        ))
    })
}

/// The engine of the settings.
///
/// # Errors
/// It cannot be reached.
pub(super) async fn connect(context: &Context) -> Result<Engine, CliError> {
    let settings = &context.settings;
    let engine = Engine::connect(&settings.host, settings.installation.clone()).await;
    engine.map_err(|failure| unreachable(context, &failure))
}

/// Why the engine could not be asked, with its address.
pub(super) fn unreachable(context: &Context, failure: &Failure) -> CliError {
    let host = &context.settings.host;
    CliError::runtime(format!("the engine at {host} cannot be asked: {}", failure.message))
        .hint("name another with -H or DOCKER_HOST; contexts of `docker context` are not read")
}

/// Where the engine finds what this process sees, if that runs in a container of the engine.
///
/// # Errors
/// The engine cannot be asked.
pub(super) async fn own_paths(context: &Context, engine: &Engine) -> Result<PathMap, CliError> {
    let own = engine.own_container(&traces()).await;
    let own = own.map_err(|failure| unreachable(context, &failure))?;
    if let Some(own) = &own {
        engine.keep_off(own.id.clone());
    }
    Ok(own.map(|own| own.paths).unwrap_or_default())
}

/// The engine and the ledger, as a plan needs them.
struct Host {
    engine: Engine,
    view: HostView,
    ledger: Option<Ledger>,
    policy: Policy,
    store: ContentStore,
    admission: Admission,
    paths: PathMap,
    now: Timestamp,
}

impl Host {
    async fn look(
        context: &Context,
        (engine, paths): (Engine, PathMap),
        shared: &BTreeSet<String>,
    ) -> Result<Self, CliError> {
        let settings = &context.settings;
        let view = engine.host_view(shared).await;
        let view = view.map_err(|failure| unreachable(context, &failure))?;
        let ledger = context.ledger().ok();
        let salt = ledger.as_ref().map_or_else(String::new, |ledger| ledger.salt().to_owned());
        let policy = Policy {
            installation: settings.installation.clone(),
            salt,
            rules: Arc::clone(&settings.rules),
            rotation: settings.rotation.clone(),
            ..Policy::default()
        };
        let near = (engine.socket(), engine.is_here());
        let admission = policy::admission(settings, &paths, (near.0.as_deref(), near.1));
        let store = ContentStore::new(&settings.state_dir.join("content"));
        Ok(Self { engine, view, ledger, policy, store, admission, paths, now: context.now() })
    }

    /// Adds what is known of all projects: their files, and how far the controller last found them.
    fn meet(&mut self, loaded: &[(String, Loaded)]) {
        let statuses = self.ledger.as_ref().map(Ledger::statuses).unwrap_or_default();
        let progress = |name: &ProjectName| {
            let status = statuses.iter().find(|status| status.name == *name);
            status.map_or_else(Progress::unseen, Progress::of)
        };
        let declared = loaded.iter().filter_map(|(_, loaded)| {
            let (name, project) = (loaded.name.clone()?, loaded.project.as_ref());
            let depends_on = project.map(|one| one.depends_on_projects.clone());
            let presence = Presence::Declared(progress(&name));
            Some((name, Neighbour { depends_on: depends_on.unwrap_or_default(), presence }))
        });
        let mut projects: Neighbours = declared.collect();
        for name in self.gone(loaded) {
            let (depends_on, presence) = (BTreeMap::new(), Presence::Leaving);
            projects.entry(name).or_insert(Neighbour { depends_on, presence });
        }
        self.view.projects = Arc::new(projects);
    }

    /// Projects that ran and that no entry claims any more.
    fn gone(&self, loaded: &[(String, Loaded)]) -> BTreeSet<ProjectName> {
        let known = self.ledger.as_ref().map(|ledger| ledger.load_host().0.projects);
        let claimed =
            |name: &ProjectName| loaded.iter().any(|(claimed, _)| claimed == name.as_str());
        known.unwrap_or_default().into_keys().filter(|name| !claimed(name)).collect()
    }

    /// What would happen to one project; without a desired state it goes.
    async fn preview(
        &self,
        name: &ProjectName,
        desired: Option<&DesiredProject>,
    ) -> Result<Preview, CliError> {
        self.ask(name, desired, preview).await
    }

    /// Asks the planner about one project, as it is now.
    async fn ask<T>(
        &self,
        name: &ProjectName,
        desired: Option<&DesiredProject>,
        question: impl FnOnce(&PlanInput<'_>) -> T,
    ) -> Result<T, CliError> {
        let ledger = self.ledger.as_ref().map(|ledger| ledger.load_project(name).0);
        let ledger = ledger.unwrap_or_default();
        let moved = desired.and_then(|desired| resolved(desired, &ledger));
        let desired = moved.as_ref().or(desired);
        let observed = self.engine.observe(&request(name, desired)).await;
        let observed = observed.map_err(|failure| {
            CliError::runtime(format!("project {name} cannot be observed: {}", failure.message))
        })?;
        let mut facts = desired.map_or_else(SourceFacts::default, |desired| {
            facts(desired, &self.store, (&self.paths, self.now))
        });
        let saved = self.ledger.as_ref().map(|ledger| ledger.backups(name)).unwrap_or_default();
        facts.backups = saved.iter().filter_map(BackupSet::saved).collect();
        let gate = desired.map(|desired| refusals(desired, &self.admission, &observed.volumes));
        Ok(question(&PlanInput {
            project: name,
            desired: desired.map_or(Intent::Remove, Intent::Run),
            declared: None,
            observed: &observed,
            host: &self.view,
            facts: &facts,
            ledger: &ledger,
            pre_stop: &StopHooks::new(),
            operations: &RunningOperations::new(),
            verdicts: &Verdicts { asker: Asker::Nobody, ..Verdicts::default() },
            gate: &gate.unwrap_or_default(),
            policy: &self.policy,
            now: self.now,
            wall: self.now,
        }))
    }
}

/// What has to be looked at for a project.
pub(super) fn request(name: &ProjectName, desired: Option<&DesiredProject>) -> ObserveRequest {
    let mut request =
        ObserveRequest { project: Some(name.clone()), fresh: true, ..ObserveRequest::default() };
    if let Some(desired) = desired {
        let services = desired.services.values();
        request.images = services.flat_map(DesiredService::images).map(str::to_owned).collect();
        request.networks = desired.networks.values().map(|network| network.name.clone()).collect();
        request.volumes = desired.volumes.values().map(|volume| volume.name.clone()).collect();
    }
    request
}

/// Binds and builds, read until every build context is known, as if it had been quiet for long enough.
fn facts(
    desired: &DesiredProject,
    content: &ContentStore,
    (paths, now): (&PathMap, Timestamp),
) -> SourceFacts {
    let mut reader = FactReader::default();
    let mut facts = reader.read(desired, paths, now);
    for _ in 0..FACT_READINGS {
        if !facts.builds.values().any(|digest| *digest == BuildDigest::Settling) {
            break;
        }
        facts = reader.read(desired, paths, now.plus(AS_IF_LATER));
    }
    facts.kept = content.places(desired, paths);
    facts.stamps = stamps(desired, &facts.kept, paths);
    facts
}
