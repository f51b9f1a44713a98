/* The small ones: errors, arena, memory, clock, UTF-8, listening addresses, TLS policy. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/listen.h"
#include "base/mem.h"
#include "base/tls.h"
#include "base/utf8.h"
#include "tests/check.h"

static void every_error_has_its_row(void)
{
	for (int code = 0; code < ERR_N; code++) {
		const struct err_row *row = err_row((enum err_code)code);

		CHECK(row->text && *row->text);
		CHECK(row->http >= 200 && row->http <= 599);
		CHECK(row->grpc >= 0 && row->grpc <= 16);
		CHECK((row->exit == 0) == (code == ERR_OK));
		/* A gRPC number gives a code that says the same over gRPC. */
		CHECK_EQ(err_row(err_from_grpc(row->grpc))->grpc, row->grpc);
	}
	CHECK_EQ(err_from_grpc(3), ERR_INVALID);
	CHECK_EQ(err_from_grpc(99), ERR_INTERNAL);
	CHECK(err_row((enum err_code)999) == err_row(ERR_INTERNAL));
	CHECK(err_row((enum err_code) - 1) == err_row(ERR_INTERNAL));
}

static void error_texts_are_cut_between_characters(void)
{
	struct err e;
	char large[400];

	CHECK(!err_set(NULL, ERR_INVALID, "x"));
	CHECK(!err_wrap(NULL, "x"));
	CHECK(!err_set(&e, ERR_NOT_FOUND, "client %d", 7));
	CHECK_STR(e.text, "client 7");
	CHECK(!err_wrap(&e, "removing"));
	CHECK_STR(e.text, "removing: client 7");
	CHECK_EQ(e.code, ERR_NOT_FOUND);
	for (int pad = 0; pad < 8; pad++) {
		memset(large, 'a', (size_t)pad);
		for (int i = pad; i + 4 < 400; i += 4)
			memcpy(large + i, "\xf0\x9f\x98\x80", 5);
		err_set(&e, ERR_INVALID, "%s", large);
		CHECK(utf8_is_valid(e.text, strlen(e.text)));
		CHECK(strlen(e.text) > 250);
		err_wrap(&e, "%.*s", pad + 1, "abcdefghijk");
		CHECK(utf8_is_valid(e.text, strlen(e.text)));
		for (int i = pad; i + 3 < 400; i += 3)
			memcpy(large + i, "\xe2\x82\xac", 4);
		err_set(&e, ERR_INVALID, "%s", large);
		CHECK(utf8_is_valid(e.text, strlen(e.text)));
		CHECK(strlen(e.text) > 250);
	}
}

static void an_arena_gives_zeroed_aligned_separate_memory(void)
{
	struct arena a = ARENA_INIT;
	unsigned char *p[300];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 300; i++) {
			size_t len = i * i % 2500;

			p[i] = arena_alloc(&a, len);
			CHECK_EQ((uintptr_t)p[i] % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < len; k++) {
				if (p[i][k] != 0)
					CHECK(!"not zeroed");
			}
			memset(p[i], (int)i, len);
		}
		for (size_t i = 0; i < 300; i++) {
			for (size_t k = 0; k < i * i % 2500; k++) {
				if (p[i][k] != (unsigned char)i)
					CHECK(!"overlap");
			}
		}
		CHECK_STR(arena_copy(&a, "hello", 4), "hell");
		CHECK_STR(arena_copy(&a, NULL, 0), "");
		CHECK_STR(arena_format(&a, "%s-%d", "x", 5), "x-5");
		CHECK_STR(arena_format(&a, "%s", ""), "");
		CHECK_EQ(strlen(arena_format(&a, "%5000d", 1)), 5000);
		arena_free(&a);
		CHECK(a.blocks == NULL);
	}
}

