#define _GNU_SOURCE
#include "bus/mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tls.h"

enum {
	BACKOFF_MIN_MS = 500,
	BACKOFF_MAX_MS = 30000,
	CONNECT_MS = 20000,
	STEADY_MS = 10000,        /* a connection that lasted so long ends the backoff */
	KEEPALIVE_TURN_MS = 5000, /* how often the library looks at its clock, at most */
	RECEIVE_MAXIMUM = 1000,   /* mosquitto exceeds the library's own 20 and is then cut off */
	/*
	 * MQTT 3.1.1 cannot say how many messages a broker takes at once, and mosquitto
	 * acknowledges but drops those of QoS 2 beyond its limit, 20 at first. The
	 * library keeps the rest of the window back.
	 */
	SEND_MAXIMUM_3 = 20,
	SESSION_EXPIRY_S = 7 * 24 * 3600,
	HOST_CAP = 256,
};

enum state {
	WAITING,    /* for the next attempt */
	CONNECTING, /* until the broker accepts us */
	UP
};

struct sub {
	char *pattern;
	int qos;
	int mid; /* of the last request, to name it if the broker refuses */
	struct sub *next;
};

struct mqtt {
	struct mosquitto *mosq;
	struct loop *loop;
	struct loop_timer *timer; /* what it means depends on the state */
	struct loop_fd *watch;    /* null while waiting */
	struct bus_handler handler;
	struct sub *subs;
	enum state state;
	bool tls;
	bool tcp_up;  /* the socket was writable once */
	bool blocked; /* the library has bytes that the socket did not take */
	bool starved; /* was told that there is no room */
	bool closing;
	int depth; /* calls into the library or the owner that run */
	int version;
	int keepalive_s;
	int connect_ms;
	int port;
	int window;
	int n_unacked;
	int attempts; /* since the last steady connection */
	int64_t up_at_ms;
	char host[HOST_CAP];
	char why[256];             /* last reason told */
	char reason[256];          /* of this attempt, from the broker or from TLS */
	uint8_t unacked[65536 / 8]; /* packet ids of QoS 1 and 2 that are counted in n_unacked */
};

