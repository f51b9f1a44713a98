/*
 * One thread's event loop over epoll: file descriptors, timers, signals, and
 * work to do before the loop sleeps again. Everything that a program does
 * runs in the callbacks of its one loop, so nothing needs a lock.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 };

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Watch fd for events (LOOP_READ | LOOP_WRITE); fn gets what is ready. */
struct loop_fd *loop_fd_add(struct loop *l, int fd, int events,
                            void (*fn)(void *ctx, int fd, int ready), void *ctx);
void loop_fd_set(struct loop_fd *w, int events);
/* Stop watching; does not close fd. May be called from any callback. */
void loop_fd_del(struct loop_fd *w);

/* A timer, not yet armed. */
struct loop_timer *loop_timer_add(struct loop *l, void (*fn)(void *ctx), void *ctx);
/* Fire once in delay_ms (monotonic); replaces what was set. 0: in this turn. */
void loop_timer_set(struct loop_timer *t, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_del(struct loop_timer *t);

/* Call fn in the loop when the signal arrives (signalfd). */
void loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);

/* Run until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One turn: wait at most timeout_ms (-1: without limit), run what is ready. */
void loop_turn(struct loop *l, int timeout_ms);

#endif
