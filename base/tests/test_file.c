#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

static char dir[] = "/tmp/e4-file-XXXXXX";

static const char *in(const char *name)
{
	static char paths[4][64];
	static int n;
	char *path = paths[n++ % 4];

	snprintf(path, 64, "%s/%s", dir, name);
	return path;
}

static int n_files(void)
{
	DIR *d = opendir(dir);
	int n = -2;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void what_is_written_is_read(void)
{
	static const uint8_t bytes[] = {0, 1, 0xff, '\n', 0};
	uint8_t got[8];
	size_t len;
	struct err err;

	umask(077); /* the mode asked for holds whatever the umask */
	CHECK(file_write(in("a"), bytes, sizeof bytes, 0644, false, &err));
	CHECK_EQ(mode_of(in("a")), 0644);
	CHECK(file_read(in("a"), got, sizeof got, &len, &err));
	CHECK_EQ(len, sizeof bytes);
	CHECK_MEM(got, bytes, sizeof bytes);
	CHECK(file_read(in("a"), got, sizeof bytes, &len, &err)); /* just fits */
	CHECK(file_write(in("a"), NULL, 0, 0600, true, &err));
	CHECK_EQ(mode_of(in("a")), 0600);
	CHECK(file_read(in("a"), got, sizeof got, &len, &err));
	CHECK_EQ(len, 0);
	CHECK_EQ(n_files(), 1);
	unlink(in("a"));
}

static void a_file_that_is_there_is_replaced_only_on_demand(void)
{
	uint8_t got[8];
	size_t len;
	struct err err;

	CHECK(file_write(in("a"), "old", 3, 0600, false, &err));
	CHECK(!file_write(in("a"), "new", 3, 0600, false, &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	CHECK(file_read(in("a"), got, sizeof got, &len, &err));
	CHECK_MEM(got, "old", 3);
	CHECK(file_write(in("a"), "new", 3, 0600, true, &err));
	CHECK(file_read(in("a"), got, sizeof got, &len, &err));
	CHECK_MEM(got, "new", 3);
	unlink(in("a"));
	/* A link that leads nowhere is there as well. */
	CHECK_EQ(symlink(in("nowhere"), in("link")), 0);
	CHECK(!file_write(in("link"), "x", 1, 0600, false, &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	CHECK_EQ(access(in("nowhere"), F_OK), -1);
	unlink(in("link"));
	CHECK_EQ(n_files(), 0);
}

static void a_link_is_replaced_and_not_followed(void)
{
	uint8_t got[8];
	size_t len;
	struct err err;

	CHECK(file_write(in("victim"), "keep", 4, 0600, false, &err));
	CHECK_EQ(symlink(in("victim"), in("link")), 0);
	CHECK(file_write(in("link"), "mine", 4, 0600, true, &err));
	CHECK(file_read(in("victim"), got, sizeof got, &len, &err));
	CHECK_MEM(got, "keep", 4);
	CHECK(file_read(in("link"), got, sizeof got, &len, &err));
	CHECK_MEM(got, "mine", 4);
	unlink(in("victim"));
	unlink(in("link"));
}

static void what_is_no_file_is_never_replaced(void)
{
	struct err err;

	CHECK_EQ(mkdir(in("d"), 0700), 0);
	CHECK_EQ(mkfifo(in("p"), 0600), 0);
	CHECK(!file_write(in("d"), "x", 1, 0600, true, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!file_write(in("p"), "x", 1, 0600, true, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!file_write("/dev/full", "x", 1, 0600, true, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!file_write(in("no/folder"), "x", 1, 0600, false, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	CHECK_EQ(rmdir(in("d")), 0);
	unlink(in("p"));
	CHECK_EQ(n_files(), 0);
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_leaves_the_old_file_and_no_rest(void)
{
	struct rlimit old, few = {10, RLIM_INFINITY};
	uint8_t got[32], large[32] = {7};
	size_t len;
	struct err err;

	CHECK(file_write(in("a"), "old", 3, 0600, false, &err));
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &few), 0);
	bool replaced = file_write(in("a"), large, sizeof large, 0600, true, &err);
	bool created = file_write(in("b"), large, sizeof large, 0600, false, NULL);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK(!replaced && !created);
	CHECK_EQ(err.code, ERR_STORE);
	CHECK(file_read(in("a"), got, sizeof got, &len, &err));
	CHECK_EQ(len, 3);
	CHECK_MEM(got, "old", 3);
	CHECK_EQ(n_files(), 1);
	unlink(in("a"));
}

static void reading_tells_what_is_wrong_and_leaves_nothing(void)
{
	static const uint8_t zero[8];
	uint8_t got[8];
	size_t len;
	struct err err;

	CHECK(file_write(in("a"), "123456789", 9, 0600, false, &err));
	memset(got, 1, sizeof got);
	CHECK(!file_read(in("a"), got, sizeof got, &len, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK_EQ(len, 0);
	CHECK_MEM(got, zero, sizeof got);
	CHECK(!file_read(in("none"), got, sizeof got, &len, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	CHECK(!file_read(dir, got, sizeof got, &len, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!file_read(in("none"), got, sizeof got, &len, NULL));
	unlink(in("a"));
}

static void a_secret_that_others_can_touch_is_refused(void)
{
	static const unsigned bad[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666, 0440, 04604};
	static const unsigned good[] = {0600, 0400, 0700};
	uint8_t got[8];
	size_t len;
	struct err err;

	CHECK(file_write(in("k"), "secret", 6, 0600, false, &err));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_EQ(chmod(in("k"), bad[i]), 0);
		CHECK(!file_read_secret(in("k"), got, sizeof got, &len, &err));
		CHECK_EQ(err.code, ERR_FORBIDDEN);
		CHECK(strstr(err.text, "chmod 600") && !strstr(err.text, "secret"));
	}
	/* The link's own mode is 0777; the file's counts. */
	CHECK_EQ(symlink(in("k"), in("link")), 0);
	CHECK(!file_read_secret(in("link"), got, sizeof got, &len, &err));
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK_EQ(chmod(in("k"), good[i]), 0);
		CHECK(file_read_secret(in("k"), got, sizeof got, &len, &err));
		CHECK(file_read_secret(in("link"), got, sizeof got, &len, &err));
		CHECK_EQ(len, 6);
	}
	unlink(in("link"));
	unlink(in("k"));
}

static const char *line_of(const void *bytes, size_t n, char *out, size_t cap)
{
	static struct err err;

	CHECK(file_write(in("l"), bytes, n, 0600, true, &err));
	memset(out, 'x', cap);
	return file_read_line(in("l"), out, cap, &err) ? out : err.text;
}

static void the_first_line_is_taken_without_its_end(void)
{
	char out[8], large[FILE_LINE_CAP + 1];

	CHECK_STR(line_of("pass", 4, out, sizeof out), "pass");
	CHECK_STR(line_of("pass\n", 5, out, sizeof out), "pass");
	CHECK_STR(line_of("pass\r\n", 6, out, sizeof out), "pass");
	CHECK_STR(line_of("pa ss \nmore\n", 12, out, sizeof out), "pa ss ");
	CHECK_STR(line_of("1234567\n", 8, out, sizeof out), "1234567");
	CHECK(strstr(line_of("12345678\n", 9, out, sizeof out), "longer than 7") != NULL);
	CHECK_EQ(out[0], 0);
	CHECK(strstr(line_of("", 0, out, sizeof out), "empty") != NULL);
	CHECK(strstr(line_of("\nsecond\n", 8, out, sizeof out), "empty") != NULL);
	CHECK(strstr(line_of("\r\n", 2, out, sizeof out), "empty") != NULL);
	CHECK(strstr(line_of("a\0b\n", 4, out, sizeof out), "zero byte") != NULL);
	memset(large, 'a', sizeof large);
	CHECK(strstr(line_of(large, sizeof large, out, sizeof out), "larger") != NULL);
	CHECK_EQ(chmod(in("l"), 0644), 0);
	CHECK(!file_read_line(in("l"), out, sizeof out, NULL));
	unlink(in("l"));
}

static void a_dash_is_standard_input(void)
{
	int p[2], kept = dup(STDIN_FILENO);
	char out[16];
	struct err err;

	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(write(p[1], "from a pipe\n", 12), 12);
	close(p[1]);
	dup2(p[0], STDIN_FILENO);
	close(p[0]);
	CHECK(file_read_line("-", out, sizeof out, &err));
	CHECK_STR(out, "from a pipe");
	dup2(kept, STDIN_FILENO);
	close(kept);
}

static void a_hardened_process_leaves_no_core(void)
{
	struct rlimit core;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		file_harden_process();
		getrlimit(RLIMIT_CORE, &core);
		_exit(prctl(PR_GET_DUMPABLE) == 0 && core.rlim_cur == 0 ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	CHECK(mkdtemp(dir) != NULL);
	RUN(what_is_written_is_read);
	RUN(a_file_that_is_there_is_replaced_only_on_demand);
	RUN(a_link_is_replaced_and_not_followed);
	RUN(what_is_no_file_is_never_replaced);
	RUN(a_full_disk_leaves_the_old_file_and_no_rest);
	RUN(reading_tells_what_is_wrong_and_leaves_nothing);
	RUN(a_secret_that_others_can_touch_is_refused);
	RUN(the_first_line_is_taken_without_its_end);
	RUN(a_dash_is_standard_input);
	RUN(a_hardened_process_leaves_no_core);
	rmdir(dir);
	return END();
}
