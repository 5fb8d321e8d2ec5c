//! How an image is built (Compose `build`), and by which of the engine's two builders.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::config::Ulimit;
use crate::model::id::ServiceName;
use crate::model::observed::ApiVersion;
use crate::model::path::{LocalPath, clean};
use crate::model::secret::{Secret, sha256_hex};

/// API version from which BuildKit is told limits and the size of `/dev/shm` (Docker 23).
pub const BUILDKIT_LIMITS: ApiVersion = ApiVersion::v1(42);

/// How an image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Where the files come from.
    pub context: ContextRoot,
    /// Dockerfile, relative to the context, or its text.
    pub dockerfile: Dockerfile,
    /// Stage to stop at.
    pub target: Option<String>,
    /// Arguments; values may be secrets by accident and are never printed.
    pub args: BTreeMap<String, Secret>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Network of `RUN` steps.
    pub network: Option<String>,
    /// Lines of `/etc/hosts` in `RUN` steps, as `name:address`.
    pub extra_hosts: BTreeSet<String>,
    /// Base images are always pulled.
    pub pull: bool,
    /// Layers are not taken from the cache.
    pub no_cache: bool,
    /// Images whose layers may be reused.
    pub cache_from: Vec<String>,
    /// The image carries what others need to reuse its layers (`cache_to: type=inline`).
    pub cache_inline: bool,
    /// Further sources that the instructions may name (`additional_contexts`).
    pub contexts: BTreeMap<String, NamedContext>,
    /// Secrets that `RUN --mount=type=secret` may name, by id.
    pub secrets: BTreeMap<String, BuildSecret>,
    /// Agents that `RUN --mount=type=ssh` may name, by id: their sockets. `None`: no agent is let in.
    pub ssh: BTreeMap<String, Option<LocalPath>>,
    /// Resource limits of `RUN` steps, by name as in `ulimit`.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Further tags.
    pub tags: BTreeSet<String>,
    /// Size of `/dev/shm` in `RUN` steps, bytes.
    pub shm_size_bytes: Option<i64>,
    /// `os[/arch[/variant]]`.
    pub platform: Option<String>,
}

/// Where the files of a build come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextRoot {
    /// A directory, which is sent.
    Directory(LocalPath),
    /// What the engine fetches itself: a git repository (`https://….git#ref:directory`) or an archive.
    Remote(String),
}

/// Where the build instructions are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dockerfile {
    /// A path, relative to the context or absolute.
    Path(String),
    /// The text itself (`dockerfile_inline`).
    Inline(String),
}

/// A source beside the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedContext {
    /// A directory.
    Directory(LocalPath),
    /// An image (`docker-image://…`).
    Image(String),
    /// The image of another service of the project (`service:x`).
    Service {
        /// Which.
        service: ServiceName,
        /// Its image.
        image: String,
    },
}

/// A secret of a build. Its value is no part of any digest: a changed secret builds nothing anew, as with BuildKit's cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildSecret {
    /// A file, read when a step asks for it.
    File(LocalPath),
    /// The value.
    Value(Secret),
}

/// A builder of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit inside of the engine, with a session.
    BuildKit,
    /// The one of old.
    Classic,
}

impl Builder {
    /// Its name in labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::BuildKit => "buildkit",
            Self::Classic => "classic",
        }
    }
}

impl Build {
    /// A build of `context` that says nothing else.
    pub fn of(context: ContextRoot) -> Self {
        Self {
            context,
            dockerfile: Dockerfile::Path("Dockerfile".to_owned()),
            target: None,
            args: BTreeMap::new(),
            labels: BTreeMap::new(),
            network: None,
            extra_hosts: BTreeSet::new(),
            pull: false,
            no_cache: false,
            cache_from: Vec::new(),
            cache_inline: false,
            contexts: BTreeMap::new(),
            secrets: BTreeMap::new(),
            ssh: BTreeMap::new(),
            ulimits: BTreeMap::new(),
            tags: BTreeSet::new(),
            shm_size_bytes: None,
            platform: None,
        }
    }

    /// The directory that is sent, if it is one.
    pub fn directory(&self) -> Option<&LocalPath> {
        match &self.context {
            ContextRoot::Directory(path) => Some(path),
            ContextRoot::Remote(_) => None,
        }
    }

    /// Name of the instructions inside what is sent to the engine, relative to the context. Instructions that do not lie in
    /// the context (inline, or a path that leads out of it) travel under a name of our own. By text only, so that whoever
    /// packs the files and whoever sends them agree.
    pub fn dockerfile_name(&self) -> String {
        let outside = |text: &str| {
            let digest: String = sha256_hex([text]).chars().take(8).collect();
            format!("composelet.Dockerfile.{digest}")
        };
        match (&self.dockerfile, &self.context) {
            (Dockerfile::Inline(text), _) => outside(text),
            (Dockerfile::Path(path), ContextRoot::Remote(_)) => path.clone(),
            (Dockerfile::Path(path), ContextRoot::Directory(context)) => {
                let root = clean(context.as_path());
                let file = context.join(path);
                match file.as_path().strip_prefix(&root).ok().and_then(|tail| tail.to_str()) {
                    Some(tail) if !tail.is_empty() => tail.to_owned(),
                    _ => outside(path),
                }
            }
        }
    }

