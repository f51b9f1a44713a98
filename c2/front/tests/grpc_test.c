/* The gRPC front against a client made of the bare HTTP/2 library. */
#define _GNU_SOURCE
#include "c2/front/grpc.h"

#include <nghttp2/nghttp2.h>

#include "c2/front/grpc_frame.h"
#include "c2/front/grpc_inner.h"
#include "c2/front/tests/fixture.h"
#include "grpc/health.pb-c.h"
#include "grpc/reflection.pb-c.h"

/* What came back on one stream. */
struct result {
	char http[8], status[8], message[256];
	uint8_t data[65536];
	size_t len, n_data_frames;
	bool closed;
	uint32_t code;
};

struct body {
	const uint8_t *bytes;
	size_t len, at;
	bool open; /* no end follows */
};

enum { STREAMS_MAX = 128 };

static struct fixture f;
static struct grpc *grpc;
static int fd;
static nghttp2_session *client;
static struct result results[STREAMS_MAX];
static bool was_closed, goaway;

static struct result *result_of(int32_t id)
{
	return &results[(id / 2) % STREAMS_MAX];
}

/* The client */

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *ctx)
{
	struct result *r = result_of(frame->hd.stream_id);
	const struct {
		const char *name;
		char *out;
		size_t cap;
	} slots[] = {{":status", r->http, 8},
		     {"grpc-status", r->status, 8},
		     {"grpc-message", r->message, 256}};

	(void)s, (void)flags, (void)ctx, (void)name_len;
	for (size_t i = 0; i < 3; i++) {
		if (strcmp((const char *)name, slots[i].name) == 0 && value_len < slots[i].cap)
			snprintf(slots[i].out, slots[i].cap, "%s", (const char *)value);
	}
	return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
		   void *ctx)
{
	struct result *r = result_of(id);

	(void)s, (void)flags, (void)ctx;
	if (r->len + len <= sizeof r->data)
		memcpy(r->data + r->len, bytes, len);
	r->len += len;
	return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *ctx)
{
	(void)s, (void)ctx;
	if (frame->hd.type == NGHTTP2_DATA)
		result_of(frame->hd.stream_id)->n_data_frames++;
	goaway |= frame->hd.type == NGHTTP2_GOAWAY;
	return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *ctx)
{
	(void)s, (void)ctx;
	result_of(id)->closed = true;
	result_of(id)->code = code;
	return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
			 nghttp2_data_source *source, void *ctx)
{
	struct body *b = source->ptr;
	size_t n = b->len - b->at < cap ? b->len - b->at : cap;

	(void)s, (void)id, (void)ctx;
	if (n == 0 && b->open)
		return NGHTTP2_ERR_DEFERRED;
	if (n > 0)
		memcpy(out, b->bytes + b->at, n);
	b->at += n;
	if (b->at == b->len && !b->open)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void client_open(bool reads)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;

	memset(results, 0, sizeof results);
	was_closed = goaway = false;
	fd = fixture_connect(&f);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_option_new(&option);
	nghttp2_option_set_no_auto_window_update(option, !reads);
	nghttp2_session_client_new2(&client, cb, NULL, option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(client, 0, NULL, 0);
}

static void client_close(void)
{
	nghttp2_session_del(client);
	close(fd);
	fixture_turns(&f);
}

static void client_move(void)
{
	static uint8_t in[65536];
	const uint8_t *out;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(client, &out)) > 0) {
		ssize_t at = 0, sent;

		while (at < n && !was_closed) {
			sent = send(fd, out + at, (size_t)(n - at), MSG_NOSIGNAL);
			if (sent > 0)
				at += sent;
			else if (errno != EAGAIN)
				was_closed = true;
			loop_turn(f.loop, 0);
		}
	}
	loop_turn(f.loop, 1);
	while ((n = recv(fd, in, sizeof in, 0)) > 0)
		nghttp2_session_mem_recv(client, in, (size_t)n);
	was_closed |= n == 0;
}

static void settle(void)
{
	for (int i = 0; i < 10; i++)
		client_move();
}

#define HEADER(n, v)                                                                               \
	{                                                                                          \
		front_unconst(n), front_unconst(v), strlen(n), strlen(v), 0                        \
	}

