#define _GNU_SOURCE
#include "engine/post.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/tls.h"
#include "engine/post_check.h"

enum {
	CONNECTIONS_MAX = 8,
	CONNECT_MS = 10000,
	TRANSFER_MS = 30000,
	ANSWER_MAX = 65536,
	EMAIL_MAX = 254, /* RFC 5321 section 4.5.3.1.3, less the brackets */
	URL_MAX = 2048,
	HEADER_CAP = 256
};

struct post {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer *timer;
	struct clock clock;
	struct letter *letters;
	char secret[FILE_LINE_CAP], password[FILE_LINE_CAP];
	char *webhook_allow, *webhook_ca;
	char *smtp_url, *smtp_user, *smtp_from, *smtp_ca;
};

/* A letter under way; it owns what libcurl only borrows. */
struct letter {
	struct post *post;
	CURL *curl;
	struct curl_slist *headers, *to;
	curl_mime *mail;
	char *body;
	bool trusted; /* may go to any address */
	bool refused; /* an address was not public */
	size_t answered;
	void (*done)(void *ctx, const char *why);
	void *ctx;
	struct letter *prev, *next;
};

/* --- libcurl on our loop -------------------------------------------------------------------- */

static void letter_free(struct letter *l)
{
	struct post *p = l->post;

	if (l->prev)
		l->prev->next = l->next;
	else
		p->letters = l->next;
	if (l->next)
		l->next->prev = l->prev;
	if (l->curl) {
		curl_multi_remove_handle(p->multi, l->curl);
		curl_easy_cleanup(l->curl);
	}
	curl_mime_free(l->mail);
	curl_slist_free_all(l->headers);
	curl_slist_free_all(l->to);
	free(l->body);
	free(l);
}

static void letter_over(struct letter *l, CURLcode code)
{
	void (*done)(void *ctx, const char *why) = l->done;
	void *ctx = l->ctx;
	const char *why = NULL;
	char text[128];
	long status = 0;

	curl_easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status);
	if (l->refused)
		why = "its name leads to an address that is not public, and notify.webhook_allow "
		      "does not allow it";
	else if (code != CURLE_OK)
		why = curl_easy_strerror(code);
	else if (l->body && status / 100 != 2) {
		snprintf(text, sizeof text, "the receiver answered with status %ld", status);
		why = text;
	}
	letter_free(l);
	done(ctx, why);
}

static void reap(struct post *p)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(p->multi, &left))) {
		struct letter *l;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&l);
		letter_over(l, msg->data.result);
	}
}

static void on_ready(void *ctx, int fd, int ready)
{
	struct post *p = ctx;
	int bits = (ready & LOOP_READ ? CURL_CSELECT_IN : 0) |
		   (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
		   (ready & LOOP_ERROR ? CURL_CSELECT_ERR : 0);
	int running;

	curl_multi_socket_action(p->multi, fd, bits, &running);
	reap(p);
}

static void on_timer(void *ctx)
{
	struct post *p = ctx;
	int running;

	curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(p);
}

static int on_timeout_set(CURLM *multi, long ms, void *ctx)
{
	struct post *p = ctx;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(p->timer);
	else
		loop_timer_set(p->timer, ms);
	return 0;
}

static int on_socket_set(CURL *curl, curl_socket_t fd, int what, void *ctx, void *of_fd)
{
	struct post *p = ctx;
	int events =
		(what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

	(void)curl;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_del(of_fd);
		curl_multi_assign(p->multi, fd, NULL);
	} else if (of_fd) {
		loop_fd_set(of_fd, events);
	} else {
		curl_multi_assign(p->multi, fd, loop_fd_add(p->loop, fd, events, on_ready, p));
	}
	return 0;
}

/* --- one transfer --------------------------------------------------------------------------- */

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct letter *l = ctx;

	(void)purpose;
	if (!l->trusted && !post_address_is_public(&addr->addr)) {
		l->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* The answer is of no interest, and of no size that could hurt. */
static size_t on_answer(char *bytes, size_t one, size_t len, void *ctx)
{
	struct letter *l = ctx;

	(void)bytes;
	(void)one;
	l->answered += len;
	return l->answered > ANSWER_MAX ? 0 : len;
}

static struct letter *letter_new(struct post *p, const char *url, const char *protocols)
{
	struct letter *l = mem_alloc(sizeof *l);
	CURL *c = curl_easy_init();

	if (!c)
		mem_exhausted("memory");
	*l = (struct letter){.post = p, .curl = c, .next = p->letters};
	if (l->next)
		l->next->prev = l;
	p->letters = l;
	curl_easy_setopt(c, CURLOPT_PRIVATE, l);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(c, CURLOPT_PROXY,
			 ""); /* none of the environment: it would resolve names */
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TRANSFER_MS);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, l);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, tls_openssl_ciphers());
	curl_easy_setopt(c, CURLOPT_TLS13_CIPHERS, tls_openssl_ciphersuites());
	return l;
}

