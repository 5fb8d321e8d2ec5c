//! One synchronisation: from a look at the server to a tree that only has to be put in place.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use tokio::time::Instant;

use crate::model::commit::Commit;
use crate::model::git_source::GitSource;
use crate::model::sync::{SyncError, SyncReason};
use crate::model::time::Timestamp;
use crate::source::git::command::{Git, configuration, last_words};
use crate::source::git::fetch::{Fetched, Known, fetch};
use crate::source::git::place::SourcePlace;
use crate::source::git::publish::{Switch, sync_files};
use crate::source::git::published::{Comparison, Published, PublishedFile, compare};
use crate::source::git::staging::{Staged, not_written, write_out};

/// Names of files in a message.
const SHOWN: usize = 5;

/// What one synchronisation is about.
#[derive(Clone, Debug)]
pub struct SyncRequest {
    /// The source.
    pub source: GitSource,
    /// Where it keeps what it needs.
    pub place: SourcePlace,
    /// A commit that a person accepted although it is no descendant of the one in place.
    pub accepted: Option<String>,
    /// What time it is.
    pub now: Timestamp,
}

/// What a synchronisation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Synced {
    /// Everything is in place.
    InPlace(Commit),
    /// This has to be done for it.
    Ready(Box<Switch>),
}

/// Looks at the server, and writes out what is to be put in place. Dropping the future stops it; the next one goes on from
/// what is there.
///
/// # Errors
/// Why the newest commit cannot be put in place; what is in place stays.
pub async fn sync(request: &SyncRequest) -> Result<Synced, SyncError> {
    match attempt(request).await {
        // A repository that was torn by a crash is fetched anew: nothing is in it that the server does not have.
        Err(error) if is_torn(&error) => {
            std::fs::remove_dir_all(request.place.repository())
                .map_err(|error| not_written(&error))?;
            attempt(request).await
        }
        result => result,
    }
}

/// Words of git about its own repository.
const TORN: [&str; 8] = [
    "fatal: not a git repository: ",
    "bad object",
    "loose object",
    "packfile",
    "unable to read tree",
    "index file",
    "corrupt",
    "did not send all necessary objects",
];

fn is_torn(error: &SyncError) -> bool {
    TORN.iter().any(|word| error.message.contains(word))
}

async fn attempt(request: &SyncRequest) -> Result<Synced, SyncError> {
    let SyncRequest { source, place, .. } = request;
    let deadline = Instant::now() + source.limits.time;
    let git = Git { source, place, deadline };
    prepare(&git).await?;
    let before = published(place).await;
    let same_origin = before.as_ref().filter(|before| before.origin == origin(source));
    let known = Known {
        commit: same_origin.map(|before| before.commit.id.clone()),
        tag: same_origin.and_then(|before| before.tag.clone()),
        accepted: request.accepted.clone(),
    };
    let fetched = fetch(&git, &known).await?;
    let unchanged = same_origin.filter(|before| {
        let same = before.commit.id == fetched.commit.id && before.into == source.into.as_str();
        same && before.stands(&place.target())
    });
    if let Some(before) = unchanged {
        return Ok(Synced::InPlace(before.commit.clone()));
    }
    let staged = write_out(&git, &fetched.commit.id).await?;
    compared(request, before, fetched, staged).await
}

/// Repository and what is followed of it, as text.
fn origin(source: &GitSource) -> String {
    format!("{} {} {}", source.url.identity(), source.follow, source.path.as_str())
}

async fn published(place: &SourcePlace) -> Option<Published> {
    let place = place.clone();
    tokio::task::spawn_blocking(move || Published::read(&place)).await.ok().flatten()
}

