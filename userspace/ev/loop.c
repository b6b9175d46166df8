// SPDX-License-Identifier: GPL-2.0-or-later
// epoll, tasks and deferred free; the timers are in ev/timer.c.
#include "ev/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ev/timer.h"

#define BATCH 256

struct loop {
	int epfd;
	bool stopped;
	uint64_t now_ms, turns;
	struct timer_heap timers;
	struct list tasks, late;
	struct deferred *dead;
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		free(l);
		return NULL;
	}
	list_init(&l->tasks);
	list_init(&l->late);
	l->now_ms = clock_now_ms();
	return l;
}

static void reap(struct loop *l)
{
	while (l->dead) {
		struct deferred *d = l->dead;

		l->dead = d->next;
		d->release(d);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	reap(l);
	timer_heap_done(&l->timers);
	fd_close(l->epfd);
	free(l);
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

uint64_t loop_turns(const struct loop *l)
{
	return l->turns;
}

static int control(struct loop *l, int op, struct watcher *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	return epoll_ctl(l->epfd, op, w->fd, &ev) < 0 ? -errno : 0;
}

int loop_watch(struct loop *l, struct watcher *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events | EPOLLET);
}

int loop_rewatch(struct loop *l, struct watcher *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events | EPOLLET);
}

int loop_watch_level(struct loop *l, struct watcher *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events);
}

int loop_rewatch_level(struct loop *l, struct watcher *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events);
}

void loop_forget(struct loop *l, struct watcher *w)
{
	if (w->ready && w->fd >= 0) /* the descriptor may be somebody else's by the second call */
		epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->ready = NULL; /* a later event of this batch finds nobody */
}

void loop_close(struct loop *l, struct watcher *w)
{
	(void)l;
	w->ready = NULL;
	fd_close(w->fd);
	w->fd = -1;
}

void loop_defer(struct loop *l, struct deferred *d, void (*release)(struct deferred *d))
{
	d->release = release;
	d->next = l->dead;
	l->dead = d;
}

static void enqueue(struct list *queue, struct task *t, void (*run)(struct task *t))
{
	t->run = run;
	if (t->queued)
		return;
	t->queued = true;
	list_push_back(queue, &t->link);
}

void loop_post(struct loop *l, struct task *t, void (*run)(struct task *t))
{
	enqueue(&l->tasks, t, run);
}

void loop_post_late(struct loop *l, struct task *t, void (*run)(struct task *t))
{
	enqueue(&l->late, t, run);
}

void loop_unpost(struct loop *l, struct task *t)
{
	(void)l;
	if (!t->queued)
		return;
	list_remove(&t->link);
	t->queued = false;
}

int loop_arm(struct loop *l, struct timer *t, uint64_t delay_ms, void (*expired)(struct timer *t))
{
	return timer_heap_set(&l->timers, t, l->now_ms + delay_ms, expired);
}

void loop_disarm(struct loop *l, struct timer *t)
{
	timer_heap_remove(&l->timers, t);
}

static void run_one(struct list *queue)
{
	struct task *t = container_of(queue->next, struct task, link);

	list_remove(&t->link);
	t->queued = false;
	t->run(t);
}

/* Only what was queued before: a task that posts itself again waits for the next turn. */
static void run_tasks(struct loop *l)
{
	struct list now;

	if (list_empty(&l->tasks))
		return;
	list_insert_after(&l->tasks, &now);
	list_remove(&l->tasks); /* `now` heads the old queue; l->tasks is empty */
	while (!list_empty(&now))
		run_one(&now);
}

static int wait_ms(const struct loop *l, int max_wait_ms)
{
	uint64_t at, delay;

	if (!list_empty(&l->tasks))
		return 0;
	if (!timer_heap_next(&l->timers, &at))
		return max_wait_ms;
	delay = at > l->now_ms ? at - l->now_ms : 0;
	if (max_wait_ms >= 0 && delay > (uint64_t)max_wait_ms)
		return max_wait_ms;
	return delay > 3600000 ? 3600000 : (int)delay;
}

void loop_turn(struct loop *l, int max_wait_ms)
{
	struct epoll_event ev[BATCH];
	int n;

	l->turns++;
	l->now_ms = clock_now_ms();
	n = epoll_wait(l->epfd, ev, BATCH, wait_ms(l, max_wait_ms));
	l->now_ms = clock_now_ms();
	for (int i = 0; i < n; i++) {
		struct watcher *w = ev[i].data.ptr;

		if (w->ready)
			w->ready(w, ev[i].events);
	}
	timer_heap_expire(&l->timers, l->now_ms);
	run_tasks(l);
	while (!list_empty(&l->late))
		run_one(&l->late);
	reap(l);
}

void loop_run(struct loop *l)
{
	while (!l->stopped)
		loop_turn(l, -1);
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}
