//! Running `git`: a clean environment, a deadline, bounded output, and words that are ours.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use crate::model::git_source::{Access, GitScheme, GitSource, Signers};
use crate::model::secret_place::SecretPlace;
use crate::model::sync::{SyncError, SyncReason};
use crate::source::git::place::SourcePlace;
use crate::source::secret::read_secret;

/// Bytes of the messages of git that are kept.
const MOST_MESSAGES: usize = 64 * 1024;
/// Variables of the controller's environment that git may see: where programs are, and which proxy leads out.
const PASSED: [&str; 9] = [
    "PATH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// A way to run git for one source, until a deadline.
pub(super) struct Git<'a> {
    pub(super) source: &'a GitSource,
    pub(super) place: &'a SourcePlace,
    pub(super) deadline: Instant,
}

/// How a command ended.
pub(super) struct Ended {
    /// Exit code; -1: killed by a signal.
    pub(super) code: i32,
    /// What it gave.
    pub(super) output: Vec<u8>,
    /// What it said.
    pub(super) messages: String,
}

impl Git<'_> {
    /// Runs git on the repository of the source and wants success.
    pub(super) async fn run<S: AsRef<OsStr>>(
        &self,
        words: &[S],
        most: usize,
    ) -> Result<Vec<u8>, SyncError> {
        let ended = self.ended(words, most).await?;
        if ended.code == 0 {
            return Ok(ended.output);
        }
        Err(classified(&ended.messages, self.source))
    }

    /// Runs git on the repository of the source.
    pub(super) async fn ended<S: AsRef<OsStr>>(
        &self,
        words: &[S],
        most: usize,
    ) -> Result<Ended, SyncError> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(self.place.repository());
        command.arg("--work-tree").arg(self.place.staging());
        command.args(words).current_dir(self.place.staging());
        self.environment(&mut command)?;
        self.finish(&mut command, most).await
    }

    /// Runs another program of the same surroundings: `gpg`, to learn keys.
    pub(super) async fn program(&self, name: &str, words: &[&OsStr]) -> Result<Ended, SyncError> {
        let mut command = Command::new(name);
        command.args(words).current_dir(self.place.home());
        self.environment(&mut command)?;
        self.finish(&mut command, MOST_MESSAGES).await
    }

    fn environment(&self, command: &mut Command) -> Result<(), SyncError> {
        command.env_clear();
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let home = self.place.home();
        command
            .env("HOME", &home)
            .env("GNUPGHOME", home.join("gnupg"))
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", home.join("config"))
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LFS_SKIP_SMUDGE", if self.source.lfs { "0" } else { "1" });
        match &self.source.access {
            Access::Anonymous => {}
            Access::Ssh { key, known_hosts } => {
                command
                    .env("GIT_SSH_VARIANT", "ssh")
                    .env("GIT_SSH_COMMAND", ssh(key, known_hosts)?);
            }
            Access::Token { user, token } => {
                // Neither in an argument nor in a file; and for this server alone.
                let pair = format!("{user}:{}", secret(token)?);
                let header = format!(
                    "Authorization: Basic {}",
                    base64::engine::general_purpose::STANDARD.encode(pair)
                );
                command
                    .env("GIT_CONFIG_COUNT", "1")
                    .env(
                        "GIT_CONFIG_KEY_0",
                        format!("http.{}.extraHeader", self.source.url.as_str()),
                    )
                    .env("GIT_CONFIG_VALUE_0", header);
            }
        }
        Ok(())
    }

    async fn finish(&self, command: &mut Command, most: usize) -> Result<Ended, SyncError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| not_there(command, &error))?;
        // Its children, such as ssh, go with it, however this ends.
        let _group = Group::of(&child);
        let ended = timeout_at(self.deadline, collect(&mut child, most)).await;
        match ended {
            Ok(Ok(ended)) => Ok(ended),
            Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => Err(SyncError::new(
                SyncReason::TooLarge,
                format!("git gave more than {most} bytes"),
            )),
            Ok(Err(error)) => Err(SyncError::new(SyncReason::Unreachable, format!("git: {error}"))),
            Err(_) => Err(timed_out(self.source.limits.time)),
        }
    }
}

pub(super) fn timed_out(limit: Duration) -> SyncError {
    let text = format!("it took longer than {} s (`timeout` of the source)", limit.as_secs());
    SyncError::new(SyncReason::TimedOut, text)
}

/// The process group of a child, killed when this goes.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It is gone already where all went well.
            if let Err(error) = kill_process_group(group, Signal::KILL) {
                tracing::trace!(%error, "the process group of git is gone");
            }
        }
    }
}

async fn collect(child: &mut Child, most: usize) -> io::Result<Ended> {
    let (output, messages) = (child.stdout.take(), child.stderr.take());
    let (output, messages) = tokio::try_join!(bounded(output, most), tail(messages))?;
    let status = child.wait().await?;
    let messages = String::from_utf8_lossy(&messages).into_owned();
    Ok(Ended { code: status.code().unwrap_or(-1), output, messages })
}

async fn bounded(stream: Option<impl AsyncRead + Unpin>, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        stream.take(limit).read_to_end(&mut bytes).await?;
    }
    if bytes.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// The end of a stream that is read to its end.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(piece.get(..count).unwrap_or_default());
        let over = kept.len().saturating_sub(MOST_MESSAGES);
        kept.drain(..over);
    }
}

