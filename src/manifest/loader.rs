//! One call of the loader, from an entry to a project with its diagnostics.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::desired;
use crate::manifest::discovery;
use crate::manifest::dotenv::Assignments;
use crate::manifest::environment::Environment;
use crate::manifest::files::{Files, Seen};
use crate::manifest::host_paths;
use crate::manifest::layers::{Layers, MOST_FILES};
use crate::manifest::lint;
use crate::manifest::node::Node;
use crate::manifest::normalise::{self, Normal};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{canonical, ofelia_run, variables};
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::Diagnostic;
use crate::model::files::Entry;
use crate::model::files::FileContent;
use crate::model::id::ProjectName;
use crate::model::path::{LocalPath, PathMap};
use crate::model::secret::Secret;

/// One call of the loader. Pure: no file system, no environment of the process.
#[derive(Clone, Copy)]
pub struct LoadInput<'a> {
    /// What the project is read from.
    pub entry: &'a Entry,
    /// What was read so far.
    pub files: &'a BTreeMap<LocalPath, FileContent>,
    /// What the settings let in (`--env NAME`).
    pub environment: &'a BTreeMap<String, String>,
    /// What the settings of this host add.
    pub choices: &'a HostChoices,
    /// Whose rules of precedence hold.
    pub dialect: Dialect,
}

impl std::fmt::Debug for LoadInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Variables and files hold secrets (invariant 17).
        f.debug_struct("LoadInput")
            .field("entry", self.entry)
            .field("files", &self.files.keys())
            .field("environment", &self.environment.keys())
            .field("choices", self.choices)
            .field("dialect", &self.dialect)
            .finish()
    }
}

/// What the settings of one host add to a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostChoices {
    /// Profiles that are enabled beside those of COMPOSE_PROFILES.
    pub profiles: BTreeSet<String>,
    /// Files that are merged after the project's own.
    pub files: Vec<LocalPath>,
    /// Below these directories a variable without value and default is an error: git sources write there, and the values are
    /// those of this host.
    pub strict: Vec<LocalPath>,
    /// What holds for one project only, by its name.
    pub projects: BTreeMap<ProjectName, ProjectChoices>,
    /// Where the engine finds what is read here.
    pub paths: PathMap,
}

fn is_strict(input: &LoadInput<'_>) -> bool {
    let entry = input.entry.path().as_path();
    input.choices.strict.iter().any(|directory| entry.starts_with(directory.as_path()))
}

/// What the settings of one host choose for one project, so that staging and production run from the same files. Paths are
/// relative to the project's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectChoices {
    /// Profiles that are enabled beside those of COMPOSE_PROFILES.
    pub profiles: BTreeSet<String>,
    /// Files that are merged after the project's own, in this order. They cannot name the project.
    pub files: Vec<String>,
    /// Files of variables over `.env`, the later over the earlier; what `--env` lets in stands above them.
    pub env_files: Vec<String>,
}

/// Whose rules of precedence hold where the controller and the command line differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The top-level `name` beats COMPOSE_PROJECT_NAME (DESIGN §5).
    #[default]
    Controller,
    /// COMPOSE_PROJECT_NAME beats the top-level `name`, as for `docker compose`.
    Cli,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub enum LoadResult {
    /// These paths must be read first; then call again with what was found.
    Needs(BTreeSet<LocalPath>),
    /// The project.
    Loaded(Box<Loaded>),
}

/// A project that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its name, known also if there are errors further on.
    pub name: Option<ProjectName>,
    /// The project; `None` if there is an error.
    pub project: Option<DesiredProject>,
    /// What was found, errors first.
    pub diagnostics: Vec<Diagnostic>,
    /// Every path that was consulted, also those that do not exist: the watch list.
    pub asked: BTreeSet<LocalPath>,
    /// The canonical form, for the command `config`; `None` if there is an error.
    pub canonical: Option<canonical::Canonical>,
    /// Values of encrypted files, for those who print the project.
    pub decrypted: BTreeSet<Secret>,
}

