/* What both importers share: a draft of the client, filled, then installed as a whole. */
#ifndef E4_PORT_IMPORT_H
#define E4_PORT_IMPORT_H

#include "e4/import.h"

struct draft {
	struct e4_client *target;
	struct e4_client fresh; /* tables of its own, with the capacities of the target's */
	char *error;
	size_t error_cap;
	bool failed; /* sticky: the first error is told */
};

bool draft_init(struct draft *d, struct e4_client *target, char *error, size_t error_cap);
void draft_free(struct draft *d);

/* Note what is wrong, unless something was wrong already; always false. */
bool draft_fail(struct draft *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool draft_set_sk(struct draft *d, const uint8_t id[16], const uint8_t key[32]);
bool draft_set_pk(struct draft *d, const uint8_t id[16], const uint8_t private_key[64],
		  const uint8_t c2_public[32]);
bool draft_add_topic(struct draft *d, const uint8_t hash[16], const uint8_t key[32]);
bool draft_add_peer(struct draft *d, const uint8_t id[16], const uint8_t public_key[32]);

/* Store the draft and make it the target. */
bool draft_install(struct draft *d);

#endif