static void add_header(struct letter *l, const char *text)
{
	struct curl_slist *longer = curl_slist_append(l->headers, text);

	if (!longer)
		mem_exhausted("memory");
	l->headers = longer;
}

/* See post.h. */
static void sign(const struct post *p, const char *body, char *out, size_t cap)
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof mac + 1], at[24];
	int at_len = snprintf(at, sizeof at, "%" PRId64 ".", clock_wall_s(&p->clock));

	crypto_auth_hmacsha256_init(&state, (const unsigned char *)p->secret, strlen(p->secret));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)at, (size_t)at_len);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, strlen(body));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof state);
	sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
	snprintf(out, cap, "E4-Signature: t=%.*s,v1=%s", at_len - 1, at, hex);
}

static struct letter *webhook_new(struct post *p, const struct post_letter *in)
{
	struct letter *l = letter_new(p, in->webhook, "https,http");
	char header[HEADER_CAP];

	l->body = mem_text(in->json);
	l->trusted = post_url_is_allowed(in->webhook, p->webhook_allow);
	add_header(l, "Content-Type: application/json");
	add_header(l, "User-Agent: e4-c2");
	add_header(l, "Expect:"); /* a wait that most servers do not understand */
	snprintf(header, sizeof header, "E4-Delivery: %s", in->id);
	add_header(l, header);
	sign(p, l->body, header, sizeof header);
	add_header(l, header);
	if (p->webhook_ca)
		curl_easy_setopt(l->curl, CURLOPT_CAINFO, p->webhook_ca);
	curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, l->headers);
	curl_easy_setopt(l->curl, CURLOPT_POSTFIELDS, l->body);
	return l;
}

/* The header's words are ours or were checked; the text goes into a part that is encoded. */
static void mail_headers(struct letter *l, const struct post *p, const struct post_letter *in)
{
	char header[HEADER_CAP + EMAIL_MAX], date[64];
	time_t now = (time_t)clock_wall_s(&p->clock);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S +0000", &tm);
	add_header(l, date);
	snprintf(header, sizeof header, "From: <%s>", p->smtp_from);
	add_header(l, header);
	snprintf(header, sizeof header, "To: <%s>", in->email);
	add_header(l, header);
	snprintf(header, sizeof header, "Subject: %.200s", in->subject);
	add_header(l, header);
	snprintf(header, sizeof header, "Message-ID: <%.100s%s>", in->id,
		 strchr(p->smtp_from, '@'));
	add_header(l, header);
	add_header(l, "Auto-Submitted: auto-generated"); /* RFC 3834: no answers, please */
}

static struct letter *mail_new(struct post *p, const struct post_letter *in)
{
	struct letter *l = letter_new(p, p->smtp_url, "smtp,smtps");
	curl_mimepart *part;

