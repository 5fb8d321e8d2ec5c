//! `webhooks` of the settings file: where to listen, and the hooks. Secrets are named here and read when `run` begins.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use crate::cli::exit::CliError;
use crate::cli::settings::Surroundings;
use crate::cli::settings_file::{text_of, unknown_key};
use crate::http::{HttpLimits, WebhookSettings};
use crate::model::git_source::GitSource;
use crate::model::secret::Secret;
use crate::webhook::{Algorithm, Forge, Hook, HookError, HookParts, Rate};

const KEYS: [&str; 5] = ["hooks", "listen", "max_body", "rate", "trusted_proxies"];
const HOOK_KEYS: [&str; 9] =
    ["algorithm", "forge", "header", "name", "path", "prefix", "registry", "secrets", "source"];
/// Bounds of `max_body`, in bytes. GitHub sends no more than 25 MB.
const BODY: std::ops::RangeInclusive<u64> = 16 << 10..=32 << 20;
/// Largest file of a secret, in bytes.
const SECRET_FILE: u64 = 64 << 10;

/// What the file says.
#[derive(Clone, Debug)]
pub(super) struct WebhooksFile {
    listen: SocketAddr,
    trusted_proxies: Vec<IpAddr>,
    limits: HttpLimits,
    hooks: Vec<HookFile>,
}

/// One hook.
#[derive(Clone, Debug)]
struct HookFile {
    /// Without its secrets.
    parts: HookParts,
    secrets: Vec<SecretSource>,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SecretSource {
    File(PathBuf),
    Env(String),
}

/// Reads the section.
///
/// # Errors
/// A key that is not known, or a value that cannot be used, with its place.
pub(super) fn parse(value: &Value, directory: &Path) -> Result<WebhooksFile, String> {
    let mapping = mapping_of("webhooks", value)?;
    let mut file = WebhooksFile {
        listen: SocketAddr::from(([127, 0, 0, 1], 9455)),
        trusted_proxies: Vec::new(),
        limits: HttpLimits::default(),
        hooks: Vec::new(),
    };
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        let field = format!("webhooks.{key}");
        match key {
            "listen" => file.listen = parsed(&field, value, "an address such as 127.0.0.1:9455")?,
            "trusted_proxies" => {
                let each = list_of(&field, value)?.iter();
                let each = each.map(|one| parsed(&field, one, "addresses such as 10.0.0.1"));
                file.trusted_proxies = each.collect::<Result<_, _>>()?;
            }
            "max_body" => file.limits.body = body_of(&field, value)?,
            "rate" => file.limits.hints = Rate::per_minute(rate_of(&field, value)?),
            "hooks" => {
                let each = list_of(&field, value)?.iter().enumerate();
                let each =
                    each.map(|(index, one)| hook(&format!("{field}[{index}]"), one, directory));
                file.hooks = each.collect::<Result<_, _>>()?;
            }
            unknown => return Err(unknown_key(&field, unknown, &KEYS)),
        }
    }
    if file.hooks.is_empty() {
        return Err("webhooks.hooks: expected at least one hook".to_owned());
    }
    Ok(file)
}

fn hook(place: &str, value: &Value, directory: &Path) -> Result<HookFile, String> {
    let mapping = mapping_of(place, value)?;
    let (mut name, mut forge, mut secrets) = (None, None, Vec::new());
    let mut parts = HookParts {
        name: String::new(),
        path: None,
        forge: Forge::Hmac,
        secrets: Vec::new(),
        source: None,
        header: None,
        prefix: None,
        algorithm: None,
        registry: None,
    };
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        let field = format!("{place}.{key}");
        match key {
            "name" => name = Some(text_of(&field, value)?),
            "path" => parts.path = Some(text_of(&field, value)?),
            "forge" => forge = Some(forge_of(&field, value)?),
            "secrets" => {
                let each = list_of(&field, value)?.iter();
                secrets = each
                    .map(|one| secret_source(&field, one, directory))
                    .collect::<Result<_, _>>()?;
            }
            "source" => parts.source = Some(text_of(&field, value)?),
            "header" => parts.header = Some(text_of(&field, value)?),
            // An empty prefix is one.
            "prefix" => {
                let prefix = value.as_str().ok_or_else(|| format!("{field}: expected a text"))?;
                parts.prefix = Some(prefix.to_owned());
            }
            "algorithm" => parts.algorithm = Some(algorithm_of(&field, value)?),
            "registry" => parts.registry = Some(text_of(&field, value)?),
            unknown => return Err(unknown_key(&field, unknown, &HOOK_KEYS)),
        }
    }
    parts.name = name.ok_or_else(|| format!("{place}.name: is missing"))?;
    parts.forge = forge.ok_or_else(|| format!("{place}.forge: is missing"))?;
    Ok(HookFile { parts, secrets })
}