static int64_t mono_ms(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

static bool bit_get(const struct mqtt *m, int mid)
{
	return m->unacked[(mid & 0xffff) / 8] >> (mid % 8) & 1;
}

static void bit_flip(struct mqtt *m, int mid)
{
	m->unacked[(mid & 0xffff) / 8] ^= (uint8_t)(1u << (mid % 8));
}

/* Leaving and closing */

static void destroy(struct mqtt *m)
{
	loop_fd_del(m->watch);
	loop_timer_del(m->timer);
	m->closing = true; /* no callback of the library reaches the owner from here */
	if (m->state == UP)
		mosquitto_disconnect(m->mosq);
	mosquitto_destroy(m->mosq);
	mosquitto_lib_cleanup();
	while (m->subs) {
		struct sub *s = m->subs;

		m->subs = s->next;
		free(s->pattern);
		free(s);
	}
	free(m);
}

/*
 * Everything that may call the owner runs between enter and leave: the owner may
 * close the bus then, which takes effect in leave. False: m is gone.
 */
static void enter(struct mqtt *m)
{
	m->depth++;
}

static bool leave(struct mqtt *m)
{
	if (--m->depth > 0)
		return true;
	if (!m->closing)
		return true;
	destroy(m);
	return false;
}

static void tell_state(struct mqtt *m, bool up, const char *why)
{
	snprintf(m->why, sizeof m->why, "%s", why);
	if (!m->closing && m->handler.on_state)
		m->handler.on_state(m->handler.ctx, up, m->why);
}

static bool has_room(const struct mqtt *m)
{
	return m->state == UP && !m->blocked && m->n_unacked < m->window;
}

static void tell_room(struct mqtt *m)
{
	if (m->closing || !m->starved || !has_room(m))
		return;
	m->starved = false;
	if (m->handler.on_room)
		m->handler.on_room(m->handler.ctx);
}

/* Going up and down */

static void watch_for(struct mqtt *m)
{
	if (!m->watch)
		return;
	/* Asking clears what the library remembers for TLS: ask here and nowhere else. */
	m->blocked = mosquitto_want_write(m->mosq);
	loop_fd_set(m->watch, LOOP_READ | (m->blocked || !m->tcp_up ? LOOP_WRITE : 0));
}

static int64_t backoff_ms(int attempts)
{
	int64_t most = attempts < 5 ? (int64_t)(2 * BACKOFF_MIN_MS) << attempts : BACKOFF_MAX_MS;
	uint32_t random = 0;

	/* Jitter, so that a fleet does not come back in one instant; not a secret. */
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
		random = (uint32_t)mono_ms() * 2654435761u;
	return BACKOFF_MIN_MS + random % (most - BACKOFF_MIN_MS + 1);
}

static void go_down(struct mqtt *m, const char *why)
{
	bool was_up = m->state == UP;
	int fd = mosquitto_socket(m->mosq);

	loop_fd_del(m->watch);
	m->watch = NULL;
	/* The library closes it at the next attempt; the broker should know now. */
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	if (was_up && mono_ms() - m->up_at_ms >= STEADY_MS)
		m->attempts = 0;
	m->state = WAITING;
	m->blocked = false;
	loop_timer_set(m->timer, backoff_ms(m->attempts));
	if (m->attempts < 5)
		m->attempts++;
	if (was_up || strcmp(why, m->why) != 0)
		tell_state(m, false, why);
}

/* Why a call of the library failed, for the operator. */
static const char *reason_of(const struct mqtt *m, int rc, int saved_errno)
{
	if (m->reason[0])
		return m->reason;
	if (rc == MOSQ_ERR_ERRNO && saved_errno == EPROTO)
		return "the broker ended TLS; does it accept our certificate?";
	if (rc == MOSQ_ERR_ERRNO && saved_errno)
		return strerror(saved_errno);
	if (rc == MOSQ_ERR_EAI)
		return gai_strerror(saved_errno);
	if (rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_SUCCESS)
		return m->state == UP ? "the broker closed the connection"
		                      : "the broker does not accept the connection";
	return mosquitto_strerror(rc);
}

static void subscribe_one(struct mqtt *m, struct sub *s)
{
	/* A failure shows at the socket too, and after that all is subscribed again. */
	mosquitto_subscribe(m->mosq, &s->mid, s->pattern, s->qos);
}

static void go_up(struct mqtt *m)
{
	m->state = UP;
	m->up_at_ms = mono_ms();
	m->reason[0] = 0;
	/* A broker that drops us right after its yes must still not be asked in a tight loop. */
	m->attempts = m->attempts > 0;
	loop_timer_set(m->timer, 0);
	for (struct sub *s = m->subs; s; s = s->next)
		subscribe_one(m, s);
	tell_state(m, true, "connected");
}

static void on_event(void *ctx, int fd, int ready);

static void try_connect(struct mqtt *m)
{
	int rc, fd;

	m->reason[0] = 0;
	m->tcp_up = false;
	errno = 0;
	rc = mosquitto_connect_async(m->mosq, m->host, m->port, m->keepalive_s);
	fd = mosquitto_socket(m->mosq);
	if (rc != MOSQ_ERR_SUCCESS || fd < 0) {
		go_down(m, reason_of(m, rc, errno));
		return;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	m->state = CONNECTING;
	m->watch = loop_fd_add(m->loop, fd, LOOP_READ | LOOP_WRITE, on_event, m);
	loop_timer_set(m->timer, m->connect_ms);
}

static void on_timer(void *ctx)
{
	struct mqtt *m = ctx;
	int turn_ms = m->keepalive_s * 250;
	int rc;

	enter(m);
	switch (m->state) {
	case WAITING:
		try_connect(m);
		break;
	case CONNECTING:
		go_down(m, "the broker does not answer");
		break;
	case UP:
		rc = mosquitto_loop_misc(m->mosq);
		if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(m->mosq) < 0) {
			go_down(m, "the broker stopped answering");
			break;
		}
		watch_for(m);
		loop_timer_set(m->timer, turn_ms < KEEPALIVE_TURN_MS ? turn_ms : KEEPALIVE_TURN_MS);
		break;
	}
	leave(m);
}

static void on_event(void *ctx, int fd, int ready)
{
	struct mqtt *m = ctx;
	int rc, saved;

	(void)fd;
	enter(m);
	m->tcp_up |= ready & LOOP_WRITE;
	/*
	 * Read at every event: the TLS handshake, and what TLS has decrypted
	 * already, go on inside the library's read alone. It gives up early on an
	 * old EAGAIN, hence errno.
	 */
	errno = 0;
	rc = mosquitto_loop_read(m->mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(m->mosq) >= 0)
		rc = mosquitto_loop_write(m->mosq, 1);
	saved = errno;
	if (m->closing) {
		leave(m);
		return;
	}
	/* During a TLS handshake the library takes a lost connection for one that is not there yet. */
	if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(m->mosq) < 0 ||
	    (m->state == CONNECTING && ready & LOOP_ERROR)) {
		go_down(m, reason_of(m, rc, saved));
	} else {
		watch_for(m);
		tell_room(m);
	}
	leave(m);
}

