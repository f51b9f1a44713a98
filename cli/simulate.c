/* c2cli rule simulate: the rule's own times and the fleet's own presence, on e4sim. */
#define _GNU_SOURCE
#include "cli/simulate.h"

#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	DAY_S = 86400,
	DAYS_DEFAULT = 30,
	DAYS_MAX = 3650,
	FLEET_DEFAULT = 1000,
	FLEET_MAX = 1000000,
	TOPICS_EACH_MAX = 1000,
	AWAY_MIN_S = 60,
	AWAY_MAX = 99, /* of e4sim: somebody must come */
	RESULT_MAX = 4 << 20
};

extern char **environ;

/* --- what the server knows ------------------------------------------------------------------ */

static bool ask(struct session *session, unsigned method, const ProtobufCMessage *request,
		struct arena *arena, const void **out, struct err *err)
{
	ProtobufCMessage *answer;
	bool ok = rpc_call(session->rpc, &api_methods[method], request, arena, &answer, err);

	*out = ok ? answer : NULL;
	return ok;
}

static bool ask_rule(struct simulate *s, struct session *session, int32_t id, struct err *err)
{
	Pb__GetRuleRequest request = PB__GET_RULE_REQUEST__INIT;
	const void *answer;

	request.ruleid = id;
	if (!ask(session, API_C2_AUTOMATION_ENGINE_GET_RULE, &request.base, s->arena, &answer, err))
		return false;
	s->rule = ((const Pb__RuleResponse *)answer)->rule;
	if (!s->rule)
		return err_set(err, ERR_INTERNAL, "the server answered without a rule");
	return s->rule->action == PB__ACTION_TYPE__KEY_ROTATION ||
	       err_set(err, ERR_PRECONDITION,
		       "rule %" PRId32 " rotates no keys: there is nothing to simulate", id);
}

static bool ask_fleet(struct simulate *s, struct session *session, struct err *err)
{
	Pb__GetRuleFleetRequest request = PB__GET_RULE_FLEET_REQUEST__INIT;
	const void *answer;

	request.ruleid = s->rule->id;
	if (!ask(session, API_C2_AUTOMATION_ENGINE_GET_RULE_FLEET, &request.base, s->arena, &answer,
		 err))
		return false;
	s->fleet = answer;
	return s->fleet->sampled > 0 ||
	       err_set(err, ERR_PRECONDITION, "the rule's targets have no devices now");
}

/* --- when it fires -------------------------------------------------------------------------- */

/* What is due within the grace period of the rotation before waits for its end, as the engine has
 * it. */
static void add_fire(struct simulate *s, int64_t at_s)
{
	bool force = s->rule->options && s->rule->options->force;
	int64_t last = s->n_fires ? s->fires[s->n_fires - 1] : 0;
	int64_t first = s->n_fires && !force ? last + s->fleet->grace : last + 1;

	if (at_s <= last) { /* the one that waits is this one, too */
		s->merged++;
		return;
	}
	at_s = at_s < first ? first : at_s;
	if (s->n_fires < SIMULATE_FIRES && at_s < s->now_s + s->days * DAY_S)
		s->fires[s->n_fires++] = at_s;
}

/* Of the key's age the next time alone is told. */
static int64_t next_by_age(const Pb__Rule *rule)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < rule->n_triggers; i++)
		if (rule->triggers[i]->type == PB__TRIGGER_TYPE__KEY_AGE &&
		    rule->triggers[i]->nextdue && rule->triggers[i]->nextdue->seconds < next)
			next = rule->triggers[i]->nextdue->seconds;
	return next;
}

static bool ask_fires(struct simulate *s, struct session *session, struct err *err)
{
	Pb__GetScheduleRequest request = PB__GET_SCHEDULE_REQUEST__INIT;
	const Pb__GetScheduleResponse *times;
	const void *answer;
	int64_t age = next_by_age(s->rule), last;

	request.ruleid = s->rule->id;
	request.count = SIMULATE_FIRES;
	if (!ask(session, API_C2_AUTOMATION_ENGINE_GET_SCHEDULE, &request.base, s->arena, &answer,
		 err))
		return false;
	times = answer;
	last = times->n_times ? times->times[times->n_times - 1]->seconds : 0;
	s->cut = times->n_times == SIMULATE_FIRES && last < s->now_s + s->days * DAY_S;
	if (s->cut)
		s->days = (last - s->now_s) / DAY_S + 1;
	for (size_t i = 0; i < times->n_times; i++) {
		int64_t at = times->times[i]->seconds;

		if (age <= at)
			add_fire(s, age < s->now_s ? s->now_s + 1 : age);
		if (age <= at)
			age = INT64_MAX;
		add_fire(s, at <= s->now_s ? s->now_s + 1 : at);
	}
	if (age != INT64_MAX)
		add_fire(s, age < s->now_s ? s->now_s + 1 : age);
	return true;
}

