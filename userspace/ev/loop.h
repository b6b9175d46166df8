/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread's event loop: edge-triggered epoll, timers, deferred tasks and deferred free.
 * Everything here belongs to the thread that runs the loop; another thread reaches it through
 * ev/mailbox.h only.
 */
#ifndef EV_LOOP_H
#define EV_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/list.h"

struct loop;

/* A descriptor under watch. Embed it; the owner is found with container_of(). */
struct watcher {
	int fd;						   /* borrowed */
	void (*ready)(struct watcher *w, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLRDHUP, ... */
};

/* A deadline. Embed it; zero-initialised it is not armed. */
struct timer {
	void (*expired)(struct timer *t);
	uint64_t at_ms;
	uint32_t slot; /* place in the heap, from 1; 0 where not armed */
};

/* Work for the next turn of the loop. Embed it; zero-initialised it is not queued. */
struct task {
	void (*run)(struct task *t);
	struct list link;
	bool queued;
};

/* Memory to release after the running batch of events. Embed it. */
struct deferred {
	void (*release)(struct deferred *d);
	struct deferred *next;
};

/* NULL without memory or descriptors. */
struct loop *loop_new(void);
/* Runs what is still deferred, then frees; NULL is ignored. */
void loop_free(struct loop *l);

/* Runs until loop_stop(). */
void loop_run(struct loop *l);
/* One turn: waits at most max_wait_ms (-1: until something happens). For tests. */
void loop_turn(struct loop *l, int max_wait_ms);
void loop_stop(struct loop *l);

/* Turns that were begun. */
uint64_t loop_turns(const struct loop *l);
/* Milliseconds, read once a turn. */
uint64_t loop_now_ms(const struct loop *l);

/* Watches w->fd for `events` (EPOLLET is added). 0 or -errno. w stays put until loop_forget(). */
int loop_watch(struct loop *l, struct watcher *w, uint32_t events);
/* Changes what is watched; an edge that is already there is reported again. 0 or -errno. */
int loop_rewatch(struct loop *l, struct watcher *w, uint32_t events);
/* As loop_watch(), level-triggered; for listeners and libraries that want it. */
int loop_watch_level(struct loop *l, struct watcher *w, uint32_t events);
int loop_rewatch_level(struct loop *l, struct watcher *w, uint32_t events);
/*
 * Stops watching; no callback comes after this, not even from the running batch. The descriptor
 * stays open; a second call does nothing. The watcher's memory must live until the batch ends:
 * release it with loop_defer().
 */
void loop_forget(struct loop *l, struct watcher *w);

/* As loop_forget(), and closes the descriptor, of which there must be no duplicate: cheaper than one
 * after the other. */
void loop_close(struct loop *l, struct watcher *w);

/* Calls release(d) after the running batch. */
void loop_defer(struct loop *l, struct deferred *d, void (*release)(struct deferred *d));

/* Queues t for the next turn; a task that is queued already stays where it is. */
void loop_post(struct loop *l, struct task *t, void (*run)(struct task *t));
/* Takes t out of the queue, if it is in it. */
void loop_unpost(struct loop *l, struct task *t);

/* As loop_post(), but runs at the end of this turn, before the loop waits again. */
void loop_post_late(struct loop *l, struct task *t, void (*run)(struct task *t));

/* (Re)arms t to fire delay_ms from now. -ENOMEM leaves it as it was. */
int loop_arm(struct loop *l, struct timer *t, uint64_t delay_ms, void (*expired)(struct timer *t));
/* Disarms; an unarmed timer is ignored. */
void loop_disarm(struct loop *l, struct timer *t);

#endif
