//! Attributes that few manifests use: what is written reads back, on whatever engine is there; what the engine is too old
//! for reads back as if nobody had asked.

use std::collections::BTreeMap;

use composelet::engine::Engine;
use composelet::model::config::{
    BindRecursion, ContainerConfig, Endpoint, Mount, MountSource, NetworkMode, Resources,
};
use composelet::model::device::{BlockIo, DeviceRequest, Requested};
use composelet::model::feature::{SEVERAL_ENDPOINTS, SUBPATH, lacking};
use composelet::model::observed::{Knowledge, ObservedImage};
use composelet::model::path::HostPath;

use super::fixture::{Project, docker, engine, map, network, over_image, set, sleeper};

/// What reads back of a container that is created, and what should.
async fn created(
    (engine, image): (&Engine, &ObservedImage),
    project: &Project,
    config: ContainerConfig,
) -> (ContainerConfig, ContainerConfig) {
    engine.create_container(&project.create(image, config.clone())).await.expect("create");
    let Knowledge::Known(detail) = project.only(engine).await.detail else {
        panic!("inspect did not answer")
    };
    (detail.config, over_image(config, image, &engine.facts()))
}

/// It is not started: there is no such device.
#[tokio::test]
async fn devices_and_limits_read_back() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("attrs-devices");
    let request = |driver: &str, devices, capabilities: &[&str]| DeviceRequest {
        driver: driver.to_owned(),
        devices,
        capabilities: set(capabilities),
        options: BTreeMap::new(),
    };
    let rate = |rate: i64| BTreeMap::from([("/dev/null".to_owned(), rate)]);
    let gpus = Requested::Ids(vec!["0".to_owned(), "3".to_owned()]);
    let config = ContainerConfig {
        network_mode: NetworkMode::None,
        device_requests: vec![
            request("", Requested::All, &["gpu"]),
            DeviceRequest {
                options: map(&[("virtualization", "false")]),
                ..request("nvidia", gpus, &["gpu", "utility"])
            },
            request("", Requested::Count(2), &["gpu"]),
            request("cdi", Requested::Ids(vec!["vendor.com/class=gpu0".to_owned()]), &[]),
        ],
        block_io: BlockIo {
            read_bps: rate(1 << 20),
            write_bps: rate(2 << 20),
            read_iops: rate(100),
            write_iops: rate(200),
            weight_device: BTreeMap::new(),
        },
        resources: Resources {
            cpu_rt_period: Some(100_000),
            cpu_rt_runtime: Some(4_000),
            ..Resources::default()
        },
        ..ContainerConfig::default()
    };
    let (seen, expected) = created((&engine, &image), &project, config).await;
    assert_eq!(seen, expected);
}

/// Cgroup v2 knows no swappiness and the daemon drops it; the planner takes that for what was asked.
#[tokio::test]
async fn swappiness_reads_back_where_the_kernel_has_it() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("attrs-swap");
    let config =
        ContainerConfig { network_mode: NetworkMode::None, mem_swappiness: Some(60), ..sleeper() };
    let (seen, mut expected) = created((&engine, &image), &project, config).await;
    if engine.facts().defaults.cgroup_namespace == "private" {
        expected.mem_swappiness = None;
    }
    assert_eq!(seen, expected);
}

fn bind(recursive: BindRecursion, read_only: bool) -> Mount {
    let source = MountSource::Bind {
        source: HostPath::new("/etc"),
        create_host_path: false,
        propagation: None,
        selinux: None,
        recursive,
    };
    Mount { source, read_only }
}

#[tokio::test]
async fn mounts_read_back_as_far_as_the_engine_has_them() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("attrs-mounts");
    let api = engine.facts().api;
    let mut config = ContainerConfig { network_mode: NetworkMode::None, ..sleeper() };
    config.mounts = [
        ("/disabled".to_owned(), bind(BindRecursion::Disabled, false)),
        ("/writable".to_owned(), bind(BindRecursion::Writable, true)),
        ("/anonymous".to_owned(), Mount { source: MountSource::Anonymous, read_only: false }),
    ]
    .into();
    config.volume_labels = [("/anonymous".to_owned(), map(&[("team", "attrs")]))].into();
    let recursive = lacking(&config, api).any(|one| one.attribute == "volumes.bind.recursive");
    assert_eq!(recursive, api < SEVERAL_ENDPOINTS);
    let (seen, expected) = created((&engine, &image), &project, config).await;
    assert_eq!(seen, expected);
    let container = project.only(&engine).await;
    engine.start_container(&container.id).await.expect("start");
    let volume = container.detail.known().expect("detail").volumes["/anonymous"].clone();
    let labels = docker(&["volume", "inspect", "-f", "{{json .Labels}}", &volume]);
    assert!(labels.contains("\"team\":\"attrs\""), "{labels}");
}

