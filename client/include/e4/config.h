/*
 * What the build of the device library chooses. Every source file is always
 * compiled; of the files that do the same work for different processors, one
 * has content, by the choices made here. The defaults follow the compiler's
 * target, so most builds set nothing. To choose otherwise, define a name on the
 * compiler's command line, or in a header of your own that E4_CONFIG_FILE
 * names (-DE4_CONFIG_FILE='"my_e4_config.h"'). The application and the library
 * must be built with the same choices: they decide the sizes of structs.
 */
#ifndef E4_CONFIG_H
#define E4_CONFIG_H

#ifdef E4_CONFIG_FILE
#include E4_CONFIG_FILE
#endif

/*
 * AES-256. The two small ones look up an S-box, so their time depends on
 * secrets where memory has a cache or a prefetcher: for cores without. The
 * others use no table.
 */
#define E4_AES_SMALL8 1  /* 8-bit cores: least flash and RAM, round keys made on the way */
#define E4_AES_SMALL32 2 /* 32-bit cores without cache */
#define E4_AES_CT32 3    /* bitsliced on 32-bit words, 2 blocks at once */
#define E4_AES_CT64 4    /* bitsliced on 64-bit words, 4 blocks at once */
#define E4_AES_NATIVE 5  /* x86-64, AArch64: AES instructions where the CPU has them, else CT64 */
#define E4_AES_EXTERN 6  /* the functions of src/crypto/aes.h come from elsewhere */

#ifndef E4_AES
#if defined(__AVR__)
#define E4_AES E4_AES_SMALL8
#elif defined(__ARM_ARCH_6M__)
#define E4_AES E4_AES_SMALL32
#elif defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))
#define E4_AES E4_AES_NATIVE
#elif UINTPTR_MAX > 0xffffffff
#define E4_AES E4_AES_CT64
#else
#define E4_AES E4_AES_CT32
#endif
#endif

/* SHA3-256. None has a table that secrets index. */
#define E4_SHA3_8 1      /* bytes only, small */
#define E4_SHA3_AVR 2    /* AVR assembly: 300 bytes more, a third of the time */
#define E4_SHA3_32 3     /* lanes as two 32-bit words, bits interleaved */
#define E4_SHA3_64 4     /* 64-bit words */
#define E4_SHA3_EXTERN 5 /* the functions of e4/crypto.h come from elsewhere */

#ifndef E4_SHA3
#if defined(__AVR__)
#define E4_SHA3 E4_SHA3_8
#elif UINTPTR_MAX > 0xffffffff
#define E4_SHA3 E4_SHA3_64
#else
#define E4_SHA3 E4_SHA3_32
#endif
#endif

/* Ed25519 and X25519: the arithmetic modulo 2^255 - 19. */
#define E4_CURVE_SMALL 1  /* 8-bit limbs, least code and RAM */
#define E4_CURVE_32 2     /* 32 x 32 -> 64 bit products */
#define E4_CURVE_64 3     /* 64 x 64 -> 128 bit products */
#define E4_CURVE_SODIUM 4 /* libsodium */
#define E4_CURVE_EXTERN 5 /* the functions of e4/crypto.h come from elsewhere */

#ifndef E4_CURVE
#define E4_CURVE E4_CURVE_SODIUM
#endif

/*
 * Switches for the smallest boards; each leaves a part out. What costs nothing
 * when it is not used (public-key mode, receipts, stores of your own) needs no
 * switch: the linker drops it with -ffunction-sections and --gc-sections.
 *
 *   E4_SK_ONLY    no public-key mode: its places in structs, and its branches
 *   E4_NO_STORE   RAM only: keys are provisioned again after each start
 *   E4_NO_REPLAY  no memory of messages, neither of received nor of sent ones
 *   E4_NO_CACHE   no expanded keys kept: each message expands its key
 */

#endif
