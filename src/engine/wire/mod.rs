//! Answers of the engine as they come over the wire, read leniently: a field that is missing or null is absent, an unknown
//! word stays a text, an unknown field is ignored. Only what we use is named.

mod container;
mod lenient;
mod network;
mod summary;

pub(super) use container::{
    BindOptionsJson, BlockDeviceJson, ConfigJson, ContainerJson, DeviceRequestJson, EndpointJson,
    HealthJson, HealthcheckJson, HostConfigJson, MountJson, MountPointJson, ProbeJson, StateJson,
};
pub(super) use lenient::{Texts, arguments};
pub(super) use network::{ImageJson, IpamJson, NetworkJson, VolumeJson, VolumeListJson};
pub(super) use summary::SummaryJson;