#[tokio::test]
async fn a_directory_of_a_volume_is_mounted() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    if engine.facts().api < SUBPATH {
        eprintln!("skipped: the engine is too old for subpath");
        return;
    }
    let project = Project::new("attrs-subpath");
    let label = format!("com.docker.compose.project={}", project.name);
    docker(&["volume", "create", "--label", &label, "eng-attrs-subpath_v"]);
    let line = "eng-attrs-subpath_v:/v";
    let make = "mkdir -p /v/a && echo inside > /v/a/file";
    docker(&["run", "--rm", "-v", line, super::fixture::IMAGE, "sh", "-c", make]);
    let mut config = ContainerConfig { network_mode: NetworkMode::None, ..sleeper() };
    let source = MountSource::Volume {
        name: "eng-attrs-subpath_v".to_owned(),
        nocopy: false,
        subpath: Some("a".to_owned()),
    };
    config.mounts = [("/in".to_owned(), Mount { source, read_only: false })].into();
    let (seen, expected) = created((&engine, &image), &project, config).await;
    assert_eq!(seen, expected);
    let id = project.only(&engine).await.id;
    engine.start_container(&id).await.expect("start");
    assert_eq!(docker(&["exec", id.as_str(), "cat", "/in/file"]).trim(), "inside");
}

/// On a network of the project the endpoint has the link, on the default bridge the container.
#[tokio::test]
async fn links_to_containers_of_others_read_back_and_resolve() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let other = Project::new("attrs-other");
    let project = Project::new("attrs-links");
    network(&engine, &project, "eng-attrs-links_n", "10.213.17.0/24").await;
    let mut config = sleeper();
    config.endpoints = [("eng-attrs-links_n".to_owned(), Endpoint::default())].into();
    let target = engine.create_container(&other.create(&image, config)).await.expect("create");
    engine.start_container(&target).await.expect("start");
    let link = "eng-attrs-other-web-1:cache";
    let mut config = ContainerConfig { external_links: set(&[link]), ..sleeper() };
    let endpoint = Endpoint { links: set(&[link]), ..Endpoint::default() };
    config.endpoints = [("eng-attrs-links_n".to_owned(), endpoint)].into();
    let (seen, expected) = created((&engine, &image), &project, config).await;
    assert_eq!(seen, expected);
    let id = project.only(&engine).await.id;
    engine.start_container(&id).await.expect("start");
    let found = docker(&["exec", id.as_str(), "ping", "-c1", "-w2", "cache"]);
    assert!(found.contains("PING cache (10.213.17."), "{found}");
}

#[tokio::test]
async fn links_on_the_default_bridge_read_back() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let other = Project::new("attrs-bridged");
    let project = Project::new("attrs-bridge");
    let bridged = ContainerConfig { network_mode: NetworkMode::Bridge, ..sleeper() };
    let create = other.create(&image, bridged.clone());
    let target = engine.create_container(&create).await.expect("create");
    engine.start_container(&target).await.expect("start");
    let links = set(&["eng-attrs-bridged-web-1:cache", "eng-attrs-bridged-web-1:db"]);
    let config = ContainerConfig { external_links: links, ..bridged };
    let (seen, expected) = created((&engine, &image), &project, config).await;
    assert_eq!(seen, expected);
    let id = project.only(&engine).await.id;
    engine.start_container(&id).await.expect("start");
    let hosts = docker(&["exec", id.as_str(), "cat", "/etc/hosts"]);
    assert!(hosts.contains("cache"), "{hosts}");
    let Knowledge::Known(detail) = project.only(&engine).await.detail else {
        panic!("inspect did not answer")
    };
    assert_eq!(detail.config, expected, "running");
}

/// A profile is sent as text and read back as text; the engine shows options as they were given.
#[tokio::test]
async fn security_options_read_back() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("attrs-security");
    let profile = "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
    let mut config = ContainerConfig { network_mode: NetworkMode::None, ..sleeper() };
    config.security.security_opt =
        set(&["no-new-privileges", "label:disable", "systempaths=unconfined", profile]);
    let (seen, expected) = created((&engine, &image), &project, config).await;
    assert_eq!(seen, expected);
    assert!(seen.security.security_opt.contains("label=disable"));
    let id = project.only(&engine).await.id;
    engine.start_container(&id).await.expect("start");
    let refused = std::process::Command::new("docker")
        .args(["exec", id.as_str(), "mkdir", "/tmp/x"])
        .output()
        .expect("docker");
    assert!(!refused.status.success(), "the profile does not forbid it");
}

/// From API 1.44 on every endpoint takes an address; before, that of the primary network only.
#[tokio::test]
async fn addresses_of_endpoints_are_seen() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    if engine.facts().api < SEVERAL_ENDPOINTS {
        eprintln!("skipped: the engine is too old for addresses of endpoints");
        return;
    }
    let project = Project::new("attrs-mac");
    network(&engine, &project, "eng-attrs-mac_a", "10.213.18.0/24").await;
    network(&engine, &project, "eng-attrs-mac_b", "10.213.19.0/24").await;
    let mac = "02:42:0a:d5:13:07";
    let second = Endpoint { mac_address: Some(mac.to_owned()), ..Endpoint::default() };
    let mut config = sleeper();
    config.endpoints = [
        ("eng-attrs-mac_a".to_owned(), Endpoint::default()),
        ("eng-attrs-mac_b".to_owned(), second),
    ]
    .into();
    let id = engine.create_container(&project.create(&image, config)).await.expect("create");
    engine.start_container(&id).await.expect("start");
    let seen = project.only(&engine).await;
    let detail = seen.detail.known().expect("detail");
    assert_eq!(detail.endpoints["eng-attrs-mac_b"].mac.as_deref(), Some(mac));
}
