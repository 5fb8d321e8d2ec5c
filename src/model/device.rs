//! Devices that drivers hand out, and limits per block device.

use std::collections::{BTreeMap, BTreeSet};

/// Devices that a driver of the engine hands out: GPUs, or what the Container Device Interface names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRequest {
    /// Driver such as `nvidia` or `cdi`; empty lets the engine choose by capability.
    pub driver: String,
    /// How many, and which.
    pub devices: Requested,
    /// What the devices must be able to do, such as `gpu`.
    pub capabilities: BTreeSet<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// Which devices are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Requested {
    /// Every one.
    #[default]
    All,
    /// Any, so many of them.
    Count(i64),
    /// These.
    Ids(Vec<String>),
}

impl Requested {
    /// As the API takes it: a number, -1 for all, and a list of ids.
    pub fn parts(&self) -> (i64, &[String]) {
        match self {
            Self::All => (-1, &[]),
            Self::Count(count) => (*count, &[]),
            Self::Ids(ids) => (0, ids),
        }
    }

    /// Reads what [`Requested::parts`] gives.
    pub fn of(count: i64, ids: Vec<String>) -> Self {
        match (count, ids.is_empty()) {
            (_, false) => Self::Ids(ids),
            (-1, true) => Self::All,
            (count, true) => Self::Count(count),
        }
    }
}

/// Weights and limits per block device, by path of the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockIo {
    /// Share against other containers, 10 to 1000.
    pub weight_device: BTreeMap<String, u16>,
    /// Bytes read per second.
    pub read_bps: BTreeMap<String, i64>,
    /// Bytes written per second.
    pub write_bps: BTreeMap<String, i64>,
    /// Reads per second.
    pub read_iops: BTreeMap<String, i64>,
    /// Writes per second.
    pub write_iops: BTreeMap<String, i64>,
}

/// Whether a name is qualified as the Container Device Interface has it: `vendor/class=name`.
pub fn is_cdi_name(name: &str) -> bool {
    let inner = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-' | '.');
    let vendor_or_class = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.ends_with(|last: char| last.is_ascii_alphanumeric())
            && part.chars().all(inner)
    };
    let device = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.ends_with(|last: char| last.is_ascii_alphanumeric())
            && part.chars().all(|symbol| inner(symbol) || symbol == ':')
    };
    let Some((kind, name)) = name.split_once('=') else {
        return false;
    };
    let Some((vendor, class)) = kind.split_once('/') else {
        return false;
    };
    vendor_or_class(vendor) && vendor_or_class(class) && device(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_names_are_told_from_paths() {
        for name in ["vendor.com/class=gpu0", "nvidia.com/gpu=all", "a/b=0"] {
            assert!(is_cdi_name(name), "{name}");
        }
        for name in ["/dev/null", "gpu=0", "vendor/class", "/class=x", "a/b=", "a/b/c=d"] {
            assert!(!is_cdi_name(name), "{name}");
        }
    }

    #[test]
    fn requests_read_back() {
        for request in
            [Requested::All, Requested::Count(2), Requested::Ids(vec!["0".into(), "3".into()])]
        {
            let (count, ids) = request.parts();
            assert_eq!(Requested::of(count, ids.to_vec()), request);
        }
    }
}
