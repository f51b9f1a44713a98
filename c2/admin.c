#define _GNU_SOURCE
#include "c2/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "c2/core/backup.h"
#include "c2/core/rekey.h"
#include "c2/parts.h"

/* --- Backup ----------------------------------------------------------------------- */

/* For its owner alone, and never over another file. */
static FILE *create(const char *path, struct err *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_set(err, errno == EEXIST ? ERR_EXISTS : ERR_FORBIDDEN, "%s: %s", path,
			errno == EEXIST ? "is there already; name another file" : strerror(errno));
		return 0;
	}
	fchmod(fd, 0600);
	return fdopen(fd, "wb");
}

static bool finish(FILE *f, const char *path, bool ok, struct err *err)
{
	if (f == stdout)
		return ok;
	if (ok && fsync(fileno(f)) != 0)
		ok = err_set(err, ERR_STORE, "%s: %s", path, strerror(errno));
	if (fclose(f) != 0 && ok)
		ok = err_set(err, ERR_STORE, "%s: %s", path, strerror(errno));
	if (!ok)
		unlink(path);
	return ok;
}

static void tell(const char *what, const struct backup_counts *n)
{
	fprintf(stderr, "c2: %s %" PRId64 " clients, %" PRId64 " topics, %" PRId64 " attachments\n",
		what, n->rows[STORE_CLIENT], n->rows[STORE_TOPIC], n->rows[STORE_MEMBER]);
}

/* A database that never had a server has no master key yet. */
static bool open_custody(struct custody *out, const struct c2_conf *conf, const struct store *store,
			 bool as_it_is, struct err *err)
{
	struct custody_soft_config config = conf_custody(conf);
	uint8_t mode;
	size_t len;
	bool found;

	config.as_it_is = as_it_is;
	if (!store->ops->meta_get(store->ctx, "crypto_mode", &mode, 1, &len, &found, err))
		return false;
	if (!found)
		return err_set(err, ERR_PRECONDITION, "no server has used this database yet");
	return custody_soft_open(out, &config, store, err);
}

static bool backup(const struct admin_options *o, const struct c2_conf *conf, struct err *err)
{
	struct store store = {0};
	struct custody custody = {0};
	struct backup_counts n;
	FILE *out = 0;
	bool ok = conf_store_beside(&store, conf, err) &&
		  open_custody(&custody, conf, &store, true, err) && (out = create(o->to, err));

	if (ok)
		ok = finish(out, o->to, backup_write(out, &store, &custody, &n, err), err);
	if (ok)
		tell("saved", &n);
	custody_close(&custody);
	store_close(&store);
	return ok;
}

/* --- Restore ---------------------------------------------------------------------- */

static bool authentic(const struct backup_meta *m, const struct c2_conf *conf,
		      const struct store *meta, struct err *err)
{
	struct custody_soft_config config = conf_custody(conf);
	struct custody custody = {0};
	bool ok;

	config.as_it_is = true;
	ok = custody_soft_open(&custody, &config, meta, err) && backup_authentic(m, &custody, err);
	custody_close(&custody);
	return ok;
}

static bool restore(const struct admin_options *o, const struct c2_conf *conf, struct err *err)
{
	FILE *in = fopen(o->from, "rbe");
	struct store store = {0}, meta;
	struct backup_meta *m = 0;
	struct backup_counts n;
	bool ok = in || err_set(err, ERR_NOT_FOUND, "%s: %s", o->from, strerror(errno));

	if (ok && !(m = backup_read(in, &n, err)))
		ok = err_wrap(err, "%s", o->from);
	if (ok) {
		meta = backup_meta_store(m);
		rewind(in);
		ok = authentic(m, conf, &meta, err) && conf_store_open(&store, conf, err) &&
		     backup_restore(in, m, &store, time(0), err);
	}
	if (ok)
		tell("restored", &n);
	store_close(&store);
	backup_meta_free(m);
	if (in)
		fclose(in);
	return ok;
}

/* --- Rekey ------------------------------------------------------------------------ */

enum { LOOK_MS = 200, TRIES = 10 };

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, 0);
}

/* One line that is written over, for a person who watches. */
static bool show(const struct store *store, bool *running, struct err *err)
{
	struct rekey_progress p;
	int64_t clients;

	if (!rekey_progress(store, &p, err) ||
	    !store->ops->clients_count(store->ctx, &clients, err))
		return false;
	*running = p.running;
	if (p.running && isatty(STDERR_FILENO))
		fprintf(stderr, "\rc2: %s: %" PRId64 " of %" PRId64 " clients ",
			p.checking ? "checked" : "sealed anew", p.clients, clients);
	return true;
}

