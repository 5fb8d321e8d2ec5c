//! `deploy`.

use super::devices::RESERVED_DEVICE;
use super::{Kind, Object, Print, Unset, field};

const SWARM: &str = "Swarm only";
const ROLLOUT: &str = "rollouts in steps are not built yet; replicas are replaced one after the other. parallelism of update_config counts for jobs";

/// `deploy` of a service.
pub(super) static DEPLOY: Object = Object::new(&[
    field("mode", Kind::OneOf(&["replicated", "global", "replicated-job", "global-job"])),
    field("replicas", Kind::Int).print(Print::Set),
    field("labels", Kind::Pairs(Unset::Empty)).no_effect(SWARM),
    field("update_config", Kind::Object(&UPDATE)).no_effect(ROLLOUT),
    field("rollback_config", Kind::Object(&UPDATE)).no_effect(ROLLOUT),
    field("resources", Kind::Object(&RESOURCES)).print(Print::Empty),
    field("restart_policy", Kind::Object(&RESTART)),
    field("placement", Kind::Object(&PLACEMENT)).print(Print::Empty).no_effect(SWARM),
    field("endpoint_mode", Kind::Text).no_effect(SWARM),
]);

static UPDATE: Object = Object::new(&[
    field("parallelism", Kind::Int).print(Print::Set).no_effect(ROLLOUT),
    field("delay", Kind::Duration).no_effect(ROLLOUT),
    field("failure_action", Kind::Text).no_effect(ROLLOUT),
    field("monitor", Kind::Duration).no_effect(ROLLOUT),
    field("max_failure_ratio", Kind::Float).no_effect(ROLLOUT),
    field("order", Kind::OneOf(&["start-first", "stop-first"])).no_effect(ROLLOUT),
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
