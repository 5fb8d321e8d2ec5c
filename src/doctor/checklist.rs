//! The checklists that people go through by hand, point by point, with the check that answers each.

/// One point of a checklist.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// What the list asks.
    pub asks: &'static str,
    /// Names of the checks that answer it; none: it is not checkable by a machine.
    pub checks: &'static [&'static str],
    /// What is to be known about the answer; for one without checks, why.
    pub note: &'static str,
}

const fn point(asks: &'static str, checks: &'static [&'static str], note: &'static str) -> Point {
    Point { asks, checks, note }
}

/// By name of the list.
pub const CHECKLISTS: &[(&str, &[Point])] = &[
    (
        "Before, during and after a deployment (pontificia)",
        &[
            point(
                "Ports free, 3314 included",
                &["ports"],
                "derived from the manifests, so that none is forgotten; the holder is named, with its unit",
            ),
            point("Variables set", &["variables"], "with file and line"),
            point("10 GB of disk", &["disk", "inodes"], "where the engine and the projects lie"),
            point(
                "Docker ≥ 20.0",
                &["engine", "features"],
                "20.10, and what single attributes need beyond it",
            ),
            point(
                "Compose ≥ 2.0",
                &["engine"],
                "composelet reads Compose files itself: none is needed",
            ),
            point("Firewall", &["exposure"], "what is published goes round it"),
            point(
                "All healthy",
                &["readiness", "health-checks"],
                "a check that cannot fail proves nothing",
            ),
            point("Migrated", &["readiness"], "a declared job once per revision is part of Ready"),
            point(
                "Logs read",
                &["readiness", "logs"],
                "`diagnose` reads them where something is not ready",
            ),
            point("Connectivity", &["readiness"], "declared checks after a rollout are part of it"),
            point(
                "Integration tests",
                &[],
                "declare them under `x-composelet.checks.after`; whether they are enough is for people",
            ),
            point(
                "Monitoring and alerts",
                &[],
                "whether anybody reads them cannot be seen from here",
            ),
            point("Backups", &["backups"], "the age of the last verified one"),
            point("Documentation", &[], "for people"),
        ],
    ),
    (
        "Security (montero)",
        &[
            point("SECRET_KEY of 32 characters and more", &["secrets", "variables"], ""),
            point(
                "Passwords changed",
                &["secrets"],
                "defaults and short ones; the value is never shown",
            ),
            point("Firewall", &["exposure"], "what is published goes round it"),
            point(
                "HTTPS",
                &["certificates"],
                "that every request is sent to HTTPS is the proxy's business. A missing certificate is found by `diagnose`",
            ),
            point(
                "Rate limit",
                &[],
                "it stands in the configuration of proxy and program; a wrong one of nginx is found by `diagnose`",
            ),
            point("Backups", &["backups"], ""),
            point("Monitoring", &[], "whether anybody reads it cannot be seen from here"),
            point(
                "Images renewed",
                &["images", "registry"],
                "that an image is there; what moves follows `x-composelet.image_update`",
            ),
            point("Log rotation", &["logs"], ""),
            point("Disk (images and orphaned volumes)", &["disk"], ""),
            point("Daemon reachable", &["engine"], ""),
            point("Port 5000 free", &["ports"], ""),
        ],
    ),
];
