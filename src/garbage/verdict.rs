//! What becomes of an image, and why; as data and as text.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::model::garbage::StoredImage;
use crate::model::id::{ImageId, ProjectName, short_image_id};

/// An image with its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<'a> {
    /// The image.
    pub image: &'a StoredImage,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may go.
    Goes(Goes),
    /// It stays.
    Stays(Stays),
}

/// Why an image may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Goes {
    /// Its names lead to another image by now.
    Replaced,
    /// No project names it, and no kept revision has it.
    Unused,
}

impl fmt::Display for Goes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replaced => "its names lead to other images by now",
            Self::Unused => "no project names it, and no kept revision has it",
        })
    }
}

/// Why an image stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Stays {
    /// It was there before, or somebody else brought it.
    NotOurs,
    /// A container has it.
    Used {
        /// Name of the container.
        container: String,
    },
    /// A project may go back to it.
    Kept {
        /// The project.
        project: ProjectName,
        /// Number of its revision, if it is one of the whole project.
        revision: Option<u64>,
    },
    /// A project names it.
    Named {
        /// The project.
        project: ProjectName,
        /// The name.
        name: String,
    },
    /// Somebody else gave it a name.
    Tagged {
        /// The name.
        name: String,
    },
    /// It was fetched a short time ago.
    Young {
        /// How long ago.
        age: Duration,
    },
    /// An image that stays is built upon it.
    Parent {
        /// Id of that image.
        of: ImageId,
    },
}

impl Stays {
    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOurs => "NotOurs",
            Self::Used { .. } => "Used",
            Self::Kept { .. } => "KeptRevision",
            Self::Named { .. } => "Named",
            Self::Tagged { .. } => "TaggedByOthers",
            Self::Young { .. } => "Young",
            Self::Parent { .. } => "Parent",
        }
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("composelet did not bring it here"),
            Self::Used { container } => write!(f, "container {container} has it"),
            Self::Kept { project, revision: Some(number) } => {
                write!(f, "revision {number} of {project} has it")
            }
            Self::Kept { project, revision: None } => {
                write!(f, "a kept revision of {project} has it")
            }
            Self::Named { project, name } => write!(f, "project {project} names {name}"),
            Self::Tagged { name } => write!(f, "somebody else gave it the name {name}"),
            Self::Young { age } => write!(f, "it was fetched {} s ago", age.as_secs()),
            Self::Parent { of } => {
                write!(f, "image {} is built upon it", short_image_id(of.as_str()))
            }
        }
    }
}