static int32_t begin(const char *path, struct body *body, const char *name, const char *value)
{
	const nghttp2_nv headers[] = {
		HEADER(":method", "POST"),
		HEADER(":scheme", "http"),
		HEADER(":path", path),
		HEADER(":authority", "localhost"),
		HEADER("te", "trailers"),
		HEADER(name ? name : "content-type", name ? value : "application/grpc"),
		HEADER("content-type", "application/grpc"),
	};
	nghttp2_data_provider source = {{.ptr = body}, read_body};

	return nghttp2_submit_request(client, NULL, headers, name ? 7 : 6, &source, NULL);
}

/* One whole call on the connection that is there. */
static struct result *call_with(const char *path, const void *bytes, size_t len, const char *name,
				const char *value)
{
	struct body body = {bytes, len, 0, false};
	int32_t id = begin(path, &body, name, value);
	struct result *r = result_of(id);

	memset(r, 0, sizeof *r);
	for (int i = 0; i < 3000 && !r->closed && !was_closed; i++)
		client_move();
	return r;
}

static struct result *call(const char *path, const void *bytes, size_t len)
{
	return call_with(path, bytes, len, NULL, NULL);
}

static size_t framed(uint8_t *out, const ProtobufCMessage *msg)
{
	size_t len = protobuf_c_message_pack(msg, out + GRPC_FRAME_HEAD);

	grpc_frame_encode(out, (uint32_t)len);
	return GRPC_FRAME_HEAD + len;
}

static const char count_path[] = "/pb.C2/CountClients";
static const uint8_t empty[GRPC_FRAME_HEAD];

/* Tests */

static void a_unary_call_is_answered(void)
{
	const struct result *r = call(count_path, empty, sizeof empty);

	CHECK_STR(r->http, "200");
	CHECK_STR(r->status, "0");
	CHECK_EQ(r->len, 7);
	CHECK_MEM(r->data, "\0\0\0\0\2\x08\x07", 7);
	/* Empty frames without end would follow a data source that does not wait. */
	CHECK(r->n_data_frames <= 2);
	CHECK_EQ(r->code, NGHTTP2_NO_ERROR);
}

static void an_error_of_the_service_comes_percent_encoded(void)
{
	Pb__NewTopicRequest request;
	const struct result *r;
	uint8_t bytes[64];
	size_t len;

	pb__new_topic_request__init(&request);
	request.topic = strdup("a%b");
	len = framed(bytes, &request.base);
	r = call("/pb.C2/NewTopic", bytes, len);
	CHECK_STR(r->status, "3");
	CHECK_STR(r->message, "no \"a%25b\" caf%C3%A9 here");
	free(request.topic);
}

static int32_t held_call(struct body *body, const char *timeout)
{
	int32_t id;

	f.hold = true;
	id = begin(count_path, body, timeout ? "grpc-timeout" : NULL, timeout);
	settle();
	CHECK_EQ(f.calls, 1);
	CHECK(!result_of(id)->closed || timeout);
	CHECK_EQ(result_of(id)->len, 0);
	return id;
}

static void an_answer_waits_until_its_change_is_durable(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int32_t id = held_call(&body, NULL);

	fixture_tell(&f, NULL);
	settle();
	CHECK_STR(result_of(id)->status, "0");
	CHECK_EQ(result_of(id)->len, 7);
}

static void a_call_that_was_put_off_is_made_once(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int32_t id;

	f.put_off = true;
	id = begin(count_path, &body, NULL, NULL);
	settle();
	CHECK_EQ(f.calls, 0);
	CHECK_EQ(f.n_held, 1);
	f.hold = true;
	fixture_run(&f);
	settle();
	CHECK_EQ(f.calls, 1);
	CHECK_EQ(result_of(id)->len, 0);
	fixture_tell(&f, NULL);
	settle();
	CHECK_STR(result_of(id)->status, "0");
	CHECK_EQ(result_of(id)->len, 7);
	CHECK_EQ(f.calls, 1);
}

static void who_leaves_before_his_call_is_made_makes_none(void)
{
	struct body body = {empty, sizeof empty, 0, false};

	f.put_off = true;
	begin(count_path, &body, NULL, NULL);
	settle();
	CHECK_EQ(f.n_held, 1);
	shutdown(fd, SHUT_RDWR);
	settle();
	CHECK_EQ(f.n_held, 0);
	fixture_run(&f);
	CHECK_EQ(f.calls, 0);
}

