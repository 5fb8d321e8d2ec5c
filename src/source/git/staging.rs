//! Writing a commit out aside, once its list of files was found good.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::model::sync::{SyncError, SyncReason};
use crate::source::git::command::Git;
use crate::source::git::listing::{Listed, check_links, parse};
use crate::source::git::published::{Kind, walk};

/// Bytes of a list of files: what a path and its facts take, for the most files that anybody allows.
const MOST_LIST: usize = 64 << 20;
/// Bytes of all targets of links.
const MOST_LINKS: usize = 4 << 20;
/// First line of a file that stands for one of Git LFS, and the longest such file (git-lfs, docs/spec.md).
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";
const LFS_LONGEST: u64 = 1024;

/// A tree that was written out.
pub(super) struct Staged {
    /// Files and links below the directory that is taken.
    pub(super) files: BTreeMap<String, Kind>,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// Writes a commit out.
pub(super) async fn write_out(git: &Git<'_>, commit: &str) -> Result<Staged, SyncError> {
    let mut notes = Vec::new();
    let entries = list(git, commit).await?;
    links(git, &entries).await?;
    let submodules = entries.values().filter(|entry| **entry == Listed::Submodule).count();
    git.run(
        &["checkout", "--quiet", "--force", "--detach", "--no-recurse-submodules", commit],
        MOST_LINKS,
    )
    .await?;
    git.run(&["clean", "--quiet", "-ffdx"], MOST_LINKS).await?;
    if git.source.submodules && submodules > 0 {
        let words =
            ["submodule", "--quiet", "update", "--init", "--recursive", "--force", "--depth=1"];
        git.run(&words, MOST_LINKS).await?;
    } else if submodules > 0 {
        notes
            .push(format!("{submodules} submodules are not taken (`submodules: true` takes them)"));
    }
    let top = git.place.staging().join(git.source.path.as_str());
    let files = tokio::task::spawn_blocking(move || settled(&top)).await;
    let (files, pointers) = files
        .map_err(|error| not_written(&io::Error::other(error)))?
        .map_err(|error| not_written(&error))?;
    if pointers > 0 {
        notes.push(format!("{pointers} files stand for files of Git LFS (`lfs: true` takes them)"));
    }
    if git.source.submodules {
        check_all(&files, git)?;
    }
    Ok(Staged { files, notes })
}

pub(super) fn not_written(error: &io::Error) -> SyncError {
    SyncError::new(SyncReason::NotWritable, format!("the files cannot be written: {error}"))
}

/// The files of the commit below the directory that is taken.
async fn list(git: &Git<'_>, commit: &str) -> Result<BTreeMap<String, Listed>, SyncError> {
    let path = git.source.path.as_str();
    let tree = format!("{commit}:{path}");
    let ended =
        git.ended(&["ls-tree", "-r", "-z", "--long", "--full-tree", &tree], MOST_LIST).await?;
    if ended.code != 0 {
        let text =
            format!("there is no directory `{path}` in {commit}; the last good commit stays");
        return Err(SyncError::new(SyncReason::ReferenceNotFound, text));
    }
    parse(&ended.output, &git.source.limits)
}

/// Reads the targets of all links and refuses those that lead out.
async fn links(git: &Git<'_>, entries: &BTreeMap<String, Listed>) -> Result<(), SyncError> {
    let mut targets = BTreeMap::new();
    for (path, entry) in entries {
        if let Listed::Link(object) = entry {
            let target = git.run(&["cat-file", "blob", object], MOST_LINKS).await?;
            targets.insert(path.clone(), String::from_utf8_lossy(&target).into_owned());
        }
    }
    check_links(&targets)
}

/// What submodules brought is judged like the rest.
fn check_all(files: &BTreeMap<String, Kind>, git: &Git<'_>) -> Result<(), SyncError> {
    if files.len() > git.source.limits.files {
        let text = format!(
            "more than {} files with those of submodules (`limits` of the source)",
            git.source.limits.files
        );
        return Err(SyncError::new(SyncReason::TooLarge, text));
    }
    let targets = files.iter().filter_map(|(path, kind)| match kind {
        Kind::Link(target) => Some((path.clone(), target.clone())),
        Kind::File { .. } => None,
    });
    check_links(&targets.collect())
}

/// Gives files and directories the permissions that git means, whatever the umask, and counts files that stand for others.
fn settled(top: &Path) -> io::Result<(BTreeMap<String, Kind>, usize)> {
    let files = walk(top)?;
    let mut pointers = 0;
    for (path, kind) in &files {
        let Kind::File { executable, .. } = kind else { continue };
        let path = top.join(path);
        let mode = if *executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        pointers += usize::from(is_pointer(&path)?);
    }
    Ok((files, pointers))
}

fn is_pointer(path: &Path) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    if file.metadata()?.len() > LFS_LONGEST {
        return Ok(false);
    }
    let mut begin = Vec::new();
    Read::by_ref(&mut file).take(u64::try_from(LFS.len()).unwrap_or(0)).read_to_end(&mut begin)?;
    Ok(begin == LFS)
}
