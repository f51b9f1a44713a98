/*
 * Says that a value may decide a branch or an address although it comes from
 * secrets: a verdict that everybody sees, a name, what goes over the air. Only
 * the constant-time check (tests/ct_client.c) builds with E4_CT_CHECK; there
 * all other branches on secrets are reported.
 */
#ifndef E4_SRC_DECLASSIFY_H
#define E4_SRC_DECLASSIFY_H

#ifdef E4_CT_CHECK
#include <valgrind/memcheck.h>
#define E4_PUBLIC(p, len) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (len)))
#else
#define E4_PUBLIC(p, len) ((void)0)
#endif

#endif
