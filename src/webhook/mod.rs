//! Webhooks: who may send, how a delivery is shown to be authentic, and which hint is in it.
//!
//! Pure: it is given headers, bytes and the time, and does nothing itself; [`crate::http`] is its edge. The order is in the
//! types: bytes go into a [`Check`], which keeps no more than [`HEAD_BYTES`] of them and shows them to nobody; only its end
//! makes an [`Authentic`], and only that can be read as a message.

mod fields;
mod forge;
mod head;
mod hook;
mod limit;
mod log;
mod mac;
mod payload;
mod replay;
mod verify;

pub use forge::{Algorithm, Forge, Scheme};
pub use head::HEAD_BYTES;
pub use hook::{Hook, HookError, HookParts};
pub use limit::{Bucket, Limiter, Rate};
pub use log::{DeliveryLog, Noted};
pub use mac::{SIGNATURE, same_secret, sign};
pub use payload::{Message, read};
pub use replay::{ReplayCache, ReplayKey};
pub use verify::{Authentic, CLOCK_WINDOW, Check, Presented, Refusal};
