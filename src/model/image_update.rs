//! Images that move: what a service follows in its registry, what was found there, and what runs of it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::build::Build;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::outcome::PullTrouble;
use crate::model::schedule::When;
use crate::model::time::Timestamp;

/// Rejected images that are remembered of one service, at most.
pub const MOST_REJECTED: usize = 20;
/// Candidates of one look that are remembered, at most: a few, so that one that is too young or rejected does not hide an
/// older one that would do.
pub const MOST_CANDIDATES: usize = 5;

/// What is followed of an image that is built.
const BASE: &str = "base images";

/// `x-composelet.image_update` of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUpdate {
    /// What is followed.
    pub policy: UpdatePolicy,
    /// Time between two looks.
    pub interval: Duration,
    /// An image that was made less than this ago is left alone for now; zero is no limit.
    pub minimum_age: Duration,
    /// When an image may be taken; `None` is always.
    pub window: Option<UpdateWindow>,
    /// Looks and reports, takes nothing.
    pub monitor_only: bool,
}

/// What is followed in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdatePolicy {
    /// The tag as written, when it gets another digest.
    Digest,
    /// The images that a built one is built upon, when one of their tags gets another digest.
    Base,
    /// The highest version in a range.
    Semver {
        /// Range in the words of Cargo.
        range: String,
        /// Which tags count; its first group, or all of it, is the version.
        pattern: Option<String>,
    },
    /// The last tag that matches.
    Pattern {
        /// Regular expression; its first group, or all of it, is what is compared.
        pattern: String,
        /// How.
        order: TagOrder,
    },
}

impl fmt::Display for UpdatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest => f.write_str("digest"),
            Self::Base => f.write_str(BASE),
            Self::Semver { range, pattern: None } => write!(f, "semver {range}"),
            Self::Semver { range, pattern: Some(pattern) } => {
                write!(f, "semver {range} of {pattern}")
            }
            Self::Pattern { pattern, order: TagOrder::Numerical } => {
                write!(f, "highest number of {pattern}")
            }
            Self::Pattern { pattern, order: TagOrder::Alphabetical } => {
                write!(f, "last in the alphabet of {pattern}")
            }
        }
    }
}

/// How tags are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TagOrder {
    /// As whole numbers.
    Numerical,
    /// As texts, byte by byte.
    Alphabetical,
}

/// A time in which images may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateWindow {
    /// When it opens.
    pub opens: When,
    /// How long it stays open.
    pub duration: Duration,
}

/// A question to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageQuery {
    /// Reference as written.
    pub image: String,
    /// What is followed.
    pub policy: UpdatePolicy,
    /// Tag that runs: nothing lower is of interest.
    pub tag: String,
    /// `os[/arch[/variant]]` for which the age is asked; `None` is that of the engine.
    pub platform: Option<String>,
    /// Whether the age is asked.
    pub ages: bool,
    /// How the image is built, if it is.
    pub build: Option<Build>,
}

/// An image that a registry offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCandidate {
    /// Its tag.
    pub tag: String,
    /// `repository:tag@sha256:…`; of base images, all of them.
    pub reference: String,
    /// When it was made, if that was asked and is known.
    pub created: Option<Timestamp>,
    /// When it was first found.
    #[serde(default)]
    pub seen: Timestamp,
}

/// An image that runs instead of the reference as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedImage {
    /// `repository:tag@sha256:…`, or an image id.
    pub reference: String,
    /// Since when it is wanted.
    pub since: Timestamp,
    /// Where it comes from.
    pub source: ImageSource,
}

/// Where an image that runs comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageSource {
    /// The registry offered it.
    Registry,
    /// A container of the service has it, and nothing else is remembered.
    Container,
    /// It was promoted.
    Promotion {
        /// From that project.
        from: ProjectName,
        /// From that revision of it.
        revision: u64,
    },
}

impl ResolvedImage {
    /// Whether only a person or an edit ends it.
    pub fn is_promoted(&self) -> bool {
        matches!(self.source, ImageSource::Promotion { .. })
    }
}

impl fmt::Display for ResolvedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reference)?;
        match &self.source {
            ImageSource::Registry => f.write_str(", as the registry offered it"),
            ImageSource::Container => f.write_str(", as its container had it"),
            ImageSource::Promotion { from, revision } => {
                write!(f, ", promoted from revision {revision} of {from}")
            }
        }
    }
}

