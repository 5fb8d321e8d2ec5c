//! The facade against a real engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::engine::{Engine, EngineEvent, ObserveRequest};
use composelet::model::canonical::canonical;
use composelet::model::config::*;
use composelet::model::desired::{Build, DesiredVolume, Dockerfile, NetworkConfig, Subnet};
use composelet::model::id::{ContainerName, ProjectName, ServiceName};
use composelet::model::observed::{EngineFacts, Health, ImageState, Lifecycle, ObservedImage};
use composelet::model::operation::Operation;
use composelet::model::outcome::FailureClass;
use composelet::model::path::{HostPath, LocalPath};
use composelet::model::plan::{CreateNetwork, CreateVolume};
use composelet::model::secret::Secret;
use futures::StreamExt;
use tokio::time::timeout;

use crate::engine_fixture::{IMAGE, Project, docker, engine, raw, sleeper};

/// The configuration over the image's defaults, as a comparison expects it.
fn over_image(
    mut config: ContainerConfig,
    image: &ObservedImage,
    facts: &EngineFacts,
) -> ContainerConfig {
    if config.command.is_none() && config.entrypoint.is_none() {
        config.command = Some(image.command.clone());
    }
    if config.entrypoint.is_none() {
        config.entrypoint = Some(image.entrypoint.clone());
    }
    for (name, value) in &image.environment {
        config
            .environment
            .entry(name.clone())
            .or_insert(Some(value.clone()));
    }
    for (name, value) in &image.labels {
        config.labels.entry(name.clone()).or_insert(value.clone());
    }
    config.expose.extend(image.expose.clone());
    canonical(config, facts)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn port(port: u16, protocol: Protocol) -> ContainerPort {
    ContainerPort { port, protocol }
}

/// Nearly everything that a manifest can say.
fn rich(volume: &str, network: &str) -> ContainerConfig {
    let bind = |path: &str, propagation: Option<&str>, create_host_path| MountSource::Bind {
        source: HostPath::new(path),
        create_host_path,
        propagation: propagation.map(str::to_owned),
        selinux: None,
    };
    let mount = |source, read_only| Mount { source, read_only };
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
        ports: [
            (
                port(80, Protocol::Tcp),
                [HostBinding {
                    ip: "127.0.0.1".into(),
                    port: "38480".into(),
                }]
                .into(),
            ),
            (
                port(53, Protocol::Udp),
                [HostBinding {
                    ip: String::new(),
                    port: String::new(),
                }]
                .into(),
            ),
        ]
        .into(),
        healthcheck: Some(Healthcheck {
            test: HealthTest::Shell("exit 0".into()),
            interval: Some(Duration::from_millis(1500)),
            timeout: Some(Duration::from_secs(2)),
            retries: Some(5),
            start_period: Some(Duration::from_secs(1)),
            start_interval: Some(Duration::from_secs(1)),
        }),
        stop_signal: Some("SIGINT".into()),
        stop_timeout_s: Some(1),
        mounts: [
            ("/a".to_owned(), mount(bind("/etc", None, true), true)),
            ("/b".to_owned(), mount(bind("/etc", None, false), true)),
            (
                "/c".to_owned(),
                mount(bind("/etc", Some("private"), false), false),
            ),
            (
                "/d".to_owned(),
                mount(
                    MountSource::Volume {
                        name: volume.into(),
                        nocopy: false,
                    },
                    false,
                ),
            ),
            (
                "/e".to_owned(),
                mount(
                    MountSource::Volume {
                        name: volume.into(),
                        nocopy: true,
                    },
                    true,
                ),
            ),
            ("/f".to_owned(), mount(MountSource::Anonymous, false)),
            (
                "/g".to_owned(),
                mount(
                    MountSource::Tmpfs {
                        size_bytes: None,
                        mode: None,
                        options: "size=1m".into(),
                    },
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
        .into(),
        resources: Resources {
            nano_cpus: Some(500_000_000),
            cpu_shares: Some(512),
            cpuset: Some("0".into()),
            memory_bytes: Some(64 << 20),
            memory_reservation_bytes: Some(32 << 20),
            pids_limit: Some(50),
            ..Resources::default()
        },
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
        security: Security {
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
        },
        dns: Dns {
            servers: vec!["9.9.9.9".into(), "1.1.1.1".into()],
            options: vec!["ndots:2".into()],
            search: vec!["example.org".into()],
            extra_hosts: set(&["db:10.0.0.1"]),
        },
        logging: Some(Logging {
            driver: "json-file".into(),
            options: map(&[("max-size", "1m")]),
        }),
        ulimits: [(
            "nofile".to_owned(),
            Ulimit {
                soft: 1000,
                hard: 2000,
            },
        )]
        .into(),
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

async fn network(
    engine: &Engine,
    project: &Project,
    name: &str,
    subnet: &str,
) -> composelet::model::id::NetworkId {
    let create = CreateNetwork {
        name: name.into(),
        config: NetworkConfig {
            subnets: vec![Subnet {
                subnet: Some(subnet.into()),
                ..Subnet::default()
            }],
            ..NetworkConfig::default()
        },
        labels: project.labels("web"),
    };
    engine.create_network(&create).await.expect("network")
}

#[tokio::test]
async fn a_rich_configuration_reads_back_as_it_was_written() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("rich");
    network(&engine, &project, "eng-rich_default", "10.213.7.0/24").await;
    let volume = CreateVolume {
        volume: DesiredVolume {
            name: "eng-rich_data".into(),
            external: false,
            driver: None,
            driver_opts: BTreeMap::new(),
            labels: BTreeMap::new(),
        },
        labels: project.labels("web"),
    };
    engine.create_volume(&volume).await.expect("volume");
    engine.create_volume(&volume).await.expect("volume again");
    let config = rich("eng-rich_data", "eng-rich_default");
    let id = engine
        .create_container(&project.create(&image, config.clone()))
        .await
        .expect("create");
    let expected = over_image(config, &image, &engine.facts());
    for state in ["created", "running"] {
        let seen = project.only(&engine).await;
        assert_eq!(seen.id, id);
        assert_eq!(seen.lifecycle.word(), state);
        let detail = seen.detail.known().expect("detail");
        assert_eq!(detail.config, expected, "{state}");
        assert_eq!(
            detail.volumes.get("/d").map(String::as_str),
            Some("eng-rich_data")
        );
        assert_eq!(detail.volumes.get("/f").map(String::len), Some(64));
        if state == "created" {
            engine.start_container(&id).await.expect("start");
        } else {
            let endpoint = &detail.endpoints["eng-rich_default"];
            assert_eq!(endpoint.ip.as_deref(), Some("10.213.7.9"));
        }
    }
}

#[tokio::test]
async fn a_poor_configuration_reads_back_as_the_images() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("poor");
    let config = ContainerConfig {
        network_mode: NetworkMode::None,
        ..ContainerConfig::default()
    };
    engine
        .create_container(&project.create(&image, config.clone()))
        .await
        .expect("create");
    let seen = project.only(&engine).await;
    let expected = over_image(config, &image, &engine.facts());
    assert_eq!(seen.detail.known().expect("detail").config, expected);
    assert_eq!(seen.lifecycle, Lifecycle::Created { failure: None });
    assert_eq!(seen.health, Health::None);
}

#[tokio::test]
async fn a_life_of_a_container() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("life");
    let before = engine.counts();
    let first = network(&engine, &project, "eng-life_a", "10.213.8.0/24").await;
    let second = network(&engine, &project, "eng-life_b", "10.213.9.0/24").await;
    let mut config = sleeper();
    config.endpoints = [("eng-life_a".to_owned(), Endpoint::default())].into();
    let create = project.create(&image, config);
    let id = engine.create_container(&create).await.expect("create");
    assert_eq!(engine.counts().mutating - before.mutating, 3);
    let endpoint = Endpoint {
        aliases: set(&["back"]),
        ..Endpoint::default()
    };
    for _ in 0..2 {
        engine
            .connect_network(&id, &second, &endpoint, &create.dns_names)
            .await
            .expect("connect");
    }
    for _ in 0..2 {
        engine.start_container(&id).await.expect("start");
    }
    let seen = project.only(&engine).await;
    assert!(matches!(seen.lifecycle, Lifecycle::Running { .. }));
    let config = &seen.detail.known().expect("detail").config;
    assert_eq!(config.endpoints["eng-life_b"], endpoint);
    assert_eq!(config.endpoints["eng-life_a"], Endpoint::default());
    let state = project.observe(&engine).await;
    let attached = state
        .networks
        .iter()
        .find(|network| network.id == first)
        .expect("network");
    assert!(attached.containers.contains(&id));
    assert_eq!(
        attached.config.subnets[0].subnet.as_deref(),
        Some("10.213.8.0/24")
    );
    let forbidden = engine.remove_network(&first).await.expect_err("in use");
    assert_eq!(forbidden.class, FailureClass::Forbidden);
    let resources = Resources {
        memory_bytes: Some(32 << 20),
        ..Resources::default()
    };
    engine
        .update_container(&id, Some(&resources), Some(&RestartPolicy::Always))
        .await
        .expect("update");
    let larger = Resources {
        memory_bytes: Some(128 << 20),
        ..Resources::default()
    };
    engine
        .update_container(&id, Some(&larger), None)
        .await
        .expect("raise");
    let to = ContainerName::new("eng-life-renamed");
    for _ in 0..2 {
        engine.rename_container(&id, &to).await.expect("rename");
    }
    let seen = project.only(&engine).await;
    assert_eq!(seen.name, to);
    let config = &seen.detail.known().expect("detail").config;
    assert_eq!(config.resources, larger);
    assert_eq!(config.restart, RestartPolicy::Always);
    assert!(
        engine
            .host_view()
            .await
            .expect("host")
            .names
            .contains_key(&to)
    );
    for _ in 0..2 {
        engine
            .disconnect_network(&id, &second)
            .await
            .expect("disconnect");
    }
    let running = engine.remove_container(&id).await.expect_err("it runs");
    assert_eq!(running.class, FailureClass::Conflict);
    for _ in 0..2 {
        engine.stop_container(&id, Some(5)).await.expect("stop");
    }
    let Lifecycle::Exited(exit) = project.only(&engine).await.lifecycle else {
        panic!("exited expected")
    };
    assert_eq!(exit.code, 0);
    for _ in 0..2 {
        engine.remove_container(&id).await.expect("remove");
    }
    assert!(project.observe(&engine).await.containers.is_empty());
    for network in [&first, &first, &second] {
        engine
            .remove_network(network)
            .await
            .expect("remove network");
    }
}

#[tokio::test]
async fn a_taken_port_and_a_taken_name_are_told_apart() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let (one, two) = (Project::new("port-a"), Project::new("port-b"));
    let mut config = sleeper();
    config.network_mode = NetworkMode::Bridge;
    let binding = HostBinding {
        ip: String::new(),
        port: "38481".into(),
    };
    config.ports = [(port(80, Protocol::Tcp), [binding].into())].into();
    let create = one.create(&image, config.clone());
    let first = engine.create_container(&create).await.expect("create");
    engine.start_container(&first).await.expect("start");
    let second = engine
        .create_container(&two.create(&image, config))
        .await
        .expect("create");
    let taken = engine
        .start_container(&second)
        .await
        .expect_err("port is taken");
    assert_eq!(taken.class, FailureClass::PortTaken, "{}", taken.message);
    let Lifecycle::Created {
        failure: Some(failure),
    } = two.only(&engine).await.lifecycle
    else {
        panic!("a failed start is expected")
    };
    assert_eq!(failure.exit_code, 128, "{failure:?}");
    let conflict = engine
        .create_container(&create)
        .await
        .expect_err("name is taken");
    assert_eq!(
        conflict.class,
        FailureClass::Conflict,
        "{}",
        conflict.message
    );
    let view = engine.host_view().await.expect("host");
    let holders: Vec<_> = view
        .ports
        .iter()
        .filter(|holder| holder.port == 38481)
        .collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert_eq!(
        (holders[0].container.clone(), holders[0].ip.as_str()),
        (first, "")
    );
}

#[tokio::test]
async fn an_image_that_moved_is_not_used() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("moved");
    let mut create = project.create(&image, sleeper());
    create.image_id = "sha256:00".into();
    let moved = engine.create_container(&create).await.expect_err("moved");
    assert_eq!(moved.class, FailureClass::Conflict);
    create.image = "eng-none:1".into();
    let missing = engine.create_container(&create).await.expect_err("missing");
    assert_eq!(missing.class, FailureClass::NotFound);
    engine.admit(std::sync::Arc::new(|_| Err("not today".to_owned())));
    let refused = engine.create_container(&create).await.expect_err("refused");
    assert_eq!(
        (refused.class, refused.message.as_str()),
        (FailureClass::Invalid, "not today")
    );
}

