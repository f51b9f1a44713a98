/*
 * The text forms of single values, as JSON, paths and query strings hold them.
 * Lengths are in bytes. Functions return false for a text that is not of the
 * form, and then the output is undefined. Internal to api/.
 */
#ifndef API_SCALAR_H
#define API_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 without zero characters, overlong forms and surrogates. */
bool utf8_valid(const char *text, size_t len);

/* Decimal digits with an optional minus, nothing else. */
bool int64_parse(int64_t *out, const char *text, size_t len);
bool uint64_parse(uint64_t *out, const char *text, size_t len);

/* Room that base64_decode() needs and base64_encode() fills (no zero byte). */
#define BASE64_DECODED_CAP(len) ((len) / 4 * 3 + 3)
#define BASE64_ENCODED_LEN(len) (((len) + 2) / 3 * 4)

/* Standard or URL alphabet, padded or not; unused bits have to be zero. */
bool base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len);
void base64_encode(char *out, const uint8_t *bytes, size_t len);

/* Seconds since the Unix epoch of 0001-01-01 and of 9999-12-31 23:59:59. */
#define TIMESTAMP_MIN INT64_C(-62135596800)
#define TIMESTAMP_MAX INT64_C(253402300799)
/* "9999-12-31T23:59:59.999999999Z" and its zero byte. */
#define TIMESTAMP_CAP 31

/* RFC 3339 with Z or an offset; leap seconds (:60) are refused. */
bool timestamp_parse(int64_t *seconds, int32_t *nanos, const char *text, size_t len);

/* RFC 3339 in UTC with 0, 3, 6 or 9 digits of a second. */
bool timestamp_format(char out[TIMESTAMP_CAP], int64_t seconds, int32_t nanos);

#endif
