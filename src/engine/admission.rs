//! The gate before everything that is made or run: what the policy refuses is not sent.
//!
//! The calls of the adapter that create, change, run, build or fetch take their request as [`Admitted`], and only this file
//! can make one: there is no way round it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;

use crate::engine::call::Call;
use crate::engine::docker::BuildRequest;
use crate::engine::facade::{Engine, locked};
use crate::engine::labels;
use crate::model::build::Build;
use crate::model::id::{ContainerId, ProjectName};
use crate::model::outcome::{Failure, FailureClass};
use crate::model::rulebook::{Level, RuleBook, Rules};
use crate::model::violation::Violation;
use crate::policy::{BuildInput, Facts, Ground, Request, SeenVolume, judge, wanted};

/// Follows links: where each path leads to. Blocking.
pub type Resolve = Arc<dyn Fn(&BTreeSet<String>) -> BTreeMap<String, String> + Send + Sync>;

/// Longest time that following links may take.
const RESOLVE_LIMIT: Duration = Duration::from_secs(10);

/// What requests are held against.
#[derive(Clone)]
pub struct Admission {
    /// Which rules hold for which project.
    pub rules: Arc<RuleBook>,
    /// Where composelet itself lives.
    pub ground: Ground,
    /// Follows links.
    pub resolve: Resolve,
    /// Where the files of each project lie, as far as they were judged: not every request says it.
    pub learnt: Arc<RwLock<BTreeMap<ProjectName, PathBuf>>>,
}

impl Admission {
    /// The rules of a project, by the git source that its files come from, else by its name.
    pub fn rules_of(&self, project: &ProjectName, directory: Option<&Path>) -> Arc<Rules> {
        let learnt = self.learnt.read().unwrap_or_else(PoisonError::into_inner);
        let directory = directory.or_else(|| learnt.get(project).map(PathBuf::as_path));
        Arc::clone(self.rules.rules_in(project, directory))
    }

    /// The files of a project lie here.
    pub fn learn(&self, project: &ProjectName, directory: &Path) {
        let mut learnt = self.learnt.write().unwrap_or_else(PoisonError::into_inner);
        learnt.insert(project.clone(), directory.to_path_buf());
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A request that passed the gate.
pub(in crate::engine) struct Admitted<T>(T);

impl<T> Admitted<T> {
    /// The request.
    pub(in crate::engine) fn get(&self) -> &T {
        &self.0
    }

    /// The request, to send it.
    pub(in crate::engine) fn into_inner(self) -> T {
        self.0
    }
}

/// A body with a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Create a container; whether its image was built here.
    Container {
        /// It was.
        built: bool,
    },
    /// Create a network.
    Network,
    /// Create a volume.
    Volume,
    /// Attach a container to a network.
    Connect,
    /// Run a command inside.
    Exec,
    /// Change limits or restart policy.
    Update,
}

impl Form {
    fn request(self, body: &Value) -> Request<'_> {
        match self {
            Self::Container { built } => Request::Container { body, built },
            Self::Network => Request::Network(body),
            Self::Volume => Request::Volume(body),
            Self::Connect => Request::Connect(body),
            Self::Exec => Request::Exec(body),
            Self::Update => Request::Update(body),
        }
    }
}

/// Whose request it is: a project, and the directory of its files, if that is known.
type Whose = (ProjectName, Option<String>);

impl Engine {
    /// Puts a policy before every request that makes or runs something. Without one everything is admitted.
    pub fn admit(&self, admission: Admission) {
        *locked(&self.inner.admission) = Some(Arc::new(admission));
    }

    fn admission(&self) -> Option<Arc<Admission>> {
        locked(&self.inner.admission).clone()
    }

    /// A body that says by its labels of identity whose it is: a container, a network or a volume that is created.
    ///
    /// # Errors
    /// `Denied` with all that the policy has against it; `Maybe` if links could not be followed in time.
    pub(super) async fn pass(&self, form: Form, body: Value) -> Result<Admitted<Value>, Failure> {
        if let Some(admission) = self.admission() {
            let label = |name: &str| {
                body.get("Labels").and_then(|labels| labels.get(name)).and_then(Value::as_str)
            };
            let project = ProjectName::new(label(labels::PROJECT).unwrap_or_default());
            let whose = (project, label(labels::WORKING_DIR).map(str::to_owned));
            self.judged(&admission, &whose, &form.request(&body)).await?;
        }
        Ok(Admitted(body))
    }

    /// A body about a container that exists; its labels say whose it is. What even the strictest profile admits needs no
    /// look at them.
    ///
    /// # Errors
    /// As [`Engine::pass`]; those of an inspect.
    pub(super) async fn pass_for(
        &self,
        (form, container): (Form, &ContainerId),
        body: Value,
    ) -> Result<Admitted<Value>, Failure> {
        if let Some(admission) = self.admission() {
            let nobody = ProjectName::new("");
            let strictest = Rules::of(Level::Restricted);
            let nothing = (&Ground::default(), &Facts::default());
            let request = form.request(&body);
            if !judge(&request, &strictest, (&nobody, None), nothing).is_empty() {
                let project = self.project_of(container).await?.unwrap_or(nobody);
                self.judged(&admission, &(project, None), &request).await?;
            }
        }
        Ok(Admitted(body))
    }

    /// An image that is fetched for a project.
    ///
    /// # Errors
    /// As [`Engine::pass`].
    pub(super) async fn pass_pull(
        &self,
        project: &ProjectName,
        reference: &str,
    ) -> Result<Admitted<String>, Failure> {
        if let Some(admission) = self.admission() {
            let whose = (project.clone(), None);
            self.judged(&admission, &whose, &Request::Pull(reference)).await?;
        }
        Ok(Admitted(reference.to_owned()))
    }

