#include "api/route.h"

#include <string.h>

#include "api/json.h"
#include "api/scalar.h"

static const char *const verb_names[API_N_VERBS] = {
	[API_GET] = "GET",     [API_POST] = "POST",     [API_PUT] = "PUT",
	[API_PATCH] = "PATCH", [API_DELETE] = "DELETE",
};

/*
 * The decoded parts of a path: split at / alone, where a name may hold a
 * slash, and split at %2F as well. flat_at[i] is where part i begins in flat.
 */
struct path {
	char **parts, **flat;
	size_t *flat_at;
	size_t n_parts, n_flat;
};

/* A route that fits: the highest number of fixed parts is the best. */
struct match {
	unsigned method;
	const struct api_route *route; /* null for /rpc/ */
	size_t n_fixed;
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undo percent encoding; what comes out has to be text. */
static bool percent_decode(const char *text, size_t len, bool plus_is_space, struct arena *arena,
			   char **out, size_t *out_len, struct err *err)
{
	char *p = *out = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++) {
		int hi, lo;
		if (text[i] != '%') {
			*p++ = plus_is_space && text[i] == '+' ? ' ' : text[i];
			continue;
		}
		hi = i + 2 < len ? hex_value(text[i + 1]) : -1;
		lo = hi >= 0 ? hex_value(text[i + 2]) : -1;
		if (lo < 0)
			return err_set(err, ERR_INVALID, "bad percent escape in the URL");
		*p++ = (char)(hi << 4 | lo);
		i += 2;
	}
	*out_len = (size_t)(p - *out);
	if (!utf8_valid(*out, *out_len))
		return err_set(err, ERR_INVALID, "the URL is not UTF-8, or has a zero character");
	return true;
}

