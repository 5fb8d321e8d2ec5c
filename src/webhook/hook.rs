//! A hook as the settings say it, checked once.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::secret::Secret;
use crate::webhook::forge::{Algorithm, Forge, Scheme};

/// Fewest bytes of a secret.
const LEAST_SECRET: usize = 16;
/// Fewest letters of a secret that stands in a path: it is all there is.
const LEAST_PATH_TOKEN: usize = 32;
/// Fewest bytes of the key of a signing token (Standard Webhooks, "signature scheme").
const LEAST_SIGNING_KEY: usize = 24;
/// Most secrets of one hook at a time: each costs a hash of the body.
const MOST_SECRETS: usize = 4;

/// What the settings say of a hook.
#[derive(Clone, Debug)]
pub struct HookParts {
    /// Its name.
    pub name: String,
    /// Its path; `None` is `/hooks/NAME`.
    pub path: Option<String>,
    /// Who sends.
    pub forge: Forge,
    /// Its secrets; several while they are exchanged.
    pub secrets: Vec<Secret>,
    /// The one git source that it is for.
    pub source: Option<String>,
    /// Header of the signature or secret.
    pub header: Option<String>,
    /// What stands before the digits of a signature.
    pub prefix: Option<String>,
    /// Hash of a signature.
    pub algorithm: Option<Algorithm>,
    /// What images of that registry begin with, if it has another name for itself.
    pub registry: Option<String>,
}

/// A hook that can be used.
#[derive(Clone, Debug)]
pub struct Hook {
    name: String,
    path: String,
    forge: Forge,
    scheme: Scheme,
    keys: Vec<Key>,
    source: Option<String>,
    registry: Option<String>,
}

/// Bytes of a secret. They have no text form.
#[derive(Clone)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Why a hook cannot be used. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// It has no name that could be shown and stand in a path.
    #[error("`name` is 1 to 63 letters, digits, `_`, `.` and `-`")]
    Name,
    /// Its path cannot be asked for.
    #[error(
        "`path` begins with `/` and holds letters, digits and `/ _ . - ~`, without a `/` at its end"
    )]
    Path,
    /// It has none, or too many.
    #[error("it needs 1 to {MOST_SECRETS} secrets, and has {0}")]
    SecretCount(usize),
    /// A secret can be guessed.
    #[error(
        "secret {number} has {length} bytes; at least {LEAST_SECRET} are needed: `openssl rand -hex 32` makes one"
    )]
    ShortSecret {
        /// Which one, from 1.
        number: usize,
        /// Its bytes.
        length: usize,
    },
    /// A secret is no signing token.
    #[error(
        "secret {0} is no signing token: GitLab shows one as `whsec_` and base64 of at least {LEAST_SIGNING_KEY} bytes; \
         for a secret token use `forge: gitlab`"
    )]
    NoSigningToken(usize),
    /// A secret cannot stand in a path.
    #[error(
        "secret {0} stands in the path, as nothing is signed: it needs at least {LEAST_PATH_TOKEN} letters, digits, `_` \
         and `-`: `openssl rand -hex 32` makes one"
    )]
    NoPathToken(usize),
    /// A header that cannot be one.
    #[error("`header` is no name of a header")]
    Header,
    /// A key that means nothing there.
    #[error("`{key}` means nothing for `forge: {forge}`")]
    Meaningless {
        /// The key.
        key: &'static str,
        /// The forge.
        forge: &'static str,
    },
    /// Nothing of what is sent says which registry it is.
    #[error("`registry` is needed: {0} does not say under which name its images are pulled")]
    NoRegistry(&'static str),
}

