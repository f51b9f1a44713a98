/* The HTTP front byte by byte, with a service behind it that only counts. */
#define _GNU_SOURCE
#include "c2/front/http.h"

#include "c2/front/tests/fixture.h"

static struct fixture f;
static struct http *http;
static char answer[1 << 20]; /* of the last exchange */
static size_t answer_len;
static bool was_closed;

static void open_front(bool tokens)
{
	struct err err;

	fixture_open(&f, tokens);
	CHECK(http_open(&http, &f.env, f.listen_fd, NULL, &err));
}

static void close_front(void)
{
	http_close(http);
	http = NULL;
	fixture_close(&f);
}

static void collect(int fd)
{
	ssize_t n;

	while ((n = recv(fd, answer + answer_len, sizeof answer - 1 - answer_len, 0)) > 0)
		answer_len += (size_t)n;
	answer[answer_len] = 0;
	was_closed = n == 0 || (n < 0 && errno != EAGAIN);
}

/* Send all, while the front works, and collect what it says. */
static void exchange_bytes(const char *bytes, size_t len)
{
	int fd = fixture_connect(&f);
	size_t at = 0;

	answer_len = 0;
	was_closed = false;
	while (at < len && !was_closed) {
		ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EAGAIN)
			break;
		loop_turn(f.loop, 0);
		collect(fd);
	}
	/* What the kernel holds of a large body takes more turns to be read. */
	for (int turns = len > 100000 ? 5000 : 0; turns > 0 && answer_len == 0 && !was_closed;
	     turns--) {
		loop_turn(f.loop, 1);
		collect(fd);
	}
	fixture_turns(&f);
	collect(fd);
	close(fd);
	loop_turn(f.loop, 1);
}

static void exchange(const char *text)
{
	exchange_bytes(text, strlen(text));
}

static bool starts(const char *text)
{
	return strncmp(answer, text, strlen(text)) == 0;
}

static bool has(const char *text)
{
	return strstr(answer, text) != NULL;
}

#define GET(path, headers) "GET " path " HTTP/1.1\r\nHost: localhost\r\n" headers "\r\n"

static void a_call_is_answered_with_json_and_safe_headers(void)
{
	exchange(GET("/e4/clients/count", ""));
	CHECK(starts("HTTP/1.1 200 "));
	CHECK(has("\r\n\r\n{\"count\":\"7\"}"));
	CHECK(has("Content-Type: application/json\r\n"));
	CHECK(has("X-Content-Type-Options: nosniff\r\n"));
	CHECK(has("Cache-Control: no-store\r\n"));
	CHECK(has("X-Request-Id: "));
	CHECK_EQ(f.calls, 1);
	CHECK_EQ(f.role, API_ROLE_ADMIN);
}

static void a_request_id_is_kept_if_it_is_harmless(void)
{
	exchange(GET("/e4/clients/count", "X-Request-Id: abc-123\r\n"));
	CHECK(has("X-Request-Id: abc-123\r\n"));
	CHECK_STR(f.request_id, "abc-123");
	exchange(GET("/e4/clients/count", "X-Request-Id: a\"b\r\n"));
	CHECK(!has("a\"b"));
}

static void errors_have_their_status_and_body(void)
{
	exchange(GET("/nothing", ""));
	CHECK(starts("HTTP/1.1 404 ") && has("\"code\":5") && has("\"details\":[]"));
	exchange("PATCH /e4/clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
	CHECK(starts("HTTP/1.1 405 ") && has("\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	exchange("POST /e4/topic/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
	CHECK(starts("HTTP/1.1 400 "));
	CHECK(has("{\"error\":\"no \\\"x\\\" caf\xc3\xa9 here\",\"code\":3,\"message\":"));
	exchange("BREW /e4/clients HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 405 "));
	CHECK_EQ(f.calls, 1);
}

static void head_and_options_answer_without_a_body(void)
{
	exchange("HEAD /e4/clients/count HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 200 ") && has("Content-Length: 13\r\n") && !has("count\":"));
	exchange("OPTIONS /e4/clients/count HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 204 ") && has("\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	exchange("OPTIONS /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 404 "));
	exchange("HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 404 ") && !has("\"error\""));
}

static void the_description_is_served(void)
{
	exchange(GET("/openapi.json", ""));
	CHECK(starts("HTTP/1.1 200 ") && has("\"openapi\""));
	exchange("DELETE /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 405 ") && has("Allow: GET, HEAD, OPTIONS\r\n"));
	CHECK_EQ(f.calls, 0);
}

