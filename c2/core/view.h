/* Read from the database what plan.h decides on, with keys opened. */
#ifndef C2_CORE_VIEW_H
#define C2_CORE_VIEW_H

#include "c2/core/internal.h"
#include "c2/core/plan.h"

/*
 * The row and the keys of its client, control keys made from them, as of the
 * revision, which is the counter's. view_free also after false.
 */
bool view_open(struct plan_view *v, struct core *c, const struct store_client *row,
	       int64_t revision, struct err *err);

/* Members with their topics as the store gives them; release with free(). */
struct member_list {
	struct store_member_topic *rows;
	size_t n, cap;
};

bool member_list_add(void *list, const struct store_member_topic *row);

/*
 * Topics and peers; keys of what is newer than above are opened. members: of
 * this client, what is newer than above if it was read already, else null.
 */
bool view_load(struct plan_view *v, struct core *c, int64_t above,
	       const struct member_list *members, struct err *err);

void view_free(struct plan_view *v);

/* Seal the plan's commands into the outbox. */
void view_post(struct core *c, const struct plan_view *v, const struct plan *p);

/* What plans depend on beside the view. */
struct plan_input view_input(const struct core *c, int64_t client_id);

#endif
