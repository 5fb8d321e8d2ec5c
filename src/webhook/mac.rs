//! Message authentication codes, made while the bytes come, and comparison in constant time.

use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::webhook::forge::Algorithm;

/// The header that signatures are in, where neither side says another.
pub const SIGNATURE: &str = "X-Signature";

/// A code in the making.
pub(super) enum Mac {
    Sha1(Box<Hmac<Sha1>>),
    Sha256(Box<Hmac<Sha256>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl Mac {
    /// With a key of any length. `None` cannot be: HMAC takes every key.
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Sha1 => Self::Sha1(Box::new(Hmac::new_from_slice(key).ok()?)),
            Algorithm::Sha256 => Self::Sha256(Box::new(Hmac::new_from_slice(key).ok()?)),
            Algorithm::Sha512 => Self::Sha512(Box::new(Hmac::new_from_slice(key).ok()?)),
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(mac) => mac.update(bytes),
            Self::Sha256(mac) => mac.update(bytes),
            Self::Sha512(mac) => mac.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}

/// The signature of a body as a hook of the kind `hmac` takes it unless it is told otherwise: `sha256=` and hexadecimal digits,
/// in the header [`SIGNATURE`].
pub fn sign(key: &[u8], body: &[u8]) -> Option<String> {
    let mut mac = Mac::new(Algorithm::Sha256, key)?;
    mac.update(body);
    let digits: String = mac.finish().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256={digits}"))
}

/// Whether two codes are equal. How long it takes tells nothing but their lengths, which everybody knows.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Whether two secrets are equal. How long it takes tells nothing, not even a length: their digests are compared.
pub fn same_secret(left: &[u8], right: &[u8]) -> bool {
    same(&Sha256::digest(left), &Sha256::digest(right))
}

/// A digest of 32 bytes of whatever is to be told apart.
pub(super) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Bytes of hexadecimal digits, of either case.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors whose secrets are shorter than a hook takes (RFC 2104 computed by another implementation).
    #[test]
    fn codes_of_the_reference() {
        let body = br#"{"ref":"refs/heads/main"}"#;
        for (algorithm, digits) in [
            (Algorithm::Sha256, "8588fd50c04ac2c191575340c4c0fe284157898def8e4d10af822f05dd7c9bb5"),
            (Algorithm::Sha1, "ca5d9a2b42732da6779a57fd80ac97cfdf0e7635"),
        ] {
            let mut mac = Mac::new(algorithm, b"s3cr3t").unwrap();
            body.chunks(7).for_each(|chunk| mac.update(chunk));
            let code = mac.finish();
            assert!(same(&code, &unhex(digits).unwrap()));
            assert_eq!(code.len(), algorithm.length());
        }
    }

    #[test]
    fn digits_are_whole_bytes() {
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        for bad in ["0", "0g", "+1", "ä"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
        assert!(!same(b"a", b"ab") && !same_secret(b"a", b"ab") && same_secret(b"ab", b"ab"));
    }
}
