/* The few formats that gRPC adds to HTTP/2, as pure functions. */
#ifndef C2_FRONT_GRPC_FRAME_H
#define C2_FRONT_GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In front of each message: a flag for compression and the length, big-endian. */
enum { GRPC_FRAME_HEAD = 5 };

struct grpc_frame {
	bool compressed;
	uint32_t len;
};

void grpc_frame_encode(uint8_t out[GRPC_FRAME_HEAD], uint32_t len);
/* False if the flag byte is neither 0 nor 1. */
bool grpc_frame_decode(struct grpc_frame *out, const uint8_t in[GRPC_FRAME_HEAD]);

/*
 * The header grpc-timeout: 1 to 8 digits and one of H M S m u n, to
 * milliseconds, rounded up. False if it is something else.
 */
bool grpc_timeout_parse(int64_t *ms, const char *text);

/* The header content-type: application/grpc, also with +proto or parameters. */
bool grpc_is_content_type(const char *text);

/* Percent-encode a text for the trailer grpc-message; cut at a whole character if cap is small. */
void grpc_message_encode(char *out, size_t cap, const char *text);

#endif
