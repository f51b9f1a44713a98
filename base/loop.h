/*
 * One thread's event loop over epoll: file descriptors, timers, signals, and
 * work to do before the loop sleeps again. Everything that a program does
 * runs in the callbacks of its one loop, so nothing needs a lock.
 *
 * Anything may be added, set, stopped or deleted from any callback, also the
 * thing that calls. Nothing here fails: wrong use (a closed fd, one fd twice)
 * ends the program with a message, as does running out of memory or fds.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 };

/* A loop; SIGPIPE is ignored from now on, since every socket's owner sees EPIPE. */
struct loop *loop_new(void);
/* Everything that was added must be deleted first; signals stay blocked. */
void loop_free(struct loop *l);

/*
 * Watch fd for events (LOOP_READ | LOOP_WRITE, level-triggered); fn gets what is
 * ready. A hangup shows as LOOP_READ too, so that who reads sees the end; without
 * LOOP_READ only LOOP_ERROR tells, again and again until it is deleted. A plain
 * file is always ready.
 */
struct loop_fd *loop_fd_add(struct loop *l, int fd, int events,
			    void (*fn)(void *ctx, int fd, int ready), void *ctx);
void loop_fd_set(struct loop_fd *w, int events);
/* Stop watching, before fd is closed; does not close it. Null is allowed. */
void loop_fd_del(struct loop_fd *w);

/* A timer, not yet armed. */
struct loop_timer *loop_timer_add(struct loop *l, void (*fn)(void *ctx), void *ctx);
/*
 * Fire once, not before delay_ms (monotonic) have passed; replaces what was set.
 * 0 or less: as soon as the callback that runs has returned and before the loop
 * sleeps. Timers fire in the order of their times, equal ones as they were set.
 */
void loop_timer_set(struct loop_timer *t, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
/* Null is allowed. */
void loop_timer_del(struct loop_timer *t);

/*
 * Call fn in the loop when the signal arrives (signalfd), which is blocked for
 * this thread from now on: a child must unblock it. Null fn: swallow it.
 */
void loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);

/* Run until loop_stop(); one that came before counts. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One turn: wait at most timeout_ms (-1: without limit), run what is ready. */
void loop_turn(struct loop *l, int timeout_ms);
/* Would a turn have something to read or write at once? */
bool loop_is_ready(const struct loop *l);

#endif
