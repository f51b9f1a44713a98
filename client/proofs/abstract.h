/*
 * What a driver can say to abstract.c, where Eva would take what follows one outcome for
 * what follows another. Other drivers leave both outcomes open.
 */
#ifndef CLIENT_PROOFS_ABSTRACT_H
#define CLIENT_PROOFS_ABSTRACT_H

#include <stdbool.h>
#include <stdint.h>

/* Every message is authentic and this is its plaintext; null: a plaintext is anything. */
extern const uint8_t *e4_abstract_opened;
/* Every signature is right. */
extern bool e4_abstract_verified;

#endif
