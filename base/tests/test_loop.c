#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "tests/check.h"

static struct loop *l;
static char trace[64];

static int64_t now(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

/* Turns until the condition holds, at most 5 s. */
#define UNTIL(cond)                                                                                \
	do {                                                                                       \
		int64_t end_ = now() + 5000;                                                       \
		while (!(cond) && now() < end_)                                                    \
			loop_turn(l, 10);                                                          \
		CHECK(cond);                                                                       \
	} while (0)

struct mark {
	char letter;
	struct loop_timer *timer;
	struct loop_timer *other;
	void (*act)(struct mark *m);
};

static void on_mark(void *ctx)
{
	struct mark *m = ctx;

	strncat(trace, &m->letter, 1);
	if (m->act)
		m->act(m);
}

static void timers_fire_in_the_order_of_their_times(void)
{
	struct mark a = {.letter = 'a'}, b = {.letter = 'b'}, c = {.letter = 'c'},
		    d = {.letter = 'd'};
	struct mark *all[] = {&a, &b, &c, &d};
	int64_t start = now();

	trace[0] = 0;
	for (int i = 0; i < 4; i++)
		all[i]->timer = loop_timer_add(l, on_mark, all[i]);
	loop_timer_set(c.timer, 30);
	loop_timer_set(a.timer, 500);
	loop_timer_set(a.timer, 10); /* replaces */
	loop_timer_set(b.timer, 20);
	loop_timer_set(d.timer, 15);
	loop_timer_stop(d.timer);
	CHECK(!loop_timer_is_set(d.timer));
	CHECK(loop_timer_is_set(a.timer));
	UNTIL(strlen(trace) == 3);
	CHECK_STR(trace, "abc");
	CHECK(now() - start >= 29);
	CHECK(!loop_timer_is_set(a.timer));
	for (int i = 0; i < 4; i++)
		loop_timer_del(all[i]->timer);
	loop_timer_del(NULL);
}

static void equal_times_fire_as_they_were_set_and_never_early(void)
{
	struct mark marks[26] = {{0}};

	trace[0] = 0;
	for (int i = 0; i < 26; i++) {
		marks[i].letter = (char)('a' + i);
		marks[i].timer = loop_timer_add(l, on_mark, &marks[i]);
	}
	for (int i = 0; i < 26; i++)
		loop_timer_set(marks[i].timer, i % 2 ? -5 : 0);
	loop_turn(l, 0);
	CHECK_STR(trace, "abcdefghijklmnopqrstuvwxyz");
	for (int i = 0; i < 26; i++)
		loop_timer_del(marks[i].timer);
}

static void many_timers_stay_sorted_through_stops(void)
{
	enum { N = 500 };
	static struct mark marks[N];
	int n = 0;

	trace[0] = 0;
	for (int i = 0; i < N; i++) {
		marks[i] =
			(struct mark){.letter = 0, .timer = loop_timer_add(l, on_mark, &marks[i])};
		loop_timer_set(marks[i].timer, (i * 7919) % 40 + (i % 3 == 0 ? 1000000 : 0));
	}
	for (int i = 0; i < N; i += 3)
		loop_timer_stop(marks[(i * 2) % N].timer);
	for (int64_t end = now() + 100; now() < end;)
		loop_turn(l, 5);
	for (int i = 0; i < N; i++) {
		n += loop_timer_is_set(marks[i].timer);
		loop_timer_del(marks[i].timer);
	}
	CHECK(n > 0 && n < N / 3 + 1);
}

static void delete_self(struct mark *m)
{
	loop_timer_del(m->timer);
	m->timer = NULL;
}

static void delete_other(struct mark *m)
{
	loop_timer_del(m->other);
	m->other = NULL;
}

static void timers_may_be_deleted_from_callbacks(void)
{
	struct mark a = {.letter = 'a', .act = delete_self},
		    b = {.letter = 'b', .act = delete_other}, c = {.letter = 'c'};

	trace[0] = 0;
	a.timer = loop_timer_add(l, on_mark, &a);
	b.timer = loop_timer_add(l, on_mark, &b);
	c.timer = loop_timer_add(l, on_mark, &c);
	b.other = c.timer;
	loop_timer_set(a.timer, 0);
	loop_timer_set(b.timer, 0);
	loop_timer_set(c.timer, 0);
	loop_turn(l, 0);
	loop_turn(l, 0);
	CHECK_STR(trace, "ab");
	loop_timer_del(b.timer);
}

static void set_again(struct mark *m)
{
	loop_timer_set(m->timer, 0);
}

static int n_reads;

static void on_readable(void *ctx, int fd, int ready)
{
	char byte;

	(void)ctx;
	CHECK(ready & LOOP_READ);
	n_reads += read(fd, &byte, 1) == 1;
}

static void a_timer_that_sets_itself_starves_nobody(void)
{
	struct mark a = {.letter = 'a', .act = set_again};
	struct loop_fd *w;
	int p[2];

	trace[0] = 0;
	n_reads = 0;
	CHECK_EQ(pipe(p), 0);
	w = loop_fd_add(l, p[0], LOOP_READ, on_readable, NULL);
	a.timer = loop_timer_add(l, on_mark, &a);
	loop_timer_set(a.timer, 0);
	CHECK_EQ(write(p[1], "xyz", 3), 3);
	for (int i = 0; i < 10 && n_reads < 3; i++)
		loop_turn(l, -1);
	CHECK_EQ(n_reads, 3);
	CHECK(strlen(trace) >= 3);
	loop_timer_del(a.timer);
	loop_fd_del(w);
	close(p[0]);
	close(p[1]);
}

struct pair {
	int fd[2];
	struct loop_fd *watch[2];
	int ready[2];
	int n_calls;
	bool delete_both;
};

static void on_pair(void *ctx, int fd, int ready)
{
	struct pair *p = ctx;

	p->n_calls++;
	p->ready[fd == p->fd[1]] |= ready;
	if (p->delete_both) {
		loop_fd_del(p->watch[0]);
		loop_fd_del(p->watch[1]);
		close(p->fd[0]);
		close(p->fd[1]);
	}
}

static void pair_open(struct pair *p, int events)
{
	memset(p, 0, sizeof *p);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p->fd), 0);
	for (int i = 0; i < 2; i++)
		p->watch[i] = loop_fd_add(l, p->fd[i], events, on_pair, p);
}

