#define _GNU_SOURCE
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_EXHAUSTED = 71 }; /* EX_OSERR */

_Noreturn void mem_exhausted(const char *what)
{
	/* No formatting and no allocation: there may be no memory for either. */
	static const char before[] = "{\"level\":\"error\",\"msg\":\"out of ";
	static const char after[] = "\"}\n";
	char line[160];
	size_t n = sizeof before - 1,
	       len = strnlen(what, sizeof line - sizeof before - sizeof after);

	memcpy(line, before, n);
	memcpy(line + n, what, len);
	memcpy(line + n + len, after, sizeof after - 1);
	if (write(STDERR_FILENO, line, n + len + sizeof after - 1) < 0) {
		/* Nobody to tell; the exit code says it. */
	}
	_exit(EXIT_EXHAUSTED);
}

void *mem_alloc(size_t len)
{
	return mem_array(1, len ? len : 1);
}

void *mem_array(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		mem_exhausted("memory");
	return p;
}

void *mem_resize(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size);

	if (!p)
		mem_exhausted("memory");
	return p;
}

char *mem_text(const char *text)
{
	size_t len;
	char *copy;

	if (!text)
		return NULL;
	len = strlen(text) + 1;
	copy = mem_alloc(len);
	memcpy(copy, text, len);
	return copy;
}
