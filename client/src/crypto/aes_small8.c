/*
 * AES-256 for 8-bit processors: the key object is the key itself, and the round
 * keys are made on the way, in a window of 32 bytes. The only table is the S-box.
 */
#include "aes.h"

#if E4_AES == E4_AES_SMALL8

#include "aes_sbox.h"

#include <string.h>

#if defined(__AVR__)

/*
 * In assembly, since avr-gcc's code takes 23,000 cycles a block. A column is in r18 to r21, the
 * last word of the round key in r22 to r25, and the window at X. The block stays at Y; a round
 * writes its columns one after the other over it, and so first saves in r8 to r12 what
 * ShiftRows takes from there later. r16 counts rounds down. T is clear in round 1, whose
 * key is the second half of the key itself. The time is the same for all keys and data: the one
 * conditional jump over one instruction takes two cycles both ways.
 */
/* clang-format off */
#define SUB(r) "movw r30, r14\n\tadd r30, " r "\n\tadc r31, r1\n\tlpm " r ", Z\n\t"
#define TWICE(r) "lsl " r "\n\tbrcc 9f\n\teor " r ", r17\n9:\t"
#define MIX(a, next)                                                                               \
	"mov r30, " a "\n\teor r30, " next "\n\t" TWICE("r30") "eor " a ", r30\n\teor " a ", r0\n\t"
#define KEY(t, a) "ld r0, X\n\teor " t ", r0\n\tst X+, " t "\n\teor " a ", " t "\n\t"

static inline void encrypt(uint8_t window[32], uint8_t s[16])
{
	register uint8_t *block __asm__("r24") = s;
	const uint8_t *table = sbox;
	__asm__ volatile(
		"push r28\n\t"
		"push r29\n\t"
		"movw r28, r24\n\t"
		"movw r14, r30\n\t"
		"ldi r18, 1\n\t" /* the round constant */
		"mov r13, r18\n\t"
		"ldi r17, 0x1b\n\t"
		/* the first round key */
		"ldi r16, 16\n"
		"1:\tld r0, X+\n\t"
		"ld r18, Y\n\t"
		"eor r18, r0\n\t"
		"st Y+, r18\n\t"
		"dec r16\n\t"
		"brne 1b\n\t"
		"sbiw r28, 16\n\t"
		"ldi r16, 14\n\t"
		"clt\n"
		/* a round; first the word that enters the key schedule */
		"2:\t" SUB("r22") SUB("r23") SUB("r24") SUB("r25")
		"sbrs r16, 0\n\t"
		"rjmp 3f\n\t"
		"mov r0, r22\n\t"
		"mov r22, r23\n\t"
		"mov r23, r24\n\t"
		"mov r24, r25\n\t"
		"mov r25, r0\n\t"
		"eor r22, r13\n\t"
		"lsl r13\n\t"
		"sbiw r26, 32\n"
		/* bytes 0 5 10 15 */
		"3:\tldd r8, Y+1\n\t"
		"ldd r9, Y+2\n\t"
		"ldd r10, Y+3\n\t"
		"ldd r19, Y+5\n\t"
		"ldd r20, Y+10\n\t"
		"ldd r21, Y+15\n\t"
		"rcall 4f\n\t"
		/* bytes 4 9 14 3 */
		"ldd r11, Y+2\n\t"
		"ldd r12, Y+3\n\t"
		"ldd r19, Y+5\n\t"
		"ldd r20, Y+10\n\t"
		"mov r21, r10\n\t"
		"rcall 4f\n\t"
		/* bytes 8 13 2 7 */
		"ldd r10, Y+3\n\t"
		"ldd r19, Y+5\n\t"
		"mov r20, r9\n\t"
		"mov r21, r12\n\t"
		"rcall 4f\n\t"
		/* bytes 12 1 6 11 */
		"mov r19, r8\n\t"
		"mov r20, r11\n\t"
		"mov r21, r10\n\t"
		"rcall 4f\n\t"
		"sbiw r28, 16\n\t"
		"set\n\t"
		"dec r16\n\t"
		"brne 2b\n\t"
		"rjmp 7f\n"
		/* a column: SubBytes, MixColumns but in the last round, the next word of the key */
		"4:\tld r18, Y\n\t" SUB("r18") SUB("r19") SUB("r20") SUB("r21")
		"cpi r16, 1\n\t"
		"breq 5f\n\t"
		"mov r31, r21\n\t"
		"eor r31, r18\n\t"
		"mov r0, r18\n\t"
		"eor r0, r19\n\t"
		"mov r30, r0\n\t"
		"eor r0, r20\n\t"
		"eor r0, r21\n\t"
		TWICE("r30")
		"eor r18, r30\n\t"
		"eor r18, r0\n\t"
		MIX("r19", "r20") MIX("r20", "r21")
		TWICE("r31")
		"eor r21, r31\n\t"
		"eor r21, r0\n"
		"5:\tbrts 6f\n\t"
		"clr r22\n\t"
		"clr r23\n\t"
		"clr r24\n\t"
		"clr r25\n"
		"6:\t" KEY("r22", "r18") KEY("r23", "r19") KEY("r24", "r20") KEY("r25", "r21")
		"st Y+, r18\n\t"
		"st Y+, r19\n\t"
		"st Y+, r20\n\t"
		"st Y+, r21\n\t"
		"ret\n"
		"7:\tpop r29\n\t"
		"pop r28"
		: "+x"(window), "+z"(table), "+r"(block)
		:
		: "r0", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r18",
		  "r19", "r20", "r21", "r22", "r23", "cc", "memory");
}
/* clang-format on */