	l->trusted = true;
	mail_headers(l, p, in);
	l->to = curl_slist_append(NULL, in->email);
	l->mail = curl_mime_init(l->curl);
	part = l->mail ? curl_mime_addpart(l->mail) : NULL;
	if (!l->to || !part || curl_mime_data(part, in->text, CURL_ZERO_TERMINATED) != CURLE_OK ||
	    curl_mime_type(part, "text/plain; charset=utf-8") != CURLE_OK ||
	    curl_mime_encoder(part, "quoted-printable") != CURLE_OK)
		mem_exhausted("memory");
	curl_easy_setopt(l->curl, CURLOPT_MIMEPOST, l->mail);
	curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, l->headers);
	curl_easy_setopt(l->curl, CURLOPT_MAIL_FROM, p->smtp_from);
	curl_easy_setopt(l->curl, CURLOPT_MAIL_RCPT, l->to);
	/* Loopback is the machine's own mail server; anything further has to speak TLS. */
	curl_easy_setopt(
		l->curl, CURLOPT_USE_SSL,
		(long)(post_url_is_loopback(p->smtp_url) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
	if (p->smtp_ca)
		curl_easy_setopt(l->curl, CURLOPT_CAINFO, p->smtp_ca);
	if (p->smtp_user) {
		curl_easy_setopt(l->curl, CURLOPT_USERNAME, p->smtp_user);
		curl_easy_setopt(l->curl, CURLOPT_PASSWORD, p->password);
	}
	return l;
}

bool post_send(struct post *p, const struct post_letter *in,
	       void (*done)(void *ctx, const char *why), void *ctx, struct err *err)
{
	struct letter *l;

	if (in->webhook ? !post_check_webhook(p, in->webhook, err)
			: !post_check_email(p, in->email, err))
		return false;
	l = in->webhook ? webhook_new(p, in) : mail_new(p, in);
	l->done = done;
	l->ctx = ctx;
	if (curl_multi_add_handle(p->multi, l->curl) == CURLM_OK)
		return true;
	letter_free(l);
	return err_set(err, ERR_INTERNAL, "the letter could not be begun");
}

/* --- what may be written to ----------------------------------------------------------------- */

bool post_check_webhook(const struct post *p, const char *url, struct err *err)
{
	CURLU *u;
	bool good;

	if (!*p->secret)
		return err_set(err, ERR_PRECONDITION,
			       "webhooks are signed, and there is no secret for that: set "
			       "notify.webhook_secret_file");
	u = curl_url();
	good = u && strlen(url) <= URL_MAX && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
	curl_url_cleanup(u);
	if (!good)
		return err_set(err, ERR_INVALID, "no URL; one looks like https://host/path");
	if (post_url_has_user(url))
		return err_set(err, ERR_INVALID,
			       "a URL with a user or password in it: the signature is what the "
			       "receiver checks");
	if (strncmp(url, "https://", 8) != 0 && !post_url_is_allowed(url, p->webhook_allow))
		return err_set(err, ERR_INVALID,
			       "only https:// and what notify.webhook_allow begins with");
	return true;
}

bool post_check_email(const struct post *p, const char *address, struct err *err)
{
	if (!p->smtp_url)
		return err_set(err, ERR_PRECONDITION,
			       "there is no mail server: set notify.smtp_url and notify.smtp_from");
	if (strlen(address) > EMAIL_MAX || !post_email_is_plain(address))
		return err_set(err, ERR_INVALID, "no address; one looks like name@example.org");
	return true;
}

/* --- open and close ------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return text && *text ? mem_text(text) : NULL;
}

static bool read_settings(struct post *p, const struct post_config *c, struct err *err)
{
	if (c->webhook_secret_file &&
	    !file_read_line(c->webhook_secret_file, p->secret, sizeof p->secret, err))
		return false;
	if (*p->secret && strlen(p->secret) < 16)
		return err_set(err, ERR_CONFIG,
			       "notify.webhook_secret_file: at least 16 characters, such as from "
			       "openssl rand -hex 32");
	if (c->smtp_password_file &&
	    !file_read_line(c->smtp_password_file, p->password, sizeof p->password, err))
		return false;
	if (!p->smtp_user != !c->smtp_password_file)
		return err_set(
			err, ERR_CONFIG,
			"notify.smtp_user and notify.smtp_password_file: set both or neither");
	if (!p->smtp_url)
		return true;
	if (strncmp(p->smtp_url, "smtp://", 7) != 0 && strncmp(p->smtp_url, "smtps://", 8) != 0)
		return err_set(err, ERR_CONFIG,
			       "notify.smtp_url begins with smtp:// (STARTTLS) or smtps://");
	if (!p->smtp_from || !post_email_is_plain(p->smtp_from))
		return err_set(err, ERR_CONFIG,
			       "notify.smtp_from: the address that mail comes from, such as "
			       "c2@example.org");
	return true;
}

bool post_open(struct post **out, const struct post_config *config, struct loop *loop,
	       const struct clock *clock, struct err *err)
{
	struct post *p = mem_alloc(sizeof *p);

	*out = NULL;
	p->loop = loop;
	p->clock = *clock;
	p->webhook_allow = copy(config->webhook_allow);
	p->webhook_ca = copy(config->webhook_ca);
	p->smtp_url = copy(config->smtp_url);
	p->smtp_user = copy(config->smtp_user);
	p->smtp_from = copy(config->smtp_from);
	p->smtp_ca = copy(config->smtp_ca);
	if (!read_settings(p, config, err)) {
		post_close(p);
		return false;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(p->multi = curl_multi_init()))
		mem_exhausted("memory");
	p->timer = loop_timer_add(loop, on_timer, p);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket_set);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
	*out = p;
	return true;
}

void post_close(struct post *p)
{
	if (!p)
		return;
	for (struct letter *l = p->letters, *next; l; l = next) {
		next = l->next;
		letter_free(l);
	}
	if (p->multi) {
		curl_multi_cleanup(p->multi);
		curl_global_cleanup();
	}
	loop_timer_del(p->timer);
	free(p->webhook_allow);
	free(p->webhook_ca);
	free(p->smtp_url);
	free(p->smtp_user);
	free(p->smtp_from);
	free(p->smtp_ca);
	sodium_memzero(p->secret, sizeof p->secret);
	sodium_memzero(p->password, sizeof p->password);
	free(p);
}
