//! The calls below `/containers`.

mod create;
mod defaults;
mod inspect;
mod lifecycle;
mod list;
mod logs;
mod mounts;
mod remove;
mod signal;
mod update;
mod validate;

pub(crate) use create::{create, valid_name};
pub(crate) use inspect::{inspect, json_of as inspected};
pub(crate) use lifecycle::{pause, restart, start, unpause, wait};
pub(crate) use list::list;
pub(crate) use logs::{logs, put_archive, stats, top};
pub(crate) use remove::{prune, remove};
pub(crate) use signal::{kill, stop};
pub(crate) use update::{rename, update};
