#include "c2/conf.h"

#include <string.h>

#define FIELD(field) offsetof(struct c2_conf, field)
#define TEXT(key, value, field, text)                                                              \
	{                                                                                          \
		key, CONF_TEXT, value, 0, 0, NULL, NULL, FIELD(field), text                        \
	}
#define PATH(key, field, text)                                                                     \
	{                                                                                          \
		key, CONF_PATH, NULL, 0, 0, NULL, NULL, FIELD(field), text                         \
	}
#define BOOL(key, value, field, text)                                                              \
	{                                                                                          \
		key, CONF_BOOL, value, 0, 0, NULL, NULL, FIELD(field), text                        \
	}
#define CHOICE(key, value, of, field, text)                                                        \
	{                                                                                          \
		key, CONF_CHOICE, value, 0, 0, NULL, of, FIELD(field), text                        \
	}
#define INT(key, value, min, max, unit, field, text)                                               \
	{                                                                                          \
		key, CONF_INT, value, min, max, unit, NULL, FIELD(field), text                     \
	}

const struct conf_key c2_conf_keys[] = {
	TEXT("http.listen", "127.0.0.1:8888", http_listen,
	     "Address and port for HTTP and JSON; port 0 lets the system choose one."),
	TEXT("grpc.listen", "127.0.0.1:5555", grpc_listen,
	     "Address and port for gRPC; port 0 lets the system choose one."),
	PATH("tls.cert", tls_cert,
	     "Certificate chain in PEM, for both ports; with it goes tls.key."),
	PATH("tls.key", tls_key, "Private key in PEM that only its owner may read."),
	PATH("auth.token_file", auth_token_file,
	     "File with a line \"NAME ROLE TOKEN\" for each caller; without it everyone on this "
	     "machine is admin."),
	{"db.path", CONF_PATH, "c2.db", 0, 0, NULL, NULL, FIELD(db_path),
	 "Database file, made at the first start; without effect when db.url is set."},
	TEXT("db.url", NULL, db_url,
	     "Instead of a file, for several servers: postgres:// or mysql://user@host:port/db; "
	     "over a network with a verified certificate (?sslrootcert=FILE, ?ssl-ca=FILE)."),
	PATH("db.password_file", db_password_file,
	     "File whose first line is the password for db.url."),
	CHOICE("crypto.mode", "symmetric", "symmetric|pubkey", crypto_mode,
	       "How devices get their control key; fixed at the first start."),
	PATH("custody.passphrase_file", custody_passphrase_file,
	     "File whose first line is the passphrase that protects all keys; or use "
	     "custody.key_file."),
	PATH("custody.key_file", custody_key_file, "File with the 32 bytes that protect all keys."),
	PATH("custody.next_passphrase_file", custody_next_passphrase_file,
	     "The same for a passphrase that shall replace it (c2 rekey)."),
	PATH("custody.next_key_file", custody_next_key_file,
	     "File with 32 bytes that shall replace it (c2 rekey)."),
	CHOICE("mqtt.profile", "mosquitto", "mosquitto|vernemq|emqx|hivemq|aws", mqtt_profile,
	       "Kind of broker: its limits and its presence topics become the defaults of the "
	       "other "
	       "settings."),
	TEXT("mqtt.url", "mqtt://127.0.0.1:1883", mqtt_url,
	     "Message broker: mqtt://host:port, or mqtts://host:port with TLS."),
	TEXT("mqtt.client_id", NULL, mqtt_client_id,
	     "Our name at the broker, different for each server: {host} stands for the machine's "
	     "name, {random} for 16 random digits; random when not set."),
	TEXT("mqtt.user", NULL, mqtt_user, "User name at the broker."),
	PATH("mqtt.password_file", mqtt_password_file,
	     "File whose first line is the password at the broker."),
	PATH("mqtt.ca", mqtt_ca,
	     "Certificates in PEM to trust for mqtts; the system's when not set."),
	PATH("mqtt.cert", mqtt_cert,
	     "Our certificate for the broker in PEM; with it goes mqtt.key."),
	PATH("mqtt.key", mqtt_key, "Private key for mqtt.cert in PEM."),
	TEXT("mqtt.alpn", NULL, mqtt_alpn,
	     "Protocol to ask for when TLS starts, where a broker shares its port with others."),
	CHOICE("mqtt.version", "3.1.1", "3.1.1|5", mqtt_version, "Version of MQTT."),
	INT("mqtt.qos", "2", 0, 2, NULL, mqtt_qos,
	    "Quality of service of commands; a broker that has less gets less."),
	BOOL("mqtt.retain", "false", mqtt_retain, "Let the broker retain the newest command."),
	INT("mqtt.window", "100", 1, 1000, "messages", mqtt_window,
	    "Most commands on their way to the broker at one time."),
	INT("mqtt.rate", "0", 0, 1000000, "messages/s", mqtt_rate,
	    "Most commands published in any second; 0 for as many as the broker takes."),
	INT("mqtt.keepalive", "30", 5, 65535, "s", mqtt_keepalive,
	    "Time after which a silent connection to the broker is tested."),
	BOOL("mqtt.persistent", "false", mqtt_persistent,
	     "Ask the broker to keep receipts for us while we are away; needs mqtt.client_id."),
	TEXT("mqtt.share", NULL, mqtt_share,
	     "Group of servers of which each receipt reaches one (shared subscription); without it "
	     "each receipt reaches all of them, which does no harm."),
	TEXT("mqtt.presence", NULL, mqtt_presence,
	     "Topics, with spaces between them, that tell who is there: {client} for a level with "
	     "the client's name, {id} for its E4 id, neither for signed messages in pubkey mode."),
	INT("delivery.receipt_wait", "10", 1, 86400, "s", delivery_receipt_wait,
	    "First wait for a receipt before a device is sent its commands again; doubles each "
	    "time."),
	INT("delivery.retry_max", "3600", 1, 604800, "s", delivery_retry_max,
	    "Longest wait between two tries."),
	INT("delivery.legacy_retry_max", "86400", 1, 31536000, "s", delivery_legacy_retry_max,
	    "The same for a device that has never given a receipt, where it is more."),
	INT("delivery.announce_gap", "30", 1, 86400, "s", delivery_announce_gap,
	    "An announcement or the presence of one device makes us send at most this often."),
	BOOL("keys.rotate_on_removal", "true", keys_rotate_on_removal,
	     "Give a topic a new key when a client leaves it, so that it cannot read on."),
	INT("events.keep", "10000", 0, 10000000, "events", events_keep,
	    "Events kept for subscribers that come late."),
	BOOL("engine.enabled", "true", engine_enabled, "Carry out the rules that rotate keys."),
	INT("engine.grace", "3600", 0, 31536000, "s", engine_grace,
	    "Grace period of the devices: a topic's key is not rotated again within it, unless the "
	    "rule forces that."),
	INT("engine.history", "100000", 1, 10000000, "runs", engine_history,
	    "Runs of rules that are kept."),
	INT("engine.risk_limit", "0", 0, 100, "percent", engine_risk_limit,
	    "A rule that would rotate more often than this share of its devices comes back is "
	    "refused unless it is to be forced; 0: never."),
	TEXT("engine.c2", NULL, engine_c2,
	     "host:port of the C2 that rules work on: this process is c2ae then, which has rules "
	     "and "
	     "nothing else."),
	PATH("engine.c2_ca", engine_c2_ca, "Certificates in PEM to trust for engine.c2."),
	PATH("engine.c2_token_file", engine_c2_token_file,
	     "File whose first line is the token of an operator at engine.c2."),
	PATH("notify.webhook_secret_file", notify_webhook_secret_file,
	     "File whose first line signs what rules post to webhooks; without it there are none."),
	TEXT("notify.webhook_allow", NULL, notify_webhook_allow,
	     "Beginnings of URLs, with spaces between them, that webhooks may have although they "
	     "are "
	     "http or lead to an address that is not public."),
	PATH("notify.webhook_ca", notify_webhook_ca,
	     "Certificates in PEM to trust for webhooks; the system's when not set."),
	TEXT("notify.smtp_url", NULL, notify_smtp_url,
	     "Mail server for what rules tell: smtp://host:port with STARTTLS, or "
	     "smtps://host:port."),
	TEXT("notify.smtp_user", NULL, notify_smtp_user, "User name at the mail server."),
	PATH("notify.smtp_password_file", notify_smtp_password_file,
	     "File whose first line is the password at the mail server."),
	TEXT("notify.smtp_from", NULL, notify_smtp_from, "Address that mail comes from."),
	PATH("notify.smtp_ca", notify_smtp_ca,
	     "Certificates in PEM to trust for the mail server; the system's when not set."),
	CHOICE("log.level", "info", "debug|info|warn|error", log_level,
	       "Least level of a line in the log."),
};

