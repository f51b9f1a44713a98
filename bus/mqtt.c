#define _GNU_SOURCE
#include "bus/mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/mqtt_setup.h"

enum {
	BACKOFF_MIN_MS = 500,
	BACKOFF_MAX_MS = 30000,
	CONNECT_MS = 20000,
	STEADY_MS = 10000,        /* a connection that lasted so long ends the backoff */
	KEEPALIVE_TURN_MS = 5000, /* how often the library looks at its clock, at most */
	READS_A_TURN = 64,
	PACE_MS = 100 /* a limited rate is spread over pieces of this */
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
	struct loop_timer *pace;  /* until a limited rate leaves room again */
	struct loop_timer *uncork;
	struct loop_fd *watch; /* null while waiting */
	struct bus_handler handler;
	struct sub *subs;
	enum state state;
	bool tcp_up; /* this attempt reached the other end */
	bool is_v6;
	bool try_v4;  /* this attempt leaves out the IPv6 addresses of the host */
	bool blocked; /* the library has bytes that the socket did not take */
	bool starved; /* was told that there is no room */
	bool corked;  /* the kernel collects what this turn of the loop writes */
	bool closing;
	int depth; /* calls into the library or the owner that run */
	int version;
	int keepalive_s;
	int connect_ms;
	int window;
	int rate;
	int64_t budget; /* with a rate: thousandths of messages that may go out now */
	int64_t budget_ms;
	char *share_group;
	int n_unacked;
	int attempts; /* since the last steady connection */
	int64_t up_at_ms;
	struct mqtt_address address;
	char why[256];              /* last reason told */
	char reason[256];           /* of this attempt, from the broker or from TLS */
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
	loop_timer_del(m->pace);
	loop_timer_del(m->uncork);
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
	free(m->share_group);
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

/*
 * Messages that the rate allows now. A tenth of a second's may be saved up, and
 * nine tenths a second are added: no second ever sees more than the rate.
 */
static int64_t paced(struct mqtt *m)
{
	int64_t now = mono_ms(), most = m->rate * (int64_t)PACE_MS;

	if (m->rate == 0)
		return m->window;
	if (most < 1000)
		most = 1000;
	m->budget += (now - m->budget_ms) * m->rate * 9 / 10;
	if (m->budget > most)
		m->budget = most;
	m->budget_ms = now;
	return m->budget / 1000;
}

static bool has_room(struct mqtt *m)
{
	return m->state == UP && !m->blocked && m->n_unacked < m->window && paced(m) > 0;
}

static void tell_room(struct mqtt *m)
{
	if (m->closing || !m->starved || !has_room(m))
		return;
	m->starved = false;
	if (m->handler.on_room)
		m->handler.on_room(m->handler.ctx);
}

/*
 * The library writes each packet by itself. A segment for each costs both ends
 * more than the message; so those of one turn leave together, at its end.
 */
static void set_cork(struct mqtt *m, int on)
{
	m->corked = on;
	setsockopt(mosquitto_socket(m->mosq), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

static void cork(struct mqtt *m)
{
	if (m->corked)
		return;
	set_cork(m, 1);
	loop_timer_set(m->uncork, 0);
}

static void on_uncork(void *ctx)
{
	set_cork(ctx, 0);
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

/*
 * The library tries the first address of a host alone, which is IPv6 where the
 * host has one, also where nothing listens there ("localhost" on many machines).
 */
static bool wants_v4_now(const struct mqtt *m)
{
	return m->state == CONNECTING && m->is_v6 && !m->tcp_up && !m->try_v4;
}

static void go_down(struct mqtt *m, const char *why)
{
	bool was_up = m->state == UP, again = wants_v4_now(m);
	int fd = mosquitto_socket(m->mosq);

	loop_fd_del(m->watch);
	m->watch = NULL;
	/* The library closes it at the next attempt; the broker should know now. */
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	m->try_v4 = again;
	if (again) {
		m->state = WAITING;
		if (why != m->reason)
			snprintf(m->reason, sizeof m->reason, "%s", why);
		loop_timer_set(m->timer, 0);
		return;
	}
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

/* As the broker is asked for it; free() the answer. What begins with $ is the broker's own. */
static char *asked_pattern(const struct mqtt *m, const char *pattern)
{
	size_t cap = strlen(pattern) + (m->share_group ? strlen(m->share_group) : 0) + 16;
	bool shared = m->share_group && *pattern != '$' && strpbrk(pattern, "+#");
	char *text = mem_alloc(cap);

	if (shared)
		snprintf(text, cap, "$share/%s/%s", m->share_group, pattern);
	else
		snprintf(text, cap, "%s", pattern);
	return text;
}

static void subscribe_one(struct mqtt *m, struct sub *s)
{
	char *pattern = asked_pattern(m, s->pattern);

	/* A failure shows at the socket too, and after that all is subscribed again. */
	mosquitto_subscribe(m->mosq, &s->mid, pattern, s->qos);
	free(pattern);
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
	/* An address to come from, which lets the library pass over those of the other kind. */
	const char *from = m->try_v4 ? "0.0.0.0" : NULL;
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof own;
	char reason[sizeof m->reason];
	int rc, fd;

	/* If there is no IPv4 address at all, why IPv6 failed is what to tell. */
	if (!m->try_v4)
		m->reason[0] = 0;
	m->tcp_up = m->corked = false;
	m->state = CONNECTING;
	errno = 0;
	rc = mosquitto_connect_bind_async(m->mosq, m->address.host, m->address.port, m->keepalive_s,
					  from);
	fd = mosquitto_socket(m->mosq);
	if (rc != MOSQ_ERR_SUCCESS || fd < 0) {
		snprintf(reason, sizeof reason, "%s", reason_of(m, rc, errno));
		/* Refused at once, by an address that is not known any more. */
		m->is_v6 = rc == MOSQ_ERR_ERRNO;
		go_down(m, reason);
		return;
	}
	m->reason[0] = 0;
	m->is_v6 = getsockname(fd, (struct sockaddr *)&own, &len) == 0 && own.ss_family == AF_INET6;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
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

static void on_pace(void *ctx)
{
	struct mqtt *m = ctx;

	enter(m);
	tell_room(m);
	if (m->starved && m->state == UP)
		loop_timer_set(m->pace, PACE_MS);
	leave(m);
}

/* Packets that are there; the library takes one or a few at a call. */
static int read_some(struct mqtt *m)
{
	int rc = MOSQ_ERR_SUCCESS;

	errno = 0; /* it gives up early on an old EAGAIN */
	for (int i = 0; i < READS_A_TURN; i++) {
		rc = mosquitto_loop_read(m->mosq, 1);
		if (rc != MOSQ_ERR_SUCCESS || errno == EAGAIN || m->state != UP || m->closing ||
		    mosquitto_socket(m->mosq) < 0)
			break;
	}
	return rc;
}

static bool has_peer(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static void on_event(void *ctx, int fd, int ready)
{
	struct mqtt *m = ctx;
	int rc, saved;

	enter(m);
	if (!m->tcp_up && ready & LOOP_WRITE)
		m->tcp_up = has_peer(fd);
	/*
	 * Read at every event: the TLS handshake, and what TLS has decrypted
	 * already, go on inside the library's read alone.
	 */
	if (m->state == UP)
		cork(m);
	rc = read_some(m);
	if (rc == MOSQ_ERR_SUCCESS && !m->closing && mosquitto_socket(m->mosq) >= 0)
		rc = mosquitto_loop_write(m->mosq, 1);
	saved = errno;
	if (m->closing) {
		leave(m);
		return;
	}
	/* During a TLS handshake the library takes a lost connection for one that is not there yet.
	 */
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
			 m->version == 5 ? mosquitto_reason_string(rc)
					 : mosquitto_connack_string(rc));
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
	/* An EAGAIN of the owner's would end the library's read with TLS data left inside. */
	errno = 0;
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
	if (strncmp(text, "Unrecognised command", 20) == 0) {
		snprintf(m->reason, sizeof m->reason, "what answers there is no MQTT broker");
		return;
	}
	snprintf(m->reason, sizeof m->reason, "TLS: %s", routine ? routine + 2 : text);
}

/* The bus */

static size_t mqtt_room(void *ctx)
{
	struct mqtt *m = ctx;

	if (has_room(m)) {
		int64_t window = m->window - m->n_unacked, rate = m->rate ? paced(m) : window;

		return (size_t)(rate < window ? rate : window);
	}
	m->starved = true;
	/* Without a message on its way nothing else would tell that there is room again. */
	if (m->rate)
		loop_timer_set(m->pace, PACE_MS);
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
	cork(m);
	do {
		rc = mosquitto_publish_v5(m->mosq, &mid, topic, (int)len, payload, qos, retain,
					  NULL);
	} while (rc == MOSQ_ERR_QOS_NOT_SUPPORTED && qos-- > 0);
	m->budget -= m->rate ? 1000 : 0;
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
		char *asked = asked_pattern(m, pattern);

		mosquitto_unsubscribe(m->mosq, NULL, asked);
		free(asked);
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

static void set_callbacks(struct mqtt *m)
{
	mosquitto_connect_v5_callback_set(m->mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(m->mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(m->mosq, on_publish);
	mosquitto_message_v5_callback_set(m->mosq, on_message);
	mosquitto_subscribe_v5_callback_set(m->mosq, on_subscribe);
	mosquitto_log_callback_set(m->mosq, on_log);
}

bool bus_mqtt_open(struct bus *out, const struct bus_mqtt_config *c, struct loop *loop,
		   const struct bus_handler *handler, struct err *err)
{
	struct mqtt *m = mem_alloc(sizeof *m);
	char id[MQTT_CLIENT_ID_CAP];

	if (!mqtt_parse_url(&m->address, c->url, err) || !mqtt_check_config(&m->address, c, err)) {
		free(m);
		return false;
	}
	m->loop = loop;
	m->handler = *handler;
	m->version = c->version;
	m->keepalive_s = c->keepalive_s;
	m->window = c->window;
	m->rate = c->rate;
	m->budget_ms = mono_ms();
	m->share_group = c->share_group ? mem_text(c->share_group) : NULL;
	m->connect_ms = c->connect_ms > 0 ? c->connect_ms : CONNECT_MS;
	mosquitto_lib_init();
	if (!c->client_id || mqtt_client_id(id, c->client_id))
		m->mosq = mosquitto_new(c->client_id ? id : NULL, !c->persistent_session, m);
	m->timer = loop_timer_add(loop, on_timer, m);
	m->pace = loop_timer_add(loop, on_pace, m);
	m->uncork = loop_timer_add(loop, on_uncork, m);
	if (!m->mosq) {
		err_set(err, ERR_CONFIG, "the client id of the broker is not usable");
		destroy(m);
		return false;
	}
	set_callbacks(m);
	if (!mqtt_set_options(m->mosq, &m->address, c, err)) {
		destroy(m);
		return false;
	}
	loop_timer_set(m->timer, 0);
	*out = (struct bus){&mqtt_ops, m};
	return true;
}
