#include "tests/check.h"

#include "c2.pb-c.h"

#include "api/json.h"
#include "api/route.h"

static struct arena arena;
static struct err err;
static char allow[API_ALLOW_CAP];

/* The request a line leads to, as JSON behind the method's name; or why not. */
static const char *ask(const char *verb, const char *path, const char *query, const char *body)
{
	struct api_http_request req = {verb, path, query, body, body ? strlen(body) : 0};
	ProtobufCMessage *msg;
	unsigned method;
	char *json;
	size_t len;

	memset(&err, 0, sizeof(err));
	if (!api_route_find(&req, &arena, &method, &msg, allow, &err))
		return arena_format(&arena, "%d %s", err_row(err.code)->http, err.text);
	CHECK(msg->descriptor == api_methods[method].request);
	CHECK(api_json_encode(msg, &arena, &json, &len, &err));
	return arena_format(&arena, "%s %s", api_methods[method].name, json);
}

#define ASK(verb, path) ask(verb, path, NULL, NULL)

static void every_route_of_the_description_is_found(void)
{
	CHECK_STR(ask("POST", "/e4/client/a", NULL, "{\"key\":\"AAAA\"}"),
		  "NewClient {\"client\":{\"name\":\"a\"},\"key\":\"AAAA\"}");
	CHECK_STR(ASK("DELETE", "/e4/client/a"), "RemoveClient {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(ASK("PUT", "/e4/client/a"), "ResetClient {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(ask("PATCH", "/e4/client/a", NULL, "{}"),
		  "NewClientKey {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(ASK("POST", "/e4/topic/t"), "NewTopic {\"topic\":\"t\"}");
	CHECK_STR(ASK("DELETE", "/e4/topic/t"), "RemoveTopic {\"topic\":\"t\"}");
	CHECK_STR(ASK("PUT", "/e4/client/a/topic/t"),
		  "NewTopicClient {\"client\":{\"name\":\"a\"},\"topic\":\"t\"}");
	CHECK_STR(ASK("DELETE", "/e4/client/a/topic/t"),
		  "RemoveTopicClient {\"client\":{\"name\":\"a\"},\"topic\":\"t\"}");
	CHECK_STR(ASK("GET", "/e4/client/a/topics/count"),
		  "CountTopicsForClient {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(ask("GET", "/e4/client/a/topics", "offset=1&count=2", NULL),
		  "GetTopicsForClient "
		  "{\"client\":{\"name\":\"a\"},\"offset\":\"1\",\"count\":\"2\"}");
	CHECK_STR(ASK("GET", "/e4/topic/t/clients/count"),
		  "CountClientsForTopic {\"topic\":\"t\"}");
	CHECK_STR(ASK("GET", "/e4/topic/t/clients"),
		  "GetClientsForTopic {\"topic\":\"t\",\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ASK("GET", "/e4/clients/count"), "CountClients {}");
	CHECK_STR(ASK("GET", "/e4/clients"), "GetClients {\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ASK("GET", "/e4/topics/count"), "CountTopics {}");
	CHECK_STR(ASK("GET", "/e4/topics"), "GetTopics {\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(
		ASK("POST", "/e4/client/t/link/s"),
		"LinkClient {\"sourceClient\":{\"name\":\"s\"},\"targetClient\":{\"name\":\"t\"}}");
	CHECK_STR(ASK("DELETE", "/e4/client/t/unlink/s"),
		  "UnlinkClient "
		  "{\"sourceClient\":{\"name\":\"s\"},\"targetClient\":{\"name\":\"t\"}}");
	CHECK_STR(ASK("GET", "/e4/client/a/link/count"),
		  "CountLinkedClients {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(
		ASK("GET", "/e4/client/a/link"),
		"GetLinkedClients {\"client\":{\"name\":\"a\"},\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ask("POST", "/e4/new-c2-key", NULL, "{\"force\":true}"),
		  "NewC2Key {\"force\":true,\"dropOldest\":false}");
	CHECK_STR(ASK("GET", "/e4/health-check"), "HealthCheck {}");
	CHECK_STR(ASK("GET", "/e4/crypto-mode"), "GetCryptoMode {}");
	CHECK_STR(ASK("GET", "/e4/topic/t/status"), "GetTopicStatus {\"topic\":\"t\"}");
	CHECK_STR(ASK("GET", "/e4/client/a/status"),
		  "GetClientStatus {\"client\":{\"name\":\"a\"}}");
}

static void rules_are_reached_by_their_numbers(void)
{
	CHECK_STR(ASK("GET", "/rules"), "ListRules {}");
	CHECK_STR(ASK("GET", "/rules/7"), "GetRule {\"ruleId\":7}");
	CHECK_STR(ASK("DELETE", "/rules/2147483647"), "DeleteRule {\"ruleId\":2147483647}");
	CHECK_STR(ASK("DELETE", "/rules/2147483648"), "400 ruleId: has to be a 32-bit integer");
	CHECK_STR(ASK("GET", "/rules/x"), "400 ruleId: has to be a whole number");
	CHECK_STR(ASK("GET", "/rules/"), "400 ruleId: has to be a whole number");
	CHECK_STR(ASK("POST", "/rules/7"), "405 this path is for GET, PATCH, DELETE");
	CHECK_STR(ask("PATCH", "/rules/7", NULL, "{\"pause\":true,\"ruleId\":8}"),
		  "ChangeRule {\"ruleId\":7,\"pause\":true}");
	CHECK_STR(ASK("POST", "/rules/7/run"), "RunRule {\"ruleId\":7,\"force\":false}");
	CHECK_STR(ask("GET", "/rules/7/schedule", "count=3", NULL),
		  "GetSchedule {\"ruleId\":7,\"count\":\"3\"}");
	CHECK_STR(ask("GET", "/runs", "ruleId=7&limit=2", NULL),
		  "ListRuns {\"ruleId\":7,\"cursor\":\"\",\"limit\":\"2\"}");
	CHECK_STR(ASK("GET", "/health-check"), "HealthCheck {}");
	CHECK_STR(ASK("POST", "/rpc/pb.C2AutomationEngine/HealthCheck"), "HealthCheck {}");
}

/* Fill a template with a name per field, and see that it leads back to its method. */
static void each_template_leads_to_its_own_method(void)
{
	for (unsigned m = 0; m < API_N_METHODS; m++) {
		for (size_t i = 0; i < api_methods[m].n_routes; i++) {
			const struct api_route *r = &api_methods[m].routes[i];
			static const char *const verbs[] = {"GET", "POST", "PUT", "PATCH",
							    "DELETE"};
			char path[256] = "";
			unsigned got;
			for (size_t s = 0; s < r->n_segments; s++) {
				const struct api_segment *seg = &r->segments[s];
				strcat(path, "/");
				strcat(path, seg->literal ? seg->literal : seg->rest ? "x/y" : "z");
			}
			CHECK(api_route_match(verbs[r->verb], path, &arena, &got, NULL, &err));
			CHECK_EQ(got, m);
		}
	}
}

static void slash_and_its_escape_are_the_same_in_a_topic(void)
{
	CHECK_STR(ASK("POST", "/e4/topic/a/b/c"), "NewTopic {\"topic\":\"a/b/c\"}");
	CHECK_STR(ASK("POST", "/e4/topic/a%2Fb%2fc"), "NewTopic {\"topic\":\"a/b/c\"}");
	CHECK_STR(ASK("POST", "/e4/topic//a//b/"), "NewTopic {\"topic\":\"/a//b/\"}");
	CHECK_STR(ASK("GET", "/e4/topic/a%2Fb/clients/count"),
		  "CountClientsForTopic {\"topic\":\"a/b\"}");
	CHECK_STR(ASK("GET", "/e4/topic/a/b%2Fclients%2Fcount"),
		  "CountClientsForTopic {\"topic\":\"a/b\"}");
	CHECK_STR(ASK("PUT", "/e4/client/c/topic/a%2Fb/c"),
		  "NewTopicClient {\"client\":{\"name\":\"c\"},\"topic\":\"a/b/c\"}");
}

static void names_with_special_characters_are_reached(void)
{
	CHECK_STR(ASK("DELETE", "/e4/client/a%2Fb%3Ac%25%20d+e"),
		  "RemoveClient {\"client\":{\"name\":\"a/b:c% d+e\"}}");
	CHECK_STR(ASK("GET", "/e4/client/a%2Ftopics/topics"),
		  "GetTopicsForClient {\"client\":{\"name\":\"a/topics\"},"
		  "\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ASK("POST", "/e4/client/x:y"),
		  "NewClient {\"client\":{\"name\":\"x:y\"},\"key\":\"\"}");
	CHECK_STR(ASK("POST", "/e4/client/t%2Flink%2Fs/link/s%2F1"),
		  "LinkClient {\"sourceClient\":{\"name\":\"s/1\"},"
		  "\"targetClient\":{\"name\":\"t/link/s\"}}");
	CHECK_STR(ASK("PUT", "/e4/client/a%2Ftopic/topic/topic/topics"),
		  "NewTopicClient {\"client\":{\"name\":\"a/topic\"},\"topic\":\"topic/topics\"}");
	CHECK_STR(ASK("DELETE", "/e4/topic/a/clients"), "RemoveTopic {\"topic\":\"a/clients\"}");
	CHECK_STR(ASK("GET", "/e4/topic/clients/clients"),
		  "GetClientsForTopic {\"topic\":\"clients\",\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ASK("DELETE", "/e4/client/%E2%82%AC"),
		  "RemoveClient {\"client\":{\"name\":\"\xe2\x82\xac\"}}");
}

static void rpc_reaches_every_unary_method_with_any_name(void)
{
	for (unsigned m = 0; m < API_N_METHODS; m++) {
		char path[96];
		unsigned got;
		snprintf(path, sizeof(path), "/rpc%s", api_methods[m].grpc_path);
		CHECK(api_route_match("POST", path, &arena, &got, allow, &err) ==
		      !api_methods[m].server_stream);
		CHECK(api_methods[m].server_stream || got == m);
	}
	CHECK_STR(ask("POST", "/rpc/pb.C2/GetClientsForTopic", NULL,
		      "{\"topic\":\"a/clients\",\"count\":1}"),
		  "GetClientsForTopic {\"topic\":\"a/clients\",\"offset\":\"0\",\"count\":\"1\"}");
	CHECK_STR(ASK("GET", "/rpc/pb.C2/GetTopics"), "405 this path is for POST");
	CHECK_STR(allow, "POST");
	CHECK_STR(ASK("POST", "/rpc/pb.C2/Nothing"), "404 no such path");
	CHECK_STR(ASK("POST", "/rpc/pb.C2"), "404 no such path");
	CHECK_STR(ASK("POST", "/rpc/pb.C2/GetTopics/"), "404 no such path");
}

static void the_path_wins_over_the_body_and_the_body_over_the_query(void)
{
	CHECK_STR(ask("POST", "/e4/client/path", "client.name=query&key=BBBB",
		      "{\"client\":{\"name\":\"body\"},\"key\":\"AAAA\"}"),
		  "NewClient {\"client\":{\"name\":\"path\"},\"key\":\"AAAA\"}");
	CHECK_STR(ask("POST", "/e4/topic/a/b", NULL, "{\"topic\":\"c\"}"),
		  "NewTopic {\"topic\":\"a/b\"}");
	CHECK_STR(ask("DELETE", "/e4/client/a", "rotateKey=true", "{\"rotateKey\":false}"),
		  "RemoveClient {\"client\":{\"name\":\"a\"},\"rotateKey\":false}");
}

static void absent_and_false_stay_two_things(void)
{
	CHECK_STR(ask("DELETE", "/e4/client/a", "rotateKey=false", NULL),
		  "RemoveClient {\"client\":{\"name\":\"a\"},\"rotateKey\":false}");
	CHECK_STR(ask("DELETE", "/e4/client/a", "rotateKey=maybe", NULL),
		  "400 rotateKey: has to be true or false");
}

static void queries_are_read_as_forms_write_them(void)
{
	CHECK_STR(ask("POST", "/rpc/pb.C2/GetTopicsForClient", "client.name=a+b%2Bc&count=7&&x=%20",
		      ""),
		  "GetTopicsForClient {\"client\":{\"name\":\"a b+c\"},\"offset\":\"0\","
		  "\"count\":\"7\"}");
	CHECK_STR(ask("GET", "/e4/clients", "", NULL),
		  "GetClients {\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ask("GET", "/e4/clients", "count=5&count=6", NULL),
		  "GetClients {\"offset\":\"0\",\"count\":\"6\"}");
	CHECK_STR(ask("GET", "/e4/clients", "unknown=1&un.known=2", NULL),
		  "GetClients {\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ask("GET", "/e4/clients", "count=five", NULL),
		  "400 count: has to be a whole number");
	CHECK_STR(ask("GET", "/e4/clients", "count", NULL), "400 count: has to be a whole number");
	CHECK_STR(ask("GET", "/e4/clients", "count=", NULL), "400 count: has to be a whole number");
	CHECK_STR(ask("GET", "/e4/clients", "count=%3", NULL), "400 bad percent escape in the URL");
	CHECK_STR(ask("GET", "/e4/clients", "%00=1", NULL),
		  "400 the URL is not UTF-8, or has a zero character");
}

static void bodies_are_an_object_or_blank(void)
{
	CHECK_STR(ask("PATCH", "/e4/client/a", NULL, ""),
		  "NewClientKey {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(ask("PATCH", "/e4/client/a", NULL, " \r\n\t"),
		  "NewClientKey {\"client\":{\"name\":\"a\"}}");
	CHECK_STR(ask("PATCH", "/e4/client/a", NULL, "null"), "400 JSON has to be an object");
	CHECK_STR(ask("PATCH", "/e4/client/a", NULL, "x"), "400 bad JSON at line 1, column 1");
	CHECK_STR(ask("DELETE", "/e4/client/a", NULL, "x"), "400 bad JSON at line 1, column 1");
}

static void other_verbs_learn_which_ones_there_are(void)
{
	CHECK_STR(ASK("GET", "/e4/client/a"), "405 this path is for POST, PUT, PATCH, DELETE");
	CHECK_STR(allow, "POST, PUT, PATCH, DELETE");
	CHECK_STR(ASK("get", "/e4/clients"), "405 this path is for GET");
	CHECK_STR(ASK("", "/e4/clients"), "405 this path is for GET");
	CHECK_STR(ASK("GET", "/e4/topic/t"), "405 this path is for POST, DELETE");
	CHECK_STR(ASK("POST", "/e4/clients"), "405 this path is for GET");
	/* As a topic "t/status" could be made, status takes the other verbs as well. */
	CHECK_STR(ASK("PUT", "/e4/topic/t/status"), "405 this path is for GET, POST, DELETE");
}

static void unknown_paths_are_not_found(void)
{
	static const char *const paths[] = {
		"/",
		"//",
		"/e4",
		"/e4/",
		"/e4/client",
		"/e4/topic",
		"/e4/nothing",
		"/E4/clients",
		"/e4/clients/",
		"/e4/clients/count/",
		"/e4/client/a/b",
		"/e4/client/a/topic",
		"/e4//clients",
		"/e4/client/a/link/b/c",
		"/rpc",
		"/e4%2Fclients",
		"/favicon.ico",
		"/e4/client/a/../b",
		"/e4/client/a/topics/count/x",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		allow[0] = 'x';
		CHECK_STR(ASK("GET", paths[i]), "404 no such path");
		CHECK_STR(allow, "");
	}
}

static void an_empty_name_is_for_the_service_to_refuse(void)
{
	CHECK_STR(ASK("DELETE", "/e4/client/"), "RemoveClient {\"client\":{\"name\":\"\"}}");
	CHECK_STR(ASK("POST", "/e4/topic/"), "NewTopic {\"topic\":\"\"}");
	CHECK_STR(ASK("GET", "/e4/topic//clients"),
		  "GetClientsForTopic {\"topic\":\"\",\"offset\":\"0\",\"count\":\"0\"}");
}

static void bad_escapes_are_refused(void)
{
	static const char *const bad[] = {
		"/e4/client/%",  "/e4/client/%4", "/e4/client/%zz", "/e4/client/%4g",
		"/e4/client/a%", "/e4/topic/a%2", "/e4/client/% 1", "/%",
	};
	static const char *const not_text[] = {
		"/e4/client/%00",       "/e4/client/a%00b",       "/e4/client/%ff",
		"/e4/client/%c0%af",    "/e4/client/\xff",        "/e4/topic/%ed%a0%80",
		"/e4/topic/%e2%82/%ac", "/e4/topic/%e2%82%2f%ac",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_STR(ASK("DELETE", bad[i]), "400 bad percent escape in the URL");
	for (size_t i = 0; i < sizeof(not_text) / sizeof(*not_text); i++)
		CHECK_STR(ASK("DELETE", not_text[i]),
			  "400 the URL is not UTF-8, or has a zero character");
	CHECK_STR(ASK("GET", ""), "400 the path of a URL begins with a slash");
	CHECK_STR(ASK("GET", "e4/clients"), "400 the path of a URL begins with a slash");
	CHECK_STR(ASK("OPTIONS", "*"), "400 the path of a URL begins with a slash");
}

static void an_escape_can_spell_any_character_once(void)
{
	CHECK_STR(ASK("GET", "/%65%34/clients"), "GetClients {\"offset\":\"0\",\"count\":\"0\"}");
	CHECK_STR(ASK("DELETE", "/e4/client/%2541"),
		  "RemoveClient {\"client\":{\"name\":\"%41\"}}");
}

static void methods_are_known_by_their_grpc_path(void)
{
	CHECK_EQ(api_method_by_grpc_path("/pb.C2/NewClient"), API_C2_NEW_CLIENT);
	CHECK_EQ(api_method_by_grpc_path("/pb.C2/SubscribeToEventStream"),
		 API_C2_SUBSCRIBE_TO_EVENT_STREAM);
	CHECK_EQ(api_method_by_grpc_path("/pb.C2/newClient"), API_N_METHODS);
	CHECK_EQ(api_method_by_grpc_path(""), API_N_METHODS);
}

int main(void)
{
	RUN(every_route_of_the_description_is_found);
	RUN(rules_are_reached_by_their_numbers);
	RUN(each_template_leads_to_its_own_method);
	RUN(slash_and_its_escape_are_the_same_in_a_topic);
	RUN(names_with_special_characters_are_reached);
	RUN(rpc_reaches_every_unary_method_with_any_name);
	RUN(the_path_wins_over_the_body_and_the_body_over_the_query);
	RUN(absent_and_false_stay_two_things);
	RUN(queries_are_read_as_forms_write_them);
	RUN(bodies_are_an_object_or_blank);
	RUN(other_verbs_learn_which_ones_there_are);
	RUN(unknown_paths_are_not_found);
	RUN(an_empty_name_is_for_the_service_to_refuse);
	RUN(bad_escapes_are_refused);
	RUN(an_escape_can_spell_any_character_once);
	RUN(methods_are_known_by_their_grpc_path);
	arena_free(&arena);
	return END();
}
