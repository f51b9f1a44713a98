/*
 * A real mosquitto for tests: on a free port of 127.0.0.1, in a folder of its
 * own under /tmp, gone with the test. Failure to start one ends the test program.
 */
#ifndef TESTS_BROKER_H
#define TESTS_BROKER_H

#include <stdbool.h>
#include <sys/types.h>

struct broker {
	pid_t pid; /* 0 while it does not run */
	int port;
	char dir[64]; /* for its configuration; tests may put files there */
	char *extra;
};

/* Make the folder and choose a port, without starting it yet. */
void broker_init(struct broker *b);

/*
 * Start it and wait until it listens. extra: lines of mosquitto.conf; %DIR in
 * them is the folder. Null: open to anybody, as it is after broker_kill().
 */
void broker_start(struct broker *b, const char *extra);

/* kill -9, as a crash. */
void broker_kill(struct broker *b);

/* Start it again with the same port and configuration. */
void broker_restart(struct broker *b);

/* End it and remove the folder. */
void broker_stop(struct broker *b);

/*
 * A CA and certificates made by it, in dir: ca.pem; server.pem and .key for
 * localhost and 127.0.0.1; other.pem and .key for other.example; client.pem and
 * .key; and a second CA that made none of them, ca2.pem.
 */
void broker_make_certs(const char *dir);

/* A port of 127.0.0.1 on which nothing listens. */
int broker_free_port(void);

#endif