const size_t c2_conf_n_keys = sizeof c2_conf_keys / sizeof *c2_conf_keys;

/* --- kinds of brokers ------------------------------------------------------------------- */

static const char *const nothing[] = {NULL};

/* It tells of each client that connects; who may listen is a rule of its ACL. */
static const char *const emqx[] = {"mqtt.presence=$SYS/brokers/+/clients/{client}/connected", NULL};

/*
 * AWS IoT Core: ports 8883 and 443, the latter with ALPN; QoS 0 and 1; at most
 * 100 messages a second from one connection, 100 of them unacknowledged;
 * keepalive 30 to 1200 s.
 */
static const char *const aws[] = {
	"mqtt.qos=1",
	"mqtt.alpn=x-amzn-mqtt-ca",
	"mqtt.rate=100",
	"mqtt.window=100",
	"mqtt.version=5",
	"mqtt.keepalive=60",
	"mqtt.presence=$aws/events/presence/connected/{client}",
	/* Commands that wait at our end for their turn take ten seconds. */
	"delivery.receipt_wait=30",
	NULL,
};

const struct c2_profile c2_profiles[] = {
	{"mosquitto", "the defaults", nothing},
	{"vernemq", "the defaults; presence by birth messages or a webhook", nothing},
	{"emqx", "presence by its system topics", emqx},
	{"hivemq", "the defaults; presence by birth messages or an extension", nothing},
	{"aws", "AWS IoT Core", aws},
};

