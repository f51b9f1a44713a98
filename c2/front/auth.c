#define _GNU_SOURCE
#include "c2/front/auth.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"

enum { DIGEST_LEN = 32, FILE_CAP = 256 * 1024 };

struct auth_row {
	char name[64];
	enum api_role role;
	uint8_t digest[DIGEST_LEN];
};

struct auth {
	char *path; /* null: everyone is admin */
	struct auth_row *rows;
	size_t n;
};

static const struct {
	const char *name;
	enum api_role role;
} roles[] = {
	{"viewer", API_ROLE_VIEWER},
	{"operator", API_ROLE_OPERATOR},
	{"admin", API_ROLE_ADMIN},
};

static void digest_of(uint8_t out[DIGEST_LEN], const char *token)
{
	if (EVP_Digest(token, strlen(token), out, NULL, EVP_sha3_256(), NULL) != 1)
		mem_exhausted("memory");
}

static bool is_plain_word(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len == 0 || len > max)
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("-._", *s))
			return false;
	}
	return true;
}

static enum api_role role_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].role;
	}
	return API_ROLE_NONE;
}

static bool is_token(const char *token)
{
	size_t len = strlen(token);

	if (len < AUTH_TOKEN_MIN || len > AUTH_TOKEN_MAX)
		return false;
	for (; *token; token++) {
		if (!isgraph((unsigned char)*token))
			return false;
	}
	return true;
}

static bool is_known_digest(const struct auth_row *rows, size_t n, const uint8_t *digest)
{
	for (size_t i = 0; i < n; i++) {
		if (CRYPTO_memcmp(rows[i].digest, digest, DIGEST_LEN) == 0)
			return true;
	}
	return false;
}

static bool row_parse(struct auth_row *row, char *line, const char *path, int line_no,
		      struct err *err)
{
	char *rest = NULL;
	char *name = strtok_r(line, " \t", &rest);
	char *role = strtok_r(NULL, " \t", &rest);
	char *token = strtok_r(NULL, " \t", &rest);

	if (!token || strtok_r(NULL, " \t", &rest))
		return err_set(err, ERR_CONFIG, "%s:%d: expected NAME ROLE TOKEN", path, line_no);
	if (!is_plain_word(name, sizeof row->name - 1))
		return err_set(err, ERR_CONFIG, "%s:%d: a name has 1 to 63 of a-z A-Z 0-9 . _ -",
			       path, line_no);
	row->role = role_by_name(role);
	if (row->role == API_ROLE_NONE)
		return err_set(err, ERR_CONFIG, "%s:%d: a role is viewer, operator or admin", path,
			       line_no);
	if (!is_token(token))
		return err_set(
			err, ERR_CONFIG,
			"%s:%d: a token has %d to %d printable characters; openssl rand -hex 32 "
			"makes a good one",
			path, line_no, AUTH_TOKEN_MIN, AUTH_TOKEN_MAX);
	snprintf(row->name, sizeof row->name, "%s", name);
	digest_of(row->digest, token);
	return true;
}

static bool rows_parse(struct auth_row **rows, size_t *n, char *text, const char *path,
		       struct err *err)
{
	char *rest = text, *line;

	for (int line_no = 1; (line = strsep(&rest, "\n")); line_no++) {
		struct auth_row row = {.role = API_ROLE_NONE};

		line[strcspn(line, "\r")] = 0;
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (!row_parse(&row, line, path, line_no, err))
			return false;
		if (is_known_digest(*rows, *n, row.digest))
			return err_set(err, ERR_CONFIG,
				       "%s:%d: this token was given to another name", path,
				       line_no);
		*rows = mem_resize(*rows, *n + 1, sizeof row);
		(*rows)[(*n)++] = row;
	}
	if (*n == 0)
		return err_set(err, ERR_CONFIG, "%s: no token in it; a line is NAME ROLE TOKEN",
			       path);
	return true;
}

static bool same_rows(const struct auth *a, const struct auth_row *rows, size_t n)
{
	return n == a->n && rows && a->rows && memcmp(rows, a->rows, n * sizeof *rows) == 0;
}

