//! One container as the list shows it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::engine::wire::Texts;

/// One entry of the list of containers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct SummaryJson {
    pub(in crate::engine) id: String,
    pub(in crate::engine) names: Option<Vec<String>>,
    #[serde(rename = "ImageID")]
    pub(in crate::engine) image_id: Option<String>,
    /// Seconds since 1970.
    pub(in crate::engine) created: Option<i64>,
    pub(in crate::engine) state: Option<String>,
    /// For people: `Up 3 minutes (healthy)`, `Exited (1) 2 hours ago`.
    pub(in crate::engine) status: Option<String>,
    pub(in crate::engine) labels: Option<Texts>,
    pub(in crate::engine) ports: Option<Vec<PortJson>>,
    pub(in crate::engine) network_settings: Option<SummaryNetworks>,
}

/// A port of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct PortJson {
    #[serde(rename = "IP")]
    pub(in crate::engine) ip: Option<String>,
    pub(in crate::engine) private_port: Option<u16>,
    pub(in crate::engine) public_port: Option<u16>,
    #[serde(rename = "Type")]
    pub(in crate::engine) kind: Option<String>,
}

/// Networks of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct SummaryNetworks {
    pub(in crate::engine) networks: Option<BTreeMap<String, Option<SummaryEndpoint>>>,
}

/// An endpoint of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::engine) struct SummaryEndpoint {
    #[serde(rename = "NetworkID")]
    pub(in crate::engine) network_id: Option<String>,
    #[serde(rename = "IPAddress")]
    pub(in crate::engine) ip_address: Option<String>,
}

impl SummaryJson {
    /// The container's own name: links to it have a second slash.
    pub(in crate::engine) fn name(&self) -> &str {
        let names = self.names.as_deref().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.strip_prefix('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or("")
    }

    /// Whether a process of the container may be alive.
    pub(in crate::engine) fn is_alive(&self) -> bool {
        let state = self.state.as_deref().unwrap_or("");
        matches!(state, "running" | "paused" | "restarting")
    }

    /// What stands in the first parentheses of the status: health while it runs, the exit code afterwards.
    pub(in crate::engine) fn remark(&self) -> &str {
        let status = self.status.as_deref().unwrap_or("");
        let inside = status.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        inside.map_or("", |(inside, _)| inside)
    }

    /// Everything of the entry that changes when the container does, and not by mere passing of time.
    pub(in crate::engine) fn fingerprint(&self) -> String {
        let mut parts = vec![
            self.names.clone().unwrap_or_default().join(","),
            self.image_id.clone().unwrap_or_default(),
            self.state.clone().unwrap_or_default(),
            self.remark().to_owned(),
        ];
        let networks = self.network_settings.clone().unwrap_or_default().networks;
        for (name, endpoint) in networks.unwrap_or_default() {
            let endpoint = endpoint.unwrap_or_default();
            let id = endpoint.network_id.unwrap_or_default();
            parts.push(format!("{name}={id}@{}", endpoint.ip_address.unwrap_or_default()));
        }
        let mut published: Vec<String> =
            self.ports.iter().flatten().map(|port| format!("{port:?}")).collect();
        published.sort();
        parts.extend(published);
        parts.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(status: &str) -> SummaryJson {
        SummaryJson {
            names: Some(vec!["/other/alias".into(), "/web".into()]),
            status: Some(status.into()),
            ..SummaryJson::default()
        }
    }

    #[test]
    fn own_name_is_found_among_links() {
        assert_eq!(summary("").name(), "web");
    }

    #[test]
    fn fingerprint_ignores_the_age() {
        let (young, old) = (summary("Up 3 seconds (healthy)"), summary("Up 2 hours (healthy)"));
        assert_eq!(young.fingerprint(), old.fingerprint());
        let ill = summary("Up 2 hours (unhealthy)");
        assert_ne!(old.fingerprint(), ill.fingerprint());
        assert_eq!(summary("Exited (137) 2 days ago").remark(), "137");
        assert_eq!(summary("Up 2 days").remark(), "");
    }
}
