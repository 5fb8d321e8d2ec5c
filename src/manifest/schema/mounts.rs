//! Volumes, configs and secrets as a service mounts them.

use super::{Form, Kind, Object, Print, Unset, field};
use crate::manifest::forms;

/// A mount in its short or long form.
pub(super) static VOLUME_MOUNT: Form =
    Form { expand: forms::volume, long: Kind::Object(&VOLUME_LONG) };

static VOLUME_LONG: Object = Object {
    fields: &[
        field("type", Kind::OneOf(&["bind", "volume", "tmpfs", "image", "npipe", "cluster"])),
        field("source", Kind::Text),
        field("target", Kind::Text),
        field("read_only", Kind::Bool),
        field("consistency", Kind::Text).no_effect("macOS only"),
        field("bind", Kind::Object(&BIND)).print(Print::Set),
        field("volume", Kind::Object(&VOLUME)).print(Print::Set),
        field("tmpfs", Kind::Object(&TMPFS)).print(Print::Set),
        field("image", Kind::Any).not_yet("it needs Engine 28 (API 1.48)"),
    ],
    required: &["type", "target"],
};

static BIND: Object = Object::new(&[
    field("selinux", Kind::OneOf(&["z", "Z"])),
    field(
        "propagation",
        Kind::OneOf(&["rprivate", "private", "rshared", "shared", "rslave", "slave"]),
    ),
    field("create_host_path", Kind::Bool),
    field("recursive", Kind::Text).not_yet("it needs Engine 25 (API 1.44)"),
]);

static VOLUME: Object = Object::new(&[
    field("labels", Kind::Pairs(Unset::Empty)).not_yet("put the labels on the volume itself"),
    field("nocopy", Kind::Bool),
    field("subpath", Kind::Text).not_yet("it needs Engine 26 (API 1.45)"),
]);

static TMPFS: Object = Object::new(&[field("size", Kind::Bytes), field("mode", Kind::Mode)]);

/// A config in its short or long form.
pub(super) static CONFIG_MOUNT: Form =
    Form { expand: forms::config_mount, long: Kind::Object(&FILE_MOUNT) };

/// A secret in its short or long form.
pub(super) static SECRET_MOUNT: Form =
    Form { expand: forms::secret_mount, long: Kind::Object(&FILE_MOUNT) };

static FILE_MOUNT: Object = Object {
    fields: &[
        field("source", Kind::Text),
        field("target", Kind::Text),
        field("uid", Kind::TextOrNumber),
        field("gid", Kind::TextOrNumber),
        field("mode", Kind::Mode).print(Print::Set),
    ],
    required: &["source"],
};
