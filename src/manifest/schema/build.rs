//! `build`.

use super::mounts::CONFIG_MOUNT;
use super::service::ULIMIT;
use super::{Form, Kind, Merge, Object, Print, Unset, field};
use crate::manifest::{forms, refusal};

/// A path, or how the image is built.
pub(crate) static BUILD: Form = Form { expand: forms::build, long: Kind::Object(&BUILD_LONG) };

const API: &str = "the engine's build API has no word for it";

static BUILD_LONG: Object = Object::new(&[
    field("context", Kind::Form(&forms::CONTEXT)),
    field("dockerfile", Kind::Text),
    field("dockerfile_inline", Kind::Text),
    field("entitlements", Kind::List(&Kind::Text)).not_run(refusal::BUILD_ENTITLEMENTS),
    field("args", Kind::Pairs(Unset::FromEnvironment)),
    field("provenance", Kind::Any).print(Print::Never).no_effect(API),
    field("sbom", Kind::Any).print(Print::Never).no_effect(API),
    field("ssh", Kind::Form(&forms::BUILD_SSH)).merge(Merge::Unique(forms::key_identity)),
    field("labels", Kind::Pairs(Unset::Empty)),
    field("cache_from", Kind::List(&Kind::Text)),
    field("cache_to", Kind::List(&Kind::Text)),
    field("no_cache", Kind::Bool),
    field("no_cache_filter", Kind::OneOrMany(&Kind::Text)),
    field("additional_contexts", Kind::Form(&forms::CONTEXTS)),
    field("pull", Kind::Bool),
    field("extra_hosts", Kind::Form(&forms::EXTRA_HOSTS))
        .merge(Merge::Unique(forms::text_identity)),
    field("isolation", Kind::Text).no_effect("Windows only"),
    field("network", Kind::Text),
    field("target", Kind::Text),
    field("secrets", Kind::List(&Kind::Form(&CONFIG_MOUNT))),
    field("shm_size", Kind::Bytes),
    field("tags", Kind::List(&Kind::Text)).merge(Merge::Unique(forms::text_identity)),
    field("ulimits", Kind::Map(&Kind::Form(&ULIMIT))),
    field("platforms", Kind::List(&Kind::Text)),
    field("privileged", Kind::Bool).not_run(refusal::BUILD_PRIVILEGED),
]);
