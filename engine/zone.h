/*
 * Named time zones, as tables of the changes of their offset between 1970 and 2100.
 *
 * A table is made once, by asking the C library for the local time of the zone (the only place
 * where the process's TZ is touched, and it is put back); after that all is arithmetic, the same
 * in every thread and whatever TZ says. An update of tzdata is seen when a zone is opened anew.
 *
 * Local times are numbers too: the seconds from 1970-01-01T00:00:00 to what the local clock shows.
 */
#ifndef ENGINE_ZONE_H
#define ENGINE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ZONE_NAME_MAX = 63, ZONE_CHANGES_MAX = 511 };

/* The last second of 2099: neither schedules nor zones go further. */
#define ZONE_END_S INT64_C(4102444799)

struct zone_change {
	int64_t at_s;      /* from here on, in Unix time; the first has INT64_MIN */
	int64_t highest_s; /* the latest local time that was shown before */
	int64_t offset_s;  /* local time minus UTC */
};

struct zone {
	char name[ZONE_NAME_MAX + 1];
	unsigned n;
	struct zone_change change[ZONE_CHANGES_MAX + 1];
};

/*
 * Open a zone by its IANA name ("Europe/Zurich", upper and lower case as there); "UTC" needs no
 * tzdata. ERR_INVALID: there is no such zone. Not for two threads at once.
 */
bool zone_open(struct zone *z, const char *name, struct err *err);

/* The row of the offset in force at an instant. */
unsigned zone_row(const struct zone *z, int64_t t_s);

int64_t zone_local(const struct zone *z, int64_t t_s);

/* The latest local time that was shown up to this instant: later than zone_local in the hour that
 * comes twice. */
int64_t zone_highest(const struct zone *z, int64_t t_s);

/* The first instant at which the local clock shows local_s or more: of a local time that comes
 * twice the first, of one that is left out the end of the gap. */
int64_t zone_first(const struct zone *z, int64_t local_s);

/* Zones by name, each opened once. All zero is an empty one; what is found lives until the free. */
struct zones {
	struct zone **zone;
	size_t n;
};

bool zones_find(struct zones *zs, const struct zone **out, const char *name, struct err *err);
void zones_free(struct zones *zs);

#endif
