#include "tests/check.h"

#include <stdlib.h>

#include <jansson.h>

#include "c2.pb-c.h"
#include "engine.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "grpc/reflection.pb-c.h"

#include "api/json.h"

static struct arena arena;
static struct err err;

static void *decode_n(const ProtobufCMessageDescriptor *desc, const char *text, size_t len)
{
	ProtobufCMessage *msg;

	memset(&err, 0, sizeof(err));
	return api_json_decode(desc, text, len, &arena, &msg, &err) ? msg : NULL;
}

static void *decode(const ProtobufCMessageDescriptor *desc, const char *text)
{
	return decode_n(desc, text, strlen(text));
}

static const char *encode(const void *msg)
{
	char *text;
	size_t len;

	if (!api_json_encode(msg, &arena, &text, &len, &err))
		return NULL;
	CHECK_EQ(strlen(text), len);
	return text;
}

static void refused(const ProtobufCMessageDescriptor *desc, const char *text, const char *why)
{
	CHECK(decode(desc, text) == NULL);
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK_STR(err.text, why);
}

static void defaults_are_written_and_64_bit_numbers_are_strings(void)
{
	Pb__HealthCheckResponse health = PB__HEALTH_CHECK_RESPONSE__INIT;
	Pb__CountClientsResponse count = PB__COUNT_CLIENTS_RESPONSE__INIT;
	Pb__GetTopicsResponse topics = PB__GET_TOPICS_RESPONSE__INIT;
	Pb__ProtectMessageResponse bytes = PB__PROTECT_MESSAGE_RESPONSE__INIT;

	CHECK_STR(encode(&health), "{\"Code\":\"0\",\"Status\":\"\",\"database\":\"\","
				   "\"broker\":\"\",\"custody\":\"\"}");
	count.count = INT64_MIN;
	CHECK_STR(encode(&count), "{\"count\":\"-9223372036854775808\"}");
	CHECK_STR(encode(&topics), "{\"topics\":[]}");
	CHECK_STR(encode(&bytes), "{\"topic\":\"\",\"protectedBinaryData\":\"\"}");
}

static void lists_enums_and_messages_are_written_as_documented(void)
{
	Pb__Client a = PB__CLIENT__INIT, b = PB__CLIENT__INIT, *both[] = {&a, &b};
	Pb__GetClientsResponse list = PB__GET_CLIENTS_RESPONSE__INIT;
	Pb__GetCryptoModeResponse mode = PB__GET_CRYPTO_MODE_RESPONSE__INIT;
	Pb__NewTopicResponse topic = PB__NEW_TOPIC_RESPONSE__INIT;
	Pb__Delivery delivery = PB__DELIVERY__INIT;
	char names[][8] = {"a\"\\\n", "\xe2\x82\xac/<"};

	a.name = names[0];
	b.name = names[1];
	list.clients = both;
	list.n_clients = 2;
	CHECK_STR(encode(&list), "{\"clients\":[{\"name\":\"a\\\"\\\\\\u000a\"},"
				 "{\"name\":\"\xe2\x82\xac/<\"}]}");
	mode.cryptomode = PB__CRYPTO_MODE__CRYPTOMODE_PUBKEY;
	CHECK_STR(encode(&mode), "{\"CryptoMode\":\"CRYPTOMODE_PUBKEY\"}");
	mode.cryptomode = (Pb__CryptoMode)17;
	CHECK_STR(encode(&mode), "{\"CryptoMode\":17}");
	CHECK_STR(encode(&topic), "{\"delivery\":null}");
	topic.delivery = &delivery;
	delivery.revision = 7;
	delivery.status = PB__DELIVERY_STATUS__DELIVERY_QUEUED;
	delivery.recipients = 3;
	CHECK_STR(encode(&topic),
		  "{\"delivery\":{\"revision\":\"7\",\"status\":\"DELIVERY_QUEUED\","
		  "\"recipients\":\"3\"}}");
}