/* --- the simulator's command line ------------------------------------------------------------ */

static void arg(struct simulate *s, const char *name, const char *value)
{
	s->argv[s->n_args++] = arena_copy(s->arena, name, strlen(name));
	if (value)
		s->argv[s->n_args++] = arena_copy(s->arena, value, strlen(value));
}

static void arg_int(struct simulate *s, const char *name, int64_t value)
{
	arg(s, name, arena_format(s->arena, "%" PRId64, value));
}

/* Hundredths of a percent of all. */
static void arg_share(struct simulate *s, const char *name, int64_t n, int64_t of)
{
	int64_t x = of > 0 ? n * 10000 / of : 0;

	if (x > AWAY_MAX * 100 && strcmp(name, "--offline") == 0)
		x = AWAY_MAX * 100;
	arg(s, name, arena_format(s->arena, "%" PRId64 ".%02d%%", x / 100, (int)(x % 100)));
}

static void arg_fires(struct simulate *s)
{
	char *text = arena_alloc(s->arena, s->n_fires * 24 + 1), *at = text;

	for (size_t i = 0; i < s->n_fires; i++)
		at += sprintf(at, "%s%" PRId64 "s", i ? "," : "", s->fires[i] - s->now_s);
	arg(s, "--rotate-at", text);
}

/*
 * Deciles; the least is left out, as it says nothing of a share. Less than a
 * minute is a minute: what blinks is not away, and takes long to simulate.
 */
static void arg_away(struct simulate *s)
{
	char *text = arena_alloc(s->arena, s->fleet->n_awayfor * 24 + 1), *at = text;
	int64_t last = AWAY_MIN_S - 1;

	for (size_t i = 1; i < s->fleet->n_awayfor; i++) {
		int64_t age = s->fleet->awayfor[i] > last ? s->fleet->awayfor[i] : last + 1;

		at += sprintf(at, "%s%" PRId64 "s", i > 1 ? "," : "", age);
		last = age;
	}
	if (*text)
		arg(s, "--away-for", text);
}

static int64_t at_least(int64_t n, int64_t least)
{
	return n < least ? least : n;
}

/* Fewer devices in fewer topics, so that a topic has as many as before. */
static void args_of_size(struct simulate *s)
{
	const Pb__GetRuleFleetResponse *f = s->fleet;
	int64_t topics = at_least(f->topics, 1), each = at_least(f->perdevice, 1);
	int64_t all = f->complete ? f->sampled : at_least(f->devices, f->sampled);

	each = each > topics ? topics : each;
	each = each > TOPICS_EACH_MAX ? TOPICS_EACH_MAX : each;
	if (!s->devices)
		s->devices = all < FLEET_DEFAULT ? all : FLEET_DEFAULT;
	topics = s->devices < all ? (topics * s->devices + all - 1) / all : topics;
	arg_int(s, "--fleet", s->devices);
	arg_int(s, "--topics", at_least(topics, each));
	arg_int(s, "--per-device", each);
}

static const char *text_of(const struct command *cmd, const char *name)
{
	const struct command_value *v = command_get(cmd, name);

	return v ? v->text : NULL;
}

static void args_of_presence(struct simulate *s, const struct command *cmd)
{
	const Pb__GetRuleFleetResponse *f = s->fleet;
	const char *away = text_of(cmd, "away"), *away_for = text_of(cmd, "away-for");

	arg_share(s, "--legacy", f->silent, f->sampled);
	if (away)
		arg(s, "--offline", away);
	else
		arg_share(s, "--offline", f->away, f->sampled - f->silent);
	s->away = s->argv[s->n_args - 1];
	if (away_for)
		arg(s, "--away-for", away_for);
	else
		arg_away(s);
}

static void make_args(struct simulate *s, const struct command *cmd)
{
	const char *broker = text_of(cmd, "broker"), *svg = text_of(cmd, "svg");

	arg(s, "e4sim", NULL);
	arg(s, "--json", NULL);
	args_of_size(s);
	args_of_presence(s, cmd);
	arg_int(s, "--days", s->days);
	arg_fires(s);
	if (broker)
		arg(s, "--broker", broker);
	if (svg)
		arg(s, "--svg", svg);
}

