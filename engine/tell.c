#include "engine/tell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/message.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	UNDER_WAY_MAX = 16,
	CLAIM_S = 120, /* more than a letter takes; then another server may try */
	FIRST_WAIT_S = 10,
	WAIT_MAX_S = 3600,
	PAGE = 64
};

struct tell {
	struct fleet fleet;
	struct post *post;
	struct clock clock;
	void (*wake)(void *ctx);
	void *wake_ctx;
	struct going *going; /* letters on their way */
	size_t n_going;
	int64_t next_at; /* Unix seconds of the earliest letter that waits; 0: none */
	bool look;       /* read the rows again */
};

/* A letter on its way, with its row as we claimed it. */
struct going {
	struct tell *tell;
	struct arena arena;
	struct fleet_record record;
	Pb__Letter *letter;
	struct going *prev, *next;
};

/* --- rows ----------------------------------------------------------------------------------- */

static int64_t now_of(const struct tell *t)
{
	return clock_wall_s(&t->clock);
}

/* Write the row as the letter is now; a conflict is another server's turn. */
static bool put(struct tell *t, struct fleet_record *record, const Pb__Letter *letter,
		struct arena *arena, bool remove, struct err *err)
{
	struct fleet_txn txn = {.records = record, .n_records = 1};
	uint8_t *bytes;
	int64_t recipients;
	size_t bad;

	api_pack(&letter->base, arena, &bytes, &record->len);
	record->body = bytes;
	record->remove = remove;
	return t->fleet.ops->commit(t->fleet.ctx, &txn, &recipients, &bad, err);
}

static void look_at(struct tell *t, int64_t at)
{
	if (at && (!t->next_at || at < t->next_at))
		t->next_at = at;
}

static int64_t wait_of(int32_t attempts)
{
	int64_t wait = FIRST_WAIT_S;

	while (--attempts > 0 && wait < WAIT_MAX_S)
		wait *= 2;
	return wait < WAIT_MAX_S ? wait : WAIT_MAX_S;
}

/* --- letters on their way --------------------------------------------------------------------- */

static void going_free(struct going *g)
{
	if (g->prev)
		g->prev->next = g->next;
	else
		g->tell->going = g->next;
	if (g->next)
		g->next->prev = g->prev;
	g->tell->n_going--;
	arena_free(&g->arena);
	free(g);
}

static const char *address_of(const Pb__Letter *letter)
{
	return *letter->webhook ? letter->webhook : letter->email;
}

/* Take the row away, or set its next turn. A store that fails leaves the claim to run out. */
static void settle(struct going *g, const char *why)
{
	struct tell *t = g->tell;
	Pb__Letter *letter = g->letter;
	bool over = !why || now_of(t) >= letter->until;
	struct err err;

	letter->nextat = now_of(t) + wait_of(letter->attempts);
	if (!put(t, &g->record, letter, &g->arena, over, &err))
		log_write(LOG_WARN, "a letter's row stays as it was", LOG_STR("reason", err.text));
	if (why)
		log_write(over ? LOG_ERROR : LOG_WARN,
			  over ? "a letter is given up"
			       : "a letter was not taken, another try follows",
			  LOG_STR("to", address_of(letter)), LOG_STR("reason", why),
			  LOG_NUM("run", letter->runid), LOG_NUM("attempts", letter->attempts));
}

static void on_done(void *ctx, const char *why)
{
	struct going *g = ctx;
	struct tell *t = g->tell;

	settle(g, why);
	going_free(g);
	tell_look(t);
}

/* Claim the row, which is another's if that fails, and send. */
static void start(struct tell *t, const struct fleet_record *record, Pb__Letter *read)
{
	struct going *g = mem_alloc(sizeof *g);
	struct post_letter out;
	struct err err;

	*g = (struct going){.tell = t, .record = *record, .next = t->going};
	if (g->next)
		g->next->prev = g;
	t->going = g;
	t->n_going++;
	read->attempts++;
	read->nextat = now_of(t) + CLAIM_S;
	look_at(t, read->nextat);
	/* A copy of its own: the page that it was read with goes away. */
	if (!put(t, &g->record, read, &g->arena, false, &err) ||
	    !api_unpack(&pb__letter__descriptor, g->record.body, g->record.len, &g->arena,
			(ProtobufCMessage **)&g->letter, &err)) {
		going_free(g);
		return;
	}
	out = (struct post_letter){
		.id = arena_format(&g->arena, "%" PRId64 "-%" PRId64, read->runid, g->record.id),
		.webhook = *read->webhook ? g->letter->webhook : NULL,
		.json = g->letter->body,
		.email = *read->email ? g->letter->email : NULL,
		.subject = g->letter->subject,
		.text = g->letter->body,
	};
	if (!post_send(t->post, &out, on_done, g, &err))
		on_done(g, err.text);
}

static void consider(struct tell *t, const struct fleet_record *record, struct arena *arena)
{
	ProtobufCMessage *msg;
	Pb__Letter *letter;
	struct err err;

	if (!api_unpack(&pb__letter__descriptor, record->body, record->len, arena, &msg, &err))
		return;
	letter = (Pb__Letter *)msg;
	if (letter->nextat <= now_of(t) && t->n_going < UNDER_WAY_MAX)
		start(t, record, letter);
	else
		look_at(t, letter->nextat);
}

/* One page; false: that was all, or the store failed. */
static bool read_page(struct tell *t, int64_t *after)
{
	struct arena arena = ARENA_INIT;
	struct fleet_record *rows;
	struct err err;
	size_t n = 0;
	bool ok = t->fleet.ops->records(t->fleet.ctx, LETTER_RECORD, 0, *after, PAGE, false, &arena,
					&rows, &n, &err);

	if (!ok)
		look_at(t, now_of(t) + FIRST_WAIT_S);
	for (size_t i = 0; i < n; i++) {
		*after = rows[i].id;
		consider(t, &rows[i], &arena);
	}
	arena_free(&arena);
	return ok && n == PAGE;
}

int64_t tell_work(struct tell *t)
{
	int64_t after = 0, now = now_of(t);

	if (!t->look && (!t->next_at || t->next_at > now))
		return t->next_at ? (t->next_at - now) * 1000 : -1;
	if (t->n_going >= UNDER_WAY_MAX)
		return -1; /* one that ends wakes */
	t->look = false;
	t->next_at = 0;
	while (read_page(t, &after))
		;
	return !t->next_at ? -1 : t->next_at > now ? (t->next_at - now) * 1000 : 1000;
}

void tell_look(struct tell *t)
{
	t->look = true;
	t->wake(t->wake_ctx);
}

bool tell_is_busy(const struct tell *t)
{
	return t->n_going > 0;
}

struct tell *tell_new(const struct fleet *fleet, struct post *post, const struct clock *clock,
		      void (*wake)(void *ctx), void *wake_ctx)
{
	struct tell *t = mem_alloc(sizeof *t);

	*t = (struct tell){.fleet = *fleet,
			   .post = post,
			   .clock = *clock,
			   .wake = wake,
			   .wake_ctx = wake_ctx,
			   .look = true};
	return t;
}

void tell_free(struct tell *t)
{
	if (!t)
		return;
	for (struct going *g = t->going, *next; g; g = next) {
		next = g->next;
		going_free(g);
	}
	free(t);
}
