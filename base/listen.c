#define _GNU_SOURCE
#include "base/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Split "host:port" or "[host]:port"; an IPv6 address needs its brackets. */
static bool split(const char *text, char *host, size_t cap, const char **port)
{
	const char *end, *from = text;
	size_t len;

	if (*text == '[') {
		from++;
		end = strchr(from, ']');
		if (!end || end[1] != ':')
			return false;
		*port = end + 2;
	} else {
		end = strchr(text, ':');
		if (!end || strchr(end + 1, ':'))
			return false;
		*port = end + 1;
	}
	len = (size_t)(end - from);
	if (len == 0 || len >= cap)
		return false;
	memcpy(host, from, len);
	host[len] = 0;
	return true;
}

static bool is_port(const char *port)
{
	size_t len = strlen(port);

	return len > 0 && len <= 5 && strspn(port, "0123456789") == len && atoi(port) <= 65535;
}

bool listen_parse(struct listen_addr *out, const char *text, struct err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	char host[64];
	const char *port;
	struct in_addr dotted;

	if (!split(text, host, sizeof host, &port) || !is_port(port))
		return err_set(err, ERR_CONFIG,
			       "%.80s: is not address:port, such as 127.0.0.1:8888 or [::1]:8888",
			       text);
	/* getaddrinfo would also take "127.1" and "0x7f000001". */
	if ((*text != '[' && inet_pton(AF_INET, host, &dotted) != 1) ||
	    (*text == '[' && !strchr(host, ':')) || getaddrinfo(host, port, &hints, &found))
		return err_set(err, ERR_CONFIG,
			       "%.80s: not a numeric address, such as 127.0.0.1 or [::1]", text);
	memset(out, 0, sizeof *out);
	memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool listen_is_loopback(const struct listen_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->addr;

	if (a->addr.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	if (a->addr.ss_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}

static bool set_up(int fd, const struct listen_addr *a)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return false;
	/* A mapped IPv4 address needs the socket to take both. */
	if (a->addr.ss_family == AF_INET6 &&
	    !IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)&a->addr)->sin6_addr) &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return false;
	return bind(fd, (const struct sockaddr *)&a->addr, a->len) == 0 && listen(fd, 128) == 0;
}

bool listen_open(int *fd, const struct listen_addr *a, struct err *err)
{
	char text[LISTEN_TEXT_CAP];
	int e;

	*fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && set_up(*fd, a))
		return true;
	e = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return err_set(err, e == EADDRINUSE ? ERR_UNAVAILABLE : ERR_CONFIG,
		       "cannot listen on %s: %s", listen_format(a, text), strerror(e));
}

static int port_of(const struct sockaddr_storage *s)
{
	if (s->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)s)->sin_port);
	if (s->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)s)->sin6_port);
	return 0;
}

int listen_port(int fd)
{
	struct sockaddr_storage s = {0};
	socklen_t len = sizeof s;

	return getsockname(fd, (struct sockaddr *)&s, &len) == 0 ? port_of(&s) : 0;
}

const char *listen_format(const struct listen_addr *a, char out[LISTEN_TEXT_CAP])
{
	bool six = a->addr.ss_family == AF_INET6;
	char host[64];

	if (getnameinfo((const struct sockaddr *)&a->addr, a->len, host, sizeof host, NULL, 0,
			NI_NUMERICHOST) != 0)
		host[0] = 0;
	snprintf(out, LISTEN_TEXT_CAP, "%s%s%s:%d", six ? "[" : "", host, six ? "]" : "",
		 port_of(&a->addr));
	return out;
}