/* --- running it ------------------------------------------------------------------------------ */

/* Beside this program; else it is looked for in PATH. */
static char *program(struct arena *arena)
{
	char self[4000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self);
	char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL, *path;

	if (!slash || n == sizeof self)
		return arena_copy(arena, "e4sim", 5);
	path = arena_format(arena, "%.*s/e4sim", (int)(slash - self), self);
	return access(path, X_OK) == 0 ? path : arena_copy(arena, "e4sim", 5);
}

static bool start(struct simulate *s, pid_t *pid, int *out, struct err *err)
{
	posix_spawn_file_actions_t actions;
	int ends[2], rc;

	*out = -1;
	if (pipe(ends) < 0 || posix_spawn_file_actions_init(&actions) != 0)
		return err_set(err, ERR_INTERNAL, "no pipe: %s", strerror(errno));
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	rc = posix_spawnp(pid, program(s->arena), &actions, NULL, s->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*out = ends[0];
	if (rc == 0)
		return true;
	close(ends[0]);
	return err_set(err, ERR_PRECONDITION,
		       "the simulator e4sim is neither beside %s nor in PATH (%s)", command_name(),
		       strerror(rc));
}

static size_t read_all(int fd, char *text, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap &&
	       ((n = read(fd, text + len, cap - len)) > 0 || (n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	return len;
}

static bool run_e4sim(struct simulate *s, struct err *err)
{
	char *text = arena_alloc(s->arena, RESULT_MAX);
	json_error_t why;
	size_t len;
	int fd, status = 0;
	pid_t pid = -1;

	if (!start(s, &pid, &fd, err))
		return false;
	len = read_all(fd, text, RESULT_MAX);
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return err_set(err, ERR_CANCELLED, "the simulator was stopped");
	s->result = json_loadb(text, len, 0, &why);
	/* What was wrong it has said itself. */
	return (WEXITSTATUS(status) == 0 && s->result) ||
	       err_set(err,
		       WEXITSTATUS(status) == err_row(ERR_INVALID)->exit ? ERR_INVALID
									 : ERR_INTERNAL,
		       "the simulator gave no result");
}

/* --- the command ------------------------------------------------------------------------------ */

static bool number(const struct command *cmd, const char *name, int64_t least, int64_t most,
		   int64_t *out, struct err *err)
{
	const char *text = text_of(cmd, name);
	char what[32];

	snprintf(what, sizeof what, "--%s", name);
	return !text || opts_int(text, least, most, what, out, err);
}

static bool numbers(struct simulate *s, const struct command *cmd, int64_t *id, struct err *err)
{
	int64_t away;

	return number(cmd, "rule", 0, INT32_MAX, id, err) &&
	       number(cmd, "days", 1, DAYS_MAX, &s->days, err) &&
	       number(cmd, "fleet", 1, FLEET_MAX, &s->devices, err) &&
	       number(cmd, "away", 0, AWAY_MAX, &away, err) &&
	       number(cmd, "max-risk", 0, 100, &s->max_risk, err);
}

static bool judge(const struct simulate *s, struct err *err)
{
	int64_t risk = simulate_risk(s);

	return s->max_risk < 0 || risk <= s->max_risk * 100 ||
	       err_set(err, ERR_PRECONDITION,
		       "%" PRId64
		       ".%02d%% of the devices are at risk at one rotation: more than %" PRId64
		       "%%",
		       risk / 100, (int)(risk % 100), s->max_risk);
}

static bool simulate(struct simulate *s, struct session *session, const struct command *cmd,
		     struct err *err)
{
	int64_t id = 0;

	if (!numbers(s, cmd, &id, err) || !ask_rule(s, session, (int32_t)id, err) ||
	    !ask_fleet(s, session, err) || !ask_fires(s, session, err))
		return false;
	if (s->n_fires) {
		make_args(s, cmd);
		if (!run_e4sim(s, err))
			return false;
	}
	(session->json ? simulate_show_json : simulate_show)(s);
	return judge(s, err);
}

bool run_simulate(struct session *session, const struct command *cmd, struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct simulate *s = arena_alloc(&arena, sizeof *s);
	bool ok;

	*s = (struct simulate){.arena = &arena,
			       .now_s = clock_wall_s(&clock_real),
			       .days = DAYS_DEFAULT,
			       .max_risk = -1};
	ok = simulate(s, session, cmd, err);
	json_decref(s->result);
	arena_free(&arena);
	return ok;
}
