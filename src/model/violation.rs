//! What a policy has against a request: which rule, which attribute, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest value that is shown, in characters.
const VALUE_LIMIT: usize = 80;

/// A rule of the policy (docs/policy.md). Baseline and restricted are those of Kubernetes' Pod Security Standards, in
/// Docker's fields; what has no counterpart there is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// All capabilities and devices, of a container or of a command inside.
    Privileged,
    /// Namespaces or cgroups of the host, or of containers of others.
    HostNamespaces,
    /// Capabilities beside those that every container has.
    Capabilities,
    /// Paths of the host.
    HostPath,
    /// The socket of the engine, or of another container runtime.
    Socket,
    /// Volumes that are no plain volumes of the engine.
    VolumeDriver,
    /// Volumes that belong to another project.
    ForeignVolume,
    /// Mounts of containers of others.
    VolumesFrom,
    /// Mounts that are no volumes, configs, secrets or memory.
    VolumeTypes,
    /// Memory mounts with programs, devices or set-user-id.
    TmpfsOptions,
    /// Ports and addresses of the host.
    HostPorts,
    /// Profiles of AppArmor, SELinux and seccomp, and what is masked of `/proc`.
    SecurityOptions,
    /// Kernel parameters beside the safe ones.
    Sysctls,
    /// Devices of the host.
    Devices,
    /// Another OCI runtime, or annotations for it.
    Runtime,
    /// Log drivers that send elsewhere.
    LogDriver,
    /// What takes the host's memory or processors from others.
    HostResources,
    /// Links of old, which hand over the variables of another container.
    Links,
    /// Names for the address of a cloud's metadata service.
    MetadataAddress,
    /// `no-new-privileges` is missing.
    PrivilegeEscalation,
    /// It runs as root, or may.
    NonRoot,
    /// Limits that have to be there.
    RequiredLimits,
    /// The registry or repository of an image.
    Registry,
    /// An image that is not named by digest.
    Digest,
    /// The driver of a network, or its options.
    NetworkDriver,
    /// An image is built.
    Build,
    /// A build in the network of the host or of a container.
    BuildNetwork,
    /// Files outside of the project's directory as input of a build.
    BuildContext,
    /// Files or agents of the host for a build.
    BuildSecrets,
    /// A field that the policy has no word about.
    UnknownField,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::Privileged,
        Self::HostNamespaces,
        Self::Capabilities,
        Self::HostPath,
        Self::Socket,
        Self::VolumeDriver,
        Self::ForeignVolume,
        Self::VolumesFrom,
        Self::VolumeTypes,
        Self::TmpfsOptions,
        Self::HostPorts,
        Self::SecurityOptions,
        Self::Sysctls,
        Self::Devices,
        Self::Runtime,
        Self::LogDriver,
        Self::HostResources,
        Self::Links,
        Self::MetadataAddress,
        Self::PrivilegeEscalation,
        Self::NonRoot,
        Self::RequiredLimits,
        Self::Registry,
        Self::Digest,
        Self::NetworkDriver,
        Self::Build,
        Self::BuildNetwork,
        Self::BuildContext,
        Self::BuildSecrets,
        Self::UnknownField,
    ];

    /// Its name in settings and messages.
    pub fn id(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::HostNamespaces => "host-namespaces",
            Self::Capabilities => "capabilities",
            Self::HostPath => "host-path",
            Self::Socket => "socket",
            Self::VolumeDriver => "volume-driver",
            Self::ForeignVolume => "foreign-volume",
            Self::VolumesFrom => "volumes-from",
            Self::VolumeTypes => "volume-types",
            Self::TmpfsOptions => "tmpfs-options",
            Self::HostPorts => "host-ports",
            Self::SecurityOptions => "security-options",
            Self::Sysctls => "sysctls",
            Self::Devices => "devices",
            Self::Runtime => "runtime",
            Self::LogDriver => "log-driver",
            Self::HostResources => "host-resources",
            Self::Links => "links",
            Self::MetadataAddress => "metadata-address",
            Self::PrivilegeEscalation => "privilege-escalation",
            Self::NonRoot => "non-root",
            Self::RequiredLimits => "required-limits",
            Self::Registry => "registry",
            Self::Digest => "digest",
            Self::NetworkDriver => "network-driver",
            Self::Build => "build",
            Self::BuildNetwork => "build-network",
            Self::BuildContext => "build-context",
            Self::BuildSecrets => "build-secrets",
            Self::UnknownField => "unknown-field",
        }
    }

    /// Which setting of a profile allows what it refuses.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::HostPath => "host_paths",
            Self::Socket => "socket: true",
            Self::HostPorts => "ports and host_addresses",
            Self::RequiredLimits => "require_limits",
            Self::Registry => "registries",
            Self::Digest => "require_digest: false",
            Self::NetworkDriver => "network_drivers",
            _ => "",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// One thing that a policy refuses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The attribute, as Compose names it; of what the policy does not know, the engine's name.
    pub field: String,
    /// What it says, as far as it may be shown; empty if it is what is not said that is wrong.
    pub value: String,
    /// The profile that refuses it.
    pub profile: String,
}

impl Violation {
    /// A violation; of the value only a line of at most 80 characters is kept.
    pub fn new(rule: Rule, field: &str, value: &str, profile: &str) -> Self {
        let shown = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
        Self {
            rule,
            field: field.to_owned(),
            value: value.chars().take(VALUE_LIMIT).map(shown).collect(),
            profile: profile.to_owned(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.field)?;
        if !self.value.is_empty() {
            write!(f, " {}", self.value)?;
        }
        write!(f, " is against profile {}; change the manifest", self.profile)?;
        match self.rule.setting() {
            "" => write!(f, ", or the policy's `allow: [{}]`", self.rule),
            setting => write!(f, ", or the policy's `{setting}`"),
        }
    }
}
