/*
 * The wire, for both ends: names, sizes, control commands, receipts
 * (protocol.md sections 1 to 4 and 8). Devices use e4/e4.h, which is built on
 * this; a key server or a tool uses this directly.
 *
 * Conventions as in e4/crypto.h. Encoders return the number of bytes written;
 * their outputs have room for the largest case.
 */
#ifndef E4_PROTOCOL_H
#define E4_PROTOCOL_H

#include "e4/crypto.h"

#ifdef __cplusplus
extern "C" {
#endif

#define E4_ID_LEN 16
#define E4_HASH_LEN 16
#define E4_KEY_LEN 32
#define E4_NAME_MAX 255
#define E4_TOPIC_MAX 512
#define E4_STAMP_LEN 8
#define E4_SIG_LEN 64
#define E4_OVERHEAD_SK 24       /* stamp | tag */
#define E4_OVERHEAD_PK 104      /* stamp | sender id | tag | signature */
#define E4_CONTROL_TOPIC_LEN 35 /* "e4/" and 32 hex digits */
#define E4_RECEIPT_TOPIC_LEN 43 /* and "/receipt" */
#define E4_VALIDITY_S 600
#define E4_FUTURE_S 60
#define E4_GRACE_S 3600

/* --- Names (section 1) ---------------------------------------------------- */

/* True for 1 to 255 bytes of UTF-8 without NUL. */
bool e4_name_ok(const char *name, size_t len);

/* True for a topic that can have a key: 1 to 512 bytes of UTF-8, no wildcard, no control topic. */
bool e4_topic_ok(const char *topic, size_t len);

void e4_id_from_name(uint8_t id[E4_ID_LEN], const char *name, size_t len);
void e4_topic_hash(uint8_t hash[E4_HASH_LEN], const char *topic, size_t len);

/* Zero-terminated. */
void e4_control_topic(char topic[E4_CONTROL_TOPIC_LEN + 1], const uint8_t id[E4_ID_LEN]);
void e4_receipt_topic(char topic[E4_RECEIPT_TOPIC_LEN + 1], const uint8_t id[E4_ID_LEN]);

/* Read the id out of "e4/<id>" or "e4/<id>/receipt"; false, and no id, for anything else. */
bool e4_control_topic_parse(uint8_t id[E4_ID_LEN], bool *is_receipt, const char *topic, size_t len);

/* --- Control commands (section 4) ------------------------------------------ */

enum e4_command {
	E4_REMOVE_TOPIC = 0x00,
	E4_RESET_TOPICS = 0x01,
	E4_SET_ID_KEY = 0x02,
	E4_SET_TOPIC_KEY = 0x03,
	E4_REMOVE_PUBKEY = 0x04,
	E4_RESET_PUBKEYS = 0x05,
	E4_SET_PUBKEY = 0x06,
	E4_SET_C2_KEY = 0x07,
	E4_REPORT_STATE = 0x08
};

#define E4_COMMAND_MAX 65      /* SetIDKey in PK mode */
#define E4_REPORT_ENTRIES 0x01 /* ReportState flag: list the topics */

size_t e4_encode_remove_topic(uint8_t out[E4_COMMAND_MAX], const uint8_t hash[16]);
size_t e4_encode_reset_topics(uint8_t out[E4_COMMAND_MAX]);
size_t e4_encode_set_id_key_sk(uint8_t out[E4_COMMAND_MAX], const uint8_t key[32]);
size_t e4_encode_set_id_key_pk(uint8_t out[E4_COMMAND_MAX], const uint8_t private_key[64]);
size_t e4_encode_set_topic_key(uint8_t out[E4_COMMAND_MAX], const uint8_t key[32],
			       const uint8_t hash[16]);
size_t e4_encode_remove_pubkey(uint8_t out[E4_COMMAND_MAX], const uint8_t id[16]);
size_t e4_encode_reset_pubkeys(uint8_t out[E4_COMMAND_MAX]);
size_t e4_encode_set_pubkey(uint8_t out[E4_COMMAND_MAX], const uint8_t public_key[32],
			    const uint8_t id[16]);
size_t e4_encode_set_c2_key(uint8_t out[E4_COMMAND_MAX], const uint8_t c2_public[32]);
size_t e4_encode_report_state(uint8_t out[E4_COMMAND_MAX], const uint8_t nonce[16], uint8_t flags);

/* --- Messages under a symmetric key (section 2) ---------------------------- */

/* Write stamp | tag | ciphertext (len + E4_OVERHEAD_SK bytes). in may be out + 24. */
void e4_message_seal(uint8_t *out, const uint8_t key[32], uint64_t stamp, const uint8_t *in,
		     size_t len);

/* Authenticate and decrypt to out (len - 24 bytes); time is the caller's to judge. */
bool e4_message_open(uint8_t *out, uint64_t *stamp, const uint8_t key[32], const uint8_t *in,
		     size_t len);

/* --- The control key of PK mode (section 3) -------------------------------- */

/* As the device computes it; false for a C2 key of small order. */
bool e4_control_key_device(uint8_t key[32], const uint8_t private_key[64],
			   const uint8_t c2_public[32]);

/* As C2 computes it; false for a client key that is not a good point. */
bool e4_control_key_c2(uint8_t key[32], const uint8_t c2_private[32],
		       const uint8_t client_public[32]);

/* --- Receipts (section 8) -------------------------------------------------- */

/* The state digest, fed in the order that section 8 gives. */
struct e4_digest {
	struct e4_sha3 sha3;
};

void e4_digest_init(struct e4_digest *d);
void e4_digest_topic(struct e4_digest *d, const uint8_t hash[16], const uint8_t key[32]);
void e4_digest_peer(struct e4_digest *d, const uint8_t id[16], const uint8_t public_key[32]);
void e4_digest_c2_key(struct e4_digest *d, const uint8_t c2_public[32]);
void e4_digest_final(struct e4_digest *d, uint8_t digest[32]);

#define E4_RECEIPT_FIXED 54 /* version | nonce | digest | counts | flags */
#define E4_RECEIPT_ENTRY 24 /* topic hash | 8 bytes of the key's hash */
#define E4_RECEIPT_HAS_ENTRIES 0x01
#define E4_RECEIPT_CUT 0x02

/* A receipt as read. entries points into the plaintext buffer given to e4_receipt_open. */
struct e4_receipt {
	uint64_t stamp; /* the device's clock, seconds */
	uint8_t nonce[16];
	uint8_t digest[32];
	uint16_t n_topics;
	uint16_t n_pubkeys;
	uint8_t flags;
	const uint8_t *entries; /* n_entries of E4_RECEIPT_ENTRY bytes */
	size_t n_entries;
};

/*
 * Open a receipt message with a control key; plain has room for len bytes.
 * False if it is not authentic or not exactly of the form of section 8.
 */
bool e4_receipt_open(struct e4_receipt *r, uint8_t *plain, const uint8_t key[32], const uint8_t *in,
		     size_t len);

/* The 8 bytes by which an entry names a key. */
void e4_receipt_key_hash(uint8_t hash[8], const uint8_t key[32]);

#ifdef __cplusplus
}
#endif
#endif
