/*
 * A receiver of webhooks in the loop of the test: keeps the last request, and
 * answers it with what the test has set, one connection at a time.
 */
#ifndef ENGINE_TESTS_RECEIVER_H
#define ENGINE_TESTS_RECEIVER_H

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "tests/check.h"

#define TAKEN "HTTP/1.1 204 No Content\r\n\r\n"

static struct receiver {
	struct loop *loop;
	int fd, conn, port, n_conns;
	struct loop_fd *watch, *conn_watch;
	char got[8192];
	size_t len;
	const char *answer;
	bool endless; /* noise follows the answer */
} rx;

static void receiver_hang_up(void)
{
	if (!rx.conn_watch)
		return;
	loop_fd_del(rx.conn_watch);
	close(rx.conn);
	rx.conn_watch = NULL;
}

static void receiver_answer(void)
{
	static char noise[4 * 65536]; /* more than is taken of an answer */

	CHECK(write(rx.conn, rx.answer, strlen(rx.answer)) > 0);
	if (!rx.endless || write(rx.conn, noise, sizeof noise) < 0)
		receiver_hang_up();
}

static void receiver_on_bytes(void *ctx, int fd, int ready)
{
	ssize_t n = read(fd, rx.got + rx.len, sizeof rx.got - 1 - rx.len);
	const char *head, *length;

	(void)ctx;
	(void)ready;
	if (n <= 0) {
		receiver_hang_up();
		return;
	}
	rx.len += (size_t)n;
	head = strstr(rx.got, "\r\n\r\n");
	length = strstr(rx.got, "Content-Length: ");
	if (head && length && strlen(head + 4) >= strtoul(length + 16, NULL, 10))
		receiver_answer();
}

static void receiver_on_conn(void *ctx, int fd, int ready)
{
	(void)ctx;
	(void)ready;
	receiver_hang_up();
	rx.n_conns++;
	rx.len = 0;
	memset(rx.got, 0, sizeof rx.got);
	rx.conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	rx.conn_watch = loop_fd_add(rx.loop, rx.conn, LOOP_READ, receiver_on_bytes, NULL);
}

static void receiver_open(struct loop *loop)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;

	rx = (struct receiver){.loop = loop, .answer = TAKEN};
	rx.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(rx.fd, (struct sockaddr *)&a, len), 0);
	CHECK_EQ(listen(rx.fd, 16), 0);
	CHECK_EQ(getsockname(rx.fd, (struct sockaddr *)&a, &len), 0);
	rx.port = ntohs(a.sin_port);
	rx.watch = loop_fd_add(loop, rx.fd, LOOP_READ, receiver_on_conn, NULL);
}

static void receiver_close(void)
{
	receiver_hang_up();
	loop_fd_del(rx.watch);
	close(rx.fd);
}

#endif
