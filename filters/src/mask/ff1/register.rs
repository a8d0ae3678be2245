//! The rounds of FF1 in radix 2 whose halves have at most 64 bits: the hot path of `uuid`, `integer` and `mac`.
//!
//! A round takes S, the block that AES gave; adds the number in its first bytes to the one half; and puts the sum in the last
//! bytes of the next block. Each block waits for all of that, ten times a value. Numbers are big-endian there, so in
//! general registers it is a move out of AES's register, two turns of bytes and a move back: as long as three of the ten
//! rounds of AES itself. Within AES's register it is two shuffles and a sum; so on x86-64 it is written in the instructions that
//! every such processor has. Where the cipher runs, newer ones are allowed, and the compiler makes one shuffle of each turn.

use aes::cipher::BlockCipherEncBackend;
use aes::cipher::consts::U16;

use super::ROUNDS;

/// What stays the same in all rounds of a value. `LONG`: NUM(S) ends behind the twelfth byte, else behind the eighth.
#[derive(Clone, Copy)]
pub(super) struct Run<const LONG: bool> {
    /// The state of the CBC-MAC before the last block, and what is in that block besides round and number.
    pub(super) state: u128,
    /// A one where the last block has the round.
    pub(super) one_round: u128,
    /// How many values the halves have, less one: all their bits.
    pub(super) left: u64,
    pub(super) right: u64,
}

impl<const LONG: bool> Run<LONG> {
    /// The ten rounds, from the halves A and B to the halves A and B.
    #[inline(always)]
    pub(super) fn rounds<B>(self, backend: &B, halves: (u64, u64)) -> (u64, u64)
    where
        B: BlockCipherEncBackend<BlockSize = U16>,
    {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has SSE2, and every target of that name is compiled with it
        return unsafe { x86_64::rounds(self, backend, halves) };
        #[cfg(not(target_arch = "x86_64"))]
        return in_general_registers(self, backend, halves);
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn in_general_registers<const LONG: bool, B>(run: Run<LONG>, backend: &B, (mut a, mut b): (u64, u64)) -> (u64, u64)
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    for round in 0..ROUNDS {
        let s = super::block(backend, run.state ^ (run.one_round * u128::from(round)) ^ u128::from(b));
        let y = if LONG { s >> 32 } else { s >> 64 } as u64;
        let mask = if round % 2 == 0 { run.left } else { run.right };
        (a, b) = (b, a.wrapping_add(y) & mask);
    }
    (a, b)
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::*;

    use aes::Block;

    use super::*;

    /// Numbers stand in the lower half of a register; what is in the upper one never gets into a block.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn rounds<const LONG: bool, B>(run: Run<LONG>, backend: &B, (a, b): (u64, u64)) -> (u64, u64)
    where
        B: BlockCipherEncBackend<BlockSize = U16>,
    {
        let (mut a, mut b) = (of_number(a), of_number(b));
        let (left, right) = (of_number(run.left), of_number(run.right));
        let (state, one_round) = (of_bytes(run.state.to_be_bytes()), of_bytes(run.one_round.to_be_bytes()));
        let mut rounds = _mm_setzero_si128();
        for round in 0..ROUNDS {
            let so_far = _mm_xor_si128(state, rounds);
            let s = encrypted(backend, _mm_xor_si128(so_far, _mm_slli_si128::<8>(turned(b))));
            let y = turned(if LONG { _mm_srli_si128::<4>(s) } else { s });
            let mask = if round % 2 == 0 { left } else { right };
            (a, b) = (b, _mm_and_si128(_mm_add_epi64(a, y), mask));
            rounds = _mm_add_epi8(rounds, one_round);
        }
        (_mm_cvtsi128_si64(a) as u64, _mm_cvtsi128_si64(b) as u64)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn encrypted<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, block: __m128i) -> __m128i {
        let halves = [block, _mm_unpackhi_epi64(block, block)].map(|half| _mm_cvtsi128_si64(half) as u64);
        let mut block: Block = (u128::from(halves[1]) << 64 | u128::from(halves[0])).to_le_bytes().into();
        backend.encrypt_block((&mut block).into());
        of_bytes(block.into())
    }

    /// Not through memory: the compiler sees which register the halves come from.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn of_bytes(bytes: [u8; 16]) -> __m128i {
        let block = u128::from_le_bytes(bytes);
        _mm_set_epi64x((block >> 64) as i64, block as i64)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn of_number(number: u64) -> __m128i {
        _mm_set_epi64x(0, number as i64)
    }

    /// The bytes of each half in the other order.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn turned(register: __m128i) -> __m128i {
        let pairs = _mm_or_si128(_mm_slli_epi16::<8>(register), _mm_srli_epi16::<8>(register));
        _mm_shufflehi_epi16::<0b00_01_10_11>(_mm_shufflelo_epi16::<0b00_01_10_11>(pairs))
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit};

    use super::*;

    /// What runs here, and what runs on other processors, on the same halves.
    struct Both<'a, const LONG: bool>(Run<LONG>, (u64, u64), &'a mut [(u64, u64); 2]);

    impl<const LONG: bool> BlockSizeUser for Both<'_, LONG> {
        type BlockSize = U16;
    }

    impl<const LONG: bool> BlockCipherEncClosure for Both<'_, LONG> {
        fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
            *self.2 = [self.0.rounds(backend, self.1), in_general_registers(self.0, backend, self.1)];
        }
    }

    fn agree<const LONG: bool>(bytes: u32, left: u64, right: u64) {
        let aes = aes::Aes128::new(&[5; 16].into());
        let mut halves = (0x0123_4567_89ab_cdef & left, 0xfedc_ba98_7654_3210 & right);
        for state in [0, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let run = Run::<LONG> { state, one_round: 1 << (8 * bytes), left, right };
            let mut out = [halves; 2];
            aes.encrypt_with_backend(Both(run, halves, &mut out));
            assert_eq!(out[0], out[1], "{bytes} bytes");
            assert_ne!(out[0], halves);
            halves = out[0];
        }
    }

    #[test]
    fn the_rounds_are_the_same_in_any_register() {
        for bits in 10..=64u32 {
            let (left, right) = (u64::MAX >> (64 - bits), u64::MAX >> (64 - bits));
            match bits.div_ceil(8) {
                bytes @ 5.. => agree::<true>(bytes, left >> 1, right),
                bytes => agree::<false>(bytes, left >> 1, right),
            }
        }
    }
}
