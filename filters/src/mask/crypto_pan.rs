//! Crypto-PAn: a permutation of addresses that keeps how many bits two of them have in common at their beginning.
//!
//! Xu, Fan, Ammar and Moon, *Prefix-Preserving IP Address Anonymization* (ICNP 2002), on AES of the `aes` crate: bit `i` is
//! flipped or not by the first bit of AES over the `i` bits before it, filled up from a secret pad. The tests hold it to the vectors of
//! the authors' own program. All blocks of an address are known at once, so the processor works at many of them together.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};

use crate::key::SubKey;

pub(super) struct CryptoPan {
    aes: Aes128,
    pad: u128,
}

impl CryptoPan {
    pub(super) fn new(key: &SubKey, pad: &SubKey) -> CryptoPan {
        CryptoPan::with(&key.aes128(), &pad.aes128())
    }

    fn with(key: &[u8; 16], pad: &[u8; 16]) -> CryptoPan {
        let aes = Aes128::new(key.into());
        let mut block = Block::from(*pad);
        aes.encrypt_block(&mut block);
        CryptoPan { aes, pad: u128::from_be_bytes(block.into()) }
    }

    /// Permutes an address that begins at the highest bit. Bits that are not in `free` stay.
    ///
    /// Where `free` is the same for all addresses that agree in the bits before, as that of [`kept`] is, prefixes stay
    /// and it is one to one.
    pub(super) fn permute(&self, address: u128, free: u128) -> u128 {
        const AT_ONCE: usize = 32;
        let mut flips = 0u128;
        for start in (0..128).step_by(AT_ONCE) {
            if free << start == 0 {
                break;
            }
            if free << start >> (128 - AT_ONCE) == 0 {
                continue;
            }
            let mut blocks: [Block; AT_ONCE] = std::array::from_fn(|i| {
                let before = high_bits(start + i);
                Block::from((address & before | self.pad & !before).to_be_bytes())
            });
            self.aes.encrypt_blocks(&mut blocks);
            for (i, block) in blocks.iter().enumerate() {
                flips |= u128::from(block[0] >> 7) << (127 - start - i);
            }
        }
        address ^ flips & free
    }
}

/// The highest `count` bits of 128.
pub(super) fn high_bits(count: usize) -> u128 {
    if count == 0 { 0 } else { u128::MAX << (128 - count.min(128)) }
}

/// How many bits of an address must stay so that each range stays what it is: those of a range that it lies in, and those by
/// which it does not lie in another. A range is its first address and how many bits all of it have in common.
pub(super) fn kept(address: u128, ranges: &[(u128, usize)]) -> usize {
    let of = |(first, length): &(u128, usize)| ((address ^ first).leading_zeros() as usize + 1).min(*length);
    ranges.iter().map(of).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn reference() -> CryptoPan {
        CryptoPan::with(
            &[21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16],
            &[216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2],
        )
    }

    /// From the sample trace of the authors' program.
    #[test]
    fn the_authors_vectors() {
        for (address, want) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("156.29.3.236", "147.225.12.42"),
            ("192.102.249.13", "252.138.62.131"),
            ("202.49.198.20", "245.206.7.234"),
        ] {
            let bits = |text: &str| u128::from(text.parse::<Ipv4Addr>().unwrap().to_bits()) << 96;
            assert_eq!(reference().permute(bits(address), high_bits(32)), bits(want), "{address}");
        }
    }

    #[test]
    fn prefixes_stay_to_the_bit() {
        let (pan, one) = (reference(), 0x2a00_1450_4001_0830_0000_0000_0000_200eu128);
        for bit in 0..128 {
            let masked = pan.permute(one, u128::MAX) ^ pan.permute(one ^ 1 << (127 - bit), u128::MAX);
            assert_eq!(masked.leading_zeros(), bit);
        }
    }

    #[test]
    fn what_is_not_free_stays() {
        let (pan, one) = (reference(), 0x2a00_1450_4001_0830_0000_0000_0000_200eu128);
        for free in [0, high_bits(32), !high_bits(3), high_bits(70) & !high_bits(66), 1, 1 << 96 | 1] {
            assert_eq!(pan.permute(one, free), one & !free | pan.permute(one, u128::MAX) & free);
        }
    }

    #[test]
    fn bits_that_stay() {
        let ranges = [(0b1010 << 124, 4), (0b1100_0000 << 120, 8)];
        for (address, want) in
            [(0b1010_1111u128, 4), (0b1011_0000, 4), (0b0000_0000, 1), (0b1100_0000, 8), (0b1110_0000, 3)]
        {
            assert_eq!(kept(address << 120, &ranges), want, "{address:b}");
        }
        assert_eq!(kept(0, &[]), 0);
    }
}
