//! Identity of one version of a service.

use crate::model::config::ContainerConfig;
use crate::model::content::{BoundFile, OnChange, Seen};
use crate::model::desired::{DesiredService, NetworkConfig};
use crate::model::field::FieldClass;
use crate::model::id::{ImageId, Revision, SpecHash};
use crate::model::secret::sha256_hex;
use crate::planner::fields::FIELDS;

/// Revision of `service` on image `image`: recreate-fields, image id, and content digests if other content recreates. Fields that can be changed live
/// are not part of it, because the label that carries it cannot follow (invariants 12 and 13).
pub fn revision(service: &DesiredService, image: &ImageId) -> Revision {
    let content = match service.on_change {
        OnChange::Recreate => content(service),
        OnChange::Restart | OnChange::Signal(_) | OnChange::Ignore => String::new(),
    };
    let hash = sha256_hex([
        projection(&service.config).as_str(),
        "\u{1}image\u{1}",
        image.as_str(),
        "\u{1}content\u{1}",
        content.as_str(),
    ]);
    Revision::new(hash.chars().take(16).collect::<String>())
}

/// `v1:` and the hash of the recreate-fields.
pub fn spec_hash(config: &ContainerConfig) -> SpecHash {
    SpecHash::new(format!("v1:{}", sha256_hex([projection(config)])))
}

/// Digest and owner of one file, as they enter the label.
pub fn content_of(file: &BoundFile) -> String {
    match &file.seen {
        Seen::Mounted(_) | Seen::Within(_) => file.digest.clone(),
        Seen::Kept(kept) if kept.restored => file.digest.clone(),
        Seen::Kept(kept) => format!("{} {}:{}:{:o}", file.digest, kept.uid, kept.gid, kept.mode),
    }
}

/// Digest over the files that the service takes content from; empty without any.
pub fn content(service: &DesiredService) -> String {
    if service.files.is_empty() {
        return String::new();
    }
    let parts = service.files.iter().flat_map(|(target, file)| {
        [target.clone(), "=".to_owned(), content_of(file), "\n".to_owned()]
    });
    sha256_hex(parts).chars().take(32).collect()
}

/// Hash of a network's definition, for its label `io.composelet.spec-hash`.
pub fn network_hash(config: &NetworkConfig) -> SpecHash {
    let mut lines: Vec<String> = Vec::new();
    let mut line = |key: &str, value: &str| lines.push(format!("{key}\u{2}{value}\n"));
    config.driver.iter().for_each(|driver| line("driver", driver));
    config.driver_opts.iter().for_each(|(key, value)| line(&format!("opt.{key}"), value));
    config.ipam_driver.iter().for_each(|driver| line("ipam", driver));
    config.ipam_options.iter().for_each(|(key, value)| line(&format!("ipam.{key}"), value));
    for subnet in &config.subnets {
        subnet.subnet.iter().for_each(|value| line("subnet", value));
        subnet.ip_range.iter().for_each(|value| line("ip_range", value));
        subnet.gateway.iter().for_each(|value| line("gateway", value));
        subnet.aux_addresses.iter().for_each(|(key, value)| line(&format!("aux.{key}"), value));
    }
    [("internal", config.internal), ("attachable", config.attachable)]
        .into_iter()
        .filter(|(_, set)| *set)
        .for_each(|(key, _)| line(key, "true"));
    config
        .enable_ipv4
        .iter()
        .filter(|enabled| !**enabled)
        .for_each(|value| line("ipv4", &value.to_string()));
    config.enable_ipv6.iter().for_each(|value| line("ipv6", &value.to_string()));
    config.labels.iter().for_each(|(key, value)| line(&format!("label.{key}"), value));
    SpecHash::new(format!("v1:{}", sha256_hex(lines)))
}

/// Version 1 of the projection: `field key = value` lines of every recreate-field that is set, in table order. New rows of
/// the table add lines only where they are used.
fn projection(config: &ContainerConfig) -> String {
    let mut text = String::from("v1\n");
    for field in FIELDS.iter().filter(|field| field.class == FieldClass::Recreate) {
        for (key, value) in (field.get)(config) {
            for part in [field.name, "\u{2}", &key, "\u{2}", value.text(), "\n"] {
                text.push_str(part);
            }
        }
    }
    text
}