static size_t count_char(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/* Cut a decoded part at its slashes, in a copy. */
static void flatten(struct path *path, const char *part, size_t len, struct arena *arena)
{
	char *copy = arena_copy(arena, part, len), *slash;

	while ((slash = strchr(copy, '/'))) {
		*slash = 0;
		path->flat[path->n_flat++] = copy;
		copy = slash + 1;
	}
	path->flat[path->n_flat++] = copy;
}

static bool path_split(struct path *path, const char *text, struct arena *arena, struct err *err)
{
	/* Every slash, written as it is or as an escape, begins one part at most. */
	size_t cap = count_char(text, '/') + count_char(text, '%') + 1;

	if (text[0] != '/') {
		err_set(err, ERR_INVALID, "the path of a URL begins with a slash");
		return false;
	}
	path->n_parts = path->n_flat = 0;
	path->parts = arena_alloc(arena, cap * sizeof(*path->parts));
	path->flat = arena_alloc(arena, cap * sizeof(*path->flat));
	path->flat_at = arena_alloc(arena, cap * sizeof(*path->flat_at));
	do {
		const char *part = text + 1;
		size_t len = strcspn(part, "/"), decoded = 0;
		char **slot = &path->parts[path->n_parts];

		if (!percent_decode(part, len, false, arena, slot, &decoded, err))
			return false;
		path->flat_at[path->n_parts++] = path->n_flat;
		flatten(path, *slot, decoded, arena);
		text = part + len;
	} while (*text);
	return true;
}

static bool literals_fit(const struct api_segment *segments, size_t n, char *const *parts)
{
	for (size_t i = 0; i < n; i++)
		if (segments[i].literal && strcmp(segments[i].literal, parts[i]) != 0)
			return false;
	return true;
}

/* Index of the {x=**} of a route, n_segments if it has none. */
static size_t rest_at(const struct api_route *route)
{
	size_t i = 0;

	while (i < route->n_segments && !route->segments[i].rest)
		i++;
	return i;
}

static bool route_fits(const struct api_route *route, const struct path *path)
{
	size_t rest = rest_at(route), after, n_flat;

	if (rest == route->n_segments)
		return path->n_parts == rest && literals_fit(route->segments, rest, path->parts);
	after = route->n_segments - rest - 1;
	if (path->n_parts <= rest || !literals_fit(route->segments, rest, path->parts))
		return false;
	n_flat = path->n_flat - path->flat_at[rest];
	return n_flat > after &&
	       literals_fit(&route->segments[rest + 1], after, &path->flat[path->n_flat - after]);
}

static size_t count_fixed(const struct api_route *route)
{
	size_t n = 0;

	for (size_t i = 0; i < route->n_segments; i++)
		n += route->segments[i].literal != NULL;
	return n;
}

/* The best route of each verb. */
static void match_routes(struct match best[API_N_VERBS], const struct path *path)
{
	for (unsigned m = 0; m < API_N_METHODS; m++) {
		for (size_t i = 0; i < api_methods[m].n_routes; i++) {
			const struct api_route *route = &api_methods[m].routes[i];
			struct match *b = &best[route->verb];
			if (!route_fits(route, path))
				continue;
			if (b->method == API_N_METHODS || count_fixed(route) > b->n_fixed)
				*b = (struct match){m, route, count_fixed(route)};
		}
	}
}

/* /rpc/SERVICE/METHOD, by POST. */
static void match_rpc(struct match best[API_N_VERBS], const struct path *path)
{
	if (path->n_parts != 3 || strcmp(path->parts[0], "rpc") != 0)
		return;
	for (unsigned m = 0; m < API_N_METHODS; m++)
		if (!api_methods[m].server_stream &&
		    strcmp(api_methods[m].service, path->parts[1]) == 0 &&
		    strcmp(api_methods[m].name, path->parts[2]) == 0)
			best[API_POST] = (struct match){m, NULL, 3};
}

static bool no_match(const struct match best[API_N_VERBS], char allow[API_ALLOW_CAP],
		     struct err *err)
{
	char verbs[API_ALLOW_CAP] = "";

	for (unsigned v = 0; v < API_N_VERBS; v++) {
		if (best[v].method == API_N_METHODS)
			continue;
		if (verbs[0])
			strcat(verbs, ", ");
		strcat(verbs, verb_names[v]);
	}
	if (allow)
		memcpy(allow, verbs, sizeof(verbs));
	if (!verbs[0])
		return err_set(err, ERR_NOT_FOUND, "no such path");
	return err_set(err, ERR_METHOD, "this path is for %s", verbs);
}

static bool find(const char *verb, const struct path *path, struct match *out,
		 char allow[API_ALLOW_CAP], struct err *err)
{
	struct match best[API_N_VERBS];

	for (unsigned v = 0; v < API_N_VERBS; v++)
		best[v] = (struct match){API_N_METHODS, NULL, 0};
	match_routes(best, path);
	match_rpc(best, path);
	for (unsigned v = 0; v < API_N_VERBS; v++) {
		if (best[v].method == API_N_METHODS || strcmp(verb_names[v], verb) != 0)
			continue;
		*out = best[v];
		if (allow)
			allow[0] = 0;
		return true;
	}
	return no_match(best, allow, err);
}

bool api_route_match(const char *verb, const char *path, struct arena *arena, unsigned *method,
		     char allow[API_ALLOW_CAP], struct err *err)
{
	struct path parts;
	struct match m;

	if (!path_split(&parts, path, arena, err) || !find(verb, &parts, &m, allow, err))
		return false;
	*method = m.method;
	return true;
}

static bool set_query(ProtobufCMessage *msg, const char *query, struct arena *arena,
		      struct err *err)
{
	while (query && *query) {
		size_t len = strcspn(query, "&"), name_len = strcspn(query, "=&"), n, value_len = 0;
		char *name, *value;
		bool found, has_value = name_len < len;
		struct err why;

		if (!percent_decode(query, name_len, true, arena, &name, &n, err) ||
		    !percent_decode(query + name_len + has_value, len - name_len - has_value, true,
				    arena, &value, &value_len, err))
			return false;
		if (!api_set_field(msg, name, value, value_len, arena, &found, &why) && found)
			return err_set(err, why.code, "%s", why.text);
		query += len;
		query += *query == '&';
	}
	return true;
}

static char *join(char *const *parts, size_t n, struct arena *arena, size_t *len)
{
	char *out, *p;

	*len = n - 1;
	for (size_t i = 0; i < n; i++)
		*len += strlen(parts[i]);
	out = p = arena_alloc(arena, *len + 1);
	for (size_t i = 0; i < n; i++) {
		size_t part = strlen(parts[i]);
		if (i > 0)
			*p++ = '/';
		memcpy(p, parts[i], part);
		p += part;
	}
	return out;
}

static bool set_path(ProtobufCMessage *msg, const struct api_route *route, const struct path *path,
		     struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < route->n_segments; i++) {
		const struct api_segment *s = &route->segments[i];
		size_t after = route->n_segments - i - 1;
		const char *text;
		size_t len;

		if (s->literal)
			continue;
		if (s->rest) {
			text = join(&path->flat[path->flat_at[i]],
				    path->n_flat - path->flat_at[i] - after, arena, &len);
		} else {
			text = path->parts[i];
			len = strlen(text);
		}
		if (!api_set_field(msg, s->field, text, len, arena, NULL, err))
			return false;
	}
	return true;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

bool api_route_find(const struct api_http_request *req, struct arena *arena, unsigned *method,
		    ProtobufCMessage **msg, char allow[API_ALLOW_CAP], struct err *err)
{
	struct path path;
	struct match m;

	if (!path_split(&path, req->path, arena, err) || !find(req->verb, &path, &m, allow, err))
		return false;
	*method = m.method;
	*msg = api_message_new(api_methods[m.method].request, arena);
	if (!set_query(*msg, req->query, arena, err))
		return false;
	if (req->body && !is_blank(req->body, req->body_len) &&
	    !api_json_merge(*msg, req->body, req->body_len, arena, err))
		return false;
	return !m.route || set_path(*msg, m.route, &path, arena, err);
}

unsigned api_method_by_grpc_path(const char *path)
{
	unsigned m = 0;

	while (m < API_N_METHODS && strcmp(api_methods[m].grpc_path, path) != 0)
		m++;
	return m;
}