static void a_change_that_was_undone_answers_with_the_reason(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int32_t id = held_call(&body, NULL);
	struct err why;

	err_set(&why, ERR_STORE, "the disk is full");
	fixture_tell(&f, &why);
	settle();
	CHECK_STR(result_of(id)->message, "the disk is full");
	CHECK_EQ(result_of(id)->len, 0);
}

static void a_deadline_that_ends_while_the_answer_waits_is_told(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int32_t id = held_call(&body, "500m");

	for (int i = 0; i < 3000 && !result_of(id)->closed; i++)
		client_move();
	CHECK_STR(result_of(id)->status, "4");
	CHECK_EQ(f.n_held, 0);
}

static void who_leaves_while_he_waits_does_no_harm(void)
{
	struct body body = {empty, sizeof empty, 0, false};

	held_call(&body, NULL);
	shutdown(fd, SHUT_RDWR);
	settle();
	CHECK_EQ(f.n_held, 0);
}

static void unknown_methods_are_unimplemented(void)
{
	static const char *const paths[] = {"/pb.C2/Nothing", "/pb.C2", "/", "/pb.C2/countclients",
					    "/grpc.health.v1.Health/List"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		CHECK_STR(call(paths[i], empty, sizeof empty)->status, "12");
	CHECK_EQ(f.calls, 0);
}

static void bad_messages_are_refused_and_reach_nobody(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *status;
	} rows[] = {
		{"", 0, "12"},                      /* none */
		{"\0\0\0\0\0\0\0\0\0\0", 10, "12"}, /* two */
		{"\0\0\0", 3, "3"},                 /* half a head */
		{"\0\0\0\0\5abc", 8, "3"},          /* half a message */
		{"\1\0\0\0\3abc", 8, "12"},         /* compressed */
		{"\7\0\0\0\3abc", 8, "3"},          /* unknown flags */
		{"\0\xff\xff\xff\xff"
		 "abc",
		 8, "8"},                           /* 4 GiB announced */
		{"\0\0\0\0\3\xff\xff\xff", 8, "3"}, /* no protobuf */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(call(count_path, rows[i].bytes, rows[i].len)->status, rows[i].status);
	CHECK_STR(call("/pb.C2/NewTopic", "\0\0\0\0\4\x0a\2\xc3\x28", 9)->status, "3");
	CHECK_STR(call("/pb.C2/NewTopic", "\0\0\0\0\5\x0a\3a\0b", 10)->status, "3");
	CHECK_EQ(f.calls, 0);
}

static void a_message_of_more_than_4_mib_is_refused(void)
{
	static uint8_t big[(5 << 20) + GRPC_FRAME_HEAD];

	grpc_frame_encode(big, 5 << 20);
	CHECK_STR(call("/pb.C2/ProtectMessage", big, sizeof big)->status, "8");
	CHECK_EQ(f.calls, 0);
}

static void a_large_message_within_the_limit_arrives(void)
{
	static uint8_t bytes[(4 << 20) + 64], data[(4 << 20) - 64];
	Pb__ProtectMessageRequest request;

	pb__protect_message_request__init(&request);
	request.binarydata = (ProtobufCBinaryData){sizeof data, data};
	CHECK_STR(call("/pb.C2/ProtectMessage", bytes, framed(bytes, &request.base))->status, "0");
	CHECK_EQ(f.bytes, sizeof data);
}

static void metadata_is_tolerated_or_refused_as_it_should_be(void)
{
	CHECK_STR(call_with(count_path, empty, 5, "x-trace-bin", "AAECAw")->status, "0");
	CHECK_STR(call_with(count_path, empty, 5, "grpc-timeout", "5S")->status, "0");
	CHECK_STR(call_with(count_path, empty, 5, "grpc-timeout", "soon")->status, "3");
	CHECK_STR(call_with(count_path, empty, 5, "grpc-encoding", "gzip")->status, "0");
	CHECK_STR(call_with(count_path, empty, 5, "x-request-id", "r-1")->status, "0");
	CHECK_STR(f.request_id, "r-1");
}

static void what_is_not_grpc_gets_415(void)
{
	const nghttp2_nv headers[] = {
		HEADER(":method", "POST"),
		HEADER(":scheme", "http"),
		HEADER(":path", count_path),
		HEADER(":authority", "localhost"),
		HEADER("content-type", "application/json"),
	};
	int32_t id = nghttp2_submit_request(client, NULL, headers, 5, NULL, NULL);

	settle();
	CHECK_STR(result_of(id)->http, "415");
	CHECK_EQ(f.calls, 0);
}

static void large_headers_are_refused(void)
{
	static char value[20000];

	memset(value, 'a', sizeof value - 1);
	CHECK_STR(call_with(count_path, empty, 5, "x-large", value)->status, "8");
}

static void a_deadline_ends_a_request_that_does_not_come(void)
{
	struct body body = {empty, 2, 0, true};
	int32_t id = begin(count_path, &body, "grpc-timeout", "5m");

	for (int i = 0; i < 1000 && !result_of(id)->closed; i++)
		client_move();
	CHECK_STR(result_of(id)->status, "4");
	CHECK_EQ(f.calls, 0);
}

static Pb__Event event;

static void events_are_streamed_until_the_caller_leaves(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int32_t id = begin("/pb.C2/SubscribeToEventStream", &body, NULL, NULL);
	struct result *r = result_of(id);

	settle();
	CHECK(f.subscribed);
	CHECK_STR(r->http, "200");
	CHECK_EQ(r->len, 0);
	event.sequence = 5;
	CHECK(f.sink.event(f.sink.ctx, &event.base));
	CHECK(f.sink.event(f.sink.ctx, &event.base));
	settle();
	CHECK_EQ(r->len, 2 * (GRPC_FRAME_HEAD + protobuf_c_message_get_packed_size(&event.base)));
	CHECK(!r->closed);
	nghttp2_submit_rst_stream(client, 0, id, NGHTTP2_CANCEL);
	settle();
	CHECK(!f.subscribed);
}

static void a_stream_ends_with_the_reason_of_the_service(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int32_t id = begin("/pb.C2/SubscribeToEventStream", &body, NULL, NULL);
	struct err why;

	settle();
	err_set(&why, ERR_UNAVAILABLE, "gone");
	f.sink.end(f.sink.ctx, &why);
	settle();
	CHECK_STR(result_of(id)->status, "14");
	CHECK_STR(result_of(id)->message, "gone");
	CHECK(result_of(id)->closed);
}

static void a_connection_that_breaks_ends_its_subscription(void)
{
	struct body body = {empty, sizeof empty, 0, false};

	begin("/pb.C2/SubscribeToEventStream", &body, NULL, NULL);
	settle();
	CHECK(f.subscribed);
	shutdown(fd, SHUT_RDWR);
	settle();
	CHECK(!f.subscribed);
}

static void who_does_not_read_is_told_that_there_is_no_room(void)
{
	struct body body = {empty, sizeof empty, 0, false};
	int taken = 0;

	client_close();
	client_open(false);
	begin("/pb.C2/SubscribeToEventStream", &body, NULL, NULL);
	settle();
	event.source = front_unconst("some client with a name of some length");
	while (taken < 1000000 && f.sink.event(f.sink.ctx, &event.base)) {
		if (++taken % 1000 == 0)
			client_move();
	}
	event.source = front_unconst(protobuf_c_empty_string);
	/* 2 MiB in the queue and a window of 64 KiB, in messages of about 50 bytes. */
	CHECK(taken > 10000 && taken < 100000);
}

static void a_hundred_streams_and_no_more(void)
{
	struct body body[STREAMS_MAX];
	int open = 0;

	for (int i = 0; i < 120; i++) {
		body[i] = (struct body){empty, 2, 0, true};
		begin(count_path, &body[i], NULL, NULL);
	}
	settle();
	for (int i = 0; i < STREAMS_MAX; i++)
		open += results[i].code != NGHTTP2_REFUSED_STREAM && results[i].closed;
	CHECK_EQ(open, 0);
	CHECK_EQ(nghttp2_session_get_remote_settings(client,
						     NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
		 100);
}

static void many_connections_at_once_are_all_taken_at_once(void)
{
	int fds[40];

	for (int i = 0; i < 40; i++)
		fds[i] = fixture_connect(&f);
	errno = ENOENT; /* of something else, earlier */
	fixture_turns(&f);
	CHECK_EQ(grpc->n_conns, 41);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
}

/* What a stranger holds is bounded over all his connections, and comes back when he leaves. */
static void calls_on_many_connections_have_a_limit_together(void)
{
	enum { CONNS = GRPC_CALLS_MAX / GRPC_STREAMS_MAX + 2 };
	static struct body half = {empty, 2, 0, true};
	nghttp2_session *sessions[CONNS];
	int fds[CONNS];
	size_t refused = 0;

	client_close();
	for (int i = 0; i < CONNS; i++) {
		client_open(true);
		settle();
		for (int k = 0; k < GRPC_STREAMS_MAX; k++)
			begin("/grpc.health.v1.Health/Check", &half, NULL, NULL);
		settle();
		for (int k = 0; k < STREAMS_MAX; k++)
			refused += results[k].code == NGHTTP2_REFUSED_STREAM;
		sessions[i] = client;
		fds[i] = fd;
	}
	CHECK_EQ(grpc->n_calls, GRPC_CALLS_MAX);
	CHECK_EQ(refused, CONNS * GRPC_STREAMS_MAX - GRPC_CALLS_MAX);
	for (int i = 0; i < CONNS; i++) {
		client = sessions[i];
		fd = fds[i];
		client_close();
	}
	CHECK_EQ(grpc->n_calls, 0);
	client_open(true);
	CHECK_STR(call(count_path, empty, sizeof empty)->status, "0");
}

static void a_stranger_cannot_hold_a_place(void)
{
	struct body half = {empty, 2, 0, true};

	CHECK_STR(call("/grpc.health.v1.Health/Watch", empty, 5)->status, "16");
	begin("/grpc.health.v1.Health/Check", &half, NULL, NULL);
	settle();
	grpc_conn_check(grpc->conns, grpc_now_ms() + 59000);
	CHECK_STR(call("/grpc.health.v1.Health/Check", empty, 5)->status, "0");
	grpc_conn_check(grpc->conns, grpc_now_ms() + 61000);
	settle();
	CHECK(was_closed);
	client_close();
	/* Who has shown a token stays. */
	client_open(true);
	CHECK_STR(call_with(count_path, empty, 5, "authorization", "Bearer " FIXTURE_TOKEN)->status,
		  "0");
	begin("/grpc.health.v1.Health/Check", &half, NULL, NULL);
	settle();
	grpc_conn_check(grpc->conns, grpc_now_ms() + 61000);
	settle();
	CHECK(!was_closed);
}

static void pings_without_end_are_cut_off(void)
{
	for (int i = 0; i < 300 && !was_closed; i++) {
		nghttp2_submit_ping(client, 0, NULL);
		if (i % 10 == 0)
			client_move();
	}
	settle();
	CHECK(goaway && was_closed);
}

static void garbage_ends_the_connection_and_nothing_else(void)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n",
					  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxx",
					  "\x16\x03\x01\x02"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int raw = fixture_connect(&f);

		CHECK(send(raw, bad[i], strlen(bad[i]), 0) > 0);
		fixture_turns(&f);
		close(raw);
		fixture_turns(&f);
	}
	CHECK_STR(call(count_path, empty, sizeof empty)->status, "0");
}

