#define _GNU_SOURCE
#include "c2/store/tests/cut_proxy.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int socket_at(const char *path, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A path is short; the compiler wants to be told. */
	snprintf(at->sun_path, sizeof at->sun_path, "%.100s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* One read's worth; false: this connection is over. */
static bool pass(int from, int to, bool cut)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof bytes);
	for (ssize_t sent = 0; n > 0 && !cut && sent < n;) {
		ssize_t m = write(to, bytes + sent, (size_t)(n - sent));
		if (m <= 0)
			return false;
		sent += m;
	}
	return n > 0 && !cut;
}

/* Is this one to be cut, of those that go this way? */
static bool is_cut(struct cut_proxy *p, enum cut_proxy_cut way)
{
	return p->cut[0] == (int)way && p->cut[1]-- <= 0;
}

static void serve(struct cut_proxy *p, int ours, int theirs)
{
	struct pollfd fds[2] = {{.fd = ours, .events = POLLIN}, {.fd = theirs, .events = POLLIN}};
	bool open = true;
	while (open && poll(fds, 2, -1) > 0) {
		if (fds[0].revents)
			open = pass(ours, theirs, is_cut(p, CUT_PROXY_CUT_REQUEST));
		else if (fds[1].revents)
			open = pass(theirs, ours, is_cut(p, CUT_PROXY_CUT_ANSWER));
		if (!open)
			p->cut[0] = CUT_PROXY_PASS;
	}
	close(ours);
	close(theirs);
}

static void run(struct cut_proxy *p, int listener, const char *to)
{
	struct sockaddr_un at;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int ours = accept(listener, 0, 0);
		int theirs = socket_at(to, &at);
		if (ours < 0 || connect(theirs, (struct sockaddr *)&at, sizeof at) != 0)
			_exit(1);
		serve(p, ours, theirs);
	}
}

bool cut_proxy_start(struct cut_proxy *p, const char *path, const char *to)
{
	struct sockaddr_un at;
	p->cut = mmap(0, 2 * sizeof *p->cut, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	int listener = socket_at(path, &at);
	unlink(at.sun_path);
	if (p->cut == MAP_FAILED || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(listener, 4) != 0)
		return false;
	p->pid = fork();
	if (p->pid == 0)
		run(p, listener, to);
	close(listener);
	return p->pid > 0;
}

void cut_proxy_cut(struct cut_proxy *p, enum cut_proxy_cut cut, int pass_before)
{
	p->cut[1] = pass_before;
	p->cut[0] = (int)cut;
}

void cut_proxy_stop(struct cut_proxy *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, 0, 0);
	munmap((void *)(uintptr_t)p->cut, 2 * sizeof *p->cut);
}
