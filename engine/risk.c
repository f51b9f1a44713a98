#include "engine/risk.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fleet_device *)a)->name,
		      ((const struct fleet_device *)b)->name);
}

size_t risk_once(struct fleet_device *devices, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(devices, n, sizeof *devices, by_name);
	for (size_t i = 0; i < n; i++)
		if (!kept || by_name(&devices[kept - 1], &devices[i]) != 0)
			devices[kept++] = devices[i];
	return kept;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void risk_sample(struct risk_sample *out, const struct fleet_device *devices, size_t n,
		 int64_t now_s, struct arena *arena)
{
	*out = (struct risk_sample){.away_s = arena_alloc(arena, (n + 1) * sizeof *out->away_s)};
	for (size_t i = 0; i < n; i++) {
		const struct fleet_device *d = &devices[i];

		out->silent += d->last_seen == 0;
		out->n_known += d->last_seen != 0;
		out->producers += d->producer;
		out->consumers += d->consumer;
		if (d->away)
			out->away_s[out->n_away++] =
				now_s > d->last_seen ? now_s - d->last_seen : 0;
	}
	if (out->n_away)
		qsort(out->away_s, out->n_away, sizeof *out->away_s, by_size);
}

void risk_deciles(const struct risk_sample *s, int64_t out[RISK_DECILES])
{
	for (size_t i = 0; i < RISK_DECILES; i++)
		out[i] = s->n_away ? s->away_s[(s->n_away - 1) * i / (RISK_DECILES - 1)] : 0;
}

int64_t risk_percent(const struct risk_sample *s, int64_t gap_s)
{
	size_t behind = 0;

	while (behind < s->n_away && s->away_s[s->n_away - 1 - behind] > gap_s)
		behind++;
	return s->n_known ? (int64_t)((behind * 100 + s->n_known - 1) / s->n_known) : 0;
}
