//! Every field that a request can carry is in the policy's tables: what is sent some day is refused until it is.

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::engine::{create_body, exec_json, network_json, volume_json};
use composelet::model::config::{
    BindRecursion, ContainerConfig, ContainerPort, Device, Dns, Endpoint, HealthTest, Healthcheck,
    HostBinding, Logging, Mount, MountSource, NetworkMode, Protocol, Resources, RestartPolicy,
    Security, Ulimit,
};
use composelet::model::desired::{DesiredVolume, NetworkConfig, Subnet};
use composelet::model::device::{BlockIo, DeviceRequest, Requested};
use composelet::model::hook::HookCommand;
use composelet::model::id::{ContainerName, ImageId, ReplicaId, Revision};
use composelet::model::join::{Owner, VolumesFrom};
use composelet::model::observed::ApiVersion;
use composelet::model::path::HostPath;
use composelet::model::plan::{CreateContainer, CreateNetwork, CreateVolume};
use composelet::policy::{Kind, paths, unclassified};

fn texts<C: FromIterator<String>>(list: &[&str]) -> C {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn endpoint() -> Endpoint {
    Endpoint {
        aliases: texts(&["a"]),
        ipv4_address: Some("10.0.0.2".to_owned()),
        ipv6_address: Some("fd00::2".to_owned()),
        link_local_ips: texts(&["169.254.1.1"]),
        mac_address: Some("02:00:00:00:00:01".to_owned()),
        driver_opts: map(&[("a", "b")]),
        gw_priority: 3,
        links: texts(&["x:y"]),
        interface_name: Some("eth7".to_owned()),
        priority: 2,
    }
}

fn security() -> Security {
    Security {
        privileged: true,
        read_only: true,
        init: Some(true),
        cap_add: texts(&["CHOWN"]),
        cap_drop: texts(&["ALL"]),
        security_opt: texts(&["no-new-privileges:true", "systempaths=unconfined"]),
        group_add: texts(&["7"]),
        ipc: Some("private".to_owned()),
        pid: Some("host".to_owned()),
        uts: Some("host".to_owned()),
        userns_mode: Some("host".to_owned()),
        cgroup: Some("private".to_owned()),
        cgroup_parent: Some("x".to_owned()),
        device_cgroup_rules: texts(&["c 1:3 mr"]),
        oom_kill_disable: Some(true),
        oom_score_adj: Some(5),
    }
}

fn resources() -> Resources {
    Resources {
        nano_cpus: Some(1),
        cpu_shares: Some(2),
        cpu_period: Some(3),
        cpu_quota: Some(4),
        cpuset: Some("0".to_owned()),
        memory_bytes: Some(5),
        memory_reservation_bytes: Some(6),
        memory_swap_bytes: Some(7),
        pids_limit: Some(8),
        blkio_weight: Some(9),
        cpu_rt_period: Some(10),
        cpu_rt_runtime: Some(11),
    }
}

fn mounts() -> BTreeMap<String, Mount> {
    let bind = |recursive, long: bool| MountSource::Bind {
        source: HostPath::new("/x"),
        create_host_path: true,
        propagation: long.then(|| "rslave".to_owned()),
        selinux: Some("z".to_owned()),
        recursive,
    };
    let tmpfs =
        |size_bytes, mode| MountSource::Tmpfs { size_bytes, mode, options: "size=1m".to_owned() };
    let image = MountSource::Image { image: "i".to_owned(), subpath: Some("d".to_owned()) };
    let volume = |subpath: Option<&str>| MountSource::Volume {
        name: "v".to_owned(),
        nocopy: subpath.is_some(),
        subpath: subpath.map(str::to_owned),
    };
    let sources = [
        bind(BindRecursion::Enabled, false),
        bind(BindRecursion::Enabled, true),
        bind(BindRecursion::Disabled, false),
        bind(BindRecursion::Writable, false),
        bind(BindRecursion::ReadOnly, false),
        volume(None),
        volume(Some("d")),
        MountSource::Anonymous,
        image,
        tmpfs(None, None),
        tmpfs(Some(1), Some(0o700)),
    ];
    let named = sources.into_iter().enumerate();
    named.map(|(index, source)| (format!("/m{index}"), Mount { source, read_only: true })).collect()
}

fn healthcheck() -> Healthcheck {
    Healthcheck {
        test: HealthTest::Exec(vec!["c".into()]),
        interval: Some(Duration::from_secs(1)),
        timeout: Some(Duration::from_secs(1)),
        retries: Some(1),
        start_period: Some(Duration::from_secs(1)),
        start_interval: Some(Duration::from_secs(1)),
    }
}

/// A configuration in which everything is said. A field that the model gets some day does not compile until it is here.
fn everything(network_mode: NetworkMode) -> ContainerConfig {
    let port = ContainerPort { port: 80, protocol: Protocol::Tcp };
    let binding = HostBinding { ip: "127.0.0.1".to_owned(), port: "8080".to_owned() };
    ContainerConfig {
        command: Some(vec!["a".into()]),
        entrypoint: Some(vec!["b".into()]),
        environment: [("A".to_owned(), Some("b".into()))].into(),
        labels: [("l".to_owned(), "m".into())].into(),
        user: Some("1".to_owned()),
        working_dir: Some("/w".to_owned()),
        hostname: Some("h".to_owned()),
        domainname: Some("d".to_owned()),
        tty: true,
        stdin_open: true,
        expose: [port.clone()].into(),
        ports: [(port, [binding].into())].into(),
        healthcheck: Some(healthcheck()),
        stop_signal: Some("SIGTERM".to_owned()),
        stop_timeout_s: Some(1),
        mounts: mounts(),
        resources: resources(),
        restart: RestartPolicy::OnFailure { max_retries: 2 },
        network_mode,
        endpoints: [("a".to_owned(), endpoint()), ("b".to_owned(), endpoint())].into(),
        security: security(),
        dns: Dns {
            servers: texts(&["1.1.1.1"]),
            options: texts(&["ndots:1"]),
            search: texts(&["x"]),
            extra_hosts: texts(&["a:10.0.0.1"]),
        },
        logging: Some(Logging { driver: "local".to_owned(), options: map(&[("max-size", "1m")]) }),
        ulimits: [("nofile".to_owned(), Ulimit { soft: 1, hard: 2 })].into(),
        sysctls: map(&[("a", "b")]),
        devices: [Device {
            source: "/dev/a".to_owned(),
            target: String::new(),
            permissions: String::new(),
        }]
        .into(),
        device_requests: vec![DeviceRequest {
            driver: "d".to_owned(),
            devices: Requested::Ids(vec!["1".to_owned()]),
            capabilities: texts(&["gpu"]),
            options: map(&[("a", "b")]),
        }],
        block_io: BlockIo {
            weight_device: [("/dev/a".to_owned(), 1)].into(),
            read_bps: [("/dev/a".to_owned(), 1)].into(),
            write_bps: [("/dev/a".to_owned(), 1)].into(),
            read_iops: [("/dev/a".to_owned(), 1)].into(),
            write_iops: [("/dev/a".to_owned(), 1)].into(),
        },
        mem_swappiness: Some(1),
        external_links: texts(&["a:b"]),
        volumes_from: vec![VolumesFrom { from: Owner::Container("c".to_owned()), read_only: true }],
        volume_labels: [("/m7".to_owned(), map(&[("a", "b")]))].into(),
        shm_size_bytes: Some(1),
        runtime: Some("r".to_owned()),
        platform: Some("linux/amd64".to_owned()),
        mac_address: Some("02:00:00:00:00:02".to_owned()),
        storage_opt: map(&[("size", "1G")]),
        annotations: map(&[("a", "b")]),
    }
}

#[test]
fn every_field_of_a_container_is_classified() {
    let mut seen = std::collections::BTreeSet::new();
    for minor in [41, 42, 43, 44, 45, 47, 48, 49, 51] {
        for mode in [NetworkMode::Networks, NetworkMode::Bridge] {
            let create = CreateContainer {
                replica: ReplicaId::new("app".into(), 1),
                name: ContainerName::new("x"),
                image: "i".to_owned(),
                image_id: ImageId::new("sha256:1"),
                config: everything(mode),
                labels: map(&[("com.docker.compose.project", "p")]),
                primary_network: Some("a".to_owned()),
                dns_names: texts(&["n"]),
                revision: Revision::new("r"),
            };
            let (body, _) = create_body(&create, ApiVersion::v1(minor)).unwrap();
            assert_eq!(unclassified(Kind::Container, &body), Vec::<String>::new(), "1.{minor}");
            seen.extend(paths(&body));
        }
    }
    assert!(seen.len() > 100, "{} fields: {seen:?}", seen.len());
}

#[test]
fn every_field_of_networks_volumes_and_commands_is_classified() {
    let subnet = Subnet {
        subnet: Some("10.0.0.0/24".to_owned()),
        ip_range: Some("10.0.0.0/25".to_owned()),
        gateway: Some("10.0.0.1".to_owned()),
        aux_addresses: map(&[("a", "10.0.0.9")]),
    };
    let config = NetworkConfig {
        driver: Some("bridge".to_owned()),
        driver_opts: map(&[("a", "b")]),
        ipam_driver: Some("default".to_owned()),
        subnets: vec![subnet],
        ipam_options: map(&[("a", "b")]),
        internal: true,
        attachable: true,
        enable_ipv4: Some(false),
        enable_ipv6: Some(true),
        labels: map(&[("a", "b")]),
    };
    for config in
        [config, NetworkConfig { ipam_driver: Some("x".to_owned()), ..NetworkConfig::default() }]
    {
        let create = CreateNetwork { name: "n".to_owned(), config, labels: BTreeMap::new() };
        let body = network_json(&create).unwrap();
        assert_eq!(unclassified(Kind::Network, &body), Vec::<String>::new());
    }
    let volume = DesiredVolume {
        name: "v".to_owned(),
        external: false,
        driver: Some("local".to_owned()),
        driver_opts: map(&[("type", "none")]),
        labels: map(&[("a", "b")]),
    };
    let body = volume_json(&CreateVolume { volume, labels: BTreeMap::new() }).unwrap();
    assert_eq!(unclassified(Kind::Volume, &body), Vec::<String>::new());
    let command = HookCommand {
        command: vec!["a".into()],
        user: Some("u".to_owned()),
        privileged: true,
        working_dir: Some("/w".to_owned()),
        environment: [("A".to_owned(), None)].into(),
        hidden: Vec::new(),
    };
    assert_eq!(unclassified(Kind::Exec, &exec_json(&command)), Vec::<String>::new());
}
