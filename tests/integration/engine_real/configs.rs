//! A configuration that says nearly everything that a manifest can say.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use composelet::model::config::{
    BindRecursion, ContainerConfig, ContainerPort, Device, Dns, Endpoint, HealthTest, Healthcheck,
    HostBinding, Logging, Mount, MountSource, Protocol, Resources, RestartPolicy, Security, Ulimit,
};
use composelet::model::path::HostPath;
use composelet::model::secret::Secret;

use super::fixture::{map, port, set};

/// Nearly everything, with a named volume and one network.
pub(crate) fn rich(volume: &str, network: &str) -> ContainerConfig {
    ContainerConfig {
        entrypoint: Some(vec!["/bin/sh".into(), "-c".into()]),
        command: Some(vec!["sleep 60; echo \"$A\"".into()]),
        environment: [
            ("A".to_owned(), Some(Secret::from("b=c d"))),
            ("EMPTY".to_owned(), Some(Secret::from(""))),
            ("PATH".to_owned(), None),
        ]
        .into(),
        labels: [("team".to_owned(), Secret::from("blue"))].into(),
        user: Some("1000:1000".into()),
        working_dir: Some("/tmp".into()),
        hostname: Some("host".into()),
        domainname: Some("example.org".into()),
        tty: true,
        stdin_open: true,
        expose: [port(7000, Protocol::Tcp)].into(),
        ports: ports(),
        healthcheck: Some(healthcheck()),
        stop_signal: Some("SIGINT".into()),
        stop_timeout_s: Some(1),
        mounts: mounts(volume),
        resources: resources(),
        restart: RestartPolicy::OnFailure { max_retries: 3 },
        endpoints: [(
            network.to_owned(),
            Endpoint {
                aliases: set(&["www", "shop"]),
                ipv4_address: Some("10.213.7.9".into()),
                ..Endpoint::default()
            },
        )]
        .into(),
        security: security(),
        dns: dns(),
        logging: Some(Logging { driver: "json-file".into(), options: map(&[("max-size", "1m")]) }),
        ulimits: [("nofile".to_owned(), Ulimit { soft: 1000, hard: 2000 })].into(),
        sysctls: map(&[("net.core.somaxconn", "64")]),
        devices: [Device {
            source: "/dev/null".into(),
            target: "/dev/nothing".into(),
            permissions: "r".into(),
        }]
        .into(),
        shm_size_bytes: Some(8 << 20),
        runtime: Some("runc".into()),
        annotations: map(&[("a", "b")]),
        ..ContainerConfig::default()
    }
}

fn ports() -> BTreeMap<ContainerPort, BTreeSet<HostBinding>> {
    [
        (
            port(80, Protocol::Tcp),
            [HostBinding { ip: "127.0.0.1".into(), port: "38480".into() }].into(),
        ),
        (port(53, Protocol::Udp), [HostBinding { ip: String::new(), port: String::new() }].into()),
    ]
    .into()
}

fn healthcheck() -> Healthcheck {
    Healthcheck {
        test: HealthTest::Shell("exit 0".into()),
        interval: Some(Duration::from_millis(1500)),
        timeout: Some(Duration::from_secs(2)),
        retries: Some(5),
        start_period: Some(Duration::from_secs(1)),
        start_interval: Some(Duration::from_secs(1)),
    }
}

fn mounts(volume: &str) -> BTreeMap<String, Mount> {
    let bind = |path: &str, propagation: Option<&str>, create_host_path| MountSource::Bind {
        source: HostPath::new(path),
        create_host_path,
        propagation: propagation.map(str::to_owned),
        selinux: None,
        recursive: BindRecursion::Enabled,
    };
    let mount = |source, read_only| Mount { source, read_only };
    [
        ("/a".to_owned(), mount(bind("/etc", None, true), true)),
        ("/b".to_owned(), mount(bind("/etc", None, false), true)),
        ("/c".to_owned(), mount(bind("/etc", Some("private"), false), false)),
        (
            "/d".to_owned(),
            mount(MountSource::Volume { name: volume.into(), nocopy: false, subpath: None }, false),
        ),
        (
            "/e".to_owned(),
            mount(MountSource::Volume { name: volume.into(), nocopy: true, subpath: None }, true),
        ),
        ("/f".to_owned(), mount(MountSource::Anonymous, false)),
        (
            "/g".to_owned(),
            mount(
                MountSource::Tmpfs { size_bytes: None, mode: None, options: "size=1m".into() },
                false,
            ),
        ),
        (
            "/h".to_owned(),
            mount(
                MountSource::Tmpfs {
                    size_bytes: Some(1 << 20),
                    mode: Some(0o1777),
                    options: String::new(),
                },
                false,
            ),
        ),
    ]
    .into()
}

fn resources() -> Resources {
    Resources {
        nano_cpus: Some(500_000_000),
        cpu_shares: Some(512),
        cpuset: Some("0".into()),
        memory_bytes: Some(64 << 20),
        memory_reservation_bytes: Some(32 << 20),
        pids_limit: Some(50),
        ..Resources::default()
    }
}

fn security() -> Security {
    Security {
        read_only: true,
        init: Some(true),
        cap_add: set(&["NET_ADMIN", "CAP_SYS_TIME"]),
        cap_drop: set(&["ALL"]),
        security_opt: set(&["no-new-privileges:true", "systempaths=unconfined"]),
        group_add: set(&["4"]),
        ipc: Some("shareable".into()),
        pid: Some("host".into()),
        cgroup: Some("private".into()),
        oom_kill_disable: Some(false),
        oom_score_adj: Some(100),
        device_cgroup_rules: set(&["c 1:3 mr"]),
        ..Security::default()
    }
}

fn dns() -> Dns {
    Dns {
        servers: vec!["9.9.9.9".into(), "1.1.1.1".into()],
        options: vec!["ndots:2".into()],
        search: vec!["example.org".into()],
        extra_hosts: set(&["db:10.0.0.1"]),
    }
}
