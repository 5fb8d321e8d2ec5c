//! Which points are tried: a few by a seed on every commit, all of them at night.

use std::hash::{BuildHasher, RandomState};

/// How many points, from `CRASH_POINTS`: a number, or `all`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Share {
    /// So many, by a seed.
    Some(usize),
    /// Every one.
    All,
}

impl Share {
    /// What the environment asks for, else `quick`.
    pub(super) fn asked(quick: usize) -> Self {
        match std::env::var("CRASH_POINTS").as_deref() {
            Ok("all") => Self::All,
            Ok(number) => Self::Some(number.parse().expect("CRASH_POINTS is a number or `all`")),
            Err(_) => Self::Some(quick),
        }
    }
}

/// Numbers that follow from a seed.
#[derive(Debug)]
pub(in crate::real) struct Dice(u64);

impl Dice {
    /// From `CRASH_SEED`, else another one in every run; it is printed.
    pub(in crate::real) fn seeded(what: &str) -> Self {
        let given = std::env::var("CRASH_SEED").ok().and_then(|text| text.parse().ok());
        let seed: u64 = given.unwrap_or_else(|| RandomState::new().hash_one(what) % 1_000_000);
        eprintln!("{what}: CRASH_SEED={seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    /// A number below `limit`.
    pub(in crate::real) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}
