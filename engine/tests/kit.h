/*
 * The engine over the real core with the store in memory, in virtual time: one
 * server or several on one database, each of which can be killed at any commit.
 */
#ifndef ENGINE_TESTS_KIT_H
#define ENGINE_TESTS_KIT_H

#include "c2/core/core.h"
#include "engine/engine.h"
#include "tests/check.h"

enum { KIT_START = 1800000000, KIT_SERVERS = 3 };

struct kit;

struct server {
	struct kit *kit;
	struct store store; /* a connection of its own; none: the kit's */
	struct core *core;
	struct fleet fleet; /* the core's */
	struct engine *engine;
	bool dead;               /* nothing works until it is started again */
	size_t n_commits;        /* since the test set it to 0 */
	size_t die_at;           /* the commit of this number; 0: none */
	bool die_late;           /* after it was done */
	int64_t down_s;          /* how long it then stays down */
	int64_t up_at_ms;        /* monotonic */
	enum err_code fail_ops;  /* commits with operations fail so; ERR_OK: not */
	size_t n_begun, n_ended; /* runs it told of */
	Pb__RunState last_state;
	int64_t wait_ms; /* what engine_work gave */
};

struct kit {
	struct clock_manual clock_state;
	struct clock clock;
	const char *url; /* of PostgreSQL; null: the store in memory, of all servers */
	struct store store;
	struct custody custody;
	struct engine_config config;
	struct server servers[KIT_SERVERS];
	size_t n_servers;
	size_t n_deaths;
	uint32_t turn;      /* which server works first: by chance */
	struct arena arena; /* of answers */
	struct err err;
};

void kit_open(struct kit *k, size_t n_servers);
/* On an empty database of PostgreSQL. */
void kit_open_pg(struct kit *k, size_t n_servers, const char *url);
void kit_close(struct kit *k);
/* The process is gone at once, and a new one begins with what the database holds. */
void server_restart(struct server *s);
void server_work(struct server *s);
/* All servers work until they have nothing to do now. */
void kit_settle(struct kit *k);
/* Time goes on to the end, from each moment at which something is due to the next. */
void kit_run(struct kit *k, int64_t seconds);
void kit_step_clock(struct kit *k, int64_t seconds);

/* What the fleet has. */
void kit_topic(struct kit *k, const char *name);
void kit_client(struct kit *k, const char *name);
void kit_attach(struct kit *k, const char *client, const char *topic);
/* Revision of its key; 0: there is none. */
int64_t kit_topic_rev(struct kit *k, const char *name);
int64_t kit_rotated_at(struct kit *k, const char *name);

/* Rules; all by the first server. A trigger or target with null is left out. */
Pb__Trigger *trigger(struct kit *k, Pb__TriggerType type, const char *settings);
Pb__Target *target(struct kit *k, Pb__TargetType type, const char *expr);
Pb__AddRuleRequest *request(struct kit *k, Pb__Trigger *a, Pb__Trigger *b, Pb__Target *t);
int32_t kit_add(struct kit *k, Pb__AddRuleRequest *req);
/* Rotate a topic by a cron expression. */
int32_t kit_cron(struct kit *k, const char *expr, const char *topic);
Pb__Rule *kit_rule(struct kit *k, int32_t id);
/* Its newest run; null: none. */
Pb__Run *kit_last_run(struct kit *k, int32_t id);
size_t kit_n_runs(struct kit *k, int32_t id);

#endif
