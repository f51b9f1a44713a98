/*
 * The hardware behind aes_peripheral.h, as a simulation: AES-256 straight from
 * FIPS 197. It is strict: a driver that uses it in a wrong order is stopped,
 * where a chip would give wrong bytes.
 */
#include "aes_peripheral.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 14 /* looks at the status until a block is done */

static struct {
	uint8_t key[32], in[16], out[16];
	unsigned key_words, in_words; /* written so far */
	unsigned left;                /* steps of the block in work */
	int done;
} hw;

static void demand(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "AES peripheral: %s\n", what);
	abort();
}

static uint8_t times2(uint8_t a)
{
	return (uint8_t)(a << 1 ^ (a >> 7) * 0x1b);
}

static uint8_t product(uint8_t a, uint8_t b)
{
	uint8_t r = 0;

	for (; b; b >>= 1, a = times2(a))
		if (b & 1)
			r ^= a;
	return r;
}

/* FIPS 197 section 5.1.1: the inverse, which is a^254, and an affine map. */
static uint8_t sub(uint8_t a)
{
	uint8_t inverse = 1, r = 0x63;

	for (int i = 0; i < 254; i++)
		inverse = product(inverse, a);
	for (int i = 0; i < 5; i++)
		r ^= (uint8_t)(inverse << i | inverse >> (8 - i));
	return r;
}

static uint8_t s_box(uint8_t a)
{
	static uint8_t table[256];

	if (table[0] == 0)
		for (int i = 0; i < 256; i++)
			table[i] = sub((uint8_t)i);
	return table[a];
}

static void expand(uint8_t w[240])
{
	uint8_t round = 1;

	memcpy(w, hw.key, 32);
	for (unsigned i = 32; i < 240; i += 4) {
		uint8_t t[4];

		memcpy(t, w + i - 4, 4);
		if (i % 32 == 0) {
			uint8_t first = t[0];

			t[0] = s_box(t[1]) ^ round;
			t[1] = s_box(t[2]);
			t[2] = s_box(t[3]);
			t[3] = s_box(first);
			round = times2(round);
		} else if (i % 32 == 16) {
			for (int j = 0; j < 4; j++)
				t[j] = s_box(t[j]);
		}
		for (int j = 0; j < 4; j++)
			w[i + j] = w[i + j - 32] ^ t[j];
	}
}

static void mix_columns(uint8_t s[16])
{
	for (int c = 0; c < 16; c += 4) {
		uint8_t a[4];

		memcpy(a, s + c, 4);
		for (int r = 0; r < 4; r++)
			s[c + r] = times2(a[r]) ^ times2(a[(r + 1) % 4]) ^ a[(r + 1) % 4] ^
				   a[(r + 2) % 4] ^ a[(r + 3) % 4];
	}
}

static void encrypt(void)
{
	uint8_t w[240], s[16], t[16];

	expand(w);
	for (int i = 0; i < 16; i++)
		s[i] = hw.in[i] ^ w[i];
	for (int round = 1; round <= 14; round++) {
		for (int i = 0; i < 16; i++) /* SubBytes and ShiftRows */
			t[i] = s_box(s[(i + 4 * (i % 4)) % 16]);
		if (round < 14)
			mix_columns(t);
		for (int i = 0; i < 16; i++)
			s[i] = t[i] ^ w[16 * round + i];
	}
	memcpy(hw.out, s, 16);
}

static void put_word(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void control(uint32_t value)
{
	if (value == AES_CLEAR) {
		memset(&hw, 0, sizeof hw);
		return;
	}
	demand(value == AES_START, "unknown control value");
	demand(hw.key_words == 8 && hw.in_words == 4, "started without key or data");
	hw.left = STEPS;
	hw.in_words = 0;
}

void aes_register_write(unsigned r, uint32_t value)
{
	demand(hw.left == 0, "written while busy");
	hw.done = 0;
	if (r == AES_CONTROL) {
		control(value);
	} else if (r >= AES_DATA_IN && r < AES_DATA_IN + 4) {
		demand(r - AES_DATA_IN == hw.in_words++, "data out of order");
		put_word(hw.in + 4 * (r - AES_DATA_IN), value);
	} else {
		demand(r >= AES_KEY && r < AES_KEY + 8, "no such register to write");
		demand(r - AES_KEY == hw.key_words % 8, "key out of order");
		hw.key_words = r - AES_KEY + 1;
		put_word(hw.key + 4 * ((r - AES_KEY) % 8), value);
	}
}

uint32_t aes_register_read(unsigned r)
{
	const uint8_t *p;

	if (r == AES_STATUS) {
		if (hw.left > 0 && --hw.left == 0) {
			encrypt();
			hw.done = 1;
		}
		return hw.left > 0 ? AES_BUSY : 0;
	}
	demand(r >= AES_DATA_OUT && r < AES_DATA_OUT + 4, "no such register to read");
	demand(hw.done, "read before it was done");
	p = hw.out + 4 * ((r - AES_DATA_OUT) % 4);
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