/* The form that tools of rules read: 32-bit numbers plain, settings as base64, never as year 1. */
static void a_rule_is_written_as_tools_know_it(void)
{
	Google__Protobuf__Timestamp never = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Pb__Rule rule = PB__RULE__INIT;
	Pb__Trigger trigger = PB__TRIGGER__INIT, *triggers[] = {&trigger};
	Pb__Target target = PB__TARGET__INIT, *targets[] = {&target};
	char settings[] = "{\"expr\":\"@daily\"}", expr[] = "plant/a";

	never.seconds = -62135596800;
	rule.id = 3;
	rule.action = PB__ACTION_TYPE__KEY_ROTATION;
	rule.lastexecuted = &never;
	trigger.id = 1;
	trigger.type = PB__TRIGGER_TYPE__TIME_INTERVAL;
	trigger.settings = (ProtobufCBinaryData){strlen(settings), (uint8_t *)settings};
	target.type = PB__TARGET_TYPE__TOPIC;
	target.expr = expr;
	rule.triggers = triggers;
	rule.targets = targets;
	rule.n_triggers = rule.n_targets = 1;
	CHECK_STR(encode(&rule),
		  "{\"id\":3,\"description\":\"\",\"action\":\"KEY_ROTATION\","
		  "\"lastExecuted\":\"0001-01-01T00:00:00Z\",\"triggers\":[{\"id\":1,"
		  "\"type\":\"TIME_INTERVAL\",\"settings\":\"eyJleHByIjoiQGRhaWx5In0=\","
		  "\"nextDue\":null,\"occurrences\":\"0\"}],\"targets\":[{\"id\":0,"
		  "\"type\":\"TOPIC\",\"expr\":\"plant/a\",\"matches\":\"0\",\"warning\":\"\"}],"
		  "\"options\":null,\"paused\":false,\"nextDue\":null,\"warnings\":[],"
		  "\"version\":\"0\",\"lastRun\":null}");
}

static void a_rule_as_it_was_shown_replaces_itself(void)
{
	Pb__UpdateRuleRequest *r = decode(
		&pb__update_rule_request__descriptor,
		"{\"ruleId\":3,\"id\":3,\"action\":1,\"lastExecuted\":\"0001-01-01T00:00:00Z\","
		"\"triggers\":[{\"id\":1,\"type\":\"EVENT\",\"settings\":\"e30\","
		"\"nextDue\":null,\"occurrences\":\"2\"}],\"targets\":[],\"options\":null}");

	CHECK(r);
	CHECK_EQ(r->ruleid, 3);
	CHECK_EQ(r->action, PB__ACTION_TYPE__KEY_ROTATION);
	CHECK_EQ(r->n_triggers, 1);
	CHECK_EQ(r->triggers[0]->settings.len, 2);
	CHECK(!memcmp(r->triggers[0]->settings.data, "{}", 2));
	CHECK(!r->options);
}

static void a_oneof_shows_only_what_is_set(void)
{
	Pb__RemoveClientRequest *r = decode(&pb__remove_client_request__descriptor, "{}");

	CHECK_EQ(r->rotate_choice_case, PB__REMOVE_CLIENT_REQUEST__ROTATE_CHOICE__NOT_SET);
	CHECK_STR(encode(r), "{\"client\":null}");
	r = decode(&pb__remove_client_request__descriptor, "{\"rotateKey\":false}");
	CHECK_EQ(r->rotate_choice_case, PB__REMOVE_CLIENT_REQUEST__ROTATE_CHOICE_ROTATE_KEY);
	CHECK_EQ(r->rotatekey, 0);
	CHECK_STR(encode(r), "{\"client\":null,\"rotateKey\":false}");
	r = decode(&pb__remove_client_request__descriptor, "{\"rotateKey\":null}");
	CHECK_EQ(r->rotate_choice_case, PB__REMOVE_CLIENT_REQUEST__ROTATE_CHOICE__NOT_SET);
	refused(&grpc__reflection__v1__server_reflection_request__descriptor,
		"{\"file_by_filename\":\"a\",\"list_services\":\"b\"}",
		"list_services: another field of its group is given");
}

