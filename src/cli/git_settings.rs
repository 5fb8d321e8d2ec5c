//! `sources` of the settings file: git repositories whose files are put into the watched directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_yaml::{Mapping, Value};

use crate::alerts::public_api;
use crate::cli::choices::texts;
use crate::cli::duration;
use crate::cli::secret_settings;
use crate::model::commit::Commit;
use crate::model::git_source::{
    Access, CommitStatus, Follow, ForgeKind, GitLimits, GitScheme, GitSource, GitUrl, Rewrites,
    Signers, SourceName, SubPath,
};
use crate::model::secret_place::SecretPlace;
use crate::tags;

/// Keys of one source.
const KEYS: &str = "url, branch, tag, semver, commit, path, into, interval, timeout, limits, ssh_key, known_hosts, user, token, \
                    ca_file, signers, rewrites, takeover, submodules, lfs, status";
/// Time between two looks, unless it is said.
const INTERVAL: Duration = Duration::from_secs(60);
/// Shortest time between two looks: servers are shared.
const SHORTEST: Duration = Duration::from_secs(5);
/// The name that forges take for any token.
const USER: &str = "git";

/// Reads all sources. Relative paths are those of `directory`.
///
/// # Errors
/// A key is not known, a value cannot be used, or two sources would write into the same directory.
pub(super) fn parse(value: &Value, directory: &Path) -> Result<Vec<GitSource>, String> {
    let mapping = value.as_mapping().ok_or("sources: expected a mapping of sources by name")?;
    let mut sources: Vec<GitSource> = Vec::new();
    for (name, value) in mapping {
        let name = name.as_str().unwrap_or_default();
        let name = SourceName::new(name).map_err(|why| format!("sources: {why}"))?;
        let field = format!("sources.{name}");
        let mapping = value
            .as_mapping()
            .ok_or_else(|| format!("{field}: expected a mapping with some of {KEYS}"))?;
        let source = Fields { field: &field, mapping, directory }.source(name)?;
        if let Some(other) = sources.iter().find(|other| other.into.overlaps(&source.into)) {
            return Err(format!(
                "{field}.into: lies in the directory of the source `{}`, or the other way round",
                other.name
            ));
        }
        sources.push(source);
    }
    Ok(sources)
}

/// One source as it is written.
struct Fields<'a> {
    field: &'a str,
    mapping: &'a Mapping,
    directory: &'a Path,
}

