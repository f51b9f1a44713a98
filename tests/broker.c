#define _GNU_SOURCE
#include "tests/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_CAP = 128 };

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "broker: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof command, fmt, args);
	va_end(args);
	if (system(command) != 0)
		give_up(command);
}

int broker_free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		give_up("no free port");
	close(fd);
	return ntohs(a.sin_port);
}

void broker_init(struct broker *b)
{
	memset(b, 0, sizeof *b);
	strcpy(b->dir, "/tmp/e4-broker-XXXXXX");
	if (!mkdtemp(b->dir))
		give_up("mkdtemp");
	b->port = broker_free_port();
}

static void write_config(const struct broker *b)
{
	char path[PATH_CAP];
	const char *at = b->extra, *next;
	FILE *f;

	snprintf(path, sizeof path, "%s/mosquitto.conf", b->dir);
	f = fopen(path, "w");
	if (!f)
		give_up(path);
	fprintf(f,
		"listener %d 127.0.0.1\nlog_dest stderr\nlog_type information\n"
		"connection_messages false\nset_tcp_nodelay true\n",
		b->port);
	if (geteuid() == 0)
		fputs("user root\n", f); /* else it cannot read the folder */
	for (; (next = strstr(at, "%DIR")); at = next + 4)
		fprintf(f, "%.*s%s", (int)(next - at), at, b->dir);
	fputs(at, f);
	if (fclose(f) != 0)
		give_up(path);
}

static _Noreturn void be_broker(const struct broker *b, int log)
{
	char path[PATH_CAP];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, STDERR_FILENO);
	snprintf(path, sizeof path, "%s/mosquitto.conf", b->dir);
	execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
	_exit(127);
}

/* It says "running" once it listens; a broker that ends closes the pipe. */
static bool wait_running(int log)
{
	char text[4096];
	size_t n = 0;

	for (;;) {
		ssize_t r = read(log, text + n, sizeof text - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		n += (size_t)r;
		text[n] = 0;
		if (strstr(text, " running"))
			return true;
	}
	text[n] = 0;
	fprintf(stderr, "mosquitto: %s", text);
	return false;
}

void broker_restart(struct broker *b)
{
	int log[2];
	bool ok;

	write_config(b);
	if (pipe2(log, O_CLOEXEC) < 0)
		give_up("pipe");
	b->pid = fork();
	if (b->pid < 0)
		give_up("fork");
	if (b->pid == 0)
		be_broker(b, log[1]);
	close(log[1]);
	ok = wait_running(log[0]);
	close(log[0]); /* mosquitto ignores that nobody reads on */
	if (!ok)
		give_up("mosquitto did not start");
}

void broker_start(struct broker *b, const char *extra)
{
	free(b->extra);
	b->extra = strdup(extra ? extra : "allow_anonymous true\n");
	broker_restart(b);
}

void broker_kill(struct broker *b)
{
	if (b->pid <= 0)
		return;
	kill(b->pid, SIGKILL);
	while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
		;
	b->pid = 0;
}

void broker_stop(struct broker *b)
{
	broker_kill(b);
	run("rm -rf '%s'", b->dir);
	free(b->extra);
	b->extra = NULL;
}

static void make_ca(const char *dir, const char *name)
{
	run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
	    "-subj '/CN=E4 test %s' -keyout '%s/%s.key' -out '%s/%s.pem' 2>/dev/null",
	    name, dir, name, dir, name);
}

static void make_cert(const char *dir, const char *name, const char *san)
{
	run("cd '%s' && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	    "-subj '/CN=%s' -keyout %s.key -out %s.csr 2>/dev/null && "
	    "printf 'subjectAltName=%s\\n' >%s.ext && "
	    "openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
	    "-extfile %s.ext -out %s.pem 2>/dev/null && chmod 600 %s.key",
	    dir, name, name, name, san, name, name, name, name, name);
}

void broker_make_certs(const char *dir)
{
	make_ca(dir, "ca");
	make_ca(dir, "ca2");
	make_cert(dir, "server", "DNS:localhost,IP:127.0.0.1");
	make_cert(dir, "other", "DNS:other.example");
	make_cert(dir, "client", "DNS:client.example");
}
