//! Volumes, configs and secrets as a service mounts them.

use super::{Form, Kind, Object, Print, Unset, field};
use crate::manifest::forms;
use crate::model::feature::{CREATE_MOUNTPOINT, IMAGE_MOUNTS, SEVERAL_ENDPOINTS, SUBPATH};

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
        field("image", Kind::Object(&IMAGE))
            .print(Print::Set)
            .since_for(IMAGE_MOUNTS, "and every mount of type image"),
    ],
    required: &["type", "target"],
};

static BIND: Object = Object::new(&[
    field("selinux", Kind::OneOf(&["z", "Z"])),
    field(
        "propagation",
        Kind::OneOf(&["rprivate", "private", "rshared", "shared", "rslave", "slave"]),
    ),
    field("create_host_path", Kind::Bool)
        .since_for(CREATE_MOUNTPOINT, "beside propagation or recursive; alone, everywhere"),
    field("recursive", Kind::OneOf(&["enabled", "disabled", "writable", "readonly"]))
        .since_for(SEVERAL_ENDPOINTS, "`writable` and `readonly`; the others everywhere"),
]);

static VOLUME: Object = Object::new(&[
    field("labels", Kind::Pairs(Unset::Empty)),
    field("nocopy", Kind::Bool),
    field("subpath", Kind::Text).since(SUBPATH),
]);

static IMAGE: Object = Object::new(&[field("subpath", Kind::Text)]);

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
