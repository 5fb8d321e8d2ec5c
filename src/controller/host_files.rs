//! Files of this host as the input of builds.

use std::io;
use std::sync::Arc;

use crate::engine::{BuildContext, BuildInput, BuildInputs, InputFile, InputKind};
use crate::model::build::Build;
use crate::source::{BuildFile, BuildFiles};

/// Reads the contexts of builds where their paths say.
#[derive(Clone, Copy, Debug)]
pub struct HostFiles;

struct Files(BuildFiles);

impl BuildInputs for HostFiles {
    fn of(&self, build: &Build, digest: &str) -> Arc<dyn BuildInput> {
        Arc::new(Files(BuildFiles::new(build, digest)))
    }
}

impl BuildInput for Files {
    fn archive(&self) -> BuildContext {
        self.0.archive()
    }

    fn instructions(&self) -> io::Result<String> {
        self.0.instructions()
    }

    fn files(&self) -> io::Result<Vec<InputFile>> {
        Ok(self.0.files()?.into_iter().map(input).collect())
    }
}

fn input(file: BuildFile) -> InputFile {
    let kind = match file.link() {
        Some(target) => InputKind::Link(target.to_path_buf()),
        None if file.is_directory() => InputKind::Directory,
        None => InputKind::File(file.size()),
    };
    InputFile {
        path: file.path().to_path_buf(),
        kind,
        mode: file.mode(),
        modified_ns: file.modified_ns(),
        open: Arc::new(move || file.open()),
    }
}
