#include "c2/front/grpc_frame.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

void grpc_frame_encode(uint8_t out[GRPC_FRAME_HEAD], uint32_t len)
{
	out[0] = 0;
	out[1] = (uint8_t)(len >> 24);
	out[2] = (uint8_t)(len >> 16);
	out[3] = (uint8_t)(len >> 8);
	out[4] = (uint8_t)len;
}

bool grpc_frame_decode(struct grpc_frame *out, const uint8_t in[GRPC_FRAME_HEAD])
{
	out->compressed = in[0] == 1;
	out->len = (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 8 | in[4];
	return in[0] <= 1;
}

bool grpc_timeout_parse(int64_t *ms, const char *text)
{
	static const struct {
		char unit;
		int64_t us;
	} units[] = {{'H', 3600000000}, {'M', 60000000}, {'S', 1000000}, {'m', 1000}, {'u', 1}};
	size_t digits = strspn(text, "0123456789");
	int64_t value = 0;

	if (digits < 1 || digits > 8 || !text[digits] || text[digits + 1])
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	if (text[digits] == 'n') {
		*ms = (value + 999999) / 1000000;
		return true;
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (units[i].unit == text[digits]) {
			/* At most 99999999 hours: 4e17 microseconds. */
			*ms = (value * units[i].us + 999) / 1000;
			return true;
		}
	}
	return false;
}

bool grpc_is_content_type(const char *text)
{
	static const char base[] = "application/grpc";

	if (strncasecmp(text, base, sizeof base - 1) != 0)
		return false;
	text += sizeof base - 1;
	if (strncasecmp(text, "+proto", 6) == 0)
		text += 6;
	return *text == 0 || *text == ';' || *text == ' ';
}

/* Printable ASCII but the percent sign stands for itself. */
static size_t encode_byte(char out[3], unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";

	if (c >= 0x20 && c < 0x7f && c != '%') {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '%';
	out[1] = hex[c >> 4];
	out[2] = hex[c & 15];
	return 3;
}

void grpc_message_encode(char *out, size_t cap, const char *text)
{
	size_t at = 0, left = strlen(text);

	while (left > 0) {
		size_t n = utf8_char(text, left), used = 0;
		char piece[12];

		if (n == 0)
			n = 1;
		for (size_t i = 0; i < n; i++)
			used += encode_byte(piece + used, (unsigned char)text[i]);
		if (at + used >= cap)
			break;
		memcpy(out + at, piece, used);
		at += used;
		text += n;
		left -= n;
	}
	out[at] = 0;
}