    /// A build of a project.
    ///
    /// # Errors
    /// As [`Engine::pass`].
    pub(super) async fn pass_build(
        &self,
        (project, directory): (&ProjectName, Option<&str>),
        build: &Build,
        sent: BuildRequest,
    ) -> Result<Admitted<BuildRequest>, Failure> {
        if let Some(admission) = self.admission() {
            let whose = (project.clone(), directory.map(str::to_owned));
            let parameters = sent.parameters.iter().map(|(name, _)| *name).collect();
            let input = BuildInput { build, parameters };
            self.judged(&admission, &whose, &Request::Build(input)).await?;
        }
        Ok(Admitted(sent))
    }

    async fn judged(
        &self,
        admission: &Admission,
        whose: &Whose,
        request: &Request<'_>,
    ) -> Result<(), Failure> {
        let (project, directory) = (&whose.0, whose.1.as_deref());
        let rules = admission.rules_of(project, directory.map(Path::new));
        if rules.admit_all() {
            return Ok(());
        }
        let facts = self.look_up(admission, &rules, (request, directory)).await?;
        let found = judge(request, &rules, (project, directory), (&admission.ground, &facts));
        if found.is_empty() { Ok(()) } else { Err(denied(&found)) }
    }

    /// What a judgement needs to know. A container or volume that is not there belongs to nobody.
    async fn look_up(
        &self,
        admission: &Admission,
        rules: &Rules,
        (request, directory): (&Request<'_>, Option<&str>),
    ) -> Result<Facts, Failure> {
        let wanted = wanted(request, (rules, &admission.ground), directory);
        let mut facts = Facts::default();
        for name in wanted.containers {
            if let Some(project) = self.project_of(&ContainerId::new(name.clone())).await? {
                facts.owners.insert(name, project.to_string());
            }
        }
        let client = self.client();
        for name in wanted.volumes {
            let look = client.inspect_volume(&name);
            match self.run(Call::read("inspect_volume", 10), look).await {
                Err(failure) if failure.class == FailureClass::NotFound => {}
                Err(failure) => return Err(failure),
                Ok(json) => {
                    let labels = json.labels.unwrap_or_default();
                    let volume = SeenVolume {
                        driver: json.driver.unwrap_or_default(),
                        options: json.options.unwrap_or_default(),
                        project: labels.get(labels::PROJECT).cloned(),
                    };
                    facts.volumes.insert(name, volume);
                }
            }
        }
        if !wanted.paths.is_empty() {
            facts.paths = followed(Arc::clone(&admission.resolve), wanted.paths).await?;
        }
        Ok(facts)
    }

    async fn project_of(&self, container: &ContainerId) -> Result<Option<ProjectName>, Failure> {
        let client = self.client();
        let look = client.inspect_container(container);
        match self.run(Call::read("inspect_container", 5), look).await {
            Err(failure) if failure.class == FailureClass::NotFound => Ok(None),
            Err(failure) => Err(failure),
            Ok(json) => {
                let labels = json.config.labels.unwrap_or_default();
                Ok(labels.get(labels::PROJECT).map(ProjectName::new))
            }
        }
    }
}

async fn followed(
    resolve: Resolve,
    paths: BTreeSet<String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let work = tokio::task::spawn_blocking(move || resolve(&paths));
    match tokio::time::timeout(RESOLVE_LIMIT, work).await {
        Ok(Ok(real)) => Ok(real),
        Ok(Err(_)) | Err(_) => Err(Failure {
            class: FailureClass::Engine,
            message: "the paths of its mounts could not be followed; nothing was sent".to_owned(),
        }),
    }
}

fn denied(found: &[Violation]) -> Failure {
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    Failure {
        class: FailureClass::Denied,
        message: format!("the policy refuses it: {}", text.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::{connect_json, update_json};
    use crate::model::config::{Endpoint, Resources, RestartPolicy};
    use crate::model::observed::ApiVersion;
    use crate::policy::{Kind, unclassified};

    #[test]
    fn every_field_of_attachments_and_updates_is_classified() {
        let endpoint = Endpoint {
            aliases: ["a".to_owned()].into(),
            ipv4_address: Some("10.0.0.2".to_owned()),
            ipv6_address: Some("fd00::2".to_owned()),
            link_local_ips: ["169.254.1.1".to_owned()].into(),
            mac_address: Some("02:00:00:00:00:01".to_owned()),
            driver_opts: [("a".to_owned(), "b".to_owned())].into(),
            gw_priority: 3,
            links: ["x:y".to_owned()].into(),
            interface_name: Some("eth7".to_owned()),
            priority: 2,
        };
        let resources = Resources {
            nano_cpus: Some(1),
            cpu_shares: Some(2),
            cpu_period: Some(3),
            cpu_quota: Some(4),
            cpuset: Some("0".to_owned()),
            memory_bytes: Some(5),
            memory_reservation_bytes: Some(6),
            memory_swap_bytes: Some(7),
            pids_limit: Some(8),
            blkio_weight: Some(9),
            cpu_rt_period: Some(10),
            cpu_rt_runtime: Some(11),
        };
        let names = ["web".to_owned()];
        for minor in [41, 44, 48, 51] {
            let api = ApiVersion::v1(minor);
            let id = ContainerId::new("c");
            for endpoint in [endpoint.clone(), Endpoint::default()] {
                let body = connect_json(&id, (&endpoint, &names), api).unwrap();
                assert!(unclassified(Kind::Connect, &body).is_empty(), "{body}");
            }
        }
        let body = update_json(Some(&resources), Some(&RestartPolicy::Always)).unwrap();
        assert!(unclassified(Kind::Update, &body).is_empty(), "{body}");
    }
}