impl Hook {
    /// Checks the parts.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(parts: HookParts) -> Result<Self, HookError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let name = parts.name.as_str();
        if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
            return Err(HookError::Name);
        }
        let path = parts.path.clone().unwrap_or_else(|| format!("/hooks/{name}"));
        let in_path = |byte: u8| plain(byte) || b"/~".contains(&byte);
        if !path.starts_with('/') || path.ends_with('/') || !path.bytes().all(in_path) {
            return Err(HookError::Path);
        }
        let scheme = scheme(&parts)?;
        if parts.registry.is_none() && parts.forge == Forge::Nexus {
            return Err(HookError::NoRegistry(parts.forge.word()));
        }
        if parts.registry.is_some() && !parts.forge.names_registry() {
            return Err(meaningless("registry", parts.forge));
        }
        let keys = keys(&parts.secrets, &scheme)?;
        let HookParts { name, forge, source, registry, .. } = parts;
        Ok(Self { name, path, forge, scheme, keys, source, registry })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its path; a secret in it is not part of that.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who sends.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// The one git source that it is for.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// How its deliveries are shown to be authentic.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Whether a path is that of the hook, and the secret at its end if it belongs there.
    pub fn matches<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        let rest = path.strip_prefix(self.path.as_str())?;
        match (&self.scheme, rest.strip_prefix('/')) {
            (Scheme::Path, Some(token)) => Some(Some(token)),
            _ if rest.is_empty() => Some(None),
            _ => None,
        }
    }

    /// What images of the registry begin with, if the settings say so.
    pub(super) fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

fn meaningless(key: &'static str, forge: Forge) -> HookError {
    HookError::Meaningless { key, forge: forge.word() }
}

/// The scheme of the forge, as far as the settings may change it.
fn scheme(parts: &HookParts) -> Result<Scheme, HookError> {
    let forge = parts.forge;
    let mut scheme = forge.scheme();
    let is_free = forge == Forge::Hmac;
    if !is_free && parts.prefix.is_some() {
        return Err(meaningless("prefix", forge));
    }
    if !is_free && parts.algorithm.is_some() {
        return Err(meaningless("algorithm", forge));
    }
    if let Scheme::Hmac { prefix, algorithm, .. } = &mut scheme {
        *algorithm = parts.algorithm.unwrap_or(*algorithm);
        *prefix = parts.prefix.clone().unwrap_or_else(|| prefix.clone());
    }
    let Some(wanted) = &parts.header else {
        return Ok(scheme);
    };
    let wanted = http::HeaderName::try_from(wanted.as_str()).map_err(|_| HookError::Header)?;
    let wanted = wanted.as_str().to_owned();
    match &mut scheme {
        Scheme::Hmac { header, .. } if is_free => *header = wanted,
        Scheme::Header { header } if forge != Forge::Gitlab => *header = wanted,
        Scheme::Path => scheme = Scheme::Header { header: wanted },
        _ => return Err(meaningless("header", forge)),
    }
    Ok(scheme)
}

fn keys(secrets: &[Secret], scheme: &Scheme) -> Result<Vec<Key>, HookError> {
    if secrets.is_empty() || secrets.len() > MOST_SECRETS {
        return Err(HookError::SecretCount(secrets.len()));
    }
    let of = |(index, secret): (usize, &Secret)| key(index + 1, secret.expose(), scheme);
    secrets.iter().enumerate().map(of).collect()
}

fn key(number: usize, text: &str, scheme: &Scheme) -> Result<Key, HookError> {
    if text.len() < LEAST_SECRET {
        return Err(HookError::ShortSecret { number, length: text.len() });
    }
    match scheme {
        Scheme::StandardWebhooks => {
            let encoded = text.strip_prefix("whsec_").unwrap_or_default();
            let decoded = STANDARD.decode(encoded).ok();
            let decoded = decoded.filter(|key| key.len() >= LEAST_SIGNING_KEY);
            decoded.map(Key).ok_or(HookError::NoSigningToken(number))
        }
        Scheme::Path => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            if text.len() < LEAST_PATH_TOKEN || !text.bytes().all(fits) {
                return Err(HookError::NoPathToken(number));
            }
            Ok(Key(text.as_bytes().to_vec()))
        }
        Scheme::Hmac { .. } | Scheme::Header { .. } => Ok(Key(text.as_bytes().to_vec())),
    }
}