/// Reads a project from the files given, or says which files it needs. Never panics, whatever the bytes are; time and
/// memory are bounded (1 MiB a file, 100,000 values, 64 levels).
pub fn load(input: &LoadInput<'_>) -> LoadResult {
    Loading::default().step(input)
}

/// A load that is called again and again, each time with what it asked for, until it needs no more. What is only read for
/// mounts and warnings is asked for last; then the project is not worked out a second time.
#[derive(Debug, Default)]
pub struct Loading {
    halfway: Option<Halfway>,
}

/// A project in normal form, with all that was found on the way to it.
#[derive(Debug)]
struct Halfway {
    name: ProjectName,
    directory: LocalPath,
    paths: Vec<LocalPath>,
    profiles: BTreeSet<String>,
    environment: Environment,
    report: Report,
    seen: Seen,
    normal: Normal,
}

impl Loading {
    /// As [`load`]. The input must be that of the step before, with more files.
    pub fn step(&mut self, input: &LoadInput<'_>) -> LoadResult {
        let halfway = match self.halfway.take() {
            Some(halfway) => halfway,
            None => match begin(input) {
                Ok(halfway) => halfway,
                Err(end) => return end,
            },
        };
        let mut files = Files::resume(input.files, halfway.seen.clone());
        let (report, project) = halfway.finish(input, &mut files);
        if files.lacking() {
            self.halfway = Some(halfway);
            return LoadResult::Needs(files.into_parts().0);
        }
        let project = project.filter(|_| report.errors() == 0);
        let canonical = project.is_some().then(|| canonical::Canonical::new(halfway.normal.tree));
        LoadResult::Loaded(Box::new(Loaded {
            name: Some(halfway.name),
            project,
            decrypted: report.decrypted.clone(),
            diagnostics: report.into_diagnostics(),
            asked: files.into_parts().1,
            canonical,
        }))
    }
}

/// The way to the normal form; the end of the load if it does not lead there.
fn begin(input: &LoadInput<'_>) -> Result<Halfway, LoadResult> {
    let mut load = Load {
        files: Files::new(input.files),
        report: Report::seeing(&input.choices.paths),
        environment: Environment::new(input.environment).strict(is_strict(input)),
        name: None,
    };
    let reached = load.run(input);
    let Load { files, report, environment, name } = load;
    if files.lacking() {
        return Err(LoadResult::Needs(files.into_parts().0));
    }
    match (reached, name) {
        (Some(Reached { directory, paths, profiles, normal }), Some(name)) => {
            let seen = files.seen().clone();
            Ok(Halfway { name, directory, paths, profiles, environment, report, seen, normal })
        }
        (_, name) => Err(LoadResult::Loaded(Box::new(Loaded {
            name,
            project: None,
            decrypted: report.decrypted.clone(),
            diagnostics: report.into_diagnostics(),
            asked: files.into_parts().1,
            canonical: None,
        }))),
    }
}

impl Halfway {
    /// The model, and warnings. It leaves no trace here, because it may be called again with more files.
    fn finish<'f>(
        &self,
        input: &LoadInput<'f>,
        files: &mut Files<'f>,
    ) -> (Report, Option<DesiredProject>) {
        let (mut report, mut environment) = (self.report.clone(), self.environment.clone());
        let mut context = normalise::Context {
            name: &self.name,
            directory: &self.directory,
            config_files: &self.paths,
            profiles: &self.profiles,
            environment: &mut environment,
            files,
            report: &mut report,
        };
        // Asked for together with the files of configs and secrets, to save a round.
        lint::ask(&self.normal, &mut context);
        let mut project = desired::project(&self.normal, &mut context);
        if let Some(project) = &mut project {
            lint::run(&self.normal, input.entry, &mut context);
            host_paths::translate(project, &input.choices.paths);
        }
        (report, project)
    }
}

