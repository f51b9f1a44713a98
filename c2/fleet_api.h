/*
 * A fleet (engine/fleet.h) that another process serves: c2ae calls C2's API, and
 * keeps its own records in a database of its own.
 *
 * Keys and records cannot change in one transaction then. The operations go
 * first, under an id that C2 does not carry out twice, and the records after
 * them: who dies between does them again, which does nothing.
 */
#ifndef C2_FLEET_API_H
#define C2_FLEET_API_H

#include "c2/core/store.h"
#include "cli/rpc.h"
#include "engine/fleet.h"

struct fleet_api {
	struct rpc *rpc;
	struct store *store;
	struct err health; /* of the last call; ERR_OK: well */
};

/* The fleet borrows all of it. */
struct fleet fleet_api(struct fleet_api *of);

#endif
