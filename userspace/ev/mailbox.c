// SPDX-License-Identifier: GPL-2.0-or-later
// A lock-free stack that any thread pushes to and the loop's thread empties, woken by an eventfd.
#include "ev/mailbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

struct mailbox {
	struct watcher w;
	void *owner;
	_Atomic(struct mail *) newest;
};

/* Takes all mail, oldest first. */
static struct mail *take_all(struct mailbox *mb)
{
	struct mail *m = atomic_exchange_explicit(&mb->newest, NULL, memory_order_acquire);
	struct mail *oldest = NULL;

	while (m) {
		struct mail *older = m->next;

		m->next = oldest;
		oldest = m;
		m = older;
	}
	return oldest;
}

void mailbox_receive(struct mailbox *mb)
{
	struct mail *m = take_all(mb);

	while (m) {
		struct mail *next = m->next;

		m->receive(m, mb->owner);
		m = next;
	}
}

static void woken(struct watcher *w, uint32_t events)
{
	struct mailbox *mb = container_of(w, struct mailbox, w);
	uint64_t count;

	(void)events;
	/* read before taking: a sender that finds the stack empty afterwards wakes us again */
	while (read(w->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	mailbox_receive(mb);
}

struct mailbox *mailbox_new(struct loop *l, void *owner)
{
	struct mailbox *mb = calloc(1, sizeof(*mb));

	if (!mb)
		return NULL;
	mb->owner = owner;
	mb->w.ready = woken;
	mb->w.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mb->w.fd < 0 || loop_watch(l, &mb->w, EPOLLIN) < 0) {
		mailbox_free(mb);
		return NULL;
	}
	return mb;
}

void mailbox_free(struct mailbox *mb)
{
	if (!mb)
		return;
	fd_close(mb->w.fd); /* which ends the watch; the loop itself may be gone already */
	free(mb);
}

static void wake(struct mailbox *mb)
{
	const uint64_t one = 1;

	while (write(mb->w.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void mailbox_send(struct mailbox *mb, struct mail *m)
{
	struct mail *newest = atomic_load_explicit(&mb->newest, memory_order_relaxed);

	do {
		m->next = newest;
	} while (!atomic_compare_exchange_weak_explicit(
		&mb->newest, &newest, m, memory_order_release, memory_order_relaxed));
	if (!newest)
		wake(mb);
}
