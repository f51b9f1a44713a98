#define _GNU_SOURCE
#include "c2/store/tests/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_STEP_MS 20

bool child_init(struct child *c, const char *name, const char *user, int end_signo)
{
	const struct passwd *who = getpwnam(user);
	const char *parent = getenv("TMPDIR");
	*c = (struct child){.user = user, .end_signo = end_signo};
	snprintf(c->folder, sizeof c->folder, "%s/%s-XXXXXX", parent ? parent : "/tmp", name);
	if (!mkdtemp(c->folder)) {
		c->folder[0] = 0;
		return false;
	}
	return geteuid() != 0 || !who || chown(c->folder, who->pw_uid, who->pw_gid) == 0;
}

char *child_arg(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void drop_root(const char *user)
{
	const struct passwd *who = getpwnam(user);
	if (geteuid() != 0 || !who)
		return;
	if (setgroups(0, 0) != 0 || setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0)
		_exit(126);
}

static int spawn(const struct child *c, char *const argv[])
{
	char log_path[96];
	snprintf(log_path, sizeof log_path, "%s/log", c->folder);
	int pid = fork();
	if (pid)
		return pid;
	drop_root(c->user);
	prctl(PR_SET_PDEATHSIG, c->end_signo);
	int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(log_fd, 1);
	dup2(log_fd, 2);
	if (chdir(c->folder) == 0)
		execv(argv[0], argv);
	_exit(127);
}

bool child_run(const struct child *c, char *const argv[])
{
	int status = 1, pid = spawn(c, argv);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		return true;
	fprintf(stderr, "%s fails: see %s/log\n", argv[0], c->folder);
	return false;
}

bool child_start(struct child *c, char *const argv[], int seconds, bool (*answers)(const void *ctx),
		 const void *ctx)
{
	c->pid = spawn(c, argv);
	for (int i = 0; i < seconds * 1000 / START_STEP_MS; i++) {
		if (answers(ctx))
			return true;
		if (waitpid(c->pid, 0, WNOHANG) != 0)
			break;
		poll(0, 0, START_STEP_MS);
	}
	fprintf(stderr, "%s does not start: see %s/log\n", argv[0], c->folder);
	c->pid = 0;
	return false;
}

void child_kill(struct child *c, int signo)
{
	if (c->pid > 0 && kill(c->pid, signo) == 0)
		waitpid(c->pid, 0, 0);
	c->pid = 0;
}

void child_remove(struct child *c)
{
	char command[128];
	child_kill(c, c->end_signo);
	snprintf(command, sizeof command, "rm -rf %s", c->folder);
	if (c->folder[0] && system(command) != 0)
		fprintf(stderr, "%s is left behind\n", c->folder);
}
