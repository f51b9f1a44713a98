#define _GNU_SOURCE
#include "cli/rpc.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/tls.h"

enum { TOKEN_MAX = 512, CONNECT_TIMEOUT_MS = 10000, NO_STATUS = -1 };

struct rpc {
	struct rpc_config config;
	CURL *curl;
	char token[TOKEN_MAX];
	bool tls;
};

/* What one exchange has brought so far. */
struct exchange {
	struct rpc *rpc;
	struct rpc_frames frames;
	int status; /* grpc-status, or NO_STATUS */
	char message[sizeof((struct err *)0)->text];
	struct err broken; /* why we ended it ourselves; ERR_OK: we did not */
};

static bool is_header(const char *line, size_t len, const char *name, const char **value,
		      size_t *value_len)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t'))
		line++, len--;
	while (len > 0 && strchr(" \t\r\n", line[len - 1]))
		len--;
	*value = line;
	*value_len = len;
	return true;
}

/* Called for headers and for trailers, in which gRPC has its status. */
static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	struct exchange *x = ctx;
	const char *value;
	size_t value_len;
	char number[8] = "";

	(void)one;
	if (is_header(line, len, "grpc-status", &value, &value_len)) {
		if (value_len < sizeof number)
			memcpy(number, value, value_len);
		x->status = strspn(number, "0123456789") > 0 ? (int)strtol(number, NULL, 10)
							     : NO_STATUS;
	} else if (is_header(line, len, "grpc-message", &value, &value_len)) {
		rpc_message_decode(x->message, sizeof x->message, value, value_len);
	} else if (len == 2 && x->status != NO_STATUS) {
		/*
		 * The end of headers that held the status already: the call was refused, maybe
		 * before we had sent it all, and then libcurl would wait for its time to be over.
		 */
		return 0;
	}
	return len;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *ctx)
{
	struct exchange *x = ctx;
	long http = 0;

	(void)one;
	curl_easy_getinfo(x->rpc->curl, CURLINFO_RESPONSE_CODE, &http);
	if (http != 200) /* the page of something that is no gRPC server */
		return len;
	if (rpc_frames_feed(&x->frames, (const uint8_t *)bytes, len, &x->broken))
		return len;
	return CURL_WRITEFUNC_ERROR;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return x->rpc->config.stop && *x->rpc->config.stop;
}

static const struct rpc_words *words_of(const struct rpc *g)
{
	static const struct rpc_words flags = {"--endpoint HOST:PORT", "--cert FILE",
					       "--token-file FILE", "--timeout SECONDS"};

	return g->config.words ? g->config.words : &flags;
}

static bool curl_failed(const struct rpc *g, CURLcode rc, struct err *err)
{
	const struct rpc_words *w = words_of(g);
	const char *at = g->config.endpoint;

	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, ERR_UNAVAILABLE,
			       "no address is known for %s; check the name in %s", at, w->endpoint);
	case CURLE_URL_MALFORMAT:
		return err_set(err, ERR_INVALID, "%s: it has to be HOST:PORT (%s)", at,
			       w->endpoint);
	case CURLE_COULDNT_CONNECT:
		return err_set(err, ERR_UNAVAILABLE,
			       "no key server answers at %s; is c2 running there? "
			       "(another address: %s)",
			       at, w->endpoint);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ERR_DEADLINE, "%s did not answer in time; wait longer with %s",
			       at, w->timeout);
	case CURLE_ABORTED_BY_CALLBACK:
		return err_set(err, ERR_CANCELLED, "stopped");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_UNAVAILABLE,
			       "the certificate of %s is not trusted: it is for another host, has "
			       "expired, or is not signed by %s; give its CA with %s",
			       at, g->config.ca_file ? g->config.ca_file : "a CA of the system",
			       w->ca);
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(err, ERR_UNAVAILABLE,
			       "%s does not speak TLS, or not ours; without %s it is tried "
			       "unencrypted",
			       at, w->ca);
	default:
		return err_set(err, ERR_UNAVAILABLE,
			       "%s does not answer as a key server: %s; is it the gRPC port "
			       "(5555, not HTTP's 8888)?%s%s",
			       at, curl_easy_strerror(rc),
			       g->tls ? "" : " A server with TLS needs ", g->tls ? "" : w->ca);
	}
}

