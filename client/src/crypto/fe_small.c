/*
 * Field elements as 32 bytes: least code and RAM, for 8-bit and the smallest
 * 32-bit processors.
 *
 * Bounds: every result is below 2^255 + 2^22, so there is nothing to count in
 * units. Sums are kept in 16 bits where they fit.
 */
#include "bytes.h"
#include "e4/crypto.h"
#include "fe.h"

#include <string.h>

#if E4_CURVE == E4_CURVE_SMALL

void e4_fe_small(struct e4_fe *r, uint8_t a)
{
	memset(r, 0, sizeof *r);
	r->v[0] = a;
}

void e4_fe_load(struct e4_fe *r, const uint8_t in[32])
{
	memcpy(r->v, in, 32);
	r->v[31] &= 0x7f;
}

/* r plus top * 2^256: what is above 2^255 counts 19. */
static void fold(struct e4_fe *r, uint32_t top)
{
	top = 19 * (top << 1 | r->v[31] >> 7);
	r->v[31] &= 0x7f;
	for (uint8_t i = 0; i < 32; i++) {
		top += r->v[i];
		r->v[i] = (uint8_t)top;
		top >>= 8;
	}
}

void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	uint16_t sum = 0;

	for (uint8_t i = 0; i < 32; i++) {
		sum = (uint16_t)(sum + a->v[i] + b->v[i]);
		r->v[i] = (uint8_t)sum;
		sum >>= 8;
	}
	fold(r, sum);
}

/* a + 4p - b, where 4p has the digits 2 * 0xda, 2 * 0xff, ...: none goes below 0. */
void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	uint16_t sum = 0, digit = 2 * 0xda;

	for (uint8_t i = 0; i < 32; i++) {
		sum = (uint16_t)(sum + digit + a->v[i] - b->v[i]);
		r->v[i] = (uint8_t)sum;
		sum >>= 8;
		digit = 2 * 0xff;
	}
	fold(r, sum);
}

/* The sum of n products a[0] b[0], a[1] b[-1], ...; 1 <= n <= 32, so it is below 2^21. */
static uint32_t column(const uint8_t *a, const uint8_t *b, uint8_t n)
{
	uint32_t sum = 0;

#if defined(__AVR_HAVE_MUL__)
	/* 12 cycles a product instead of 40: nearly all the time is spent here */
	uint8_t x, y;
	b++;
	__asm__("1: ld %[x], X+\n\t"
		"ld %[y], -Z\n\t"
		"mul %[x], %[y]\n\t"
		"add %A[sum], r0\n\t"
		"adc %B[sum], r1\n\t"
		"adc %C[sum], %[zero]\n\t"
		"dec %[n]\n\t"
		"brne 1b\n\t"
		"clr r1"
		: [sum] "+r"(sum), [n] "+r"(n), [x] "=&r"(x), [y] "=&r"(y), "+x"(a), "+z"(b)
		: [zero] "r"((uint8_t)0)
		: "memory");
#else
	while (n-- > 0)
		sum += (uint16_t)(*a++ * (uint16_t)*b--);
#endif
	return sum;
}

void e4_fe_mul(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	struct e4_fe t;
	uint32_t sum = 0;

	for (uint8_t k = 0; k < 32; k++) {
		/* 2^256 counts 38 */
		sum += column(a->v, b->v + k, (uint8_t)(k + 1));
		if (k < 31)
			sum += 38 * column(a->v + k + 1, b->v + 31, (uint8_t)(31 - k));
		t.v[k] = (uint8_t)sum;
		sum >>= 8;
	}
	fold(&t, sum); /* below 2^21 / 2^8 = 2^13, times 38 2^19 */
	*r = t;
}

void e4_fe_sq(struct e4_fe *r, const struct e4_fe *a)
{
	e4_fe_mul(r, a, a);
}

void e4_fe_mul121665(struct e4_fe *r, const struct e4_fe *a)
{
	uint32_t sum = 0;

	for (uint8_t i = 0; i < 32; i++) {
		sum += (uint32_t)121665 * a->v[i];
		r->v[i] = (uint8_t)sum;
		sum >>= 8;
	}
	fold(r, sum);
}

void e4_fe_store(uint8_t out[32], const struct e4_fe *a)
{
	struct e4_fe t = *a;
	uint16_t sum = 19;

	fold(&t, 0); /* below 2^255 + 19 */
	/* is t + 19 above 2^255, that is t >= p? then t + 19 without that bit is t - p */
	for (uint8_t i = 0; i < 32; i++) {
		sum = (uint16_t)(sum + t.v[i]);
		out[i] = (uint8_t)sum;
		sum >>= 8;
	}
	uint8_t keep = e4_mask(out[31] >> 7);
	out[31] &= 0x7f;
	for (uint8_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(t.v[i] ^ ((t.v[i] ^ out[i]) & keep));
}

void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap)
{
	uint8_t mask = e4_mask(swap);

	for (uint8_t i = 0; i < 32; i++) {
		uint8_t x = (uint8_t)((a->v[i] ^ b->v[i]) & mask);
		a->v[i] ^= x;
		b->v[i] ^= x;
	}
}

#endif
