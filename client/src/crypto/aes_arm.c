/*
 * The AES instructions of ARMv8 (Arm ARM, FEAT_AES) for siv_native.h. As
 * assembly, so that no compiler needs an option, and AESE and AESMC stay the
 * pair that processors fuse.
 */
#include "native.h"

#if E4_AES == E4_AES_NATIVE && defined(__aarch64__)

#include <arm_neon.h>

#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_AES
#define HWCAP_AES (1 << 3)
#endif
#endif

#define WITH_AES ".arch_extension aes\n\t"
#define TARGET
#define PART static inline __attribute__((always_inline))

typedef uint8x16_t vec;

PART vec load(const void *p)
{
	return vld1q_u8(p);
}

PART void store(void *p, vec v)
{
	vst1q_u8(p, v);
}

PART vec xor (vec a, vec b) { return veorq_u8(a, b); }

		PART vec
	and (vec a, vec b)
{
	return vandq_u8(a, b);
}

/* low: the bytes that come first in memory, the first of them lowest. */
PART vec from64(uint64_t low, uint64_t high)
{
	return vcombine_u8(vcreate_u8(low), vcreate_u8(high));
}

PART uint64_t low64(vec v)
{
	return vget_lane_u64(vreinterpret_u64_u8(vget_low_u8(v)), 0);
}

PART uint64_t high64(vec v)
{
	return vget_lane_u64(vreinterpret_u64_u8(vget_high_u8(v)), 0);
}

PART vec reverse(vec v)
{
	v = vrev64q_u8(v);
	return vextq_u8(v, v, 8);
}

PART vec add64(vec v, vec w)
{
	return vreinterpretq_u8_u64(vaddq_u64(vreinterpretq_u64_u8(v), vreinterpretq_u64_u8(w)));
}

/* AESE adds its key first, so round r takes key r - 1. */
PART vec aese(vec x, vec key)
{
	__asm__(WITH_AES "aese %0.16b, %1.16b" : "+w"(x) : "w"(key));
	return x;
}

PART vec aes_begin(vec x, const uint8_t *keys)
{
	(void)keys;
	return x;
}

PART vec aes_round(vec x, const uint8_t *keys, size_t r, size_t stride)
{
	__asm__(WITH_AES "aese %0.16b, %1.16b\n\taesmc %0.16b, %0.16b"
		: "+w"(x)
		: "w"(load(keys + stride * (r - 1))));
	return x;
}

PART vec aes_last(vec x, const uint8_t *keys, size_t stride)
{
	return xor(aese(x, load(keys + stride * 13)), load(keys + stride * 14));
}

/* What a chain adds to its next block, so that LINK is LAST, the addition and BEGIN in one. */
PART vec aes_link_key(vec m, const uint8_t *keys)
{
	return xor(m, load(keys + 16 * 14));
}

PART vec aes_link(vec x, const uint8_t *keys, vec link_key)
{
	return xor(aese(x, load(keys + 16 * 13)), link_key);
}

/* The S-box on four bytes: in four equal columns ShiftRows moves nothing. */
PART uint32_t sub_word(uint32_t w)
{
	vec v = aese(vreinterpretq_u8_u32(vdupq_n_u32(w)), vdupq_n_u8(0));
	return vgetq_lane_u32(vreinterpretq_u32_u8(v), 0);
}

/* Leave nothing in the registers that a function may use without saving them. */
PART void clear_registers(void)
{
	__asm__ volatile("movi v0.16b, #0\n\tmovi v1.16b, #0\n\tmovi v2.16b, #0\n\t"
			 "movi v3.16b, #0\n\tmovi v4.16b, #0\n\tmovi v5.16b, #0\n\t"
			 "movi v6.16b, #0\n\tmovi v7.16b, #0\n\tmovi v16.16b, #0\n\t"
			 "movi v17.16b, #0\n\tmovi v18.16b, #0\n\tmovi v19.16b, #0\n\t"
			 "movi v20.16b, #0\n\tmovi v21.16b, #0\n\tmovi v22.16b, #0\n\t"
			 "movi v23.16b, #0\n\tmovi v24.16b, #0\n\tmovi v25.16b, #0\n\t"
			 "movi v26.16b, #0\n\tmovi v27.16b, #0\n\tmovi v28.16b, #0\n\t"
			 "movi v29.16b, #0\n\tmovi v30.16b, #0\n\tmovi v31.16b, #0"
			 :
			 :
			 : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18",
			   "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
			   "v29", "v30", "v31");
}

uint8_t e4_native_cpu(void)
{
#if defined(__ARM_FEATURE_AES) || defined(__ARM_FEATURE_CRYPTO)
	return E4_NATIVE_AES;
#elif defined(__linux__)
	return getauxval(AT_HWCAP) & HWCAP_AES ? E4_NATIVE_AES : 0;
#else
	return 0;
#endif
}

#include "siv_native.h"

#endif