impl Fields<'_> {
    fn source(&self, name: SourceName) -> Result<GitSource, String> {
        self.check_keys()?;
        let url = self.text("url")?.ok_or_else(|| self.wrong("url", "is missing"))?;
        let url = GitUrl::new(url).map_err(|why| self.wrong("url", &why))?;
        let signers = self.signers()?;
        if url.scheme() == GitScheme::Http && !url.is_local() && signers.is_none() {
            let why = "http has no protection: whoever is on the way could run anything on this host; use https or ssh, or ask for \
                       `signers`";
            return Err(self.wrong("url", why));
        }
        let sub = |key: &str, absent: &str| {
            let text = self.text(key)?.unwrap_or(absent);
            SubPath::new(text).map_err(|why| self.wrong(key, &why))
        };
        let into = sub("into", name.as_str())?;
        if into.as_str().starts_with('.') {
            return Err(self.wrong("into", "names that begin with a dot are no projects"));
        }
        let interval = self.duration("interval")?.unwrap_or(INTERVAL);
        if interval < SHORTEST {
            return Err(self.wrong("interval", "shorter than 5s"));
        }
        Ok(GitSource {
            follow: self.follow()?,
            path: sub("path", "")?,
            into,
            interval,
            limits: self.limits()?,
            access: self.access(&url)?,
            ca_file: self.path("ca_file")?,
            signers,
            rewrites: self.rewrites()?,
            takeover: self.flag("takeover")?,
            submodules: self.flag("submodules")?,
            lfs: self.flag("lfs")?,
            status: self.status()?,
            name,
            url,
        })
    }

    fn wrong(&self, key: &str, why: &str) -> String {
        format!("{}.{key}: {why}", self.field)
    }

    fn check_keys(&self) -> Result<(), String> {
        let known: Vec<&str> = KEYS.split(',').map(str::trim).collect();
        for key in self.mapping.keys() {
            let key = key.as_str().unwrap_or_default();
            if !known.contains(&key) {
                return Err(format!(
                    "unknown setting `{}.{}`; known are {KEYS}",
                    self.field,
                    key.escape_debug()
                ));
            }
        }
        Ok(())
    }

    fn text(&self, key: &str) -> Result<Option<&str>, String> {
        let Some(value) = self.mapping.get(key) else { return Ok(None) };
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(Some).ok_or_else(|| self.wrong(key, "expected a text"))
    }

    fn flag(&self, key: &str) -> Result<bool, String> {
        let Some(value) = self.mapping.get(key) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.wrong(key, "expected true or false"))
    }

    fn path(&self, key: &str) -> Result<Option<PathBuf>, String> {
        Ok(self.text(key)?.map(|text| self.directory.join(text)))
    }

    fn duration(&self, key: &str) -> Result<Option<Duration>, String> {
        let Some(value) = self.mapping.get(key) else { return Ok(None) };
        let text = value
            .as_str()
            .map(str::to_owned)
            .or_else(|| value.as_u64().map(|seconds| seconds.to_string()));
        let text = text.ok_or_else(|| self.wrong(key, "expected a duration such as 60s"))?;
        duration::parse(&text).map(Some).map_err(|why| self.wrong(key, &why))
    }

    fn follow(&self) -> Result<Follow, String> {
        let found: Vec<&str> = ["branch", "tag", "semver", "commit"]
            .into_iter()
            .filter(|key| self.mapping.contains_key(key))
            .collect();
        let key = match found.as_slice() {
            [] => return Ok(Follow::Branch("main".to_owned())),
            [key] => *key,
            [_, second, ..] => {
                return Err(self.wrong(second, "one of branch, tag, semver and commit is followed"));
            }
        };
        let text = self.text(key)?.unwrap_or_default();
        let reference = || Follow::reference(text).map_err(|why| self.wrong(key, &why));
        Ok(match key {
            "branch" => Follow::Branch(reference()?),
            "tag" => Follow::Tag(reference()?),
            "semver" => {
                tags::check_range(text).map_err(|(why, _)| self.wrong(key, &why))?;
                Follow::Semver(text.to_owned())
            }
            _ => {
                let commit = Commit::new(text).ok_or_else(|| {
                    self.wrong(key, "expected the whole name of a commit: 40 hexadecimal digits")
                })?;
                Follow::Commit(commit.id)
            }
        })
    }

    fn access(&self, url: &GitUrl) -> Result<Access, String> {
        let key = self.path("ssh_key")?;
        let token = self.mapping.get("token");
        match (url.scheme(), key, token) {
            (GitScheme::Ssh, Some(key), None) => {
                let why = "is missing: only servers whose keys it holds are spoken to (`ssh-keyscan` writes one; check it)";
                let known_hosts =
                    self.path("known_hosts")?.ok_or_else(|| self.wrong("known_hosts", why))?;
                Ok(Access::Ssh { key, known_hosts })
            }
            (GitScheme::Ssh, None, _) => {
                Err(self.wrong("ssh_key", "is missing: a private key of a deploy key"))
            }
            (GitScheme::Ssh, Some(_), Some(_)) => {
                Err(self.wrong("token", "ssh takes a key, no token"))
            }
            (_, Some(_), _) => Err(self.wrong("ssh_key", "is for ssh:// only")),
            (GitScheme::File, None, Some(_)) => {
                Err(self.wrong("token", "a repository on this host takes none"))
            }
            (_, None, Some(token)) => {
                let user = self.text("user")?.unwrap_or(USER).to_owned();
                Ok(Access::Token { user, token: self.secret("token", token)? })
            }
            (_, None, None) => Ok(Access::Anonymous),
        }
    }

    fn secret(&self, key: &str, value: &Value) -> Result<SecretPlace, String> {
        secret_settings::place(&format!("{}.{key}", self.field), value, self.directory)
    }

    fn signers(&self) -> Result<Option<Signers>, String> {
        let Some(value) = self.mapping.get("signers") else { return Ok(None) };
        let why =
            "expected {ssh: FILE} with allowed signers, or {openpgp: [FILE]} with public keys";
        let mapping = value
            .as_mapping()
            .filter(|mapping| mapping.len() == 1)
            .ok_or_else(|| self.wrong("signers", why))?;
        if let Some(file) = mapping.get("ssh").and_then(Value::as_str) {
            return Ok(Some(Signers::Ssh(self.directory.join(file))));
        }
        let keys = mapping.get("openpgp").ok_or_else(|| self.wrong("signers", why))?;
        let keys = texts(&format!("{}.signers.openpgp", self.field), keys)?;
        Ok(Some(Signers::OpenPgp(keys.iter().map(|key| self.directory.join(key)).collect())))
    }

    fn rewrites(&self) -> Result<Rewrites, String> {
        match self.text("rewrites")? {
            None | Some("refuse") => Ok(Rewrites::Refuse),
            Some("accept") => Ok(Rewrites::Accept),
            Some(_) => Err(self.wrong("rewrites", "expected refuse or accept")),
        }
    }

    fn status(&self) -> Result<Option<CommitStatus>, String> {
        let Some(value) = self.mapping.get("status") else { return Ok(None) };
        let why = "expected {forge: github|gitlab|gitea|forgejo, repository: OWNER/NAME, token: {file: PATH}} and perhaps `api`";
        let mapping = value.as_mapping().ok_or_else(|| self.wrong("status", why))?;
        let known = ["forge", "repository", "token", "api"];
        if mapping.keys().any(|key| key.as_str().is_none_or(|key| !known.contains(&key))) {
            return Err(self.wrong("status", why));
        }
        let text =
            |key: &str| mapping.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let forge = match text("forge") {
            Some("github") => ForgeKind::GitHub,
            Some("gitlab") => ForgeKind::GitLab,
            Some("gitea" | "forgejo") => ForgeKind::Gitea,
            _ => return Err(self.wrong("status", why)),
        };
        let repository = text("repository").filter(|text| {
            let plain = |byte: u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
            };
            text.contains('/') && !text.contains("..") && text.bytes().all(plain)
        });
        let api = text("api").or_else(|| public_api(forge));
        let api = api.ok_or_else(|| {
            self.wrong(
                "status.api",
                "is missing: the base of the server, such as https://git.example.org",
            )
        })?;
        let url = GitUrl::new(&format!("{}/x", api.trim_end_matches('/')))
            .map_err(|why| self.wrong("status.api", &why))?;
        let safe =
            url.scheme() == GitScheme::Https || (url.scheme() == GitScheme::Http && url.is_local());
        if !safe {
            return Err(
                self.wrong("status.api", "https is expected: the token would be read on the way")
            );
        }
        let token = mapping.get("token").ok_or_else(|| self.wrong("status", why))?;
        Ok(Some(CommitStatus {
            forge,
            api: api.to_owned(),
            repository: repository.ok_or_else(|| self.wrong("status", why))?.to_owned(),
            token: self.secret("status.token", token)?,
        }))
    }

    fn limits(&self) -> Result<GitLimits, String> {
        let mut limits = GitLimits::default();
        if let Some(time) = self.duration("timeout")? {
            limits.time = time;
        }
        let Some(value) = self.mapping.get("limits") else { return Ok(limits) };
        let why = "expected {bytes: NUMBER, files: NUMBER}";
        let mapping = value.as_mapping().ok_or_else(|| self.wrong("limits", why))?;
        for (key, value) in mapping {
            let number = value
                .as_u64()
                .filter(|number| *number > 0)
                .ok_or_else(|| self.wrong("limits", why))?;
            match key.as_str() {
                Some("bytes") => limits.bytes = number,
                Some("files") => limits.files = usize::try_from(number).unwrap_or(usize::MAX),
                _ => return Err(self.wrong("limits", why)),
            }
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<GitSource>, String> {
        parse(&serde_yaml::from_str(text).unwrap(), Path::new("/etc/composelet"))
    }

    fn one(text: &str) -> Result<GitSource, String> {
        parsed(&format!("shop: {{{text}}}")).map(|mut sources| sources.remove(0))
    }

    #[test]
    fn what_is_not_said_is_careful() {
        let source = one("url: 'https://git.example.org/shop.git'").unwrap();
        assert_eq!(source.follow, Follow::Branch("main".to_owned()));
        assert_eq!((source.into.as_str(), source.path.as_str()), ("shop", ""));
        assert_eq!((source.interval, source.rewrites), (Duration::from_secs(60), Rewrites::Refuse));
        assert!(!source.takeover && !source.submodules && !source.lfs);
    }

    #[test]
    fn keys_and_tokens_fit_the_url() {
        let ssh = "url: 'ssh://git@example.org/shop.git'";
        assert!(one(ssh).unwrap_err().contains("sources.shop.ssh_key: is missing"));
        assert!(
            one(&format!("{ssh}, ssh_key: key")).unwrap_err().contains("known_hosts: is missing")
        );
        let source = one(&format!("{ssh}, ssh_key: key, known_hosts: /srv/known")).unwrap();
        let (key, known_hosts) =
            (PathBuf::from("/etc/composelet/key"), PathBuf::from("/srv/known"));
        assert_eq!(source.access, Access::Ssh { key, known_hosts });
        let https = "url: 'https://example.org/shop.git'";
        assert!(
            one(&format!("{https}, token: hunter2"))
                .unwrap_err()
                .contains("no secret stands in this file")
        );
        let source = one(&format!("{https}, token: {{env: TOKEN}}")).unwrap();
        assert_eq!(
            source.access,
            Access::Token { user: "git".to_owned(), token: SecretPlace::Env("TOKEN".to_owned()) }
        );
        assert!(
            one("url: 'http://example.org/shop.git'")
                .unwrap_err()
                .contains("http has no protection")
        );
        assert!(one("url: 'http://127.0.0.1:3000/shop.git'").is_ok());
    }

    #[test]
    fn mistakes_are_told_by_their_place() {
        for (text, part) in [
            ("url: 'ext::sh -c x'", "sources.shop.url"),
            ("url: 'https://u:p@example.org/x'", "no credentials in a URL"),
            ("url: 'https://example.org/x', branch: a, tag: b", "one of branch, tag"),
            ("url: 'https://example.org/x', branch: '--upload-pack=x'", "begins with `-`"),
            ("url: 'https://example.org/x', into: ../x", "`..` may not be part"),
            ("url: 'https://example.org/x', into: .composelet", "begin with a dot"),
            ("url: 'https://example.org/x', interval: 1s", "shorter than 5s"),
            ("url: 'https://example.org/x', commit: abc", "40 hexadecimal digits"),
            ("url: 'https://example.org/x', semver: nonsense", "sources.shop.semver"),
            ("uri: x", "unknown setting `sources.shop.uri`"),
            ("branch: main", "sources.shop.url: is missing"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("u:p@"), "{error}");
        }
        let two =
            "a: {url: 'https://e.org/a', into: apps}\nb: {url: 'https://e.org/b', into: apps/b}";
        assert!(parsed(two).unwrap_err().contains("lies in the directory of the source `a`"));
    }
}
