/* An old backup is restored, and the fleet, which is ahead of it, comes back by itself. */
#include "kit.h"

static const enum core_mode modes[] = {CORE_SYMKEY, CORE_PUBKEY};

static struct err err;
static struct core_delivery out;

enum { HOUR = 3600, DAY = 86400, YEAR = 365 * 86400 };

static void fleet(struct kit *k, struct device *d[2])
{
	d[0] = device_new(k, "a");
	d[1] = device_new(k, "b");
	for (int i = 0; i < 2; i++) {
		const char *topic = i ? "u" : "t";

		CHECK(core_topic_new(k->core, topic, &out, &err));
		CHECK(core_attach(k->core, "a", topic, &out, &err));
		CHECK(core_attach(k->core, "b", topic, &out, &err));
	}
	for (int i = 0; i < 2; i++)
		device_announce(d[i]);
	kit_run(k, 60);
	CHECK(in_sync(k, d[0]) && in_sync(k, d[1]));
}

/* What the backup does not know. */
static void lost_time(struct kit *k, struct device *d[2], int64_t off)
{
	for (int i = 0; i < 3; i++) {
		CHECK(core_topic_new(k->core, "t", &out, &err));
		kit_run(k, 20);
	}
	CHECK(core_topic_new(k->core, "v", &out, &err));
	CHECK(core_attach(k->core, "a", "v", &out, &err));
	CHECK(core_detach(k->core, "b", "u", CORE_YES, 0, &out, &err));
	if (k->config.mode == CORE_PUBKEY)
		CHECK(core_pubkey_send(k->core, "a", "b", &out, &err));
	d[1]->clock_off = off;
	device_announce(d[1]);
	kit_run(k, 120);
	CHECK(in_sync(k, d[0]) && in_sync(k, d[1]));
	CHECK(device_key(d[0], "v") && !device_key(d[1], "u"));
}

static void recovered(struct kit *k, struct device *d[2])
{
	for (int i = 0; i < 2; i++)
		CHECK(in_sync(k, d[i]));
	CHECK(!device_key(d[0], "v") && device_key(d[1], "u"));
	CHECK(!device_peer(d[1], "a"));
}

static void keys_go_on(struct kit *k, struct device *d[2])
{
	uint8_t old[32];

	memcpy(old, device_key(d[1], "t")->key, sizeof old);
	CHECK(core_topic_new(k->core, "t", &out, &err));
	kit_run(k, 60);
	CHECK(in_sync(k, d[0]) && in_sync(k, d[1]));
	CHECK(memcmp(old, device_key(d[1], "t")->key, sizeof old) != 0);
	CHECK(core_client_new_key(k->core, "b", &out, &err));
	kit_run(k, 60);
	CHECK(in_sync(k, d[1]));
}

static void an_old_backup(enum core_mode mode, int64_t off, bool announces)
{
	FILE *f = tmpfile();
	struct device *d[2];
	struct kit k;
	int64_t revision;

	kit_open_file(&k, mode);
	fleet(&k, d);
	kit_backup(&k, f);
	lost_time(&k, d, off);
	revision = out.revision;
	kit_restore(&k, f);
	for (int i = 0; i < 2; i++)
		CHECK(kit_status(&k, d[i]->name).state != CORE_CLIENT_CONFIRMED);
	if (announces)
		device_announce(d[1]);
	kit_run(&k, 300);
	recovered(&k, d);
	keys_go_on(&k, d);
	CHECK(out.revision > revision + BACKUP_GAP / 2);
	device_free(d[0]);
	device_free(d[1]);
	kit_close(&k);
	fclose(f);
}

static void the_fleet_comes_back_without_a_word_of_its_own(void)
{
	for (size_t m = 0; m < 2; m++)
		an_old_backup(modes[m], 0, false);
}

/* The clock of b changed in the lost time, and our commands were stamped by it. */
static void devices_with_clocks_that_the_backup_does_not_know_come_back(void)
{
	static const int64_t offs[] = {HOUR, -HOUR, DAY, -DAY, YEAR, -YEAR};

	for (size_t m = 0; m < 2; m++)
		for (size_t i = 0; i < sizeof offs / sizeof *offs; i++)
			an_old_backup(modes[m], offs[i], true);
}

/* A device that never answers gets all of it again, as after any loss. */
static void a_device_without_receipts_is_sent_everything(void)
{
	FILE *f = tmpfile();
	struct device *d;
	struct kit k;

	kit_open_file(&k, CORE_SYMKEY);
	d = device_new(&k, "old");
	d->legacy = d->mute = true;
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_attach(k.core, "old", "t", &out, &err));
	kit_run(&k, 60);
	kit_backup(&k, f);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	kit_run(&k, 60);
	CHECK(holds_all(&k, d));
	kit_restore(&k, f);
	kit_run(&k, 60);
	CHECK(holds_all(&k, d));
	device_free(d);
	kit_close(&k);
	fclose(f);
}

