#include "tests/check.h"

#include "c2.pb-c.h"
#include "grpc/reflection.pb-c.h"

#include "api/message.h"
#include "api/method.h"

static struct arena arena;
static struct err err;

static void *unpack(const ProtobufCMessageDescriptor *desc, const void *bytes, size_t len)
{
	ProtobufCMessage *msg;

	memset(&err, 0, sizeof(err));
	return api_unpack(desc, bytes, len, &arena, &msg, &err) ? msg : NULL;
}

#define UNPACK(desc, bytes) unpack(&(desc), (bytes), sizeof(bytes) - 1)

static void what_is_packed_unpacks(void)
{
	Pb__NewClientRequest r = PB__NEW_CLIENT_REQUEST__INIT, *back;
	Pb__Client c = PB__CLIENT__INIT;
	char name[] = "n\xc3\xa9";
	uint8_t key[32] = {1, 2, 3}, *bytes;
	size_t len;

	c.name = name;
	r.client = &c;
	r.key = (ProtobufCBinaryData){sizeof(key), key};
	api_pack(&r.base, &arena, &bytes, &len);
	back = unpack(&pb__new_client_request__descriptor, bytes, len);
	CHECK(back != NULL);
	CHECK_STR(back->client->name, name);
	CHECK_EQ(back->key.len, sizeof(key));
	CHECK_MEM(back->key.data, key, sizeof(key));
	for (size_t cut = 1; cut < len; cut++) {
		/* Only between two fields is a cut a message again. */
		back = unpack(&pb__new_client_request__descriptor, bytes, cut);
		CHECK((back != NULL) == (cut == 7));
	}
	back = unpack(&pb__new_client_request__descriptor, NULL, 0);
	CHECK(back && !back->client && back->key.len == 0);
}

static void strings_with_bad_utf8_or_a_zero_are_refused_on_the_wire(void)
{
	CHECK(UNPACK(pb__client__descriptor, "\x0a\x03"
					     "abc") != NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x0a\x03"
					     "a\0c") == NULL);
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK_STR(err.text, "name: not UTF-8, or with a zero character");
	CHECK(UNPACK(pb__client__descriptor, "\x0a\x03"
					     "a\xff"
					     "c") == NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x0a\x03"
					     "\xed\xa0\x80") == NULL);
	/* In a nested message, and in a field that is given twice. */
	CHECK(UNPACK(pb__new_client_request__descriptor, "\x0a\x04\x0a\x02"
							 "a\0") == NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x0a\x01"
					     "\0"
					     "\x0a\x01"
					     "b") == NULL);
	/* Bytes may hold anything. */
	CHECK(UNPACK(pb__new_client_request__descriptor, "\x12\x02\0\xff") != NULL);
}

static void malformed_messages_are_refused(void)
{
	CHECK(UNPACK(pb__client__descriptor, "\x0a") == NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x0a\x05"
					     "abc") == NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
					     "a") == NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") ==
	      NULL);
	CHECK(UNPACK(pb__client__descriptor, "\x08\x01") == NULL); /* a number as the name */
	CHECK(UNPACK(pb__client__descriptor, "\x02\x01"
					     "a") == NULL);        /* field 0 */
	CHECK(UNPACK(pb__client__descriptor, "\x13\x14") == NULL); /* a group */
	CHECK(UNPACK(pb__client__descriptor, "\x0f") == NULL);     /* wire type 7 */
	CHECK(UNPACK(pb__count_clients_response__descriptor, "\x09\1\2\3") == NULL);
	CHECK(UNPACK(pb__new_client_request__descriptor, "\x0a\x03\x0a\x05"
							 "a") == NULL);
	CHECK_STR(err.text, "malformed message");
}

static void unknown_fields_are_passed_over(void)
{
	Pb__Client *c = UNPACK(pb__client__descriptor, "\x18\x05"
						       "\x21"
						       "12345678"
						       "\x2d"
						       "1234"
						       "\x32\x02\xff\0"
						       "\x0a\x01"
						       "n");

	CHECK(c != NULL);
	CHECK_STR(c->name, "n");
}

static void a_flood_of_fields_is_refused(void)
{
	static uint8_t bytes[2 * (API_WIRE_FIELDS_MAX + 1)];

	for (size_t i = 0; i < sizeof(bytes); i += 2)
		bytes[i] = 0x78; /* field 15, number 0 */
	CHECK(unpack(&pb__client__descriptor, bytes, sizeof(bytes) - 2) != NULL);
	CHECK(unpack(&pb__client__descriptor, bytes, sizeof(bytes)) == NULL);
	CHECK_EQ(err.code, ERR_INVALID);
}

static void every_byte_changed_never_crashes(void)
{
	static const uint8_t good[] = "\x0a\x04\x0a\x02"
				      "ab"
				      "\x12\x03"
				      "abc"
				      "\x18\x05";
	uint8_t bytes[sizeof(good)];

	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (int v = 0; v < 256; v++) {
			Pb__NewTopicClientRequest *r;
			memcpy(bytes, good, sizeof(good));
			bytes[i] = (uint8_t)v;
			r = unpack(&pb__new_topic_client_request__descriptor, bytes,
				   sizeof(good) - 1);
			CHECK(!r || api_validate(&r->base, &err));
		}
	}
	arena_free(&arena);
}

