//! Hints that something elsewhere changed, as webhooks bring them, and what became of each delivery.
//!
//! A hint is never data: it says where to look again, and what is found there decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::image_update::name_and_tag;
use crate::model::time::Timestamp;

/// Longest URL of a hint, in characters.
const MOST_URL: usize = 2048;
/// Longest name of a repository, a reference or a tag, in characters.
const MOST_NAME: usize = 255;

/// Where to look again, and what may be found there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncHint {
    /// A git repository was pushed to.
    Git {
        /// The one git source that the hook is for; `None` is any.
        source: Option<String>,
        /// Addresses of the repository, without user names and passwords; empty is not known.
        urls: Vec<String>,
        /// Full name of the reference, such as `refs/heads/main`; `None` is not known.
        reference: Option<String>,
        /// What it points to now, in lower-case hexadecimal digits.
        commit: Option<String>,
    },
    /// An image was pushed to a registry.
    Image {
        /// `registry/name`, as [`repository_of`] writes it.
        repository: String,
        /// `None` is any.
        tag: Option<String>,
        /// What the tag points to now.
        digest: Option<String>,
    },
}

impl SyncHint {
    /// A hint about an image. `None`: the name cannot be that of an image. A tag or digest that cannot be one is left out.
    pub fn image(repository: &str, tag: Option<&str>, digest: Option<&str>) -> Option<Self> {
        let repository = repository_of(&repository.to_ascii_lowercase());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
        let is_name = repository.len() <= MOST_NAME && repository.bytes().all(fits);
        if !is_name || repository.split('/').any(str::is_empty) {
            return None;
        }
        let fits_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_tag = |tag: &&str| {
            !tag.is_empty()
                && tag.len() <= 128
                && !tag.starts_with(['.', '-'])
                && tag.bytes().all(fits_tag)
        };
        let is_digest = |digest: &&str| {
            digest.strip_prefix("sha256:").is_some_and(|hex| is_hexadecimal(hex, &[64]))
        };
        Some(Self::Image {
            repository,
            tag: tag.filter(is_tag).map(str::to_owned),
            digest: digest.filter(is_digest).map(str::to_owned),
        })
    }

    /// A hint about a git repository. What cannot be an address, a reference or a commit is left out.
    pub fn git<'a>(
        urls: impl IntoIterator<Item = &'a str>,
        reference: Option<&str>,
        commit: Option<&str>,
    ) -> Self {
        let mut known: Vec<String> = urls.into_iter().filter_map(harmless_url).collect();
        known.sort();
        known.dedup();
        let is_zero = |commit: &str| commit.bytes().all(|digit| digit == b'0');
        let commit = commit.filter(|text| is_hexadecimal(text, &[40, 64]) && !is_zero(text));
        Self::Git {
            source: None,
            urls: known,
            reference: reference.filter(|text| is_reference(text)).map(str::to_owned),
            commit: commit.map(str::to_ascii_lowercase),
        }
    }

    /// The same for one git source only; a hint about an image stays as it is.
    #[must_use]
    pub fn only_for(self, only: Option<&str>) -> Self {
        match self {
            Self::Git { urls, reference, commit, .. } => {
                Self::Git { source: only.map(str::to_owned), urls, reference, commit }
            }
            image @ Self::Image { .. } => image,
        }
    }

    /// What two hints have in common that lead to the same look: all but what is said to be found there.
    #[must_use]
    pub fn key(&self) -> Self {
        let mut key = self.clone();
        match &mut key {
            Self::Git { commit, .. } => *commit = None,
            Self::Image { digest, .. } => *digest = None,
        }
        key
    }

    /// Whether a reference of an image may be about what was pushed. `any_tag`: another tag of the same repository is, too.
    pub fn concerns(&self, image: &str, any_tag: bool) -> bool {
        let Self::Image { repository, tag, .. } = self else {
            return false;
        };
        let (name, own) = name_and_tag(image);
        let same_tag = any_tag || tag.as_ref().is_none_or(|tag| tag == own);
        same_tag && repository_of(name) == *repository
    }
}

impl fmt::Display for SyncHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { source, urls, reference, commit } => {
                f.write_str(reference.as_deref().unwrap_or("some reference"))?;
                match (urls.first(), source) {
                    (Some(url), _) => write!(f, " of {url}")?,
                    (None, Some(source)) => write!(f, " of the git source {source}")?,
                    (None, None) => f.write_str(" of some repository")?,
                }
                commit.as_ref().map_or(Ok(()), |commit| {
                    write!(f, " at {}", commit.get(..12).unwrap_or(commit))
                })
            }
            Self::Image { repository, tag, digest } => {
                f.write_str(repository)?;
                tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
                digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
            }
        }
    }
}

/// Name of the repository of an image with its registry: `nginx:1` is `docker.io/library/nginx`.
pub fn repository_of(reference: &str) -> String {
    let (name, _) = name_and_tag(reference);
    let hub = |path: &str| {
        let library = if path.contains('/') { "" } else { "library/" };
        format!("docker.io/{library}{path}")
    };
    match name.split_once('/') {
        Some(("docker.io" | "index.docker.io" | "registry-1.docker.io", path)) => hub(path),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        _ => hub(name),
    }
}

