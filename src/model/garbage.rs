//! What is kept in mind of images that this controller brought to the host, and what may go again.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::id::{ImageId, ProjectName, short_image_id};
use crate::model::time::Timestamp;

/// An image that was not on the host before a pull or a build of this controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedImage {
    /// Its id.
    pub id: ImageId,
    /// References by which this controller asked for it, in the form in which the engine lists names.
    pub names: BTreeSet<String>,
    /// For whom it was fetched first.
    pub project: ProjectName,
    /// How.
    pub origin: ImageOrigin,
    /// End of the last pull or build that had it as its result.
    pub at: Timestamp,
}

/// How an image came to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageOrigin {
    /// From a registry.
    Pulled,
    /// Built here, or pulled or made on the way of a build.
    Built,
}

impl fmt::Display for ImageOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pulled => "pulled",
            Self::Built => "built",
        })
    }
}

/// An image as the engine lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    /// Its id.
    pub id: ImageId,
    /// The image that it was made upon, if that is kept as an image of its own: a step of the classic builder.
    pub parent: Option<ImageId>,
    /// Names with tags.
    pub tags: BTreeSet<String>,
    /// Names with digests.
    pub digests: BTreeSet<String>,
    /// Bytes, those included that it shares with others.
    pub size: u64,
}

impl StoredImage {
    /// What people know it by: a tag, a name with a digest, or the short form of its id.
    pub fn name(&self) -> &str {
        let names = self.tags.iter().chain(&self.digests);
        names.map(String::as_str).next().unwrap_or_else(|| short_image_id(self.id.as_str()))
    }
}

/// Whether the controller removes garbage of its own accord: `garbage` of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GarbagePolicy {
    /// A person may, by `composelet gc`.
    Off,
    /// It does.
    On(GarbageSettings),
}

impl Default for GarbagePolicy {
    fn default() -> Self {
        Self::On(GarbageSettings::default())
    }
}

impl GarbagePolicy {
    /// What may go if somebody looks: by the settings, or as the kubelet has it.
    pub fn images(&self) -> ImageGarbage {
        match self {
            Self::Off => ImageGarbage::default(),
            Self::On(settings) => settings.images.clone(),
        }
    }
}

/// How garbage is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GarbageSettings {
    /// Time between two looks at the images.
    pub interval: Duration,
    /// Which images may go, and when.
    pub images: ImageGarbage,
    /// Bytes of the engine's build cache that stay when images did not make room enough; `None` leaves it alone.
    pub build_cache: Option<u64>,
    /// When a disk is too full.
    pub pressure: PressureMarks,
}

impl Default for GarbageSettings {
    /// As the kubelet has it.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(300),
            images: ImageGarbage::default(),
            build_cache: None,
            pressure: PressureMarks::default(),
        }
    }
}

/// `garbage.images` of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageGarbage {
    /// Use of the file system of the engine's data, in percent, from which images go.
    pub high: u8,
    /// Use down to which they go.
    pub low: u8,
    /// An image that was fetched less than this ago stays.
    pub min_age: Duration,
}

impl Default for ImageGarbage {
    /// As the kubelet has it.
    fn default() -> Self {
        Self { high: 85, low: 80, min_age: Duration::from_secs(120) }
    }
}

/// `garbage.pressure` of the settings: with less than this much free, in percent, nothing is begun that takes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureMarks {
    /// Of the bytes; 0 is never.
    pub disk: u8,
    /// Of the inodes; 0 is never.
    pub inodes: u8,
}

impl Default for PressureMarks {
    /// As the kubelet has it for its own disk. Its 15 % for that of the images is where images begin to go: what they leave
    /// should be tried first.
    fn default() -> Self {
        Self { disk: 10, inodes: 5 }
    }
}
