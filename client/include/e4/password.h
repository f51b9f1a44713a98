/*
 * Keys from operators' passwords (protocol.md section 7). Host only, in
 * libe4host: it takes 64 MiB and some 0.1 s of processor time a key.
 *
 * Holds for every function here:
 * - A password is len bytes, not terminated: at least E4_PASSWORD_MIN bytes
 *   of valid UTF-8. Lengths are in bytes.
 * - The 32 bytes that come out are a symmetric client key or an Ed25519 seed.
 * - Working memory is wiped before it is freed; nothing is kept.
 * - On false, out has been wiped. If e4_password_check finds no fault in the
 *   password, the reason was that 64 MiB of memory were not to be had.
 */
#ifndef E4_PASSWORD_H
#define E4_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define E4_PASSWORD_MIN 16

enum e4_password_fault {
	E4_PASSWORD_GOOD,
	E4_PASSWORD_TOO_SHORT, /* below E4_PASSWORD_MIN bytes */
	E4_PASSWORD_NOT_UTF8,  /* ask for the text again; never repair it */
	E4_PASSWORD_TOO_LONG,  /* above 2^32 - 1 bytes, what Argon2 can take */
};

/* Say what is wrong with a password, cheaply. */
enum e4_password_fault e4_password_check(const char *password, size_t len);

/*
 * Argon2id v0x13, 3 passes, 64 MiB, 1 lane, salted with the client's id: the
 * same password gives every client another key.
 */
bool e4_password_key(uint8_t out[32], const uint8_t id[16], const char *password, size_t len);

/*
 * What the deployed Go tools compute: Argon2i v0x13, 1 pass, 64 MiB, 4 lanes,
 * empty salt. Equal passwords give equal keys, and one guess is tried against
 * every client at once: only for fleets that already have such keys.
 */
bool e4_password_key_compat(uint8_t out[32], const char *password, size_t len);

#ifdef __cplusplus
}
#endif
#endif
