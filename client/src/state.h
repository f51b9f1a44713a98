/*
 * The stored state, one byte string:
 *
 *   "E4ST" | format(1)=1 | mode(1) | topics(2) | peers(2)
 *   id(16) | high-water mark(8) | time seen(8) | identity key(of the mode)
 *   with a C2 key: C2 public key(32) | control key(32)
 *   each topic:    hash(16) | key(32) | old key(32) | time of the switch(8)
 *   each peer:     id(16) | public key(32)
 *   checksum(16):  SHA3-256 of all before it, cut
 *
 * Entries are in ascending order of their names; numbers are little-endian.
 * The checksum finds damage; who can write the store owns the device anyway.
 */
#ifndef E4_SRC_STATE_H
#define E4_SRC_STATE_H

#include "e4/e4.h"

#ifdef E4_NO_STORE
#define e4_state_save(c) ((void)(c), true)
#else
/* Write the client's state to its store; true also when there is no store. */
bool e4_state_save(const struct e4_client *c);
#endif

#endif
