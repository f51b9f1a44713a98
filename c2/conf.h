/* The key server's configuration; each key is a row in conf.c, whose help is its documentation. */
#ifndef C2_CONF_H
#define C2_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/listen.h"
#include "base/log.h"

struct c2_conf {
	char *http_listen, *grpc_listen;
	char *tls_cert, *tls_key;
	char *auth_token_file;
	char *db_path, *db_url, *db_password_file;
	char *crypto_mode;
	char *custody_passphrase_file, *custody_key_file;
	char *custody_next_passphrase_file, *custody_next_key_file;
	char *mqtt_profile;
	char *mqtt_url, *mqtt_client_id, *mqtt_user, *mqtt_password_file;
	char *mqtt_ca, *mqtt_cert, *mqtt_key;
	char *mqtt_alpn;
	char *mqtt_version;
	int64_t mqtt_qos;
	bool mqtt_retain;
	int64_t mqtt_window;
	int64_t mqtt_keepalive;
	bool mqtt_persistent;
	char *mqtt_share, *mqtt_presence;
	int64_t mqtt_rate;
	int64_t delivery_receipt_wait, delivery_retry_max, delivery_legacy_retry_max;
	int64_t delivery_announce_gap;
	bool keys_rotate_on_removal;
	int64_t events_keep;
	bool engine_enabled;
	int64_t engine_grace, engine_history, engine_risk_limit;
	char *engine_c2, *engine_c2_ca, *engine_c2_token_file;
	char *notify_webhook_secret_file, *notify_webhook_allow, *notify_webhook_ca;
	char *notify_smtp_url, *notify_smtp_user, *notify_smtp_password_file, *notify_smtp_from;
	char *notify_smtp_ca;
	char *log_level;
};

extern const struct conf_key c2_conf_keys[];
extern const size_t c2_conf_n_keys;

/*
 * What a kind of broker needs: settings that count as defaults once mqtt.profile
 * names it, so the file and the command line are above them.
 */
struct c2_profile {
	const char *name;
	const char *about;
	const char *const *sets; /* "section.key=value", up to null */
};

extern const struct c2_profile c2_profiles[];
extern const size_t c2_n_profiles;

/* Apply the profile of that name to conf. Needs a name that mqtt.profile takes. */
bool c2_profile_apply(struct c2_conf *conf, const char *name, struct err *err);

/* What no single key can tell. */
struct c2_plan {
	struct listen_addr http, grpc;
	bool tls;
	enum log_level log_level;
};

/*
 * Check the keys against each other. ERR_CONFIG says which and what to do:
 * above all, an address that others can reach needs TLS and tokens.
 */
bool c2_conf_plan(struct c2_plan *out, const struct c2_conf *conf, struct err *err);

#endif