static void requests_follow_each_other_on_one_connection(void)
{
	exchange(GET("/e4/clients/count", "") GET("/nothing", "") GET("/e4/clients/count", ""));
	CHECK_EQ(f.calls, 2);
	CHECK(has("404") && !was_closed);
}

static void the_absolute_form_is_understood(void)
{
	exchange("GET http://localhost/e4/clients/count?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(starts("HTTP/1.1 200 "));
}

static void a_body_that_is_announced_too_large_is_refused(void)
{
	static char big[6 << 20];
	int head = sprintf(big,
			   "POST /e4/protect-message HTTP/1.1\r\nHost: localhost\r\n"
			   "Content-Length: %d\r\n\r\n",
			   5 << 20);

	memset(big + head, 'a', 5 << 20);
	exchange_bytes(big, (size_t)head + (5 << 20));
	CHECK(starts("HTTP/1.1 413 ") && has("\"code\":3"));
	CHECK_EQ(f.calls, 0);
	/* Who asks before sending is told before sending. */
	exchange("POST /e4/protect-message HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
		 "Content-Length: 5000000\r\n\r\n");
	CHECK(starts("HTTP/1.1 413 "));
}

static void a_body_that_grows_too_large_is_refused(void)
{
	enum { CHUNK = 65536, CHUNKS = 80 };
	static char big[CHUNKS * (CHUNK + 16) + 256];
	int at = sprintf(big, "POST /e4/protect-message HTTP/1.1\r\nHost: localhost\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n");

	for (int i = 0; i < CHUNKS; i++) {
		at += sprintf(big + at, "%x\r\n", CHUNK);
		memset(big + at, ' ', CHUNK);
		at += CHUNK;
		at += sprintf(big + at, "\r\n");
	}
	at += sprintf(big + at, "0\r\n\r\n");
	exchange_bytes(big, (size_t)at);
	CHECK(starts("HTTP/1.1 413 "));
	CHECK_EQ(f.calls, 0);
}

static void a_large_body_within_the_limit_arrives(void)
{
	static char big[4 << 20];
	int text_len = 3 << 20;
	int head = sprintf(big,
			   "POST /e4/protect-message HTTP/1.1\r\nHost: localhost\r\n"
			   "Content-Length: %d\r\n\r\n{\"topic\":\"t\",\"binaryData\":\"",
			   text_len + 29);

	memset(big + head, 'A', (size_t)text_len);
	big[head + text_len] = '"';
	big[head + text_len + 1] = '}';
	exchange_bytes(big, (size_t)head + (size_t)text_len + 2);
	CHECK(starts("HTTP/1.1 200 "));
	CHECK_EQ(f.bytes, text_len / 4 * 3);
}

static void half_requests_reach_nobody(void)
{
	static const char whole[] = "POST /e4/protect-message HTTP/1.1\r\nHost: localhost\r\n"
				    "Content-Length: 13\r\n\r\n{\"topic\":\"t\"}";

	for (size_t len = 0; len < sizeof whole - 1; len++) {
		exchange_bytes(whole, len);
		CHECK_EQ(f.calls, 0);
	}
	exchange(whole);
	CHECK_EQ(f.calls, 1);
	CHECK(starts("HTTP/1.1 200 "));
}

static void what_is_not_http_is_refused(void)
{
	static const char *const bad[] = {
		"\r\n\r\n\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /e4/clients/count HTTP/1.1\r\n\r\n", /* no Host */
		"POST /e4/clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"POST /e4/clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\nx",
		"POST /e4/topic/x HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		exchange(bad[i]);
	exchange_bytes("\0\1\2\3\n\n\n", 7);
	CHECK_EQ(f.calls, 0);
	exchange(GET("/e4/clients/count", ""));
	CHECK_EQ(f.calls, 1);
}

/*
 * Where a proxy in front and we could disagree about the end of a request, the
 * rest of it must never be taken for the next one.
 */
static void a_request_with_two_lengths_smuggles_no_other(void)
{
#define SMUGGLED "DELETE /e4/client/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POST_WITH(headers) "POST /e4/topic/x HTTP/1.1\r\nHost: localhost\r\n" headers "\r\n"
	static const char *const bad[] = {
		POST_WITH("Content-Length: 60\r\nTransfer-Encoding: "
			  "chunked\r\n") "0\r\n\r\n" SMUGGLED,
		POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: "
			  "3\r\n") "0\r\n\r\n" SMUGGLED,
		POST_WITH("Content-Length: 0\r\nContent-Length: 60\r\n") SMUGGLED,
		POST_WITH("Content-Length: 60\r\nContent-Length: 0\r\n") SMUGGLED,
		POST_WITH("Content-Length: 0, 60\r\n") SMUGGLED,
		POST_WITH("Content-Length: +0\r\n") SMUGGLED,
		POST_WITH("Content-Length : 60\r\n") SMUGGLED,
		POST_WITH("Transfer-Encoding: xchunked\r\n") SMUGGLED,
		POST_WITH("Transfer-Encoding: gzip, chunked\r\n") "0\r\n\r"
								  "\n" SMUGGLED,
		POST_WITH("Transfer-Encoding: identity\r\nContent-Length: "
			  "60\r\n") SMUGGLED,
		POST_WITH("Transfer-Encoding : chunked\r\n") SMUGGLED,
		POST_WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: "
			  "identity\r\n") "0\r\n\r\n" SMUGGLED,
		"POST /e4/topic/x HTTP/1.0\r\nHost: "
		"localhost\r\nConnection: keep-alive\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
		POST_WITH("Transfer-Encoding: chunked\r\n") "ffffffffffffff"
							    "ff0\r\n\r"
							    "\n" SMUGGLED,
		POST_WITH("Transfer-Encoding: chunked\r\n") "0x0\r\n\r"
							    "\n" SMUGGLED,
		POST_WITH("Transfer-Encoding: chunked\r\n") "-0\r\n\r"
							    "\n" SMUGGLED,
		"POST /e4/topic/x HTTP/1.1\r\nHost: localhost\r\nHost: "
		"evil.example\r\n"
		"Content-Length: 0\r\n\r\n" SMUGGLED,
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		f.smuggled = 0;
		exchange(bad[i]);
		CHECK_EQ(f.smuggled, 0);
		CHECK(was_closed && starts("HTTP/1.1 4"));
	}
}