/* Exit code of a child that asks for the impossible. */
static int exit_code_of(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Under ASan: fail as malloc does, instead of ending the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static volatile size_t impossible = SIZE_MAX;

static void ask_arena(void)
{
	struct arena a = ARENA_INIT;

	arena_alloc(&a, impossible);
}

static void ask_arena_copy(void)
{
	struct arena a = ARENA_INIT;

	arena_copy(&a, "x", impossible);
}

static void ask_array(void)
{
	mem_array(impossible / 2, 4);
}

static void ask_resize(void)
{
	mem_resize(NULL, impossible / 2, 4);
}

static void out_of_memory_ends_the_program_with_71(void)
{
	CHECK_EQ(exit_code_of(ask_arena), 71);
	CHECK_EQ(exit_code_of(ask_arena_copy), 71);
	CHECK_EQ(exit_code_of(ask_array), 71);
	CHECK_EQ(exit_code_of(ask_resize), 71);
}

static void plain_memory_is_zeroed_and_copies_texts(void)
{
	char *t = mem_text("abc"), *z = mem_alloc(0);
	int *n = mem_array(10, sizeof *n);

	CHECK_STR(t, "abc");
	CHECK(mem_text(NULL) == NULL);
	CHECK(z != NULL);
	CHECK_EQ(n[9], 0);
	n = mem_resize(n, 20, sizeof *n);
	CHECK_EQ(n[9], 0);
	free(t);
	free(z);
	free(n);
}

static void a_manual_clock_stands_still(void)
{
	struct clock_manual m = {1700000000999, 5};
	struct clock c = clock_of_manual(&m);
	int64_t before = clock_real.mono_ms(clock_real.ctx);

	CHECK_EQ(c.wall_ms(c.ctx), 1700000000999);
	CHECK_EQ(clock_wall_s(&c), 1700000000);
	m.mono_ms += 10;
	CHECK_EQ(c.mono_ms(c.ctx), 15);
	CHECK(clock_real.mono_ms(clock_real.ctx) >= before);
	CHECK(clock_wall_s(&clock_real) > 1700000000);
}

static void utf8_is_strict(void)
{
	static const char *const good[] = {"",
					   "a",
					   "\x7f",
					   "\xc2\x80",
					   "\xdf\xbf",
					   "\xe0\xa0\x80",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xef\xbf\xbf",
					   "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\xaf",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xed\xbf\xbf",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "\xc2",
					  "\xc2"
					  "a",
					  "\xe2\x82",
					  "\xe2\x82"
					  "a",
					  "\xf0\x9f\x98",
					  "a\xe2\x28\xa1"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(utf8_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!utf8_is_valid(bad[i], strlen(bad[i])));
	CHECK(utf8_is_valid("a\0b", 3));
	CHECK(!utf8_is_valid("\xe2\x82\xac", 2)); /* the length counts, not what is behind */
	/* As many characters as Unicode has, no more. */
	int n = 0;
	for (unsigned c = 0; c < 0x110000; c++) {
		char s[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
			     (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
		n += utf8_char(s, 4) == 4;
	}
	CHECK_EQ(n, 0x110000 - 0x10000);
}

static void addresses_are_parsed_strictly(void)
{
	static const struct {
		const char *text, *back;
		bool loopback;
	} good[] = {
		{"127.0.0.1:8888", "127.0.0.1:8888", true},
		{"127.9.9.9:1", "127.9.9.9:1", true},
		{"0.0.0.0:443", "0.0.0.0:443", false},
		{"192.168.0.1:65535", "192.168.0.1:65535", false},
		{"[::1]:8888", "[::1]:8888", true},
		{"[::]:0", "[::]:0", false},
		{"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true},
		{"[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1", false},
		{"[fe80::1]:1", "[fe80::1]:1", false},
	};
	static const char *const bad[] = {"",
					  ":",
					  ":80",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "127.0.0.1:x",
					  "127.0.0.1:65536",
					  "127.0.0.1:-1",
					  "127.0.0.1:+1",
					  "127.0.0.1: 1",
					  "127.0.0.1:1 ",
					  "127.1:1",
					  "2130706433:1",
					  "0x7f000001:1",
					  "256.0.0.1:1",
					  "localhost:80",
					  "::1:80",
					  "[::1]",
					  "[::1]80",
					  "[::1:80",
					  "::1]:80",
					  "[127.0.0.1]:80",
					  "[]:80",
					  "*:80",
					  "127.0.0.1:000080",
					  "[::1]:",
					  "[:::1]:1"};
	struct listen_addr a;
	struct err err;
	char text[LISTEN_TEXT_CAP];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(listen_parse(&a, good[i].text, &err));
		CHECK_EQ(listen_is_loopback(&a), good[i].loopback);
		CHECK_STR(listen_format(&a, text), good[i].back);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		bool parsed = listen_parse(&a, bad[i], &err);

		if (parsed)
			fprintf(stderr, "%s\n", bad[i]);
		CHECK(!parsed);
		CHECK_EQ(err.code, ERR_CONFIG);
	}
}

static void a_port_is_opened_once(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct listen_addr a;
	struct err err;
	char text[64];
	int fd, again, conn;

	CHECK(listen_parse(&a, "127.0.0.1:0", &err));
	CHECK(listen_open(&fd, &a, &err));
	CHECK(listen_port(fd) > 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(accept(fd, NULL, NULL) < 0 && errno == EAGAIN);
	conn = socket(AF_INET, SOCK_STREAM, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)listen_port(fd));
	CHECK_EQ(connect(conn, (struct sockaddr *)&to, sizeof to), 0);
	close(conn);
	snprintf(text, sizeof text, "127.0.0.1:%d", listen_port(fd));
	CHECK(listen_parse(&a, text, &err));
	CHECK(!listen_open(&again, &a, &err));
	CHECK_EQ(err.code, ERR_UNAVAILABLE);
	CHECK_EQ(again, -1);
	close(fd);
	CHECK(listen_parse(&a, "192.0.2.1:1", &err)); /* documentation: no machine has it */
	CHECK(!listen_open(&fd, &a, &err));
	CHECK_EQ(err.code, ERR_CONFIG);
	CHECK_EQ(listen_port(STDIN_FILENO), 0);
}

/* The numbers of the suites that GnuTLS would offer under our policy. */
static int gnutls_suites(unsigned out[32])
{
	gnutls_priority_t p;
	const char *at = NULL;
	int n = 0;

	if (gnutls_priority_init(&p, tls_gnutls_priority(), &at) < 0) {
		fprintf(stderr, "refused at %s\n", at);
		CHECK(!"GnuTLS takes the policy");
		return 0;
	}
	for (unsigned i = 0, index; n < 32; i++) {
		int rc = gnutls_priority_get_cipher_suite_index(p, i, &index);
		unsigned char id[2];
		gnutls_protocol_t lowest;

		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (rc < 0 || !gnutls_cipher_suite_info(index, id, NULL, NULL, NULL, &lowest))
			continue;
		CHECK(lowest >= GNUTLS_TLS1_2);
		out[n++] = (unsigned)id[0] << 8 | id[1];
	}
	gnutls_priority_deinit(p);
	return n;
}

static int openssl_suites(unsigned out[32])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	STACK_OF(SSL_CIPHER) * list;
	char groups[64];
	int n = 0;

	snprintf(groups, sizeof groups, "%s", tls_openssl_groups()); /* the macro drops const */
	CHECK_EQ(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION), 1);
	CHECK_EQ(SSL_CTX_set_cipher_list(ctx, tls_openssl_ciphers()), 1);
	CHECK_EQ(SSL_CTX_set_ciphersuites(ctx, tls_openssl_ciphersuites()), 1);
	CHECK_EQ(SSL_CTX_set1_groups_list(ctx, groups), 1);
	list = SSL_CTX_get_ciphers(ctx);
	for (; n < sk_SSL_CIPHER_num(list) && n < 32; n++)
		out[n] = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(list, n));
	SSL_CTX_free(ctx);
	return n;
}

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void both_tls_libraries_speak_the_same_suites(void)
{
	unsigned ours[32], theirs[32];
	int n = gnutls_suites(ours), m = openssl_suites(theirs);

	CHECK_EQ(n, 9); /* three of TLS 1.3, six of 1.2 */
	CHECK_EQ(m, 9);
	qsort(ours, (size_t)n, sizeof *ours, compare);
	qsort(theirs, (size_t)m, sizeof *theirs, compare);
	for (int i = 0; i < n && i < m; i++)
		CHECK_EQ(ours[i], theirs[i]);
}

/* The bus leaves TLS 1.3 to OpenSSL's own list: it must be ours. */
static void openssl_has_our_suites_of_tls_13_by_itself(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	STACK_OF(SSL_CIPHER) * list;
	char names[256] = "";

	SSL_CTX_set_cipher_list(ctx, tls_openssl_ciphers());
	list = SSL_CTX_get_ciphers(ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i));

		if (strncmp(name, "TLS_", 4) == 0)
			snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
				 *names ? ":" : "", name);
	}
	CHECK_STR(names, tls_openssl_ciphersuites());
	SSL_CTX_free(ctx);
}

int main(void)
{
	RUN(every_error_has_its_row);
	RUN(error_texts_are_cut_between_characters);
	RUN(an_arena_gives_zeroed_aligned_separate_memory);
	RUN(out_of_memory_ends_the_program_with_71);
	RUN(plain_memory_is_zeroed_and_copies_texts);
	RUN(a_manual_clock_stands_still);
	RUN(utf8_is_strict);
	RUN(addresses_are_parsed_strictly);
	RUN(a_port_is_opened_once);
	RUN(both_tls_libraries_speak_the_same_suites);
	RUN(openssl_has_our_suites_of_tls_13_by_itself);
	return END();
}