/* What the library tells; always inside enter and leave, or inside a call of the owner */

static void on_connect(struct mosquitto *mosq, void *ctx, int rc, int flags,
                       const mosquitto_property *props)
{
	struct mqtt *m = ctx;

	(void)mosq;
	(void)flags;
	(void)props;
	if (m->closing)
		return;
	if (rc == 0)
		go_up(m);
	else
		snprintf(m->reason, sizeof m->reason, "the broker refuses: %s",
		         m->version == 5 ? mosquitto_reason_string(rc) : mosquitto_connack_string(rc));
}

/* A broker of MQTT 5 says why it ends a connection. */
static void on_disconnect(struct mosquitto *mosq, void *ctx, int rc,
                          const mosquitto_property *props)
{
	struct mqtt *m = ctx;

	(void)mosq;
	(void)props;
	if (rc >= 0x80 && !m->reason[0])
		snprintf(m->reason, sizeof m->reason, "the broker ends the connection: %s",
		         mosquitto_reason_string(rc));
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid, int reason,
                       const mosquitto_property *props)
{
	struct mqtt *m = ctx;

	(void)mosq;
	(void)reason;
	(void)props;
	if (!bit_get(m, mid))
		return;
	bit_flip(m, mid);
	m->n_unacked--;
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *msg,
                       const mosquitto_property *props)
{
	static const uint8_t nothing[1];
	struct mqtt *m = ctx;

	(void)mosq;
	(void)props;
	if (!m->closing && m->handler.on_message)
		m->handler.on_message(m->handler.ctx, msg->topic,
		                      msg->payloadlen ? msg->payload : nothing,
		                      (size_t)msg->payloadlen);
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int n, const int *granted,
                         const mosquitto_property *props)
{
	struct mqtt *m = ctx;

	(void)mosq;
	(void)props;
	if (n < 1 || granted[0] < 0x80)
		return;
	for (struct sub *s = m->subs; s; s = s->next) {
		if (s->mid == mid)
			log_write(LOG_WARN, "the broker refuses a subscription",
			          LOG_STR("pattern", s->pattern));
	}
}

/* Errors of TLS come as lines of text; the first of an attempt says most. */
static void on_log(struct mosquitto *mosq, void *ctx, int level, const char *text)
{
	struct mqtt *m = ctx;
	const char *routine = strstr(text, "::");

	(void)mosq;
	if (level != MOSQ_LOG_ERR || m->reason[0])
		return;
	if (strncmp(text, "Error: ", 7) == 0)
		text += 7;
	snprintf(m->reason, sizeof m->reason, "TLS: %s", routine ? routine + 2 : text);
}

/* The bus */

static size_t mqtt_room(void *ctx)
{
	struct mqtt *m = ctx;

	if (has_room(m))
		return (size_t)(m->window - m->n_unacked);
	m->starved = true;
	return 0;
}

static bool mqtt_is_up(void *ctx)
{
	return ((struct mqtt *)ctx)->state == UP;
}

static bool publish_error(int rc, struct err *err)
{
	switch (rc) {
	case MOSQ_ERR_OVERSIZE_PACKET:
	case MOSQ_ERR_PAYLOAD_SIZE:
		return err_set(err, ERR_INVALID, "the message is larger than the broker takes");
	case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
		return err_set(err, ERR_UNIMPLEMENTED, "the broker has no retained messages");
	case MOSQ_ERR_NOMEM:
		mem_exhausted("memory");
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
		return err_set(err, ERR_INVALID, "not a topic that MQTT has");
	default:
		/* The socket failed; that shows in the loop as well. */
		return err_set(err, ERR_UNAVAILABLE, "the connection to the broker is lost");
	}
}