    /// The build of an image that holds a directory and nothing else, as which an additional context takes part.
    pub fn of_directory(path: &LocalPath) -> Self {
        let dockerfile = Dockerfile::Inline("FROM scratch\nCOPY . /\n".to_owned());
        Self { dockerfile, ..Self::of(ContextRoot::Directory(path.clone())) }
    }

    /// Directories among the additional contexts: name, path, and the reference of the image that holds it while this build
    /// runs. `digest` is that of the build.
    pub fn directories(&self, digest: &str) -> Vec<(&str, &LocalPath, String)> {
        let directories = self.contexts.iter().filter_map(|(name, context)| match context {
            NamedContext::Directory(path) => {
                let tag: String =
                    sha256_hex([digest, "\0", name.as_str()]).chars().take(12).collect();
                Some((name.as_str(), path, format!("composelet-context:{tag}")))
            }
            NamedContext::Image(_) | NamedContext::Service { .. } => None,
        });
        directories.collect()
    }

    /// The additional contexts as stages that stand before those of the instructions: name and image.
    fn stages(&self, digest: &str) -> BTreeMap<&str, String> {
        let others = self.contexts.iter().filter_map(|(name, context)| match context {
            NamedContext::Image(image) | NamedContext::Service { image, .. } => {
                Some((name.as_str(), image.clone()))
            }
            NamedContext::Directory(_) => None,
        });
        let directories = self.directories(digest).into_iter();
        others.chain(directories.map(|(name, _, image)| (name, image))).collect()
    }

    /// The instructions with the additional contexts as stages before the first `FROM`, behind the arguments that all stages
    /// share.
    pub fn with_stages(&self, instructions: &str, digest: &str) -> String {
        let stages = self.stages(digest);
        if stages.is_empty() {
            return instructions.to_owned();
        }
        let mut out = String::new();
        let mut added = false;
        let mut goes_on = false;
        for line in instructions.split_inclusive('\n') {
            let comment = line.trim_start().starts_with('#');
            let mut words = line.split_whitespace();
            let from = words.next().is_some_and(|word| word.eq_ignore_ascii_case("from"));
            if from && !goes_on && !added {
                added = true;
                for (name, image) in &stages {
                    out.extend(["FROM ", image, " AS ", name, "\n"]);
                }
            }
            match replaced_stage(line, &stages).filter(|_| from && !goes_on) {
                Some(line) => out.push_str(&line),
                None => out.push_str(line),
            }
            if !comment {
                goes_on = line.trim_end().ends_with('\\');
            }
        }
        out
    }

    /// Images of other services that must stand before this build, by name of the context.
    pub fn service_contexts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.contexts.iter().filter_map(|(name, context)| match context {
            NamedContext::Service { image, .. } => Some((name.as_str(), image.as_str())),
            NamedContext::Directory(_) | NamedContext::Image(_) => None,
        })
    }

    /// The builder for this build: BuildKit as with `docker compose`, unless the engine's cannot do what is asked for and
    /// the classic one can. `buildkit` says whether the engine has BuildKit and a session can be opened.
    ///
    /// # Errors
    /// A sentence that names the keys that no builder of this engine honours together.
    pub fn builder(&self, api: ApiVersion, buildkit: bool) -> Result<Builder, String> {
        match (self.only_buildkit(), self.only_classic(api), buildkit) {
            (None, Some(_), _) | (None, None, false) => Ok(Builder::Classic),
            (_, None, true) => Ok(Builder::BuildKit),
            (Some(key), _, false) => Err(format!(
                "build.{key} needs BuildKit, which this engine does not have or cannot be reached at: an engine of Docker 20.10 or later, through a unix socket or plain tcp"
            )),
            (Some(key), Some((other, why)), true) => Err(format!(
                "build.{key} needs BuildKit, and build.{other} needs the classic builder because {why}; remove one of the two"
            )),
        }
    }

    /// The key that the classic builder has no word for.
    fn only_buildkit(&self) -> Option<&'static str> {
        [
            ("secrets", !self.secrets.is_empty()),
            ("ssh", !self.ssh.is_empty()),
            ("cache_to", self.cache_inline),
        ]
        .into_iter()
        .find_map(|(key, asked)| asked.then_some(key))
    }

    /// The key that BuildKit inside of an engine of this version does not honour, and why.
    fn only_classic(&self, api: ApiVersion) -> Option<(&'static str, &'static str)> {
        const LIMITS: &str = "the BuildKit of engines before Docker 23 is not told";
        const NETWORK: &str = "BuildKit knows the networks default, host and none only";
        const SUBDIRECTORY: &str =
            "the BuildKit of engines before Docker 23 takes no directory of a repository";
        let network = self.network.as_deref().unwrap_or_default();
        let old = api < BUILDKIT_LIMITS;
        let within = match &self.context {
            ContextRoot::Remote(address) => {
                address.rsplit_once('#').is_some_and(|(_, place)| place.contains(':'))
            }
            ContextRoot::Directory(_) => false,
        };
        [
            ("context", old && within, SUBDIRECTORY),
            ("ulimits", old && !self.ulimits.is_empty(), LIMITS),
            ("shm_size", old && self.shm_size_bytes.is_some(), LIMITS),
            ("network", !matches!(network, "" | "default" | "host" | "none"), NETWORK),
        ]
        .into_iter()
        .find_map(|(key, asked, why)| asked.then_some((key, why)))
    }
}

