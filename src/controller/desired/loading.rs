//! The loader asks for paths; this reads them and calls again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::manifest::Loading;
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::files::Entry;
use crate::model::files::{FileContent, Files};
use crate::model::id::ProjectName;
use crate::model::path::LocalPath;

/// Rounds of asking before a project is given up: includes and env files nest, but not without end.
const ROUNDS: usize = 64;

/// Turns the files of one entry into a project: it names the paths that it needs.
pub trait ManifestLoader: fmt::Debug + Send + Sync {
    /// Pure. Loads `entry` from what was read so far; `loading` keeps what was worked out over the rounds of one load.
    fn load(&self, entry: &Entry, files: &Files, loading: &mut Loading) -> Load;

    /// What `load` is to be given in the place of something that was read: an encrypted file opened. Blocking.
    fn opened(&self, path: &LocalPath, content: FileContent) -> FileContent;

    /// What encrypted files are opened with now, as a digest: with another one every entry is loaded anew. Blocking.
    fn keys(&self) -> String;
}

/// Answer of a loader.
#[derive(Clone, Debug)]
pub enum Load {
    /// These have to be read first.
    Needs(BTreeSet<LocalPath>),
    /// All was there.
    Loaded(Box<LoadedEntry>),
}

/// What loading gave.
#[derive(Clone, Debug)]
pub struct LoadedEntry {
    /// The project's name, if it could be found out.
    pub name: Option<ProjectName>,
    /// The project, unless an error forbids it.
    pub project: Option<DesiredProject>,
    /// Findings.
    pub diagnostics: Vec<Diagnostic>,
    /// Every path that mattered, missing ones included: what to watch.
    pub asked: BTreeSet<LocalPath>,
}

/// An entry as it was read and loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryReading {
    /// See [`LoadedEntry::name`].
    pub name: Option<ProjectName>,
    /// See [`LoadedEntry::project`].
    pub project: Option<Arc<DesiredProject>>,
    /// See [`LoadedEntry::diagnostics`].
    pub diagnostics: Vec<Diagnostic>,
    /// Exactly the files that loading asked for.
    pub files: Arc<Files>,
}

impl EntryReading {
    /// A directory that can be read and holds no Compose file is no project (DESIGN §5): a file that was there is gone,
    /// as it is when its directory is. Anything that keeps us from knowing is another finding.
    pub fn is_no_project(&self) -> bool {
        let errors = self.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let codes: Vec<&str> = errors.map(|found| found.code.as_str()).collect();
        self.project.is_none() && codes == ["no-compose-file"]
    }
}

/// Loads `entry`, reading through `read` what is asked for and not in `files` yet. Blocking, as `read` is.
pub fn load_entry(
    loader: &dyn ManifestLoader,
    entry: &Entry,
    mut files: Files,
    mut read: impl FnMut(&LocalPath) -> Option<FileContent>,
) -> EntryReading {
    let mut loading = Loading::default();
    files = files.into_iter().map(|(path, content)| opened(loader, path, content)).collect();
    for _ in 0..ROUNDS {
        let needs = match loader.load(entry, &files, &mut loading) {
            Load::Loaded(entry) => return entry_reading(*entry, files),
            Load::Needs(needs) => needs,
        };
        let before = files.len();
        for path in needs {
            if let Some(content) = read(&path) {
                let (path, content) = opened(loader, path, content);
                files.entry(path).or_insert(content);
            }
        }
        if files.len() == before {
            break;
        }
    }
    let name = None;
    let diagnostics = vec![endless(entry)];
    EntryReading { name, project: None, diagnostics, files: Arc::new(as_read(files)) }
}

fn opened(
    loader: &dyn ManifestLoader,
    path: LocalPath,
    content: FileContent,
) -> (LocalPath, FileContent) {
    let content = loader.opened(&path, content);
    (path, content)
}

/// What is compared and kept: what encrypted files say ends here.
fn as_read(files: Files) -> Files {
    files.into_iter().map(|(path, content)| (path, content.as_read())).collect()
}

fn entry_reading(loaded: LoadedEntry, mut files: Files) -> EntryReading {
    files.retain(|path, _| loaded.asked.contains(path));
    EntryReading {
        name: loaded.name,
        project: loaded.project.map(Arc::new),
        diagnostics: loaded.diagnostics,
        files: Arc::new(as_read(files)),
    }
}

fn endless(entry: &Entry) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "too-many-files".to_owned(),
        location: None,
        field: String::new(),
        message: format!(
            "{}: loading asked for further files again and again",
            entry.path().display()
        ),
        help: Some(format!("let files include or extend each other at most {ROUNDS} deep")),
        meanwhile: Some("the last good version goes on running".to_owned()),
        related: Vec::new(),
    }
}
