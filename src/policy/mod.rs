//! What manifests may not do: rules over the requests as they are sent (docs/policy.md). Pure: where links lead to and
//! whose a container is, is told.
//!
//! Reading order: `request` is what is judged, `judge` the front door, `fields` the table of everything that a request may
//! say. A field that is not in the table is refused below the profile `privileged`. `facts` is what somebody has to look up.

mod build;
mod container;
mod facts;
mod fields;
mod image;
mod isolation;
mod judge;
mod mounts;
mod request;
mod resources;

pub use facts::{Facts, Ground, SeenVolume, Wanted, wanted};
pub use fields::{Kind, paths, unclassified};
pub use judge::judge;
pub use request::{BuildInput, Request};
