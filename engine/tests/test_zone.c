#define _GNU_SOURCE
#include "engine/zone.h"

#include <stdlib.h>
#include <time.h>

#include "tests/check.h"

static struct zone z;
static struct err err;

static void a_name_that_is_none_is_refused(void)
{
	static const char *const names[] = {
		"",
		"utc",
		"europe/zurich",
		"Europe",
		"Europe/",
		"/Europe/Zurich",
		"Europe//Zurich",
		"Mars/Olympus",
		"../zoneinfo/Europe/Zurich",
		"Europe/../Europe/Zurich",
		"./Europe/Zurich",
		"/etc/passwd",
		"/usr/share/zoneinfo/Europe/Zurich",
		":Europe/Zurich",
		"CET-1CEST,M3.5.0,M10.5.0/3",
		"Europe/Zurich\n",
		"right/Europe/Zurich",
		"tzdata.zi",
		"zone1970.tab",
		"leapseconds",
		"America/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(!zone_open(&z, names[i], &err));
		CHECK_EQ(err.code, ERR_INVALID);
		CHECK(strstr(err.text, "use a name such as Europe/Zurich or UTC"));
	}
}

static void the_zone_of_the_process_is_put_back(void)
{
	time_t t = 1767225600;
	struct tm tm;

	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	CHECK(zone_open(&z, "Europe/Zurich", &err));
	CHECK_STR(getenv("TZ"), "Asia/Kathmandu");
	CHECK_EQ(localtime_r(&t, &tm)->tm_gmtoff, 20700);
	unsetenv("TZ");
	CHECK(zone_open(&z, "Asia/Kathmandu", &err));
	CHECK(!getenv("TZ"));
	CHECK(localtime_r(&t, &tm)->tm_gmtoff != 20700);
}

static void the_hour_that_comes_twice_counts_once(void)
{
	/* Sunday 25 October 2026: 3:00 becomes 2:00 at 1:00 UTC. */
	int64_t change = 1792890000, local = change + 7200;

	CHECK(zone_open(&z, "Europe/Zurich", &err));
	CHECK_EQ(zone_local(&z, change - 1), local - 1);
	CHECK_EQ(zone_local(&z, change), local - 3600);
	CHECK_EQ(zone_highest(&z, change), local - 1);
	CHECK_EQ(zone_highest(&z, change + 3599), local - 1);
	CHECK_EQ(zone_highest(&z, change + 3600), local);
	CHECK_EQ(zone_first(&z, local - 1), change - 1);
	CHECK_EQ(zone_first(&z, local - 3600), change - 3600);
	CHECK_EQ(zone_first(&z, local), change + 3600);
	/* Sunday 29 March: 2:00 becomes 3:00. */
	change = 1774746000, local = change + 3600;
	CHECK_EQ(zone_local(&z, change - 1), local - 1);
	CHECK_EQ(zone_local(&z, change), local + 3600);
	CHECK_EQ(zone_first(&z, local - 1), change - 1);
	CHECK_EQ(zone_first(&z, local), change);
	CHECK_EQ(zone_first(&z, local + 3600), change);
	CHECK_EQ(zone_first(&z, local + 3601), change + 1);
}

static void agrees_with_the_library(const char *name)
{
	char tz[ZONE_NAME_MAX + 2];
	unsigned wrong = 0;

	CHECK(zone_open(&z, name, &err));
	snprintf(tz, sizeof tz, ":%s", name);
	setenv("TZ", tz, 1);
	tzset();
	for (int64_t s = 0; s <= ZONE_END_S; s += 2000003) {
		time_t t = (time_t)s;
		struct tm tm;
		int64_t local = zone_local(&z, s);

		wrong += localtime_r(&t, &tm)->tm_gmtoff != local - s;
		wrong += zone_first(&z, local) > s || zone_highest(&z, s) < local;
		wrong += zone_local(&z, zone_first(&z, local)) < local;
		wrong += zone_local(&z, zone_first(&z, local) - 1) >= local;
	}
	unsetenv("TZ");
	CHECK_EQ(wrong, 0);
	CHECK(z.n < ZONE_CHANGES_MAX * 3 / 4);
}

static void every_zone_is_as_the_library_has_it(void)
{
	FILE *f = fopen("/usr/share/zoneinfo/zone1970.tab", "r");
	char line[512], name[ZONE_NAME_MAX + 1];
	int n = 0;

	CHECK(f != NULL);
	while (f && fgets(line, sizeof line, f)) {
		if (*line == '#' || sscanf(line, "%*s %*s %63s", name) != 1)
			continue;
		agrees_with_the_library(name);
		n++;
	}
	if (f)
		fclose(f);
	CHECK(n > 300);
}

static void zones_are_opened_once(void)
{
	struct zones zones = {0};
	const struct zone *a, *b, *utc;

	CHECK(zones_find(&zones, &a, "Europe/Zurich", &err));
	CHECK(zones_find(&zones, &utc, "UTC", &err));
	CHECK(!zones_find(&zones, &b, "Europe/Nowhere", &err));
	CHECK(zones_find(&zones, &b, "Europe/Zurich", &err));
	CHECK(a == b && a != utc);
	CHECK_EQ(zones.n, 2);
	CHECK_EQ(zone_local(utc, 1000), 1000);
	CHECK_EQ(zone_first(utc, 1000), 1000);
	CHECK_EQ(zone_highest(utc, 1000), 1000);
	zones_free(&zones);
	CHECK_EQ(zones.n, 0);
}

int main(void)
{
	RUN(a_name_that_is_none_is_refused);
	RUN(the_zone_of_the_process_is_put_back);
	RUN(the_hour_that_comes_twice_counts_once);
	RUN(every_zone_is_as_the_library_has_it);
	RUN(zones_are_opened_once);
	return END();
}