static void pair_close(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		loop_fd_del(p->watch[i]);
		close(p->fd[i]);
	}
}

static void only_the_wanted_events_are_told(void)
{
	struct pair p;

	pair_open(&p, LOOP_READ);
	loop_turn(l, 0);
	CHECK_EQ(p.n_calls, 0);
	CHECK(!loop_is_ready(l));
	CHECK_EQ(write(p.fd[0], "x", 1), 1);
	CHECK(loop_is_ready(l));
	loop_turn(l, 100);
	CHECK_EQ(p.ready[1], LOOP_READ);
	CHECK_EQ(p.ready[0], 0);
	loop_fd_set(p.watch[1], 0);
	CHECK(!loop_is_ready(l)); /* for nobody wants it */
	p.n_calls = 0;
	loop_turn(l, 0);
	CHECK_EQ(p.n_calls, 0);
	loop_fd_set(p.watch[0], LOOP_READ | LOOP_WRITE);
	loop_turn(l, 100);
	CHECK_EQ(p.ready[0], LOOP_WRITE);
	pair_close(&p);
}

static void the_other_end_going_is_told_as_readable(void)
{
	struct pair p;

	pair_open(&p, LOOP_READ);
	loop_fd_del(p.watch[0]);
	p.watch[0] = NULL;
	close(p.fd[0]);
	loop_turn(l, 100);
	CHECK_EQ(p.ready[1], LOOP_READ | LOOP_ERROR);
	loop_fd_del(p.watch[1]);
	close(p.fd[1]);
}

static void a_callback_may_delete_watches_that_are_ready_too(void)
{
	struct pair p;

	pair_open(&p, LOOP_WRITE); /* both are ready in one turn */
	p.delete_both = true;
	loop_turn(l, 100);
	CHECK_EQ(p.n_calls, 1);
	loop_turn(l, 0);
	CHECK_EQ(p.n_calls, 1);
}

