/*
 * Speed and size of a store: bench_store [DIR|pg|maria [CLIENTS [TOPICS_EACH]]]; pg
 * and maria are PostgreSQL and MariaDB with their default settings, in a folder of /tmp. Keys are
 * random bytes of the sealed length; nothing is encrypted here.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "c2/store/maria.h"
#include "c2/store/pg.h"
#include "c2/store/sqlite.h"
#include "c2/store/tests/maria_server.h"
#include "c2/store/tests/pg_server.h"

#define N_TOPICS 1000
#define BATCH 1000
#define SLICE 250
#define SINGLES 2000
#define READS 20000
#define SEALED_LEN 49 /* a 32-byte key */

static struct store store;
static struct err err;
static int64_t n_clients = 100000, each = 10;
static int64_t client_ids[2000000], topic_ids[N_TOPICS];

static void must(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "bench_store: %s\n", err.text);
	exit(1);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct pg_server pg; /* one of these two, or else SQLite */
static struct maria_server maria;

/* Processor time of a process if it is the server or its child, from /proc/PID/stat. */
static double server_cpu_s(const char *pid, int server)
{
	char path[64], text[512];
	unsigned long user, system;
	int of;
	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = 0;
	const char *rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &of, &user,
		   &system) != 3 ||
	    (of != server && atoi(pid) != server))
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Ours and the server's: on a machine with other work it tells more than the clock. */
static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	double s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	int server = pg.child.pid ? pg.child.pid : maria.child.pid;
	DIR *d = server ? opendir("/proc") : 0;
	if (!d)
		return s;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			s += server_cpu_s(e->d_name, server);
	}
	closedir(d);
	return s;
}

struct mark {
	double wall_s, cpu_s;
};

static struct mark mark(void)
{
	return (struct mark){now_s(), cpu_s()};
}

static void report(const char *what, int64_t n, struct mark start)
{
	double s = now_s() - start.wall_s, cpu = cpu_s() - start.cpu_s;
	printf("%-46s %10.0f /s  %9.1f us each, %7.1f us of processor\n", what, (double)n / s,
	       s * 1e6 / (double)n, cpu * 1e6 / (double)n);
	fflush(stdout);
}

static int64_t next_rev(void)
{
	int64_t rev;
	must(store.ops->revision_next(store.ctx, &rev, &err));
	return rev;
}

static void begin(void)
{
	must(store.ops->begin(store.ctx, &err));
}

static void commit(void)
{
	must(store.ops->commit(store.ctx, &err));
}

static void random_key(struct sealed *key)
{
	key->len = SEALED_LEN;
	randombytes_buf(key->bytes, SEALED_LEN);
}

static void name_client(struct store_client *c, const char *prefix, int64_t i)
{
	*c = (struct store_client){0};
	snprintf(c->name, sizeof c->name, "%s-%07" PRId64, prefix, i);
	crypto_generichash(c->e4id, sizeof c->e4id, (const unsigned char *)c->name, strlen(c->name),
			   0, 0);
}

/* As the core does: is it there, and then it is put. */
static int64_t add_client(const char *prefix, int64_t i)
{
	struct store_client c, other;
	bool found;
	name_client(&c, prefix, i);
	must(store.ops->client_by_e4id(store.ctx, c.e4id, &other, &found, &err));
	c.key_rev = c.wanted_rev = next_rev();
	random_key(&c.key);
	must(store.ops->client_put(store.ctx, &c, &err));
	return c.id;
}

static void announce(int64_t first, int64_t n)
{
	static struct store_client rows[BATCH];
	for (int64_t i = 0; i < n; i++)
		name_client(&rows[i], "device", first + i);
	must(store.ops->clients_ahead(store.ctx, rows, (size_t)n, &err));
}

static int64_t add_topic(int64_t i)
{
	struct store_topic t = {.rev = next_rev(), .rotated_at = 1790000000};
	snprintf(t.name, sizeof t.name, "plant/line-%04" PRId64 "/measurements", i);
	randombytes_buf(t.hash, sizeof t.hash);
	random_key(&t.key);
	t.walk_rev = t.rev;
	must(store.ops->topic_put(store.ctx, &t, &err));
	return t.id;
}

static void attach(int64_t client, int64_t topic)
{
	struct store_member m = {client, topic, next_rev(), false};
	must(store.ops->member_put(store.ctx, &m, &err));
}

