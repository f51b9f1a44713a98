/* For benchmarks: many clients in a few topics, made through the core in groups. */
#ifndef C2_CORE_TESTS_FLEET_H
#define C2_CORE_TESTS_FLEET_H

#include "kit.h"

extern size_t fleet_published; /* messages that the counted bus took */

/* Use this bus, counting what is published on it. */
void fleet_count(struct kit *k, const struct bus *bus);

/* Topics t0, t1, ..., or new keys for them. */
void fleet_topics(struct kit *k, int topics);
/* Devices in all of them. The core's changes come in groups from now on. */
void fleet_new(struct kit *k, int devices, int topics);

/* As after the receipts of all: nothing is due any more. Some seconds pass. */
void fleet_confirm(struct kit *k);

#endif
