/*
 * The file store on a simulated disk whose power goes at every step, and on
 * the real file system. The disk keeps for each file what is durable and what
 * was only written; a cut leaves, byte by byte, the one or the other, and of
 * the folder's changes some first part.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "e4/store_posix.h"
#include "fixture.h"

/* --- The disk ---------------------------------------------------------------- */

#define DISK_FILES 64
#define DISK_BYTES 8192
#define DISK_NAMES 8

struct disk_file {
	uint8_t durable[DISK_BYTES], written[DISK_BYTES];
	size_t durable_len, written_len;
};

struct disk_name {
	char name[32];
	int file; /* -1: free */
};

struct disk {
	struct disk_file files[DISK_FILES];
	struct disk_name durable[DISK_NAMES];
	struct disk_name steps[256]
			      [DISK_NAMES]; /* the folder after each change since the last sync */
	int n_files, n_steps;
	int handle_file[1024];
	size_t handle_at[1024];
	int n_handles;
	int calls, cut_at; /* the cut_at-th call meets the cut, counted from 1; 0: never */
	int fail_at;       /* that call alone fails */
	long bytes,
		cut_byte; /* written; the power goes before that one, counted from 1; 0: never */
	unsigned seed;
};

static unsigned chance(struct disk *d)
{
	d->seed = d->seed * 1103515245u + 12345u;
	return d->seed >> 16;
}

static bool disk_step(struct disk *d)
{
	d->calls++;
	return (d->cut_at == 0 || d->calls < d->cut_at) && d->calls != d->fail_at;
}

static struct disk_name *folder(struct disk *d)
{
	return d->n_steps > 0 ? d->steps[d->n_steps - 1] : d->durable;
}

static struct disk_name *change_folder(struct disk *d)
{
	memcpy(d->steps[d->n_steps], folder(d), sizeof d->durable);
	return d->steps[d->n_steps++];
}

