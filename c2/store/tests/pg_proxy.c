#define _GNU_SOURCE
#include "c2/store/tests/pg_proxy.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int socket_at(const char *folder, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A folder is short; the compiler wants to be told. */
	snprintf(at->sun_path, sizeof at->sun_path, "%.80s/.s.PGSQL.5432", folder);
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

static void serve(struct pg_proxy *p, int ours, int theirs)
{
	struct pollfd fds[2] = {{.fd = ours, .events = POLLIN}, {.fd = theirs, .events = POLLIN}};
	bool open = true;
	while (open && poll(fds, 2, -1) > 0) {
		bool cut_request = *p->cut == PG_PROXY_CUT_REQUEST;
		bool cut_answer = *p->cut == PG_PROXY_CUT_ANSWER;
		if (fds[0].revents)
			open = pass(ours, theirs, cut_request);
		else if (fds[1].revents)
			open = pass(theirs, ours, cut_answer);
		if (!open)
			*p->cut = PG_PROXY_PASS;
	}
	close(ours);
	close(theirs);
}

static void run(struct pg_proxy *p, int listener, const struct pg_server *server)
{
	struct sockaddr_un at;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int ours = accept(listener, 0, 0);
		int theirs = socket_at(server->folder, &at);
		if (ours < 0 || connect(theirs, (struct sockaddr *)&at, sizeof at) != 0)
			_exit(1);
		serve(p, ours, theirs);
	}
}

bool pg_proxy_start(struct pg_proxy *p, const struct pg_server *server)
{
	struct sockaddr_un at;
	snprintf(p->folder, sizeof p->folder, "%s/proxy", server->folder);
	snprintf(p->url, sizeof p->url, "postgres://postgres@/postgres?host=%s", p->folder);
	p->cut = mmap(0, sizeof *p->cut, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mkdir(p->folder, 0755);
	int listener = socket_at(p->folder, &at);
	unlink(at.sun_path);
	if (p->cut == MAP_FAILED || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(listener, 4) != 0)
		return false;
	p->pid = fork();
	if (p->pid == 0)
		run(p, listener, server);
	close(listener);
	return p->pid > 0;
}

void pg_proxy_cut(struct pg_proxy *p, enum pg_proxy_cut cut)
{
	*p->cut = (int)cut;
}

void pg_proxy_stop(struct pg_proxy *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, 0, 0);
	munmap((void *)(uintptr_t)p->cut, sizeof *p->cut);
}
