//! Everything that a request may say. What is not in these tables is refused below the profile `privileged`, so that a field
//! that is sent some day is refused until somebody has said what it can do.

use serde_json::Value;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Create a container.
    Container,
    /// Create a network.
    Network,
    /// Attach a container to a network.
    Connect,
    /// Create a volume.
    Volume,
    /// Run a command inside a container.
    Exec,
    /// Change a container while it runs.
    Update,
}

/// Fields whose keys are names that somebody chose.
const MAPS: &[&str] = &[
    "DriverOpts",
    "EndpointConfig.DriverOpts",
    "ExposedPorts",
    "HostConfig.Annotations",
    "HostConfig.DeviceRequests.Options",
    "HostConfig.LogConfig.Config",
    "HostConfig.Mounts.VolumeOptions.Labels",
    "HostConfig.PortBindings",
    "HostConfig.StorageOpt",
    "HostConfig.Sysctls",
    "HostConfig.Tmpfs",
    "IPAM.Config.AuxiliaryAddresses",
    "IPAM.Options",
    "Labels",
    "NetworkingConfig.EndpointsConfig",
    "NetworkingConfig.EndpointsConfig.DriverOpts",
    "Options",
];

/// Fields that a rule looks at, whatever they say.
const CONTAINER_RULES: &[&str] = &[
    "HostConfig.Annotations",
    "HostConfig.Binds",
    "HostConfig.CapAdd",
    "HostConfig.CapDrop",
    "HostConfig.CgroupParent",
    "HostConfig.CgroupnsMode",
    "HostConfig.CpuQuota",
    "HostConfig.CpuRealtimePeriod",
    "HostConfig.CpuRealtimeRuntime",
    "HostConfig.DeviceCgroupRules",
    "HostConfig.DeviceRequests",
    "HostConfig.DeviceRequests.Capabilities",
    "HostConfig.DeviceRequests.Count",
    "HostConfig.DeviceRequests.DeviceIDs",
    "HostConfig.DeviceRequests.Driver",
    "HostConfig.DeviceRequests.Options",
    "HostConfig.Devices",
    "HostConfig.Devices.CgroupPermissions",
    "HostConfig.Devices.PathInContainer",
    "HostConfig.Devices.PathOnHost",
    "HostConfig.ExtraHosts",
    "HostConfig.GroupAdd",
    "HostConfig.IpcMode",
    "HostConfig.Links",
    "HostConfig.LogConfig.Config",
    "HostConfig.LogConfig.Type",
    "HostConfig.MaskedPaths",
    "HostConfig.Memory",
    "HostConfig.Mounts",
    "HostConfig.Mounts.BindOptions.Propagation",
    "HostConfig.Mounts.ReadOnly",
    "HostConfig.Mounts.Source",
    "HostConfig.Mounts.Type",
    "HostConfig.NanoCpus",
    "HostConfig.NetworkMode",
    "HostConfig.OomKillDisable",
    "HostConfig.OomScoreAdj",
    "HostConfig.PidMode",
    "HostConfig.PidsLimit",
    "HostConfig.PortBindings",
    "HostConfig.PortBindings.HostIp",
    "HostConfig.PortBindings.HostPort",
    "HostConfig.Privileged",
    "HostConfig.PublishAllPorts",
    "HostConfig.ReadonlyPaths",
    "HostConfig.Runtime",
    "HostConfig.SecurityOpt",
    "HostConfig.StorageOpt",
    "HostConfig.Sysctls",
    "HostConfig.Tmpfs",
    "HostConfig.UTSMode",
    "HostConfig.Ulimits",
    "HostConfig.Ulimits.Name",
    "HostConfig.UsernsMode",
    "HostConfig.VolumesFrom",
    "Image",
    "User",
];

/// Fields that reach nothing outside of the container and of what limits it.
const CONTAINER_HARMLESS: &[&str] = &[
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Cmd",
    "Domainname",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Healthcheck.Interval",
    "Healthcheck.Retries",
    "Healthcheck.StartInterval",
    "Healthcheck.StartPeriod",
    "Healthcheck.Test",
    "Healthcheck.Timeout",
    "HostConfig.AutoRemove",
    "HostConfig.BlkioDeviceReadBps.Path",
    "HostConfig.BlkioDeviceReadBps.Rate",
    "HostConfig.BlkioDeviceReadIOps.Path",
    "HostConfig.BlkioDeviceReadIOps.Rate",
    "HostConfig.BlkioDeviceWriteBps.Path",
    "HostConfig.BlkioDeviceWriteBps.Rate",
    "HostConfig.BlkioDeviceWriteIOps.Path",
    "HostConfig.BlkioDeviceWriteIOps.Rate",
    "HostConfig.BlkioWeight",
    "HostConfig.BlkioWeightDevice.Path",
    "HostConfig.BlkioWeightDevice.Weight",
    "HostConfig.CpuPeriod",
    "HostConfig.CpuShares",
    "HostConfig.CpusetCpus",
    "HostConfig.Dns",
    "HostConfig.DnsOptions",
    "HostConfig.DnsSearch",
    "HostConfig.Init",
    "HostConfig.MemoryReservation",
    "HostConfig.MemorySwap",
    "HostConfig.MemorySwappiness",
    "HostConfig.Mounts.BindOptions.CreateMountpoint",
    "HostConfig.Mounts.BindOptions.NonRecursive",
    "HostConfig.Mounts.BindOptions.ReadOnlyForceRecursive",
    "HostConfig.Mounts.BindOptions.ReadOnlyNonRecursive",
    "HostConfig.Mounts.ImageOptions.Subpath",
    "HostConfig.Mounts.Target",
    "HostConfig.Mounts.TmpfsOptions",
    "HostConfig.Mounts.TmpfsOptions.Mode",
    "HostConfig.Mounts.TmpfsOptions.SizeBytes",
    "HostConfig.Mounts.VolumeOptions",
    "HostConfig.Mounts.VolumeOptions.Labels",
    "HostConfig.Mounts.VolumeOptions.NoCopy",
    "HostConfig.Mounts.VolumeOptions.Subpath",
    "HostConfig.ReadonlyRootfs",
    "HostConfig.RestartPolicy.MaximumRetryCount",
    "HostConfig.RestartPolicy.Name",
    "HostConfig.ShmSize",
    "HostConfig.Ulimits.Hard",
    "HostConfig.Ulimits.Soft",
    "Hostname",
    "Labels",
    "MacAddress",
    "NetworkingConfig.EndpointsConfig",
    "NetworkingConfig.EndpointsConfig.Aliases",
    "NetworkingConfig.EndpointsConfig.DriverOpts",
    "NetworkingConfig.EndpointsConfig.GwPriority",
    "NetworkingConfig.EndpointsConfig.IPAMConfig.IPv4Address",
    "NetworkingConfig.EndpointsConfig.IPAMConfig.IPv6Address",
    "NetworkingConfig.EndpointsConfig.IPAMConfig.LinkLocalIPs",
    "NetworkingConfig.EndpointsConfig.Links",
    "NetworkingConfig.EndpointsConfig.MacAddress",
    "OpenStdin",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "WorkingDir",
];

