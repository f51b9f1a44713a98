#define _GNU_SOURCE
#include "bus/mqtt_setup.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/tls.h"

enum {
	RECEIVE_MAXIMUM = 1000, /* mosquitto exceeds the library's own 20 and is then cut off */
	/*
	 * MQTT 3.1.1 cannot say how many messages a broker takes at once, and mosquitto
	 * acknowledges but drops those of QoS 2 beyond its limit, 20 at first. The
	 * library keeps the rest of the window back.
	 */
	SEND_MAXIMUM_3 = 20,
	SESSION_EXPIRY_S = 7 * 24 * 3600,
	ALPN_MAX = 255,
};

static bool is_host(const char *host, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:%";

	return len > 0 && len < MQTT_HOST_CAP && strspn(host, allowed) >= len;
}

static bool bad_url(const char *url, struct err *err)
{
	return err_set(err, ERR_CONFIG, "%.120s: is not mqtt://host:port or mqtts://host:port",
		       url ? url : "(none)");
}

bool mqtt_parse_url(struct mqtt_address *a, const char *url, struct err *err)
{
	const char *host, *end, *port;
	size_t n_digits;

	if (!url || (strncmp(url, "mqtt://", 7) != 0 && strncmp(url, "mqtts://", 8) != 0))
		return bad_url(url, err);
	a->tls = url[4] == 's';
	a->port = a->tls ? 8883 : 1883;
	host = strstr(url, "://") + 3;
	if (*host == '[') {
		end = strchr(++host, ']');
		port = end ? end + 1 : "";
	} else {
		end = host + strcspn(host, ":/");
		port = end;
	}
	if (!end || !is_host(host, (size_t)(end - host)))
		return bad_url(url, err);
	memcpy(a->host, host, (size_t)(end - host));
	a->host[end - host] = 0;
	if (*port == ':') {
		n_digits = strspn(++port, "0123456789");
		a->port = n_digits >= 1 && n_digits <= 5 ? atoi(port) : 0;
		port += n_digits;
	}
	if (a->port < 1 || a->port > 65535 || (*port && strcmp(port, "/") != 0))
		return bad_url(url, err);
	return true;
}

bool mqtt_check_config(const struct mqtt_address *a, const struct bus_mqtt_config *c,
		       struct err *err)
{
	if (c->version != 3 && c->version != 5)
		return err_set(err, ERR_CONFIG, "the MQTT version is 3 or 5");
	if (c->keepalive_s < 5 || c->keepalive_s > 65535)
		return err_set(err, ERR_CONFIG, "the keepalive is 5 to 65535 s");
	if (c->window < 1 || c->window > RECEIVE_MAXIMUM)
		return err_set(err, ERR_CONFIG, "the window is 1 to %d messages", RECEIVE_MAXIMUM);
	if (c->persistent_session && (!c->client_id || strstr(c->client_id, "{random}")))
		return err_set(err, ERR_CONFIG,
			       "a persistent session needs a client id that stays");
	if (c->rate < 0)
		return err_set(err, ERR_CONFIG, "the rate is no negative number");
	if (c->alpn && (!*c->alpn || strlen(c->alpn) > ALPN_MAX))
		return err_set(err, ERR_CONFIG, "an ALPN protocol has 1 to %d bytes", ALPN_MAX);
	if (c->share_group && (!*c->share_group || strpbrk(c->share_group, "/+#")))
		return err_set(err, ERR_CONFIG, "the name of a shared group has no /, + or #");
	if (c->password_file && !c->user)
		return err_set(err, ERR_CONFIG, "a password for the broker needs a user");
	if (!c->cert_file != !c->key_file)
		return err_set(err, ERR_CONFIG, "a client certificate and its key go together");
	/* Else somebody believes in TLS who has none. */
	if (!a->tls && (c->ca_file || c->cert_file || c->alpn))
		return err_set(err, ERR_CONFIG, "certificates and ALPN need an mqtts:// URL");
	return true;
}

bool mqtt_client_id(char out[MQTT_CLIENT_ID_CAP], const char *text)
{
	char host[128] = "", random[17];
	uint8_t bytes[8];
	size_t n = 0;

	gethostname(host, sizeof host - 1);
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		abort();
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(random + 2 * i, 3, "%02x", bytes[i]);
	while (*text && n < MQTT_CLIENT_ID_CAP - 1) {
		bool is_host = strncmp(text, "{host}", 6) == 0;
		bool is_random = strncmp(text, "{random}", 8) == 0;

		if (is_host || is_random)
			n += (size_t)snprintf(out + n, MQTT_CLIENT_ID_CAP - n, "%s",
					      is_host ? host : random);
		else
			out[n++] = *text;
		text += is_host ? 6 : is_random ? 8 : 1;
	}
	if (n >= MQTT_CLIENT_ID_CAP - 1)
		return false;
	out[n] = 0;
	return true;
}