/* What the delivery does to a client: a row read, changed, written. */
static void touch(int64_t id, int64_t rev)
{
	struct store_client c;
	bool found;
	must(store.ops->client_by_id(store.ctx, id, &c, &found, &err));
	c.sent_rev = c.confirmed_rev = rev;
	c.last_stamp = 1790000000;
	c.last_seen = 1790000000;
	c.clock_offset = 1;
	must(store.ops->client_put(store.ctx, &c, &err));
}

/* What the delivery does to the clients of a slice. */
static void rewrite_states(int64_t first)
{
	static struct store_client rows[SLICE];
	for (int64_t i = 0; i < SLICE; i++) {
		rows[i] = (struct store_client){.id = client_ids[first + i], .next_at = 1790000000};
		rows[i].last_stamp = 1790000000;
		randombytes_buf(rows[i].nonce, sizeof rows[i].nonce);
	}
	begin();
	must(store.ops->clients_state(store.ctx, rows, SLICE, &err));
	commit();
}

static void fill(void)
{
	struct mark t = mark();
	begin();
	for (int i = 0; i < N_TOPICS; i++)
		topic_ids[i] = add_topic(i);
	commit();
	for (int64_t i = 0; i < n_clients; i += BATCH) {
		begin();
		announce(i, n_clients - i < BATCH ? n_clients - i : BATCH);
		for (int64_t j = i; j < i + BATCH && j < n_clients; j++)
			client_ids[j] = add_client("device", j);
		commit();
	}
	report("clients created, batches of 1,000", n_clients, t);
	t = mark();
	for (int64_t i = 0; i < n_clients; i += BATCH / 10) {
		begin();
		for (int64_t j = i; j < i + BATCH / 10 && j < n_clients; j++) {
			for (int64_t k = 0; k < each; k++)
				attach(client_ids[j], topic_ids[(j / 10 + k * 97) % N_TOPICS]);
		}
		commit();
	}
	report("members attached, batches of 1,000", n_clients * each, t);
	t = mark();
	int64_t rev;
	must(store.ops->revision(store.ctx, &rev, &err));
	for (int64_t i = 0; i < n_clients; i += BATCH) {
		begin();
		for (int64_t j = i; j < i + BATCH && j < n_clients; j++)
			touch(client_ids[j], rev);
		commit();
	}
	report("clients read and rewritten, batches of 1,000", n_clients, t);
	t = mark();
	for (int64_t i = 0; i + SLICE <= n_clients; i += SLICE)
		rewrite_states(i);
	report("states of clients rewritten, slices of 250", n_clients, t);
}

static void singles(void)
{
	struct mark t = mark();
	for (int i = 0; i < SINGLES; i++) {
		begin();
		add_client("single", i);
		commit();
	}
	report("clients created, one transaction each", SINGLES, t);
	t = mark();
	for (int i = 0; i < SINGLES; i++) {
		begin();
		attach(client_ids[(int64_t)randombytes_uniform((uint32_t)n_clients)],
		       topic_ids[randombytes_uniform(N_TOPICS)]);
		commit();
	}
	report("members attached, one transaction each", SINGLES, t);
	t = mark();
	for (int i = 0; i < SINGLES; i++) {
		struct store_topic row;
		bool found;
		must(store.ops->topic_by_id(store.ctx, topic_ids[i % N_TOPICS], &row, &found,
					    &err));
		begin();
		row.rev = next_rev();
		random_key(&row.key);
		must(store.ops->topic_put(store.ctx, &row, &err));
		commit();
	}
	report("topics rotated, one transaction each", SINGLES, t);
}

static bool count_name(void *arg, const char *name)
{
	(void)name;
	++*(int64_t *)arg;
	return true;
}

