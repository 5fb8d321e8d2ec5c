//! From the server into the repository: the commit that is followed, whether its history goes on, and who signed it.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::model::commit::Commit;
use crate::model::git_source::{Follow, Rewrites, Signers};
use crate::model::sync::{SyncError, SyncReason};
use crate::source::git::command::{Git, last_words, not_configured};
use crate::tags;

/// Commits of a branch that are fetched first; more, if the last good one is not among them.
const DEPTH: u32 = 50;
/// So many more, one after the other, until the last good commit is found.
const DEEPER: [u32; 2] = [500, 5_000];
/// Bytes of a list of tags.
const MOST_TAGS: usize = 4 << 20;
/// Bytes of a short answer.
const SHORT: usize = 64 * 1024;
/// How often the size of a fetch is looked at.
const MEASURE: Duration = Duration::from_millis(250);

/// Where what was fetched is found.
const TIP: &str = "refs/composelet/tip";

/// What was fetched.
pub(super) struct Fetched {
    pub(super) commit: Commit,
    /// The tag that was followed.
    pub(super) tag: Option<String>,
}

/// What is in place.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) commit: Option<String>,
    pub(super) tag: Option<String>,
    /// A commit that a person accepted although it is no descendant of that one.
    pub(super) accepted: Option<String>,
}

/// Fetches the commit that is followed and checks it.
pub(super) async fn fetch(git: &Git<'_>, known: &Known) -> Result<Fetched, SyncError> {
    let tag = match &git.source.follow {
        Follow::Semver(range) => Some(highest(git, range, known.tag.as_deref()).await?),
        Follow::Tag(tag) => Some(tag.clone()),
        Follow::Branch(_) | Follow::Commit(_) => None,
    };
    match (&git.source.follow, &tag) {
        (_, Some(tag)) => transfer(git, &["--depth=1"], &format!("+refs/tags/{tag}:{TIP}")).await?,
        (Follow::Branch(branch), None) => {
            let depth = format!("--depth={DEPTH}");
            transfer(git, &[&depth], &format!("+refs/heads/{branch}:{TIP}")).await?;
        }
        (Follow::Commit(id), None) => one_commit(git, id).await?,
        (Follow::Tag(_) | Follow::Semver(_), None) => {}
    }
    let id = text(
        git,
        &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{TIP}^{{commit}}")],
    )
    .await?;
    let commit = described(git, &id).await?;
    goes_on(git, known, &commit.id, tag.as_deref()).await?;
    signed(git, &commit.id, tag.is_some()).await?;
    Ok(Fetched { commit, tag })
}

async fn text(git: &Git<'_>, words: &[&str]) -> Result<String, SyncError> {
    let output = git.run(words, SHORT).await?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

/// The tag with the highest version of a range. One that is in place is not left for a lower one.
async fn highest(git: &Git<'_>, range: &str, present: Option<&str>) -> Result<String, SyncError> {
    let url = git.source.url.as_str();
    let output = git.run(&["ls-remote", "--tags", "--refs", "--", url], MOST_TAGS).await?;
    let output = String::from_utf8_lossy(&output);
    let names =
        output.lines().filter_map(|line| line.split_once('\t')?.1.strip_prefix("refs/tags/"));
    // The same rule as in settings: a name of a server becomes a word of a command, too.
    let names: Vec<String> = names.filter_map(|name| Follow::reference(name).ok()).collect();
    tags::highest(&names, range, present).ok_or_else(|| {
        let below =
            present.map_or_else(String::new, |tag| format!(" that is not lower than {tag}"));
        let text = format!(
            "{url}: none of {} tags is a version of `{range}`{below}; the last good commit stays",
            names.len()
        );
        SyncError::new(SyncReason::ReferenceNotFound, text)
    })
}

/// One commit by its name; from a server that gives none that way, all branches and tags.
async fn one_commit(git: &Git<'_>, id: &str) -> Result<(), SyncError> {
    let direct = transfer(git, &["--depth=1"], &format!("+{id}:{TIP}")).await;
    match direct {
        Err(error)
            if matches!(error.reason, SyncReason::ReferenceNotFound | SyncReason::Unreachable) => {}
        done => return done,
    }
    let all = ["+refs/heads/*:refs/composelet/heads/*", "+refs/tags/*:refs/composelet/tags/*"];
    for references in all {
        transfer(git, &[], references).await?;
    }
    let there = git.ended(&["cat-file", "-e", &format!("{id}^{{commit}}")], SHORT).await?;
    if there.code != 0 {
        let text = format!(
            "{}: there is no commit {id}; the last good one stays",
            git.source.url.as_str()
        );
        return Err(SyncError::new(SyncReason::ReferenceNotFound, text));
    }
    git.run(&["update-ref", TIP, id], SHORT).await.map(drop)
}

/// A fetch that is stopped once it has brought more bytes than allowed.
async fn transfer(git: &Git<'_>, options: &[&str], references: &str) -> Result<(), SyncError> {
    let mut words = vec![
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--force",
    ];
    words.extend(options);
    words.extend(["--", git.source.url.as_str(), references]);
    let objects = git.place.repository().join("objects");
    let before = size(&objects);
    let limit = git.source.limits.bytes;
    let grown = async {
        let mut ticks = tokio::time::interval(MEASURE);
        loop {
            ticks.tick().await;
            if size(&objects).saturating_sub(before) > limit {
                return;
            }
        }
    };
    let result = tokio::select! {
        // Not polled again after its end; dropping it kills the command.
        result = git.run(&words, SHORT) => result.map(drop),
        // Ends only beyond the limit.
        () = grown => {
            let text = format!("a fetch brought more than {limit} bytes (`limits` of the source); the last good commit stays");
            Err(SyncError::new(SyncReason::TooLarge, text))
        }
    };
    if result.is_err() {
        forget_torn(&objects);
    }
    result
}

/// Bytes of all files below a directory of objects.
fn size(objects: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(objects) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { size(&entry.path()) } else { metadata.len() })
    });
    sizes.sum()
}

