//! Namespaces, privileges and everything else that keeps a container a container (Pod Security Standards, baseline and
//! restricted).

use serde_json::Value;

use crate::model::rulebook::Level;
use crate::model::violation::Rule;
use crate::policy::facts::donor;
use crate::policy::judge::Judge;
use crate::policy::request::{entries, is_on, text, texts};

/// Kernel parameters that are of the container's own namespaces alone (Pod Security Standards, sysctls).
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
/// Security options that take nothing away; a trailing `=` allows any value.
const SAFE_OPTIONS: [&str; 8] = [
    "no-new-privileges",
    "no-new-privileges=true",
    "seccomp=builtin",
    "apparmor=docker-default",
    "label=type:container_t",
    "label=type:container_init_t",
    "label=type:container_kvm_t",
    "label=type:container_engine_t",
];

pub(super) fn judge(judge: &mut Judge<'_>, body: &Value) {
    capabilities(judge, body);
    if judge.holds(Level::Baseline) {
        if is_on(body, "/HostConfig/Privileged") {
            judge.refuse(Rule::Privileged, "privileged", "true");
        }
        namespaces(judge, body);
        options(judge, body);
        for (name, value) in entries(body, "/HostConfig/Sysctls") {
            if !SAFE_SYSCTLS.contains(&name) {
                let shown = format!("{name}={}", value.as_str().unwrap_or_default());
                judge.refuse(Rule::Sysctls, "sysctls", &shown);
            }
        }
    }
    if judge.holds(Level::Restricted) {
        hardened(judge, body);
    }
}

fn namespaces(judge: &mut Judge<'_>, body: &Value) {
    for (field, attribute) in [
        ("NetworkMode", "network_mode"),
        ("PidMode", "pid"),
        ("IpcMode", "ipc"),
        ("UTSMode", "uts"),
        ("UsernsMode", "userns_mode"),
        ("CgroupnsMode", "cgroup"),
    ] {
        let Some(mode) = text(body, &format!("/HostConfig/{field}")) else {
            continue;
        };
        let own = match mode {
            "host" => false,
            "shareable" => field != "IpcMode",
            // What a network is called is no matter; every other word has to be known.
            _ if mode.starts_with("container:") => is_own(judge, mode),
            // The manifest's word for a container of the project itself.
            _ if mode.starts_with("service:") => true,
            "none" | "private" => true,
            _ => field == "NetworkMode",
        };
        if !own {
            judge.refuse(Rule::HostNamespaces, attribute, mode);
        }
    }
    if let Some(parent) = text(body, "/HostConfig/CgroupParent") {
        judge.refuse(Rule::HostNamespaces, "cgroup_parent", parent);
    }
    for line in texts(body, "/HostConfig/VolumesFrom") {
        if !is_of_project(judge, donor(line)) {
            judge.refuse(Rule::VolumesFrom, "volumes_from", line);
        }
    }
}

/// Whether `container:…` names a container of the project.
fn is_own(judge: &Judge<'_>, mode: &str) -> bool {
    mode.strip_prefix("container:").is_some_and(|name| is_of_project(judge, name))
}

fn is_of_project(judge: &Judge<'_>, container: &str) -> bool {
    judge.facts.owners.get(container).is_some_and(|owner| owner == judge.project.as_str())
}

fn options(judge: &mut Judge<'_>, body: &Value) {
    for option in texts(body, "/HostConfig/SecurityOpt") {
        // Both forms mean the same; only the first separator is one.
        let spelled = match option.split_once([':', '=']) {
            Some((name, value)) => format!("{name}={value}"),
            None => option.to_owned(),
        };
        if !SAFE_OPTIONS.contains(&spelled.as_str()) && !spelled.starts_with("label=level:") {
            // A profile of seccomp may be the text of a whole file.
            let shown = option.split_once('{').map_or(option, |(before, _)| before);
            judge.refuse(Rule::SecurityOptions, "security_opt", shown);
        }
    }
    for (field, what) in [("MaskedPaths", "masked"), ("ReadonlyPaths", "read-only")] {
        if body.pointer(&format!("/HostConfig/{field}")).is_some_and(|value| !value.is_null()) {
            judge.refuse(Rule::SecurityOptions, "security_opt", &format!("{what} paths of /proc"));
        }
    }
}

fn capabilities(judge: &mut Judge<'_>, body: &Value) {
    let Some(allowed) = &judge.rules.capabilities else {
        return;
    };
    for added in texts(body, "/HostConfig/CapAdd") {
        let name = added.to_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if !allowed.contains(name) {
            judge.refuse(Rule::Capabilities, "cap_add", added);
        }
    }
}

/// What hardened containers have to say.
fn hardened(judge: &mut Judge<'_>, body: &Value) {
    let mut options = texts(body, "/HostConfig/SecurityOpt");
    let safe = |option: &str| {
        matches!(option, "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true")
    };
    if !options.any(safe) {
        judge.refuse(Rule::PrivilegeEscalation, "security_opt without no-new-privileges:true", "");
    }
    let mut dropped = texts(body, "/HostConfig/CapDrop");
    if !dropped.any(|name| name.eq_ignore_ascii_case("all")) {
        judge.refuse(Rule::Capabilities, "cap_drop without ALL", "");
    }
    match text(body, "/User") {
        None => judge.refuse(Rule::NonRoot, "no user", ""),
        Some(user) if is_root(user) => judge.refuse(Rule::NonRoot, "user", user),
        Some(_) => {}
    }
    for group in texts(body, "/HostConfig/GroupAdd") {
        if is_root(group) || group == "docker" {
            judge.refuse(Rule::NonRoot, "group_add", group);
        }
    }
}

/// Whether `user[:group]` is root, or of its group.
pub(super) fn is_root(user: &str) -> bool {
    let zero = |name: &str| {
        name.eq_ignore_ascii_case("root") || name.trim_start_matches('+').parse::<u64>() == Ok(0)
    };
    user.split(':').any(zero)
}