#[tokio::test]
async fn a_gap_comes_first_and_then_the_events() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("events");
    let mut events = engine.events();
    assert_eq!(
        timeout(Duration::from_secs(10), events.next())
            .await
            .expect("gap"),
        Some(EngineEvent::Gap)
    );
    let mut config = sleeper();
    config.network_mode = NetworkMode::None;
    let id = engine
        .create_container(&project.create(&image, config))
        .await
        .expect("create");
    engine.start_container(&id).await.expect("start");
    let cached = project.only(&engine).await;
    docker(&["kill", raw(&id)]);
    let wanted = ["create", "start", "die"];
    let mut seen = Vec::new();
    while seen.len() < wanted.len() {
        let event = timeout(Duration::from_secs(10), events.next())
            .await
            .expect("event")
            .expect("open");
        if let EngineEvent::Container {
            project: Some(name),
            id: about,
            action,
        } = event
            && name == project.name
            && wanted.contains(&action.as_str())
        {
            assert_eq!(about, id);
            seen.push(action);
        }
    }
    assert_eq!(seen, wanted);
    assert!(matches!(cached.lifecycle, Lifecycle::Running { .. }));
    assert!(matches!(
        project.only(&engine).await.lifecycle,
        Lifecycle::Exited(_)
    ));
    let (before, _) = (engine.counts(), project.only(&engine).await);
    assert!(
        engine.counts().all - before.all <= 3,
        "an unchanged container is not inspected again"
    );
}