const NETWORK: &[&str] = &[
    "Attachable",
    "CheckDuplicate",
    "Driver",
    "EnableIPv4",
    "EnableIPv6",
    "IPAM.Config",
    "IPAM.Config.AuxiliaryAddresses",
    "IPAM.Config.Gateway",
    "IPAM.Config.IPRange",
    "IPAM.Config.Subnet",
    "IPAM.Driver",
    "IPAM.Options",
    "Internal",
    "Labels",
    "Name",
    "Options",
];

const CONNECT: &[&str] = &[
    "Container",
    "EndpointConfig",
    "EndpointConfig.Aliases",
    "EndpointConfig.DriverOpts",
    "EndpointConfig.GwPriority",
    "EndpointConfig.IPAMConfig.IPv4Address",
    "EndpointConfig.IPAMConfig.IPv6Address",
    "EndpointConfig.IPAMConfig.LinkLocalIPs",
    "EndpointConfig.Links",
    "EndpointConfig.MacAddress",
];

const VOLUME: &[&str] = &["Driver", "DriverOpts", "Labels", "Name"];

const EXEC: &[&str] = &[
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Cmd",
    "Env",
    "Privileged",
    "User",
    "WorkingDir",
];

const UPDATE: &[&str] = &[
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "RestartPolicy.MaximumRetryCount",
    "RestartPolicy.Name",
];

/// Parameters of a build that say what is built.
pub(super) const BUILD_PARAMETERS: &[&str] = &[
    "buildargs",
    "cachefrom",
    "dockerfile",
    "extrahosts",
    "labels",
    "networkmode",
    "nocache",
    "platform",
    "pull",
    "shmsize",
    "t",
    "target",
    "ulimits",
];

/// Parameters of a build by which this process and the engine understand each other.
pub(super) const CLIENT_PARAMETERS: &[&str] = &["forcerm", "remote", "rm", "session", "version"];

/// The fields of a body, by their path; keys that somebody chose and places in lists are left out. What is null says
/// nothing; what is empty says something: no masked paths are all of them.
pub fn paths(body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(body, String::new(), &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(object) if object.is_empty() => found.push(path),
        Value::Object(object) => {
            let chosen = MAPS.contains(&path.as_str());
            for (key, value) in object {
                let below = match (chosen, path.is_empty()) {
                    (true, _) => path.clone(),
                    (false, true) => key.clone(),
                    (false, false) => format!("{path}.{key}"),
                };
                walk(value, below, found);
            }
        }
        Value::Array(list) if list.is_empty() => found.push(path),
        Value::Array(list) => {
            for value in list {
                walk(value, path.clone(), found);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(path),
    }
}

/// Fields of a body that the table has no word about.
pub fn unclassified(kind: Kind, body: &Value) -> Vec<String> {
    let known = |path: &String| match kind {
        Kind::Container => {
            CONTAINER_RULES.contains(&path.as_str()) || CONTAINER_HARMLESS.contains(&path.as_str())
        }
        Kind::Network => NETWORK.contains(&path.as_str()),
        Kind::Connect => CONNECT.contains(&path.as_str()),
        Kind::Volume => VOLUME.contains(&path.as_str()),
        Kind::Exec => EXEC.contains(&path.as_str()),
        Kind::Update => UPDATE.contains(&path.as_str()),
    };
    paths(body).into_iter().filter(|path| !known(path)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_empty_says_something_and_what_is_null_does_not() {
        let body =
            json!({"HostConfig": {"MaskedPaths": [], "PidMode": null, "Sysctls": {"a": "b"}}});
        assert_eq!(paths(&body), ["HostConfig.MaskedPaths", "HostConfig.Sysctls"]);
    }

    #[test]
    fn an_unknown_field_is_found_at_any_depth() {
        let body =
            json!({"HostConfig": {"Mounts": [{"VolumeOptions": {"DriverConfig": {"Name": "x"}}}]}});
        let found = unclassified(Kind::Container, &body);
        assert_eq!(found, ["HostConfig.Mounts.VolumeOptions.DriverConfig.Name"]);
        assert_eq!(unclassified(Kind::Exec, &json!({"DetachKeys": "x"})), ["DetachKeys"]);
    }
}
