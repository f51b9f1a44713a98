/* What a client is to the operator: its type and tags. They concern C2 alone. */
#include "c2/core/internal.h"

#include <string.h>

enum { TAG_NAME_MAX = 64, TAGS_MAX = 32 };

static bool is_name_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       (ch != 0 && strchr("._-:/", ch));
}

static size_t name_len(const char *tag)
{
	size_t n = 0;

	while (is_name_char(tag[n]))
		n++;
	return n;
}

/* Comma and semicolon divide lists of tags in command lines and files. */
static bool value_ok(const char *value)
{
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if (*p < 0x20 || *p == 0x7f || *p == ',' || *p == ';')
			return false;
	return !*value || e4_name_ok(value, strlen(value));
}

bool tag_check(const char *tag, struct err *err)
{
	size_t n = name_len(tag);

	if (n > 0 && n <= TAG_NAME_MAX && strlen(tag) <= STORE_TAG_MAX &&
	    (!tag[n] || (tag[n] == '=' && value_ok(tag + n + 1))))
		return true;
	return err_set(err, ERR_INVALID,
		       "a tag is name or name=value, at most %d bytes: the name of up to %d "
		       "letters, digits and . _ - : /, the value without comma, semicolon and "
		       "control characters",
		       STORE_TAG_MAX, TAG_NAME_MAX);
}

struct tag_set {
	char tags[TAGS_MAX + 1][STORE_TAG_MAX + 1];
	size_t n;
};

static bool tag_set_add(void *arg, const char *tag)
{
	struct tag_set *set = arg;

	memcpy(set->tags[set->n++], tag, strlen(tag) + 1);
	return set->n <= TAGS_MAX;
}

/* The tag of this name, or null. */
static char *tag_named(struct tag_set *set, const char *tag)
{
	size_t n = name_len(tag);

	for (size_t i = 0; i < set->n; i++)
		if (strncmp(set->tags[i], tag, n) == 0 && name_len(set->tags[i]) == n)
			return set->tags[i];
	return 0;
}

static bool drop(struct change *ch, struct tag_set *set, int64_t client_id, char *tag,
		 struct err *err)
{
	if (!DB(ch->c, client_tag_remove, client_id, tag, err))
		return false;
	set->n--;
	if (tag != set->tags[set->n])
		memcpy(tag, set->tags[set->n], sizeof set->tags[0]);
	return true;
}

static bool remove_tag(struct change *ch, struct tag_set *set, int64_t client_id, const char *tag,
		       bool *changed, struct err *err)
{
	char *has;

	if (!tag_check(tag, err))
		return false;
	has = tag_named(set, tag);
	if (!has || (tag[name_len(tag)] && strcmp(has, tag) != 0))
		return true;
	*changed = true;
	return drop(ch, set, client_id, has, err);
}

static bool add_tag(struct change *ch, struct tag_set *set, int64_t client_id, const char *tag,
		    bool *changed, struct err *err)
{
	char *has;

	if (!tag_check(tag, err))
		return false;
	has = tag_named(set, tag);
	if (has && strcmp(has, tag) == 0)
		return true;
	if (has && !drop(ch, set, client_id, has, err))
		return false;
	if (set->n == TAGS_MAX)
		return err_set(err, ERR_INVALID, "a client has at most %d tags", TAGS_MAX);
	tag_set_add(set, tag);
	*changed = true;
	return DB(ch->c, client_tag_put, client_id, tag, err);
}

static bool change_tags(struct change *ch, int64_t client_id, const struct core_traits *t,
			bool is_new, bool *changed, struct err *err)
{
	struct tag_set set;

	set.n = 0;
	if (t->n_add + t->n_remove == 0)
		return true;
	if (!is_new && !DB(ch->c, client_tags, client_id, tag_set_add, &set, err))
		return false;
	for (size_t i = 0; i < t->n_remove; i++)
		if (!remove_tag(ch, &set, client_id, t->remove[i], changed, err))
			return false;
	for (size_t i = 0; i < t->n_add; i++)
		if (!add_tag(ch, &set, client_id, t->add[i], changed, err))
			return false;
	return true;
}

static bool type_check(enum core_client_type type, struct err *err)
{
	return (type >= CORE_TYPE_UNKNOWN && type <= CORE_TYPE_BOTH) ||
	       err_set(err, ERR_INVALID, "no such type of clients");
}

bool apply_traits(struct change *ch, struct store_client *row, const struct core_traits *traits,
		  bool is_new, bool *changed, struct err *err)
{
	if (traits->type != CORE_TYPE_AS_IT_WAS && !type_check(traits->type, err))
		return false;
	if (!change_tags(ch, row->id, traits, is_new, changed, err))
		return false;
	if (traits->type == CORE_TYPE_AS_IT_WAS || (int32_t)traits->type == row->type)
		return true;
	row->type = (int32_t)traits->type;
	*changed = true;
	return DB(ch->c, client_put, row, err);
}

bool core_client_change(struct core *c, const char *name, const struct core_traits *traits,
			struct err *err)
{
	struct store_client row;
	struct change ch;
	bool changed = false, ok;

	if (!name_check(name, err) || !change_begin(&ch, c, err))
		return false;
	ok = find_client(c, name, &row, err) &&
	     apply_traits(&ch, &row, traits, false, &changed, err);
	return change_end(&ch, ok, 0, err);
}

bool core_client_traits(struct core *c, const char *name, struct arena *arena,
			enum core_client_type *type, struct core_names *tags, struct err *err)
{
	struct name_list list = {.arena = arena, .out = tags};
	struct store_client row;

	*tags = (struct core_names){0};
	if (!find_client(c, name, &row, err) ||
	    !DB(c, client_tags, row.id, name_list_add, &list, err))
		return false;
	*type = (enum core_client_type)row.type;
	return true;
}