#else

#define ROUNDS 14

static uint8_t sub(uint8_t x)
{
	return e4_rom8(sbox + x);
}

/* Times x in GF(2^8), without a branch. */
static uint8_t twice(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (0x1b & -(x >> 7)));
}

/*
 * The key schedule of FIPS 197 section 5.2, four words a turn: round key r - 2
 * becomes round key r. before is the last word of round key r - 1.
 */
static void next_round_key(uint8_t key[16], const uint8_t before[4], uint8_t round, uint8_t *rcon)
{
	uint8_t turn = !(round & 1);
	for (uint8_t i = 0; i < 4; i++)
		key[i] ^= sub(before[(i + turn) & 3]);
	if (turn) {
		key[0] ^= *rcon;
		*rcon = (uint8_t)(*rcon << 1);
	}
	for (uint8_t i = 4; i < 16; i++)
		key[i] ^= key[i - 4];
}

static void mix_column(uint8_t a[4])
{
	uint8_t sum = a[0] ^ a[1] ^ a[2] ^ a[3], first = a[0];
	for (uint8_t i = 0; i < 3; i++)
		a[i] ^= sum ^ twice(a[i] ^ a[i + 1]);
	a[3] ^= sum ^ twice(a[3] ^ first);
}

static void sub_and_shift_rows(uint8_t s[16])
{
	uint8_t old[16];
	memcpy(old, s, sizeof old);
	for (uint8_t i = 0; i < 16; i++)
		s[i] = sub(old[5 * i & 15]);
	e4_wipe(old, sizeof old);
}

static void add_key(uint8_t s[16], const uint8_t key[16])
{
	for (uint8_t i = 0; i < 16; i++)
		s[i] ^= key[i];
}

/* window holds the key, and is used up. */
static void encrypt(uint8_t window[32], uint8_t s[16])
{
	uint8_t rcon = 1;
	add_key(s, window);
	for (uint8_t round = 1; round <= ROUNDS; round++) {
		uint8_t *key = window + (round & 1) * 16;
		sub_and_shift_rows(s);
		for (uint8_t c = 0; c < 16 && round < ROUNDS; c += 4)
			mix_column(s + c);
		if (round > 1)
			next_round_key(key, window + 28 - (round & 1) * 16, round, &rcon);
		add_key(s, key);
	}
}

#endif

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	memcpy(k->key, key, sizeof k->key);
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	uint8_t window[32];
	(void)n; /* is 1 */
	memcpy(window, k->key, sizeof window);
	encrypt(window, blocks);
	e4_wipe(window, sizeof window);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	for (; n > 0; n--) {
		for (uint8_t i = 0; i < 16; i++)
			chain[i] ^= *in++;
		e4_aes_encrypt(k, chain, 1);
	}
}

#endif
