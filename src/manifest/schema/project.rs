//! Top-level keys, networks, volumes, configs and secrets.

use super::{Field, Form, Kind, Merge, Object, Print, SERVICE, Unset, field};
use crate::manifest::forms;
use crate::model::feature::IMAGE_MOUNTS;

/// A Compose file.
pub(crate) static PROJECT: Object = Object::new(&[
    field("version", Kind::Text)
        .no_effect("obsolete: the specification has no versions any more")
        .print(Print::Never),
    field("name", Kind::Text),
    field("include", Kind::Form(&INCLUDE)).print(Print::Never),
    field("services", Kind::Map(&Kind::Object(&SERVICE))),
    field("networks", Kind::MapOfOptional(&Kind::Object(&NETWORK))),
    field("volumes", Kind::MapOfOptional(&Kind::Object(&VOLUME))),
    field("configs", Kind::Map(&Kind::Object(&CONFIG))),
    field("secrets", Kind::Map(&Kind::Object(&SECRET))),
    field("models", Kind::Map(&Kind::Object(&MODEL)))
        .no_effect("there is no model runner here; services that use a model are not run"),
]);

static INCLUDE: Form =
    Form { expand: forms::include, long: Kind::List(&Kind::Object(&INCLUDE_LONG)) };

static INCLUDE_LONG: Object = Object {
    fields: &[
        field("path", Kind::OneOrMany(&Kind::Form(&forms::PATH))),
        field("project_directory", Kind::Form(&forms::PATH)),
        field("env_file", Kind::OneOrMany(&Kind::Form(&forms::PATH))),
    ],
    required: &["path"],
};

static EXTERNAL: Form = Form { expand: forms::external, long: Kind::Bool };

const fn labels() -> Field {
    field("labels", Kind::Pairs(Unset::Empty))
}

static MODEL: Object = Object {
    fields: &[
        field("name", Kind::Text),
        field("model", Kind::Text),
        field("context_size", Kind::Int),
        field("runtime_flags", Kind::List(&Kind::Text)),
    ],
    required: &["model"],
};

static NETWORK: Object = Object::new(&[
    field("name", Kind::Text),
    field("driver", Kind::Text),
    field("driver_opts", Kind::Map(&Kind::TextOrNumber)),
    field("ipam", Kind::Object(&IPAM)).print(Print::Empty),
    field("external", Kind::Form(&EXTERNAL)),
    field("internal", Kind::Bool),
    field("attachable", Kind::Bool),
    labels(),
    field("enable_ipv4", Kind::Bool)
        .print(Print::Set)
        .since_for(IMAGE_MOUNTS, "`false`; networks have IPv4 everywhere"),
    field("enable_ipv6", Kind::Bool).print(Print::Set),
]);

static IPAM: Object = Object::new(&[
    field("driver", Kind::Text),
    field("config", Kind::List(&Kind::Object(&IPAM_POOL))).merge(Merge::Pools),
    field("options", Kind::Map(&Kind::Text)).print(Print::Never),
]);

static IPAM_POOL: Object = Object::new(&[
    field("subnet", Kind::Text),
    field("gateway", Kind::Text),
    field("ip_range", Kind::Text),
    field("aux_addresses", Kind::Map(&Kind::Text)),
]);

/// A volume.
pub(crate) static VOLUME: Object = Object::new(&[
    field("name", Kind::Text),
    field("driver", Kind::Text),
    field("driver_opts", Kind::Map(&Kind::TextOrNumber)),
    field("external", Kind::Form(&EXTERNAL)),
    labels(),
]);

const SWARM: &str = "it lives in a Swarm, and there is none here; use file, environment or content";

static CONFIG: Object = Object::new(&[
    field("name", Kind::Text).no_effect("no object exists on the engine"),
    field("file", Kind::Form(&forms::PATH)),
    field("environment", Kind::Text),
    field("content", Kind::Text),
    field("external", Kind::Form(&EXTERNAL)).not_yet(SWARM),
    labels().no_effect("no object exists on the engine"),
    field("template_driver", Kind::Text).not_yet(SWARM),
]);

static SECRET: Object = Object::new(&[
    field("name", Kind::Text).no_effect("no object exists on the engine"),
    field("file", Kind::Form(&forms::PATH)),
    field("environment", Kind::Text),
    field("external", Kind::Form(&EXTERNAL)).not_yet(SWARM),
    labels().no_effect("no object exists on the engine"),
    field("driver", Kind::Text).not_yet(SWARM),
    field("driver_opts", Kind::Map(&Kind::TextOrNumber)).not_yet(SWARM),
    field("template_driver", Kind::Text).not_yet(SWARM),
]);