static bool count_member(void *arg, const struct store_member_topic *row)
{
	(void)row;
	++*(int64_t *)arg;
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Time each call: median, 99th percentile and worst. */
static void spread(const char *what, int n, void (*call)(void))
{
	double *each_s = calloc((size_t)n, sizeof *each_s);
	for (int i = 0; i < n; i++) {
		double t = now_s();
		call();
		each_s[i] = now_s() - t;
	}
	qsort(each_s, (size_t)n, sizeof *each_s, compare);
	printf("%-46s median %8.1f us  p99 %8.1f us  worst %8.1f us\n", what, each_s[n / 2] * 1e6,
	       each_s[n * 99 / 100] * 1e6, each_s[n - 1] * 1e6);
	fflush(stdout);
	free(each_s);
}

static int64_t sink;

static int64_t any(int64_t n)
{
	return (int64_t)randombytes_uniform((uint32_t)n);
}

static void read_client(void)
{
	char name[64];
	struct store_client row;
	bool found;
	snprintf(name, sizeof name, "device-%07" PRId64, any(n_clients));
	must(store.ops->client_by_name(store.ctx, name, &row, &found, &err));
}

static void read_clients_page(void)
{
	struct store_page page = {any(n_clients), 100};
	must(store.ops->clients(store.ctx, page, count_name, &sink, &err));
}

static void read_client_topics(void)
{
	struct store_page page = {0, 100};
	must(store.ops->client_topics(store.ctx, client_ids[any(n_clients)], page, count_name,
				      &sink, &err));
}

static void read_client_members(void)
{
	must(store.ops->client_members(store.ctx, client_ids[any(n_clients)], count_member, &sink,
				       &err));
}

static void read_topic_clients(void)
{
	struct store_page page = {any(n_clients * each / N_TOPICS), 100};
	must(store.ops->topic_clients(store.ctx, topic_ids[any(N_TOPICS)], page, count_name, &sink,
				      &err));
}

static void read_progress(void)
{
	struct store_progress p = {0};
	int64_t after = 0;
	must(store.ops->topic_progress(store.ctx, topic_ids[any(N_TOPICS)], &after, 10000, &p,
				       &err));
}

static int64_t big_topic;

static void read_big_topic_clients(void)
{
	struct store_page page = {any(n_clients), 100};
	must(store.ops->topic_clients(store.ctx, big_topic, page, count_name, &sink, &err));
}

static void read_big_progress(void)
{
	struct store_progress p = {0};
	int64_t after = any(n_clients);
	must(store.ops->topic_progress(store.ctx, big_topic, &after, 1000, &p, &err));
}

static void reads(void)
{
	spread("client by name", READS, read_client);
	spread("page of 100 clients, any offset", READS / 10, read_clients_page);
	spread("topics of a client", READS, read_client_topics);
	spread("members of a client with keys", READS, read_client_members);
	spread("page of 100 clients of a topic, any offset", READS / 10, read_topic_clients);
	spread("progress of a topic", READS / 10, read_progress);
}

static void reads_of_big_topic(void)
{
	begin();
	big_topic = add_topic(N_TOPICS);
	for (int64_t i = 0; i < n_clients; i++)
		attach(client_ids[i], big_topic);
	commit();
	spread("topic of all clients: page of 100, any offset", 50, read_big_topic_clients);
	spread("topic of all clients: progress, a slice of 1,000", 20, read_big_progress);
}

static char path[4096];
static void open_store(void)
{
	if (pg.child.pid)
		must(store_pg_open(&store, &(struct store_pg_config){.url = pg.url}, &err));
	else if (maria.child.pid)
		must(store_maria_open(&store, &(struct store_maria_config){.url = maria.url},
				      &err));
	else
		must(store_sqlite_open(&store, path, &err));
}

static double bytes_on_disk(void)
{
	struct stat st;
	if (pg.child.pid)
		return (double)pg_server_sql(&pg, "SELECT pg_database_size(current_database())");
	if (maria.child.pid)
		return (double)maria_server_sql(&maria,
						"SELECT sum(file_size) FROM information_schema."
						"innodb_sys_tablespaces WHERE name LIKE 'e4/%'");
	must(stat(path, &st) == 0);
	return (double)st.st_size;
}

static void sizes(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("%-46s %10.1f MB\n", "on disk", bytes_on_disk() / 1e6);
	printf("%-46s %10.1f MB, %.1f of it for this program's list of ids\n",
	       "most memory resident", (double)usage.ru_maxrss * 1024 / 1e6,
	       (double)(n_clients * 8) / 1e6);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	if (argc > 2)
		n_clients = strtoll(argv[2], 0, 10);
	if (argc > 3)
		each = strtoll(argv[3], 0, 10);
	if (sodium_init() < 0 || n_clients < 1 ||
	    n_clients > (int64_t)(sizeof client_ids / sizeof client_ids[0]) || each < 0 ||
	    each > N_TOPICS / 2) {
		fprintf(stderr, "usage: bench_store [DIR|pg|maria [CLIENTS [TOPICS_EACH]]]\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/bench-%d.db", dir, (int)getpid());
	if ((strcmp(dir, "pg") == 0 && !pg_server_start(&pg)) ||
	    (strcmp(dir, "maria") == 0 && !maria_server_start(&maria)))
		return 1;
	open_store();
	fill();
	store.ops->close(store.ctx);
	sizes();
	open_store();
	reads();
	singles();
	reads_of_big_topic();
	store.ops->close(store.ctx);
	sizes();
	if (pg.child.pid)
		child_remove(&pg.child);
	else if (maria.child.pid)
		child_remove(&maria.child);
	else
		unlink(path);
	return 0;
}