/// Removes what a fetch that was killed left behind.
fn forget_torn(objects: &Path) {
    for directory in [objects.to_path_buf(), objects.join("pack")] {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("tmp_") {
                let path = entry.path();
                drop(std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path)));
            }
        }
    }
}

async fn described(git: &Git<'_>, id: &str) -> Result<Commit, SyncError> {
    let shown = text(
        git,
        &[
            "show",
            "--no-patch",
            "--no-show-signature",
            "--format=%an%x00%s",
            "--end-of-options",
            id,
        ],
    )
    .await?;
    let clean = |text: &str| {
        let text: String = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
        Some(text).filter(|text| !text.is_empty())
    };
    let (author, subject) = shown.split_once('\0').unwrap_or((&shown, ""));
    let commit = Commit::new(id).ok_or_else(|| not_configured("git named no commit"))?;
    Ok(Commit { author: clean(author), subject: clean(subject), ..commit })
}

/// Whether what is in place is an ancestor of what is to come; a tag does not move.
async fn goes_on(
    git: &Git<'_>,
    known: &Known,
    new: &str,
    tag: Option<&str>,
) -> Result<(), SyncError> {
    let Some(old) = known.commit.as_deref().filter(|old| *old != new) else { return Ok(()) };
    let accepted =
        git.source.rewrites == Rewrites::Accept || known.accepted.as_deref() == Some(new);
    if accepted {
        return Ok(());
    }
    let rewritten = |what: String| {
        let mend = format!(
            "`composelet sources accept {} {new}` takes it, after you looked at it",
            git.source.name
        );
        Err(SyncError::new(
            SyncReason::HistoryRewritten,
            format!("{what}; the last good commit stays; {mend}"),
        ))
    };
    match &git.source.follow {
        // Whoever names another commit, tag or range means it.
        Follow::Commit(_) => Ok(()),
        Follow::Tag(name) | Follow::Semver(name) => {
            let moved = tag.is_some() && tag == known.tag.as_deref();
            if moved {
                rewritten(format!("the tag {} moved from {old} to {new}", tag.unwrap_or(name)))
            } else {
                Ok(())
            }
        }
        Follow::Branch(branch) => {
            if is_ancestor(git, branch, old, new).await? {
                return Ok(());
            }
            rewritten(format!("the branch {branch} was rewritten: {old} is no ancestor of {new}"))
        }
    }
}

/// A branch that was another one before, or another repository, is no rewritten history: see [`Known`], which is empty then.
async fn is_ancestor(git: &Git<'_>, branch: &str, old: &str, new: &str) -> Result<bool, SyncError> {
    let references = format!("+refs/heads/{branch}:{TIP}");
    let mut deeper = DEEPER.iter();
    loop {
        let ended = git.ended(&["merge-base", "--is-ancestor", old, new], SHORT).await?;
        if ended.code == 0 {
            return Ok(true);
        }
        let shallow = text(git, &["rev-parse", "--is-shallow-repository"]).await? == "true";
        let Some(more) = deeper.next().filter(|_| shallow) else { return Ok(false) };
        transfer(git, &[&format!("--deepen={more}")], &references).await?;
    }
}

/// Whether one of those signed who may.
async fn signed(git: &Git<'_>, commit: &str, is_tag: bool) -> Result<(), SyncError> {
    let Some(signers) = &git.source.signers else { return Ok(()) };
    if let Signers::OpenPgp(keys) = signers {
        learn(git, keys).await?;
    }
    let mut said = Vec::new();
    let of_tag = ("verify-tag", TIP);
    let ways = [is_tag.then_some(of_tag), Some(("verify-commit", commit))];
    for (word, object) in ways.into_iter().flatten() {
        let ended = git.ended(&[word, "--raw", object], SHORT).await?;
        if ended.code == 0 && is_good(&ended.messages, signers) {
            return Ok(());
        }
        said.push(last_words(&ended.messages));
    }
    let text = format!(
        "{commit} is not signed by one of those who may ({}); the last good commit stays",
        said.join("; ")
    );
    Err(SyncError::new(SyncReason::NotSigned, text))
}

/// The word of the program that judged: a good signature by a key of the wanted kind. The exit code alone says it for one that
/// expired, too.
fn is_good(messages: &str, signers: &Signers) -> bool {
    match signers {
        Signers::Ssh(_) => {
            messages.lines().any(|line| line.starts_with("Good \"git\" signature for "))
        }
        Signers::OpenPgp(_) => {
            let says = |word: &str| {
                messages.lines().any(|line| line.starts_with(&format!("[GNUPG:] {word}")))
            };
            says("GOODSIG ") && says("VALIDSIG ")
        }
    }
}

/// Exactly the given keys are in the ring.
async fn learn(git: &Git<'_>, keys: &[std::path::PathBuf]) -> Result<(), SyncError> {
    let ring = git.place.home().join("gnupg");
    for entry in std::fs::read_dir(&ring).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("pubring") {
            drop(std::fs::remove_file(entry.path()));
        }
    }
    for key in keys {
        let words = ["--batch", "--quiet", "--no-autostart", "--import", "--"].map(OsStr::new);
        let words: Vec<&OsStr> = words.into_iter().chain([key.as_os_str()]).collect();
        let ended = git.program("gpg", &words).await?;
        if ended.code != 0 {
            let text =
                format!("{}: gpg does not take it: {}", key.display(), last_words(&ended.messages));
            return Err(not_configured(text));
        }
    }
    Ok(())
}
