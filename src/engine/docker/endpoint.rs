//! One attachment to a network, as the API takes it.

use bollard::models::{EndpointIpamConfig, EndpointSettings};

use crate::model::canonical::INTERFACE_NAME;
use crate::model::config::Endpoint;
use crate::model::feature::{IMAGE_MOUNTS, INTERFACE_NAMES, SEVERAL_ENDPOINTS};
use crate::model::observed::ApiVersion;

/// Settings of an endpoint; `dns_names` (service, container) stand before the user's aliases.
pub(super) fn endpoint_settings(
    endpoint: &Endpoint,
    dns_names: &[String],
    api: ApiVersion,
) -> EndpointSettings {
    let mut aliases: Vec<String> = Vec::new();
    for name in dns_names.iter().chain(&endpoint.aliases) {
        if !aliases.contains(name) {
            aliases.push(name.clone());
        }
    }
    let mut driver_opts = endpoint.driver_opts.clone();
    if let Some(name) = endpoint.interface_name.as_ref().filter(|_| api >= INTERFACE_NAMES) {
        driver_opts.insert(INTERFACE_NAME.to_owned(), name.clone());
    }
    let fixed = endpoint.ipv4_address.is_some()
        || endpoint.ipv6_address.is_some()
        || !endpoint.link_local_ips.is_empty();
    EndpointSettings {
        aliases: (!aliases.is_empty()).then_some(aliases),
        ipam_config: fixed.then(|| EndpointIpamConfig {
            ipv4_address: endpoint.ipv4_address.clone(),
            ipv6_address: endpoint.ipv6_address.clone(),
            link_local_ips: (!endpoint.link_local_ips.is_empty())
                .then(|| endpoint.link_local_ips.iter().cloned().collect()),
        }),
        mac_address: endpoint.mac_address.clone().filter(|_| api >= SEVERAL_ENDPOINTS),
        driver_opts: (!driver_opts.is_empty()).then(|| driver_opts.into_iter().collect()),
        links: (!endpoint.links.is_empty()).then(|| endpoint.links.iter().cloned().collect()),
        gw_priority: Some(endpoint.gw_priority)
            .filter(|priority| *priority != 0 && api >= IMAGE_MOUNTS),
        ..EndpointSettings::default()
    }
}