/* What the server said, and what the caller can do about it. */
static bool refused(const struct exchange *x, struct err *err)
{
	const struct rpc *g = x->rpc;
	enum err_code code = err_from_grpc(x->status);
	const char *text = x->message[0] ? x->message : err_row(code)->text;
	const char *next = "", *how = "";

	if (code == ERR_UNAUTHENTICATED && g->token[0])
		next = "; is it in the server's token file? c2 reads that again at SIGHUP";
	else if (code == ERR_UNAUTHENTICATED)
		next = "; give one with ", how = words_of(g)->token;
	else if (code == ERR_FORBIDDEN)
		next = "; it needs a token of a higher role: ", how = words_of(g)->token;
	else if (code == ERR_NOT_FOUND && strstr(text, "rule"))
		next = "; c2cli rule list tells which there are";
	else if (code == ERR_NOT_FOUND && strstr(text, "client"))
		next = "; c2cli client list tells which there are";
	else if (code == ERR_NOT_FOUND && strstr(text, "topic"))
		next = "; c2cli topic list tells which there are";
	return err_set(err, code, "%s%s%s", text, next, how);
}

static bool judge(struct exchange *x, CURLcode rc, struct err *err)
{
	long http = 0;

	if (x->broken.code != ERR_OK) {
		*err = x->broken;
		return false;
	}
	/* However the exchange ended, once there is a status it counts. */
	if (rc != CURLE_OK && x->status == NO_STATUS)
		return curl_failed(x->rpc, rc, err);
	curl_easy_getinfo(x->rpc->curl, CURLINFO_RESPONSE_CODE, &http);
	if (http != 200 || x->status == NO_STATUS)
		return err_set(err, ERR_UNAVAILABLE,
			       "%s is no gRPC server (HTTP status %ld): is it the gRPC port, "
			       "5555 unless configured otherwise, or is a proxy in between?",
			       x->rpc->config.endpoint, http);
	if (x->status != 0)
		return refused(x, err);
	if (!rpc_frames_done(&x->frames))
		return err_set(err, ERR_UNAVAILABLE, "the answer of %s was cut",
			       x->rpc->config.endpoint);
	return true;
}

static struct curl_slist *headers_of(const struct rpc *g, bool stream)
{
	static const char *const fixed[] = {"Content-Type: application/grpc", "TE: trailers",
					    "Accept:", "Expect:"};
	struct curl_slist *list = NULL;
	char line[TOKEN_MAX + 32];

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		list = curl_slist_append(list, fixed[i]);
	if (!stream) {
		snprintf(line, sizeof line, "grpc-timeout: %" PRId64 "m", g->config.timeout_ms);
		list = curl_slist_append(list, line);
	}
	if (g->token[0]) {
		snprintf(line, sizeof line, "authorization: Bearer %s", g->token);
		list = curl_slist_append(list, line);
	}
	explicit_bzero(line, sizeof line);
	return list;
}

static void free_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

