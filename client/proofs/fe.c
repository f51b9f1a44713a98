/* The numbers of a curve variant by themselves, of any limbs; outputs may be inputs. */
#include "any.h"
#include "fe.h"

static struct e4_fe any_number(void)
{
	struct e4_fe a;

	any(&a, sizeof a);
	return a;
}

int main(void)
{
	struct e4_fe a = any_number(), b = any_number(), r;
	uint8_t bytes[32];

	any(bytes, sizeof bytes);
	e4_fe_load(&r, bytes);
	is_read(&r, sizeof r);
	e4_fe_small(&r, bytes[0]);
	is_read(&r, sizeof r);
	e4_fe_add(&r, &a, &b);
	is_read(&r, sizeof r);
	e4_fe_sub(&r, &a, &b);
	is_read(&r, sizeof r);
	e4_fe_mul(&r, &a, &b);
	is_read(&r, sizeof r);
	e4_fe_sq(&r, &a);
	is_read(&r, sizeof r);
	e4_fe_mul121665(&r, &a);
	is_read(&r, sizeof r);
	e4_fe_store(bytes, &r);
	is_read(bytes, sizeof bytes);
	e4_fe_swap(&a, &b, any_bool());
	is_read(&a, sizeof a);
	is_read(&b, sizeof b);
	e4_fe_add(&a, &a, &a);
	e4_fe_sub(&b, &a, &b);
	e4_fe_mul(&a, &b, &a);
	e4_fe_sq(&a, &a);
	e4_fe_mul121665(&a, &a);
	end();
	return 0;
}
