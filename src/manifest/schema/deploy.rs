//! `deploy`.

use super::devices::RESERVED_DEVICE;
use super::{Kind, Object, Print, Unset, field};

const SWARM: &str = "Swarm only";

/// `deploy` of a service.
pub(super) static DEPLOY: Object = Object::new(&[
    field("mode", Kind::OneOf(&["replicated", "global", "replicated-job", "global-job"])),
    field("replicas", Kind::Int).print(Print::Set),
    field("labels", Kind::Pairs(Unset::Empty)).no_effect(SWARM),
    field("update_config", Kind::Object(&UPDATE)),
    field("rollback_config", Kind::Object(&UPDATE)),
    field("resources", Kind::Object(&RESOURCES)).print(Print::Empty),
    field("restart_policy", Kind::Object(&RESTART)),
    field("placement", Kind::Object(&PLACEMENT)).print(Print::Empty).no_effect(SWARM),
    field("endpoint_mode", Kind::Text).no_effect(SWARM),
]);

static UPDATE: Object = Object::new(&[
    field("parallelism", Kind::Int).print(Print::Set),
    field("delay", Kind::Duration),
    field("failure_action", Kind::OneOf(&["rollback", "pause", "continue"])),
    field("monitor", Kind::Duration),
    field("max_failure_ratio", Kind::Float),
    field("order", Kind::OneOf(&["start-first", "stop-first"])),
]);

static RESOURCES: Object = Object::new(&[
    field("limits", Kind::Object(&LIMITS)),
    field("reservations", Kind::Object(&RESERVATIONS)),
]);

static LIMITS: Object = Object::new(&[
    field("cpus", Kind::Float),
    field("memory", Kind::Bytes),
    field("pids", Kind::Int),
]);

static RESERVATIONS: Object = Object::new(&[
    field("cpus", Kind::Float).no_effect(SWARM),
    field("memory", Kind::Bytes),
    field("devices", Kind::List(&Kind::Form(&RESERVED_DEVICE))),
    field("generic_resources", Kind::List(&Kind::Any)).no_effect(SWARM),
]);

static RESTART: Object = Object::new(&[
    field(
        "condition",
        Kind::OneOf(&["none", "on-failure", "any", "no", "always", "unless-stopped"]),
    ),
    field("delay", Kind::Duration).print(Print::Set),
    field("max_attempts", Kind::Int).print(Print::Set),
    field("window", Kind::Duration).print(Print::Set),
]);

static PLACEMENT: Object = Object::new(&[
    field("constraints", Kind::List(&Kind::Text)).no_effect(SWARM),
    field("preferences", Kind::List(&Kind::Any)).no_effect(SWARM),
    field("max_replicas_per_node", Kind::Int).no_effect(SWARM),
]);