static struct disk_name *lookup(struct disk_name *names, const char *name)
{
	for (int i = 0; i < DISK_NAMES; i++)
		if (names[i].file >= 0 && strcmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

static struct disk_name *free_name(struct disk_name *names)
{
	int i = 0;

	while (names[i].file >= 0)
		i++;
	return &names[i];
}

static int disk_open(void *ctx, const char *name, int how)
{
	struct disk *d = ctx;
	struct disk_name *n = lookup(folder(d), name);
	int file;

	if (!disk_step(d))
		return E4_IO_FAILED;
	if (how != E4_IO_CREATE && !n)
		return E4_IO_MISSING;
	if (how == E4_IO_CREATE) {
		if (n)
			return E4_IO_FAILED;
		n = free_name(change_folder(d));
		snprintf(n->name, sizeof n->name, "%s", name);
		n->file = d->n_files++;
	}
	file = n->file;
	d->handle_file[d->n_handles] = file;
	d->handle_at[d->n_handles] = 0;
	return d->n_handles++;
}

static bool disk_read(void *ctx, int file, void *out, size_t len)
{
	struct disk *d = ctx;
	struct disk_file *f = &d->files[d->handle_file[file]];
	size_t at = d->handle_at[file];

	if (!disk_step(d) || len > f->written_len - at)
		return false;
	memcpy(out, f->written + at, len);
	d->handle_at[file] += len;
	return true;
}

static bool disk_write(void *ctx, int file, const void *bytes, size_t len)
{
	struct disk *d = ctx;
	struct disk_file *f = &d->files[d->handle_file[file]];
	bool whole = disk_step(d);

	if (whole && d->cut_byte > 0 && d->bytes + (long)len >= d->cut_byte) {
		whole = false;
		len = (size_t)(d->cut_byte - 1 - d->bytes);
		d->cut_at = d->calls; /* and nothing after it */
	} else if (!whole) {          /* a part of it may have come that far */
		len = d->cut_byte > 0 ? 0 : chance(d) % (len + 1);
	}
	d->bytes += (long)len;
	memcpy(f->written + d->handle_at[file], bytes, len);
	d->handle_at[file] += len;
	if (d->handle_at[file] > f->written_len)
		f->written_len = d->handle_at[file];
	return whole;
}

static bool disk_size(void *ctx, int file, size_t *len)
{
	struct disk *d = ctx;

	*len = d->files[d->handle_file[file]].written_len;
	return disk_step(d);
}

static bool disk_sync(void *ctx, int file)
{
	struct disk *d = ctx;
	struct disk_file *f = &d->files[d->handle_file[file]];

	if (!disk_step(d))
		return false;
	memcpy(f->durable, f->written, sizeof f->durable);
	f->durable_len = f->written_len;
	return true;
}

static void disk_close(void *ctx, int file)
{
	(void)ctx;
	(void)file;
}

static bool disk_rename(void *ctx, const char *from, const char *to)
{
	struct disk *d = ctx;
	struct disk_name *names, *target;

	if (!disk_step(d) || !lookup(folder(d), from))
		return false;
	names = change_folder(d);
	target = lookup(names, to);
	if (target)
		target->file = -1;
	snprintf(lookup(names, from)->name, sizeof names->name, "%s", to);
	return true;
}

static bool disk_remove(void *ctx, const char *name)
{
	struct disk *d = ctx;

	if (!disk_step(d) || !lookup(folder(d), name))
		return false;
	lookup(change_folder(d), name)->file = -1;
	return true;
}

static bool disk_sync_folder(void *ctx)
{
	struct disk *d = ctx;

	if (!disk_step(d))
		return false;
	memcpy(d->durable, folder(d), sizeof d->durable);
	d->n_steps = 0;
	return true;
}

static const struct e4_posix_io disk_io = {
	disk_open,  disk_read,   disk_write,  disk_size,        disk_sync,
	disk_close, disk_rename, disk_remove, disk_sync_folder,
};

static struct disk *disk_new(unsigned seed)
{
	struct disk *d = calloc(1, sizeof *d);

	if (!d)
		abort();
	for (int i = 0; i < DISK_NAMES; i++)
		d->durable[i].file = -1;
	d->seed = seed;
	return d;
}

/* The power is back: what was not synced came to the medium, or not, or in part. */
static void disk_restart(struct disk *d)
{
	int kept = d->n_steps > 0 ? (int)(chance(d) % (unsigned)(d->n_steps + 1)) : 0;

	if (kept > 0)
		memcpy(d->durable, d->steps[kept - 1], sizeof d->durable);
	d->n_steps = 0;
	for (int i = 0; i < d->n_files; i++) {
		struct disk_file *f = &d->files[i];
		unsigned how = chance(d) % 3; /* all durable, all written, or mixed */

		if (how == 1 || (how == 2 && chance(d) % 2))
			f->durable_len = f->written_len;
		for (size_t b = 0; b < DISK_BYTES; b++)
			if (how == 1 || (how == 2 && (chance(d) & 1)))
				f->durable[b] = f->written[b];
		memcpy(f->written, f->durable, sizeof f->written);
		f->written_len = f->durable_len;
	}
	d->cut_at = d->fail_at = d->calls = d->n_handles = 0;
	d->cut_byte = 0;
}

/* --- Clients on it ------------------------------------------------------------ */

static const uint8_t id[16] = {7}, identity[32] = {1, 2, 3};

struct host {
	struct device d;
	struct e4_store_posix store;
};

/* Its store is open. */
static enum e4_result host_start(struct host *h)
{
	struct e4_config cfg = device_config(&h->d, &e4_mode_sk);

	cfg.store = e4_store_posix_functions(&h->store);
	h->d.now = 1700000000;
	if (e4_init(&h->d.c, &cfg) != E4_OK)
		abort();
	return e4_load(&h->d.c);
}

static enum e4_result host_open(struct host *h, struct disk *disk)
{
	memset(h, 0, sizeof *h);
	if (!e4_store_posix_open_io(&h->store, "state", &disk_io, disk))
		return E4_ERR_STORE;
	return host_start(h);
}

static enum e4_result set_topic(struct host *h, const char *name, uint8_t key_byte)
{
	struct e4_topic t;
	uint8_t key[32];

	memset(key, key_byte, sizeof key);
	if (e4_topic_init(&t, &h->d.c, name, strlen(name)) != E4_OK)
		abort();
	return e4_set_topic_key(&h->d.c, &t, key);
}

static enum e4_result remove_topic(struct host *h, const char *name)
{
	struct e4_topic t;

	if (e4_topic_init(&t, &h->d.c, name, strlen(name)) != E4_OK)
		abort();
	return e4_remove_topic(&h->d.c, &t);
}

/* A disk with a client of n topics and one that is wanted. */
static struct disk *disk_with(int n, unsigned seed)
{
	struct disk *disk = disk_new(seed);
	struct host h;
	char name[24];

	CHECK_EQ(host_open(&h, disk), E4_ERR_NO_STATE);
	CHECK_EQ(e4_provision_sk(&h.d.c, id, identity), E4_OK);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "topic %d", i);
		/* the table at once, so that a test has few saves */
		h.d.c.cfg.store.save_begin = NULL;
		CHECK_EQ(set_topic(&h, name, (uint8_t)(i + 1)), E4_OK);
	}
	h.d.c.cfg.store = e4_store_posix_functions(&h.store);
	CHECK_EQ(set_topic(&h, "wanted", 0xee), E4_OK);
	memcpy(disk->durable, folder(disk), sizeof disk->durable);
	disk->n_steps = 0;
	disk->calls = 0;
	return disk;
}

