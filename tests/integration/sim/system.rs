//! Version, info, disk usage.

use serde_json::{Value, json};

use super::container::Phase;
use super::engine::SimEngine;
use super::request::Reply;

/// `GET /version`
pub(crate) fn version(engine: &SimEngine) -> Reply {
    let api = engine.api_version();
    let answer = json!({
        "Platform": {"Name": ""},
        "Components": [{
            "Name": "Engine",
            "Version": "20.10.24",
            "Details": {"ApiVersion": api, "Arch": "amd64", "MinAPIVersion": "1.12", "Os": "linux"},
        }],
        "Version": "20.10.24",
        "ApiVersion": api,
        "MinAPIVersion": "1.12",
        "GitCommit": "simulated",
        "GoVersion": "go1.19.8",
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": "6.1.0",
        "BuildTime": "2025-01-01T00:00:00.000000000+00:00",
    });
    Reply::json(200, &answer)
}

/// `GET /info`
pub(crate) fn info(engine: &SimEngine) -> Reply {
    let answer = engine.with(|world| {
        let count = |wanted: fn(Phase) -> bool| {
            world.containers.values().filter(|it| wanted(it.phase)).count()
        };
        json!({
            "ID": "SIMU:LATE:DENG:INEX:0000:0000:0000:0000:0000:0000:0000:0000",
            "Containers": world.containers.len(),
            "ContainersRunning": count(|it| matches!(it, Phase::Running | Phase::Restarting)),
            "ContainersPaused": count(|it| it == Phase::Paused),
            "ContainersStopped": count(|it| !it.is_running()),
            "Images": world.images.count(),
            "Driver": "overlay2",
            "MemoryLimit": true,
            "SwapLimit": true,
            "CpuCfsPeriod": true,
            "CpuCfsQuota": true,
            "PidsLimit": true,
            "OomKillDisable": true,
            "LoggingDriver": "json-file",
            "CgroupDriver": "cgroupfs",
            "CgroupVersion": "1",
            "NEventsListener": world.events.subscribers(),
            "KernelVersion": "6.1.0",
            "OperatingSystem": "Simulated Linux",
            "OSType": "linux",
            "Architecture": "x86_64",
            "NCPU": 2,
            "MemTotal": 8_589_934_592_u64,
            "DockerRootDir": "/var/lib/docker",
            "Name": "simulated",
            "Labels": [],
            "ServerVersion": "20.10.24",
            "DefaultRuntime": "runc",
            "LiveRestoreEnabled": false,
            "SystemTime": world.clock.now().rfc3339(),
            "Swarm": {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive",
                      "ControlAvailable": false, "Error": "", "RemoteManagers": null},
            "SecurityOptions": ["name=seccomp,profile=default"],
            "Warnings": null,
        })
    });
    Reply::json(200, &answer)
}

/// `GET /system/df`: counts without sizes.
pub(crate) fn disk_usage(engine: &SimEngine) -> Reply {
    let answer = engine.with(|world| {
        let volumes: Vec<Value> = world
            .volumes
            .values()
            .map(|volume| {
                let users = world.containers.values().filter(|it| it.uses_volume(&volume.name));
                json!({
                    "Name": volume.name,
                    "Driver": volume.driver,
                    "Mountpoint": volume.mountpoint(),
                    "Labels": volume.labels,
                    "Scope": "local",
                    "Options": null,
                    "UsageData": {"RefCount": users.count(), "Size": 0},
                })
            })
            .collect();
        json!({"LayersSize": 0, "Images": [], "Containers": [], "Volumes": volumes, "BuildCache": []})
    });
    Reply::json(200, &answer)
}
