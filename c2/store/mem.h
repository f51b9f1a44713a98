/*
 * The store in memory: for simulations of large fleets and as the plain model
 * of what the others do. Nothing survives the process; a client with one topic
 * takes about 400 bytes.
 */
#ifndef C2_STORE_MEM_H
#define C2_STORE_MEM_H

#include "c2/core/store.h"

void store_mem_open(struct store *out);

#endif
