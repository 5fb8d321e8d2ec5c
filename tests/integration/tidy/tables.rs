//! Who may import whom, who has no effects, and where a crate may be named.

/// Module, and what of ours it may import beside itself. A module that is not here fails the test.
pub(super) const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("calendar", &["model"]),
    ("tags", &["model"]),
    ("manifest", &["model", "calendar", "tags"]),
    ("planner", &["model", "calendar", "tags"]),
    ("policy", &["model"]),
    ("diagnose", &["model"]),
    ("doctor", &["model"]),
    ("secrets", &["model"]),
    ("recipes", &["model"]),
    ("garbage", &["model"]),
    ("backup", &["model", "recipes", "secrets", "engine", "ledger"]),
    ("engine", &["model", "policy"]),
    ("source", &["model", "tags"]),
    ("executor", &["model", "engine", "source"]),
    ("ledger", &["model"]),
    (
        "controller",
        &[
            "model", "manifest", "planner", "policy", "diagnose", "secrets", "engine", "source",
            "executor", "ledger", "tags", "garbage", "backup",
        ],
    ),
    ("telemetry", &["model"]),
    ("alerts", &["model", "webhook"]),
    ("webhook", &["model"]),
    ("http", &["model", "webhook", "controller", "telemetry"]),
    (
        "cli",
        &[
            "model",
            "calendar",
            "manifest",
            "planner",
            "policy",
            "diagnose",
            "doctor",
            "engine",
            "source",
            "executor",
            "ledger",
            "controller",
            "telemetry",
            "alerts",
            "webhook",
            "http",
            "tags",
            "recipes",
            "garbage",
            "backup",
            "secrets",
        ],
    ),
];

/// Modules without effects, and what they must not name.
pub(super) const PURE: &[&str] = &[
    "model", "calendar", "tags", "secrets", "recipes", "manifest", "planner", "policy", "diagnose",
    "doctor", "webhook", "garbage",
];
pub(super) const IMPURE_NAMES: &[&str] =
    &["tokio", "bollard", "notify", "tracing", "std::fs", "std::env", "SystemTime", "Instant"];

/// A crate, and the files that may name it.
pub(super) const CONFINED: &[(&str, &str)] = &[
    ("bollard", "src/engine/"),
    ("hyper", "src/engine/docker/session/ src/controller/host_get.rs src/http/"),
    (
        "rustls",
        "src/controller/host_get.rs src/engine/registry/client.rs src/alerts/https.rs src/http/api/tls.rs",
    ),
    ("hyper_rustls", "src/engine/registry/client.rs src/alerts/https.rs"),
    ("tokio_rustls", "src/controller/host_get.rs src/http/api/tls.rs"),
    ("prometheus_client", "src/http/api/metrics/render.rs"),
    ("prost", "src/engine/docker/"),
    ("hmac", "src/webhook/mac.rs"),
    ("sha1", "src/webhook/mac.rs"),
    ("subtle", "src/webhook/mac.rs"),
    ("lettre", "src/alerts/email.rs"),
    ("minijinja", "src/alerts/template.rs"),
    ("notify", "src/source/watch.rs"),
    ("croner", "src/calendar/"),
    ("jiff", "src/calendar/"),
    ("semver", "src/tags/"),
    ("regex", "src/tags/ src/secrets/sops.rs"),
    ("age", "src/secrets/"),
    ("aes_gcm", "src/secrets/encoded.rs"),
    ("zstd", "src/backup/"),
    ("x509_cert", "src/doctor/certificate.rs"),
];