static void times_are_written_and_read_as_rfc_3339(void)
{
	Pb__Event *e =
		decode(&pb__event__descriptor,
		       "{\"type\":\"CLIENT_SUBSCRIBED\",\"source\":\"s\",\"target\":\"t\","
		       "\"timestamp\":\"2026-11-21T23:55:07.25+01:00\",\"sequence\":\"12\"}");

	CHECK(e != NULL);
	CHECK_EQ(e->timestamp->seconds, 1795301707);
	CHECK_EQ(e->timestamp->nanos, 250000000);
	CHECK_STR(encode(e), "{\"type\":\"CLIENT_SUBSCRIBED\",\"source\":\"s\",\"target\":\"t\","
			     "\"timestamp\":\"2026-11-21T22:55:07.250Z\",\"sequence\":\"12\"}");
	e->timestamp->seconds = INT64_MAX;
	CHECK(encode(e) == NULL);
	refused(&pb__event__descriptor, "{\"timestamp\":12}",
		"timestamp: has to be an RFC 3339 time");
	refused(&pb__event__descriptor, "{\"timestamp\":\"noon\"}",
		"timestamp: has to be an RFC 3339 time");
	refused(&pb__event__descriptor, "{\"timestamp\":{\"seconds\":1}}",
		"timestamp: has to be an RFC 3339 time");
}

static void what_tools_write_differently_is_read_the_same(void)
{
	static const char *const counts[] = {"5", "\"5\"", "5.0", "5e0", "\"005\""};
	static const char *const keys[] = {"\"+/8=\"", "\"-_8=\"", "\"+/8\"", "\"-_8\""};
	static const char *const types[] = {"\"CLIENT_UNSUBSCRIBED\"", "2", "\"2\""};
	char text[128];

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		snprintf(text, sizeof(text), "{\"count\":%s,\"offset\":null}", counts[i]);
		Pb__GetClientsRequest *r = decode(&pb__get_clients_request__descriptor, text);
		CHECK(r && r->count == 5 && r->offset == 0);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		snprintf(text, sizeof(text), "{\"key\":%s,\"client\":{\"name\":\"n\"}}", keys[i]);
		Pb__NewClientRequest *r = decode(&pb__new_client_request__descriptor, text);
		CHECK(r && r->key.len == 2);
		CHECK(r && memcmp(r->key.data, "\xfb\xff", 2) == 0);
		CHECK_STR(r->client->name, "n");
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(text, sizeof(text), "{\"type\":%s}", types[i]);
		Pb__Event *e = decode(&pb__event__descriptor, text);
		CHECK(e && e->type == PB__EVENT_TYPE__CLIENT_UNSUBSCRIBED);
	}
}

static void fields_we_do_not_know_are_passed_over(void)
{
	Pb__NewC2KeyRequest *r = decode(&pb__new_c2_key_request__descriptor,
					"{\"x\":{\"y\":[1,2.5,null]},\"force\":true,\"Force\":1}");

	CHECK(r && r->force);
}

