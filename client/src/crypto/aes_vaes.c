/*
 * The AES instructions of x86 on four blocks at once (VAES with AVX-512), where
 * there are many blocks that do not wait for each other: counter mode, and the
 * chains of a batch.
 */
#include "native.h"

#if E4_AES == E4_AES_NATIVE && E4_NATIVE_HAS_WIDE

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,vaes")))
#define PART static inline __attribute__((always_inline)) TARGET
#define UNROLL _Pragma("GCC unroll 16")

typedef __m512i wide;

/* Leave nothing in registers. */
PART void clear_registers(void)
{
	__asm__ volatile("vzeroall\n\t"
			 "vpxorq %%zmm16, %%zmm16, %%zmm16\n\tvpxorq %%zmm17, %%zmm17, %%zmm17\n\t"
			 "vpxorq %%zmm18, %%zmm18, %%zmm18\n\tvpxorq %%zmm19, %%zmm19, %%zmm19\n\t"
			 "vpxorq %%zmm20, %%zmm20, %%zmm20\n\tvpxorq %%zmm21, %%zmm21, %%zmm21\n\t"
			 "vpxorq %%zmm22, %%zmm22, %%zmm22\n\tvpxorq %%zmm23, %%zmm23, %%zmm23\n\t"
			 "vpxorq %%zmm24, %%zmm24, %%zmm24\n\tvpxorq %%zmm25, %%zmm25, %%zmm25\n\t"
			 "vpxorq %%zmm26, %%zmm26, %%zmm26\n\tvpxorq %%zmm27, %%zmm27, %%zmm27\n\t"
			 "vpxorq %%zmm28, %%zmm28, %%zmm28\n\tvpxorq %%zmm29, %%zmm29, %%zmm29\n\t"
			 "vpxorq %%zmm30, %%zmm30, %%zmm30\n\tvpxorq %%zmm31, %%zmm31, %%zmm31"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",
			   "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
			   "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

/* The bytes of vector i that are among the first len. */
PART __mmask64 part(size_t len, size_t i)
{
	if (len <= 64 * i)
		return 0;
	return len - 64 * i >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (len - 64 * i)) - 1;
}

/* Sixteen blocks a turn, the last ones in part. */
TARGET void e4_wide_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t counter[16],
			const uint8_t *in, size_t len)
{
	const wide reverse = _mm512_broadcast_i32x4(
		_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
	const wide four = _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4);
	const uint8_t *keys = (const uint8_t *)k->round;
	wide key[15], x[4], next;
	UNROLL
	for (size_t r = 0; r < 15; r++)
		key[r] = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)(keys + 16 * r)));
	next = _mm512_add_epi64(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)counter)),
				_mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
	for (;; out += 256, in += 256, len -= 256) {
		UNROLL
		for (size_t i = 0; i < 4; i++) {
			x[i] = _mm512_xor_si512(_mm512_shuffle_epi8(next, reverse), key[0]);
			next = _mm512_add_epi64(next, four);
		}
		UNROLL
		for (size_t r = 1; r < 14; r++) {
			UNROLL
			for (size_t i = 0; i < 4; i++)
				x[i] = _mm512_aesenc_epi128(x[i], key[r]);
		}
		UNROLL
		for (size_t i = 0; i < 4; i++) {
			__mmask64 m = part(len, i);
			wide text = _mm512_maskz_loadu_epi8(m, in + 64 * i);
			x[i] = _mm512_aesenclast_epi128(x[i], key[14]);
			_mm512_mask_storeu_epi8(out + 64 * i, m, _mm512_xor_si512(x[i], text));
		}
		if (len <= 256)
			break;
	}
	clear_registers();
}

/* A block of each of four messages. */
PART wide gather(const uint8_t *const *in, size_t offset)
{
	wide x = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(in[0] + offset)));
	x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(in[1] + offset)), 1);
	x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(in[2] + offset)), 2);
	return _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(in[3] + offset)), 3);
}

TARGET void e4_wide_lanes_mac(const uint8_t *keys, uint8_t chain[][16], const uint8_t *const *in,
			      size_t n)
{
	wide a = _mm512_loadu_si512(chain[0]), b = _mm512_loadu_si512(chain[4]);
	for (size_t offset = 0; offset < 16 * n; offset += 16) {
		/* text and first round key are added up beside the chain, not in it */
		a = _mm512_xor_si512(
			a, _mm512_xor_si512(gather(in, offset), _mm512_loadu_si512(keys)));
		b = _mm512_xor_si512(
			b, _mm512_xor_si512(gather(in + 4, offset), _mm512_loadu_si512(keys + 64)));
		UNROLL
		for (size_t r = 1; r < 14; r++) {
			a = _mm512_aesenc_epi128(a, _mm512_loadu_si512(keys + 128 * r));
			b = _mm512_aesenc_epi128(b, _mm512_loadu_si512(keys + 128 * r + 64));
		}
		a = _mm512_aesenclast_epi128(a, _mm512_loadu_si512(keys + 128 * 14));
		b = _mm512_aesenclast_epi128(b, _mm512_loadu_si512(keys + 128 * 14 + 64));
	}
	_mm512_storeu_si512(chain[0], a);
	_mm512_storeu_si512(chain[4], b);
	clear_registers();
}

#endif
