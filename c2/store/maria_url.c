/* db.url for MariaDB and MySQL, and what it does not say. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "c2/store/maria_driver.h"

static const char *after_scheme(const char *url)
{
	static const char *const schemes[] = {"mysql://", "mariadb://"};
	for (size_t i = 0; url && i < sizeof schemes / sizeof schemes[0]; i++) {
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	}
	return 0;
}

bool store_maria_is_url(const char *url)
{
	return after_scheme(url) != 0;
}

static bool hex_byte(const char *at, char *out)
{
	char digits[3] = {at[0], at[0] ? at[1] : 0, 0};
	char *end;
	*out = (char)strtol(digits, &end, 16);
	return digits[0] != '+' && digits[0] != '-' && digits[0] != ' ' && end == digits + 2 &&
	       *out;
}

/* A part of the URL with its %XX decoded; null for an empty one. False: %XX is wrong. */
static bool part(char **out, const char *text, size_t len)
{
	size_t n = 0;
	char *copy;
	free(*out);
	*out = 0;
	if (!len)
		return true;
	copy = mem_array(len + 1, 1);
	for (size_t i = 0; i < len; i++) {
		copy[n] = text[i];
		if (text[i] == '%') {
			if (len - i < 3 || !hex_byte(text + i + 1, &copy[n])) {
				free(copy);
				return false;
			}
			i += 2;
		}
		n++;
	}
	copy[n] = 0;
	*out = copy;
	return true;
}

static bool port(struct maria_params *p, const char *text, size_t len)
{
	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		p->port = 10 * p->port + (unsigned)(text[i] - '0');
	}
	return p->port > 0 && p->port <= 65535;
}

/* HOST, HOST:PORT, [ADDRESS]:PORT or nothing. */
static bool host(struct maria_params *p, const char *text, size_t len)
{
	size_t n;
	if (len && text[0] == '[') {
		const char *end = memchr(text, ']', len);
		n = end ? (size_t)(end - text) : 0;
		if (n < 2 || !part(&p->host, text + 1, n - 1))
			return false;
		n++;
	} else {
		const char *colon = memchr(text, ':', len);
		n = colon ? (size_t)(colon - text) : len;
		if (!part(&p->host, text, n))
			return false;
	}
	return n == len || (p->host && text[n] == ':' && port(p, text + n + 1, len - n - 1));
}

/* Names of this machine: what is sent to them does not leave it. */
static bool is_here(const char *name)
{
	return !name || strcasecmp(name, "localhost") == 0 || strcmp(name, "127.0.0.1") == 0 ||
	       strcmp(name, "::1") == 0;
}

static bool ssl_mode(struct maria_params *p, const char *value)
{
	p->tls = strcmp(value, "DISABLED") != 0;
	return !p->tls || strcmp(value, "VERIFY_IDENTITY") == 0;
}

static bool option(struct maria_params *p, const char *text, size_t len)
{
	const char *eq = memchr(text, '=', len);
	size_t n = eq ? (size_t)(eq - text) : len;
	char *mode = 0, **out = 0;
	if (!eq)
		return false;
	if (n == 6 && strncmp(text, "socket", n) == 0)
		out = &p->socket;
	else if (n == 6 && strncmp(text, "ssl-ca", n) == 0)
		out = &p->ca;
	else if (n == 8 && strncmp(text, "ssl-mode", n) == 0)
		out = &mode;
	bool ok = out && part(out, eq + 1, len - n - 1) && *out && (!mode || ssl_mode(p, mode));
	free(mode);
	return ok;
}

static bool options(struct maria_params *p, const char *text)
{
	p->tls = !is_here(p->host);
	while (*text) {
		size_t len = strcspn(text, "&");
		if (!option(p, text, len))
			return false;
		text += len + (text[len] == '&');
	}
	/* A socket has no name that a certificate could be for. */
	return !p->socket || !p->host;
}

static bool read_url(struct maria_params *p, const char *at, bool *has_password)
{
	size_t len = strcspn(at, "/?");
	const char *sign = memrchr(at, '@', len);
	size_t user_len = sign ? (size_t)(sign - at) : 0, skip = sign ? user_len + 1 : 0;
	*has_password = memchr(at, ':', user_len) || strcasestr(at, "password=");
	if (*has_password || !part(&p->user, at, user_len) || !host(p, at + skip, len - skip) ||
	    at[len] != '/')
		return false;
	at += len + 1;
	len = strcspn(at, "?");
	return part(&p->database, at, len) && p->database && !strchr(at, '#') &&
	       options(p, at + len + (at[len] == '?'));
}

static bool add_password(struct maria_params *p, const char *file, struct err *err)
{
	char line[FILE_LINE_CAP];
	if (!file)
		return true;
	bool ok = file_read_line(file, line, sizeof line, err);
	if (ok)
		p->password = mem_text(line);
	explicit_bzero(line, sizeof line);
	return ok;
}

bool maria_params_read(struct maria_params *p, const struct store_maria_config *config,
		       struct err *err)
{
	const char *at = after_scheme(config->url);
	bool has_password = false;
	*p = (struct maria_params){0};
	if (at && read_url(p, at, &has_password))
		return add_password(p, config->password_file, err);
	if (has_password)
		return err_set(err, ERR_CONFIG,
			       "db.url must not hold the password: put it into a file and name "
			       "that in db.password_file");
	return err_set(err, ERR_CONFIG,
		       "db.url cannot be read: mysql://USER@HOST:PORT/DATABASE, with "
		       "?ssl-mode=VERIFY_IDENTITY|DISABLED&ssl-ca=FILE, or without a host and "
		       "?socket=PATH");
}

void maria_params_free(struct maria_params *p)
{
	char *const parts[] = {p->user, p->host, p->database, p->socket, p->ca, p->password};
	if (p->password)
		explicit_bzero(p->password, strlen(p->password));
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		free(parts[i]);
	*p = (struct maria_params){0};
}
