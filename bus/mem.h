/*
 * A bus in memory for tests and simulation: any number of parties on one hub,
 * MQTT topic filters with + and #, retained messages, delivery when the test
 * says so. A party gets one copy of a message however many of its patterns match.
 */
#ifndef BUS_MEM_H
#define BUS_MEM_H

#include "bus/bus.h"

struct bus_mem_hub;

struct bus_mem_hub *bus_mem_hub_new(void);
/* Close all parties first. */
void bus_mem_hub_free(struct bus_mem_hub *hub);

/* A party; up at once if the hub is, and told so at the next delivery. */
void bus_mem_open(struct bus *out, struct bus_mem_hub *hub, const struct bus_handler *handler);

/* Deliver everything that waits, also what is published meanwhile; returns the number. */
size_t bus_mem_deliver(struct bus_mem_hub *hub);

/* Messages of one party that may wait for delivery, 1000 at start; more: ERR_EXHAUSTED. */
void bus_mem_set_window(struct bus_mem_hub *hub, size_t window);

/*
 * The broker goes away (what waits is lost) or comes back (subscriptions are made
 * again, which repeats retained messages). Parties are told at the next delivery.
 */
void bus_mem_set_up(struct bus_mem_hub *hub, bool up);

/*
 * Called for each message and receiver before delivery: how many copies to
 * deliver (0 drops, 2 duplicates). Null: one.
 */
void bus_mem_set_fate(struct bus_mem_hub *hub,
		      int (*fate)(void *ctx, const char *topic, const uint8_t *payload, size_t len),
		      void *ctx);

#endif
