/* Letters: where they may go, and what arrives there. A receiver sits in the same loop. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <inttypes.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/post.h"
#include "engine/post_check.h"
#include "engine/tests/receiver.h"

#define SECRET "a secret of more than sixteen letters"
#define JSON "{\"run\":\"1\",\"text\":\"gr\\u00fc\\u00dfe\"}"

/* --- pure questions ----------------------------------------------------------------------- */

static bool is_public(const char *text)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return post_address_is_public((struct sockaddr *)&in);
	CHECK_EQ(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return post_address_is_public((struct sockaddr *)&in6);
}

static void addresses(void)
{
	static const char *const closed[] = {
		"0.0.0.0",
		"10.0.0.1",
		"10.255.255.255",
		"100.64.0.1",
		"100.127.255.255",
		"127.0.0.1",
		"127.8.9.1",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.0.0.1",
		"192.0.2.7",
		"192.168.1.1",
		"198.18.0.1",
		"198.19.255.1",
		"198.51.100.1",
		"203.0.113.5",
		"224.0.0.1",
		"239.1.1.1",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::7f00:1",
		"::ffff:127.0.0.1",
		"::ffff:10.1.1.1",
		"64:ff9b::a9fe:a9fe",
		"2002:7f00:1::",
		"2002:a9fe:a9fe::1",
		"2001::1",
		"2001:10::1",
		"2001:db8::1",
		"fc00::1",
		"fd12:3456::1",
		"fe80::1",
		"fec0::1",
		"ff02::1",
		"100::1",
	};
	static const char *const open[] = {
		"1.1.1.1",         "9.255.255.255",   "11.0.0.0",         "100.63.255.255",
		"100.128.0.0",     "126.255.255.255", "128.0.0.1",        "169.253.1.1",
		"172.15.255.255",  "172.32.0.0",      "192.1.0.1",        "192.167.255.255",
		"198.17.1.1",      "198.20.0.1",      "223.255.255.255",  "2606:4700::1111",
		"2a00:1450::1",    "::ffff:8.8.8.8",  "64:ff9b::808:808", "2002:808:808::1",
		"2001:4860::8888",
	};
	struct sockaddr other = {.sa_family = AF_UNIX};

	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		CHECK_EQ(is_public(closed[i]) ? (int)i : -1, -1);
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		CHECK_EQ(is_public(open[i]) ? -1 : (int)i, -1);
	CHECK(!post_address_is_public(&other));
}

static void urls(void)
{
	const char *allow = "http://10.0.0.5:8000  https://hooks.lan/e4/ http:// x";

	CHECK(post_url_is_allowed("http://10.0.0.5:8000", allow));
	CHECK(post_url_is_allowed("http://10.0.0.5:8000/a?b", allow));
	CHECK(post_url_is_allowed("https://hooks.lan/e4/x", allow));
	CHECK(!post_url_is_allowed("https://hooks.lan/e5", allow));
	CHECK(!post_url_is_allowed("http://10.0.0.5:80001/", allow));
	CHECK(!post_url_is_allowed("http://10.0.0.5:8000.evil.example/", allow));
	CHECK(!post_url_is_allowed("http://10.0.0.5:8000@evil.example/", allow));
	CHECK(!post_url_is_allowed("http://127.0.0.1/", allow));
	CHECK(!post_url_is_allowed("http://127.0.0.1/", NULL));
	CHECK(!post_url_is_allowed("http://127.0.0.1/", ""));
	CHECK(post_url_is_loopback("smtp://127.0.0.1:25"));
	CHECK(post_url_is_loopback("smtp://[::1]:25"));
	CHECK(post_url_is_loopback("smtp://localhost"));
	CHECK(!post_url_is_loopback("smtp://localhost.example"));
	CHECK(!post_url_is_loopback("smtp://127.0.0.1@mail.example"));
	CHECK(post_url_has_user("https://a:b@host/"));
	CHECK(post_url_has_user("https://a@host"));
	CHECK(!post_url_has_user("https://host/a@b"));
	CHECK(!post_url_has_user("https://host?a@b"));
}

static void emails(void)
{
	static const char *const bad[] = {
		"",
		"@",
		"a@",
		"@b",
		"a b@c",
		"a@b c",
		"a@b\r\nRCPT TO:<x@y>",
		"a\n@b",
		"<a@b>",
		"a@b@c",
		"a@b>",
		"-f@b",
		"a@.b",
		"a\"@b",
		"a@[127.0.0.1]",
		"a,b@c",
		"\303\244@b",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(post_email_is_plain(bad[i]) ? (int)i : -1, -1);
	CHECK(post_email_is_plain("ops+e4@example.org"));
	CHECK(post_email_is_plain("o'neill@mail-1.example"));
	CHECK(post_email_is_plain("root@localhost"));
}

static struct loop *loop;
static struct clock_manual manual = {.wall_ms = 1764000000123};

/* --- sending ---------------------------------------------------------------------------------- */

static struct verdict {
	bool came;
	char why[256];
} verdict;

static void on_done(void *ctx, const char *why)
{
	CHECK(ctx == &verdict && !verdict.came);
	verdict.came = true;
	snprintf(verdict.why, sizeof verdict.why, "%s", why ? why : "");
}

/* What the letter came to: an empty text when it arrived. */
static const char *send_one(struct post *p, const char *url)
{
	const struct post_letter letter = {.id = "7-done", .webhook = url, .json = JSON};
	struct err err;

	verdict = (struct verdict){0};
	if (!post_send(p, &letter, on_done, &verdict, &err)) {
		snprintf(verdict.why, sizeof verdict.why, "%s", err.text);
		return verdict.why;
	}
	for (int i = 0; i < 1000 && !verdict.came; i++)
		loop_turn(loop, 100);
	CHECK(verdict.came);
	return verdict.why;
}

static void check_signature(void)
{
	char expected[2 * crypto_auth_hmacsha256_BYTES + 1], signed_text[512];
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	const char *line = strstr(rx.got, "E4-Signature: t=1764000000,v1=");

	CHECK(line != NULL);
	snprintf(signed_text, sizeof signed_text, "1764000000.%s", JSON);
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)SECRET, strlen(SECRET));
	crypto_auth_hmacsha256_update(&state, (unsigned char *)signed_text, strlen(signed_text));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(expected, sizeof expected, mac, sizeof mac);
	CHECK(line && strncmp(line + 30, expected, strlen(expected)) == 0);
}