static void health_is_told(void)
{
	Grpc__Health__V1__HealthCheckRequest request;
	const struct result *r;
	struct body body;
	uint8_t bytes[64];
	size_t len;

	grpc__health__v1__health_check_request__init(&request);
	r = call("/grpc.health.v1.Health/Check", empty, sizeof empty);
	CHECK_STR(r->status, "0");
	CHECK_MEM(r->data, "\0\0\0\0\2\x08\x01", 7);
	request.service = front_unconst("nothing");
	len = framed(bytes, &request.base);
	CHECK_STR(call("/grpc.health.v1.Health/Check", bytes, len)->status, "5");
	body = (struct body){bytes, len, 0, false};
	r = result_of(begin("/grpc.health.v1.Health/Watch", &body, NULL, NULL));
	settle();
	CHECK_MEM(r->data, "\0\0\0\0\2\x08\x03", 7);
	CHECK(!r->closed);
}

static void reflection_hands_out_the_description(void)
{
	Grpc__Reflection__V1__ServerReflectionRequest request;
	const struct result *r;
	uint8_t bytes[256];
	size_t len;

	grpc__reflection__v1__server_reflection_request__init(&request);
	request.message_request_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
	request.list_services = front_unconst("");
	len = framed(bytes, &request.base);
	request.message_request_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
	request.file_containing_symbol = front_unconst("pb.C2");
	len += framed(bytes + len, &request.base);
	r = call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", bytes, len);
	CHECK_STR(r->status, "0");
	CHECK(memmem(r->data, r->len, "pb.C2", 5));
	CHECK(memmem(r->data, r->len, "NewTopicClient", 14));
	r = call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", bytes, len);
	CHECK(memmem(r->data, r->len, "NewTopicClient", 14));
}

