//! Who answers.

use serde::Serialize;

use crate::controller::Snapshot;
use crate::model::time::Timestamp;

/// This controller.
#[derive(Debug, Serialize)]
pub(in crate::http::api) struct VersionView<'a> {
    version: &'static str,
    api: &'static str,
    installation: Option<&'a str>,
    role: Option<&'a str>,
    started_at: Option<Timestamp>,
    engine: Option<&'a str>,
    watch: Option<&'a str>,
}

impl<'a> VersionView<'a> {
    pub(in crate::http::api) fn of(snapshot: &'a Snapshot) -> Self {
        let status = snapshot.controller.as_deref();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            api: "v1",
            installation: status.map(|status| status.installation.as_str()),
            role: status.map(|status| status.role.as_str()),
            started_at: status.map(|status| status.started_at),
            engine: status.map(|status| status.engine.as_str()),
            watch: status.map(|status| status.watch.as_str()),
        }
    }
}
