//! What an engine says of itself and its host, as far as checks look at it.

use serde::{Deserialize, Serialize};

/// The answer of `GET /info` that checks read. An absent field: the engine did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EngineInfo {
    /// Version.
    pub server_version: Option<String>,
    /// Processor, in the words of the kernel (`x86_64`).
    pub architecture: Option<String>,
    /// Where images, volumes and containers lie on its host.
    pub docker_root_dir: Option<String>,
    /// Storage driver.
    pub driver: Option<String>,
    /// Default log driver.
    pub logging_driver: Option<String>,
    /// `1` or `2`.
    pub cgroup_version: Option<String>,
    /// Memory of the host in bytes.
    pub mem_total: Option<u64>,
    /// Processors.
    #[serde(rename = "NCPU")]
    pub ncpu: Option<u64>,
    /// Its clock, as RFC 3339.
    pub system_time: Option<String>,
    /// What the engine itself warns of.
    pub warnings: Option<Vec<String>>,
    /// Pools that subnets of new networks are taken from.
    pub default_address_pools: Option<Vec<AddressPool>>,
}

/// A pool of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddressPool {
    /// CIDR.
    pub base: String,
    /// Bits of each subnet that is taken from it.
    pub size: u8,
}

impl EngineInfo {
    /// The processor in the words of images, as the OCI image specification has them.
    pub fn image_architecture(&self) -> String {
        match self.architecture.as_deref().unwrap_or_default() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "armv7l" | "armv6l" => "arm",
            "i386" | "i686" => "386",
            other => other,
        }
        .to_owned()
    }
}
