/* The options and commands of e4client. */
#ifndef CLI_CLIENT_OPTS_H
#define CLI_CLIENT_OPTS_H

#include "cli/opts.h"

struct client_args {
	const char *name;
	struct opt_may password;
	const char *password_file;
	bool password_compat;
	const char *key;
	bool pubkey;
	const char *c2_pubkey;
	const char *state;
	const char *many;
	const char *broker;
	const char *tls_ca;
	const char *tls_cert;
	const char *tls_key;
	const char *broker_user;
	const char *broker_password_file;
	const char *mqtt;
	const char *qos;
	bool persistent_session;
	struct opt_list run;
	const char *output;
	int64_t exit_after;
	bool once;
	int64_t timeout_s;
	bool help;
	bool version;
};

extern const struct opts client_opts;

/* What can be typed or given with -run. */
enum client_verb {
	CLIENT_HELP,
	CLIENT_E4MSG,
	CLIENT_CLEARMSG,
	CLIENT_SUBSCRIBE,
	CLIENT_UNSUBSCRIBE,
	CLIENT_TOPICS,
	CLIENT_STATUS,
	CLIENT_WAIT,
	CLIENT_PRINT_KEY,
	CLIENT_EXIT
};

struct client_command {
	const char *word;
	enum client_verb verb;
	const char *args; /* for help */
	size_t min,
		max;    /* words behind the command; text of several words counts as one at least */
	bool connected; /* waits for the connection when run from a script */
	const char *help;
};

extern const struct client_command client_commands[];
extern const size_t n_client_commands;

#endif