const size_t c2_n_profiles = sizeof c2_profiles / sizeof *c2_profiles;

bool c2_profile_apply(struct c2_conf *conf, const char *name, struct err *err)
{
	for (size_t i = 0; i < c2_n_profiles; i++) {
		if (strcmp(c2_profiles[i].name, name) != 0)
			continue;
		for (const char *const *set = c2_profiles[i].sets; *set; set++)
			if (!conf_set(conf, c2_conf_keys, c2_conf_n_keys, *set, err))
				return false;
		return true;
	}
	return err_set(err, ERR_INTERNAL, "no profile %s", name);
}

/* --- the keys together ------------------------------------------------------------------ */

static bool pair_check(const char *a, const char *b, const char *names, struct err *err)
{
	if (!a == !b)
		return true;
	return err_set(err, ERR_CONFIG, "%s: set both or neither", names);
}

static bool exposure_check(const struct listen_addr *addr, const char *key,
			   const struct c2_conf *conf, struct err *err)
{
	char text[LISTEN_TEXT_CAP];

	if (listen_is_loopback(addr) || (conf->tls_cert && conf->tls_key && conf->auth_token_file))
		return true;
	return err_set(
		err, ERR_CONFIG,
		"%s = %s can be reached from other machines: that needs TLS (tls.cert, tls.key) "
		"and tokens (auth.token_file); or listen on 127.0.0.1",
		key, listen_format(addr, text));
}

static enum log_level level_of(const char *text)
{
	static const char *const names[] = {
		[LOG_DEBUG] = "debug",
		[LOG_INFO] = "info",
		[LOG_WARN] = "warn",
		[LOG_ERROR] = "error",
	};
	int level = LOG_DEBUG;

	while (level < LOG_ERROR && strcmp(names[level], text) != 0)
		level++;
	return (enum log_level)level;
}

static bool required_check(const struct c2_conf *conf, struct err *err)
{
	if (!conf->http_listen || !conf->grpc_listen || !conf->mqtt_url ||
	    !(conf->db_path || conf->db_url))
		return err_set(err, ERR_CONFIG,
			       "http.listen, grpc.listen, db.path and mqtt.url cannot be empty");
	if (conf->db_password_file && !conf->db_url)
		return err_set(err, ERR_CONFIG, "db.password_file needs db.url");
	if (conf->engine_c2 && !conf->engine_enabled)
		return err_set(err, ERR_CONFIG, "engine.c2 without engine.enabled: nothing to do");
	if (conf->engine_c2)
		return true; /* neither keys nor a broker */
	if (!conf->custody_passphrase_file == !conf->custody_key_file)
		return err_set(
			err, ERR_CONFIG,
			"set one of custody.passphrase_file and custody.key_file: it protects the "
			"keys in the database");
	if (conf->custody_next_passphrase_file && conf->custody_next_key_file)
		return err_set(err, ERR_CONFIG,
			       "set one of custody.next_passphrase_file and custody.next_key_file, "
			       "or none");
	if (conf->mqtt_persistent &&
	    (!conf->mqtt_client_id || strstr(conf->mqtt_client_id, "{random}")))
		return err_set(err, ERR_CONFIG,
			       "mqtt.persistent needs an mqtt.client_id without {random}");
	return true;
}

bool c2_conf_plan(struct c2_plan *out, const struct c2_conf *conf, struct err *err)
{
	if (!required_check(conf, err) ||
	    !pair_check(conf->tls_cert, conf->tls_key, "tls.cert and tls.key", err) ||
	    !pair_check(conf->mqtt_cert, conf->mqtt_key, "mqtt.cert and mqtt.key", err))
		return false;
	if (!listen_parse(&out->http, conf->http_listen, err))
		return err_wrap(err, "http.listen");
	if (!listen_parse(&out->grpc, conf->grpc_listen, err))
		return err_wrap(err, "grpc.listen");
	if (!exposure_check(&out->http, "http.listen", conf, err) ||
	    !exposure_check(&out->grpc, "grpc.listen", conf, err))
		return false;
	out->tls = conf->tls_cert != NULL;
	out->log_level = level_of(conf->log_level);
	return true;
}