static bool mqtt_publish(void *ctx, const char *topic, const uint8_t *payload, size_t len, int qos,
                         bool retain, struct err *err)
{
	struct mqtt *m = ctx;
	int mid, rc;

	if (m->state != UP)
		return err_set(err, ERR_UNAVAILABLE, "not connected to the broker");
	if (mqtt_room(m) == 0)
		return err_set(err, ERR_EXHAUSTED, "too many messages wait for the broker");
	enter(m);
	do {
		rc = mosquitto_publish_v5(m->mosq, &mid, topic, (int)len, payload, qos, retain, NULL);
	} while (rc == MOSQ_ERR_QOS_NOT_SUPPORTED && qos-- > 0);
	if (rc == MOSQ_ERR_SUCCESS && qos > 0 && !bit_get(m, mid)) {
		bit_flip(m, mid);
		m->n_unacked++;
	}
	watch_for(m);
	leave(m);
	return rc == MOSQ_ERR_SUCCESS || publish_error(rc, err);
}

static struct sub **find_sub(struct mqtt *m, const char *pattern)
{
	struct sub **at = &m->subs;

	while (*at && strcmp((*at)->pattern, pattern) != 0)
		at = &(*at)->next;
	return at;
}

static bool mqtt_subscribe(void *ctx, const char *pattern, int qos, struct err *err)
{
	struct mqtt *m = ctx;
	struct sub **at = find_sub(m, pattern);

	(void)err;
	if (!*at) {
		*at = mem_alloc(sizeof **at);
		(*at)->pattern = mem_text(pattern);
	}
	(*at)->qos = qos;
	if (m->state == UP) {
		subscribe_one(m, *at);
		watch_for(m);
	}
	return true;
}

static bool mqtt_unsubscribe(void *ctx, const char *pattern, struct err *err)
{
	struct mqtt *m = ctx;
	struct sub **at = find_sub(m, pattern), *s = *at;

	(void)err;
	if (s) {
		*at = s->next;
		free(s->pattern);
		free(s);
	}
	/* Also if we do not remember it: a kept session may. */
	if (m->state == UP) {
		mosquitto_unsubscribe(m->mosq, NULL, pattern);
		watch_for(m);
	}
	return true;
}

static void mqtt_close(void *ctx)
{
	struct mqtt *m = ctx;

	enter(m);
	m->closing = true;
	leave(m);
}

static const struct bus_ops mqtt_ops = {
	.publish = mqtt_publish,
	.subscribe = mqtt_subscribe,
	.unsubscribe = mqtt_unsubscribe,
	.room = mqtt_room,
	.is_up = mqtt_is_up,
	.close = mqtt_close,
};

/* Opening */

static bool is_host(const char *host, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789.-_:%";

	return len > 0 && len < HOST_CAP && strspn(host, allowed) >= len;
}

static bool bad_url(const char *url, struct err *err)
{
	return err_set(err, ERR_CONFIG,
	               "%.120s: is not mqtt://host:port or mqtts://host:port", url ? url : "(none)");
}

static bool parse_url(struct mqtt *m, const char *url, struct err *err)
{
	const char *host, *end, *port;
	size_t n_digits;

	if (!url || (strncmp(url, "mqtt://", 7) != 0 && strncmp(url, "mqtts://", 8) != 0))
		return bad_url(url, err);
	m->tls = url[4] == 's';
	m->port = m->tls ? 8883 : 1883;
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
	memcpy(m->host, host, (size_t)(end - host));
	m->host[end - host] = 0;
	if (*port == ':') {
		n_digits = strspn(++port, "0123456789");
		m->port = n_digits >= 1 && n_digits <= 5 ? atoi(port) : 0;
		port += n_digits;
	}
	if (m->port < 1 || m->port > 65535 || (*port && strcmp(port, "/") != 0))
		return bad_url(url, err);
	return true;
}

