/*
 * The whole of our C test harness: a failed CHECK prints where and what, the
 * run goes on, and END() prints the plain closing line and gives the exit code.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static long check_passed, check_failed; /* more than an int of 16 bits counts */

static inline void check_result(int ok, const char *file, int line, const char *what)
{
	if (ok) {
		check_passed++;
		return;
	}
	check_failed++;
	fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
}

static inline void check_eq(intmax_t a, intmax_t b, const char *file, int line, const char *what)
{
	if (a != b)
		fprintf(stderr, "%s:%d: %ld is not %ld\n", file, line, (long)a, (long)b);
	check_result(a == b, file, line, what);
}

static inline void check_str(const char *a, const char *b, const char *file, int line,
			     const char *what)
{
	int same = a && b && strcmp(a, b) == 0;
	if (!same)
		fprintf(stderr, "%s:%d: \"%s\" is not \"%s\"\n", file, line, a ? a : "(null)",
			b ? b : "(null)");
	check_result(same, file, line, what);
}

#define CHECK(cond) check_result(!!(cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(a, b) check_eq((intmax_t)(a), (intmax_t)(b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_STR(a, b) check_str((a), (b), __FILE__, __LINE__, #a " equals " #b)
#define CHECK_MEM(a, b, n)                                                                         \
	check_result(memcmp((a), (b), (n)) == 0, __FILE__, __LINE__, #a " has the bytes of " #b)
/* Name the test that runs, so that a crash says where it happened. */
#define RUN(test)                                                                                  \
	do {                                                                                       \
		fprintf(stderr, "  %s\n", #test);                                                  \
		test();                                                                            \
	} while (0)
#define END() (printf("%ld passed, %ld failed\n", check_passed, check_failed), check_failed != 0)

#endif
