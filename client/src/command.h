#ifndef E4_SRC_COMMAND_H
#define E4_SRC_COMMAND_H

#include "e4/e4.h"

/*
 * Run the plaintext of an authentic control message, store, and say E4_COMMAND
 * or E4_REPORT; on any error nothing has changed. The caller has judged the
 * stamp by the clock; the high-water mark is judged here.
 */
enum e4_result e4_command_run(struct e4_client *c, const uint64_t *stamp, const uint8_t *plain,
			      size_t len);

#endif