static void webhook(struct post *p)
{
	char url[128], closed[128];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/hook?x=1", rx.port);
	rx.answer = TAKEN;
	CHECK_STR(send_one(p, url), "");
	CHECK(strncmp(rx.got, "POST /hook?x=1 HTTP/1.1\r\n", 25) == 0);
	CHECK(strstr(rx.got, "\r\nContent-Type: application/json\r\n") != NULL);
	CHECK(strstr(rx.got, "\r\nE4-Delivery: 7-done\r\n") != NULL);
	CHECK(strstr(rx.got, "\r\n\r\n" JSON) != NULL);
	CHECK(strstr(rx.got, SECRET) == NULL);
	check_signature();

	rx.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
	CHECK_STR(send_one(p, url), "the receiver answered with status 503");
	/* A redirect is an answer like any other: nobody goes there. */
	snprintf(closed, sizeof closed,
		 "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:%d/secret\r\nContent-Length: "
		 "0\r\n\r\n",
		 rx.port);
	rx.answer = closed;
	CHECK_STR(send_one(p, url), "the receiver answered with status 302");
	CHECK(strstr(rx.got, "/secret") == NULL);
	rx.answer = "no HTTP at all\r\n\r\n";
	CHECK(*send_one(p, url));
	rx.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
	rx.endless = true;
	CHECK(*send_one(p, url));
	rx.endless = false;
}

/* Names that lead into our own network are found out only when they are resolved. */
static void closed_addresses(struct post *p)
{
	static const char *const urls_[] = {
		"https://127.0.0.1:1/", "https://localhost:1/",
		"https://[::1]:1/",     "https://169.254.169.254/latest/meta-data/",
		"https://10.0.0.1/",    "https://2130706433:1/",
		"https://0x7f.1:1/",    "https://[::ffff:127.0.0.1]:1/",
	};

	for (size_t i = 0; i < sizeof urls_ / sizeof *urls_; i++)
		CHECK(strstr(send_one(p, urls_[i]), "not public") != NULL);
}

static void refused(struct post *p)
{
	static const char *const bad[] = {
		"",
		"x",
		"http://example.org/",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"https://user:pw@example.org/",
		"gopher://127.0.0.1:25/",
		"https://",
		"http://127.0.0.1:9/",
	};
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!post_check_webhook(p, bad[i], &err));
		CHECK_EQ(err.code, ERR_INVALID);
	}
	CHECK(post_check_webhook(p, "https://example.org/hook", &err));
	CHECK(!post_check_email(p, "a@example.org", &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	CHECK(strstr(err.text, "notify.smtp_url") != NULL);
}

static void settings(void)
{
	struct clock clock = clock_of_manual(&manual);
	const struct post_config bad[] = {
		{.webhook_secret_file = "/nonexistent"},
		{.smtp_url = "http://127.0.0.1"},
		{.smtp_url = "smtp://127.0.0.1"},
		{.smtp_url = "smtp://127.0.0.1", .smtp_from = "no address"},
		{.smtp_url = "smtp://127.0.0.1", .smtp_from = "a@b", .smtp_user = "u"},
	};
	struct post *p;
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!post_open(&p, &bad[i], loop, &clock, &err));
	CHECK(post_open(&p, &(struct post_config){0}, loop, &clock, &err));
	CHECK(!post_check_webhook(p, "https://example.org/", &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	/* One that is under way is given up without a word. */
	post_close(p);
}

static void given_up(struct post *p)
{
	char url[128];
	struct err err;

	snprintf(url, sizeof url, "http://127.0.0.1:%d/", rx.port);
	verdict = (struct verdict){0};
	for (int i = 0; i < 20; i++) {
		const struct post_letter letter = {.id = "1", .webhook = url, .json = JSON};

		CHECK(post_send(p, &letter, on_done, &verdict, &err));
	}
	loop_turn(loop, 100);
	post_close(p);
	CHECK(!verdict.came);
}

int main(void)
{
	char secret_file[] = "/tmp/post-XXXXXX", allow[64];
	struct clock clock = clock_of_manual(&manual);
	int fd = mkstemp(secret_file);
	struct post *p = NULL;
	struct err err;

	CHECK_EQ(sodium_init() < 0, 0);
	CHECK_EQ(write(fd, SECRET "\n", strlen(SECRET) + 1), (ssize_t)strlen(SECRET) + 1);
	close(fd);
	/* An environment that would lead letters elsewhere, and undo the look at addresses. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	addresses();
	urls();
	emails();
	loop = loop_new();
	settings();
	receiver_open(loop);
	snprintf(allow, sizeof allow, "http://127.0.0.1:%d/", rx.port);
	CHECK(post_open(
		&p,
		&(struct post_config){.webhook_secret_file = secret_file, .webhook_allow = allow},
		loop, &clock, &err));
	refused(p);
	webhook(p);
	closed_addresses(p);
	given_up(p);
	receiver_close();
	loop_free(loop);
	unlink(secret_file);
	return END();
}
