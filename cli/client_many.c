#define _GNU_SOURCE
#include "cli/client_many.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { DEVICES_MAX = 100000 };

static const char *own(struct many_row *row, char *text)
{
	row->texts[row->n_texts++] = text;
	return text;
}

static bool take_text(struct many_row *row, const json_t *value, const char **out)
{
	if (!json_is_string(value) || *out)
		return false;
	*out = own(row, mem_text(json_string_value(value)));
	return true;
}

static bool take_flag(const json_t *value, bool *out)
{
	*out = json_is_true(value);
	return json_is_boolean(value);
}

static bool take_member(struct many_row *row, const char *key, const json_t *value)
{
	struct identity *id = &row->identity;

	if (strcmp(key, "name") == 0)
		return take_text(row, value, &id->name);
	if (strcmp(key, "key") == 0)
		return take_text(row, value, &id->key_file);
	if (strcmp(key, "password_file") == 0)
		return take_text(row, value, &id->password_file);
	if (strcmp(key, "c2_pubkey") == 0)
		return take_text(row, value, &id->c2_pubkey_file);
	if (strcmp(key, "state") == 0)
		return take_text(row, value, &id->state_path);
	if (strcmp(key, "pubkey") == 0)
		return take_flag(value, &id->pubkey);
	if (strcmp(key, "password_compat") == 0)
		return take_flag(value, &id->password_compat);
	return false;
}

static bool take_row(struct many_row *row, json_t *o, struct err *err)
{
	const char *key;
	json_t *value;
	char *path;

	json_object_foreach(o, key, value) if (!take_member(row, key, value)) return err_set(
		err, ERR_INVALID, "\"%.40s\" is unknown or of the wrong type", key);
	if (!row->identity.name)
		return err_set(err, ERR_INVALID, "name is missing");
	if (row->identity.state_path)
		return true;
	if (strchr(row->identity.name, '/'))
		return err_set(err, ERR_INVALID, "a name with / needs a state file: \"state\"");
	if (asprintf(&path, "%s.e4", row->identity.name) < 0)
		mem_exhausted("memory");
	row->identity.state_path = own(row, path);
	return true;
}

static bool read_line(const char *line, size_t len, struct many_row **rows, size_t *n,
		      struct err *err)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	struct many_row *row;
	bool ok;

	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(err, ERR_INVALID, "not a JSON object");
	}
	*rows = mem_resize(*rows, *n + 1, sizeof **rows);
	row = &(*rows)[*n];
	memset(row, 0, sizeof *row);
	(*n)++;
	ok = take_row(row, o, err);
	json_decref(o);
	return ok;
}

bool many_read(const char *path, struct many_row **rows, size_t *n, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, number = 0;
	ssize_t len;
	bool ok = true;

	*rows = NULL;
	*n = 0;
	if (!f)
		return err_set(err, ERR_NOT_FOUND, "%s: cannot be opened: %s", path,
			       strerror(errno));
	while (ok && (len = getline(&line, &cap, f)) >= 0) {
		number++;
		if (strspn(line, " \t\r\n") == (size_t)len)
			continue;
		ok = *n < DEVICES_MAX ? read_line(line, (size_t)len, rows, n, err)
				      : err_set(err, ERR_INVALID, "too many devices");
		if (!ok)
			err_wrap(err, "%s:%zu", path, number);
	}
	if (ok && *n == 0)
		ok = err_set(err, ERR_INVALID, "%s: holds no device", path);
	free(line);
	fclose(f);
	if (!ok)
		many_free(*rows, *n);
	return ok;
}

void many_free(struct many_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < rows[i].n_texts; j++)
			free(rows[i].texts[j]);
	free(rows);
}