/* So many topics that a state takes several writes. */
static struct disk *filled_disk(unsigned seed)
{
	return disk_with(60, seed);
}

static bool holds(const struct disk *disk, uint8_t byte)
{
	uint8_t key[32];

	memset(key, byte, sizeof key);
	for (int i = 0; i < disk->n_files; i++)
		for (size_t at = 0; at + 32 <= DISK_BYTES; at++)
			if (memcmp(disk->files[i].durable + at, key, 32) == 0 ||
			    memcmp(disk->files[i].written + at, key, 32) == 0)
				return true;
	return false;
}

static bool has_topic(const struct host *h, const char *name)
{
	uint8_t hash[16];

	e4_topic_hash(hash, name, strlen(name));
	for (uint16_t i = 0; i < h->d.c.topics_used; i++)
		if (memcmp(h->d.topics[i].hash, hash, 16) == 0)
			return true;
	return false;
}

static int steps_of_a_save(void)
{
	struct disk *disk = filled_disk(1);
	struct host h;
	int n;

	CHECK_EQ(host_open(&h, disk), E4_OK);
	disk->calls = 0;
	CHECK_EQ(remove_topic(&h, "wanted"), E4_OK);
	n = disk->calls;
	free(disk);
	return n;
}

static void a_power_cut_at_every_step_leaves_the_old_or_the_new_state(void)
{
	int steps = steps_of_a_save();

	CHECK(steps > 10);
	for (int cut = 1; cut <= steps + 1; cut++) {
		for (unsigned seed = 0; seed < 12; seed++) {
			struct disk *disk = filled_disk(seed);
			struct host h;
			bool done;

			CHECK_EQ(host_open(&h, disk), E4_OK);
			disk->calls = 0;
			disk->cut_at = cut;
			done = remove_topic(&h, "wanted") == E4_OK;
			CHECK(has_topic(&h, "wanted") == !done);
			disk_restart(disk);
			CHECK_EQ(host_open(&h, disk), E4_OK);
			CHECK_EQ(h.d.c.topics_used, has_topic(&h, "wanted") ? 61 : 60);
			CHECK(!done || !has_topic(&h, "wanted"));
			/* and the next save works */
			CHECK_EQ(set_topic(&h, "next", 0xdd), E4_OK);
			CHECK_EQ(host_open(&h, disk), E4_OK);
			CHECK(has_topic(&h, "next"));
			free(disk);
		}
	}
}

