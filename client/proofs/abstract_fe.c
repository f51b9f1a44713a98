/* Numbers modulo 2^255 - 19 as the curve may assume them (fe.h); what they are is anything. */
#include "any.h"
#include "fe.h"

void e4_fe_load(struct e4_fe *r, const uint8_t in[32])
{
	is_read(in, 32);
	is_written(r, sizeof *r);
}

void e4_fe_store(uint8_t out[32], const struct e4_fe *a)
{
	is_read(a, sizeof *a);
	is_written(out, 32);
}

void e4_fe_small(struct e4_fe *r, uint8_t a)
{
	(void)a;
	is_written(r, sizeof *r);
}

void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap)
{
	(void)swap;
	is_read(a, sizeof *a);
	is_read(b, sizeof *b);
	is_written(a, sizeof *a);
	is_written(b, sizeof *b);
}

static void of_two(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	is_read(a, sizeof *a);
	is_read(b, sizeof *b);
	is_written(r, sizeof *r);
}

void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	of_two(r, a, b);
}

void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	of_two(r, a, b);
}

void e4_fe_mul(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	of_two(r, a, b);
}

void e4_fe_sq(struct e4_fe *r, const struct e4_fe *a)
{
	of_two(r, a, a);
}

void e4_fe_mul121665(struct e4_fe *r, const struct e4_fe *a)
{
	of_two(r, a, a);
}