struct Load<'a> {
    files: Files<'a>,
    report: Report,
    environment: Environment,
    name: Option<ProjectName>,
}

/// What the way to the normal form gives.
struct Reached {
    directory: LocalPath,
    paths: Vec<LocalPath>,
    profiles: BTreeSet<String>,
    normal: Normal,
}

impl<'a> Load<'a> {
    fn run(&mut self, input: &LoadInput<'a>) -> Option<Reached> {
        if let Entry::Directory(directory) = input.entry {
            // Asked for together with `.env`, to save a round.
            let _listing = self.files.get(directory);
        }
        self.dotenv(input)?;
        let paths = discovery::compose_files(
            input.entry,
            &mut self.environment,
            &mut self.files,
            &mut self.report,
        );
        let mut paths = paths?;
        paths.extend(input.choices.files.iter().cloned());
        let directory = paths.first()?.parent();
        let mut documents =
            Layers::new(&directory, &mut self.files, &mut self.report).read_all(&paths)?;
        self.not_empty(&paths, &documents);
        self.name = self.project_name(input, &documents, &directory);
        let own = self.name.as_ref().and_then(|name| input.choices.projects.get(name));
        if let Some(own) = own {
            self.own_variables(own, &directory, input)?;
            let more: Vec<LocalPath> = own.files.iter().map(|file| directory.join(file)).collect();
            let mut layers = Layers::new(&directory, &mut self.files, &mut self.report);
            documents.extend(layers.read_all(&more)?);
            paths.extend(more);
        }
        if let Some(name) = &self.name {
            self.environment.set("COMPOSE_PROJECT_NAME", name.as_str());
        }
        let mut layers = Layers::new(&directory, &mut self.files, &mut self.report);
        layers.chain.clone_from(&paths);
        let mut model = layers.merge_all(documents, &mut self.environment)?;
        if self.files.lacking() || self.report.errors() > 0 {
            return None;
        }
        let name = self.name.clone()?;
        if input.dialect == Dialect::Controller {
            ofelia_run::add(&mut model, &name, &mut self.report);
        }
        let profiles = self.profiles(input, own);
        let mut context = normalise::Context {
            name: &name,
            directory: &directory,
            config_files: &paths,
            profiles: &profiles,
            environment: &mut self.environment,
            files: &mut self.files,
            report: &mut self.report,
        };
        let normal = normalise::normalise(model, &mut context)?;
        Some(Reached { directory, paths, profiles, normal })
    }

    /// One empty file among others is nothing; all of them empty are no project.
    fn not_empty(&mut self, paths: &[LocalPath], documents: &[Node]) {
        if documents.is_empty() {
            let names: Vec<&str> = paths.iter().map(LocalPath::file_name).collect();
            let finding =
                Finding::error("empty-file", "", format!("{} is empty", names.join(", ")));
            self.report.add(finding.help("a Compose file has at least services:"));
        }
    }

    /// The env files that this host chooses for the project, over `.env` and below what the settings let in.
    fn own_variables(
        &mut self,
        own: &ProjectChoices,
        directory: &LocalPath,
        input: &LoadInput<'_>,
    ) -> Option<()> {
        let mut values = Assignments::new();
        for file in &own.env_files {
            self.env_file(&directory.join(file), true, &mut values)?;
        }
        for (name, value) in values {
            if !input.environment.contains_key(&name) {
                self.environment.set(&name, &value);
            }
        }
        Some(())
    }

    fn profiles(
        &mut self,
        input: &LoadInput<'_>,
        own: Option<&ProjectChoices>,
    ) -> BTreeSet<String> {
        let named = self.environment.get("COMPOSE_PROFILES").unwrap_or_default();
        // Nothing named is the profile without a name, as for the command line.
        let named = named.split(',').map(str::trim);
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        let chosen = own.into_iter().flat_map(|own| &own.profiles);
        named.iter().chain(&input.choices.profiles).chain(chosen).cloned().collect()
    }

