//! One container: from `inspect`, or from the list alone where `inspect` did not answer.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::labels;
use crate::engine::parse::config::config;
use crate::engine::parse::lifecycle;
use crate::engine::wire::{ContainerJson, EndpointJson, SummaryJson, Texts};
use crate::model::canonical::canonical;
use crate::model::config::Endpoint;
use crate::model::id::{ContainerId, ContainerName, ImageId, NetworkId};
use crate::model::observed::{
    Claim, ContainerDetail, EngineFacts, Knowledge, ObservedContainer, ObservedEndpoint,
};
use crate::model::time::Timestamp;

/// A container as `inspect` tells it.
pub(in crate::engine) fn observed(json: &ContainerJson, facts: &EngineFacts) -> ObservedContainer {
    let no_labels = Texts::new();
    let claim = labels::claim(json.config.labels.as_ref().unwrap_or(&no_labels));
    let created_at = instant(json.created.as_deref()).unwrap_or_default();
    let name = json.name.trim_start_matches('/');
    let detail = if lifecycle::is_known_word(&json.state) {
        Knowledge::Known(Box::new(detail(json, &claim, facts)))
    } else {
        Knowledge::Unknown("the engine tells a state that is not known".to_owned())
    };
    ObservedContainer {
        id: ContainerId::new(json.id.as_str()),
        name: ContainerName::new(name),
        claim,
        image_id: ImageId::new(json.image.as_str()),
        created_at,
        lifecycle: lifecycle::lifecycle(&json.state, created_at),
        health: lifecycle::health(json.state.health.as_ref()),
        restart_count: json.restart_count.unwrap_or(0),
        detail,
    }
}

/// A container of which only the list tells, because `inspect` did not answer in time or not readably.
pub(in crate::engine) fn unseen(summary: &SummaryJson, why: String) -> ObservedContainer {
    let no_labels = Texts::new();
    let created_at = Timestamp::from_millis(summary.created.unwrap_or(0).saturating_mul(1000));
    let word = summary.state.as_deref().unwrap_or("");
    ObservedContainer {
        id: ContainerId::new(summary.id.as_str()),
        name: ContainerName::new(summary.name()),
        claim: labels::claim(summary.labels.as_ref().unwrap_or(&no_labels)),
        image_id: ImageId::new(summary.image_id.as_deref().unwrap_or("")),
        created_at,
        lifecycle: lifecycle::lifecycle_of_summary(word, summary.remark(), created_at),
        health: lifecycle::health_of_summary(summary.remark()),
        restart_count: 0,
        detail: Knowledge::Unknown(why),
    }
}

fn detail(json: &ContainerJson, claim: &Claim, facts: &EngineFacts) -> ContainerDetail {
    let attached = json.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let own = own_names(json, claim);
    let endpoints: BTreeMap<String, ObservedEndpoint> = attached
        .into_iter()
        .flatten()
        .map(|(name, endpoint)| (name.clone(), observed_endpoint(endpoint.as_ref(), &own)))
        .collect();
    let mut config = config(json);
    config.endpoints =
        endpoints.iter().map(|(name, seen)| (name.clone(), seen.endpoint.clone())).collect();
    let volumes = json
        .mounts
        .iter()
        .flatten()
        .filter(|mount| mount.kind.as_deref() == Some("volume"))
        .filter_map(|mount| Some((mount.destination.clone()?, mount.name.clone()?)))
        .collect();
    let image = json.config.image.clone().unwrap_or_default();
    ContainerDetail { image, config: canonical(config, facts), endpoints, volumes }
}

/// Names that the engine, Compose or we give every endpoint: short id, service, container name (also the one that a
/// container under a temporary name `…_<name>` is going to have).
fn own_names(json: &ContainerJson, claim: &Claim) -> BTreeSet<String> {
    let name = json.name.trim_start_matches('/');
    let mut names = BTreeSet::from([name.to_owned()]);
    names.extend(json.id.get(..12).map(str::to_owned));
    if let Some((_, final_name)) = name.split_once('_') {
        names.insert(final_name.to_owned());
    }
    if let Some(service) = &claim.service {
        names.insert(service.to_string());
        if let (Some(project), Some(number)) = (&claim.project, claim.number) {
            names.insert(format!("{project}-{service}-{number}"));
        }
    }
    names
}