fn mapping_of<'v>(field: &str, value: &'v Value) -> Result<&'v Mapping, String> {
    value.as_mapping().ok_or_else(|| format!("{field}: expected a mapping"))
}

fn list_of<'v>(field: &str, value: &'v Value) -> Result<&'v Vec<Value>, String> {
    value.as_sequence().ok_or_else(|| format!("{field}: expected a list"))
}

fn parsed<T: std::str::FromStr>(field: &str, value: &Value, what: &str) -> Result<T, String> {
    let wrong = || format!("{field}: expected {what}");
    value.as_str().ok_or_else(wrong)?.parse().map_err(|_| wrong())
}

fn rate_of(field: &str, value: &Value) -> Result<u32, String> {
    let rate = value.as_u64().and_then(|rate| u32::try_from(rate).ok());
    let rate = rate.filter(|rate| (1..=6000).contains(rate));
    rate.ok_or_else(|| format!("{field}: expected a number of deliveries a minute, 1 to 6000"))
}

fn body_of(field: &str, value: &Value) -> Result<u64, String> {
    let text = value.as_str().unwrap_or_default();
    let units = [("KiB", 10), ("MiB", 20), ("", 0)];
    let of_text = units.iter().find_map(|(unit, shift)| {
        let number = text.strip_suffix(unit)?.trim().parse::<u64>().ok()?;
        number.checked_mul(1 << shift)
    });
    let bytes = value.as_u64().or(of_text).filter(|bytes| BODY.contains(bytes));
    bytes.ok_or_else(|| format!("{field}: expected a size such as 1MiB, 16KiB to 32MiB"))
}

fn forge_of(field: &str, value: &Value) -> Result<Forge, String> {
    let word = text_of(field, value)?;
    let known = Forge::WORDS.map(|(word, _)| word);
    Forge::parse(&word)
        .ok_or_else(|| format!("{field}: `{word}` is not one of {}", known.join(", ")))
}

fn algorithm_of(field: &str, value: &Value) -> Result<Algorithm, String> {
    let word = text_of(field, value)?;
    Algorithm::parse(&word)
        .ok_or_else(|| format!("{field}: `{word}` is not one of sha1, sha256, sha512"))
}

/// `{file: PATH}` or `{env: NAME}`. What stands there instead may be the secret itself and is not echoed.
fn secret_source(field: &str, value: &Value, directory: &Path) -> Result<SecretSource, String> {
    let wrong = || {
        format!(
            "{field}: expected entries such as `file: /etc/composelet/hook` or `env: HOOK_SECRET`"
        )
    };
    let mapping = value.as_mapping().filter(|mapping| mapping.len() == 1).ok_or_else(wrong)?;
    let (key, value) = mapping.iter().next().ok_or_else(wrong)?;
    let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(wrong)?;
    match key.as_str() {
        Some("file") => Ok(SecretSource::File(directory.join(text))),
        Some("env") => Ok(SecretSource::Env(text.to_owned())),
        _ => Err(wrong()),
    }
}

impl WebhooksFile {
    /// Checks that each hook is for a source that there is.
    ///
    /// # Errors
    /// A hook that nothing would ever come of.
    pub(super) fn check_sources(&self, sources: &[GitSource]) -> Result<(), CliError> {
        for HookFile { parts, .. } in &self.hooks {
            let Some(wanted) = &parts.source else {
                continue;
            };
            if !sources.iter().any(|source| source.name.as_str() == wanted) {
                let place = format!("webhooks: hook {}", parts.name);
                return Err(CliError::usage(format!(
                    "{place}: source: the settings have no source `{wanted}`"
                )));
            }
        }
        Ok(())
    }

    /// Reads the secrets and checks the hooks.
    ///
    /// # Errors
    /// A secret that is not there or cannot be used, a hook that cannot work, or two with one name or path.
    pub(super) fn resolve(&self, around: &Surroundings) -> Result<WebhookSettings, CliError> {
        let mut hooks = Vec::new();
        let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
        for one in &self.hooks {
            let place = format!("webhooks: hook {}", one.parts.name);
            let secrets = one.secrets.iter().map(|source| source.read(&place, around));
            let secrets = secrets.collect::<Result<_, _>>()?;
            let parts = HookParts { secrets, ..one.parts.clone() };
            let hook = Hook::new(parts).map_err(|error| refused(&place, &error))?;
            if !names.insert(hook.name().to_owned()) {
                return Err(CliError::usage(format!("{place}: there are two of that name")));
            }
            if !paths.insert(hook.path().to_owned()) {
                let path = hook.path();
                return Err(CliError::usage(format!("{place}: another hook has the path {path}")));
            }
            hooks.push(hook);
        }
        Ok(WebhookSettings {
            listen: self.listen,
            hooks,
            trusted_proxies: self.trusted_proxies.clone(),
            limits: self.limits,
        })
    }
}

