/*
 * What a mode of the protocol is: sizes, its row for each command, and the
 * few steps that differ. The core asks the descriptor and assumes no size.
 */
#ifndef E4_SRC_MODE_H
#define E4_SRC_MODE_H

#include "e4/e4.h"

#include "change.h"

/*
 * What the core asks of a mode. With E4_SK_ONLY the answers are constants, and
 * the compiler drops what depends on them.
 */
#ifdef E4_SK_ONLY
#define E4_SENDER_LEN(c) 0u
#define E4_SIG_LEN_OF(c) 0u
#else
#define E4_SENDER_LEN(c) ((size_t)(c)->cfg.mode->sender_len)
#define E4_SIG_LEN_OF(c) ((size_t)(c)->cfg.mode->sig_len)
#endif

/* One control command of a mode (protocol.md section 4). */
struct e4_command_row {
	uint8_t code;
	uint8_t len;  /* of the arguments, exactly */
	bool changes; /* false: only asks, and does not move the high-water mark */
	/* Check and apply in memory; what was there goes to change. */
	enum e4_result (*run)(struct e4_client *c, struct e4_change *change, const uint8_t *args,
			      const uint64_t *now);
};

struct e4_mode {
	uint8_t code;         /* names the mode in the stored state */
	uint8_t identity_len; /* of the client's secret, at most E4_IDENTITY_MAX */
	uint8_t sender_len;   /* bytes of sender id after the stamp; 0: senders are not named */
	uint8_t sig_len;      /* bytes after the ciphertext; not 0 only if sender_len is not */
	bool has_c2_key;      /* C2's public key is part of the state */
	uint8_t n_commands;
	const struct e4_command_row *commands;
#ifndef E4_SK_ONLY
	bool in_element; /* the configuration names the element that has the identity key */
	/* False only if an element failed. */
	bool (*sign)(const struct e4_client *c, uint8_t *sig, const void *msg, size_t len);
	bool (*verify)(const uint8_t *sig, const void *msg, size_t len, const uint8_t *public_key);
#endif
};

/* The rows that the modes with signatures share. */
enum e4_result e4_run_set_pubkey(struct e4_client *c, struct e4_change *change, const uint8_t *args,
				 const uint64_t *now);
enum e4_result e4_run_remove_pubkey(struct e4_client *c, struct e4_change *change,
				    const uint8_t *args, const uint64_t *now);
enum e4_result e4_run_reset_pubkeys(struct e4_client *c, struct e4_change *change,
				    const uint8_t *args, const uint64_t *now);

/* The rows that all modes share. */
enum e4_result e4_run_remove_topic(struct e4_client *c, struct e4_change *change,
				   const uint8_t *args, const uint64_t *now);
enum e4_result e4_run_reset_topics(struct e4_client *c, struct e4_change *change,
				   const uint8_t *args, const uint64_t *now);
enum e4_result e4_run_set_topic_key(struct e4_client *c, struct e4_change *change,
				    const uint8_t *args, const uint64_t *now);
enum e4_result e4_run_report_state(struct e4_client *c, struct e4_change *change,
				   const uint8_t *args, const uint64_t *now);

#endif
