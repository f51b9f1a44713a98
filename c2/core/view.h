/* Read from the database what plan.h decides on, with keys opened. */
#ifndef C2_CORE_VIEW_H
#define C2_CORE_VIEW_H

#include "c2/core/internal.h"
#include "c2/core/plan.h"

/* The row and the keys of its client, control keys made from them. view_free also after false. */
bool view_open(struct plan_view *v, struct core *c, const struct store_client *row,
	       struct err *err);

/* Topics and peers; keys of what is newer than above are opened. */
bool view_load(struct plan_view *v, struct core *c, int64_t above, struct err *err);

void view_free(struct plan_view *v);

/* Seal the plan's commands into the outbox. */
void view_post(struct core *c, const struct plan_view *v, const struct plan *p);

/* What plans depend on beside the view. */
struct plan_input view_input(const struct core *c, int64_t client_id);

#endif
