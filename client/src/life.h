#ifndef E4_SRC_LIFE_H
#define E4_SRC_LIFE_H

#include "e4/e4.h"

/*
 * Declares a pointer to the place where a new client is put together: beside c,
 * so that a store that fails leaves c as it was; in c itself without a store.
 */
#ifdef E4_NO_STORE
#define E4_FRESH(fresh, c) struct e4_client *const fresh = (c)
#else
#define E4_FRESH(fresh, c) struct e4_client fresh##_room, *const fresh = &fresh##_room
#endif

/* Nobody yet, with the configuration of c and no topics. */
void e4_fresh_init(struct e4_client *fresh, struct e4_client *c);

/* Store fresh, then make it c. On E4_ERR_STORE c is as it was. Wipes fresh. */
enum e4_result e4_become(struct e4_client *c, struct e4_client *fresh);

#endif
