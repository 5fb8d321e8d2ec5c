//! Namespaces of another container: manifests name it, the engine resolves the name at create and shows the id.

use crate::model::config::{ContainerConfig, NetworkMode};
use crate::model::id::ContainerName;
use crate::model::observed::HostView;

const JOINED: &str = "container:";

/// Writes the namespaces that `wanted` joins in the engine's words, as far as `seen` does so too. A container that took
/// over the name since has another id: that is a difference, for the namespace is gone with the old one.
pub fn resolve(wanted: &mut ContainerConfig, seen: &ContainerConfig, host: &HostView) {
    if let (NetworkMode::Other(wanted), NetworkMode::Other(seen)) =
        (&mut wanted.network_mode, &seen.network_mode)
    {
        resolve_mode(wanted, seen, host);
    }
    let (wanted, seen) = (&mut wanted.security, &seen.security);
    for (wanted, seen) in [(&mut wanted.pid, &seen.pid), (&mut wanted.ipc, &seen.ipc)] {
        if let (Some(wanted), Some(seen)) = (wanted, seen) {
            resolve_mode(wanted, seen, host);
        }
    }
}

fn resolve_mode(wanted: &mut String, seen: &str, host: &HostView) {
    let (Some(key), Some(id)) = (wanted.strip_prefix(JOINED), seen.strip_prefix(JOINED)) else {
        return;
    };
    if key == id {
        return;
    }
    match host.names.get(&ContainerName::new(key)) {
        Some(holder) => *wanted = format!("{JOINED}{}", holder.container),
        // Manifests may also tell the beginning of an id.
        None if id.starts_with(key) => seen.clone_into(wanted),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ContainerId;
    use crate::model::observed::NameHolder;

    fn config(mode: &str) -> ContainerConfig {
        let mut config = ContainerConfig {
            network_mode: NetworkMode::Other(mode.to_owned()),
            ..ContainerConfig::default()
        };
        config.security.pid = Some(mode.to_owned());
        config.security.ipc = Some(mode.to_owned());
        config
    }

    fn resolved(wanted: &str, seen: &str) -> ContainerConfig {
        let holder =
            NameHolder { container: ContainerId::new("aa11"), project: None, installation: None };
        let mut host = HostView::default();
        host.names.insert(ContainerName::new("vpn"), holder);
        let mut wanted = config(wanted);
        resolve(&mut wanted, &config(seen), &host);
        wanted
    }

    #[test]
    fn a_name_is_compared_as_the_id_behind_it() {
        let same = config("container:aa11");
        assert_eq!(resolved("container:vpn", "container:aa11"), same);
        assert_eq!(resolved("container:aa1", "container:aa11"), same, "the beginning of an id");
        assert_eq!(resolved("container:vpn", "container:bb22"), same, "another one holds the name");
        let unknown = resolved("container:gone", "container:aa11");
        assert_eq!(unknown, config("container:gone"), "nobody holds the name");
        let unresolved = resolved("container:vpn", "container:vpn");
        assert_eq!(unresolved, config("container:vpn"), "an engine that shows the name");
        assert_eq!(resolved("host", "container:aa11"), config("host"));
    }
}
