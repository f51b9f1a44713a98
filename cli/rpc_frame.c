#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "cli/rpc.h"

/* A page of 1,000 names of 255 bytes is 260 kB; a broken server shall not fill our memory. */
enum { MESSAGE_MAX = 16 << 20 };

static bool begin_body(struct rpc_frames *f, struct err *err)
{
	size_t need = (size_t)f->head[1] << 24 | (size_t)f->head[2] << 16 |
		      (size_t)f->head[3] << 8 | f->head[4];

	if (f->head[0] != 0)
		return err_set(err, ERR_INTERNAL, "the server sent a compressed message");
	if (need > MESSAGE_MAX)
		return err_set(err, ERR_INTERNAL, "the server sent a message of %zu bytes", need);
	f->body = mem_alloc(need + 1);
	f->body_need = need;
	f->body_len = 0;
	return true;
}

static void end_body(struct rpc_frames *f)
{
	if (f->body)
		explicit_bzero(f->body, f->body_need);
	free(f->body);
	f->body = NULL;
	f->head_len = 0;
}

bool rpc_frames_feed(struct rpc_frames *f, const uint8_t *bytes, size_t len, struct err *err)
{
	while (len > 0 || (f->body && f->body_len == f->body_need)) {
		if (!f->body) {
			f->head[f->head_len++] = *bytes++;
			len--;
			if (f->head_len == sizeof f->head && !begin_body(f, err))
				return false;
			continue;
		}
		size_t n = f->body_need - f->body_len;

		if (n > len)
			n = len;
		if (n > 0)
			memcpy(f->body + f->body_len, bytes, n);
		f->body_len += n;
		bytes += n;
		len -= n;
		if (f->body_len < f->body_need)
			return true;
		bool ok = f->on_frame(f->ctx, f->body, f->body_len, err);

		end_body(f);
		if (!ok)
			return false;
	}
	return true;
}

bool rpc_frames_done(const struct rpc_frames *f)
{
	return !f->body && f->head_len == 0;
}

void rpc_frames_free(struct rpc_frames *f)
{
	end_body(f);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void rpc_message_decode(char *out, size_t cap, const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < cap; i++) {
		char c = text[i];

		if (c == '%' && i + 2 < len && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
			c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		}
		out[n++] = c ? c : '?';
	}
	out[n] = 0;
}

bool rpc_is_loopback(const char *endpoint)
{
	const char *host = strstr(endpoint, "://");
	size_t len;

	host = host ? host + 3 : endpoint;
	if (strncmp(host, "[::1]", 5) == 0)
		return host[5] == ':' || host[5] == 0;
	len = strcspn(host, ":/");
	if (len == 9 && strncasecmp(host, "localhost", 9) == 0)
		return true;
	/* 127.x.y.z in digits: "127.evil.example" is a name. */
	return len >= 7 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len;
}