#[tokio::test]
async fn the_last_lines_are_read() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("logs");
    for tty in [false, true] {
        let config = ContainerConfig {
            command: Some(vec![
                "sh".into(),
                "-c".into(),
                "echo one; echo two >&2; printf 'thr\\033[1mee'".into(),
            ]),
            network_mode: NetworkMode::None,
            tty,
            ..ContainerConfig::default()
        };
        let id = engine
            .create_container(&project.create(&image, config))
            .await
            .expect("create");
        engine.start_container(&id).await.expect("start");
        docker(&["wait", raw(&id)]);
        let lines = engine.logs_tail(&id, 20).await.expect("logs");
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2], "thr [1mee");
        assert_eq!(engine.logs_tail(&id, 1).await.expect("logs").len(), 1);
        engine.remove_container(&id).await.expect("remove");
    }
}

#[tokio::test]
async fn a_pull_of_what_is_not_there_fails_with_a_class() {
    let Some((engine, _)) = engine().await else {
        return;
    };
    let (sink, _lines) = tokio::sync::mpsc::channel(8);
    let missing = engine
        .pull_image("127.0.0.1:9/eng/none:1", None, &sink)
        .await
        .expect_err("nothing there");
    assert_eq!(missing.class, FailureClass::Engine, "{}", missing.message);
    let invalid = engine
        .pull_image("UPPER CASE", None, &sink)
        .await
        .expect_err("no reference");
    assert_eq!(invalid.class, FailureClass::Invalid, "{}", invalid.message);
}

