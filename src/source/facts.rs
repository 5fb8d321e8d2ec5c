//! What the planner needs to know of files of the host that a project names.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::build::{Build, NamedContext};
use crate::model::config::MountSource;
use crate::model::content::{FileStamp, KeptState, Seen};
use crate::model::desired::{BindState, BuildDigest, DesiredProject, SourceFacts};
use crate::model::id::{ProjectName, ServiceName};
use crate::model::path::{HostPath, PathMap};
use crate::model::time::Timestamp;
use crate::source::context::{ContextError, list};
use crate::source::digest::{HASH_BUDGET_BYTES, HashCache, Hashed, quiet};
use crate::source::file::absent;

/// How long a build context must have been quiet before it is believed.
const QUIET: Duration = Duration::from_secs(5);

/// Reads binds and build contexts. Remembers hashes of files and when each digest was first seen.
#[derive(Debug, Default)]
pub struct FactReader {
    projects: BTreeMap<ProjectName, ProjectMemory>,
}

#[derive(Debug, Default)]
struct ProjectMemory {
    hashes: HashCache,
    /// The digest that each build had at the last reading, and since when.
    digests: BTreeMap<ServiceName, (String, Timestamp)>,
}

impl FactReader {
    /// Reads what `project` names. A build is `Known` when its context did not change for 5 s, by the times of its files or
    /// by two readings; a large context takes several readings and is `Settling` meanwhile. Blocking.
    pub fn read(
        &mut self,
        project: &DesiredProject,
        paths: &PathMap,
        now: Timestamp,
    ) -> SourceFacts {
        let sources = bind_sources(project);
        let mounted: Vec<PathBuf> =
            sources.iter().map(|source| paths.to_local(source).as_path().to_path_buf()).collect();
        let memory = self.projects.entry(project.name.clone()).or_default();
        SourceFacts {
            builds: memory.builds(project, &mounted, now),
            binds: bind_states(project, paths),
            ..SourceFacts::default()
        }
    }

    /// Forgets a project that went away.
    pub fn forget(&mut self, project: &ProjectName) {
        self.projects.remove(project);
    }
}

/// What the bind sources of a project are. Blocking.
pub fn bind_states(project: &DesiredProject, paths: &PathMap) -> BTreeMap<HostPath, BindState> {
    let states = bind_sources(project).into_iter().map(|source| {
        let state = bind_state(&source, paths);
        (source, state)
    });
    states.collect()
}

impl ProjectMemory {
    fn builds(
        &mut self,
        project: &DesiredProject,
        mounted: &[PathBuf],
        now: Timestamp,
    ) -> BTreeMap<ServiceName, BuildDigest> {
        let mut budget = HASH_BUDGET_BYTES;
        let wanted: Vec<(&ServiceName, &Build)> = project
            .services
            .iter()
            .filter_map(|(name, service)| Some((name, service.build.as_ref()?)))
            .collect();
        self.digests.retain(|name, _| wanted.iter().any(|(wanted, _)| *wanted == name));
        let mut done: Vec<(&Build, BuildDigest)> = Vec::new();
        let mut builds = BTreeMap::new();
        for (name, build) in wanted {
            // Services that share a build share its reading.
            let twin = done.iter().find(|(other, _)| *other == build);
            let digest = match twin {
                Some((_, digest)) => digest.clone(),
                None => self.build(name, build, mounted, (now, &mut budget)),
            };
            done.push((build, digest.clone()));
            builds.insert(name.clone(), digest);
        }
        if !builds.values().any(|digest| *digest == BuildDigest::Settling) {
            self.hashes.retain_used(now);
        }
        builds
    }

    fn build(
        &mut self,
        name: &ServiceName,
        build: &Build,
        mounted: &[PathBuf],
        (now, budget): (Timestamp, &mut u64),
    ) -> BuildDigest {
        match self.digest(build, mounted, now, budget) {
            Err(error) => BuildDigest::Unreadable(error.to_string()),
            Ok((Hashed::Unfinished, _)) => BuildDigest::Settling,
            Ok((Hashed::Digest(digest), newest)) => {
                let since = match self.digests.get(name) {
                    Some((seen, since)) if *seen == digest => *since,
                    _ => now,
                };
                self.digests.insert(name.clone(), (digest.clone(), since));
                if now.since(since) >= QUIET || quiet(newest, now, QUIET) {
                    BuildDigest::Known(digest)
                } else {
                    BuildDigest::Settling
                }
            }
        }
    }

