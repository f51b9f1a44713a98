/*
 * The errors of the server programs and tools: one row each, with its text,
 * its HTTP status, its gRPC code and the exit code of a program that ends
 * because of it.
 *
 * A function that can fail returns bool, true for success, and takes a
 * struct err as its last parameter, which it fills only on failure. Texts are
 * for the user: what was wrong and what to do; never a key, never an internal
 * detail.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* code, text, HTTP status, gRPC code, exit code */
#define ERR_ROWS(X)                                                                                \
	X(ERR_OK, "ok", 200, 0, 0)                                                                 \
	X(ERR_CANCELLED, "cancelled", 408, 1, 1)                                                   \
	X(ERR_INVALID, "invalid argument", 400, 3, 2)                                              \
	X(ERR_DEADLINE, "deadline exceeded", 504, 4, 7)                                            \
	X(ERR_NOT_FOUND, "not found", 404, 5, 3)                                                   \
	X(ERR_EXISTS, "already exists", 409, 6, 4)                                                 \
	X(ERR_FORBIDDEN, "permission denied", 403, 7, 5)                                           \
	X(ERR_EXHAUSTED, "resource exhausted", 429, 8, 6)                                          \
	X(ERR_PRECONDITION, "failed precondition", 400, 9, 4)                                      \
	X(ERR_CONFLICT, "changed by somebody else meanwhile", 409, 10, 4)                          \
	X(ERR_UNIMPLEMENTED, "not implemented", 501, 12, 2)                                        \
	X(ERR_INTERNAL, "internal error", 500, 13, 70)                                             \
	X(ERR_UNAVAILABLE, "unavailable", 503, 14, 69)                                             \
	X(ERR_UNAUTHENTICATED, "unauthenticated", 401, 16, 5)                                      \
	X(ERR_CONFIG, "bad configuration", 500, 13, 78)                                            \
	X(ERR_CUSTODY, "keys cannot be opened", 500, 13, 77)                                       \
	X(ERR_STORE, "storage failed", 503, 14, 74)                                                \
	X(ERR_TOO_LARGE, "request too large", 413, 3, 2)                                           \
	X(ERR_METHOD, "method not allowed", 405, 12, 2)

enum err_code {
#define X(code, text, http, grpc, exit) code,
	ERR_ROWS(X)
#undef X
		ERR_N
};

struct err {
	enum err_code code;
	char text[256];
};

struct err_row {
	const char *text;
	int http;
	int grpc;
	int exit;
};

/* The row of a code. */
const struct err_row *err_row(enum err_code code);

/* The first code with this gRPC number; ERR_INTERNAL if there is none. */
enum err_code err_from_grpc(int grpc);

/* Fill e (which may be null) and return false: `return err_set(err, ...)`. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "what: " before the text of an error that passes through; returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
