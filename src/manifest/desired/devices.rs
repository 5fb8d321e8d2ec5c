//! Devices and limits per block device.

use std::collections::{BTreeMap, BTreeSet};

use super::spec;
use crate::model::config::Device;
use crate::model::device::{BlockIo, DeviceRequest, Requested, is_cdi_name};

/// Devices of the host; those of the Container Device Interface are requests ([`requests`]).
pub(super) fn devices(spec: &spec::Service) -> BTreeSet<Device> {
    let plain = spec.devices.iter().filter(|device| !is_cdi(device));
    let plain = plain.map(|device| Device {
        source: device.source.clone(),
        target: device.target.clone(),
        permissions: device.permissions.clone(),
    });
    plain.collect()
}

/// Reserved devices, then GPUs, then what the Container Device Interface names: the order of the command line.
pub(super) fn requests(spec: &spec::Service) -> Vec<DeviceRequest> {
    let resources = spec.deploy.as_ref().map(|deploy| &deploy.resources);
    let reserved = resources.and_then(|resources| resources.reservations.as_ref());
    let reserved = reserved.into_iter().flat_map(|reserved| &reserved.devices);
    let mut out: Vec<DeviceRequest> = reserved.map(request).collect();
    out.extend(spec.gpus.iter().map(|gpu| {
        let mut request = request(gpu);
        request.capabilities.insert("gpu".to_owned());
        request
    }));
    let names: Vec<String> =
        spec.devices.iter().filter(|one| is_cdi(one)).map(|one| one.source.clone()).collect();
    if !names.is_empty() {
        out.push(DeviceRequest {
            driver: "cdi".to_owned(),
            devices: Requested::Ids(names),
            ..DeviceRequest::default()
        });
    }
    out
}

fn is_cdi(device: &spec::Device) -> bool {
    device.source == device.target && is_cdi_name(&device.source)
}

fn request(spec: &spec::DeviceRequest) -> DeviceRequest {
    DeviceRequest {
        driver: spec.driver.clone(),
        devices: Requested::of(spec.count, spec.device_ids.clone()),
        capabilities: spec.capabilities.iter().cloned().collect(),
        options: spec.options.clone(),
    }
}

/// Weights and limits per block device; zero is none.
pub(super) fn block_io(spec: &spec::Service) -> BlockIo {
    let Some(blkio) = &spec.blkio_config else {
        return BlockIo::default();
    };
    let rates = |list: &[spec::BlockRate]| -> BTreeMap<String, i64> {
        let set = list.iter().filter(|one| one.rate != 0);
        set.map(|one| (one.path.clone(), one.rate)).collect()
    };
    let weights = blkio.weight_device.iter().filter(|one| one.weight != 0);
    BlockIo {
        weight_device: weights.map(|one| (one.path.clone(), one.weight)).collect(),
        read_bps: rates(&blkio.device_read_bps),
        write_bps: rates(&blkio.device_write_bps),
        read_iops: rates(&blkio.device_read_iops),
        write_iops: rates(&blkio.device_write_iops),
    }
}
