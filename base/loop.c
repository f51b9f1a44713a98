#define _GNU_SOURCE
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { EVENTS_A_TURN = 64 };

struct loop_fd {
	struct loop *loop;
	int fd;
	int events;
	bool plain; /* a file, which epoll refuses */
	/* Null once deleted; the memory stays while a turn may still hold a pointer to it. */
	void (*fn)(void *ctx, int fd, int ready);
	void *ctx;
	struct loop_fd *next; /* of the plain ones, or of the deleted ones */
};

struct loop_timer {
	struct loop *loop;
	int64_t due_ns;
	uint64_t order; /* of setting, decides between equal times */
	size_t at;      /* place in the heap, NOT_SET when not armed */
	void (*fn)(void *ctx);
	void *ctx;
};

static const size_t NOT_SET = SIZE_MAX;

struct signal_row {
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

struct loop {
	int epfd;
	int depth; /* turns that run: a callback may run a turn of its own */
	bool stop;
	struct loop_fd *plain;
	struct loop_fd *deleted;
	struct loop_timer **heap; /* a binary heap, earliest first */
	size_t n_heap, cap_heap;
	uint64_t order;
	sigset_t signals;
	struct loop_fd *signal_watch;
	struct signal_row rows[NSIG];
};

static _Noreturn void misuse(const char *what)
{
	fprintf(stderr, "loop: %s\n", what);
	abort();
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct loop *loop_new(void)
{
	struct loop *l = mem_alloc(sizeof *l);

	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0)
		mem_exhausted("file descriptors");
	sigemptyset(&l->signals);
	signal(SIGPIPE, SIG_IGN);
	return l;
}

static void free_deleted(struct loop *l)
{
	while (l->deleted) {
		struct loop_fd *w = l->deleted;

		l->deleted = w->next;
		free(w);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->depth > 0)
		misuse("freed inside a callback");
	if (l->signal_watch) {
		int fd = l->signal_watch->fd;

		loop_fd_del(l->signal_watch);
		close(fd);
	}
	free_deleted(l);
	close(l->epfd);
	free(l->heap);
	free(l);
}

/* File descriptors */

static uint32_t to_epoll(int events)
{
	return (events & LOOP_READ ? EPOLLIN : 0u) | (events & LOOP_WRITE ? EPOLLOUT : 0u);
}

static int from_epoll(uint32_t got, int wanted)
{
	int ready = 0;

	if (got & EPOLLIN)
		ready |= LOOP_READ;
	if (got & EPOLLOUT)
		ready |= LOOP_WRITE;
	if (got & (EPOLLERR | EPOLLHUP))
		ready |= LOOP_ERROR | (wanted & LOOP_READ);
	return ready;
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, int events,
			    void (*fn)(void *ctx, int fd, int ready), void *ctx)
{
	struct loop_fd *w = mem_alloc(sizeof *w);
	struct epoll_event ev = {.events = to_epoll(events), .data.ptr = w};

	*w = (struct loop_fd){.loop = l, .fd = fd, .events = events, .fn = fn, .ctx = ctx};
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) == 0)
		return w;
	if (errno == ENOMEM || errno == ENOSPC)
		mem_exhausted("epoll watches");
	if (errno != EPERM)
		misuse(errno == EEXIST ? "one fd watched twice" : "not an open fd");
	w->plain = true;
	w->next = l->plain;
	l->plain = w;
	return w;
}

void loop_fd_set(struct loop_fd *w, int events)
{
	struct epoll_event ev = {.events = to_epoll(events), .data.ptr = w};

	if (!w->fn)
		misuse("events set on a deleted watch");
	if (w->events == events)
		return;
	w->events = events;
	if (!w->plain && epoll_ctl(w->loop->epfd, EPOLL_CTL_MOD, w->fd, &ev) < 0)
		misuse("events set on a closed fd");
}

static void unlink_plain(struct loop *l, struct loop_fd *w)
{
	struct loop_fd **at = &l->plain;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

void loop_fd_del(struct loop_fd *w)
{
	struct epoll_event none = {0};
	struct loop *l;

	if (!w)
		return;
	if (!w->fn)
		misuse("one watch deleted twice");
	l = w->loop;
	w->fn = NULL;
	if (w->plain)
		unlink_plain(l, w);
	else
		/* Fails where a library closed the fd already, which ended the watch as well. */
		epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, &none);
	w->next = l->deleted;
	l->deleted = w;
	if (l->depth == 0)
		free_deleted(l);
}

/* Timers */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}

static void heap_put(struct loop *l, size_t at, struct loop_timer *t)
{
	l->heap[at] = t;
	t->at = at;
}