/* The library reads these at each connect; that they are there is checked now. */
static bool check_file(const char *path, bool secret, struct err *err)
{
	enum { CAP = 1 << 20 };
	uint8_t *bytes;
	size_t len;
	bool ok;

	if (!path)
		return true;
	bytes = mem_alloc(CAP);
	ok = secret ? file_read_secret(path, bytes, CAP, &len, err)
		    : file_read(path, bytes, CAP, &len, err);
	explicit_bzero(bytes, CAP);
	free(bytes);
	if (!ok && err)
		err->code = ERR_CONFIG;
	return ok;
}

/* Without this, OpenSSL would ask for the passphrase of a key on the terminal and wait. */
static int no_passphrase(char *out, int cap, int writing, void *ctx)
{
	(void)out;
	(void)cap;
	(void)writing;
	(void)ctx;
	return 0;
}

static bool set_tls(struct mosquitto *mosq, const struct bus_mqtt_config *c, struct err *err)
{
	/* Where the system keeps the certificates that it trusts. */
	const char *folder = c->ca_file ? NULL : "/etc/ssl/certs";

	if (!check_file(c->ca_file, false, err) || !check_file(c->cert_file, false, err) ||
	    !check_file(c->key_file, true, err))
		return false;
	/*
	 * "tlsv1.2" is the lowest version, not the only one. The library has no
	 * setting for the suites of TLS 1.3; OpenSSL's own are those of our table.
	 */
	if (mosquitto_tls_set(mosq, c->ca_file, folder, c->cert_file, c->key_file, no_passphrase) !=
		    MOSQ_ERR_SUCCESS ||
	    mosquitto_tls_opts_set(mosq, 1, "tlsv1.2", tls_openssl_ciphers()) != MOSQ_ERR_SUCCESS ||
	    mosquitto_tls_insecure_set(mosq, false) != MOSQ_ERR_SUCCESS ||
	    (c->alpn &&
	     mosquitto_string_option(mosq, MOSQ_OPT_TLS_ALPN, c->alpn) != MOSQ_ERR_SUCCESS))
		return err_set(err, ERR_CONFIG, "the TLS settings of the broker are not usable");
	return true;
}

static bool set_password(struct mosquitto *mosq, const struct bus_mqtt_config *c, struct err *err)
{
	char password[1024] = "";
	bool ok;

	if (!c->user)
		return true;
	if (c->password_file && !file_read_line(c->password_file, password, sizeof password, err)) {
		if (err)
			err->code = ERR_CONFIG;
		return false;
	}
	ok = mosquitto_username_pw_set(mosq, c->user, c->password_file ? password : NULL) ==
	     MOSQ_ERR_SUCCESS;
	explicit_bzero(password, sizeof password);
	return ok || err_set(err, ERR_CONFIG, "the user of the broker is not usable");
}

/*
 * The library takes the properties of CONNECT only together with a connect that
 * blocks, and keeps them for all later ones. So we let it connect to a local
 * path that cannot exist, which fails at once and without a packet.
 */
static bool set_session_expiry(struct mosquitto *mosq, int keepalive_s, struct err *err)
{
	mosquitto_property *props = NULL;
	int rc;

	rc = mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
					  SESSION_EXPIRY_S);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_connect_bind_v5(mosq, "/dev/null/none", 0, keepalive_s, NULL, props);
	mosquitto_property_free_all(&props);
	return rc == MOSQ_ERR_ERRNO ||
	       err_set(err, ERR_CONFIG, "no persistent session with MQTT 5");
}

bool mqtt_set_options(struct mosquitto *mosq, const struct mqtt_address *a,
		      const struct bus_mqtt_config *c, struct err *err)
{
	int version = c->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
	int in_flight = c->version == 3 && c->window > SEND_MAXIMUM_3 ? SEND_MAXIMUM_3 : c->window;

	mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, version);
	mosquitto_int_option(mosq, MOSQ_OPT_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
	mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, in_flight);
	mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
	if (!set_password(mosq, c, err) || (a->tls && !set_tls(mosq, c, err)))
		return false;
	return c->version != 5 || !c->persistent_session ||
	       set_session_expiry(mosq, c->keepalive_s, err);
}
