/* Whole tables, as a backup takes them. */
#ifndef C2_STORE_TESTS_BACKUP_TESTS_H
#define C2_STORE_TESTS_BACKUP_TESTS_H

#include "c2/store/tests/kit.h"

#define BACKUP_CLIENTS 1100 /* two rows for each: three pages */

struct ordered {
	const char *kinds;
	/* The key of the last row, compared by its bytes, by either column first. */
	char last[2][2 * STORE_NAME_MAX + 2];
	int n;
	bool out_of_order[2];
};

static void compare(struct ordered *o, int first, const struct store_value *v)
{
	char key[sizeof o->last[0]] = {0};
	size_t len = 0;
	for (int i = 0; i < 2; i++) {
		const struct store_value *part = &v[i ^ first];
		for (int shift = 56; o->kinds[i ^ first] == 'i' && shift >= 0; shift -= 8)
			key[len++] = (char)(part->n >> shift);
		memcpy(key + len, part->bytes ? part->bytes : (const uint8_t *)"", part->len);
		len += part->len + 1; /* ends with a zero, as e4ids are of one length */
	}
	o->out_of_order[first] |= o->n && memcmp(o->last[first], key, sizeof key) >= 0;
	memcpy(o->last[first], key, sizeof key);
}

static bool take_in_order(void *arg, const struct store_value *v)
{
	struct ordered *o = arg;
	compare(o, 0, v);
	compare(o, 1, v);
	return ++o->n;
}

static void rows_are(enum store_table table, int n)
{
	struct ordered o = {.kinds = store_columns[table]};
	OK(OPS->rows(CTX, table, take_in_order, &o, &err));
	CHECK(!o.out_of_order[0] || !o.out_of_order[1]);
	CHECK_EQ(o.n, n);
}

/* Two rows of each table whose key has two columns, and whatever bytes an e4id has. */
static void add_rows_of(int i, const int64_t targets[2], const int64_t topics[2])
{
	char name[16];
	snprintf(name, sizeof name, "c%d", i);
	int64_t id = add_client(name);
	for (int j = 0; j < 2; j++) {
		struct store_peer p = {.target_id = targets[j],
				       .source_id = id,
				       .e4id = {(uint8_t)(i * 7), (uint8_t)(i >> 8)},
				       .rev = next_rev()};
		put_member(id, topics[j], false);
		put_old_key(id, j + 1, 1);
		OK(OPS->client_tag_put(CTX, id, j ? "b" : "a", &err));
		OK(OPS->link_put(CTX, targets[j], id, &err));
		OK(OPS->peer_put(CTX, &p, &err));
	}
}

static void every_row_of_a_table_is_given_once_and_in_order(void)
{
	if (!OPS->rows) /* no database */
		return;
	begin();
	const int64_t targets[] = {add_client("x"), add_client("y")};
	const int64_t topics[] = {add_topic("t", 1), add_topic("u", 2)};
	for (int i = 0; i < BACKUP_CLIENTS; i++)
		add_rows_of(i, targets, topics);
	commit();
	OK(OPS->snapshot(CTX, &err));
	rows_are(STORE_CLIENT, BACKUP_CLIENTS + 2);
	rows_are(STORE_MEMBER, 2 * BACKUP_CLIENTS);
	rows_are(STORE_OLD_KEY, 2 * BACKUP_CLIENTS);
	rows_are(STORE_TAG, 2 * BACKUP_CLIENTS);
	rows_are(STORE_LINK, 2 * BACKUP_CLIENTS);
	rows_are(STORE_PEER, 2 * BACKUP_CLIENTS);
	CHECK(!OPS->begin(CTX, &err));
	OPS->rollback(CTX);
	begin(); /* and goes on */
	add_client("z");
	commit();
}

#endif
