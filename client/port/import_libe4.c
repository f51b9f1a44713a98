/*
 * The C client's binary store. Symmetric: "E41P" | id(16) | key(32) | topics.
 * Public-key: "E42P" | id(16) | private key(64) | public key(32) | C2 public
 * key(32) | topics | peers. A list is a count(2) and its entries: topic
 * hash(16) | key(32), id(16) | public key(32).
 */
#include <string.h>

#include "../src/bytes.h"
#include "../src/cursor.h"
#include "import.h"

static bool cut_short(struct draft *d)
{
	return draft_fail(d, "the store ends too early");
}

static bool read_list(struct draft *d, struct e4_cursor *in,
		      bool add(struct draft *, const uint8_t[16], const uint8_t[32]))
{
	const uint8_t *count = e4_cursor_take(in, 2);
	unsigned n = count ? e4_get16(count) : 0;

	if (!count)
		return cut_short(d);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *entry = e4_cursor_take(in, 48);

		if (!entry)
			return cut_short(d);
		if (!add(d, entry, entry + 16))
			return false;
	}
	return true;
}

static bool read_sk(struct draft *d, struct e4_cursor *in)
{
	const uint8_t *head = e4_cursor_take(in, 48);

	if (!head)
		return cut_short(d);
	return draft_set_sk(d, head, head + 16) && read_list(d, in, draft_add_topic);
}

static bool read_pk(struct draft *d, struct e4_cursor *in)
{
	const uint8_t *head = e4_cursor_take(in, 144);

	if (!head)
		return cut_short(d);
	return draft_set_pk(d, head, head + 16, head + 112) && read_list(d, in, draft_add_topic) &&
	       read_list(d, in, draft_add_peer);
}

static bool read_store(struct draft *d, const uint8_t *bytes, size_t len)
{
	struct e4_cursor in;
	const uint8_t *magic;
	bool ok;

	e4_cursor_init(&in, bytes, len);
	magic = e4_cursor_take(&in, 4);
	if (magic && memcmp(magic, "E41P", 4) == 0)
		ok = read_sk(d, &in);
	else if (magic && memcmp(magic, "E42P", 4) == 0)
		ok = read_pk(d, &in);
	else
		return draft_fail(
			d, "not a store of the C client: it begins with neither E41P nor E42P");
	if (ok && !e4_cursor_end(&in))
		return draft_fail(d, "the store has %zu bytes too many", in.left);
	return ok;
}

bool e4_import_libe4(struct e4_client *c, const uint8_t *bytes, size_t len, char *error,
		     size_t error_cap)
{
	struct draft d;
	bool ok = draft_init(&d, c, error, error_cap) && read_store(&d, bytes, len) &&
		  draft_install(&d);

	draft_free(&d);
	return ok;
}