static bool check_config(const struct mqtt *m, const struct bus_mqtt_config *c, struct err *err)
{
	if (c->version != 3 && c->version != 5)
		return err_set(err, ERR_CONFIG, "the MQTT version is 3 or 5");
	if (c->keepalive_s < 5 || c->keepalive_s > 65535)
		return err_set(err, ERR_CONFIG, "the keepalive is 5 to 65535 s");
	if (c->window < 1 || c->window > RECEIVE_MAXIMUM)
		return err_set(err, ERR_CONFIG, "the window is 1 to %d messages", RECEIVE_MAXIMUM);
	if (c->persistent_session && !c->client_id)
		return err_set(err, ERR_CONFIG, "a persistent session needs a client id");
	if (c->password_file && !c->user)
		return err_set(err, ERR_CONFIG, "a password for the broker needs a user");
	if (!c->cert_file != !c->key_file)
		return err_set(err, ERR_CONFIG, "a client certificate and its key go together");
	/* Else somebody believes in TLS who has none. */
	if (!m->tls && (c->ca_file || c->cert_file))
		return err_set(err, ERR_CONFIG, "certificates need an mqtts:// URL");
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

static bool set_tls(struct mqtt *m, const struct bus_mqtt_config *c, struct err *err)
{
	/* Where the system keeps the certificates that it trusts. */
	const char *folder = c->ca_file ? NULL : "/etc/ssl/certs";

	if (!m->tls)
		return true;
	if (!check_file(c->ca_file, false, err) || !check_file(c->cert_file, false, err) ||
	    !check_file(c->key_file, true, err))
		return false;
	/*
	 * "tlsv1.2" is the lowest version, not the only one. The library has no
	 * setting for the suites of TLS 1.3; OpenSSL's own are those of our table.
	 */
	if (mosquitto_tls_set(m->mosq, c->ca_file, folder, c->cert_file, c->key_file,
	                      no_passphrase) != MOSQ_ERR_SUCCESS ||
	    mosquitto_tls_opts_set(m->mosq, 1, "tlsv1.2", tls_openssl_ciphers()) !=
	            MOSQ_ERR_SUCCESS ||
	    mosquitto_tls_insecure_set(m->mosq, false) != MOSQ_ERR_SUCCESS)
		return err_set(err, ERR_CONFIG, "the TLS settings of the broker are not usable");
	return true;
}

static bool set_password(struct mqtt *m, const struct bus_mqtt_config *c, struct err *err)
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
	ok = mosquitto_username_pw_set(m->mosq, c->user, c->password_file ? password : NULL) ==
	     MOSQ_ERR_SUCCESS;
	explicit_bzero(password, sizeof password);
	return ok || err_set(err, ERR_CONFIG, "the user of the broker is not usable");
}

/*
 * The library takes the properties of CONNECT only together with a connect that
 * blocks, and keeps them for all later ones. So we let it connect to a local
 * path that cannot exist, which fails at once and without a packet.
 */
static bool set_session_expiry(struct mqtt *m, struct err *err)
{
	mosquitto_property *props = NULL;
	int rc;

	rc = mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
	                                  SESSION_EXPIRY_S);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_connect_bind_v5(m->mosq, "/dev/null/none", 0, m->keepalive_s, NULL,
		                               props);
	mosquitto_property_free_all(&props);
	return rc == MOSQ_ERR_ERRNO || err_set(err, ERR_CONFIG, "no persistent session with MQTT 5");
}

static bool set_options(struct mqtt *m, const struct bus_mqtt_config *c, struct err *err)
{
	int version = c->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
	int in_flight = c->version == 3 && c->window > SEND_MAXIMUM_3 ? SEND_MAXIMUM_3 : c->window;

	mosquitto_int_option(m->mosq, MOSQ_OPT_PROTOCOL_VERSION, version);
	mosquitto_int_option(m->mosq, MOSQ_OPT_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
	mosquitto_int_option(m->mosq, MOSQ_OPT_SEND_MAXIMUM, in_flight);
	mosquitto_int_option(m->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_v5_callback_set(m->mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(m->mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(m->mosq, on_publish);
	mosquitto_message_v5_callback_set(m->mosq, on_message);
	mosquitto_subscribe_v5_callback_set(m->mosq, on_subscribe);
	mosquitto_log_callback_set(m->mosq, on_log);
	if (!set_password(m, c, err) || !set_tls(m, c, err))
		return false;
	return c->version != 5 || !c->persistent_session || set_session_expiry(m, err);
}

bool bus_mqtt_open(struct bus *out, const struct bus_mqtt_config *c, struct loop *loop,
                   const struct bus_handler *handler, struct err *err)
{
	struct mqtt *m = mem_alloc(sizeof *m);

	if (!parse_url(m, c->url, err) || !check_config(m, c, err)) {
		free(m);
		return false;
	}
	m->loop = loop;
	m->handler = *handler;
	m->version = c->version;
	m->keepalive_s = c->keepalive_s;
	m->window = c->window;
	m->connect_ms = c->connect_ms > 0 ? c->connect_ms : CONNECT_MS;
	mosquitto_lib_init();
	m->mosq = mosquitto_new(c->client_id, !c->persistent_session, m);
	m->timer = loop_timer_add(loop, on_timer, m);
	if (!m->mosq) {
		err_set(err, ERR_CONFIG, "the client id of the broker is not usable");
		destroy(m);
		return false;
	}
	if (!set_options(m, c, err)) {
		destroy(m);
		return false;
	}
	loop_timer_set(m->timer, 0);
	*out = (struct bus){ &mqtt_ops, m };
	return true;
}
