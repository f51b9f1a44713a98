/*
 * Heap memory for what outlives a request. Allocation never fails: a program
 * that is out of memory says so and ends (exit code 71). Release with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Zeroed memory. */
void *mem_alloc(size_t len);

/* Zeroed memory for n things of this size; an overflow counts as out of memory. */
void *mem_array(size_t n, size_t size);

/* As realloc, for n things of this size; the part added is not zeroed. Not for secrets. */
void *mem_resize(void *old, size_t n, size_t size);

/* A copy of a text; null stays null. */
char *mem_text(const char *text);

/* Say that a resource of the system is used up and end the program. */
_Noreturn void mem_exhausted(const char *what);

#endif