static void sift_up(struct loop *l, struct loop_timer *t, size_t at)
{
	while (at > 0 && is_before(t, l->heap[(at - 1) / 2])) {
		heap_put(l, at, l->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(l, at, t);
}

static void sift_down(struct loop *l, struct loop_timer *t, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < l->n_heap && is_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (child >= l->n_heap || !is_before(l->heap[child], t))
			break;
		heap_put(l, at, l->heap[child]);
		at = child;
	}
	heap_put(l, at, t);
}

struct loop_timer *loop_timer_add(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct loop_timer *t = mem_alloc(sizeof *t);

	*t = (struct loop_timer){.loop = l, .at = NOT_SET, .fn = fn, .ctx = ctx};
	return t;
}

void loop_timer_stop(struct loop_timer *t)
{
	struct loop *l = t->loop;
	struct loop_timer *last;
	size_t at = t->at;

	if (at == NOT_SET)
		return;
	t->at = NOT_SET;
	last = l->heap[--l->n_heap];
	if (last == t)
		return;
	sift_up(l, last, at);
	sift_down(l, last, last->at);
}

void loop_timer_set(struct loop_timer *t, int64_t delay_ms)
{
	const int64_t most_ms = INT64_MAX / 4000000; /* 73 years: no sum overflows */
	struct loop *l = t->loop;

	loop_timer_stop(t);
	if (delay_ms < 0)
		delay_ms = 0;
	if (delay_ms > most_ms)
		delay_ms = most_ms;
	t->due_ns = now_ns() + delay_ms * 1000000;
	t->order = l->order++;
	if (l->n_heap == l->cap_heap) {
		l->cap_heap = l->cap_heap ? 2 * l->cap_heap : 16;
		l->heap = mem_resize(l->heap, l->cap_heap, sizeof *l->heap);
	}
	sift_up(l, t, l->n_heap++);
}

bool loop_timer_is_set(const struct loop_timer *t)
{
	return t->at != NOT_SET;
}

void loop_timer_del(struct loop_timer *t)
{
	if (!t)
		return;
	loop_timer_stop(t);
	free(t);
}

/* Signals */

static void on_signal(void *ctx, int fd, int ready)
{
	struct loop *l = ctx;
	struct signalfd_siginfo info;

	(void)ready;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		struct signal_row *row = &l->rows[info.ssi_signo < NSIG ? info.ssi_signo : 0];

		if (row->fn)
			row->fn(row->ctx, (int)info.ssi_signo);
	}
}

void loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	int fd = l->signal_watch ? l->signal_watch->fd : -1;

	if (signo <= 0 || signo >= NSIG)
		misuse("not a signal");
	l->rows[signo] = (struct signal_row){fn, ctx};
	sigaddset(&l->signals, signo);
	sigprocmask(SIG_BLOCK, &l->signals, NULL);
	fd = signalfd(fd, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		mem_exhausted("file descriptors");
	if (!l->signal_watch)
		l->signal_watch = loop_fd_add(l, fd, LOOP_READ, on_signal, l);
}

/* Running */

/* Milliseconds that may be slept, rounded up so that the next timer is due then. */
static int sleep_ms(const struct loop *l, int timeout_ms)
{
	int64_t left;

	for (const struct loop_fd *w = l->plain; w; w = w->next) {
		if (w->events)
			return 0;
	}
	if (l->n_heap == 0)
		return timeout_ms;
	left = l->heap[0]->due_ns - now_ns();
	left = left <= 0 ? 0 : (left + 999999) / 1000000;
	if (timeout_ms >= 0 && left > timeout_ms)
		return timeout_ms;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static void run_fds(const struct epoll_event *evs, int n)
{
	for (int i = 0; i < n; i++) {
		struct loop_fd *w = evs[i].data.ptr;

		if (w->fn)
			w->fn(w->ctx, w->fd, from_epoll(evs[i].events, w->events));
	}
}

/* A deleted one leads into the list of the deleted, whose functions are null: it ends there. */
static void run_plain(struct loop *l)
{
	struct loop_fd *w = l->plain, *next;

	for (; w; w = next) {
		next = w->next;
		if (w->fn && w->events)
			w->fn(w->ctx, w->fd, w->events);
	}
}

/* Only timers set before this: one that sets itself again at once must not starve the fds. */
static void run_timers(struct loop *l)
{
	const uint64_t before = l->order;
	const int64_t now = now_ns();

	while (l->n_heap > 0 && l->heap[0]->due_ns <= now && l->heap[0]->order < before) {
		struct loop_timer *t = l->heap[0];

		loop_timer_stop(t);
		t->fn(t->ctx);
	}
}

void loop_turn(struct loop *l, int timeout_ms)
{
	struct epoll_event evs[EVENTS_A_TURN];
	int n = epoll_wait(l->epfd, evs, EVENTS_A_TURN, sleep_ms(l, timeout_ms));

	l->depth++;
	run_fds(evs, n);
	run_plain(l);
	run_timers(l);
	if (--l->depth == 0)
		free_deleted(l);
}

bool loop_is_ready(const struct loop *l)
{
	struct pollfd p = {.fd = l->epfd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		loop_turn(l, -1);
	l->stop = false;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
