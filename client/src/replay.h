/* The receiver's memory of application messages (protocol.md section 5). */
#ifndef E4_SRC_REPLAY_H
#define E4_SRC_REPLAY_H

#include "e4/e4.h"

#ifdef E4_NO_REPLAY
#define e4_replay_fresh(c, now, stamp, sender, sender_len, tag) ((void)(stamp), true)
#else

/*
 * Remember an authentic message within the window by its sender id (absent in
 * modes that don't name senders) and its tag; false if it was here before.
 */
bool e4_replay_fresh(struct e4_client *c, uint64_t now, uint64_t stamp, const uint8_t *sender,
		     size_t sender_len, const uint8_t tag[16]);
#endif

#endif