fn is_hexadecimal(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Full names alone, and none that another program could take for an option or a pattern.
fn is_reference(text: &str) -> bool {
    let odd = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
    text.starts_with("refs/")
        && text.chars().count() <= MOST_NAME
        && !text.contains("..")
        && !text.contains(odd)
}

/// An address without user name and password; `None`: it is none, or could be taken for something else.
fn harmless_url(text: &str) -> Option<String> {
    let odd = |letter: char| letter.is_control() || letter.is_whitespace();
    if text.chars().count() > MOST_URL || text.starts_with('-') || text.contains(odd) {
        return None;
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        // `git@host:path`: the name in front is no secret, and what tells the form apart.
        let (host, path) = text.split_once(':')?;
        return (!host.is_empty() && !path.is_empty() && !host.contains('/'))
            .then(|| text.to_owned());
    };
    if !["https", "http", "ssh", "git"].contains(&scheme) {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    // The user of ssh is part of the address, a password never is.
    let user = user.split(':').next().filter(|user| scheme == "ssh" && !user.is_empty());
    let user = user.map_or_else(String::new, |user| format!("{user}@"));
    (!host.is_empty()).then(|| format!("{scheme}://{user}{host}{path}"))
}

/// What became of one delivery, for people: never its body, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When it came; of several that are told as one, the first.
    pub at: Timestamp,
    /// The last of several that are told as one.
    pub last: Timestamp,
    /// How many are told as one.
    pub count: u32,
    /// Name of the hook.
    pub hook: String,
    /// Who was said to send to it, in the word of the settings.
    pub forge: String,
    /// The sender's id of it, if it was authentic and had one.
    pub id: Option<String>,
    /// Address of the client.
    pub from: String,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// What it was about, or why it was refused.
    pub reason: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// It is a hint, and the controller has it.
    Accepted,
    /// It is authentic and about nothing that is followed, such as a first greeting.
    Ignored,
    /// It was here before.
    Duplicate,
    /// It is authentic, and no such message as its sender should send.
    Malformed,
    /// It is not authentic, or not shown to be.
    Refused,
    /// It is not in JSON.
    Unsupported,
    /// It is larger than the limit.
    TooLarge,
    /// It did not come to its end in time.
    TimedOut,
    /// There were too many.
    RateLimited,
    /// The controller has more hints than it has room for, or too many deliveries come at once.
    Busy,
}

impl DeliveryOutcome {
    /// Status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Accepted => 202,
            Self::Ignored | Self::Duplicate => 200,
            Self::Malformed => 400,
            Self::Refused => 401,
            Self::TimedOut => 408,
            Self::TooLarge => 413,
            Self::Unsupported => 415,
            Self::RateLimited => 429,
            Self::Busy => 503,
        }
    }

    /// Whether a stranger can bring it about as often as it likes: such outcomes are told as one, so that nobody can
    /// flood a log. (A delivery that was once seen on its way can be sent again by anybody.)
    pub fn is_noise(self) -> bool {
        !matches!(self, Self::Accepted | Self::Ignored | Self::Malformed)
    }

    /// Whether it counts against the address that it comes from.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::Unsupported | Self::TooLarge | Self::TimedOut)
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too large",
            Self::TimedOut => "timed out",
            Self::RateLimited => "rate limited",
            Self::Busy => "busy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_compared_by_their_full_names() {
        for (reference, full) in [
            ("nginx", "docker.io/library/nginx"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx"),
            ("acme/shop:1@sha256:00", "docker.io/acme/shop"),
            ("localhost/shop", "localhost/shop"),
            ("reg:5000/shop", "reg:5000/shop"),
            ("ghcr.io/acme/shop:2", "ghcr.io/acme/shop"),
        ] {
            assert_eq!(repository_of(reference), full);
        }
        let hint = SyncHint::image("ghcr.io/Acme/shop", Some("1.4"), Some("sha256:1")).unwrap();
        assert_eq!(hint.to_string(), "ghcr.io/acme/shop:1.4");
        assert!(hint.concerns("ghcr.io/acme/shop:1.4@sha256:00", false));
        assert!(!hint.concerns("ghcr.io/acme/shop:1.3", false));
        assert!(hint.concerns("ghcr.io/acme/shop:1.3", true));
        assert!(!hint.concerns("acme/shop:1.4", true));
        for bad in ["", "a b", "ghcr.io//x", "ghcr.io/\u{1b}[31m", "x/"] {
            assert_eq!(SyncHint::image(bad, None, None), None, "{bad}");
        }
    }

    #[test]
    fn addresses_carry_no_passwords_and_no_options() {
        let urls = |text: &str| match SyncHint::git([text], None, None) {
            SyncHint::Git { urls, .. } => urls.join(" "),
            SyncHint::Image { .. } => panic!("no image"),
        };
        assert_eq!(urls("https://user:pass@host/a.git"), "https://host/a.git");
        assert_eq!(urls("ssh://git:pass@host:22/a.git"), "ssh://git@host:22/a.git");
        assert_eq!(urls("git@host:acme/shop.git"), "git@host:acme/shop.git");
        assert_eq!(urls("https://host/a@b"), "https://host/a@b");
        for bad in
            ["--upload-pack=x", "ext::sh -c x", "file:///etc", "https://", "a b", "https://h/\n"]
        {
            assert_eq!(urls(bad), "", "{bad}");
        }
    }

    #[test]
    fn references_and_commits_are_whole_or_absent() {
        let of = |reference: &str, commit: &str| SyncHint::git([], Some(reference), Some(commit));
        let full = of("refs/heads/main", &"AB".repeat(20));
        assert_eq!(full.to_string(), "refs/heads/main of some repository at abababababab");
        let odd = of("main", &"0".repeat(40));
        assert_eq!(odd, SyncHint::git([], None, None));
        assert_eq!(of("refs/heads/../x", "12"), odd);
    }
}
