//! Short forms and their long forms, one file per family; and the identities by which entries of lists are matched in a
//! merge.

mod build_node;
mod devices;
mod identity;
mod mounts;
mod paths;
mod ports;
mod small;

pub(crate) use devices::{block_rate, block_weight, device_request, gpus, microseconds, models};
pub(crate) use identity::{
    key_identity, path_identity, port_identity, request_identity, target_identity, text_identity,
};
pub(crate) use mounts::{config_mount, secret_mount, volume};
pub(crate) use paths::{BUILD_SSH, CONTEXT, CONTEXTS, PATH, build, env_file, is_remote};
pub(crate) use ports::ports;
pub(crate) use small::{
    EXTRA_HOSTS, depends_on, device, extends, external, health_test, include, networks,
    pull_policy, restart, ulimit,
};

use build_node::{mapping, names_to_map, truth};
