//! What a container made from a configuration and an image reads back as: the engine's own merge of the two.

use crate::model::config::{ContainerConfig, HealthTest, Healthcheck, Mount, MountSource};
use crate::model::observed::ObservedImage;
use crate::planner::create::primary_network;

/// The configuration that `inspect` shows of a container created from `config` on `image`.
///
/// Source of the rules: the engine's merge of image and user configuration (moby `daemon/commit.go`, `merge`).
pub fn expected(config: &ContainerConfig, image: &ObservedImage) -> ContainerConfig {
    let mut out = config.clone();
    merge_command(&mut out, image);
    for (key, value) in &image.environment {
        out.environment.entry(key.clone()).or_insert_with(|| Some(value.clone()));
    }
    for (key, value) in &image.labels {
        out.labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    out.expose.extend(image.expose.iter().cloned());
    out.expose.extend(config.ports.keys().cloned());
    out.healthcheck = merge_health(config.healthcheck.as_ref(), image.healthcheck.as_ref());
    let inherit = |own: &Option<String>, image: &str| {
        own.clone().or_else(|| (!image.is_empty()).then(|| image.to_owned()))
    };
    out.user = inherit(&config.user, &image.user);
    out.working_dir = inherit(&config.working_dir, &image.working_dir);
    out.stop_signal = config.stop_signal.clone().or_else(|| image.stop_signal.clone());
    out.mac_address = primary_mac(config);
    for target in &image.volumes {
        let anonymous = || Mount { source: MountSource::Anonymous, read_only: false };
        out.mounts.entry(target.clone()).or_insert_with(anonymous);
    }
    out
}

/// The engine shows the address of the primary endpoint as the container's, wherever it was given: before API 1.44 it is
/// sent there, from then on `inspect` fills it in from the endpoint.
pub fn primary_mac(config: &ContainerConfig) -> Option<String> {
    let endpoint = primary_network(config).and_then(|name| config.endpoints.get(&name));
    endpoint.and_then(|endpoint| endpoint.mac_address.clone()).or(config.mac_address.clone())
}

/// An entrypoint of the user drops the image's command; without one the image fills in what is missing.
fn merge_command(out: &mut ContainerConfig, image: &ObservedImage) {
    let empty = |words: &Option<Vec<_>>| words.as_ref().is_none_or(Vec::is_empty);
    if empty(&out.entrypoint) {
        if empty(&out.command) {
            out.command = Some(image.command.clone());
        }
        if out.entrypoint.is_none() {
            out.entrypoint = Some(image.entrypoint.clone());
        }
    }
}

/// Absent parts of the user's check come from the image's.
fn merge_health(own: Option<&Healthcheck>, image: Option<&Healthcheck>) -> Option<Healthcheck> {
    let (Some(own), Some(image)) = (own, image) else {
        return own.or(image).cloned();
    };
    if own.test == HealthTest::Disabled {
        return Some(own.clone());
    }
    let test = if own.test == HealthTest::Inherit { image.test.clone() } else { own.test.clone() };
    Some(Healthcheck {
        test,
        interval: own.interval.or(image.interval),
        timeout: own.timeout.or(image.timeout),
        retries: own.retries.or(image.retries),
        start_period: own.start_period.or(image.start_period),
        start_interval: own.start_interval.or(image.start_interval),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Endpoint;

    fn endpoint(mac_address: Option<&str>, priority: i64) -> Endpoint {
        let mac_address = mac_address.map(str::to_owned);
        Endpoint { mac_address, priority, ..Endpoint::default() }
    }

    /// Else a container whose network has a MAC address is found to differ and replaced for ever.
    #[test]
    fn the_container_shows_the_address_of_its_primary_endpoint() {
        let mut config = ContainerConfig {
            mac_address: Some("02:42:ac:11:00:01".to_owned()),
            ..ContainerConfig::default()
        };
        let shown = |config: &ContainerConfig| {
            expected(config, &ObservedImage::default()).mac_address.unwrap_or_default()
        };
        assert_eq!(shown(&config), "02:42:ac:11:00:01", "no network: the service's own");
        config.endpoints.insert("b".to_owned(), endpoint(Some("02:42:ac:11:00:0b"), 5));
        config.endpoints.insert("a".to_owned(), endpoint(None, 0));
        assert_eq!(shown(&config), "02:42:ac:11:00:0b", "the endpoint's before the service's");
        config.endpoints.insert("a".to_owned(), endpoint(None, 9));
        assert_eq!(shown(&config), "02:42:ac:11:00:01", "one of another endpoint does not count");
    }
}
