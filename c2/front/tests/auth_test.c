/* Tokens: who gets which role, and token files that must be refused. */
#define _GNU_SOURCE
#include "c2/front/auth.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

#define TOKEN_A "0123456789abcdef0123456789abcdef"
#define TOKEN_B "fedcba9876543210fedcba9876543210"

static char path[] = "/tmp/auth_test.XXXXXX";

static void put(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static bool opens(const char *text, mode_t mode, struct err *err)
{
	struct auth *a = NULL;
	bool ok;

	put(text, mode);
	ok = auth_open(&a, path, err);
	auth_close(a);
	return ok;
}

static void each_token_has_its_name_and_role(void)
{
	struct api_caller caller = {0};
	struct auth *a = NULL;
	struct err err;

	put("# people\n\nops operator " TOKEN_A "\r\n  web\tviewer  " TOKEN_B, 0600);
	CHECK(auth_open(&a, path, &err));
	CHECK(!auth_is_open(a));
	CHECK(auth_caller(a, "Bearer " TOKEN_A, &caller, &err));
	CHECK_EQ(caller.role, API_ROLE_OPERATOR);
	CHECK_STR(caller.who, "ops");
	CHECK(auth_caller(a, "bearer  " TOKEN_B, &caller, &err));
	CHECK_EQ(caller.role, API_ROLE_VIEWER);
	CHECK(auth_caller(a, NULL, &caller, &err));
	CHECK_EQ(caller.role, API_ROLE_PUBLIC);
	CHECK_STR(caller.who, "");
	auth_close(a);
}

static void wrong_tokens_give_no_role_at_all(void)
{
	static const char *const wrong[] = {
		"",
		"Bearer",
		"Bearer ",
		"Basic " TOKEN_A,
		TOKEN_A,
		"Bearer 0123456789abcdef",
		"Bearer " TOKEN_A "0",
		"Bearer 0123456789abcdef0123456789abcdeF",
	};
	struct auth *a = NULL;
	struct err err;

	put("ops admin " TOKEN_A "\n", 0600);
	CHECK(auth_open(&a, path, &err));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct api_caller caller = {0};

		CHECK(!auth_caller(a, wrong[i], &caller, &err));
		CHECK_EQ(err.code, ERR_UNAUTHENTICATED);
		CHECK(caller.role <= API_ROLE_PUBLIC);
		CHECK(!strstr(err.text, "0123456789"));
	}
	auth_close(a);
}

static void bad_files_are_refused_with_their_line(void)
{
	struct err err;

	CHECK(!opens("", 0600, &err) && err.code == ERR_CONFIG);
	CHECK(!opens("ops operator\n", 0600, &err) && strstr(err.text, ":1:"));
	CHECK(!opens("\nops king " TOKEN_A "\n", 0600, &err) && strstr(err.text, ":2:"));
	CHECK(!opens("ops operator short\n", 0600, &err) && !strstr(err.text, "short"));
	CHECK(!opens("o/ps operator " TOKEN_A "\n", 0600, &err));
	CHECK(!opens("ops operator " TOKEN_A " more\n", 0600, &err));
	CHECK(!opens("a viewer " TOKEN_A "\nb admin " TOKEN_A "\n", 0600, &err));
	CHECK(!strstr(err.text, TOKEN_A));
	CHECK(!opens("ops operator " TOKEN_A "\n", 0640, &err));
	CHECK_EQ(err.code, ERR_CONFIG);
}

static void a_bad_reload_keeps_the_tokens(void)
{
	struct api_caller caller = {0};
	struct auth *a = NULL;
	struct err err;
	bool changed;

	put("ops admin " TOKEN_A "\n", 0600);
	CHECK(auth_open(&a, path, &err));
	put("nonsense\n", 0600);
	CHECK(!auth_reload(a, &changed, &err) && !changed);
	CHECK(auth_caller(a, "Bearer " TOKEN_A, &caller, &err));
	put("# the same\n\nops  admin " TOKEN_A "\n", 0600);
	CHECK(auth_reload(a, &changed, &err) && !changed);
	put("ops viewer " TOKEN_A "\n", 0600);
	CHECK(auth_reload(a, &changed, &err) && changed);
	put("ops admin " TOKEN_B "\n", 0600);
	CHECK(auth_reload(a, &changed, &err) && changed);
	CHECK(!auth_caller(a, "Bearer " TOKEN_A, &caller, &err));
	CHECK(auth_caller(a, "Bearer " TOKEN_B, &caller, &err));
	auth_close(a);
}

static void without_tokens_only_loopback_sites_may_call(void)
{
	static const char *const good[] = {"localhost",   "localhost:8888", "127.0.0.1",
					   "127.0.0.1:1", "127.1.2.3:80",   "[::1]",
					   "[::1]:8888",  "LOCALHOST:1"};
	static const char *const bad[] = {"example.com",
					  "127.0.0.1.example.com",
					  "localhost.example.com",
					  "127.example.com",
					  "127.0.0.1@example.com",
					  "[::1",
					  "[::2]:1",
					  "",
					  "127.0.0.1:80/x",
					  "10.0.0.1",
					  "localhost:80.evil.com"};
	struct api_caller caller = {0};
	struct auth *a = NULL;
	char origin[64];
	struct err err;

	CHECK(auth_open(&a, NULL, &err));
	CHECK(auth_is_open(a));
	CHECK(auth_caller(a, NULL, &caller, &err) && caller.role == API_ROLE_ADMIN);
	CHECK(auth_check_site(a, NULL, NULL, &err));
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(origin, sizeof origin, "http://%s", good[i]);
		CHECK(auth_check_site(a, good[i], origin, &err));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(origin, sizeof origin, "https://%s", bad[i]);
		CHECK(!auth_check_site(a, bad[i], NULL, &err));
		CHECK(!auth_check_site(a, "localhost", origin, &err));
		CHECK_EQ(err.code, ERR_FORBIDDEN);
	}
	CHECK(!auth_check_site(a, "localhost", "null", &err));
	auth_close(a);
}

static void request_ids_are_taken_only_if_they_are_harmless(void)
{
	struct api_caller caller;

	auth_request_id(&caller, "0f8fad5b-d9cb-469f-a165-70867728950e");
	CHECK_STR(caller.request_id, "0f8fad5b-d9cb-469f-a165-70867728950e");
	auth_request_id(&caller, "a\"b");
	CHECK_EQ(strlen(caller.request_id), 16);
	auth_request_id(&caller, "");
	CHECK_EQ(strlen(caller.request_id), 16);
	auth_request_id(&caller,
			"12345678901234567890123456789012345678901234567890123456789012345");
	CHECK_EQ(strlen(caller.request_id), 16);
	auth_request_id(&caller, NULL);
	CHECK_EQ(strlen(caller.request_id), 16);
}

int main(void)
{
	close(mkstemp(path));
	RUN(each_token_has_its_name_and_role);
	RUN(wrong_tokens_give_no_role_at_all);
	RUN(bad_files_are_refused_with_their_line);
	RUN(a_bad_reload_keeps_the_tokens);
	RUN(without_tokens_only_loopback_sites_may_call);
	RUN(request_ids_are_taken_only_if_they_are_harmless);
	unlink(path);
	return END();
}
