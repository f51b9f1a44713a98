#define _GNU_SOURCE
#include "c2/front/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tls.h"
#include "c2/front/http_inner.h"

/*
 * Connections: with those of gRPC below the usual limit of 1024 descriptors. A
 * connection that sends nothing ends after IDLE_S; one that drips bytes, or
 * reads its answer as slowly, after DEADLINE_MS.
 */
enum { CONNECTIONS_MAX = 512, IDLE_S = 30, DEADLINE_MS = 60000, SWEEP_MS = 1000 };
enum { CONNECTION_MEMORY = 64 * 1024 };

static int64_t now_ms(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

/* Connections */

static void list_remove(struct http_connection *c)
{
	struct http_daemon *d = c->daemon;

	*(c->prev ? &c->prev->next : &d->first) = c->next;
	*(c->next ? &c->next->prev : &d->last) = c->prev;
	c->prev = c->next = NULL;
}

/* All deadlines are equally far away, so the end of the list is its place. */
static void list_append(struct http_connection *c)
{
	struct http_daemon *d = c->daemon;

	c->deadline_ms = now_ms() + DEADLINE_MS;
	c->prev = d->last;
	*(d->last ? &d->last->next : &d->first) = c;
	d->last = c;
}

static void connection_open(struct http_daemon *d, struct MHD_Connection *mhd, void **slot)
{
	struct http_connection *c = mem_alloc(sizeof *c);

	c->daemon = d;
	c->mhd = mhd;
	list_append(c);
	*slot = c;
	if (!loop_timer_is_set(d->http->sweep))
		loop_timer_set(d->http->sweep, SWEEP_MS);
}

static void connection_close(struct http_connection *c, void **slot)
{
	struct http *h = c->daemon->http;

	if (c->busy)
		http_request_end(c);
	list_remove(c);
	free(c);
	*slot = NULL;
	if (h->draining)
		loop_timer_set(h->sweep, 0);
}

/* The library gives no other way to end a connection from outside. */
static void connection_cut(const struct http_connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
}

/* Callbacks of the library */

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **slot,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		connection_open(ctx, mhd, slot);
	else if (*slot)
		connection_close(*slot, slot);
}

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *mhd)
{
	struct http_connection *c = connection_of(mhd);

	(void)ctx;
	if (c->busy)
		http_request_end(c);
	c->busy = true;
	http_request_begin(c, uri);
	return c;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mhd, const char *url,
				  const char *verb, const char *version, const char *bytes,
				  size_t *len, void **slot)
{
	(void)ctx, (void)mhd, (void)url;
	return http_request_step(*slot, verb, version, bytes, len);
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **slot,
			 enum MHD_RequestTerminationCode why)
{
	struct http_connection *c = *slot;

	(void)ctx, (void)mhd, (void)why;
	if (!c || !c->busy)
		return;
	http_request_end(c);
	c->busy = false;
	list_remove(c);
	list_append(c);
}

/* Paths and queries are decoded by the routes, once and with all checks. */
static size_t leave_escaped(void *ctx, struct MHD_Connection *mhd, char *text)
{
	(void)ctx, (void)mhd;
	return strlen(text);
}

static void on_library_log(void *ctx, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_library_log(void *ctx, const char *fmt, va_list args)
{
	char text[256];
	const char *line = text;

	(void)ctx;
	vsnprintf(text, sizeof text, fmt, args);
	text[strcspn(text, "\r\n")] = 0;
	log_write(LOG_DEBUG, "http library", LOG_STR("text", line));
}

/* Daemons */

static void daemon_rearm(struct http_daemon *d)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(d->mhd, &ms) == MHD_YES)
		loop_timer_set(d->timer, ms > DEADLINE_MS ? DEADLINE_MS : (int64_t)ms);
	else
		loop_timer_stop(d->timer);
}

static void daemon_run(void *ctx)
{
	struct http_daemon *d = ctx;

	MHD_run(d->mhd);
	daemon_rearm(d);
}

static void on_ready(void *ctx, int fd, int ready)
{
	(void)fd, (void)ready;
	daemon_run(ctx);
}

static struct MHD_Daemon *library_start(struct http_daemon *d, const struct front_tls *tls)
{
	struct MHD_OptionItem tls_options[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->cert : NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, front_unconst(tls_gnutls_priority())},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			(tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_request, d, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, d->http->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, d, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, d, MHD_OPTION_URI_LOG_CALLBACK, on_uri, d,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_ARRAY,
		tls ? tls_options : none, MHD_OPTION_END);
}