static void wrong_types_name_the_field_and_never_the_value(void)
{
	const ProtobufCMessageDescriptor *client = &pb__new_client_request__descriptor;
	const ProtobufCMessageDescriptor *page = &pb__get_clients_request__descriptor;
	const ProtobufCMessageDescriptor *list = &pb__get_clients_response__descriptor;

	refused(client, "{\"client\":\"n\"}", "client: has to be an object");
	refused(client, "{\"client\":[]}", "client: has to be an object");
	refused(client, "{\"client\":{\"name\":1}}", "client.name: has to be a string");
	refused(client, "{\"client\":{\"name\":[\"n\"]}}", "client.name: has to be a string");
	refused(client, "{\"key\":17}", "key: has to be a base64 string");
	refused(client, "{\"key\":\"se cret\"}", "key: has to be base64");
	refused(page, "{\"count\":true}", "count: has to be a whole number");
	refused(page, "{\"count\":1.5}", "count: has to be a whole number");
	refused(page, "{\"count\":1e300}", "count: has to be a whole number");
	refused(page, "{\"count\":\"\"}", "count: has to be a whole number");
	refused(page, "{\"count\":\"5 \"}", "count: has to be a whole number");
	refused(page, "{\"count\":\"9223372036854775808\"}", "count: has to be a whole number");
	refused(page, "{\"count\":{}}", "count: has to be a whole number");
	refused(&pb__new_c2_key_request__descriptor, "{\"force\":\"true\"}",
		"force: has to be true or false");
	refused(&pb__new_c2_key_request__descriptor, "{\"force\":1}",
		"force: has to be true or false");
	refused(&pb__event__descriptor, "{\"type\":5}",
		"type: has to be one of the values of its type");
	refused(&pb__event__descriptor, "{\"type\":\"NOTHING\"}",
		"type: has to be one of the values of its type");
	refused(&pb__event__descriptor, "{\"type\":4294967297}",
		"type: has to be one of the values of its type");
	refused(list, "{\"clients\":{}}", "clients: has to be a list");
	refused(list, "{\"clients\":[{\"name\":\"a\"},7]}", "clients[1]: has to be an object");
	refused(list, "{\"clients\":[{\"name\":\"a\"},null]}", "clients[1]: has to be an object");
	refused(list, "{\"clients\":[{},{},{\"name\":false}]}",
		"clients[2].name: has to be a string");
}

static void numbers_stop_at_the_width_of_their_field(void)
{
	const ProtobufCMessageDescriptor *d = &grpc__reflection__v1__extension_request__descriptor;
	Grpc__Reflection__V1__ExtensionRequest *r = decode(d, "{\"extension_number\":-2147483648}");

	CHECK(r && r->extension_number == INT32_MIN);
	CHECK_STR(encode(r), "{\"containing_type\":\"\",\"extension_number\":-2147483648}");
	refused(d, "{\"extension_number\":2147483648}",
		"extension_number: has to be a 32-bit integer");
	refused(d, "{\"extension_number\":\"-2147483649\"}",
		"extension_number: has to be a 32-bit integer");
}

static void bad_json_is_refused(void)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[]",
		"null",
		"17",
		"\"x\"",
		"{}{}",
		"{} x",
		"{\"a\":1,}",
		"{'a':1}",
		"{a:1}",
		"{\"force\":true,\"force\":true}",
		"{\"x\":1,\"x\":2}",
		"{\"count\":NaN}",
		"{\"count\":1e999}",
		"{\"count\":99999999999999999999}",
		"{\"count\":01}",
		"{\"x\":\"\\ud800\"}",
		"{\"x\":\"\\u0000\"}",
		"{\"x\":\"\xff\"}",
		"{\"x\":\"\xc0\xaf\"}",
		"{\"x\":\"\n\"}",
		"{\"x\\u0000\":1}",
		"\xef\xbb\xbf{}",
		"{\"x\":\"\\q\"}",
		"// {}\n{}",
		"{\"x\":",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (decode(&pb__get_clients_request__descriptor, bad[i]))
			fprintf(stderr, "was taken: %s\n", bad[i]);
		CHECK_EQ(err.code, ERR_INVALID);
	}
	CHECK(decode_n(&pb__get_clients_request__descriptor, "{\"count\":1}\0", 12) == NULL);
	CHECK(decode_n(&pb__get_clients_request__descriptor, "{}\0{}", 5) == NULL);
}

