//! One value of SOPS: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secrets::failure::Failure;
use crate::secrets::plain::Plain;

const BEGIN: &str = "ENC[AES256_GCM,data:";
/// Bytes of the data key, and of an initialisation vector of SOPS.
pub(super) const KEY: usize = 32;
const TAG: usize = 16;

/// An encrypted value.
pub(super) struct Encoded<'a> {
    data: &'a str,
    iv: &'a str,
    tag: &'a str,
    kind: &'a str,
}

impl<'a> Encoded<'a> {
    /// The value that begins `text`, if it has the form of one.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (data, rest) = text.strip_prefix(BEGIN)?.split_once(",iv:")?;
        let (iv, rest) = rest.split_once(",tag:")?;
        let (tag, rest) = rest.split_once(",type:")?;
        let (kind, _) = rest.split_once(']')?;
        Some(Self { data, iv, tag, kind })
    }

    /// What it says; `place` is the additional data: the path of its key, each part with a colon behind it.
    pub(super) fn open(&self, key: &[u8; KEY], place: &str) -> Result<Plain, Failure> {
        let wrong =
            || Failure::Damaged(format!("the value of {} is not what was encrypted", shown(place)));
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| wrong());
        let (mut data, iv, tag) = (decode(self.data)?, decode(self.iv)?, decode(self.tag)?);
        if iv.len() != KEY || tag.len() != TAG {
            return Err(wrong());
        }
        data.extend(tag);
        let cipher = AesGcm::<Aes256, U32>::new(GenericArray::from_slice(key));
        let payload = Payload { msg: &data, aad: place.as_bytes() };
        let plain = cipher.decrypt(GenericArray::from_slice(&iv), payload).map_err(|_| wrong())?;
        Plain::of_kind(self.kind, plain).ok_or_else(wrong)
    }
}

/// Whether a value of SOPS stands somewhere in a text.
pub(super) fn holds_value(text: &str) -> bool {
    text.match_indices(BEGIN)
        .any(|(at, _)| text.get(at..).and_then(|rest| rest.lines().next()).is_some_and(is_whole))
}

fn is_whole(line: &str) -> bool {
    Encoded::parse(line).is_some()
}

/// A path of keys as people write it.
pub(super) fn shown(place: &str) -> String {
    let name: String = place.trim_end_matches(':').replace(':', ".");
    if name.is_empty() {
        "the document".to_owned()
    } else {
        name.escape_debug().take(100).collect()
    }
}
