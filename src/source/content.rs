//! Files that composelet writes for containers: configs and secrets that are no plain files of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::model::content::{KeptFile, KeptState, Seen};
use crate::model::desired::{DesiredProject, DesiredService};
use crate::model::id::ProjectName;
use crate::model::path::{HostPath, LocalPath, PathMap};

/// A directory with one directory for each project, 0700; the files have the owner and mode that containers are to see. The
/// engine binds the files themselves, so that nobody but root needs a way through the directories.
#[derive(Clone, Debug)]
pub struct ContentStore {
    directory: PathBuf,
}

impl ContentStore {
    /// A store in `directory`, which is made with the first file.
    pub fn new(directory: &LocalPath) -> Self {
        Self { directory: directory.as_path().to_path_buf() }
    }

    /// Where each file of a project is or would be. Writes nothing.
    pub fn places(&self, project: &DesiredProject, paths: &PathMap) -> BTreeMap<String, KeptState> {
        let files = project.services.values().flat_map(kept);
        files
            .map(|file| {
                let place = self.host_path(&project.name, &file.name, paths);
                (file.name.clone(), KeptState::Ready(place))
            })
            .collect()
    }

    /// Brings every file of `services` to what it should be. One that exists is rewritten in place, so that containers that
    /// have it mounted see the change; one that is right is not touched. On return all is on the disk. Blocking.
    pub fn write<'a>(
        &self,
        project: &ProjectName,
        services: impl Iterator<Item = &'a DesiredService>,
        paths: &PathMap,
    ) -> BTreeMap<String, KeptState> {
        if !paths.shows(&LocalPath::new(&self.directory)) {
            let why = format!(
                "{} is in this container alone: mount a volume, or a directory of the host, for the state directory",
                self.directory.display()
            );
            let failed = |file: &KeptFile| (file.name.clone(), KeptState::Failed(why.clone()));
            return services.flat_map(kept).map(failed).collect();
        }
        let write = |file: &KeptFile| match self.write_one(project, file) {
            Ok(()) => KeptState::Ready(self.host_path(project, &file.name, paths)),
            Err(error) => KeptState::Failed(error.to_string()),
        };
        services.flat_map(kept).map(|file| (file.name.clone(), write(file))).collect()
    }

    /// Removes the files of a project that are not in `keep`, and its directory with the last one. Blocking.
    ///
    /// # Errors
    /// If the directory cannot be read, or a file not be removed.
    pub fn sweep(
        &self,
        project: &ProjectName,
        keep: &BTreeSet<HostPath>,
        paths: &PathMap,
    ) -> io::Result<usize> {
        let directory = self.directory.join(project.as_str());
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let (mut kept, mut removed) = (0_usize, 0_usize);
        for entry in entries {
            let path = entry?.path();
            if keep.contains(&paths.to_host(&LocalPath::new(&path))) {
                kept += 1;
            } else {
                std::fs::remove_file(&path)?;
                removed += 1;
            }
        }
        if kept == 0 {
            std::fs::remove_dir(&directory)?;
        }
        Ok(removed)
    }

    fn host_path(&self, project: &ProjectName, name: &str, paths: &PathMap) -> HostPath {
        paths.to_host(&LocalPath::new(self.directory.join(project.as_str()).join(name)))
    }

    fn write_one(&self, project: &ProjectName, file: &KeptFile) -> io::Result<()> {
        let directory = self.directory.join(project.as_str());
        let path = directory.join(&file.name);
        match OpenOptions::new().read(true).custom_flags(nofollow()).open(&path) {
            Ok(open) => return mend(open, &path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let mut new = tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(PermissionsExt::from_mode(0o600))
            .tempfile_in(&directory)?;
        new.write_all(file.bytes.expose())?;
        own(new.as_file(), file)?;
        new.as_file().sync_all()?;
        new.persist(&path).map_err(|error| error.error)?;
        File::open(&directory)?.sync_all()
    }
}

fn kept(service: &DesiredService) -> impl Iterator<Item = &KeptFile> {
    service.files.values().filter_map(|file| match &file.seen {
        Seen::Kept(kept) => Some(kept),
        Seen::Mounted(_) | Seen::Within(_) => None,
    })
}

/// A link at the place of a file would let somebody else choose what is written.
fn nofollow() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default()
}

/// Puts right what differs, in the same inode: a bind holds on to it.
fn mend(mut open: File, path: &Path, file: &KeptFile) -> io::Result<()> {
    let metadata = open.metadata()?;
    let wanted = file.bytes.expose();
    let length = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    if metadata.len() == length {
        open.read_to_end(&mut bytes)?;
    }
    if metadata.len() != length || bytes != wanted {
        let mut open = OpenOptions::new().write(true).custom_flags(nofollow()).open(path)?;
        open.write_all(wanted)?;
        open.set_len(length)?;
        open.sync_all()?;
    }
    let owner = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
    if owner != (file.uid, file.gid, file.mode) {
        own(&open, file)?;
    }
    Ok(())
}

/// Owner first: a change of owner takes special bits away.
fn own(open: &File, file: &KeptFile) -> io::Result<()> {
    let metadata = open.metadata()?;
    if (metadata.uid(), metadata.gid()) != (file.uid, file.gid) {
        fchown(open, Some(file.uid), Some(file.gid)).map_err(|error| {
            let text = format!("it cannot be given to {}:{}: {error}", file.uid, file.gid);
            io::Error::new(error.kind(), text)
        })?;
    }
    open.set_permissions(PermissionsExt::from_mode(file.mode))
}
