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
#include "c2/parts.h"
#include "c2/store/sqlite.h"

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
			 struct err *err)
{
	const struct custody_soft_config config = conf_custody(conf);
	int64_t revision;
	uint8_t mode;
	size_t len;
	bool found;

	if (!store->ops->revision(store->ctx, &revision, err) ||
	    !store->ops->meta_get(store->ctx, "crypto_mode", &mode, 1, &len, &found, err))
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
		  open_custody(&custody, conf, &store, err) && (out = create(o->to, err));

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
	const struct custody_soft_config config = conf_custody(conf);
	struct custody custody = {0};
	bool ok = custody_soft_open(&custody, &config, meta, err) &&
		  backup_authentic(m, &custody, err);

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

/* --- Migrate ---------------------------------------------------------------------- */

static bool schema(const struct c2_conf *conf, int *have, int *want, struct err *err)
{
	const struct store_pg_config config = conf_pg(conf);

	return config.url ? store_pg_schema(&config, have, want, err)
			  : store_sqlite_schema(conf->db_path, have, want, err);
}

static bool migrate(const struct admin_options *o, const struct c2_conf *conf, struct err *err)
{
	struct store store = {0};
	int have, want;
	bool ok = schema(conf, &have, &want, err);

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
