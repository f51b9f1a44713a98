/* The parsers of the command lines, without any server. */
#include <string.h>

#include "c2.pb-c.h"
#include "cli/client_opts.h"
#include "cli/command.h"
#include "cli/rpc.h"
#include "cli/term.h"
#include "tests/check.h"

enum { MAX = 16 };

/* Parse a line as c2cli would; returns the error's code, and its text in why. */
static struct c2cli_args args;
static struct command cmd;
static char why[256];
static char line_copy[256];

static enum err_code parse(const char *line)
{
	char *words[MAX];
	struct err err = {ERR_OK, ""};
	size_t n;

	snprintf(line_copy, sizeof line_copy, "%s", line);
	memset(&args, 0, sizeof args);
	if (term_split(line_copy, words, MAX, &n, &err))
		command_parse(&cmd, &args, n, words, &err);
	memcpy(why, err.text, sizeof why);
	return err.code;
}

static void test_words_choose_the_method(void)
{
	CHECK_EQ(parse("client list"), ERR_OK);
	CHECK(cmd.row == &api_methods[API_C2_GET_CLIENTS]);
	CHECK_EQ(parse("new-c2key --force"), ERR_OK);
	CHECK(cmd.row == &api_methods[API_C2_NEW_C2_KEY]);
	CHECK_EQ(parse(""), ERR_OK);
	CHECK(!cmd.row);
}

static void test_flags_choose_among_equal_words(void)
{
	static const struct {
		const char *line;
		int method;
	} cases[] = {
		{"count --clients", API_C2_COUNT_CLIENTS},
		{"count --topics", API_C2_COUNT_TOPICS},
		{"count --clients --topic a/b", API_C2_COUNT_CLIENTS_FOR_TOPIC},
		{"count --topic a/b --clients", API_C2_COUNT_CLIENTS_FOR_TOPIC},
		{"count --topics --client c", API_C2_COUNT_TOPICS_FOR_CLIENT},
		{"status --topic t --wait", API_C2_GET_TOPIC_STATUS},
		{"status --client=c", API_C2_GET_CLIENT_STATUS},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CHECK_EQ(parse(cases[i].line), ERR_OK);
		CHECK(cmd.row == &api_methods[cases[i].method]);
	}
}

static void test_options_of_all_commands_stand_anywhere(void)
{
	CHECK_EQ(parse("-e h:1 client -o json create --cert ca.pem --name n --key k"), ERR_OK);
	CHECK_STR(args.endpoint, "h:1");
	CHECK_STR(args.output, "json");
	CHECK_STR(args.cert, "ca.pem");
	CHECK_STR(command_get(&cmd, "name")->text, "n");
	CHECK_STR(command_get(&cmd, "key")->text, "k");
	CHECK_EQ(parse("-endpoint=h:2 health"), ERR_OK);
	CHECK_STR(args.endpoint, "h:2");
}

static void test_a_value_may_look_like_anything(void)
{
	CHECK_EQ(parse("attach --client --topic --topic ''"), ERR_OK);
	CHECK_STR(command_get(&cmd, "client")->text, "--topic");
	CHECK_STR(command_get(&cmd, "topic")->text, "");
	CHECK_EQ(parse("topic create --name=a=b"), ERR_OK);
	CHECK_STR(command_get(&cmd, "name")->text, "a=b");
	CHECK_EQ(parse("client create --name 'two words' --key -"), ERR_OK);
	CHECK_STR(command_get(&cmd, "name")->text, "two words");
}

static void test_bad_lines_are_refused_with_what_to_do(void)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"foo", "no command \"foo\""},
		{"client", "what about client"},
		{"client foo", "no command \"client foo\""},
		{"client list foo", "unexpected word \"foo\""},
		{"client list --foo", "unknown option --foo"},
		{"--foo", "unknown option --foo"},
		{"client create --key k", "--name is missing"},
		{"client create --name n", "exactly one of --key and --password"},
		{"client create --name n --key k --password p", "exactly one of"},
		{"client create --name n --key k --password-compat", "goes with --password"},
		{"client create --name n --name m --key k", "twice"},
		{"client create --name", "needs a value"},
		{"count", "missing that says which"},
		{"count --topic t", "--clients is missing"},
		{"count --clients --client c", "do not go together"},
		{"new-c2key", "--force is missing"},
		{"new-c2key --force=perhaps", "true or false"},
		{"protect-message --topic t", "--message is missing"},
		{"protect-message --topic t --message aGk= --message-file f", "not both"},
		{"health --timeout 0", "from 1 to"},
		{"health --timeout 1x", "from 1 to"},
		{"health -o xml", "table|json"},
		{"health -o t", "table|json"},
		{"health -e a -e b", "twice"},
		{"client list 'open", "quote"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CHECK_EQ(parse(cases[i].line), ERR_INVALID);
		check_result(strstr(why, cases[i].says) != NULL, __FILE__, __LINE__, why);
	}
}