static void validation_finds_bad_text_at_any_depth(void)
{
	char good[] = "ok", bad[] = "\xc0\xaf";
	Pb__Client a = PB__CLIENT__INIT, b = PB__CLIENT__INIT, *both[] = {&a, &b};
	Pb__GetClientsResponse list = PB__GET_CLIENTS_RESPONSE__INIT;
	Grpc__Reflection__V1__ServerReflectionRequest one_of;

	a.name = good;
	b.name = good;
	list.clients = both;
	list.n_clients = 2;
	CHECK(api_validate(&list.base, &err));
	b.name = bad;
	CHECK(!api_validate(&list.base, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK_STR(err.text, "clients: name: not UTF-8");
	/* Only the member that is set is looked at. */
	grpc__reflection__v1__server_reflection_request__init(&one_of);
	one_of.message_request_case = 0;
	one_of.list_services = bad;
	CHECK(api_validate(&one_of.base, &err));
	one_of.message_request_case = 7;
	CHECK(!api_validate(&one_of.base, &err));
}

static bool set(void *msg, const char *path, const char *text, bool *found)
{
	return api_set_field(msg, path, text, strlen(text), &arena, found, &err);
}

static void fields_are_set_by_their_path(void)
{
	Pb__RemoveTopicClientRequest *r = (Pb__RemoveTopicClientRequest *)api_message_new(
		&pb__remove_topic_client_request__descriptor, &arena);
	Pb__GetTopicsResponse *list = (Pb__GetTopicsResponse *)api_message_new(
		&pb__get_topics_response__descriptor, &arena);
	bool found;

	CHECK(set(r, "client.name", "n", &found) && found);
	CHECK_STR(r->client->name, "n");
	CHECK(set(r, "client.name", "m", NULL));
	CHECK_STR(r->client->name, "m");
	CHECK(set(r, "rotateKey", "false", &found));
	CHECK_EQ(r->rotate_choice_case, 100);
	CHECK(!set(r, "rotateKey", "yes", &found) && found);
	CHECK(!set(r, "nothing", "1", &found) && !found);
	CHECK(!set(r, "topic.name", "1", &found) && !found);
	CHECK(!set(r, "client", "1", &found) && found);
	CHECK(!set(r, "client.", "1", &found) && !found);
	CHECK(!set(r, ".name", "1", &found) && !found);
	CHECK(!set(r, "", "1", &found) && !found);
	CHECK(set(list, "topics", "a", NULL) && set(list, "topics", "b", NULL));
	CHECK_EQ(list->n_topics, 2);
	CHECK_STR(list->topics[1], "b");
}

static void keys_and_plaintext_are_secret(void)
{
	CHECK(api_field_is_secret(&pb__new_client_request__descriptor, 2));
	CHECK(!api_field_is_secret(&pb__new_client_request__descriptor, 1));
	CHECK(api_field_is_secret(&pb__protect_message_request__descriptor, 2));
	CHECK(api_field_is_secret(&pb__unprotect_message_response__descriptor, 2));
}

static const struct api_file *file_named(const char *name)
{
	for (size_t i = 0; i < api_n_files; i++)
		if (strcmp(api_files[i].name, name) == 0)
			return &api_files[i];
	return NULL;
}

static bool defines(const struct api_file *f, const char *symbol)
{
	for (const char *const *s = f->symbols; *s; s++)
		if (strcmp(*s, symbol) == 0)
			return true;
	return false;
}

static void reflection_has_every_file_and_what_it_imports(void)
{
	const struct api_file *c2 = file_named("c2.proto");
	size_t n = 0;

	CHECK(c2 && defines(c2, "pb.C2") && defines(c2, "pb.C2.NewClient"));
	CHECK(c2 && defines(c2, "pb.Client") && defines(c2, "pb.CryptoMode"));
	for (const unsigned *need = c2->needs; *need != API_NO_FILE; need++, n++)
		CHECK(*need < api_n_files);
	CHECK_EQ(n, 3);
	CHECK(file_named("google/protobuf/descriptor.proto") != NULL);
	CHECK(file_named("engine.proto") && !file_named("engine_state.proto"));
	CHECK_STR(api_services[0], "pb.C2");
	CHECK_STR(api_services[1], "pb.C2AutomationEngine");
	for (n = 0; api_services[n]; n++)
		;
	CHECK_EQ(n, 5);
}

static void changes_are_audited_and_need_an_operator(void)
{
	for (unsigned m = 0; m < API_N_METHODS; m++) {
		bool get = api_methods[m].n_routes > 0 && api_methods[m].routes[0].verb == API_GET;
		bool stream = api_methods[m].server_stream;
		CHECK(get || stream || api_methods[m].audited);
		CHECK(get || stream || api_methods[m].role >= API_ROLE_OPERATOR);
		CHECK(api_methods[m].role != API_ROLE_NONE);
		CHECK((api_methods[m].role == API_ROLE_PUBLIC) ==
		      (strcmp(api_methods[m].name, "HealthCheck") == 0));
	}
	CHECK_EQ(api_methods[API_C2_NEW_C2_KEY].role, API_ROLE_ADMIN);
}

int main(void)
{
	RUN(what_is_packed_unpacks);
	RUN(strings_with_bad_utf8_or_a_zero_are_refused_on_the_wire);
	RUN(malformed_messages_are_refused);
	RUN(unknown_fields_are_passed_over);
	RUN(a_flood_of_fields_is_refused);
	RUN(every_byte_changed_never_crashes);
	RUN(validation_finds_bad_text_at_any_depth);
	RUN(fields_are_set_by_their_path);
	RUN(keys_and_plaintext_are_secret);
	RUN(reflection_has_every_file_and_what_it_imports);
	RUN(changes_are_audited_and_need_an_operator);
	arena_free(&arena);
	return END();
}
