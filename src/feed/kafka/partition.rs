//! Which partition a key belongs to, computed as publishers' clients compute it: every owner must come to the same
//! answer without asking anybody, also for a symbol that has had no tick yet.

use schemas::config::Partitioner;

/// The partition of a key in a topic with `count` partitions (at least 1).
#[must_use]
pub fn partition_of(key: &[u8], count: i32, partitioner: Partitioner) -> i32 {
    let hash = match partitioner {
        // Java takes the sign bit off; librdkafka follows it.
        Partitioner::Murmur2 => murmur2(key) & 0x7fff_ffff,
        Partitioner::Crc32 => crc32(key),
        Partitioner::Fnv1a => fnv1a(key),
    };
    let count = u32::try_from(count).unwrap_or(1).max(1);
    i32::try_from(hash % count).unwrap_or(0)
}

/// MurmurHash2 with Kafka's seed, as Java's client has it.
#[must_use]
pub fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(M);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(M) ^ mixed.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let rest = tail.iter().rev().fold(0, |rest, byte| rest << 8 | u32::from(*byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

/// CRC-32 (IEEE), as librdkafka's `consistent` takes it.
#[must_use]
pub fn crc32(key: &[u8]) -> u32 {
    !key.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// FNV-1a of 32 bits, its absolute value as a signed number: librdkafka follows Sarama in this.
#[must_use]
pub fn fnv1a(key: &[u8]) -> u32 {
    let hash =
        key.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash.cast_signed().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn murmur2_is_that_of_the_java_client() {
        for (key, want) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), want, "{key}");
        }
    }

    #[test]
    fn crc32_and_fnv1a_meet_their_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(fnv1a(b""), 0x811c_9dc5_u32.cast_signed().unsigned_abs());
    }

    proptest! {
        #[test]
        fn every_key_has_a_partition_that_exists(
            key in proptest::collection::vec(any::<u8>(), 0..64), count in 1_i32..5_000,
        ) {
            for partitioner in [Partitioner::Murmur2, Partitioner::Crc32, Partitioner::Fnv1a] {
                prop_assert!((0..count).contains(&partition_of(&key, count, partitioner)));
            }
        }
    }
}
