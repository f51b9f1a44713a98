/*
 * Numbers modulo 2^255 - 19 as the curve may assume them (fe.h); what they are is anything,
 * in E4_CURVE_32 anything of the units that fe.h says.
 */
#include "any.h"
#include "fe.h"

#if E4_CURVE == E4_CURVE_32

#include "units.h"

static void is_number(const struct e4_fe *a, int units)
{
	are_units(a, units);
}

static void is_result(struct e4_fe *r)
{
	any_units(r, 1);
}

void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	is_number(a, 4);
	is_number(b, 4);
	for (int i = 0; i < 10; i++)
		r->v[i] = a->v[i] + b->v[i];
}

void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	is_number(a, 4);
	is_number(b, 3);
	for (int i = 0; i < 10; i++)
		r->v[i] = a->v[i] - b->v[i];
}

void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap)
{
	struct e4_fe t = *a;

	is_number(a, 4);
	is_number(b, 4);
	if (swap) {
		*a = *b;
		*b = t;
	}
}

#else

static void is_number(const struct e4_fe *a, int units)
{
	(void)units;
	is_read(a, sizeof *a);
}

static void is_result(struct e4_fe *r)
{
	is_written(r, sizeof *r);
}

void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	is_number(a, 4);
	is_number(b, 4);
	is_result(r);
}

void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	is_number(a, 4);
	is_number(b, 3);
	is_result(r);
}

void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap)
{
	(void)swap;
	is_number(a, 4);
	is_number(b, 4);
	is_result(a);
	is_result(b);
}

#endif

void e4_fe_load(struct e4_fe *r, const uint8_t in[32])
{
	is_read(in, 32);
	is_result(r);
}

void e4_fe_store(uint8_t out[32], const struct e4_fe *a)
{
	is_number(a, 4);
	is_written(out, 32);
}

void e4_fe_small(struct e4_fe *r, uint8_t a)
{
	(void)a;
	is_result(r);
}

void e4_fe_mul(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	is_number(a, 4);
	is_number(b, 3);
	is_result(r);
}

void e4_fe_sq(struct e4_fe *r, const struct e4_fe *a)
{
	is_number(a, 3);
	is_result(r);
}

void e4_fe_mul121665(struct e4_fe *r, const struct e4_fe *a)
{
	is_number(a, 4);
	is_result(r);
}