    /// `.env`, and the files of COMPOSE_ENV_FILES above it; for the command line these stand in its place, and `.env` cannot
    /// name them.
    fn dotenv(&mut self, input: &LoadInput<'_>) -> Option<()> {
        let directory = input.entry.directory();
        let mut values = Assignments::new();
        let mut files = self.environment.get("COMPOSE_ENV_FILES");
        let disabled = self.environment.get("COMPOSE_DISABLE_ENV_FILE");
        let disabled = disabled.is_some_and(|text| matches!(&*text, "1" | "true"));
        let replaced = input.dialect == Dialect::Cli && files.is_some();
        if !disabled && !replaced {
            self.env_file(&directory.join(".env"), false, &mut values)?;
        }
        if input.dialect == Dialect::Controller {
            files = files.or_else(|| values.get("COMPOSE_ENV_FILES").cloned());
        }
        let files = files.unwrap_or_default();
        if files.split(',').count() > MOST_FILES {
            let message = "COMPOSE_ENV_FILES names too many files";
            self.report.add(
                Finding::error("too-many-files", "", message)
                    .help(format!("at most {MOST_FILES} files")),
            );
            return None;
        }
        for path in files.split(',').filter(|path| !path.is_empty()) {
            self.env_file(&directory.join(path), true, &mut values)?;
        }
        if matches!(input.entry, Entry::File(_)) {
            // Several projects share that directory: its .env names neither a project nor its files.
            values.remove("COMPOSE_FILE");
            values.remove("COMPOSE_PROJECT_NAME");
        }
        self.environment.add_below(values);
        Some(())
    }

    fn env_file(
        &mut self,
        path: &LocalPath,
        required: bool,
        values: &mut Assignments,
    ) -> Option<()> {
        let Self { files, report, environment, .. } = self;
        variables::read(path, required, values, files, environment, report)
    }

    /// Explicit name, COMPOSE_PROJECT_NAME, or the name of directory or file; the last top-level `name` wins.
    fn project_name(
        &mut self,
        input: &LoadInput<'_>,
        documents: &[Node],
        directory: &LocalPath,
    ) -> Option<ProjectName> {
        let named = documents.iter().rev().find_map(|document| document.get("name"));
        let from_environment =
            self.environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
        let explicit = named.and_then(|node| {
            let written = node.as_text()?;
            let mut quiet = Report::default();
            let field = || "name".to_owned();
            Some(self.environment.text(written, node.place, &field, &mut quiet))
        });
        let explicit = explicit.filter(|name| !name.is_empty());
        if let Some(name) = &from_environment
            && (input.dialect == Dialect::Cli || explicit.is_none())
        {
            if discovery::normalise_name(name) == **name {
                return Some(ProjectName::new(name.to_string()));
            }
            self.report.add(
                Finding::error(
                    "project-name",
                    "name",
                    "COMPOSE_PROJECT_NAME is not a valid project name",
                )
                .help("lower-case letters, digits, _ and -, beginning with a letter or digit"),
            );
            return None;
        }
        // The command line asks where the first file lies; for us the directory that is watched is the project (DESIGN §5).
        let base = match input.dialect {
            Dialect::Cli if matches!(input.entry, Entry::Directory(_)) => directory.file_name(),
            _ => input.entry.base_name(),
        };
        let text = explicit.as_deref().unwrap_or(base);
        let name = discovery::normalise_name(text);
        if name.is_empty() {
            let mut finding =
                Finding::error("project-name", "name", "nothing of the name can be used")
                    .help("lower-case letters, digits, _ and -, beginning with a letter or digit");
            if let Some(node) = named {
                finding = finding.at(node.place);
            }
            self.report.add(finding);
            return None;
        }
        Some(ProjectName::new(name))
    }
}
