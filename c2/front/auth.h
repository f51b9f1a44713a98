/*
 * Who calls: from a bearer token to a name and a role, for HTTP and gRPC alike.
 *
 * The token file has one caller a line, "NAME ROLE TOKEN", parted by blanks;
 * ROLE is viewer, operator or admin; empty lines and lines that begin with #
 * do not count. Only its owner may read it. Tokens are kept as digests and
 * compared in constant time.
 */
#ifndef C2_FRONT_AUTH_H
#define C2_FRONT_AUTH_H

#include <stdbool.h>

#include "api/service.h"
#include "base/err.h"

/* Shortest token: 32 characters of hex are 128 bits. */
enum { AUTH_TOKEN_MIN = 32, AUTH_TOKEN_MAX = 256 };

struct auth;

/*
 * Read the token file; ERR_CONFIG names the line. Without a path every caller
 * is admin: only for servers that listen on loopback.
 */
bool auth_open(struct auth **out, const char *path, struct err *err);
void auth_close(struct auth *a);

/*
 * Read the file again; on failure the tokens known before stay valid. changed:
 * whether any caller, role or token is another one now, so that what was begun
 * with the old ones has to end.
 */
bool auth_reload(struct auth *a, bool *changed, struct err *err);

/* True if there is no token file: whoever reaches the port is admin. */
bool auth_is_open(const struct auth *a);

/*
 * Fill role and who from the value of an Authorization header, null if there
 * was none (then the caller is public). ERR_UNAUTHENTICATED: not a bearer
 * token, or one that is not known.
 */
bool auth_caller(const struct auth *a, const char *authorization, struct api_caller *out,
		 struct err *err);

/*
 * Where every caller is admin, a web page that the operator happens to visit
 * must not be one: refuse what a browser sends across sites. host and origin
 * are the headers, null if absent; only loopback names pass. ERR_FORBIDDEN.
 */
bool auth_check_site(const struct auth *a, const char *host, const char *origin, struct err *err);

/* Take over a request id that a caller gave if it is harmless to log, else make one. */
void auth_request_id(struct api_caller *out, const char *given);

#endif
