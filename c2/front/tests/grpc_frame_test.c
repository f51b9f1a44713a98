/* The formats of gRPC, by their specification. */
#include "c2/front/grpc_frame.h"

#include "tests/check.h"

static void frames_come_back_as_they_were(void)
{
	static const uint32_t lens[] = {0, 1, 255, 256, 65536, 0x01020304, UINT32_MAX};
	uint8_t head[GRPC_FRAME_HEAD];
	struct grpc_frame frame;

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		grpc_frame_encode(head, lens[i]);
		CHECK(grpc_frame_decode(&frame, head));
		CHECK_EQ(frame.len, lens[i]);
		CHECK(!frame.compressed);
	}
	grpc_frame_encode(head, 0x01020304);
	CHECK_MEM(head, "\0\1\2\3\4", 5);
}

static void flags_other_than_compressed_are_refused(void)
{
	uint8_t head[GRPC_FRAME_HEAD] = {1};
	struct grpc_frame frame;

	CHECK(grpc_frame_decode(&frame, head) && frame.compressed);
	for (int flag = 2; flag < 256; flag++) {
		head[0] = (uint8_t)flag;
		CHECK(!grpc_frame_decode(&frame, head));
	}
}

static void timeouts_are_read_in_all_units(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"1S", 1000},
		{"0S", 0},
		{"250m", 250},
		{"2M", 120000},
		{"1H", 3600000},
		{"1u", 1},
		{"1000u", 1},
		{"1001u", 2},
		{"1n", 1},
		{"1000001n", 2},
		{"99999999H", 99999999LL * 3600000},
	};
	static const char *const bad[] = {"",    "S",   "1",    "123456789S", "-1S", "1s",
					  "1SS", " 1S", "1.5S", "1h",         "0x1S"};
	int64_t ms;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(grpc_timeout_parse(&ms, good[i].text));
		CHECK_EQ(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!grpc_timeout_parse(&ms, bad[i]));
}

static void content_types_are_told_apart(void)
{
	CHECK(grpc_is_content_type("application/grpc"));
	CHECK(grpc_is_content_type("application/grpc+proto"));
	CHECK(grpc_is_content_type("Application/gRPC;charset=utf-8"));
	CHECK(!grpc_is_content_type("application/grpc+json"));
	CHECK(!grpc_is_content_type("application/grpc-web"));
	CHECK(!grpc_is_content_type("application/json"));
	CHECK(!grpc_is_content_type(""));
}

static void messages_are_percent_encoded_and_cut_at_a_character(void)
{
	char out[64], small[8];

	grpc_message_encode(out, sizeof out, "100% caf\xc3\xa9\n");
	CHECK_STR(out, "100%25 caf%C3%A9%0A");
	grpc_message_encode(out, sizeof out, "");
	CHECK_STR(out, "");
	grpc_message_encode(small, sizeof small, "abcdefghij");
	CHECK_STR(small, "abcdefg");
	grpc_message_encode(small, sizeof small, "abc\xc3\xa9");
	CHECK_STR(small, "abc");
	/* What is no UTF-8 still becomes harmless ASCII. */
	grpc_message_encode(out, sizeof out, "\xff\x01");
	CHECK_STR(out, "%FF%01");
}

int main(void)
{
	RUN(frames_come_back_as_they_were);
	RUN(flags_other_than_compressed_are_refused);
	RUN(timeouts_are_read_in_all_units);
	RUN(content_types_are_told_apart);
	RUN(messages_are_percent_encoded_and_cut_at_a_character);
	return END();
}
