/* Time rules over years: restarts, clocks that step, and each due rotation exactly once. */
#include "base/log.h"
#include "kit.h"

static struct kit k;

enum { DAY = 86400, WEEK = 7 * DAY };

/* Every Monday at 3; KIT_START is a Friday. */
static void test_ten_years_of_a_weekly_rule_with_a_restart_at_every_step(void)
{
	int32_t id;
	int64_t rev;
	size_t weeks = 0;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	id = kit_cron(&k, "0 3 * * MON", "t");
	kit_settle(&k);
	rev = kit_topic_rev(&k, "t");
	for (int day = 0; day < 3653; day++) {
		int64_t before = kit_topic_rev(&k, "t");

		for (int part = 0; part < 4; part++) {
			kit_run(&k, DAY / 4);
			server_restart(&k.servers[0]);
		}
		if (kit_topic_rev(&k, "t") == before)
			continue;
		weeks++;
		CHECK_EQ(kit_topic_rev(&k, "t"), before + 1);
		/* 1800000000 is 2027-01-15 08:00 */
		CHECK_EQ((kit_rotated_at(&k, "t") - 1800000000 + 8 * 3600) % DAY, 3 * 3600);
		CHECK_EQ((kit_rotated_at(&k, "t") / DAY + 4) % 7, 1);
		arena_free(&k.arena);
	}
	CHECK(weeks == 521 || weeks == 522);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + (int64_t)weeks);
	CHECK_EQ(kit_n_runs(&k, id), weeks);
	kit_close(&k);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	RUN(test_ten_years_of_a_weekly_rule_with_a_restart_at_every_step);
	return END();
}
