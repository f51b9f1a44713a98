/* What happens when, in virtual milliseconds: what is noted first comes first among equals. */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event {
	int64_t at_ms;
	uint64_t seq;
	uint32_t kind, who; /* as their owner means them */
};

/* Zero is empty. */
struct agenda {
	struct event *heap;
	size_t n, cap;
	uint64_t seq;
};

void agenda_add(struct agenda *a, int64_t at_ms, uint32_t kind, uint32_t who);
/* INT64_MAX when nothing is left. */
int64_t agenda_next_at(const struct agenda *a);
/* The earliest; there must be one. */
struct event agenda_pop(struct agenda *a);
void agenda_free(struct agenda *a);

#endif
