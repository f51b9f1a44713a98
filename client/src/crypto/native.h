/*
 * AES by the processor's own instructions (E4_AES_NATIVE): one file per
 * architecture has the instructions, siv_native.h what is built of them. All
 * functions but the first need a key that e4_native_init made; which form a
 * key has is written in it, so that no global state says what the CPU can.
 */
#ifndef E4_SRC_CRYPTO_NATIVE_H
#define E4_SRC_CRYPTO_NATIVE_H

#include "aes.h"

#if E4_AES == E4_AES_NATIVE

/* What struct e4_aes_key says in native; 0 is the bitsliced form. */
#define E4_NATIVE_AES 1  /* the form is 15 round keys of 16 bytes, for AES instructions */
#define E4_NATIVE_WIDE 2 /* and the CPU has them for four blocks at once */

/* What this CPU can: a look at what the C library's start code found out. */
uint8_t e4_native_cpu(void);

void e4_native_init(struct e4_aes_key *k, const uint8_t key[32]);
/* n is 1 to 4. */
void e4_native_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n);
void e4_native_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n);

/* As e4_siv_seal and e4_siv_open; in_len is at least 16. */
void e4_native_seal(const struct e4_siv_key *k, uint8_t *out, const uint8_t *ad, size_t ad_len,
		    const uint8_t *in, size_t len);
bool e4_native_open(const struct e4_siv_key *k, uint8_t *out, const uint8_t *ad, size_t ad_len,
		    const uint8_t *in, size_t in_len);

/* SIV's counter mode. out may be in, or lie before it. */
void e4_native_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16],
		   const uint8_t *in, size_t len);

/*
 * Chains of E4_NATIVE_LANES messages at once, each under its own key: the
 * round keys of the lanes lie side by side in keys, 15 times 16 bytes a lane.
 */
#define E4_NATIVE_LANES 8
void e4_native_lane_key(uint8_t *keys, size_t lane, const struct e4_aes_key *k);
/* chain[i] over n blocks from in[i], for all i. */
void e4_native_lanes_mac(const uint8_t *keys, uint8_t chain[][16], const uint8_t *const *in,
			 size_t n);

/* The compiler has, and can ask for, instructions on four blocks at once (aes_vaes.c). */
#if defined(__x86_64__) && defined(__GNUC__) && __GNUC__ >= 11 && !defined(__clang__)
#define E4_NATIVE_HAS_WIDE 1
#else
#define E4_NATIVE_HAS_WIDE 0
#endif

#if E4_NATIVE_HAS_WIDE
/* counter is the first one as a little-endian number. */
void e4_wide_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t counter[16],
		 const uint8_t *in, size_t len);
void e4_wide_lanes_mac(const uint8_t *keys, uint8_t chain[][16], const uint8_t *const *in,
		       size_t n);
#endif

/* The same functions where bitsliced; aes_ct64.c gives its own these names. */
void e4_ct64_init(struct e4_aes_key *k, const uint8_t key[32]);
void e4_ct64_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n);
void e4_ct64_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n);

#endif
#endif
