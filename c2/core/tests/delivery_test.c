#include "kit.h"

static void a_device_gets_its_topic_and_confirms(void)
{
	struct kit k;
	struct err err;
	struct device *d;
	struct core_delivery out;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK_EQ(out.recipients, 0);
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	CHECK_EQ(out.recipients, 1);
	CHECK(device_key(d, "t") == 0);
	kit_settle(&k);
	CHECK(device_key(d, "t") != 0);
	CHECK(in_sync(&k, d));
	CHECK_EQ(d->n_commands, 1);
	CHECK_EQ(d->n_reports, 1);
	device_free(d);
	kit_close(&k);
}

int main(void)
{
	RUN(a_device_gets_its_topic_and_confirms);
	return END();
}