static void a_power_cut_at_every_byte_written_leaves_the_old_or_the_new_state(void)
{
	bool cut = true;

	for (long byte = 1; cut; byte++) {
		for (unsigned seed = 0; seed < 3; seed++) {
			struct disk *disk = disk_with(1, seed);
			struct host h;
			bool done;

			CHECK_EQ(host_open(&h, disk), E4_OK);
			disk->calls = 0;
			disk->bytes = 0;
			disk->cut_byte = byte;
			done = remove_topic(&h, "wanted") == E4_OK;
			CHECK(has_topic(&h, "wanted") == !done);
			cut = disk->cut_at > 0;
			CHECK(cut || byte > 90 + 88 + 90 + 2 * 88); /* written, and overwritten */
			disk_restart(disk);
			CHECK_EQ(host_open(&h, disk), E4_OK);
			CHECK_EQ(h.d.c.topics_used, has_topic(&h, "wanted") ? 2 : 1);
			CHECK(!done || !has_topic(&h, "wanted"));
			free(disk);
		}
	}
}

static void a_power_cut_at_the_first_save_leaves_nothing_or_the_client(void)
{
	for (int cut = 1; cut <= 20; cut++) {
		for (unsigned seed = 0; seed < 12; seed++) {
			struct disk *disk = disk_new(seed);
			struct host h;
			enum e4_result r;

			CHECK_EQ(host_open(&h, disk), E4_ERR_NO_STATE);
			disk->calls = 0;
			disk->cut_at = cut;
			r = e4_provision_sk(&h.d.c, id, identity);
			disk_restart(disk);
			CHECK(host_open(&h, disk) == E4_OK || r != E4_OK);
			r = e4_load(&h.d.c);
			CHECK(r == E4_OK || r == E4_ERR_NO_STATE);
			free(disk);
		}
	}
}

static void a_step_that_fails_leaves_the_old_state_and_the_next_save_works(void)
{
	int steps = steps_of_a_save();

	for (int fail = 1; fail <= steps; fail++) {
		struct disk *disk = filled_disk(3);
		struct host h, again;
		enum e4_result r;

		CHECK_EQ(host_open(&h, disk), E4_OK);
		disk->calls = 0;
		disk->fail_at = fail;
		r = remove_topic(&h, "wanted");
		CHECK(r == E4_OK || r == E4_ERR_STORE);
		CHECK(has_topic(&h, "wanted") == (r != E4_OK));
		disk->fail_at = 0;
		CHECK_EQ(remove_topic(&h, "wanted"), E4_OK);
		CHECK_EQ(host_open(&again, disk), E4_OK);
		CHECK(!has_topic(&again, "wanted"));
		free(disk);
	}
}

static void a_removed_key_is_nowhere_on_the_disk(void)
{
	struct disk *disk = filled_disk(5);
	struct host h;

	CHECK_EQ(host_open(&h, disk), E4_OK);
	CHECK(holds(disk, 0xee));
	CHECK_EQ(remove_topic(&h, "wanted"), E4_OK);
	CHECK(!holds(disk, 0xee));
	CHECK_EQ(e4_reset_topics(&h.d.c), E4_OK);
	for (int i = 1; i <= 60; i++)
		CHECK(!holds(disk, (uint8_t)i));
	free(disk);
}

static void what_a_crash_left_half_written_is_overwritten(void)
{
	struct disk *disk = filled_disk(6);
	struct host h;

	CHECK_EQ(host_open(&h, disk), E4_OK);
	disk->calls = 0;
	disk->cut_at = 7; /* the new file is whole, not yet renamed */
	CHECK_EQ(set_topic(&h, "late", 0xcc), E4_ERR_STORE);
	disk->cut_at = 0;
	CHECK(holds(disk, 0xcc));
	CHECK_EQ(host_open(&h, disk), E4_OK);
	CHECK(!holds(disk, 0xcc));
	free(disk);
}

/* --- The real file system ------------------------------------------------------ */

