/*
 * Letters about runs that have ended: what stands in them. They are records,
 * written in the transaction that ends the run, so no end goes untold (tell.h).
 */
#ifndef ENGINE_LETTER_H
#define ENGINE_LETTER_H

#include "api/gen/engine.pb-c.h"
#include "engine/fleet.h"

/* The kind of their records, beside those of engine_inner.h; and how many a run has at most. */
enum { LETTER_RECORD = 6, LETTERS_MAX = 2 };

/* The records of the letters that the rule asks for, in the arena; how many. */
size_t letter_records(const Pb__Rule *rule, const Pb__Run *run, int64_t now, struct arena *arena,
		      struct fleet_record out[LETTERS_MAX]);

#endif