static void nest(struct mark *m)
{
	m->act = NULL;
	loop_timer_set(m->other, 0);
	loop_turn(l, 100);
}

static void a_callback_may_run_a_turn_and_delete_in_it(void)
{
	struct mark a = {.letter = 'a', .act = nest}, b = {.letter = 'b'};
	struct pair p;

	trace[0] = 0;
	pair_open(&p, LOOP_WRITE);
	a.timer = loop_timer_add(l, on_mark, &a);
	b.timer = a.other = loop_timer_add(l, on_mark, &b);
	loop_timer_set(a.timer, 0);
	p.delete_both = true;
	loop_turn(l, 100);
	UNTIL(strcmp(trace, "ab") == 0);
	loop_timer_del(a.timer);
	loop_timer_del(b.timer);
}

static void a_plain_file_is_always_ready(void)
{
	char path[] = "/tmp/e4-loop-XXXXXX";
	int fd = mkstemp(path), half = 0;
	struct loop_fd *w;

	unlink(path);
	CHECK_EQ(write(fd, "abc", 3), 3);
	lseek(fd, 0, SEEK_SET);
	n_reads = 0;
	w = loop_fd_add(l, fd, LOOP_READ, on_readable, NULL);
	for (int i = 0; i < 3; i++)
		loop_turn(l, -1);
	CHECK_EQ(n_reads, 3);
	half = n_reads;
	loop_fd_set(w, 0);
	loop_turn(l, 0);
	CHECK_EQ(n_reads, half);
	loop_fd_del(w);
	close(fd);
}

static int last_signal, n_signals;

static void on_signal(void *ctx, int signo)
{
	CHECK(ctx == trace);
	last_signal = signo;
	n_signals++;
	if (signo == SIGTERM)
		loop_stop(l);
}

static void signals_arrive_in_the_loop(void)
{
	loop_signal(l, SIGUSR1, on_signal, trace);
	loop_signal(l, SIGTERM, on_signal, trace);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(n_signals, 0);
	UNTIL(n_signals == 1);
	CHECK_EQ(last_signal, SIGUSR1);
	kill(getpid(), SIGTERM);
	loop_run(l);
	CHECK_EQ(last_signal, SIGTERM);
	loop_signal(l, SIGUSR1, NULL, NULL);
	kill(getpid(), SIGUSR1);
	loop_turn(l, 10);
	CHECK_EQ(n_signals, 2);
	/* A pipe that nobody reads is an error code, not a death. */
	int p[2];
	CHECK_EQ(pipe(p), 0);
	close(p[0]);
	CHECK_EQ(write(p[1], "x", 1), -1);
	close(p[1]);
}

static void a_stop_before_the_run_counts(void)
{
	loop_stop(l);
	loop_run(l);
	CHECK(true);
}

static void a_turn_waits_no_longer_than_asked(void)
{
	struct mark a = {.letter = 'a'};
	int64_t start = now();

	a.timer = loop_timer_add(l, on_mark, &a);
	loop_timer_set(a.timer, INT64_MAX);
	loop_turn(l, 20);
	CHECK(now() - start >= 19 && now() - start < 2000);
	loop_timer_del(a.timer);
}

int main(void)
{
	l = loop_new();
	RUN(timers_fire_in_the_order_of_their_times);
	RUN(equal_times_fire_as_they_were_set_and_never_early);
	RUN(many_timers_stay_sorted_through_stops);
	RUN(timers_may_be_deleted_from_callbacks);
	RUN(a_timer_that_sets_itself_starves_nobody);
	RUN(only_the_wanted_events_are_told);
	RUN(the_other_end_going_is_told_as_readable);
	RUN(a_callback_may_delete_watches_that_are_ready_too);
	RUN(a_callback_may_run_a_turn_and_delete_in_it);
	RUN(a_plain_file_is_always_ready);
	RUN(signals_arrive_in_the_loop);
	RUN(a_stop_before_the_run_counts);
	RUN(a_turn_waits_no_longer_than_asked);
	loop_free(l);
	return END();
}