static void test_a_message_may_come_from_a_file(void)
{
	CHECK_EQ(parse("protect-message --topic t --message-file -"), ERR_OK);
	CHECK(cmd.row == &api_methods[API_C2_PROTECT_MESSAGE]);
	CHECK_EQ(command_get(&cmd, "message-file")->flag.role, FLAG_FROM_FILE);
}

static void test_every_method_can_be_reached(void)
{
	for (size_t m = 0; m < API_N_METHODS; m++) {
		char line[200];
		size_t len;
		const struct api_command *c = &api_methods[m].cli;
		bool one = false;

		if (!c->words)
			continue; /* c2cli calls it where it needs it */
		len = (size_t)snprintf(line, sizeof line, "%s", c->words);
		for (size_t i = 0; i < c->n_flags; i++) {
			const struct api_flag *f = &c->flags[i];
			bool bare = f->kind == API_FLAG_BOOL || f->kind == API_FLAG_SELECT;

			if (!f->required && (!f->one_of || one))
				continue;
			one = one || f->one_of;
			len += (size_t)snprintf(line + len, sizeof line - len, " --%s%s", f->name,
						bare ? "" : " 1");
		}
		CHECK_EQ(parse(line), ERR_OK);
		CHECK(cmd.row == &api_methods[m]);
	}
}

struct found {
	char text[2048];
};

static void collect(void *ctx, const char *candidate)
{
	struct found *f = ctx;
	size_t len = strlen(f->text);

	snprintf(f->text + len, sizeof f->text - len, "%s ", candidate);
}

static const char *complete(size_t n, const char *const *words)
{
	static struct found f;

	f.text[0] = 0;
	command_complete(n, words, collect, &f);
	return f.text;
}

static void test_completion_knows_words_flags_and_values(void)
{
	CHECK_STR(complete(1, (const char *const[]){"at"}), "attach ");
	CHECK_STR(complete(2, (const char *const[]){"topic", "list-"}), "list-clients ");
	CHECK_STR(complete(2, (const char *const[]){"attach", "--t"}),
		  "--topic --token-file --timeout ");
	CHECK_STR(complete(3, (const char *const[]){"-o", "json", "deta"}), "detach ");
	CHECK_STR(complete(2, (const char *const[]){"-o", ""}), "table json ");
	CHECK_STR(complete(4, (const char *const[]){"client", "create", "--key", "x"}), ":file ");
	CHECK_STR(complete(3, (const char *const[]){"attach", "--topic", "x"}), "");
	CHECK_STR(complete(4, (const char *const[]){"client", "set", "--type", "p"}), "producer ");
	CHECK_STR(complete(4, (const char *const[]){"rule", "add-target", "--type", "t"}),
		  "topic topic-pattern tag ");
	CHECK_STR(complete(4, (const char *const[]){"rule", "create", "--action", ""}),
		  "rotation detach notify ");
	CHECK_STR(complete(2, (const char *const[]){"help", "coun"}), "count ");
	CHECK(!strstr(complete(1, (const char *const[]){""}), "__"));
}

static void test_lines_split_like_a_shell_would(void)
{
	char line[] = "a  'b c' \"d \\\" e\" f\\ g ''\n";
	char *words[MAX];
	struct err err;
	size_t n;

	CHECK(term_split(line, words, MAX, &n, &err));
	CHECK_EQ(n, 5);
	CHECK_STR(words[1], "b c");
	CHECK_STR(words[2], "d \" e");
	CHECK_STR(words[3], "f g");
	CHECK_STR(words[4], "");
	char many[] = "a b c d";

	CHECK(!term_split(many, words, 3, &n, &err));
}

static void test_hostile_text_cannot_drive_the_terminal(void)
{
	char out[64];

	term_escape(out, sizeof out, "a\x1b[2Jb", 6);
	CHECK_STR(out, "a\\x1b[2Jb");
	term_escape(out, sizeof out,
		    "\xc2\x9b"
		    "1m",
		    4); /* C1 control */
	CHECK_STR(out, "\\xc2\\x9b1m");
	term_escape(out, sizeof out, "\xe2\x80\xae", 3); /* right-to-left override */
	CHECK_STR(out, "\\xe2\\x80\\xae");
	term_escape(out, sizeof out, "\xc3\xbc\xff\n", 4);
	CHECK_STR(out, "\xc3\xbc\\xff\\x0a");
	CHECK(term_is_plain("gr\xc3\xbc\xc3\x9f", 6));
	CHECK(!term_is_plain("a\0b", 3));
}

struct frames_seen {
	size_t n, bytes;
};

static bool on_frame(void *ctx, const uint8_t *bytes, size_t len, struct err *err)
{
	struct frames_seen *seen = ctx;

	(void)bytes, (void)err;
	seen->n++;
	seen->bytes += len;
	return true;
}