static void note_done(void *ctx)
{
	*(bool *)ctx = true;
}

static void a_drain_lets_calls_finish(void)
{
	struct body body = {empty, sizeof empty, 2, true};
	int32_t id = begin(count_path, &body, NULL, NULL);
	bool done = false;

	settle();
	grpc_drain(grpc, note_done, &done);
	for (int i = 0; i < 300 && !goaway; i++)
		client_move();
	CHECK(goaway && !done);
	/* Two bytes of the head are missing yet: now all comes, and the end. */
	body = (struct body){empty, sizeof empty, 3, false};
	nghttp2_session_resume_data(client, id);
	for (int i = 0; i < 1000 && !done; i++)
		client_move();
	CHECK_STR(result_of(id)->status, "0");
	CHECK(done);
}

static void tokens_decide(void)
{
	CHECK_STR(call(count_path, empty, 5)->status, "16");
	CHECK_STR(call_with(count_path, empty, 5, "authorization", "Bearer x")->status, "16");
	CHECK_STR(call("/grpc.health.v1.Health/Check", empty, 5)->status, "0");
	CHECK_STR(
		call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", empty, 5)->status,
		"16");
	f.calls = 0;
	CHECK_STR(call_with(count_path, empty, 5, "authorization", "Bearer " FIXTURE_TOKEN)->status,
		  "0");
	CHECK_STR(call_with("/pb.C2/NewC2Key", empty, 5, "authorization", "Bearer " FIXTURE_TOKEN)
			  ->status,
		  "7");
	CHECK_EQ(f.calls, 1);
}