fn build(dockerfile: &str) -> Operation {
    Operation::Build {
        image: "eng-built:1".into(),
        project: ProjectName::new("eng-build"),
        service: ServiceName::new("web"),
        build: Box::new(Build {
            context: LocalPath::new("/nowhere"),
            dockerfile: Dockerfile::Inline(dockerfile.into()),
            target: None,
            args: [("WORD".to_owned(), Secret::from("hello world & more"))].into(),
            labels: map(&[("team", "blue")]),
            network: Some("none".into()),
            extra_hosts: BTreeSet::new(),
            pull: false,
            no_cache: false,
            cache_from: Vec::new(),
            tags: BTreeSet::new(),
            shm_size_bytes: None,
            platform: None,
        }),
        digest: "d1".into(),
    }
}

fn context() -> composelet::engine::BuildContext {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, "file.txt", &b"hi"[..])
        .expect("tar");
    let bytes = archive.into_inner().expect("tar");
    let chunks: Vec<_> = bytes
        .chunks(700)
        .map(|chunk| Ok(bytes::Bytes::copy_from_slice(chunk)))
        .collect();
    futures::stream::iter(chunks).boxed()
}

#[tokio::test]
async fn a_small_build_makes_an_image_and_a_broken_one_says_why() {
    let Some((engine, _)) = engine().await else {
        return;
    };
    let (sink, mut lines) = tokio::sync::mpsc::channel(100);
    let text = format!("FROM {IMAGE}\nARG WORD\nCOPY file.txt /\nRUN echo \"$WORD\" > /word\n");
    engine
        .build_image(&build(&text), context(), &sink)
        .await
        .expect("build");
    assert!(lines.try_recv().expect("progress").starts_with("Step 1/"));
    let request = ObserveRequest {
        images: ["eng-built:1".to_owned(), "eng-none:1".to_owned()].into(),
        ..ObserveRequest::default()
    };
    let seen = engine.observe(&request).await.expect("observe");
    let image = seen.images["eng-built:1"].present().expect("built");
    assert_eq!(image.build.as_deref(), Some("d1"));
    assert_eq!(image.labels["team"].expose(), "blue");
    assert_eq!(seen.images["eng-none:1"], ImageState::Absent);
    let said = docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "eng-built:1",
        "cat",
        "/word",
        "/file.txt",
    ]);
    assert_eq!(said, "hello world & more\nhi");
    let broken = format!("FROM {IMAGE}\nRUN exit 3\n");
    let failure = engine
        .build_image(&build(&broken), context(), &sink)
        .await
        .expect_err("broken");
    assert_eq!(failure.class, FailureClass::Engine);
    assert!(
        failure.message.contains("returned a non-zero code: 3"),
        "{}",
        failure.message
    );
    docker(&["rmi", "eng-built:1"]);
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"] {
        let failure = Engine::connect(host, "eng".into())
            .await
            .expect_err("nobody");
        assert_eq!(
            failure.class,
            FailureClass::Unreachable,
            "{host}: {}",
            failure.message
        );
    }
    let invalid = Engine::connect("gopher://a", "eng".into())
        .await
        .expect_err("no address");
    assert_eq!(invalid.class, FailureClass::Invalid);
}