/// Makes what git needs. What another repository left behind stays: objects have the names of their contents.
async fn prepare(git: &Git<'_>) -> Result<(), SyncError> {
    let (place, text) = (git.place.clone(), configuration(git.source));
    let made = tokio::task::spawn_blocking(move || {
        place.create()?;
        if place.repository().exists() {
            forget_locks(&place.repository())?;
        }
        std::fs::write(place.home().join("config"), text)
    });
    made.await
        .map_err(|error| not_written(&io::Error::other(error)))?
        .map_err(|error| not_written(&error))?;
    if git.place.repository().join("HEAD").exists() {
        return Ok(());
    }
    let repository = git.place.repository();
    let words =
        ["init", "--quiet", "--bare", "--template=", "--initial-branch=none", "--"].map(OsStr::new);
    let words: Vec<&OsStr> = words.into_iter().chain([repository.as_os_str()]).collect();
    let ended = git.program("git", &words).await?;
    if ended.code != 0 {
        return Err(not_written(&io::Error::other(last_words(&ended.messages))));
    }
    Ok(())
}

/// Locks that a git left behind which was killed: nobody else works here.
fn forget_locks(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lock") {
            std::fs::remove_file(path)?;
        } else if path.is_dir() && !path.ends_with("objects") {
            forget_locks(&path)?;
        }
    }
    Ok(())
}

/// What is to be done so that the tree is in place.
async fn compared(
    request: &SyncRequest,
    before: Option<Published>,
    fetched: Fetched,
    staged: Staged,
) -> Result<Synced, SyncError> {
    let (target, wanted) = (request.place.target(), staged.files.clone());
    // What lies in another directory, of an earlier setting, is the host's from now on.
    let old = before.filter(|before| before.into == request.source.into.as_str());
    let known = old.clone();
    let from = request.place.staging().join(request.source.path.as_str());
    let found = tokio::task::spawn_blocking(move || {
        let found = compare(&target, &wanted, known.as_ref())?;
        sync_files(&from, &found.changed)?;
        sync_files(&from, &found.in_the_way)?;
        Ok::<_, io::Error>(found)
    });
    let found = found.await.map_err(|error| not_written(&io::Error::other(error)))?;
    let mut found = found.map_err(|error| not_written(&error))?;
    if !found.in_the_way.is_empty() || !found.blocked.is_empty() {
        give_way(request, &mut found)?;
    }
    let files =
        staged.files.into_iter().map(|(path, kind)| (path, PublishedFile { kind, stamp: None }));
    let same = old.as_ref().is_some_and(|old| {
        old.commit.id == fetched.commit.id
            && found.is_nothing()
            && old.origin == origin(&request.source)
    });
    let since = old.filter(|_| same).map_or(request.now, |old| old.since);
    let published = Published {
        origin: origin(&request.source),
        commit: fetched.commit,
        tag: fetched.tag,
        since,
        into: request.source.into.as_str().to_owned(),
        files: files.collect(),
        notes: staged.notes,
    };
    let from = request.source.path.as_str().to_owned();
    let Comparison { changed, removed, by_hand, .. } = found;
    Ok(Synced::Ready(Box::new(Switch { published, from, put: changed, removed, aside: by_hand })))
}

/// Files of the host are not overwritten, unless the source may take over; directories and what lies behind links never.
fn give_way(request: &SyncRequest, found: &mut Comparison) -> Result<(), SyncError> {
    if request.source.takeover && found.blocked.is_empty() {
        let paths = std::mem::take(&mut found.in_the_way);
        found.by_hand.extend(paths.iter().cloned());
        found.changed.extend(paths);
        return Ok(());
    }
    let all: Vec<&str> =
        found.blocked.iter().chain(&found.in_the_way).map(String::as_str).collect();
    let shown = all.get(..SHOWN).unwrap_or(&all).join(", ");
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mend = if found.blocked.is_empty() {
        "move them away, or let the source replace them (`takeover: true`; they are kept aside)"
    } else {
        "a directory or a link of the host is in the way, which is never replaced: move it away"
    };
    let text = format!(
        "files of the host lie in {} where those of the commit belong: {shown}{more}; nothing was touched: {mend}",
        request.place.target().display(),
    );
    Err(SyncError::new(SyncReason::FilesInTheWay, text))
}
