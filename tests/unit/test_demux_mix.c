// SPDX-License-Identifier: GPL-2.0-or-later
// Long random sessions through a demux, from a plain socket and from kernel TLS, byte by byte.
#include "demux_bed.h"

#include "wire/ktls.h"

#define SMALL 32768

struct mix {
	bool tls;
	unsigned streams;
	int room;	   /* of the streams' sockets; 0: the kernel's choice */
	uint32_t min, max; /* payload of a frame */
	unsigned others;   /* frames in a hundred that are no payload */
	bool pauses;	   /* the streams' readers do so, and read a little at a time */
	size_t queue;	   /* bytes that wait in userspace before the session does */
	unsigned full;	   /* go on until so many pushes met a full socket, up to ten times `mib` */
	unsigned mib;
};

static struct demux_bed bed;
static int wire[2]; /* what is sent to [0] is received from [1] */
static uint32_t seed;
static unsigned partial, from_kernel;
static uint64_t received;

/* The same numbers in each run. */
static uint32_t draw(uint32_t lo, uint32_t hi)
{
	seed = seed * 1664525 + 1013904223;
	return lo + (seed >> 8) % (hi - lo + 1);
}

static int tear_down(void **state)
{
	struct demux *d = bed.d;

	(void)state;
	bed_done(&bed);
	demux_free(d);
	fd_close(wire[0]);
	fd_close(wire[1]);
	return 0;
}

/* One key for the direction that is used. */
static bool start_tls(void)
{
	struct tls_half half = { .key = "a key of 16 byte", .iv = "twelve bytes" };

	if (ktls_attach(wire[0]) < 0 || ktls_attach(wire[1]) < 0)
		return false;
	assert_int_equal(ktls_install(wire[0], KTLS_TX, TLS_SUITE_AES_128_GCM, &half), 0);
	assert_int_equal(ktls_install(wire[1], KTLS_RX, TLS_SUITE_AES_128_GCM, &half), 0);
	return true;
}

static void set_up(const struct mix *m)
{
	bed_init(&bed, bed_demux(m->streams), BED_SESSION);
	seed = 1;
	partial = from_kernel = 0;
	received = 0;
	assert_int_equal(loopback_pair(wire, 0), 0);
	if (m->tls && !start_tls()) {
		print_message("no kernel TLS here\n");
		skip();
	}
	for (unsigned i = 0; i < m->streams; i++)
		bed_open(&bed, i, m->room);
}

static void make_frame(const struct mix *m)
{
	static const uint8_t others[] = { FRAME_WASTE, FRAME_HEART_RESPONSE, 99, FRAME_PSH };
	uint32_t id = draw(1, m->streams);
	uint8_t cmd = others[draw(0, 3)];

	if (draw(1, 100) > m->others)
		bed_psh(&bed, &bed.stream[id - 1], (uint16_t)draw(m->min, m->max));
	else
		bed_frame(&bed, cmd, id, cmd == FRAME_PSH ? 0 : (uint16_t)draw(0, 20000));
}

/* Sends what was made, as far as there is room. */
static void send_made(void)
{
	size_t max = draw(1, 4) == 1 ? draw(1, 70000) : bed.n;
	ssize_t n = send(wire[0], bed.wire, max < bed.n ? max : bed.n, MSG_NOSIGNAL);

	if (n <= 0)
		return;
	memmove(bed.wire, bed.wire + n, bed.n - (size_t)n);
	bed.n -= (size_t)n;
}

static bool waits(const struct mix *m)
{
	size_t queued = 0;

	for (unsigned i = 0; i < m->streams; i++)
		queued += bed.stream[i].queue.len;
	return queued > m->queue;
}

/* One turn of a session's receive path. */
static void receive(const struct mix *m)
{
	size_t max = draw(1, 8) == 1 ? draw(1, 20000) : DEMUX_PUSH_MAX;
	ssize_t n;

	if (waits(m))
		return;
	n = splice(wire[1], NULL, bed.pipe[1], NULL, max, SPLICE_F_NONBLOCK);
	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	if (n <= 0)
		return;
	received += (uint64_t)n;
	bed_push_pipe(&bed, (size_t)n);
	partial += bed.pushed.why == DEMUX_PARTIAL;
}