/// The value of a secret, read now.
fn secret(place: &SecretPlace) -> Result<String, SyncError> {
    read_secret(place).map_err(not_configured)
}

/// The command that git runs through a shell to reach a server: no configuration of anybody, no agent, and only known hosts.
fn ssh(key: &Path, known_hosts: &Path) -> Result<String, SyncError> {
    let quoted = |path: &Path| {
        let text = path
            .to_str()
            .ok_or_else(|| not_configured(format!("{}: not UTF-8", path.display())))?;
        let text = shlex::try_quote(text)
            .map_err(|_| not_configured(format!("{}: cannot be a word", path.display())))?;
        Ok(text.into_owned())
    };
    let (key, known_hosts) = (quoted(key)?, quoted(known_hosts)?);
    Ok(format!(
        "ssh -F /dev/null -i {key} -o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null \
         -o StrictHostKeyChecking=yes -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o ForwardAgent=no \
         -o ClearAllForwardings=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=2"
    ))
}

/// The configuration that git reads instead of those of system and user.
pub(super) fn configuration(source: &GitSource) -> String {
    let protocol = match source.url.scheme() {
        GitScheme::Https => "https",
        GitScheme::Http => "http",
        GitScheme::Ssh => "ssh",
        GitScheme::File => "file",
    };
    let mut text = format!(
        "[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\tautocrlf = false\n\tsymlinks = true\n\
         [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[credential]\n\thelper =\n[advice]\n\tdetachedHead = false\n\
         [protocol]\n\tallow = never\n[protocol \"{protocol}\"]\n\tallow = always\n[safe]\n\tdirectory = *\n\
         [transfer]\n\tfsckObjects = true\n[fetch \"fsck\"]\n\tzeroPaddedFilemode = warn\n\tmissingSpaceBeforeDate = warn\n\
         \tbadTimezone = warn\n[submodule]\n\trecurse = false\n\
         [http]\n\tfollowRedirects = false\n\tlowSpeedLimit = 1000\n\tlowSpeedTime = 30\n"
    );
    let ca_file = source.ca_file.iter().map(|path| format!("\tsslCAInfo = {}\n", quoted(path)));
    let lfs = source.lfs.then(|| {
        "[filter \"lfs\"]\n\tprocess = git-lfs filter-process\n\tsmudge = git-lfs smudge -- %f\n\
         \tclean = git-lfs clean -- %f\n\trequired = true\n"
            .to_owned()
    });
    let signers = match &source.signers {
        Some(Signers::Ssh(path)) => Some(format!(
            "[gpg]\n\tformat = ssh\n[gpg \"ssh\"]\n\tallowedSignersFile = {}\n",
            quoted(path)
        )),
        Some(Signers::OpenPgp(_)) | None => None,
    };
    text.extend(ca_file.chain(lfs).chain(signers));
    text
}

/// A path as a value of a configuration of git (git-config(1), values).
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn not_configured(message: impl Into<String>) -> SyncError {
    SyncError::new(SyncReason::NotConfigured, message)
}

fn not_there(command: &Command, error: &io::Error) -> SyncError {
    let program = command.as_std().get_program().display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => not_configured(format!(
            "`{program}` is not installed on this host (git, openssh-client, gnupg)"
        )),
        _ => not_configured(format!("{program}: {error}")),
    }
}

/// What the messages of git mean. They are in English, as the environment says.
fn classified(messages: &str, source: &GitSource) -> SyncError {
    let has = |texts: &[&str]| texts.iter().any(|text| messages.contains(text));
    let said = last_words(messages);
    let (reason, mend) = if has(&[
        "couldn't find remote ref",
        "not our ref",
        "upload-pack: not our ref",
    ]) {
        (
            SyncReason::ReferenceNotFound,
            "the last good commit stays; name another one, or push it again",
        )
    } else if has(&["Host key verification failed", "host key", "certificate", "SSL"]) {
        (
            SyncReason::HostNotTrusted,
            "put its key into `known_hosts`, or its authority into `ca_file`, after you checked it",
        )
    } else if has(&["UNPROTECTED PRIVATE KEY", "invalid format", "Load key"]) {
        (
            SyncReason::NotConfigured,
            "ssh does not take the key: it must be a private key that only its owner may read",
        )
    } else if has(&[
        "Permission denied (",
        "Authentication failed",
        "could not read Username",
        "403",
        "401",
    ]) {
        (
            SyncReason::AuthenticationFailed,
            "check key or token, and that it may read this repository",
        )
    } else if has(&["bad object", "fsck error", "badTree", "fsck"]) {
        (SyncReason::TreeRefused, "the repository holds objects that git refuses")
    } else {
        (SyncReason::Unreachable, "it is tried again")
    };
    SyncError::new(reason, format!("{}: {said}; {mend}", source.url.as_str()))
}

/// The lines that say what was wrong, less what could move a terminal.
pub(super) fn last_words(messages: &str) -> String {
    let telling = |line: &&str| {
        !line.trim().is_empty() && !line.starts_with("hint:") && !line.starts_with("From ")
    };
    let lines: Vec<&str> = messages.lines().filter(telling).collect();
    let first = lines.len().saturating_sub(3);
    let text = lines.get(first..).unwrap_or_default().join("; ");
    let text: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(400)
        .collect();
    if text.is_empty() { "git said nothing".to_owned() } else { text }
}