/// Memory of the images of one service that move. Losing it takes nothing back: what its containers run is found again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageUpdateRecord {
    /// Reference as written, that the rest is about.
    pub image: String,
    /// What runs instead of it.
    pub running: Option<ResolvedImage>,
    /// What ran before that: what a failure goes back to.
    pub before: Option<ResolvedImage>,
    /// Base images that the image is built upon, or is to be: what the first look found, and what was taken since.
    pub base: Option<String>,
    /// What the last look found, best first; at most [`MOST_CANDIDATES`].
    pub found: Vec<ImageCandidate>,
    /// Policy that `found` is about.
    pub policy: String,
    /// Images that failed, newest last; at most [`MOST_REJECTED`].
    pub rejected: Vec<ResolvedImage>,
    /// Last look that succeeded.
    pub checked: Option<Timestamp>,
    /// Failed looks in a row.
    pub failures: u32,
    /// Earliest next look after a failure.
    pub next_try: Option<Timestamp>,
    /// Text of the last failure.
    pub error: String,
    /// What kind of failure it was.
    pub trouble: PullTrouble,
}

impl ImageUpdateRecord {
    /// Whether what was found are base images, which are fetched by builds alone.
    pub fn follows_base(&self) -> bool {
        self.policy == BASE
    }
}

/// Name and tag of a reference, without digest; a reference without a tag means `latest`.
pub fn name_and_tag(reference: &str) -> (&str, &str) {
    let named = reference.split_once('@').map_or(reference, |(name, _)| name);
    match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (named, "latest"),
    }
}

/// What a registry was found to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImages {
    /// What was asked.
    pub policy: String,
    /// The answer, best first.
    pub candidates: Vec<ImageCandidate>,
}

/// What an image that moves waits for, or what is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageUpdateWait {
    /// Nothing: the next look at the registry is due then.
    CheckDue,
    /// The image to be old enough.
    TooYoung {
        /// Its tag.
        tag: String,
    },
    /// The window to open.
    Window {
        /// Tag of what would be taken.
        tag: String,
    },
    /// A person: it is only reported.
    Available {
        /// What there is.
        reference: String,
    },
    /// The back-off after failed looks; what runs goes on.
    CheckFailed {
        /// Tries so far.
        failures: u32,
        /// The registry's text.
        error: String,
        /// What kind of failure it was.
        trouble: PullTrouble,
    },
    /// A newer image than the one that failed.
    Rejected {
        /// What failed.
        reference: String,
    },
    /// A person or an edit: an image by id runs.
    Kept {
        /// The service.
        service: ServiceName,
        /// The image, and where it comes from.
        image: ResolvedImage,
    },
}

impl ImageUpdateWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CheckDue => "ImageCheckScheduled",
            Self::TooYoung { .. } => "ImageTooYoung",
            Self::Window { .. } => "ImageUpdateWindow",
            Self::Available { .. } => "ImageUpdateAvailable",
            Self::CheckFailed { .. } => "ImageCheckFailed",
            Self::Rejected { .. } => "ImageRejected",
            Self::Kept { image, .. } if !image.is_promoted() => "ImageKept",
            Self::Kept { .. } => "ImagePromoted",
        }
    }

    /// Whether something is amiss.
    pub fn is_trouble(&self) -> bool {
        matches!(self, Self::CheckFailed { .. } | Self::Rejected { .. })
    }

    /// Whether it only says what is due or known: nobody need hear of it.
    pub fn is_schedule(&self) -> bool {
        !self.is_trouble()
    }
}

impl fmt::Display for ImageUpdateWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckDue => f.write_str("the next look at the registry"),
            Self::TooYoung { tag } => write!(f, "{tag} to be as old as minimum_age says"),
            Self::Window { tag } => write!(f, "the window to open; {tag} is there"),
            Self::Available { reference } => {
                write!(f, "a person: {reference} is there and is only reported")
            }
            Self::CheckFailed { failures, error, trouble } => {
                write!(
                    f,
                    "back-off after failed look {failures} at the registry; the image that runs goes on: {error}"
                )?;
                match trouble.mend() {
                    "" => Ok(()),
                    mend => write!(f, "; {mend}"),
                }
            }
            Self::Rejected { reference } => {
                write!(f, "a newer image or `composelet resume`: {reference} failed")
            }
            Self::Kept { service, image } => write!(
                f,
                "`composelet resume`, an edit of its image or a promotion: {service} runs {image}"
            ),
        }
    }
}
