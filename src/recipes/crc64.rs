//! The checksum of Redis snapshots: CRC-64 of D. T. Jones, reflected (redis/src/crc64.c).

/// The polynomial 0xad93d23594c935a9, reflected.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

const TABLE: [u64; 256] = table();

#[expect(clippy::indexing_slicing, reason = "the index is below 256; constants know no iterators")]
const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

/// The sum over what came before, continued with `bytes`; it begins at 0.
pub(super) fn continued(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        let index = usize::from(low ^ byte);
        TABLE.get(index).copied().unwrap_or(0) ^ (sum >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_redis() {
        // redis/src/crc64.c, crc64Test.
        assert_eq!(continued(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(continued(continued(0, b"1234"), b"56789"), 0xe9c6_d914_c4b8_d9ca);
    }
}
