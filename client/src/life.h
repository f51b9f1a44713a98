#ifndef E4_SRC_LIFE_H
#define E4_SRC_LIFE_H

#include "e4/e4.h"

/*
 * Store the new client that was put together in fresh (with the configuration
 * of c and no topics), then make it c. On E4_ERR_STORE c is as it was. Wipes
 * fresh.
 */
enum e4_result e4_become(struct e4_client *c, struct e4_client *fresh);

#endif
