/*
 * What people are told of runs: letters that are rows until somebody took them.
 *
 * Whichever server takes a row's turn by compare and swap sends it. A letter
 * can come twice (the server died after it was taken), never not at all
 * without a line in the log.
 */
#ifndef ENGINE_TELL_H
#define ENGINE_TELL_H

#include "base/clock.h"
#include "engine/letter.h"
#include "engine/post.h"

struct tell;

/* wake is called when tell_work wants to be called before the time it last gave. */
struct tell *tell_new(const struct fleet *fleet, struct post *post, const struct clock *clock,
		      void (*wake)(void *ctx), void *wake_ctx);
/* After the post was closed, so that nothing is on its way; null is allowed. */
void tell_free(struct tell *t);

/* There may be new letters. */
void tell_look(struct tell *t);
/* Send what is due. Milliseconds until the next call: 0 at once, -1 never. */
int64_t tell_work(struct tell *t);
/* Are letters on their way? */
bool tell_is_busy(const struct tell *t);

#endif
