#define _GNU_SOURCE
#include "c2/front/grpc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "c2/front/grpc_inner.h"

/* DRAIN_MS is between the two steps of leaving: time for what a client just sent. */
enum { SWEEP_MS = 2000, DRAIN_MS = 100, ACCEPTS_A_TURN = 32 };

int64_t grpc_now_ms(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

static void on_connect(void *ctx, int fd, int ready)
{
	const int on = 1;
	struct grpc *g = ctx;
	bool full = g->n_conns >= GRPC_CONNECTIONS_MAX;

	(void)ready;
	for (int i = 0; i < ACCEPTS_A_TURN && !full; i++) {
		int conn;

		conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (conn < 0 && errno == EAGAIN)
			return;
		/* Out of descriptors: the sweep looks again, instead of this at each turn. */
		full = conn < 0;
		if (full)
			break;
		setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		grpc_conn_open(g, conn);
		if (!loop_timer_is_set(g->sweep))
			loop_timer_set(g->sweep, SWEEP_MS);
		full = g->n_conns >= GRPC_CONNECTIONS_MAX;
	}
	if (full) {
		loop_fd_set(g->listener, 0);
		loop_timer_set(g->sweep, SWEEP_MS / 10);
	}
}

/* Also the one place that finds a drain done, outside of all callbacks. */
static void on_sweep(void *ctx)
{
	struct grpc *g = ctx;
	int64_t now = grpc_now_ms();

	for (struct grpc_conn *c = g->conns; c; c = c->next) {
		grpc_conn_check(c, now);
		if (g->draining)
			grpc_conn_leave(c);
	}
	if (g->listener && g->n_conns < GRPC_CONNECTIONS_MAX)
		loop_fd_set(g->listener, LOOP_READ);
	if (g->n_conns > 0) {
		loop_timer_set(g->sweep, g->draining ? DRAIN_MS : SWEEP_MS);
	} else if (g->draining && g->done) {
		void (*done)(void *ctx) = g->done;

		g->done = NULL;
		done(g->done_ctx);
	}
}

static void on_step(void *ctx)
{
	struct grpc *g = ctx;

	while (g->marked) {
		struct grpc_conn *c = g->marked;

		g->marked = c->next_marked;
		c->marked = false;
		grpc_conn_step(c);
	}
	if (g->draining && g->n_conns == 0)
		loop_timer_set(g->sweep, 0);
}

bool grpc_open(struct grpc **out, const struct front_env *env, int listen_fd,
	       const struct front_tls *tls, struct err *err)
{
	struct grpc *g = mem_alloc(sizeof *g);

	g->env = *env;
	g->listen_fd = listen_fd;
	g->step = loop_timer_add(env->loop, on_step, g);
	g->sweep = loop_timer_add(env->loop, on_sweep, g);
	g->watch_timer = loop_timer_add(env->loop, grpc_health_look, g);
	if (tls && !grpc_tls_new(&g->tls, tls, err)) {
		grpc_close(g);
		return false;
	}
	g->listener = loop_fd_add(env->loop, listen_fd, LOOP_READ, on_connect, g);
	*out = g;
	return true;
}

int grpc_fd(const struct grpc *g)
{
	return g->listen_fd;
}

bool grpc_tls_check(const struct front_tls *tls, struct err *err)
{
	SSL_CTX *ctx;

	if (!grpc_tls_new(&ctx, tls, err))
		return false;
	SSL_CTX_free(ctx);
	return true;
}

bool grpc_set_tls(struct grpc *g, const struct front_tls *tls, struct err *err)
{
	SSL_CTX *ctx;

	if (!grpc_tls_new(&ctx, tls, err))
		return false;
	/* Open connections hold a reference of their own. */
	SSL_CTX_free(g->tls);
	g->tls = ctx;
	return true;
}

static void stop_listening(struct grpc *g)
{
	if (g->listener)
		loop_fd_del(g->listener);
	g->listener = NULL;
	if (g->listen_fd >= 0)
		close(g->listen_fd);
	g->listen_fd = -1;
}

void grpc_drain(struct grpc *g, void (*done)(void *ctx), void *ctx)
{
	struct err why;

	g->draining = true;
	g->done = done;
	g->done_ctx = ctx;
	stop_listening(g);
	err_set(&why, ERR_UNAVAILABLE, "the server stops");
	while (g->watches)
		grpc_stream_finish(g->watches, &why);
	for (struct grpc_conn *c = g->conns; c; c = c->next)
		grpc_conn_leave(c);
	loop_timer_set(g->sweep, g->conns ? DRAIN_MS : 0);
}

void grpc_close(struct grpc *g)
{
	if (!g)
		return;
	stop_listening(g);
	while (g->conns)
		grpc_conn_free(g->conns);
	loop_timer_del(g->step);
	loop_timer_del(g->sweep);
	loop_timer_del(g->watch_timer);
	SSL_CTX_free(g->tls);
	free(g);
}