bool auth_reload(struct auth *a, bool *changed, struct err *err)
{
	struct auth_row *rows = NULL;
	size_t n = 0, len;
	char *text;
	bool ok;

	*changed = false;
	if (!a->path)
		return true;
	text = mem_alloc(FILE_CAP + 1);
	ok = file_read_secret(a->path, (uint8_t *)text, FILE_CAP, &len, err);
	if (!ok) {
		err->code = ERR_CONFIG;
		goto out;
	}
	if (memchr(text, 0, len)) {
		ok = err_set(err, ERR_CONFIG, "%s: not a text file", a->path);
		goto out;
	}
	text[len] = 0;
	ok = rows_parse(&rows, &n, text, a->path, err);
	if (!ok)
		goto out;
	*changed = !same_rows(a, rows, n);
	free(a->rows);
	a->rows = rows;
	a->n = n;
	rows = NULL;
out:
	free(rows);
	explicit_bzero(text, FILE_CAP);
	free(text);
	return ok;
}

bool auth_open(struct auth **out, const char *path, struct err *err)
{
	struct auth *a = mem_alloc(sizeof *a);
	bool changed;

	a->path = mem_text(path);
	if (!auth_reload(a, &changed, err)) {
		auth_close(a);
		return false;
	}
	*out = a;
	return true;
}

void auth_close(struct auth *a)
{
	if (!a)
		return;
	free(a->rows);
	free(a->path);
	free(a);
}

bool auth_is_open(const struct auth *a)
{
	return !a->path;
}

/* All rows are looked at, so that time does not tell which one was near. */
static const struct auth_row *row_by_token(const struct auth *a, const char *token)
{
	const struct auth_row *found = NULL;
	uint8_t digest[DIGEST_LEN];

	digest_of(digest, token);
	for (size_t i = 0; i < a->n; i++) {
		if (CRYPTO_memcmp(a->rows[i].digest, digest, DIGEST_LEN) == 0)
			found = &a->rows[i];
	}
	return found;
}

bool auth_caller(const struct auth *a, const char *authorization, struct api_caller *out,
		 struct err *err)
{
	const struct auth_row *row;

	out->role = a->path ? API_ROLE_PUBLIC : API_ROLE_ADMIN;
	snprintf(out->who, sizeof out->who, "%s", a->path ? "" : "local");
	if (!a->path || !authorization)
		return true;
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return err_set(err, ERR_UNAUTHENTICATED, "authorization must be: Bearer TOKEN");
	row = row_by_token(a, authorization + 7 + strspn(authorization + 7, " "));
	if (!row)
		return err_set(err, ERR_UNAUTHENTICATED, "the token is not known");
	out->role = row->role;
	snprintf(out->who, sizeof out->who, "%s", row->name);
	return true;
}

/* "localhost", "127.x.y.z" or "[::1]", with or without a port. */
static bool is_loopback_authority(const char *s)
{
	size_t len = *s == '[' ? strcspn(s, "]") : strcspn(s, ":");
	size_t dots = 0;

	if (s[len] == ']')
		len++;
	if (strspn(s + len, ":0123456789") != strlen(s + len))
		return false;
	if ((len == 9 && strncasecmp(s, "localhost", 9) == 0) ||
	    (len == 5 && strncmp(s, "[::1]", 5) == 0))
		return true;
	if (strncmp(s, "127.", 4) != 0 || strspn(s, "0123456789.") < len)
		return false;
	for (size_t i = 0; i < len; i++)
		dots += s[i] == '.';
	return dots == 3;
}

bool auth_check_site(const struct auth *a, const char *host, const char *origin, struct err *err)
{
	if (a->path)
		return true;
	/* A name that an attacker's DNS points at 127.0.0.1 shows in Host. */
	if (host && !is_loopback_authority(host))
		return err_set(
			err, ERR_FORBIDDEN,
			"without a token file only requests to a loopback address are answered");
	if (origin && !(strncmp(origin, "http://", 7) == 0 && is_loopback_authority(origin + 7)) &&
	    !(strncmp(origin, "https://", 8) == 0 && is_loopback_authority(origin + 8)))
		return err_set(err, ERR_FORBIDDEN, "without a token file no other site may call");
	return true;
}

void auth_request_id(struct api_caller *out, const char *given)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t random[8];

	if (given && is_plain_word(given, sizeof out->request_id - 1)) {
		snprintf(out->request_id, sizeof out->request_id, "%s", given);
		return;
	}
	if (RAND_bytes(random, sizeof random) != 1)
		mem_exhausted("randomness");
	for (size_t i = 0; i < sizeof random; i++) {
		out->request_id[2 * i] = hex[random[i] >> 4];
		out->request_id[2 * i + 1] = hex[random[i] & 15];
	}
	out->request_id[2 * sizeof random] = 0;
}