static void test_frames_are_cut_at_every_split(void)
{
	static const uint8_t stream[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 0,  0,
					 0, 0, 0, 0, 0, 0,   0,   1,   'd'};

	for (size_t split = 0; split <= sizeof stream; split++) {
		struct frames_seen seen = {0, 0};
		struct rpc_frames f = {.on_frame = on_frame, .ctx = &seen};
		struct err err;

		CHECK(rpc_frames_feed(&f, stream, split, &err));
		CHECK(rpc_frames_feed(&f, stream + split, sizeof stream - split, &err));
		CHECK_EQ(seen.n, 3);
		CHECK_EQ(seen.bytes, 4);
		CHECK(rpc_frames_done(&f));
		rpc_frames_free(&f);
	}
}

static void test_bad_frames_are_refused(void)
{
	static const uint8_t compressed[] = {1, 0, 0, 0, 1, 'x'};
	static const uint8_t huge[] = {0, 0xff, 0xff, 0xff, 0xff};
	struct frames_seen seen = {0, 0};
	struct rpc_frames f = {.on_frame = on_frame, .ctx = &seen};
	struct err err;

	CHECK(!rpc_frames_feed(&f, compressed, sizeof compressed, &err));
	rpc_frames_free(&f);
	f = (struct rpc_frames){.on_frame = on_frame, .ctx = &seen};
	CHECK(!rpc_frames_feed(&f, huge, sizeof huge, &err));
	rpc_frames_free(&f);
	f = (struct rpc_frames){.on_frame = on_frame, .ctx = &seen};
	CHECK(rpc_frames_feed(&f, compressed + 1, 3, &err));
	CHECK(!rpc_frames_done(&f));
	rpc_frames_free(&f);
	CHECK_EQ(seen.n, 0);
}

static void decode(char *out, size_t cap, const char *text)
{
	rpc_message_decode(out, cap, text, strlen(text));
}

static void test_status_messages_are_decoded(void)
{
	char out[16];

	decode(out, sizeof out, "no%20such%C3%BC");
	CHECK_STR(out, "no such\xc3\xbc");
	decode(out, sizeof out, "100%");
	CHECK_STR(out, "100%");
	decode(out, sizeof out, "%4");
	CHECK_STR(out, "%4");
	decode(out, sizeof out, "a%00b");
	CHECK_STR(out, "a?b");
	decode(out, 4, "abcdefgh");
	CHECK_STR(out, "abc");
}

static void test_tokens_go_in_clear_only_to_this_machine(void)
{
	static const char *const here[] = {"127.0.0.1:5555", "localhost", "http://LOCALHOST:1",
					   "[::1]:5555", "127.1.2.3:1"};
	static const char *const elsewhere[] = {"127.0.0.1.evil.org:1",
						"localhost.evil.org:1",
						"10.0.0.1:5555",
						"c2:5555",
						"[::1].evil:1",
						"127.evil.org",
						"",
						"http://x/127.0.0.1",
						"127.0.0.1@evil.org:1",
						"localhost@evil.org"};

	for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
		CHECK(rpc_is_loopback(here[i]));
	for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
		CHECK(!rpc_is_loopback(elsewhere[i]));
}

static void test_an_optional_value_is_not_taken_from_the_next_option(void)
{
	char without[] = "e4client -password -name n";
	char with[] = "e4client --password f -run a -run b";
	struct client_args a = {.name = NULL};
	char *words[MAX];
	struct err err;
	size_t n;

	CHECK(term_split(without, words, MAX, &n, &err));
	CHECK(opts_parse(&client_opts, &a, (int)n, words, &err));
	CHECK(a.password.given && !a.password.value);
	CHECK_STR(a.name, "n");
	memset(&a, 0, sizeof a);
	CHECK(term_split(with, words, MAX, &n, &err));
	CHECK(opts_parse(&client_opts, &a, (int)n, words, &err));
	CHECK_STR(a.password.value, "f");
	CHECK_EQ(a.run.n, 2);
}

int main(void)
{
	RUN(test_words_choose_the_method);
	RUN(test_flags_choose_among_equal_words);
	RUN(test_options_of_all_commands_stand_anywhere);
	RUN(test_a_value_may_look_like_anything);
	RUN(test_bad_lines_are_refused_with_what_to_do);
	RUN(test_a_message_may_come_from_a_file);
	RUN(test_every_method_can_be_reached);
	RUN(test_completion_knows_words_flags_and_values);
	RUN(test_lines_split_like_a_shell_would);
	RUN(test_hostile_text_cannot_drive_the_terminal);
	RUN(test_frames_are_cut_at_every_split);
	RUN(test_bad_frames_are_refused);
	RUN(test_status_messages_are_decoded);
	RUN(test_tokens_go_in_clear_only_to_this_machine);
	RUN(test_an_optional_value_is_not_taken_from_the_next_option);
	return END();
}
