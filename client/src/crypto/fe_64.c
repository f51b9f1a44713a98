/* The seldom functions of the 64-bit field; the others are in fe_64.h. */
#include "bytes.h"
#include "fe.h"

#if E4_CURVE == E4_CURVE_64

void e4_fe_load(struct e4_fe *r, const uint8_t in[32])
{
	r->v[0] = e4_load64(in) & E4_FE_51;
	r->v[1] = e4_load64(in + 6) >> 3 & E4_FE_51;
	r->v[2] = e4_load64(in + 12) >> 6 & E4_FE_51;
	r->v[3] = e4_load64(in + 19) >> 1 & E4_FE_51;
	r->v[4] = e4_load64(in + 24) >> 12 & E4_FE_51;
}

void e4_fe_store(uint8_t out[32], const struct e4_fe *a)
{
	uint64_t v[5], q = 0;

	for (int i = 0; i < 5; i++)
		v[i] = a->v[i];
	/* twice: below 2^255 + 19 * 2^4, then below 2^255 + 19 */
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < 4; i++) {
			v[i + 1] += v[i] >> 51;
			v[i] &= E4_FE_51;
		}
		v[0] += 19 * (v[4] >> 51);
		v[4] &= E4_FE_51;
	}
	/* q = 1 if v >= p, that is if v + 19 reaches 2^255 */
	q = 19;
	for (int i = 0; i < 5; i++)
		q = (v[i] + q) >> 51;
	v[0] += 19 * q;
	for (int i = 0; i < 4; i++) {
		v[i + 1] += v[i] >> 51;
		v[i] &= E4_FE_51;
	}
	v[4] &= E4_FE_51;
	e4_store64(out, v[0] | v[1] << 51);
	e4_store64(out + 8, v[1] >> 13 | v[2] << 38);
	e4_store64(out + 16, v[2] >> 26 | v[3] << 25);
	e4_store64(out + 24, v[3] >> 39 | v[4] << 12);
}

void e4_fe_small(struct e4_fe *r, uint8_t a)
{
	*r = (struct e4_fe){{a}};
}

void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap)
{
	uint64_t mask = (uint64_t)(int64_t)(int8_t)e4_mask(swap);

	for (int i = 0; i < 5; i++) {
		uint64_t x = (a->v[i] ^ b->v[i]) & mask;
		a->v[i] ^= x;
		b->v[i] ^= x;
	}
}

#endif