fn refused(place: &str, error: &HookError) -> CliError {
    CliError::usage(format!("{place}: {error}"))
        .hint("docs/webhooks.md has a table of what each forge needs")
}

impl SecretSource {
    fn read(&self, place: &str, around: &Surroundings) -> Result<Secret, CliError> {
        match self {
            Self::Env(name) => match around.environment.get(name) {
                Some(value) => Ok(Secret::new(value.clone())),
                None => Err(CliError::usage(format!("{place}: the variable {name} is not set"))),
            },
            Self::File(path) => {
                let wrong =
                    |why: &str| CliError::usage(format!("{place}: {}: {why}", path.display()));
                let size = std::fs::metadata(path).map_err(|error| wrong(&error.to_string()))?;
                if !size.is_file() || size.len() > SECRET_FILE {
                    return Err(wrong("it is no small file"));
                }
                let text =
                    std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
                Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<WebhooksFile, String> {
        parse(&serde_yaml::from_str(text).unwrap(), Path::new("/etc/composelet"))
    }

    fn around() -> Surroundings {
        let long = ("LONG".to_owned(), "0123456789abcdef".repeat(2));
        let short = ("SHORT".to_owned(), "hunter2".to_owned());
        Surroundings { directory: PathBuf::from("/srv"), environment: [long, short].into() }
    }

    fn resolved(hook: &str) -> Result<WebhookSettings, String> {
        let file = parsed(&format!("hooks: [{hook}]"))?;
        file.resolve(&around()).map_err(|error| error.message)
    }

    #[test]
    fn a_hook_has_a_path_of_its_own_unless_it_is_given_one() {
        let settings = resolved(
            "{name: shop, forge: github, secrets: [{env: LONG}, {env: LONG}], source: shop}, \
             {name: hub, path: /in/hub, forge: docker-hub, secrets: [{env: LONG}]}",
        )
        .unwrap();
        let paths: Vec<_> = settings.hooks.iter().map(Hook::path).collect();
        assert_eq!(paths, ["/hooks/shop", "/in/hub"]);
        assert_eq!(settings.listen.to_string(), "127.0.0.1:9455");
        assert!(!format!("{settings:?}").contains("0123"), "{settings:?}");
    }

    #[test]
    fn limits_are_read_and_bounded() {
        let hooks = "hooks: [{name: a, forge: hmac, secrets: [{env: LONG}]}]";
        let file = parsed(&format!("{{listen: '[::1]:9', max_body: 2MiB, rate: 5, {hooks}}}"));
        let file = file.unwrap();
        assert_eq!((file.listen.port(), file.limits.body), (9, 2 << 20));
        for bad in ["max_body: 1KiB", "max_body: x", "max_body: 64MiB", "rate: 0", "listen: 80"] {
            let error = parsed(&format!("{{{bad}, {hooks}}}")).unwrap_err();
            assert!(error.contains("expected"), "{error}");
        }
    }

    #[test]
    fn mistakes_have_a_place_and_a_way_out() {
        let secrets = "secrets: [{env: LONG}]";
        for (hook, said) in [
            (
                "{name: a, forg: github}",
                "unknown setting `webhooks.hooks[0].forg`; did you mean `forge`?",
            ),
            ("{name: a, forge: svn}", "`svn` is not one of acr, bitbucket"),
            ("{forge: github}", "webhooks.hooks[0].name: is missing"),
            ("{name: a, forge: github}", "it needs 1 to 4 secrets, and has 0"),
            ("{name: a, forge: github, secrets: [hunter2]}", "expected entries such as `file:"),
            ("{name: a, forge: github, secrets: [{env: NONE}]}", "the variable NONE is not set"),
            (
                "{name: a, forge: github, secrets: [{env: SHORT}]}",
                "secret 1 has 7 bytes; at least 16",
            ),
            (
                "{name: a, forge: github, secrets: [{file: none}]}",
                "/etc/composelet/none: No such file",
            ),
            (&format!("{{name: a, forge: gitlab-signed, {secrets}}}"), "no signing token"),
            (&format!("{{name: a, forge: nexus, {secrets}}}"), "`registry` is needed"),
            (
                &format!("{{name: a, forge: github, prefix: x, {secrets}}}"),
                "`prefix` means nothing",
            ),
            (&format!("{{name: a/b, forge: github, {secrets}}}"), "`name` is 1 to 63"),
            (&format!("{{name: a, path: x, forge: github, {secrets}}}"), "`path` begins with `/`"),
            (
                &format!(
                    "{{name: a, forge: hmac, {secrets}}}, {{name: a, forge: hmac, {secrets}}}"
                ),
                "there are two of that name",
            ),
        ] {
            let error = resolved(hook).unwrap_err();
            assert!(error.contains(said), "{hook}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
