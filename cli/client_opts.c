#include "cli/client_opts.h"

#define AT(field) offsetof(struct client_args, field)

static const struct opt rows[] = {
	{"name", "n", OPT_TEXT, "NAME", AT(name), 0, 0, NULL,
	 "Name of the device, as C2 knows it."},
	{"password", NULL, OPT_MAY_FILE, "FILE", AT(password), 0, 0, NULL,
	 "Derive the key from a password of at least 16 characters: the first line of FILE, or "
	 "without FILE asked on the terminal. Needed once: the key is then in the state."},
	{"password-file", NULL, OPT_FILE, "FILE", AT(password_file), 0, 0, NULL,
	 "The same; - is standard input."},
	{"password-compat", NULL, OPT_SWITCH, NULL, AT(password_compat), 0, 0, NULL,
	 "Derive as older tools do (Argon2i without salt): equal passwords give equal keys."},
	{"key", NULL, OPT_FILE, "FILE", AT(key), 0, 0, NULL,
	 "Key file of e4keygen: symmetric, or with -pubkey the ed25519 private key. Needed once."},
	{"pubkey", NULL, OPT_SWITCH, NULL, AT(pubkey), 0, 0, NULL, "Public-key mode."},
	{"c2PubKey", NULL, OPT_FILE, "FILE", AT(c2_pubkey), 0, 0, NULL,
	 "Public key of C2, 32 raw bytes; needed once in public-key mode."},
	{"state", NULL, OPT_FILE, "FILE", AT(state), 0, 0, NULL,
	 "File for keys and topics (default NAME.e4 here). Without it, NAME.json of the older "
	 "client "
	 "is taken over once."},
	{"many", NULL, OPT_FILE, "FILE", AT(many), 0, 0, NULL,
	 "Run many devices, one JSON object a line: name, and key, password_file, pubkey, "
	 "c2_pubkey, "
	 "state as the options. Commands then begin with a name, or * for all; output is JSON."},
	{"broker", "b", OPT_TEXT, "HOST:PORT", AT(broker), 0, 0, NULL,
	 "Message broker (default 127.0.0.1:1883); mqtt://HOST:PORT or mqtts://HOST:PORT too."},
	{"ca", NULL, OPT_FILE, "FILE", AT(tls_ca), 0, 0, NULL,
	 "CA certificate of the broker, PEM: connect with TLS."},
	{"cert", NULL, OPT_FILE, "FILE", AT(tls_cert), 0, 0, NULL,
	 "Certificate of this client for the broker, PEM."},
	{"cert-key", NULL, OPT_FILE, "FILE", AT(tls_key), 0, 0, NULL, "Private key of -cert, PEM."},
	{"broker-user", NULL, OPT_TEXT, "NAME", AT(broker_user), 0, 0, NULL, "User at the broker."},
	{"broker-password-file", NULL, OPT_FILE, "FILE", AT(broker_password_file), 0, 0, NULL,
	 "File whose first line is the password at the broker."},
	{"mqtt", NULL, OPT_CHOICE, "VERSION", AT(mqtt), 0, 0, "3|5",
	 "MQTT version: 3 (3.1.1, default) or 5."},
	{"qos", NULL, OPT_CHOICE, "0|1|2", AT(qos), 0, 0, "0|1|2",
	 "Quality of service of what is sent and subscribed (default 1)."},
	{"persistent-session", NULL, OPT_SWITCH, NULL, AT(persistent_session), 0, 0, NULL,
	 "Have the broker keep subscriptions and messages while the device is away."},
	{"run", NULL, OPT_REPEAT, "COMMAND", AT(run), 0, 0, NULL,
	 "Run a command, then the next -run; standard input is not read. The device goes on until "
	 "-run exit, or as -once, -exit-after and -timeout say."},
	{"output", "o", OPT_CHOICE, "FORM", AT(output), 0, 0, "text|json",
	 "text (default), or json: one object a line for each event."},
	{"exit-after", NULL, OPT_INT, "N", AT(exit_after), 1, INT32_MAX, NULL,
	 "End after N readable messages."},
	{"once", NULL, OPT_SWITCH, NULL, AT(once), 0, 0, NULL,
	 "End after the first readable message."},
	{"timeout", NULL, OPT_INT, "SECONDS", AT(timeout_s), 1, 86400, NULL,
	 "End with exit code 7 when the time is over."},
	{"help", "h", OPT_SWITCH, NULL, AT(help), 0, 0, NULL, "Print this help."},
	{"version", NULL, OPT_SWITCH, NULL, AT(version), 0, 0, NULL, "Print the version."},
};

const struct opts client_opts = {"-", rows, sizeof rows / sizeof rows[0]};

const struct client_command client_commands[] = {
	{"help", CLIENT_HELP, "", 0, 0, false, "List the commands."},
	{"e4msg", CLIENT_E4MSG, "TOPIC TEXT", 2, 64, true, "Protect a message and publish it."},
	{"clearmsg", CLIENT_CLEARMSG, "TOPIC TEXT", 2, 64, true,
	 "Publish a message as it is, readable for everybody."},
	{"subscribe", CLIENT_SUBSCRIBE, "TOPIC", 1, 1, false,
	 "Receive the messages of a topic; + and # work as in MQTT."},
	{"unsubscribe", CLIENT_UNSUBSCRIBE, "TOPIC", 1, 1, false, "Receive them no more."},
	{"topics", CLIENT_TOPICS, "", 0, 0, false,
	 "List what is subscribed, and whether there is a key for it."},
	{"status", CLIENT_STATUS, "", 0, 0, false,
	 "Show the connection and what the device holds."},
	{"wait", CLIENT_WAIT, "TOPIC", 1, 1, true,
	 "In scripts: go on when the device has a key for the topic."},
	{"print-key", CLIENT_PRINT_KEY, "[PASSWORD]", 0, 1, false,
	 "Show what to give to C2 for this password: in symmetric mode the secret key itself. "
	 "Without PASSWORD it is asked for, and stays off the screen."},
	{"exit", CLIENT_EXIT, "", 0, 0, false, "Leave, when all is sent."},
};

const size_t n_client_commands = sizeof client_commands / sizeof client_commands[0];