/* A database server may be busy or restart: what was done stays done. */
static bool drive(const struct store *store, const struct custody *custody, struct err *err)
{
	bool more = true, running;

	for (int failed = 0; more && failed < TRIES;) {
		if (rekey_slice(store, custody, &more, err)) {
			failed = 0;
			if (!show(store, &running, err))
				return false;
		} else {
			more = true;
			failed++;
			pause_ms(LOOK_MS * failed);
		}
	}
	return !more;
}

/* The server that has the file does the work. */
static bool watch(const struct store *store, struct err *err)
{
	bool running = true;

	while (show(store, &running, err) && running)
		pause_ms(LOOK_MS);
	return !running;
}

static bool is_in_force(const struct c2_conf *conf, const struct store *store)
{
	const struct custody_soft_config config = {
		.passphrase_file = conf->custody_next_passphrase_file,
		.key_file = conf->custody_next_key_file,
		.as_it_is = true,
	};
	struct custody custody = {0};
	struct err ignored;
	bool ok = custody_soft_open(&custody, &config, store, &ignored);

	custody_close(&custody);
	return ok;
}

static bool rekey(const struct admin_options *o, const struct c2_conf *conf, struct err *err)
{
	struct store store = {0};
	struct custody custody = {0};
	enum custody_state state;
	struct err busy;
	bool alone = conf_store_open(&store, conf, &busy), ok, done;

	(void)o;
	ok = (alone || conf_store_beside(&store, conf, err)) &&
	     open_custody(&custody, conf, &store, !alone, err) &&
	     custody_state(&custody, &state, err);
	/* It was in force already, or the server beside us does not know it. */
	done = ok && state == CUSTODY_FIXED && is_in_force(conf, &store);
	ok = ok && (done || (rekey_begin(&store, &custody, err) &&
			     (alone ? drive(&store, &custody, err) : watch(&store, err))));
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (ok)
		fputs("c2: the master key is changed: put custody.next_* in the place of the "
		      "setting that names the previous one, which may go\n",
		      stderr);
	custody_close(&custody);
	store_close(&store);
	return ok;
}

/* --- Migrate ---------------------------------------------------------------------- */

static bool migrate(const struct admin_options *o, const struct c2_conf *conf, struct err *err)
{
	struct store store = {0};
	int have = 0, want = 0;
	bool ok = conf_store_schema(conf, &have, &want, err);

	if (ok && have == want) {
		printf("the database has schema %d: nothing to do\n", have);
	} else if (ok && o->check && have <= want) {
		printf("the database has schema %d, this version needs %d: c2 migrate, or a "
		       "start, brings it there\n",
		       have, want);
	} else if (ok) {
		ok = have > want ? err_set(err, ERR_STORE,
					   "the database was made by a newer version (schema %d, "
					   "this program knows %d): run that version",
					   have, want)
				 : conf_store_open(&store, conf, err);
		if (ok)
			printf("the database was brought from schema %d to %d\n", have, want);
	}
	store_close(&store);
	return ok;
}

/* --- The commands ----------------------------------------------------------------- */

static const struct command {
	const char *name;
	bool (*run)(const struct admin_options *o, const struct c2_conf *conf, struct err *err);
	bool to, from, check; /* options that it needs, or may have */
} commands[] = {
	{"backup", backup, true, false, false},
	{"restore", restore, false, true, false},
	{"rekey", rekey, false, false, false},
	{"migrate", migrate, false, false, true},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return 0;
}

bool admin_known(const char *command, const struct admin_options *options, struct err *err)
{
	const struct command *c = find(command);

	if (!c)
		return err_set(err, ERR_INVALID, "%s: no such command", command);
	if (c->to != (options->to != 0))
		return err_set(err, ERR_INVALID, "%s: %s --to FILE", command,
			       c->to ? "needs" : "has no option");
	if (c->from != (options->from != 0))
		return err_set(err, ERR_INVALID, "%s: %s --from FILE", command,
			       c->from ? "needs" : "has no option");
	if (!c->check && options->check)
		return err_set(err, ERR_INVALID, "%s: has no option --check", command);
	return true;
}

int admin_run(const char *command, const struct admin_options *options, const struct c2_conf *conf)
{
	struct err err;

	umask(077);
	file_harden_process();
	if (find(command)->run(options, conf, &err) && fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "c2: %s: %s\n", command, err.text);
	return start_exit(&err);
}
