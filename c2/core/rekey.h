/*
 * A change of the master key while servers go on: every sealed key is sealed
 * anew, a page of rows in one transaction with its cursor (meta
 * CUSTODY_CHANGE). Any number of processes may take slices, each may end at any
 * moment. What was sealed before the change began is found by the walk, what is
 * written meanwhile is sealed under the next key already. The walk starts again
 * until it has found nothing under the first key; then that key is forgotten.
 */
#ifndef C2_CORE_REKEY_H
#define C2_CORE_REKEY_H

#include "c2/core/store.h"

struct rekey_progress {
	bool running;
	bool checking;   /* a pass that looks whether anything is left */
	int64_t clients; /* done in this pass */
};

/* Begin, unless it has begun, or is done. The custody must be prepared; ERR_PRECONDITION else. */
bool rekey_begin(const struct store *store, const struct custody *custody, struct err *err);
bool rekey_progress(const struct store *store, struct rekey_progress *out, struct err *err);
/* The next page. False in *more: the change is done (the last key was sealed anew). */
bool rekey_slice(const struct store *store, const struct custody *custody, bool *more,
		 struct err *err);

#endif