static char dir[] = "/tmp/e4-store-XXXXXX";

static enum e4_result file_open(struct host *h, const char *path)
{
	char error[128] = "";

	memset(h, 0, sizeof *h);
	if (!e4_store_posix_open(&h->store, path, error, sizeof error)) {
		CHECK(error[0]);
		return E4_ERR_STORE;
	}
	return host_start(h);
}

static void a_state_is_a_file_for_its_owner_alone(void)
{
	char path[64], other[80];
	struct host h;
	struct stat st;

	snprintf(path, sizeof path, "%s/state", dir);
	CHECK_EQ(file_open(&h, path), E4_ERR_NO_STATE);
	CHECK_EQ(e4_provision_sk(&h.d.c, id, identity), E4_OK);
	CHECK_EQ(set_topic(&h, "a", 1), E4_OK);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	snprintf(other, sizeof other, "%s.new", path);
	CHECK(access(other, F_OK) != 0);
	e4_store_posix_close(&h.store);
	CHECK_EQ(file_open(&h, path), E4_OK);
	CHECK(has_topic(&h, "a"));
	e4_store_posix_close(&h.store);
}

static void two_processes_cannot_have_one_state(void)
{
	char path[64];
	struct host first, second;

	snprintf(path, sizeof path, "%s/state", dir);
	CHECK_EQ(file_open(&first, path), E4_OK);
	CHECK_EQ(file_open(&second, path), E4_ERR_STORE);
	e4_store_posix_close(&first.store);
	CHECK_EQ(file_open(&second, path), E4_OK);
	e4_store_posix_close(&second.store);
}

static void what_is_not_a_file_is_refused(void)
{
	char path[64], target[80];
	struct host h;

	snprintf(path, sizeof path, "%s/none/state", dir);
	CHECK_EQ(file_open(&h, path), E4_ERR_STORE);
	snprintf(path, sizeof path, "%s/", dir);
	CHECK_EQ(file_open(&h, path), E4_ERR_STORE);
	snprintf(path, sizeof path, "%s/link", dir);
	snprintf(target, sizeof target, "%s/state", dir);
	CHECK(symlink(target, path) == 0);
	CHECK_EQ(file_open(&h, path), E4_ERR_STORE); /* unreadable, not "nothing stored" */
	e4_store_posix_close(&h.store);
	snprintf(path, sizeof path, "%s/fifo", dir);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK_EQ(file_open(&h, path), E4_ERR_STORE);
	e4_store_posix_close(&h.store);
}

static void an_empty_file_is_damage(void)
{
	char path[64];
	struct host h;
	int f;

	snprintf(path, sizeof path, "%s/empty", dir);
	f = open(path, O_CREAT | O_WRONLY, 0600);
	CHECK(f >= 0);
	close(f);
	CHECK_EQ(file_open(&h, path), E4_ERR_CORRUPT);
	e4_store_posix_close(&h.store);
}

static void remove_dir(void)
{
	static const char *const names[] = {"state", "state.lock", "link",  "link.lock",
					    "fifo",  "fifo.lock",  "empty", "empty.lock"};
	char path[64];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	uint64_t now;

	RUN(a_power_cut_at_every_step_leaves_the_old_or_the_new_state);
	RUN(a_power_cut_at_every_byte_written_leaves_the_old_or_the_new_state);
	RUN(a_power_cut_at_the_first_save_leaves_nothing_or_the_client);
	RUN(a_step_that_fails_leaves_the_old_state_and_the_next_save_works);
	RUN(a_removed_key_is_nowhere_on_the_disk);
	RUN(what_a_crash_left_half_written_is_overwritten);
	if (!mkdtemp(dir))
		return 1;
	RUN(a_state_is_a_file_for_its_owner_alone);
	RUN(two_processes_cannot_have_one_state);
	RUN(what_is_not_a_file_is_refused);
	RUN(an_empty_file_is_damage);
	remove_dir();
	CHECK(e4_clock_posix_now(NULL, &now) && now > 1600000000);
	return END();
}
