/* What plan.c and plan_receipt.c share. */
#ifndef C2_CORE_PLAN_PARTS_H
#define C2_CORE_PLAN_PARTS_H

#include "c2/core/plan.h"

/* Commands of one batch; the database transaction and the bus window stay small. */
enum { PLAN_BATCH_MAX = 128 };

/* The pause after row's last send, exactly and with jitter (0.87 to 1.12 of it). */
int64_t plan_pause(const struct plan_input *in, const struct store_client *row);
int64_t plan_pause_jitter(const struct plan_input *in, const struct store_client *row);

/* It has not confirmed what it shall have, from now on if not since before. */
static inline void plan_behind(struct plan *p, const struct plan_input *in)
{
	if (!p->row.behind_since)
		p->row.behind_since = in->now;
}

/* Add a command; its stamp is set by plan_stamp. level 0 comes before level 1. */
struct plan_command *plan_add(struct plan *p, enum plan_audience audience, int level);

/*
 * Stamp the commands added so far and lift the row's last stamp. Returns 0, or
 * the seconds to wait first; then nothing was changed.
 */
int64_t plan_stamp(struct plan *p, const struct plan_view *v, const struct plan_input *in);

/* Commands for which there is room; 0: not even for a question. */
size_t plan_fit(const struct plan_view *v, const struct plan_input *in);

/* Add the questions for a receipt; asked_at and nonce of the row are set. After plan_stamp. */
void plan_ask(struct plan *p, const struct plan_input *in, uint8_t flags);

void plan_set_topic(struct plan *p, const struct plan_topic *t, int level);
void plan_drop_topic(struct plan *p, const uint8_t hash[16], int level);
void plan_set_peer(struct plan *p, const struct plan_peer *peer, int level);

/* The older keys are not all known to be out of use. */
static inline bool plan_id_pending(const struct plan_view *v)
{
	return v->n_keys > 1;
}

/* At least one, SK too. */
static inline size_t plan_n_c2(const struct plan_view *v)
{
	return v->n_c2 > 1 ? v->n_c2 : 1;
}

static inline bool plan_c2_pending(const struct plan_view *v)
{
	return v->n_c2 > 1;
}

#endif