static void a_device_that_is_away_comes_back_later(void)
{
	FILE *f = tmpfile();
	struct device *d[2];
	struct kit k;

	kit_open_file(&k, CORE_PUBKEY);
	fleet(&k, d);
	kit_backup(&k, f);
	lost_time(&k, d, 0);
	d[1]->online = false;
	kit_restore(&k, f);
	kit_run(&k, DAY);
	CHECK(in_sync(&k, d[0]));
	CHECK(strstr(kit_status(&k, "b").reason, "restored"));
	d[1]->online = true;
	device_announce(d[1]);
	kit_run(&k, 120);
	recovered(&k, d);
	CHECK(!strstr(kit_status(&k, "b").reason, "restored"));
	device_free(d[0]);
	device_free(d[1]);
	kit_close(&k);
	fclose(f);
}

/* Restored again from the same file, after the first restore went on. */
static void a_backup_can_be_restored_twice(void)
{
	FILE *f = tmpfile();
	struct device *d[2];
	struct kit k;

	kit_open_file(&k, CORE_SYMKEY);
	fleet(&k, d);
	kit_backup(&k, f);
	lost_time(&k, d, 0);
	for (int i = 0; i < 2; i++) {
		kit_restore(&k, f);
		kit_run(&k, 300);
		recovered(&k, d);
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_run(&k, 60);
		CHECK(in_sync(&k, d[0]));
	}
	device_free(d[0]);
	device_free(d[1]);
	kit_close(&k);
	fclose(f);
}

static size_t column_len(char kind, const uint8_t *at)
{
	size_t len = at[0] | (size_t)at[1] << 8;

	if (kind == 'i')
		return 8;
	if (kind == 'L')
		return 4 + len + ((size_t)at[2] << 16);
	return 2 + (len == 0xffff ? 0 : len);
}

/* The rows of a backup without the columns that version 1 had not, the last ones. */
static size_t rows_of_version_1(uint8_t *to, const uint8_t *in)
{
	enum { MAGIC_LEN = 12 };
	uint8_t *start = to;

	memcpy(to, "E4 BACKUP 1\n", MAGIC_LEN);
	in += MAGIC_LEN;
	to += MAGIC_LEN;
	while (*in != 0xff) {
		uint8_t table = *to++ = *in++;
		bool newer = table == STORE_STATE || table == STORE_CLIENT;

		for (const char *kind = store_columns[table]; *kind; kind++) {
			size_t len = column_len(*kind, in);

			if (kind[1] || !newer) {
				memcpy(to, in, len);
				to += len;
			}
			in += len;
		}
	}
	*to++ = 0xff;
	return (size_t)(to - start);
}

static FILE *of_version_1(struct kit *k, FILE *new)
{
	static const uint8_t seal_row[] = "E4 backup";
	static uint8_t in[1 << 16], bytes[1 << 16];
	FILE *old = tmpfile();
	struct sealed sealed;
	struct e4_sha3 h;
	uint8_t hash[32];
	size_t len;

	rewind(new);
	CHECK(fread(in, 1, sizeof in, new) < sizeof in);
	len = rows_of_version_1(bytes, in);
	e4_sha3_init(&h);
	e4_sha3_update(&h, bytes, len);
	e4_sha3_final(&h, hash);
	CHECK(custody_seal(&k->custody, &sealed, CUSTODY_BACKUP, seal_row, sizeof seal_row, hash,
			   sizeof hash, &err));
	fwrite(bytes, len, 1, old);
	fwrite(hash, sizeof hash, 1, old);
	fwrite(&sealed.len, 1, 1, old);
	fwrite(sealed.bytes, sealed.len, 1, old);
	return old;
}

static void a_backup_of_version_1_is_read(void)
{
	FILE *f = tmpfile(), *old;
	struct device *d[2];
	struct kit k;

	kit_open_file(&k, CORE_SYMKEY);
	fleet(&k, d);
	kit_backup(&k, f);
	old = of_version_1(&k, f);
	lost_time(&k, d, 0);
	kit_restore(&k, old);
	kit_run(&k, 300);
	recovered(&k, d);
	device_free(d[0]);
	device_free(d[1]);
	kit_close(&k);
	fclose(f);
	fclose(old);
}

int main(void)
{
	RUN(the_fleet_comes_back_without_a_word_of_its_own);
	RUN(devices_with_clocks_that_the_backup_does_not_know_come_back);
	RUN(a_device_without_receipts_is_sent_everything);
	RUN(a_device_that_is_away_comes_back_later);
	RUN(a_backup_can_be_restored_twice);
	RUN(a_backup_of_version_1_is_read);
	return END();
}
