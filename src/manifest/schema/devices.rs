//! Devices that drivers hand out, and limits per block device.

use super::{Form, Kind, Object, Print, Unset, field};
use crate::manifest::forms;

/// An entry of `deploy.resources.reservations.devices`.
pub(super) static RESERVED_DEVICE: Form =
    Form { expand: forms::device_request, long: Kind::Object(&RESERVED) };

static RESERVED: Object = Object { fields: DEVICE_REQUEST, required: &["capabilities"] };

/// `gpus`: `all`, or a list.
pub(super) static GPUS: Form = Form { expand: forms::gpus, long: Kind::List(&Kind::Form(&GPU)) };

static GPU: Form = Form { expand: forms::device_request, long: Kind::Object(&GPU_LONG) };

static GPU_LONG: Object = Object::new(DEVICE_REQUEST);

const DEVICE_REQUEST: &[super::Field] = &[
    field("capabilities", Kind::List(&Kind::Text)),
    field("driver", Kind::Text),
    field("count", Kind::Int),
    field("device_ids", Kind::List(&Kind::Text)),
    field("options", Kind::Pairs(Unset::Empty)),
];

/// `blkio_config`.
pub(super) static BLKIO: Object = Object::new(&[
    field("weight", Kind::Int),
    field("weight_device", Kind::List(&Kind::Form(&WEIGHT))),
    field("device_read_bps", Kind::List(&Kind::Form(&RATE))),
    field("device_read_iops", Kind::List(&Kind::Form(&RATE))),
    field("device_write_bps", Kind::List(&Kind::Form(&RATE))),
    field("device_write_iops", Kind::List(&Kind::Form(&RATE))),
]);

static WEIGHT: Form = Form { expand: forms::block_weight, long: Kind::Object(&WEIGHT_DEVICE) };

/// The weight of a block device. The command line has no JSON names for its keys.
pub(crate) static WEIGHT_DEVICE: Object = Object {
    fields: &[
        field("path", Kind::Text).print(Print::Set),
        field("weight", Kind::Int).print(Print::Set),
    ],
    required: &["path"],
};

static RATE: Form = Form { expand: forms::block_rate, long: Kind::Object(&THROTTLE_DEVICE) };

/// The rate of a block device. The command line has no JSON names for its keys.
pub(crate) static THROTTLE_DEVICE: Object = Object {
    fields: &[
        field("path", Kind::Text).print(Print::Set),
        field("rate", Kind::Bytes).print(Print::Set),
    ],
    required: &["path"],
};
