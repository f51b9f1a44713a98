/*
 * A rule as the engine works with it, and the rows that say what triggers,
 * targets and actions there are: a new one is a row and its functions.
 *
 * All here is pure: nothing reads a clock or asks the fleet.
 */
#ifndef ENGINE_RULE_H
#define ENGINE_RULE_H

#include "api/gen/engine_state.pb-c.h"
#include "base/arena.h"
#include "base/err.h"
#include "engine/fleet.h"
#include "engine/schedule.h"

enum {
	RULE_TRIGGERS_MAX = 100,
	RULE_TARGETS_MAX = 10000,
	RULE_DESCRIPTION_MAX = 1024,
	RULE_WAVES_MAX = 20,
	RULES_MAX = 10000,
	NAME_MAX_CLIENT = 255, /* protocol.md section 1 */
	NAME_MAX_TOPIC = 512
};

#define RULE_NEVER INT64_MAX

/* --- Triggers ----------------------------------------------------------------------------- */

struct trigger_kind;

/* What the settings of a trigger say. */
struct rule_trigger {
	int32_t id;
	const struct trigger_kind *kind;
	uint64_t seed;            /* of its jitter */
	struct schedule schedule; /* TIME_INTERVAL */
	const struct zone *zone;
	int64_t jitter_s;
	int32_t event; /* EVENT: EventType */
	int64_t max;   /* EVENT, MESSAGE_COUNT */
	int64_t age_s; /* KEY_AGE */
};

struct trigger_kind {
	Pb__TriggerType type;
	Pb__RunCause cause;
	const char *name;
	/* Its settings, a JSON object, into t. ERR_INVALID names the setting. */
	bool (*parse)(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
		      struct arena *arena, struct err *err);
	/* Its state when it is made, goes on after a pause, or found the clock wrong. */
	void (*start)(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now);
	/* From when on it is due: RULE_NEVER, if not by time alone. */
	int64_t (*due)(const struct rule_trigger *t, const Engine__StoredTrigger *st);
	/* It fired: its next due time. */
	void (*fired)(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now);
	/* What made it fire, for people. */
	const char *(*cause_text)(const struct rule_trigger *t, const Pb__Trigger *in,
				  struct arena *arena);
	bool timed; /* nextDue of the API tells its due time */
};

/* Null: there is none. */
const struct trigger_kind *trigger_kind(Pb__TriggerType type);
/* A trigger with its settings; ERR_INVALID begins with "type" or "settings". */
bool trigger_parse(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
		   struct arena *arena, struct err *err);
/* Of a time trigger, the firing after the one that is due at *at_s; false: none. */
bool trigger_following(const struct rule_trigger *t, const Engine__StoredTrigger *st, int64_t *due,
		       int64_t *at_s);
/* The shortest gap between its next firings, for warnings; RULE_NEVER for others than time. */
int64_t trigger_shortest_gap(const struct rule_trigger *t, int64_t now);

/* --- Targets ------------------------------------------------------------------------------ */

enum target_how { TARGET_NAME, TARGET_PATTERN, TARGET_TAG };

struct target_kind {
	Pb__TargetType type;
	const char *name;
	bool topic, client; /* what it can be */
	enum target_how how;
};

const struct target_kind *target_kind(Pb__TargetType type);
/* A number that is the same on every server. */
uint64_t hash_name(const char *name, uint64_t seed);

/* --- Actions ------------------------------------------------------------------------------ */

struct action_kind {
	Pb__ActionType type;
	const char *name;
	bool topics;      /* it can act on topics */
	bool keys;        /* it makes new keys: grace periods and waves count */
	bool acts;        /* it changes something; else it only tells */
	bool in_topic;    /* needs options.topic */
	bool tells;       /* needs options.webhook or options.email */
	const char *done; /* what it has done with its targets */
	void (*op)(const Pb__Rule *rule, enum fleet_kind kind, const char *name,
		   struct fleet_op *out);
};

const struct action_kind *action_kind(Pb__ActionType type);

/* --- A rule -------------------------------------------------------------------------------- */

struct rule {
	int32_t id;
	int64_t version; /* of its record */
	uint8_t *body;   /* StoredRule; the index points into it */
	size_t len;
	bool paused;
	bool waves;
	struct rule_trigger *triggers;
	size_t n_triggers;
};

/* From its record; ERR_INTERNAL: no rule that we know how to read. */
bool rule_load(struct rule *r, const struct fleet_record *record, struct zones *zones,
	       struct err *err);
void rule_unload(struct rule *r);
/* Its message, in the arena. */
bool rule_open(const struct rule *r, struct arena *arena, Engine__StoredRule **out,
	       struct err *err);
Pb__RuleOptions *rule_options(const Pb__Rule *rule);

/* --- What is stored ------------------------------------------------------------------------ */

void stored_pack(const ProtobufCMessage *msg, struct arena *arena, struct fleet_record *out);
/* ERR_INTERNAL: damaged. */
bool stored_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *body, size_t len,
		   struct arena *arena, ProtobufCMessage **out, struct err *err);
/* The state of a new rule, or of a changed one: after and before are null for a new one. */
Engine__StoredState *state_for(const struct rule *r, const Engine__StoredState *before,
			       const Pb__Rule *after, const Pb__Rule *rule_before, int64_t now,
			       struct arena *arena);
Google__Protobuf__Timestamp *stamp_of(int64_t at_s, struct arena *arena);

/* --- From the API (rule_check.c) ------------------------------------------------------------ */

/*
 * Fill rule from what a caller gave: all but what the fleet must be asked.
 * before (may be null) keeps ids. ERR_INVALID names the field, as
 * "triggers[1].settings.expr: ...", and says what would be right.
 */
struct rule_draft {
	const char *description;
	Pb__ActionType action;
	Pb__Trigger *const *triggers;
	size_t n_triggers;
	Pb__Target *const *targets;
	size_t n_targets;
	const Pb__RuleOptions *options;
	bool paused;
};

bool rule_check(const struct rule_draft *draft, const Engine__StoredRule *before, int64_t now,
		struct zones *zones, struct arena *arena, Engine__StoredRule **out,
		struct err *err);

#endif