/// A `FROM … AS name` whose name a context has taken, under another name.
fn replaced_stage(line: &str, stages: &BTreeMap<&str, String>) -> Option<String> {
    let (rest, name) = line.trim_end().rsplit_once(char::is_whitespace)?;
    let named = rest.split_whitespace().next_back()?.eq_ignore_ascii_case("as");
    let taken = stages.keys().any(|stage| stage.eq_ignore_ascii_case(name));
    (named && taken).then(|| format!("{rest} composelet-replaced-{name}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Build {
        Build::of(ContextRoot::Directory(LocalPath::new("/p")))
    }

    #[test]
    fn contexts_are_stages_behind_the_shared_arguments() {
        let image = NamedContext::Image("busybox:1".to_owned());
        let contexts = [("base".to_owned(), image)].into();
        let build = Build { contexts, ..plain() };
        let text = "# FROM comment\nARG A=1 \\\n  FROM=2\nFROM x:$A AS base\nRUN y\nFROM base";
        let expected = "# FROM comment\nARG A=1 \\\n  FROM=2\nFROM busybox:1 AS base\n\
                        FROM x:$A AS composelet-replaced-base\nRUN y\nFROM base";
        assert_eq!(build.with_stages(text, "d"), expected);
        assert_eq!(plain().with_stages(text, "d"), text);
    }

    #[test]
    fn directories_are_images_named_by_content() {
        let directory = NamedContext::Directory(LocalPath::new("/p/r"));
        let build = Build { contexts: [("r".to_owned(), directory)].into(), ..plain() };
        let (one, other) = (build.directories("1"), build.directories("2"));
        assert_ne!(one[0].2, other[0].2);
        let text = build.with_stages("FROM scratch\n", "1");
        assert_eq!(text, format!("FROM {} AS r\nFROM scratch\n", one[0].2));
    }

    #[test]
    fn buildkit_unless_only_the_classic_builder_can() {
        let (old, new) = (ApiVersion::v1(41), ApiVersion::v1(43));
        let secret = [("s".to_owned(), BuildSecret::Value("x".into()))];
        let limit = [("nofile".to_owned(), Ulimit { soft: 1, hard: 1 })];
        let limited = Build { ulimits: limit.into(), ..plain() };
        let secretive = Build { secrets: secret.clone().into(), ..plain() };
        let own_network = Build { network: Some("shop".to_owned()), ..plain() };
        let host = Build { network: Some("host".to_owned()), ..plain() };
        let both = Build { secrets: secret.into(), ..limited.clone() };
        assert_eq!(plain().builder(old, true), Ok(Builder::BuildKit));
        assert_eq!(plain().builder(old, false), Ok(Builder::Classic));
        assert_eq!(limited.builder(old, true), Ok(Builder::Classic));
        assert_eq!(limited.builder(new, true), Ok(Builder::BuildKit));
        assert_eq!(host.builder(old, true), Ok(Builder::BuildKit));
        let remote = |text: &str| Build::of(ContextRoot::Remote(text.to_owned()));
        let whole = remote("https://example.org/a.git#main");
        let within = remote("https://example.org/a.git#main:sub");
        assert_eq!(whole.builder(old, true), Ok(Builder::BuildKit));
        assert_eq!(within.builder(old, true), Ok(Builder::Classic));
        assert_eq!(within.builder(new, true), Ok(Builder::BuildKit));
        assert_eq!(own_network.builder(new, true), Ok(Builder::Classic));
        assert_eq!(secretive.builder(old, true), Ok(Builder::BuildKit));
        let why = secretive.builder(old, false).unwrap_err();
        assert!(why.starts_with("build.secrets needs BuildKit"), "{why}");
        let why = both.builder(old, true).unwrap_err();
        assert!(why.contains("build.ulimits needs the classic builder"), "{why}");
        assert_eq!(both.builder(new, true), Ok(Builder::BuildKit));
    }
}
