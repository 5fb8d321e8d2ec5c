//! A git repository whose files are put into the watched directory: where it is, what is followed of it, who may read it.
//!
//! Everything here stands in the settings of the controller, never in a repository. Texts that become words of a command are
//! checked when they are made: none begins with `-`, none holds a control character, and a URL has a scheme of the list.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::secret_place::SecretPlace;

/// Longest URL, reference or path.
const LONGEST: usize = 2_000;

/// Name of a source: lower-case letters, digits, `_` and `-`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceName(String);

impl SourceName {
    /// Checks a name; it becomes the name of a directory.
    ///
    /// # Errors
    /// What a name has to be.
    pub fn new(text: &str) -> Result<Self, String> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.bytes().next().is_some_and(letter)
            && text.len() <= 63
            && text.bytes().all(|byte| letter(byte) || matches!(byte, b'-' | b'_'));
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{}` is no name: up to 63 of a-z, 0-9, `-` and `_`, a letter or digit first",
            text.escape_debug()
        ))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitUrl {
    text: String,
    scheme: GitScheme,
}

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitScheme {
    /// `https://`.
    Https,
    /// `http://`: whoever is on the way may change everything.
    Http,
    /// `ssh://` or `user@host:path`.
    Ssh,
    /// `file://`: a repository on this host.
    File,
}

impl GitUrl {
    /// Checks a URL. Credentials are no part of it.
    ///
    /// # Errors
    /// What is wrong with it. The text holds no password.
    pub fn new(text: &str) -> Result<Self, String> {
        word("URL", text)?;
        let scheme = match text.split_once("://") {
            Some(("https", rest)) => address(rest, GitScheme::Https)?,
            Some(("http", rest)) => address(rest, GitScheme::Http)?,
            Some(("ssh", rest)) => address(rest, GitScheme::Ssh)?,
            Some(("file", rest)) if rest.starts_with('/') => GitScheme::File,
            Some(("file", _)) => {
                return Err("a file URL has three slashes: file:///path".to_owned());
            }
            Some((other, _)) => {
                return Err(format!(
                    "`{}` is no scheme of a source; known are https, ssh, http, file",
                    other.escape_debug()
                ));
            }
            None => scp_like(text)?,
        };
        // `ext::`, `fd::` and other helpers that run programs (gitremote-helpers(7)).
        if text.contains("::") && !text.contains('[') {
            return Err("`::` names a helper of git; those are not used".to_owned());
        }
        Ok(Self { text: text.to_owned(), scheme })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is reached.
    pub fn scheme(&self) -> GitScheme {
        self.scheme
    }

    /// Whether nobody can be on the way: the host itself.
    pub fn is_local(&self) -> bool {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        self.scheme == GitScheme::File
            || matches!(host, "localhost" | "127.0.0.1")
            || rest.starts_with("[::1]")
    }

    /// Host and path, in the form in which two spellings of one repository are equal: `host/path`, without user, port, slash
    /// and `.git` at the end, in lower case.
    pub fn identity(&self) -> String {
        identity(&self.text)
    }
}

/// See [`GitUrl::identity`]; for texts of others, such as those of a webhook.
pub fn identity(url: &str) -> String {
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => url.split_once(':').unwrap_or((url, "")),
    };
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(host),
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    format!("{host}/{path}").to_lowercase()
}

/// `[user@]host[:port]/path` with nothing in it that could be an option of `ssh` or a password.
fn address(rest: &str, scheme: GitScheme) -> Result<GitScheme, String> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if user.is_some_and(|user| user.contains(':')) || (user.is_some() && scheme != GitScheme::Ssh) {
        return Err(
            "no credentials in a URL: they would be shown; use `token` or `ssh_key`".to_owned()
        );
    }
    if host.is_empty()
        || host.starts_with('-')
        || user.is_some_and(|user| user.starts_with('-') || user.is_empty())
    {
        return Err("the URL names no host".to_owned());
    }
    if path.trim_matches('/').is_empty() {
        return Err("the URL names no repository".to_owned());
    }
    Ok(scheme)
}

/// `user@host:path`, the short form of git.
fn scp_like(text: &str) -> Result<GitScheme, String> {
    let wrong = || "expected https://, ssh://, file:/// or user@host:path".to_owned();
    let (place, path) = text.split_once(':').ok_or_else(wrong)?;
    let (user, host) = place.split_once('@').ok_or_else(wrong)?;
    let names = [user, host]
        .iter()
        .all(|name| !name.is_empty() && !name.starts_with('-') && !name.contains('/'));
    if !names || path.is_empty() || path.starts_with('-') {
        return Err(wrong());
    }
    Ok(GitScheme::Ssh)
}