static void headers_have_a_limit(void)
{
	static char big[200000];
	int at = sprintf(big, "GET /e4/clients/count HTTP/1.1\r\nHost: localhost\r\nX: ");

	memset(big + at, 'a', 150000);
	memcpy(big + at + 150000, "\r\n\r\n", 5);
	exchange(big);
	CHECK_EQ(f.calls, 0);
	CHECK(was_closed);
}

static void another_site_cannot_call_through_a_browser(void)
{
	exchange("GET /e4/clients/count HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	CHECK(starts("HTTP/1.1 403 "));
	exchange(GET("/e4/clients/count", "Origin: https://evil.example\r\n"));
	CHECK(starts("HTTP/1.1 403 "));
	CHECK_EQ(f.calls, 0);
}

static void tokens_decide_before_the_body_is_read(void)
{
	exchange(GET("/e4/clients/count", ""));
	CHECK(starts("HTTP/1.1 401 ") && has("\r\nWWW-Authenticate: Bearer\r\n"));
	exchange(GET("/e4/clients/count", "Authorization: Bearer nonsense\r\n"));
	CHECK(starts("HTTP/1.1 401 ") && !has("nonsense"));
	exchange(GET("/e4/health-check", ""));
	CHECK(starts("HTTP/1.1 200 "));
	CHECK_EQ(f.role, API_ROLE_PUBLIC);
	exchange(GET("/e4/clients/count", "Authorization: Bearer " FIXTURE_TOKEN "\r\n"));
	CHECK(starts("HTTP/1.1 200 "));
	exchange("POST /e4/new-c2-key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " FIXTURE_TOKEN
		 "\r\nContent-Length: 14\r\n\r\n{\"force\":true}");
	CHECK(starts("HTTP/1.1 403 "));
	CHECK_EQ(f.calls, 2);
}

static void a_stranger_cannot_hold_a_place(void)
{
	exchange(GET("/e4/health-check", ""));
	CHECK(starts("HTTP/1.1 200 ") && was_closed);
	exchange(GET("/nothing", ""));
	CHECK(was_closed);
	exchange(GET("/e4/clients/count", "Authorization: Bearer nonsense\r\n"));
	CHECK(was_closed);
	exchange(GET("/e4/clients/count", "Authorization: Bearer " FIXTURE_TOKEN "\r\n"));
	CHECK(starts("HTTP/1.1 200 ") && !was_closed);
}

static void note_done(void *ctx)
{
	*(bool *)ctx = true;
}

static void a_drain_ends_idle_connections_and_takes_no_new_ones(void)
{
	int idle = fixture_connect(&f);
	bool done = false;
	char c;

	fixture_turns(&f);
	http_drain(http, note_done, &done);
	fixture_turns(&f);
	fixture_turns(&f);
	CHECK(done);
	CHECK_EQ(recv(idle, &c, 1, 0), 0);
	close(idle);
}

/* A request that came whole and was called, on a connection that stays. */
static int held_request(void)
{
	static const char text[] = GET("/e4/clients/count", "");
	int fd = fixture_connect(&f);

	f.hold = true;
	answer_len = 0;
	CHECK_EQ(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
	fixture_turns(&f);
	collect(fd);
	CHECK_EQ(f.n_held, 1);
	CHECK_EQ(answer_len, 0);
	return fd;
}

static void an_answer_waits_until_its_change_is_durable(void)
{
	int fd = held_request();

	fixture_tell(&f, NULL);
	fixture_turns(&f);
	collect(fd);
	CHECK(starts("HTTP/1.1 200 ") && has("{\"count\":\"7\"}"));
	CHECK_EQ(f.calls, 1);
	CHECK(!was_closed);
	close(fd);
	fixture_turns(&f);
}

static void a_change_that_was_undone_answers_with_the_reason(void)
{
	struct err why;
	int fd = held_request();

	err_set(&why, ERR_STORE, "the disk is full");
	fixture_tell(&f, &why);
	fixture_turns(&f);
	collect(fd);
	CHECK(starts("HTTP/1.1 503 ") && has("the disk is full") && !has("count"));
	close(fd);
	fixture_turns(&f);
}

static void who_leaves_while_he_waits_does_no_harm(void)
{
	int fd = held_request();

	close(fd);
	fixture_turns(&f);
	fixture_tell(&f, NULL);
	fixture_turns(&f);
	CHECK_EQ(f.n_held, 0);
	f.hold = false;
	exchange(GET("/e4/clients/count", ""));
	CHECK(starts("HTTP/1.1 200 "));
}

static void the_front_ends_while_an_answer_waits(void)
{
	int fd = held_request();

	http_close(http);
	CHECK_EQ(f.n_held, 0);
	close(fd);
	http = NULL;
}

/* A request that came whole and is not called yet. */
static int request_put_off(void)
{
	int fd;

	f.put_off = true;
	fd = held_request();
	CHECK_EQ(f.calls, 0);
	return fd;
}

static void a_call_that_was_put_off_is_made_once(void)
{
	int fd = request_put_off();

	fixture_run(&f);
	fixture_turns(&f);
	collect(fd);
	CHECK_EQ(f.calls, 1);
	CHECK_EQ(f.n_held, 1); /* now for its commit */
	CHECK_EQ(answer_len, 0);
	fixture_tell(&f, NULL);
	fixture_turns(&f);
	collect(fd);
	CHECK(starts("HTTP/1.1 200 ") && has("{\"count\":\"7\"}"));
	CHECK_EQ(f.calls, 1);
	close(fd);
	fixture_turns(&f);
}

static void a_read_that_was_put_off_answers_at_once(void)
{
	int fd = request_put_off();

	f.hold = false;
	fixture_run(&f);
	fixture_turns(&f);
	collect(fd);
	CHECK(starts("HTTP/1.1 200 ") && has("{\"count\":\"7\"}"));
	close(fd);
	fixture_turns(&f);
}

static void who_leaves_before_his_call_is_made_does_no_harm(void)
{
	int fd = request_put_off();

	close(fd);
	fixture_turns(&f);
	f.put_off = f.hold = false;
	fixture_run(&f);
	fixture_turns(&f);
	CHECK_EQ(f.n_held, 0);
	exchange(GET("/e4/clients/count", ""));
	CHECK(starts("HTTP/1.1 200 "));
}

static void run(void (*test)(void), bool tokens)
{
	open_front(tokens);
	test();
	close_front();
}

#define RUN_OPEN(test) (fprintf(stderr, "  %s\n", #test), run(test, false))
#define RUN_TOKENS(test) (fprintf(stderr, "  %s\n", #test), run(test, true))

int main(void)
{
	RUN_OPEN(a_call_is_answered_with_json_and_safe_headers);
	RUN_OPEN(a_request_id_is_kept_if_it_is_harmless);
	RUN_OPEN(errors_have_their_status_and_body);
	RUN_OPEN(head_and_options_answer_without_a_body);
	RUN_OPEN(the_description_is_served);
	RUN_OPEN(requests_follow_each_other_on_one_connection);
	RUN_OPEN(the_absolute_form_is_understood);
	RUN_OPEN(a_body_that_is_announced_too_large_is_refused);
	RUN_OPEN(a_body_that_grows_too_large_is_refused);
	RUN_OPEN(a_large_body_within_the_limit_arrives);
	RUN_OPEN(half_requests_reach_nobody);
	RUN_OPEN(what_is_not_http_is_refused);
	RUN_OPEN(a_request_with_two_lengths_smuggles_no_other);
	RUN_OPEN(headers_have_a_limit);
	RUN_OPEN(another_site_cannot_call_through_a_browser);
	RUN_TOKENS(tokens_decide_before_the_body_is_read);
	RUN_TOKENS(a_stranger_cannot_hold_a_place);
	RUN_OPEN(an_answer_waits_until_its_change_is_durable);
	RUN_OPEN(a_call_that_was_put_off_is_made_once);
	RUN_OPEN(a_read_that_was_put_off_answers_at_once);
	RUN_OPEN(who_leaves_before_his_call_is_made_does_no_harm);
	RUN_OPEN(a_change_that_was_undone_answers_with_the_reason);
	RUN_OPEN(who_leaves_while_he_waits_does_no_harm);
	RUN_OPEN(the_front_ends_while_an_answer_waits);
	RUN_OPEN(a_drain_ends_idle_connections_and_takes_no_new_ones);
	return END();
}
