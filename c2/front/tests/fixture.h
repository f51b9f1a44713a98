/*
 * A front under test: a service that knows a few methods, a loop, and a client
 * socket driven by the same thread, so that nothing waits and nothing sleeps.
 */
#ifndef C2_FRONT_TESTS_FIXTURE_H
#define C2_FRONT_TESTS_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/json.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/mem.h"
#include "c2.pb-c.h"
#include "c2/front/front.h"
#include "tests/check.h"

#define FIXTURE_TOKEN "0123456789abcdef0123456789abcdef"

struct fixture {
	struct loop *loop;
	struct auth *auth;
	struct api_service service;
	struct front_env env;
	int listen_fd, port;
	int calls;           /* that reached the service */
	int smuggled;        /* of them, those that only a smuggled request makes */
	char request_id[80]; /* of the last one */
	enum api_role role;
	size_t bytes;         /* in the last message to protect */
	struct api_sink sink; /* of the one subscriber */
	bool subscribed;
	bool put_off;             /* calls wait for fixture_run */
	bool hold;                /* answers wait for fixture_tell */
	struct api_wait *held[4]; /* the latest ones */
	int n_held;               /* that wait now */
};

static inline bool fixture_call(void *ctx, unsigned method, const struct api_caller *caller,
				const ProtobufCMessage *request, struct arena *arena,
				ProtobufCMessage **response, struct err *err)
{
	struct fixture *f = ctx;

	f->calls++;
	f->smuggled += method == API_C2_REMOVE_CLIENT;
	f->role = caller->role;
	strcpy(f->request_id, caller->request_id);
	*response = api_message_new(api_methods[method].response, arena);
	if (method == API_C2_COUNT_CLIENTS)
		((Pb__CountClientsResponse *)*response)->count = 7;
	if (method == API_C2_PROTECT_MESSAGE)
		f->bytes = ((const Pb__ProtectMessageRequest *)request)->binarydata.len;
	if (method == API_C2_NEW_TOPIC)
		return err_set(err, ERR_INVALID, "no \"%s\" caf\xc3\xa9 here",
			       ((const Pb__NewTopicRequest *)request)->topic);
	return true;
}

static inline bool fixture_hold(struct fixture *f, struct api_wait *w)
{
	w->at = &f->held[f->n_held++];
	*w->at = w;
	return true;
}

static inline bool fixture_settle(void *ctx, struct api_wait *w)
{
	struct fixture *f = ctx;

	return f->hold && fixture_hold(f, w);
}

static inline bool fixture_put_off(void *ctx, struct api_wait *w)
{
	struct fixture *f = ctx;

	return f->put_off && fixture_hold(f, w);
}

static inline void fixture_unsettle(void *ctx, struct api_wait *w)
{
	struct fixture *f = ctx;

	*w->at = NULL;
	w->at = NULL;
	f->n_held--;
}

/* The commit is done, or failed for this reason. */
static inline void fixture_tell(struct fixture *f, const struct err *why)
{
	for (int i = 0; i < 4; i++) {
		struct api_wait *w = f->held[i];

		if (!w)
			continue;
		fixture_unsettle(f, w);
		w->done(w, why);
	}
}

/* The calls that wait are made. */
static inline void fixture_run(struct fixture *f)
{
	struct api_wait *held[4];

	memcpy(held, f->held, sizeof held);
	for (int i = 0; i < 4; i++) {
		if (!held[i])
			continue;
		fixture_unsettle(f, held[i]);
		held[i]->run(held[i]);
	}
}

static inline bool fixture_subscribe(void *ctx, unsigned method, const struct api_caller *caller,
				     const ProtobufCMessage *request, const struct api_sink *sink,
				     struct api_subscription **sub, struct err *err)
{
	struct fixture *f = ctx;

	(void)method, (void)caller, (void)request, (void)err;
	f->sink = *sink;
	f->subscribed = true;
	*sub = ctx;
	return true;
}

static inline void fixture_unsubscribe(void *ctx, struct api_subscription *sub)
{
	struct fixture *f = ctx;

	(void)sub;
	f->subscribed = false;
}

static inline void fixture_open(struct fixture *f, bool tokens)
{
	char path[] = "/tmp/front_test.XXXXXX";
	struct listen_addr addr;
	struct err err = {0};
	FILE *file = fdopen(mkstemp(path), "w");

	*f = (struct fixture){.loop = loop_new()};
	fputs("ops operator " FIXTURE_TOKEN "\n", file);
	fclose(file);
	log_set_level(LOG_ERROR);
	f->service = (struct api_service){.ctx = f,
					  .call = fixture_call,
					  .settle = fixture_settle,
					  .put_off = fixture_put_off,
					  .unsettle = fixture_unsettle,
					  .subscribe = fixture_subscribe,
					  .unsubscribe = fixture_unsubscribe};
	CHECK(auth_open(&f->auth, tokens ? path : NULL, &err));
	unlink(path);
	f->env = (struct front_env){f->loop, &f->service, f->auth};
	CHECK(listen_parse(&addr, "127.0.0.1:0", &err) && listen_open(&f->listen_fd, &addr, &err));
	f->port = listen_port(f->listen_fd);
}

static inline void fixture_close(struct fixture *f)
{
	auth_close(f->auth);
	loop_free(f->loop);
}

static inline int fixture_connect(const struct fixture *f)
{
	struct listen_addr addr;
	char text[LISTEN_TEXT_CAP];
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	snprintf(text, sizeof text, "127.0.0.1:%d", f->port);
	CHECK(listen_parse(&addr, text, NULL));
	CHECK(connect(fd, (struct sockaddr *)&addr.addr, addr.len) == 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	/* Else the kernel would hold small pieces back for a while. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* Let the front work off what it was sent: until it has nothing to do for a moment. */
static inline void fixture_turns(struct fixture *f)
{
	for (int i = 0; i < 10; i++)
		loop_turn(f->loop, 1);
}

#endif
