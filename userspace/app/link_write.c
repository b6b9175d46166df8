// SPDX-License-Identifier: GPL-2.0-or-later
// A session's outgoing side: packets, shaping, and room on the wire.
#include "app/link.h"

#include <errno.h>
#include <string.h>

#include "app/link_impl.h"
#include "app/state.h"
#include "app/stream.h"
#include "base/be.h"

#define ROOM_HIGH	 (192 * 1024)	   /* streams wait while so much is queued */
#define ROOM_LOW	 (64 * 1024)	   /* and go on below this */
#define QUEUE_MAX	 (4 * 1024 * 1024) /* control frames that nobody reads */
#define CONTROL_STUCK_MS 5000		   /* protocol notes 2.7 and 9 */

static const uint8_t zeros[SHAPER_SIZE_MAX];

static void flush_late(struct task *t)
{
	struct link *l = container_of(t, struct link, flush_task);

	link_flush(l);
	link_end_if_spent(l);
}

bool link_end_if_spent(struct link *l)
{
	if (wire_wear(l->wire) != WIRE_SPENT)
		return false;
	link_end(l, "its key has to change, which the kernel cannot");
	return true;
}

static void control_stuck(struct timer *t)
{
	link_end(container_of(t, struct link, write_timer),
		 "the peer does not take a control frame");
}

/* The link ends in a later turn, after what can still be read: its caller may be one of its
 * streams. */
static void wire_failed(struct link *l)
{
	l->broken = l->hup = l->readable = true;
	link_post_read(l);
}

static void check_control(struct link *l, bool progress)
{
	if (wire_sent(l->wire) >= l->control_end)
		loop_disarm(l->w->loop, &l->write_timer);
	else if (progress || !l->write_timer.slot)
		loop_arm(l->w->loop, &l->write_timer, CONTROL_STUCK_MS, control_stuck);
}

static void wake_streams(struct link *l)
{
	/* nobody would get room: one that is woken may ask for it at once, and wait again */
	if (wire_wear(l->wire) == WIRE_SPENT)
		return;
	while (!list_empty(&l->blocked) && wire_queued(l->wire) < ROOM_LOW) {
		struct stream *st = container_of(l->blocked.next, struct stream, in_blocked);

		list_remove(&st->in_blocked);
		if (st->e.peer)
			st->e.peer->ops->resume(st->e.peer);
	}
}

void link_flush(struct link *l)
{
	size_t before = wire_queued(l->wire);
	int err = wire_flush(l->wire);

	if (err < 0 && err != -EAGAIN) {
		wire_failed(l);
		return;
	}
	check_control(l, wire_queued(l->wire) < before);
	wake_streams(l);
}

bool link_has_room(struct link *l, struct stream *st)
{
	bool spent = wire_wear(l->wire) == WIRE_SPENT;

	if (wire_queued(l->wire) < ROOM_HIGH && !spent)
		return true;
	if (spent)
		loop_post_late(l->w->loop, &l->flush_task, flush_late);
	if (list_empty(&st->in_blocked))
		list_push_back(&l->blocked, &st->in_blocked);
	return false;
}

static void write_wire(struct link *l, struct iovec *iov, int n, enum wire_push push)
{
	if (wire_write(l->wire, iov, n, push) < 0)
		wire_failed(l);
}

/* One write of the shaper: some of the packet, then a Waste frame. */
static void write_shaped(struct link *l, const uint8_t *p, const struct shaper_write *sw)
{
	uint8_t waste[FRAME_HDR_LEN];
	struct iovec iov[3];
	int n = 0;

	if (sw->take > 0)
		iov[n++] = (struct iovec){ (void *)p, sw->take };
	if (sw->waste >= 0) {
		frame_put(waste, FRAME_WASTE, 0, (uint16_t)sw->waste);
		iov[n++] = (struct iovec){ waste, sizeof(waste) };
		iov[n++] = (struct iovec){ (void *)zeros, (size_t)sw->waste };
	}
	write_wire(l, iov, n, WIRE_NOW);
}

static void packet_shaped(struct link *l, const uint8_t *p, size_t n)
{
	struct shaper_run run = shaper_begin(&l->shaper);
	struct shaper_write sw;

	while (shaper_next(&run, n, &sw)) {
		write_shaped(l, p, &sw);
		p += sw.take;
		n -= sw.take;
	}
}

static void flush_soon(struct link *l)
{
	if (wire_queued(l->wire) > 0)
		loop_post_late(l->w->loop, &l->flush_task, flush_late);
}

/* So many bytes of frames are about to be written. */
static void writes(struct link *l, size_t n)
{
	l->bytes_out += n;
	state_session_out(l);
	link_expect_ack(l);
}

bool link_shapes(const struct link *l)
{
	return l->core.role == SESSION_CLIENT && shaper_active(&l->shaper);
}

void link_packet(struct link *l, const uint8_t *p, size_t n)
{
	struct iovec iov = { (void *)p, n };

	if (l->dead)
		return;
	writes(l, n);
	if (link_shapes(l))
		packet_shaped(l, p, n);
	else
		write_wire(l, &iov, 1, WIRE_LATER);
	flush_soon(l);
}

void link_packet_in_place(struct link *l, struct iovec *iov, int n)
{
	size_t len = 0;

	if (l->dead)
		return;
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	writes(l, len);
	if (wire_write_in_place(l->wire, iov, n, WIRE_LATER) < 0)
		wire_failed(l);
	flush_soon(l);
}

bool link_takes_pipe(const struct link *l)
{
	return !l->dead && !link_shapes(l) && wire_splices_out(l->wire);
}

void link_frame_by_pipe(struct link *l, uint32_t stream_id, struct relay_pipe *p, size_t n)
{
	uint8_t header[FRAME_HDR_LEN];

	frame_put(header, FRAME_PSH, stream_id, (uint16_t)n);
	writes(l, sizeof(header) + n);
	if (wire_splice_out(l->wire, header, sizeof(header), p->rd, n) < 0)
		wire_failed(l);
}

void link_control(struct link *l, enum frame_cmd cmd, uint32_t stream_id, const void *data,
		  size_t n)
{
	uint8_t *frame = l->w->frame;

	if (l->dead)
		return;
	if (wire_queued(l->wire) > QUEUE_MAX) {
		wire_failed(l);
		return;
	}
	frame_put(frame, cmd, stream_id, (uint16_t)n);
	if (n > 0)
		memcpy(frame + FRAME_HDR_LEN, data, n);
	link_packet(l, frame, FRAME_HDR_LEN + n);
	l->control_end = wire_sent(l->wire) + wire_queued(l->wire);
}