static bool daemon_start(struct http *h, const struct front_tls *tls, struct err *err)
{
	struct http_daemon *d = mem_alloc(sizeof *d);
	const union MHD_DaemonInfo *info;

	d->http = h;
	d->mhd = library_start(d, tls);
	if (!d->mhd) {
		free(d);
		return err_set(err, ERR_CONFIG,
			       tls ? "HTTP cannot use the certificate with this key"
				   : "HTTP cannot use its socket");
	}
	info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	d->watch = loop_fd_add(h->env.loop, info->epoll_fd, LOOP_READ, on_ready, d);
	d->timer = loop_timer_add(h->env.loop, daemon_run, d);
	d->next = h->daemons;
	h->daemons = d;
	daemon_rearm(d);
	return true;
}

static void daemon_stop(struct http_daemon *d)
{
	/* The library refuses to end with a suspended connection. */
	for (struct http_connection *c = d->first; c; c = c->next)
		http_request_release(c);
	loop_fd_del(d->watch);
	loop_timer_del(d->timer);
	MHD_stop_daemon(d->mhd);
	free(d);
}

/* Leave the listening socket; connections end after their next answer. */
static void daemon_retire(struct http_daemon *d)
{
	if (d->closing)
		return;
	d->closing = true;
	MHD_quiesce_daemon(d->mhd);
	loop_timer_set(d->timer, 0);
}

static void cut_idle(struct http_daemon *d)
{
	for (struct http_connection *c = d->first; c; c = c->next) {
		if (!c->busy)
			connection_cut(c);
	}
}

/* The front */

static void cut_late(struct http_daemon *d, int64_t now)
{
	for (struct http_connection *c = d->first; c && c->deadline_ms <= now; c = c->next)
		connection_cut(c);
}

static void drop_ended_daemons(struct http *h)
{
	struct http_daemon **at = &h->daemons;

	while (*at) {
		struct http_daemon *d = *at;

		if (!d->closing || d->first) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		daemon_stop(d);
	}
}

/* Runs while there are connections, and once more when the last one of a drain ends. */
static void on_sweep(void *ctx)
{
	struct http *h = ctx;
	bool any = false;

	drop_ended_daemons(h);
	for (struct http_daemon *d = h->daemons; d; d = d->next) {
		cut_late(d, now_ms());
		any |= d->first != NULL;
	}
	if (any) {
		loop_timer_set(h->sweep, SWEEP_MS);
	} else if (h->draining && h->done) {
		void (*done)(void *ctx) = h->done;

		h->done = NULL;
		done(h->done_ctx);
	}
}

bool http_open(struct http **out, const struct front_env *env, int listen_fd,
	       const struct front_tls *tls, struct err *err)
{
	struct http *h = mem_alloc(sizeof *h);

	h->env = *env;
	h->listen_fd = listen_fd;
	h->tls = tls != NULL;
	h->sweep = loop_timer_add(env->loop, on_sweep, h);
	if (!daemon_start(h, tls, err)) {
		http_close(h);
		return false;
	}
	*out = h;
	return true;
}

int http_fd(const struct http *h)
{
	return h->listen_fd;
}

bool http_set_tls(struct http *h, const struct front_tls *tls, struct err *err)
{
	struct http_daemon *old = h->daemons;

	if (!daemon_start(h, tls, err))
		return false;
	daemon_retire(old);
	loop_timer_set(h->sweep, SWEEP_MS);
	return true;
}

void http_drain(struct http *h, void (*done)(void *ctx), void *ctx)
{
	h->draining = true;
	h->done = done;
	h->done_ctx = ctx;
	for (struct http_daemon *d = h->daemons; d; d = d->next) {
		daemon_retire(d);
		cut_idle(d);
	}
	loop_timer_set(h->sweep, 0);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	h->draining = false;
	while (h->daemons) {
		struct http_daemon *d = h->daemons;

		h->daemons = d->next;
		if (!d->closing)
			MHD_quiesce_daemon(d->mhd);
		daemon_stop(d);
	}
	loop_timer_del(h->sweep);
	close(h->listen_fd);
	free(h);
}