static void read_streams(const struct mix *m)
{
	for (unsigned i = 0; i < m->streams; i++) {
		bed_flush(&bed, &bed.stream[i]);
		if (!m->pauses)
			bed_read(&bed.stream[i], SIZE_MAX);
		else if (draw(1, 6) == 1)
			bed_read(&bed.stream[i], draw(1, 30000));
	}
}

static void run_mix(void **state)
{
	const struct mix *m = *state;
	const uint64_t total = (uint64_t)m->mib << 20;
	uint64_t made = 0, kernel = 0;

	set_up(m);
	while (made < total || (partial < m->full && made < 10 * total)) {
		size_t before = bed.n;

		if (bed.n < BED_WIRE / 2)
			make_frame(m);
		made += bed.n - before;
		send_made();
		receive(m);
		read_streams(m);
	}
	while (received < made) {
		send_made();
		receive(m);
		read_streams(m);
	}
	for (unsigned i = 0; i < m->streams; i++) {
		bed_expect(&bed, &bed.stream[i], 1000);
		kernel += bed.stream[i].kernel;
	}
	print_message("%u MiB, %u %% by the kernel, %u full sockets\n", (unsigned)(made >> 20),
		      (unsigned)(kernel * 100 / made), partial);
	from_kernel = (unsigned)(kernel * 100 / made);
}

static void demux_push__random_frames__come_out_byte_by_byte(void **state)
{
	run_mix(state);
	assert_true(from_kernel > 20);
}

static void demux_push__full_sockets__come_out_byte_by_byte(void **state)
{
	const struct mix *m = *state;

	run_mix(state);
	assert_true(partial >= m->full);
}

static struct mix all_sizes = { .streams = 16, .min = 1, .max = 65535, .others = 10, .mib = 32 };
static struct mix many = { .streams = 64, .min = 6000, .max = 65535, .others = 1, .mib = 24 };
static struct mix large = { .streams = 4, .min = 65000, .max = 65535, .mib = 24 };
static struct mix small = { .streams = 8,
			    .room = SMALL,
			    .min = 1,
			    .max = 65535,
			    .others = 5,
			    .pauses = true,
			    .full = 100,
			    .queue = 200000,
			    .mib = 24 };
static struct mix small_large = { .streams = 1,
				  .room = SMALL,
				  .min = 8192,
				  .max = 65535,
				  .pauses = true,
				  .full = 100,
				  .mib = 24 };
static struct mix tls_all_sizes = {
	.tls = true, .streams = 16, .min = 1, .max = 65535, .others = 10, .mib = 12
};
static struct mix tls_large = { .tls = true, .streams = 4, .min = 65000, .max = 65535, .mib = 12 };
static struct mix tls_small = { .tls = true,
				.streams = 8,
				.room = SMALL,
				.min = 1,
				.max = 65535,
				.others = 5,
				.pauses = true,
				.full = 100,
				.mib = 12 };
static struct mix tls_small_large = { .tls = true,
				      .streams = 1,
				      .room = SMALL,
				      .min = 8192,
				      .max = 65535,
				      .pauses = true,
				      .full = 100,
				      .mib = 12 };

#define KIND(f, mix)                                                                               \
	{                                                                                          \
#f "(" #mix ")", f, NULL, tear_down, &mix                                          \
	}
#define EXACT(mix) KIND(demux_push__random_frames__come_out_byte_by_byte, mix)
#define FULL(mix)  KIND(demux_push__full_sockets__come_out_byte_by_byte, mix)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXACT(all_sizes), EXACT(many),	     EXACT(large),
		FULL(small),	  FULL(small_large), EXACT(tls_all_sizes),
		EXACT(tls_large), FULL(tls_small),   FULL(tls_small_large),
	};

	return BED_RUN(tests);
}
