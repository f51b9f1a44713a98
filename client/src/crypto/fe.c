/* Powers in the field, the same for every form of it. */
#include "fe.h"

#include "e4/crypto.h"

#if E4_CURVE_OWN

static void square_n(struct e4_fe *r, const struct e4_fe *a, uint8_t n)
{
	*r = *a;
	while (n-- > 0)
		e4_fe_sq(r, r);
}

/* r = a^(2^(n + m) - 1) from r = a^(2^n - 1) and b = a^(2^m - 1) */
static void extend(struct e4_fe *r, const struct e4_fe *b, uint8_t m)
{
	struct e4_fe t;

	square_n(&t, r, m);
	e4_fe_mul(r, &t, b);
}

/* r = a^(2^250 - 1), a11 = a^11 */
static void pow_250(struct e4_fe *r, struct e4_fe *a11, const struct e4_fe *a)
{
	struct e4_fe five, ten, fifty;

	square_n(&five, a, 3);
	e4_fe_mul(&five, &five, a); /* 9 */
	e4_fe_sq(&ten, a);
	e4_fe_mul(a11, &five, &ten);
	e4_fe_sq(&ten, a11);
	e4_fe_mul(&five, &ten, &five); /* 31 = 2^5 - 1 */
	ten = five;
	extend(&ten, &five, 5);
	*r = ten;
	extend(r, &ten, 10);
	fifty = *r;
	extend(&fifty, r, 20);
	extend(&fifty, &ten, 10);
	*r = fifty;
	extend(r, &fifty, 50);
	five = *r;
	extend(r, &five, 100);
	extend(r, &fifty, 50);
	e4_wipe(&five, sizeof five);
	e4_wipe(&ten, sizeof ten);
	e4_wipe(&fifty, sizeof fifty);
}

void e4_fe_invert(struct e4_fe *r, const struct e4_fe *a)
{
	struct e4_fe t, a11;

	pow_250(&t, &a11, a); /* p - 2 = 2^255 - 2^5 + 11 */
	square_n(&t, &t, 5);
	e4_fe_mul(r, &t, &a11);
	e4_wipe(&t, sizeof t);
	e4_wipe(&a11, sizeof a11);
}

void e4_fe_pow_p58(struct e4_fe *r, const struct e4_fe *a)
{
	struct e4_fe t, a11;

	pow_250(&t, &a11, a); /* (p - 5) / 8 = 2^252 - 2^2 + 1 */
	square_n(&t, &t, 2);
	e4_fe_mul(r, &t, a);
}

bool e4_fe_is_zero(const struct e4_fe *a)
{
	uint8_t b[32];

	e4_fe_store(b, a);
	return e4_is_zero(b, 32);
}

#endif