/// A text that becomes a word of a command.
fn word(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(format!("the {what} is empty or longer than {LONGEST} bytes"));
    }
    if text.starts_with('-') {
        return Err(format!("the {what} begins with `-`"));
    }
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(format!("the {what} holds white space or a control character"));
    }
    Ok(())
}

/// What is followed of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The tip of a branch.
    Branch(String),
    /// One tag.
    Tag(String),
    /// The tag with the highest version of a range, in the words of Cargo.
    Semver(String),
    /// One commit.
    Commit(String),
}

impl Follow {
    /// A branch or tag by its name, as git-check-ref-format(1) allows it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn reference(name: &str) -> Result<String, String> {
        word("reference", name)?;
        let forbidden = |letter: char| matches!(letter, '~' | '^' | ':' | '?' | '*' | '[' | '\\');
        let part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.strip_suffix(".lock").is_none()
                && !part.ends_with('.')
        };
        if name == "@"
            || name.contains(forbidden)
            || name.contains("..")
            || name.contains("@{")
            || !name.split('/').all(part)
        {
            return Err(format!("`{}` is no name of a branch or tag", name.escape_debug()));
        }
        Ok(name.to_owned())
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Semver(range) => write!(f, "tags {range}"),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}

/// A directory below another one, without `..`, absolute parts or names of git's own. Empty is the other one itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubPath(String);

impl SubPath {
    /// Checks a path; `.` and empty are the same.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(format!("longer than {LONGEST} bytes, or a control character in it"));
        }
        if text.starts_with('/') {
            return Err("an absolute path; a relative one is expected".to_owned());
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let bad = |part: &&&str| {
            **part == ".." || part.eq_ignore_ascii_case(".git") || part.starts_with('-')
        };
        if let Some(part) = parts.iter().find(bad) {
            return Err(format!("`{}` may not be part of it", part.escape_debug()));
        }
        Ok(Self(parts.join("/")))
    }

    /// The parts with slashes between them; empty is the directory itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one of the two lies in the other, or they are equal.
    pub fn overlaps(&self, other: &Self) -> bool {
        let inside = |inner: &str, outer: &str| {
            outer.is_empty()
                || inner == outer
                || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
        };
        inside(&self.0, &other.0) || inside(&other.0, &self.0)
    }
}

/// Who the controller is to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nobody.
    #[default]
    Anonymous,
    /// The owner of a key; the server's key has to be known.
    Ssh {
        /// Private key.
        key: PathBuf,
        /// Keys of servers, as ssh keeps them.
        known_hosts: PathBuf,
    },
    /// The owner of a token or password (HTTP Basic).
    Token {
        /// Name; forges take any for a token.
        user: String,
        /// The token.
        token: SecretPlace,
    },
}

/// Whose signature a commit or tag needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signers {
    /// Keys of ssh, in a file of allowed signers (ssh-keygen(1)).
    Ssh(PathBuf),
    /// OpenPGP: files with public keys.
    OpenPgp(Vec<PathBuf>),
}

/// What is done when what was followed is no ancestor of what is followed now, or a tag moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rewrites {
    /// The last good commit stays until somebody accepts the new history.
    #[default]
    Refuse,
    /// It is followed.
    Accept,
}

/// Where the state of each commit is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// Whose interface: `github`, `gitlab`, `gitea` or `forgejo`.
    pub forge: ForgeKind,
    /// Its base.
    pub api: String,
    /// `owner/name` there.
    pub repository: String,
    /// The token.
    pub token: SecretPlace,
}

/// Forges whose interfaces are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
}

/// Limits of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GitLimits {
    /// Longest time of one synchronisation.
    pub time: Duration,
    /// Bytes of a fetch, and of all files of a commit.
    pub bytes: u64,
    /// Files of a commit.
    pub files: usize,
}

impl Default for GitLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(120), bytes: 256 << 20, files: 10_000 }
    }
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// Its name.
    pub name: SourceName,
    /// The repository.
    pub url: GitUrl,
    /// What is followed.
    pub follow: Follow,
    /// The directory of the repository whose files are taken.
    pub path: SubPath,
    /// The directory below the watched one into which they are put.
    pub into: SubPath,
    /// Time between two looks.
    pub interval: Duration,
    /// Limits.
    pub limits: GitLimits,
    /// Who the controller is.
    pub access: Access,
    /// Certificates that are trusted instead of those of the host.
    pub ca_file: Option<PathBuf>,
    /// Whose signature is needed, if one is.
    pub signers: Option<Signers>,
    /// What a rewritten history does.
    pub rewrites: Rewrites,
    /// Files of the host in the way of those of the repository give way, and are kept aside.
    pub takeover: bool,
    /// Submodules are fetched, too.
    pub submodules: bool,
    /// Files of Git LFS are fetched, too (needs git-lfs on the host).
    pub lfs: bool,
    /// Who is told the state of each commit, if somebody is.
    pub status: Option<CommitStatus>,
}
