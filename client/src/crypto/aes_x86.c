/*
 * AES-NI (Intel, Advanced Encryption Standard Instructions, white paper 323641)
 * for siv_native.h. The compiler needs no option: the functions say what they use.
 */
#include "native.h"

#if E4_AES == E4_AES_NATIVE && defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("aes,sse4.1")))
#define PART static inline __attribute__((always_inline)) TARGET

typedef __m128i vec;

PART vec load(const void *p)
{
	return _mm_loadu_si128(p);
}

PART void store(void *p, vec v)
{
	_mm_storeu_si128(p, v);
}

PART vec xor (vec a, vec b) { return _mm_xor_si128(a, b); }

		PART vec
	and (vec a, vec b)
{
	return _mm_and_si128(a, b);
}

PART vec from64(uint64_t low, uint64_t high)
{
	return _mm_set_epi64x((long long)high, (long long)low);
}

PART uint64_t low64(vec v)
{
	return (uint64_t)_mm_cvtsi128_si64(v);
}

PART uint64_t high64(vec v)
{
	return (uint64_t)_mm_extract_epi64(v, 1);
}

PART vec reverse(vec v)
{
	return _mm_shuffle_epi8(v,
				_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

PART vec add64(vec v, vec w)
{
	return _mm_add_epi64(v, w);
}

/* An encryption is BEGIN, then ROUND 1 to 13, then LAST; round keys lie stride bytes apart. */
PART vec aes_begin(vec x, const uint8_t *keys)
{
	return xor(x, load(keys));
}

PART vec aes_round(vec x, const uint8_t *keys, size_t r, size_t stride)
{
	return _mm_aesenc_si128(x, load(keys + stride * r));
}

PART vec aes_last(vec x, const uint8_t *keys, size_t stride)
{
	return _mm_aesenclast_si128(x, load(keys + stride * 14));
}

/* What a chain adds to its next block, so that LINK is LAST, the addition and BEGIN in one. */
PART vec aes_link_key(vec m, const uint8_t *keys)
{
	return xor(m, xor(load(keys), load(keys + 16 * 14)));
}

PART vec aes_link(vec x, const uint8_t *keys, vec link_key)
{
	(void)keys;
	return _mm_aesenclast_si128(x, link_key);
}

/* The S-box on four bytes: in four equal columns ShiftRows moves nothing. */
PART uint32_t sub_word(uint32_t w)
{
	vec v = _mm_aesenclast_si128(_mm_set1_epi32((int)w), _mm_setzero_si128());
	return (uint32_t)_mm_cvtsi128_si32(v);
}

/* Leave nothing in registers. */
PART void clear_registers(void)
{
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\t"
			 "pxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
			 "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
			 "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\t"
			 "pxor %%xmm8, %%xmm8\n\tpxor %%xmm9, %%xmm9\n\t"
			 "pxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
			 "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\t"
			 "pxor %%xmm14, %%xmm14\n\tpxor %%xmm15, %%xmm15"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/*
 * No CPUID here: a virtual machine traps it, which costs as much as a long
 * message. The C library's start code has asked it once for all.
 */
uint8_t e4_native_cpu(void)
{
	if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("sse4.1"))
		return 0;
#if E4_NATIVE_HAS_WIDE
	if (__builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx512bw"))
		return E4_NATIVE_AES | E4_NATIVE_WIDE;
#endif
	return E4_NATIVE_AES;
}

#include "siv_native.h"

#endif
