#define _GNU_SOURCE
#include "engine/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define FOLDER "/usr/share/zoneinfo/"

/* Short enough that no zone changed there and back within it, nor will by its rules. */
enum { STEP_S = 2 * 86400 };

static bool refuse(struct err *err, const char *name)
{
	return err_set(err, ERR_INVALID,
		       "no time zone \"%.*s\" is known; use a name such as Europe/Zurich or UTC",
		       ZONE_NAME_MAX, name);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '+';
}

/* Words with single slashes between them: with no dot, no name leads out of the folder. Those
 * under right/ count leap seconds, which Unix time does not. */
static bool name_is_sound(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > ZONE_NAME_MAX || strncmp(name, "right/", 6) == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool inside = i > 0 && i + 1 < len && name[i - 1] != '/';

		if (!is_word(name[i]) && !(name[i] == '/' && inside))
			return false;
	}
	return true;
}

/* The C library takes UTC for a file that is missing or none of a zone, without a word. */
static bool is_zone_file(const char *path)
{
	char magic[4];
	FILE *f = fopen(path, "rbe");
	bool ok = f && fread(magic, sizeof magic, 1, f) == 1 && memcmp(magic, "TZif", 4) == 0;

	if (f)
		fclose(f);
	return ok;
}

static int64_t ask_offset(int64_t t_s)
{
	time_t t = (time_t)t_s;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static bool add(struct zone *z, int64_t at_s, int64_t offset_s)
{
	const struct zone_change *last = z->n ? &z->change[z->n - 1] : NULL;
	int64_t highest = INT64_MIN;

	if (z->n > ZONE_CHANGES_MAX)
		return false;
	if (last) {
		highest = at_s - 1 + last->offset_s;
		highest = highest > last->highest_s ? highest : last->highest_s;
	}
	z->change[z->n++] = (struct zone_change){at_s, highest, offset_s};
	return true;
}

/* Between two instants with different offsets: the first with another than the earlier one's. */
static int64_t bisect(int64_t from, int64_t to, int64_t offset)
{
	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (ask_offset(middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

static bool fill(struct zone *z)
{
	int64_t offset = ask_offset(0), t = 0;
	bool ok = add(z, INT64_MIN, offset);

	while (ok && t < ZONE_END_S) {
		int64_t to = t + STEP_S;

		if (ask_offset(to) != offset) {
			to = bisect(t, to, offset);
			offset = ask_offset(to);
			ok = add(z, to, offset);
		}
		t = to;
	}
	return ok;
}

static void set_tz(const char *value)
{
	if (value)
		setenv("TZ", value, 1);
	else
		unsetenv("TZ");
	tzset();
}

bool zone_open(struct zone *z, const char *name, struct err *err)
{
	char path[sizeof ":" FOLDER + ZONE_NAME_MAX];
	char *before;
	bool ok;

	if (!name_is_sound(name))
		return refuse(err, name);
	z->n = 0;
	strcpy(z->name, name); /* NOLINT: the length was looked at */
	if (strcmp(name, "UTC") == 0)
		return add(z, INT64_MIN, 0);
	snprintf(path, sizeof path, ":" FOLDER "%s", name);
	if (!is_zone_file(path + 1))
		return refuse(err, name);
	before = mem_text(getenv("TZ"));
	set_tz(path);
	ok = fill(z);
	set_tz(before);
	free(before);
	return ok || err_set(err, ERR_INVALID, "time zone %s changes too often", name);
}

unsigned zone_row(const struct zone *z, int64_t t_s)
{
	unsigned low = 0, high = z->n;

	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (z->change[middle].at_s <= t_s)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int64_t zone_local(const struct zone *z, int64_t t_s)
{
	return t_s + z->change[zone_row(z, t_s)].offset_s;
}

int64_t zone_highest(const struct zone *z, int64_t t_s)
{
	const struct zone_change *c = &z->change[zone_row(z, t_s)];
	int64_t local = t_s + c->offset_s;

	return local > c->highest_s ? local : c->highest_s;
}

int64_t zone_first(const struct zone *z, int64_t local_s)
{
	unsigned low = 0, high = z->n;
	const struct zone_change *c;

	/* The last row before which the clock had not yet shown it. */
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (z->change[middle].highest_s < local_s)
			low = middle;
		else
			high = middle;
	}
	c = &z->change[low];
	return local_s - c->offset_s > c->at_s ? local_s - c->offset_s : c->at_s;
}

bool zones_find(struct zones *zs, const struct zone **out, const char *name, struct err *err)
{
	struct zone *z;

	for (size_t i = 0; i < zs->n; i++) {
		if (strcmp(zs->zone[i]->name, name) == 0) {
			*out = zs->zone[i];
			return true;
		}
	}
	z = mem_alloc(sizeof *z);
	if (!zone_open(z, name, err)) {
		free(z);
		return false;
	}
	zs->zone = mem_resize(zs->zone, zs->n + 1, sizeof *zs->zone);
	zs->zone[zs->n++] = z;
	*out = z;
	return true;
}

void zones_free(struct zones *zs)
{
	for (size_t i = 0; i < zs->n; i++)
		free(zs->zone[i]);
	free(zs->zone);
	*zs = (struct zones){0};
}
