//! Seeded randomness: splitmix64, and identifiers made from a counter.

use sha2::{Digest, Sha256};

/// Sebastiano Vigna's splitmix64: tiny, fast, and the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator that starts at `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low {
            return low;
        }
        low + self.next_u64() % (high - low + 1)
    }
}

/// Lower-case hexadecimal text of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// SHA-256 of the parts, each preceded by its length, as 64 hexadecimal digits.
pub(crate) fn sha256_hex<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Identifiers as the engine has them: 64 hexadecimal digits, no two alike, fixed by the seed.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    next: u64,
}

impl Ids {
    /// Identifiers of the run with this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: 0 }
    }

    /// A fresh identifier. `kind` keeps containers, networks and volumes apart.
    pub(crate) fn fresh(&mut self, kind: &str) -> String {
        self.next += 1;
        sha256_hex([kind.as_bytes(), &self.seed.to_be_bytes(), &self.next.to_be_bytes()])
    }
}

/// The first twelve digits: what the command line shows and what the engine uses as host name.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