static void errors_never_quote_what_was_sent(void)
{
	refused(&pb__new_client_request__descriptor, "{\"key\":\"topsecret\" \"x\"}",
		"bad JSON at line 1, column 22");
	refused(&pb__new_client_request__descriptor, "{\"key\":\"a\",\"key\":\"topsecret\"}",
		"bad JSON at line 1, column 16");
}

static void depth_is_limited_before_anything_is_parsed(void)
{
	char text[2 * 100000 + 64];
	size_t n;

	for (int depth = API_DEPTH_MAX - 1; depth <= API_DEPTH_MAX; depth++) {
		n = (size_t)snprintf(text, sizeof(text), "{\"x\":");
		memset(text + n, '[', (size_t)depth);
		memset(text + n + depth, ']', (size_t)depth);
		text[n + 2 * (size_t)depth] = '}';
		CHECK((decode_n(&pb__get_clients_request__descriptor, text,
				n + 2 * (size_t)depth + 1) != NULL) == (depth < API_DEPTH_MAX));
	}
	CHECK_STR(err.text, "JSON nested deeper than 32 levels");
	memset(text, '[', sizeof(text));
	CHECK(decode_n(&pb__get_clients_request__descriptor, text, sizeof(text)) == NULL);
	/* Brackets in strings are no depth, also behind escapes. */
	CHECK(decode(&pb__get_clients_request__descriptor,
		     "{\"x\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"}") != NULL);
}

static void a_long_body_of_unknown_fields_is_read(void)
{
	size_t cap = 10 << 20, n = 0;
	char *text = malloc(cap + 64);

	n += (size_t)snprintf(text, 64, "{\"x\":\"");
	memset(text + n, 'a', cap);
	n += cap;
	n += (size_t)snprintf(text + n, 32, "\",\"count\":\"3\"}");
	Pb__GetClientsRequest *r = decode_n(&pb__get_clients_request__descriptor, text, n);
	CHECK(r && r->count == 3);
	CHECK(decode_n(&pb__get_clients_request__descriptor, text, n - 2) == NULL);
	free(text);
}

static void every_cut_of_a_good_body_is_refused(void)
{
	static const char good[] =
		"{\"client\":{\"name\":\"\xe2\x82\xac\"},\"key\":\"AAAA\",\"x\":[1]}";

	CHECK(decode(&pb__new_client_request__descriptor, good) != NULL);
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		CHECK(decode_n(&pb__new_client_request__descriptor, good, n) == NULL);
}

static void merging_keeps_what_is_not_given(void)
{
	Pb__GetTopicsForClientRequest *r = decode(&pb__get_topics_for_client_request__descriptor,
						  "{\"client\":{\"name\":\"n\"},\"offset\":3}");

	static const char more[] = "{\"count\":\"9\",\"client\":{}}";
	CHECK(api_json_merge(&r->base, more, sizeof(more) - 1, &arena, &err));
	CHECK_STR(r->client->name, "n");
	CHECK_EQ(r->offset, 3);
	CHECK_EQ(r->count, 9);
}

static void secrets_are_hidden_in_the_masked_form(void)
{
	Pb__NewClientRequest *r = decode(&pb__new_client_request__descriptor,
					 "{\"client\":{\"name\":\"n\"},\"key\":\"c2VjcmV0\"}");
	Pb__ProtectMessageRequest *p = decode(&pb__protect_message_request__descriptor,
					      "{\"topic\":\"t\",\"binaryData\":\"c2VjcmV0\"}");
	char *text;
	size_t len;

	CHECK(api_json_encode_masked(&r->base, &arena, &text, &len, &err));
	CHECK_STR(text, "{\"client\":{\"name\":\"n\"},\"key\":\"(hidden)\"}");
	CHECK(api_json_encode_masked(&p->base, &arena, &text, &len, &err));
	CHECK_STR(text, "{\"topic\":\"t\",\"binaryData\":\"(hidden)\"}");
	p->binarydata.len = 0;
	CHECK(api_json_encode_masked(&p->base, &arena, &text, &len, &err));
	CHECK_STR(text, "{\"topic\":\"t\",\"binaryData\":\"\"}");
	CHECK_STR(encode(r), "{\"client\":{\"name\":\"n\"},\"key\":\"c2VjcmV0\"}");
}

static void the_parser_wipes_what_it_releases(void)
{
	json_malloc_t take;
	json_free_t release;

	CHECK(decode(&pb__new_client_request__descriptor, "{\"key\":\"c2VjcmV0\"}") != NULL);
	json_get_alloc_funcs(&take, &release);
	CHECK(take == malloc && release != free);
	release(NULL);
	release(take(100));
}

static void text_that_is_not_utf8_is_never_sent(void)
{
	Pb__Client c = PB__CLIENT__INIT;
	char bad[] = "\xff";

	c.name = bad;
	CHECK(encode(&c) == NULL);
	CHECK_EQ(err.code, ERR_INTERNAL);
}

static void the_error_body_has_its_four_fields(void)
{
	struct err why = {ERR_NOT_FOUND, "no client \"x\""};
	char *text;
	size_t len;

	api_json_error(&why, &arena, &text, &len);
	CHECK_STR(text, "{\"error\":\"no client \\\"x\\\"\",\"code\":5,"
			"\"message\":\"no client \\\"x\\\"\",\"details\":[]}");
	CHECK_EQ(strlen(text), len);
	memcpy(why.text, "\xff", 2);
	api_json_error(&why, &arena, &text, &len);
	CHECK_STR(text,
		  "{\"error\":\"not found\",\"code\":5,\"message\":\"not found\",\"details\":[]}");
}

static void a_thousand_names_come_back(void)
{
	static char names[1000][300];
	Pb__Client clients[1000], *list[1000];
	Pb__GetClientsResponse r = PB__GET_CLIENTS_RESPONSE__INIT, *back;

	for (int i = 0; i < 1000; i++) {
		memset(names[i], i % 31 + 1, 255); /* control characters: the longest form */
		clients[i] = (Pb__Client)PB__CLIENT__INIT;
		clients[i].name = names[i];
		list[i] = &clients[i];
	}
	r.clients = list;
	r.n_clients = 1000;
	back = decode(&pb__get_clients_response__descriptor, encode(&r));
	CHECK(back && back->n_clients == 1000);
	for (int i = 0; i < 1000; i++)
		CHECK_STR(back->clients[i]->name, names[i]);
}

int main(void)
{
	RUN(defaults_are_written_and_64_bit_numbers_are_strings);
	RUN(lists_enums_and_messages_are_written_as_documented);
	RUN(a_rule_is_written_as_tools_know_it);
	RUN(a_rule_as_it_was_shown_replaces_itself);
	RUN(a_oneof_shows_only_what_is_set);
	RUN(times_are_written_and_read_as_rfc_3339);
	RUN(what_tools_write_differently_is_read_the_same);
	RUN(fields_we_do_not_know_are_passed_over);
	RUN(wrong_types_name_the_field_and_never_the_value);
	RUN(numbers_stop_at_the_width_of_their_field);
	RUN(bad_json_is_refused);
	RUN(errors_never_quote_what_was_sent);
	RUN(depth_is_limited_before_anything_is_parsed);
	RUN(a_long_body_of_unknown_fields_is_read);
	RUN(every_cut_of_a_good_body_is_refused);
	RUN(merging_keeps_what_is_not_given);
	RUN(secrets_are_hidden_in_the_masked_form);
	RUN(the_parser_wipes_what_it_releases);
	RUN(text_that_is_not_utf8_is_never_sent);
	RUN(the_error_body_has_its_four_fields);
	RUN(a_thousand_names_come_back);
	arena_free(&arena);
	return END();
}
