//! Short forms and scalars of single attributes: durations, bytes, ports, mounts, commands, references, `x-composelet`.

use super::manifest::{CANARY, Case, check};

/// Places where a text of an input is put; `@` is the text in quotes.
const PLACES: [&str; 24] = [
    "stop_grace_period: @",
    "healthcheck: {test: @, interval: @, timeout: @}",
    "mem_limit: @",
    "shm_size: @",
    "cpus: @",
    "ports: [@]",
    "expose: [@]",
    "volumes: [@]",
    "tmpfs: [@]",
    "devices: [@]",
    "command: @",
    "entrypoint: @",
    "configs: [@]",
    "secrets: [@]",
    "configs: [{source: c, target: @, mode: @}]",
    "restart: @",
    "extra_hosts: [@]",
    "ulimits: {nofile: @}",
    "image: @",
    "depends_on: [@]",
    "network_mode: @",
    "x-composelet: {on_change: @}",
    "x-composelet: @",
    "deploy: {resources: {limits: {memory: @, cpus: @}}, replicas: @}",
];

/// The first byte chooses a place, the rest is the text; beginning with `=`, it stands there as YAML.
pub(crate) fn attributes(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let place = PLACES[usize::from(*first) % PLACES.len()];
    let text = String::from_utf8_lossy(rest);
    let value = match text.strip_prefix('=') {
        Some(yaml) => yaml.replace(['\n', '\r'], " "),
        None => serde_json::Value::String(text.into_owned()).to_string(),
    };
    let attribute = place.replace('@', &value);
    let image = if attribute.starts_with("image") { "" } else { "    image: x\n" };
    let manifest = format!(
        "services:\n  a:\n{image}    {attribute}\n  b: {{image: y}}\n\
         configs: {{c: {{content: \"$SECRET\"}}}}\nsecrets: {{s: {{environment: SECRET}}}}\nvolumes: {{v: {{}}}}\n"
    );
    let mut case = Case::default();
    case.environment.insert("SECRET".to_owned(), CANARY.to_owned());
    case.add("compose.yaml", manifest.as_bytes());
    check(&case);
}
