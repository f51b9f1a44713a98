#define _GNU_SOURCE
#include "c2/front/front.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { PEM_CAP = 256 * 1024, BODY_FIRST_CAP = 4096 };

static bool pem_read(char **out, const char *path, bool secret, struct err *err)
{
	char *text = mem_alloc(PEM_CAP + 1);
	size_t len = 0;
	bool ok = secret ? file_read_secret(path, (uint8_t *)text, PEM_CAP, &len, err)
			 : file_read(path, (uint8_t *)text, PEM_CAP, &len, err);

	if (!ok) {
		err->code = ERR_CONFIG;
		free(text);
		return false;
	}
	*out = mem_alloc(len + 1);
	memcpy(*out, text, len);
	explicit_bzero(text, len);
	free(text);
	return true;
}

bool front_tls_read(struct front_tls *out, const char *cert_path, const char *key_path,
		    struct err *err)
{
	*out = (struct front_tls){0};
	if (pem_read(&out->cert, cert_path, false, err) && pem_read(&out->key, key_path, true, err))
		return true;
	front_tls_wipe(out);
	return false;
}

void front_tls_wipe(struct front_tls *t)
{
	if (t->key)
		explicit_bzero(t->key, strlen(t->key));
	free(t->key);
	free(t->cert);
	*t = (struct front_tls){0};
}

static void body_grow(struct front_body *b, size_t *total, size_t need)
{
	size_t cap = b->cap ? b->cap : BODY_FIRST_CAP;
	uint8_t *bytes;

	while (cap < need)
		cap *= 2;
	bytes = mem_alloc(cap);
	if (b->len > 0) {
		memcpy(bytes, b->bytes, b->len);
		explicit_bzero(b->bytes, b->len);
	}
	free(b->bytes);
	*total += cap - b->cap;
	b->bytes = bytes;
	b->cap = cap;
}

bool front_body_add(struct front_body *b, size_t *total, const void *bytes, size_t len, size_t max,
		    struct err *err)
{
	if (len > max || b->len > max - len)
		return err_set(err, ERR_TOO_LARGE, "the request is larger than %d bytes",
			       FRONT_MESSAGE_MAX);
	if (b->len + len > b->cap) {
		/* Growing at most doubles: small requests pass however much large ones hold. */
		if (b->len + len > BODY_FIRST_CAP &&
		    *total + 2 * (b->len + len) > FRONT_BUFFERED_MAX)
			return err_set(err, ERR_EXHAUSTED,
				       "too many large requests at once: try again");
		body_grow(b, total, b->len + len);
	}
	if (len > 0)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	return true;
}

void front_body_free(struct front_body *b, size_t *total)
{
	if (b->len > 0)
		explicit_bzero(b->bytes, b->len);
	free(b->bytes);
	*total -= b->cap;
	*b = (struct front_body){0};
}

void front_log_access(const char *protocol, const char *verb, const char *path, int status,
		      int64_t ms, const struct api_caller *caller)
{
	log_write(LOG_INFO, "access", LOG_STR("protocol", protocol), LOG_STR("method", verb),
		  LOG_STR("path", path), LOG_NUM("status", status), LOG_NUM("ms", ms),
		  LOG_STR("who", caller->who), LOG_STR("request_id", caller->request_id));
}