static void run(const char *name, void (*test)(void), bool tokens)
{
	struct err err;

	fprintf(stderr, "  %s\n", name);
	fixture_open(&f, tokens);
	CHECK(grpc_open(&grpc, &f.env, f.listen_fd, NULL, &err));
	client_open(true);
	test();
	client_close();
	grpc_close(grpc);
	fixture_close(&f);
}

#define RUN_OPEN(test) run(#test, test, false)

int main(void)
{
	pb__event__init(&event);
	RUN_OPEN(a_unary_call_is_answered);
	RUN_OPEN(an_error_of_the_service_comes_percent_encoded);
	RUN_OPEN(an_answer_waits_until_its_change_is_durable);
	RUN_OPEN(a_call_that_was_put_off_is_made_once);
	RUN_OPEN(who_leaves_before_his_call_is_made_makes_none);
	RUN_OPEN(a_change_that_was_undone_answers_with_the_reason);
	RUN_OPEN(a_deadline_that_ends_while_the_answer_waits_is_told);
	RUN_OPEN(who_leaves_while_he_waits_does_no_harm);
	RUN_OPEN(unknown_methods_are_unimplemented);
	RUN_OPEN(bad_messages_are_refused_and_reach_nobody);
	RUN_OPEN(a_message_of_more_than_4_mib_is_refused);
	RUN_OPEN(a_large_message_within_the_limit_arrives);
	RUN_OPEN(metadata_is_tolerated_or_refused_as_it_should_be);
	RUN_OPEN(what_is_not_grpc_gets_415);
	RUN_OPEN(large_headers_are_refused);
	RUN_OPEN(a_deadline_ends_a_request_that_does_not_come);
	RUN_OPEN(events_are_streamed_until_the_caller_leaves);
	RUN_OPEN(a_stream_ends_with_the_reason_of_the_service);
	RUN_OPEN(a_connection_that_breaks_ends_its_subscription);
	RUN_OPEN(who_does_not_read_is_told_that_there_is_no_room);
	RUN_OPEN(a_hundred_streams_and_no_more);
	RUN_OPEN(many_connections_at_once_are_all_taken_at_once);
	RUN_OPEN(calls_on_many_connections_have_a_limit_together);
	RUN_OPEN(pings_without_end_are_cut_off);
	RUN_OPEN(garbage_ends_the_connection_and_nothing_else);
	RUN_OPEN(health_is_told);
	RUN_OPEN(reflection_hands_out_the_description);
	RUN_OPEN(a_drain_lets_calls_finish);
	run("tokens_decide", tokens_decide, true);
	run("a_stranger_cannot_hold_a_place", a_stranger_cannot_hold_a_place, true);
	return END();
}