static uint8_t *pack(const ProtobufCMessage *request, size_t *len)
{
	size_t n = protobuf_c_message_get_packed_size(request);
	uint8_t *out = mem_alloc(n + 5);

	for (int i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(n >> (24 - 8 * i));
	protobuf_c_message_pack(request, out + 5);
	*len = n + 5;
	return out;
}

static void set_url(struct rpc *g, const struct api_method *method)
{
	const char *scheme = strstr(g->config.endpoint, "://") ? ""
			     : g->tls                          ? "https://"
							       : "http://";
	size_t cap = strlen(g->config.endpoint) + strlen(method->grpc_path) + 16;
	char *url = mem_alloc(cap);

	snprintf(url, cap, "%s%s%s", scheme, g->config.endpoint, method->grpc_path);
	curl_easy_setopt(g->curl, CURLOPT_URL, url);
	free(url);
}

static bool exchange(struct exchange *x, const struct api_method *method,
		     const ProtobufCMessage *request, struct err *err)
{
	struct rpc *g = x->rpc;
	bool stream = method->server_stream;
	struct curl_slist *headers = headers_of(g, stream);
	size_t len;
	uint8_t *body = pack(request, &len);
	CURLcode rc;
	bool ok;

	x->status = NO_STATUS;
	set_url(g, method);
	curl_easy_setopt(g->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(g->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(g->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(g->curl, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(g->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(g->curl, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(g->curl, CURLOPT_TIMEOUT_MS, stream ? 0L : (long)g->config.timeout_ms);
	rc = curl_easy_perform(g->curl);
	ok = judge(x, rc, err);
	explicit_bzero(body, len);
	free(body);
	free_headers(headers);
	rpc_frames_free(&x->frames);
	return ok;
}

struct unary {
	const struct api_method *method;
	struct arena *arena;
	ProtobufCMessage *response;
};

static bool take_unary(void *ctx, const uint8_t *bytes, size_t len, struct err *err)
{
	struct unary *u = ctx;

	if (u->response)
		return err_set(err, ERR_INTERNAL, "the server sent two answers");
	return api_unpack(u->method->response, bytes, len, u->arena, &u->response, err);
}

bool rpc_call(struct rpc *g, const struct api_method *method, const ProtobufCMessage *request,
	      struct arena *arena, ProtobufCMessage **response, struct err *err)
{
	struct unary u = {method, arena, NULL};
	struct exchange x = {.rpc = g, .frames = {.on_frame = take_unary, .ctx = &u}};

	if (!exchange(&x, method, request, err))
		return false;
	if (!u.response)
		return err_set(err, ERR_INTERNAL, "the server sent no answer");
	*response = u.response;
	return true;
}

struct stream {
	const struct api_method *method;
	bool (*on_message)(void *ctx, const ProtobufCMessage *msg);
	void *ctx;
	bool enough;
};

static bool take_streamed(void *ctx, const uint8_t *bytes, size_t len, struct err *err)
{
	struct stream *s = ctx;
	struct arena arena = ARENA_INIT;
	ProtobufCMessage *msg;
	bool ok = api_unpack(s->method->response, bytes, len, &arena, &msg, err);

	if (ok && !s->on_message(s->ctx, msg)) {
		s->enough = true;
		ok = err_set(err, ERR_CANCELLED, "stopped");
	}
	arena_free(&arena);
	return ok;
}

bool rpc_stream(struct rpc *g, const struct api_method *method, const ProtobufCMessage *request,
		bool (*on_message)(void *ctx, const ProtobufCMessage *msg), void *ctx,
		struct err *err)
{
	struct stream s = {method, on_message, ctx, false};
	struct exchange x = {.rpc = g, .frames = {.on_frame = take_streamed, .ctx = &s}};

	return exchange(&x, method, request, err) || s.enough;
}

static bool set_tls(struct rpc *g, struct err *err)
{
	const char *ca = g->config.ca_file;

	if (ca && access(ca, R_OK) != 0)
		return err_set(err, ERR_CONFIG,
			       "--cert %s: cannot be read; it is the file with the "
			       "certificate of the server's CA, PEM",
			       ca);
	if (ca && strncmp(g->config.endpoint, "http://", 7) == 0)
		return err_set(err, ERR_CONFIG, "--cert is for TLS, but the endpoint says http://");
	g->tls = ca || strncmp(g->config.endpoint, "https://", 8) == 0;
	curl_easy_setopt(g->curl, CURLOPT_HTTP_VERSION,
			 g->tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	/* curl 7.88 cannot use an HTTP/2 connection without TLS a second time. */
	curl_easy_setopt(g->curl, CURLOPT_FORBID_REUSE, g->tls ? 0L : 1L);
	curl_easy_setopt(g->curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(g->curl, CURLOPT_SSL_CIPHER_LIST, tls_openssl_ciphers());
	curl_easy_setopt(g->curl, CURLOPT_TLS13_CIPHERS, tls_openssl_ciphersuites());
	curl_easy_setopt(g->curl, CURLOPT_SSL_EC_CURVES, tls_openssl_groups());
	/* libcurl 7.88 breaks a second exchange on a connection without TLS. */
	if (!g->tls)
		curl_easy_setopt(g->curl, CURLOPT_FORBID_REUSE, 1L);
	if (ca)
		curl_easy_setopt(g->curl, CURLOPT_CAINFO, ca);
	return true;
}

static bool set_token(struct rpc *g, struct err *err)
{
	if (!g->config.token_file)
		return true;
	if (!g->tls && !rpc_is_loopback(g->config.endpoint))
		return err_set(err, ERR_CONFIG,
			       "the token would travel to %s unencrypted; use TLS (%s)",
			       g->config.endpoint, words_of(g)->ca);
	if (!file_read_line(g->config.token_file, g->token, sizeof g->token, err))
		return err_wrap(err, "%s", words_of(g)->token);
	for (const char *c = g->token; *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, ERR_CONFIG, "%s: holds no token", g->config.token_file);
	return true;
}

bool rpc_open(struct rpc **out, const struct rpc_config *config, struct err *err)
{
	struct rpc *g = mem_alloc(sizeof *g);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	g->config = *config;
	g->curl = curl_easy_init();
	if (!g->curl)
		mem_exhausted("curl");
	if (!set_tls(g, err) || !set_token(g, err)) {
		rpc_close(g);
		return false;
	}
	curl_easy_setopt(g->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(g->curl, CURLOPT_PROXY, ""); /* not what the environment says */
	curl_easy_setopt(g->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(g->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(g->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(g->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(g->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(g->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(g->curl, CURLOPT_USERAGENT, "c2cli");
	*out = g;
	return true;
}

void rpc_set_timeout(struct rpc *g, int64_t timeout_ms)
{
	g->config.timeout_ms = timeout_ms;
}

void rpc_close(struct rpc *g)
{
	if (!g)
		return;
	curl_easy_cleanup(g->curl);
	explicit_bzero(g, sizeof *g);
	free(g);
}
