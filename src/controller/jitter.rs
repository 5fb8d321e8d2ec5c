//! Jitter that is the same in every run: a hash of key and attempt, never random (DESIGN §5, time).

use std::time::Duration;

/// `delay` moved by up to `percent` to either side.
pub(crate) fn jittered(delay: Duration, percent: u32, key: &str, attempt: u32) -> Duration {
    let hash =
        key.bytes().chain(attempt.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let percent = u64::from(percent.min(100));
    let share = 100 - percent + hash % (percent * 2 + 1);
    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_mul(share) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_percentage_and_differs_between_keys() {
        let delays: std::collections::BTreeSet<_> =
            (0..50).map(|attempt| jittered(Duration::from_secs(10), 20, "shop", attempt)).collect();
        assert!(delays.len() > 10);
        assert!(delays.first() >= Some(&Duration::from_secs(8)));
        assert!(delays.last() <= Some(&Duration::from_secs(12)));
    }
}