fn observed_endpoint(json: Option<&EndpointJson>, own: &BTreeSet<String>) -> ObservedEndpoint {
    let json = json.cloned().unwrap_or_default();
    let ipam = json.ipam_config.unwrap_or_default();
    ObservedEndpoint {
        network: NetworkId::new(json.network_id.unwrap_or_default()),
        endpoint: Endpoint {
            aliases: json
                .aliases
                .into_iter()
                .flatten()
                .filter(|alias| !own.contains(alias))
                .collect(),
            ipv4_address: filled(ipam.ipv4_address),
            ipv6_address: filled(ipam.ipv6_address),
            link_local_ips: ipam.link_local_ips.into_iter().flatten().collect(),
            mac_address: None,
            driver_opts: json.driver_opts.unwrap_or_default(),
            links: json.links.into_iter().flatten().collect(),
            gw_priority: json.gw_priority.unwrap_or(0),
            interface_name: None,
            priority: 0,
        },
        ip: filled(json.ip_address).or(filled(json.ipv6_address)),
        mac: filled(json.mac_address),
    }
}

/// The text, unless it is empty.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// An instant as the engine writes it; its zero instant is none.
pub(super) fn instant(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(Timestamp::parse_rfc3339)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::create_body;
    use crate::model::config::{
        BindRecursion, ContainerConfig, HealthTest, Healthcheck, Mount, MountSource,
    };
    use crate::model::id::{ReplicaId, Revision, ServiceName};
    use crate::model::observed::{ApiVersion, EngineDefaults, Health};
    use crate::model::path::HostPath;
    use crate::model::plan::CreateContainer;
    use serde_json::{Value, json};

    fn facts(minor: u16) -> EngineFacts {
        EngineFacts {
            id: String::new(),
            api: ApiVersion::v1(minor),
            version: String::new(),
            gap_ended: None,
            defaults: EngineDefaults {
                log_driver: "json-file".into(),
                runtime: "runc".into(),
                cgroup_namespace: "private".into(),
            },
        }
    }

    fn create(config: ContainerConfig) -> CreateContainer {
        CreateContainer {
            replica: ReplicaId::new(ServiceName::new("web"), 1),
            name: ContainerName::new("3f_shop-web-1"),
            image: "busybox".into(),
            image_id: ImageId::new("sha256:1"),
            primary_network: config.endpoints.keys().next().cloned(),
            config,
            labels: [
                (labels::PROJECT.to_owned(), "shop".to_owned()),
                (labels::SERVICE.to_owned(), "web".to_owned()),
                (labels::CONTAINER_NUMBER.to_owned(), "1".to_owned()),
                ("team".to_owned(), "identity wins".to_owned()),
            ]
            .into(),
            dns_names: vec!["web".into(), "shop-web-1".into()],
            revision: Revision::new("r"),
        }
    }

    /// What an engine would show of a container made from this body, with the defaults that engines fill in.
    fn inspected(create: &CreateContainer, mut body: Value) -> ContainerJson {
        let mut host = body["HostConfig"].take();
        for (name, value) in [
            ("ShmSize", json!(67_108_864)),
            ("Runtime", json!("runc")),
            ("IpcMode", json!("private")),
            ("CgroupnsMode", json!("private")),
            ("LogConfig", json!({"Type": "json-file", "Config": {}})),
            ("PidsLimit", Value::Null),
        ] {
            if host[name].is_null() {
                host[name] = value;
            }
        }
        if body["Hostname"].is_null() {
            body["Hostname"] = json!("0123456789ab");
        }
        let id = "0123456789abcdef".repeat(4);
        let networks = body["NetworkingConfig"]["EndpointsConfig"].take();
        let json = json!({
            "Id": id, "Name": format!("/{}", create.name), "Image": "sha256:1",
            "Created": "2026-01-01T00:00:00.5Z", "RestartCount": 0,
            "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:01Z",
                      "Health": {"Status": "unhealthy", "FailingStreak": 3, "Log": [{"Output": "a\nb"}]}},
            "Config": body, "HostConfig": host, "NetworkSettings": {"Networks": networks},
            "Mounts": [{"Type": "volume", "Name": "a".repeat(64), "Destination": "/anonymous", "RW": true}],
        });
        serde_json::from_value(json).unwrap()
    }

    fn config() -> ContainerConfig {
        let mut config = ContainerConfig {
            command: Some(vec!["sleep".into(), "1".into()]),
            labels: [("team".to_owned(), "blue".into())].into(),
            healthcheck: Some(Healthcheck {
                test: HealthTest::Exec(vec!["true".into()]),
                start_interval: Some(std::time::Duration::from_secs(1)),
                ..Healthcheck::default()
            }),
            annotations: [("a".to_owned(), "b".to_owned())].into(),
            ..ContainerConfig::default()
        };
        config.environment.insert("SECRET".into(), Some("hunter2".into()));
        config.mounts.insert(
            "/anonymous".into(),
            Mount { source: MountSource::Anonymous, read_only: false },
        );
        config.mounts.insert(
            "/colon".into(),
            Mount {
                source: MountSource::Bind {
                    source: HostPath::new("/a:b"),
                    create_host_path: true,
                    propagation: None,
                    selinux: None,
                    recursive: BindRecursion::Enabled,
                },
                read_only: true,
            },
        );
        for name in ["a", "b"] {
            let endpoint = Endpoint {
                aliases: [format!("alias-{name}")].into(),
                priority: 3,
                ..Endpoint::default()
            };
            config.endpoints.insert(name.into(), endpoint);
        }
        config
    }

    #[test]
    fn what_is_written_reads_back() {
        for minor in [41, 44, 47] {
            let facts = facts(minor);
            let create = create(config());
            let (body, unsupported) = create_body(&create, facts.api).unwrap();
            let lacking = if minor == 41 { 3 } else { 0 };
            assert_eq!(unsupported.len(), lacking, "{unsupported:?}");
            let seen = observed(&inspected(&create, body), &facts);
            let mut expected = canonical(config(), &facts);
            expected.labels = [("team".to_owned(), "identity wins".into())].into();
            if minor < 44 {
                // Only one endpoint fits; the other one is connected by a call of its own.
                expected.endpoints.remove("b");
            }
            let detail = seen.detail.known().unwrap();
            assert_eq!(detail.config, expected, "API 1.{minor}");
            assert_eq!(detail.volumes["/anonymous"].len(), 64);
            let unhealthy = Health::Unhealthy { streak: 3, output: "a b".into() };
            assert_eq!(seen.health, unhealthy);
            assert_eq!(canonical(expected.clone(), &facts), expected, "applied twice");
        }
    }

    fn mounts_for_compose() -> BTreeMap<String, Mount> {
        let mount = |source, read_only| Mount { source, read_only };
        let tmpfs = |size_bytes, options: &str| MountSource::Tmpfs {
            size_bytes,
            mode: None,
            options: options.into(),
        };
        let etc = MountSource::Bind {
            source: HostPath::new("/etc"),
            create_host_path: true,
            propagation: None,
            selinux: None,
            recursive: BindRecursion::Enabled,
        };
        let data = MountSource::Volume { name: "shop_data".into(), nocopy: false, subpath: None };
        [
            ("/data".to_owned(), mount(data, false)),
            ("/etc2".to_owned(), mount(etc, true)),
            ("/anon".to_owned(), mount(MountSource::Anonymous, false)),
            ("/t1".to_owned(), mount(tmpfs(Some(1 << 20), ""), false)),
            ("/t2".to_owned(), mount(tmpfs(None, "size=2m"), false)),
        ]
        .into()
    }

    /// The configuration of `web` in the Compose file behind the fixture, over what its image brings.
    fn written_for_compose() -> ContainerConfig {
        use crate::model::config::*;
        let port = |port, protocol| ContainerPort { port, protocol };
        let binding = |ip: &str, port: &str| HostBinding { ip: ip.into(), port: port.into() };
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let www = Endpoint { aliases: ["www".to_owned()].into(), ..Endpoint::default() };
        ContainerConfig {
            command: Some(vec!["sleep".into(), "100".into()]),
            environment: [("A", "b"), ("PATH", path)]
                .map(|(name, value)| (name.to_owned(), Some(value.into())))
                .into(),
            ports: [
                (port(80, Protocol::Tcp), [binding("", "38490")].into()),
                (port(81, Protocol::Udp), [binding("127.0.0.1", "")].into()),
            ]
            .into(),
            expose: [port(7000, Protocol::Tcp)].into(),
            mounts: mounts_for_compose(),
            endpoints: [("shop_default", www), ("shop_back", Endpoint::default())]
                .map(|(name, endpoint)| (name.to_owned(), endpoint))
                .into(),
            healthcheck: Some(Healthcheck {
                test: HealthTest::Shell("true".into()),
                interval: Some(std::time::Duration::from_secs(5)),
                ..Healthcheck::default()
            }),
            restart: RestartPolicy::UnlessStopped,
            stop_timeout_s: Some(3),
            resources: Resources {
                nano_cpus: Some(500_000_000),
                memory_bytes: Some(64 << 20),
                ..Resources::default()
            },
            security: Security {
                init: Some(true),
                cap_add: ["NET_ADMIN".to_owned()].into(),
                ..Security::default()
            },
            ulimits: [("nofile".to_owned(), Ulimit { soft: 1000, hard: 1000 })].into(),
            dns: Dns { extra_hosts: ["db:10.0.0.1".to_owned()].into(), ..Dns::default() },
            shm_size_bytes: Some(8 << 20),
            logging: Some(Logging {
                driver: "json-file".into(),
                options: [("max-size".to_owned(), "1m".to_owned())].into(),
            }),
            ..ContainerConfig::default()
        }
    }

    #[test]
    fn a_container_of_the_command_line_reads_back_too() {
        let answer =
            include_str!("../../../tests/fixtures/engine/inspect-of-compose-2.26-on-20.10.json");
        let json: ContainerJson = serde_json::from_str(answer).unwrap();
        let mut facts = facts(41);
        facts.defaults.cgroup_namespace = "host".into();
        let seen = observed(&json, &facts);
        let config = &seen.detail.known().unwrap().config;
        assert_eq!(*config, canonical(written_for_compose(), &facts));
        assert_eq!(seen.claim.project.as_ref().unwrap().as_str(), "shop");
        assert_eq!(seen.claim.number, Some(1));
        assert_eq!(seen.claim.config_files.as_deref(), Some("/srv/shop/compose.yaml"));
    }

    #[test]
    fn an_answer_of_nothing_is_no_panic() {
        let empty: ContainerJson = serde_json::from_value(json!({})).unwrap();
        let seen = observed(&empty, &facts(41));
        assert!(matches!(seen.detail, Knowledge::Unknown(_)));
        let nulls: ContainerJson = serde_json::from_value(json!({
            "State": {"Status": "created", "Health": null}, "Mounts": null,
            "Config": {"Env": null, "Cmd": "plain text", "Entrypoint": null},
            "HostConfig": {"Binds": ["nonsense", ":"], "PortBindings": {"x/y": null, "80/tcp": null}},
        }))
        .unwrap();
        let seen = observed(&nulls, &facts(41));
        let detail = seen.detail.known().unwrap();
        assert_eq!(detail.config.command, Some(vec!["plain text".into()]));
    }
}