    fn digest(
        &mut self,
        build: &Build,
        mounted: &[PathBuf],
        now: Timestamp,
        budget: &mut u64,
    ) -> Result<(Hashed, i128), ContextError> {
        let inside = match build.directory() {
            Some(root) => relative_to(root.as_path(), mounted),
            None => Vec::new(),
        };
        let listing = list(build, &|path| {
            path.file_name().is_some_and(|name| name == ".git")
                || inside.iter().any(|mount| path.starts_with(mount))
        })?
        .with_rules();
        let mut newest = listing.newest;
        let mut contexts = Vec::new();
        for (name, context) in &build.contexts {
            let NamedContext::Directory(path) = context else {
                continue;
            };
            let (hashed, changed) =
                self.digest(&Build::of_directory(path), mounted, now, budget)?;
            let Hashed::Digest(digest) = hashed else {
                return Ok((Hashed::Unfinished, changed));
            };
            newest = newest.max(changed);
            contexts.push((name.as_str(), digest));
        }
        let hashed = self.hashes.digest(build, (&listing, &contexts), now, budget)?;
        Ok((hashed, newest))
    }
}

/// Those of `mounted` that lie in the context, relative to it; links on the way to either are no obstacle.
fn relative_to(context: &Path, mounted: &[PathBuf]) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(context).ok();
    mounted
        .iter()
        .filter_map(|mount| {
            if let Ok(tail) = mount.strip_prefix(context) {
                return Some(tail.to_path_buf());
            }
            let mount = std::fs::canonicalize(mount).ok()?;
            mount.strip_prefix(real.as_ref()?).ok().map(Path::to_path_buf)
        })
        .collect()
}

/// Stamps of the files whose content counts; those that composelet writes are where `kept` says. Blocking.
pub fn stamps(
    project: &DesiredProject,
    kept: &BTreeMap<String, KeptState>,
    paths: &PathMap,
) -> BTreeMap<HostPath, FileStamp> {
    let files = project.services.values().flat_map(|service| service.files.values());
    let places = files.filter_map(|file| match &file.seen {
        Seen::Mounted(path) | Seen::Within(path) => Some(path),
        Seen::Kept(own) => match kept.get(&own.name)? {
            KeptState::Ready(path) => Some(path),
            KeptState::Failed(_) => None,
        },
    });
    places
        .filter_map(|path| {
            let metadata = std::fs::metadata(paths.to_local(path).as_path()).ok()?;
            let since_epoch = Duration::new(
                u64::try_from(metadata.ctime()).ok()?,
                u32::try_from(metadata.ctime_nsec()).ok()?,
            );
            let changed_at = Timestamp::default().plus(since_epoch);
            Some((path.clone(), FileStamp { inode: metadata.ino(), changed_at }))
        })
        .collect()
}

fn bind_sources(project: &DesiredProject) -> Vec<HostPath> {
    let mut sources: Vec<HostPath> = project
        .services
        .values()
        .flat_map(|service| service.config.mounts.values())
        .filter_map(|mount| match &mount.source {
            MountSource::Bind { source, .. } => Some(source.clone()),
            MountSource::Volume { .. }
            | MountSource::Kept { .. }
            | MountSource::Anonymous
            | MountSource::Tmpfs { .. }
            | MountSource::Image { .. } => None,
        })
        .collect();
    sources.sort();
    sources.dedup();
    sources
}

/// What lies at a bind source, links followed as the engine follows them.
fn bind_state(source: &HostPath, paths: &PathMap) -> BindState {
    if !visible(source, paths) {
        return BindState::Unknown;
    }
    let local = paths.to_local(source);
    match std::fs::metadata(local.as_path()) {
        Ok(metadata) if metadata.is_dir() => directory_state(local.as_path()),
        Ok(_) => BindState::File,
        Err(error) if absent(&error) => BindState::Missing,
        Err(_) => BindState::Unknown,
    }
}

/// Whether this process sees the path at all. Inside a container only what is mapped is the host's.
fn visible(source: &HostPath, paths: &PathMap) -> bool {
    paths.prefixes.is_empty()
        || paths.prefixes.iter().any(|(_, host)| source.as_path().starts_with(host))
}

/// `lost+found` comes with the file system and is nobody's data.
fn directory_state(path: &Path) -> BindState {
    let Ok(mut entries) = std::fs::read_dir(path) else {
        return BindState::Unknown;
    };
    let full = entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lost+found"));
    if full { BindState::FullDirectory } else { BindState::EmptyDirectory }
}
