//! Every key of the Compose Specification as data: what may stand there, whether composelet does anything with it, how two
//! files merge, and how the command line prints it. Fields stand in the order in which the command line prints them,
//! because its service hash is taken over that text (compose-spec reference §3.2).

mod build;
mod deploy;
mod devices;
mod keys;
mod kind;
mod mounts;
mod project;
mod service;
mod shape;

pub(crate) use build::BUILD;
pub(crate) use devices::{THROTTLE_DEVICE, WEIGHT_DEVICE};
pub use keys::{KeyRow, keys};
pub(crate) use kind::{Field, Form, Kind, Merge, Object, Print, Support, Unset};
pub(crate) use project::{PROJECT, VOLUME};
pub(crate) use service::{PORT, SERVICE};
pub use shape::{Key, Shape, shape};

use kind::field;
