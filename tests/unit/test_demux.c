// SPDX-License-Identifier: GPL-2.0-or-later
// Pushing frames: what the kernel takes, where it stops, and that it stops at the right byte.
#include "demux_bed.h"

#include "datapath/demux_impl.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SOON_MS	 150 /* a tail that waits for more comes after 200 ms */

static struct demux_bed bed;
static struct bed_stream *one, *two;

static int set_up(void **state)
{
	(void)state;
	bed_init(&bed, bed_demux(BED_STREAMS), BED_SESSION);
	one = bed_open(&bed, 0, 0);
	two = bed_open(&bed, 1, 0);
	return 0;
}

static int tear_down(void **state)
{
	struct demux *d = bed.d;

	(void)state;
	bed_done(&bed);
	demux_free(d);
	return 0;
}

static void demux_push__frames_of_two_streams__go_to_their_sockets(void **state)
{
	(void)state;
	bed_psh(&bed, one, 9000);
	bed_psh(&bed, two, 10000);
	bed_psh(&bed, two, 8192);
	bed_psh(&bed, one, 30000);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	assert_int_equal(bed.pushed.why, DEMUX_ALL);
	assert_int_equal(bed.pushed.n, 3);
	assert_int_equal(bed.pushed.parts[0].bytes, 9000);
	assert_int_equal(bed.pushed.parts[1].slot, two->slot);
	assert_int_equal(bed.pushed.parts[1].bytes, 18192);
	assert_int_equal(bed.d->k.slots[one->slot].bytes, 39000);
	bed_expect(&bed, one, SOON_MS);
	bed_expect(&bed, two, SOON_MS);
}

/* The end of a frame that is not the last of its message must not wait for more of the stream. */
static void demux_push__frame_ends_before_the_push_does__its_end_comes_at_once(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 10; i++) {
		bed_psh(&bed, one, (uint16_t)(8192 + i));
		bed_psh(&bed, two, 9001);
		bed_frame(&bed, FRAME_WASTE, 0, 3);
		bed_push(&bed, bed.n);
		assert_true(one->kernel + two->kernel == one->made + two->made);
		bed_expect(&bed, one, SOON_MS);
		bed_expect(&bed, two, SOON_MS);
	}
}

/* A frame of two pushes, the second with the frame's last byte alone before another's frame. */
static void demux_push__last_byte_of_a_frame__comes_at_once(void **state)
{
	(void)state;
	bed_psh(&bed, one, 20000);
	bed_psh(&bed, two, 9000);
	bed_push(&bed, 20006);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, one, SOON_MS);
	bed_expect(&bed, two, SOON_MS);
}

static void demux_push__what_is_not_for_it__stays_in_the_pipe(void **state)
{
	static const struct {
		uint8_t cmd;
		uint32_t id;
		uint16_t len;
		enum demux_why why;
	} cases[] = {
		{ FRAME_WASTE, 0, 9000, DEMUX_COMMAND },
		{ FRAME_WASTE, 0, 0, DEMUX_CUT },
		{ FRAME_HEART_RESPONSE, 1, 5, DEMUX_COMMAND },
		{ 99, 1, 30000, DEMUX_COMMAND },
		{ FRAME_PSH, 1, 0, DEMUX_CUT },
		{ FRAME_PSH, 1, 1, DEMUX_SHORT },
		{ FRAME_PSH, 2, 8191, DEMUX_SHORT },
		{ FRAME_PSH, 5, 9000, DEMUX_STREAM },
		{ FRAME_PSH, 0x01000001, 9000, DEMUX_STREAM },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bed_psh(&bed, one, 9000);
		bed_frame(&bed, cases[i].cmd, cases[i].id, cases[i].len);
		assert_int_equal(bed_push(&bed, bed.n), 7 + cases[i].len);
		assert_int_equal(bed.pushed.taken, 9007);
		assert_int_equal(bed.pushed.why, cases[i].why);
		assert_int_equal(bed.session.hdr_have, 0);
		two->made = cases[i].id == 2 ? two->made : two->got;
		one->made = cases[i].id == 0x01000001 ? one->got + 9000 : one->made;
		bed_expect(&bed, one, SOON_MS);
		bed_expect(&bed, two, SOON_MS);
	}
}

static uint64_t collector_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	assert_int_equal(getsockopt(bed.d->k.collector, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

/* A program that drops is not asked again: its socket refuses all that follows, until replaced. */
static void demux_push__stopped_often__goes_on_each_time(void **state)
{
	uint64_t cookie = collector_cookie();

	(void)state;
	for (int i = 0; i < 200; i++) {
		bed_frame(&bed, FRAME_WASTE, 0, 100);
		assert_int_equal(bed_push(&bed, bed.n), 107);
		bed_psh(&bed, one, 9000);
		bed_frame(&bed, FRAME_WASTE, 0, 100);
		assert_int_equal(bed_push(&bed, bed.n), 107);
		bed_read(one, SIZE_MAX);
	}
	assert_true(one->kernel == one->made);
	assert_true(cookie == collector_cookie());
	bed_expect(&bed, one, SOON_MS);
}

/* What is only passed after a redirect goes where the redirect went. */
static void demux_push__stopped_behind_a_redirect__sends_nothing_after_it(void **state)
{
	struct pollfd p = { .fd = one->fd[1], .events = POLLIN };

	(void)state;
	bed_psh(&bed, one, 9000);
	bed_frame(&bed, FRAME_WASTE, 0, 20000);
	bed_push(&bed, bed.n);
	bed_expect(&bed, one, SOON_MS);
	assert_int_equal(poll(&p, 1, SOON_MS), 0);
}

static void demux_push__zero_length_frames_in_between__are_left(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		bed_psh(&bed, one, 8192);
		bed_psh(&bed, one, 0);
		bed_psh(&bed, two, 0);
		bed_psh(&bed, two, 8200);
		assert_int_equal(bed_push(&bed, bed.n), 14 + 8207);
		bed_read(one, SIZE_MAX);
		bed_read(two, SIZE_MAX);
	}
	assert_true(one->kernel == one->made);
	assert_true(two->kernel == 0);
	bed_expect(&bed, one, SOON_MS);
	bed_expect(&bed, two, SOON_MS);
}

/* Behind each cut the rest of the frame is the kernel's; before it lies a frame, or nothing. */
static void demux_push__header_in_two_pushes__goes_on_in_the_second(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= FRAME_HDR_LEN; cut++) {
		for (size_t before = 0; before <= 8999; before += 8999) {
			uint64_t kernel = one->kernel;

			if (before)
				bed_psh(&bed, two, (uint16_t)(before - 7));
			bed_psh(&bed, one, 9000);
			if (before + cut > 0)
				assert_int_equal(bed_push(&bed, before + cut), cut);
			assert_int_equal(bed.session.hdr_have, cut);
			assert_int_equal(bed_push(&bed, bed.n), 0);
			assert_int_equal(one->kernel - kernel, 9000);
			bed_expect(&bed, one, SOON_MS);
			bed_expect(&bed, two, SOON_MS);
		}
	}
}

static void demux_push__every_byte_of_a_header_alone__is_read_and_the_rest_pushed(void **state)
{
	(void)state;
	bed_psh(&bed, one, 9000);
	for (int i = 0; i < FRAME_HDR_LEN; i++) {
		assert_int_equal(bed_push(&bed, 1), 1);
		assert_int_equal(bed.pushed.why, DEMUX_CUT);
	}
	assert_int_equal(bed_push(&bed, bed.n), 0);
	assert_true(one->kernel == 9000);
	bed_expect(&bed, one, SOON_MS);
}

/* The kernel's position in the frame is the session's at every cut. */
static void demux_push__frame_of_65535_bytes_in_odd_pushes__is_redirected_whole(void **state)
{
	static const size_t sizes[] = { 1, 7, 4096, 1, 16384, 10000, 61440 };

	(void)state;
	for (int k = 0; k < 4; k++) {
		bed_psh(&bed, one, 65535);
		bed_push(&bed, 8); /* the header, and one byte */
		for (size_t i = 0; bed.n > 0; i++) {
			size_t n = sizes[i % COUNT(sizes)];

			assert_int_equal(bed_push(&bed, n < bed.n ? n : bed.n), 0);
			assert_int_equal(bed.session.left, bed.n);
		}
		assert_int_equal(bed.session.hdr_have, 0);
		bed_expect(&bed, one, SOON_MS);
	}
	assert_true(one->kernel == one->made);
}

static void demux_push__more_than_its_limit__takes_that_much(void **state)
{
	(void)state;
	bed_psh(&bed, one, 65000);
	assert_int_equal(bed_push(&bed, 65000), 65000 - DEMUX_PUSH_MAX);
	assert_int_equal(bed.pushed.why, DEMUX_ALL);
	bed_push(&bed, bed.n);
	bed_expect(&bed, one, SOON_MS);
}

/* Each write is a piece of its own; the kernel splices 16 at a time, so the program sees a part. */
static void demux_push__more_pieces_than_one_message_holds__takes_none_wrongly(void **state)
{
	(void)state;
	fd_close(bed.pipe[0]);
	fd_close(bed.pipe[1]);
	assert_int_equal(pipe2(bed.pipe, O_NONBLOCK | O_CLOEXEC | O_DIRECT), 0);
	assert_true(fcntl(bed.pipe[1], F_SETPIPE_SZ, 1 << 20) > 0);
	for (int i = 0; i < 50; i++) {
		size_t n = 0, piece = 100 + (size_t)i * 30;

		bed_psh(&bed, one, 10000);
		bed_psh(&bed, two, 11000);
		while (bed.n > 0) {
			n = piece < bed.n ? piece : bed.n;
			assert_int_equal(write(bed.pipe[1], bed.wire, n), n);
			memmove(bed.wire, bed.wire + n, bed.n - n);
			bed.n -= n;
		}
		bed_push_pipe(&bed, 21014);
		bed_expect(&bed, one, SOON_MS);
		bed_expect(&bed, two, SOON_MS);
	}
}

/* With one id in both, only the session tells the streams apart. */
static void demux_push__two_sessions_with_equal_ids__do_not_mix(void **state)
{
	static struct demux_bed other;
	struct bed_stream *s;

	(void)state;
	bed_init(&other, bed.d, BED_SESSION + (1ull << 32));
	s = bed_open(&other, 0, 0);
	for (int i = 0; i < 5; i++) {
		bed_psh(&bed, one, 9000);
		bed_psh(&other, s, 12345);
		assert_int_equal(bed_push(&bed, bed.n), 0);
		bed_push(&other, 5000);
		bed_psh(&bed, one, 10000);
		bed_push(&bed, bed.n);
		assert_int_equal(bed_push(&other, other.n), 0);
		bed_expect(&bed, one, SOON_MS);
		bed_expect(&other, s, SOON_MS);
	}
	bed_done(&other);
}

static void demux_slow__marked_and_no_longer__left_and_taken_in_order(void **state)
{
	(void)state;
	bed_psh(&bed, one, 30000);
	bed_push(&bed, 10000);
	demux_slow(bed.d, one->slot, true);
	assert_int_equal(bed_push(&bed, 10000), 10000);
	assert_int_equal(bed.pushed.why, DEMUX_SLOW);
	demux_slow(bed.d, one->slot, false);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	assert_true(one->kernel == 10000 - 7 + 10007);
	bed_expect(&bed, one, SOON_MS);
}

static void demux_remove__in_mid_frame__the_rest_is_left_until_added_again(void **state)
{
	(void)state;
	bed_psh(&bed, one, 30000);
	bed_push(&bed, 10000);
	demux_remove(bed.d, one->slot);
	assert_int_equal(bed_push(&bed, 10000), 10000);
	assert_int_equal(bed.pushed.why, DEMUX_STREAM);
	assert_int_equal(demux_add(bed.d, bed.key, 1, one->fd[0], &one->slot), 0);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, one, SOON_MS);
}

static void demux_push__socket_closed_in_mid_frame__leaves_the_rest(void **state)
{
	(void)state;
	bed_psh(&bed, one, 30000);
	bed_psh(&bed, two, 9000);
	bed_push(&bed, 10000);
	fd_close(fd_take(&one->fd[0]));
	assert_int_equal(bed_push(&bed, 5000), 5000);
	assert_int_equal(bed.pushed.why, DEMUX_GONE);
	bed_push(&bed, bed.n);
	bed_psh(&bed, two, 10000);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, two, SOON_MS);
}

/* Whoever reads a stream goes away, with an RST where `hard`, in the middle of a frame. */
static void check_reader_goes(bool hard)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	bed_psh(&bed, one, 60000);
	bed_psh(&bed, two, 9000);
	bed_push(&bed, 20000);
	if (hard)
		setsockopt(one->fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	else
		bed_read(one, SIZE_MAX);
	fd_close(fd_take(&one->fd[1]));
	for (int i = 0; i < 3; i++)
		bed_push(&bed, 10000);
	assert_int_equal(bed.pushed.why, DEMUX_PARTIAL);
	assert_int_equal(bed.pushed.taken, 0);
	bed_push(&bed, bed.n);
	bed_psh(&bed, two, 10000);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, two, SOON_MS);
}

static void demux_push__reader_closes_in_mid_frame__others_go_on(void **state)
{
	(void)state;
	check_reader_goes(false);
}

static void demux_push__reader_resets_in_mid_frame__others_go_on(void **state)
{
	(void)state;
	check_reader_goes(true);
}

/* Pages that TCP has, on the whole machine. */
static long tcp_pages(void)
{
	FILE *f = fopen("/proc/net/sockstat", "r");
	long pages = -1;
	char line[200];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "TCP: inuse %*d orphan %*d tw %*d alloc %*d mem %ld", &pages);
	fclose(f);
	assert_true(pages >= 0);
	return pages;
}

/* What was not sent must not stay charged: that would be 10,000 pages. */
static void demux_push__stopped_and_full_often__leaves_no_memory_charged(void **state)
{
	struct bed_stream *small = bed_open(&bed, 2, 8192);
	long before = tcp_pages();
	unsigned full = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		bed_psh(&bed, small, 20000);
		bed_psh(&bed, one, 20000);
		bed_push(&bed, bed.n);
		full += bed.pushed.why == DEMUX_PARTIAL;
		while (small->got < small->made) {
			bed_read(small, SIZE_MAX);
			bed_flush(&bed, small);
		}
		bed_read(one, SIZE_MAX);
	}
	assert_true(full > 1000);
	assert_true(tcp_pages() < before + 5000);
	bed_expect(&bed, one, SOON_MS);
}

static void demux_push__collector_broken__makes_a_new_one_and_loses_nothing(void **state)
{
	(void)state;
	bed_psh(&bed, one, 20000);
	bed_push(&bed, 10000);
	fd_close(bed.d->k.collector);
	bed.d->k.collector = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(bed_push(&bed, 1000), 1000);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, one, SOON_MS);
}

/* Bytes that went the collector's own way were not counted: that session is over, others are not.
 */
static void demux_push__bytes_went_past_the_program__is_an_error(void **state)
{
	struct demux_pos pos = { 0 };
	int fd[2];

	(void)state;
	bed_psh(&bed, one, 9000);
	assert_int_equal(loopback_pair(fd, 0), 0);
	assert_true(dup2(fd[0], bed.d->k.collector) >= 0);
	assert_int_equal(write(bed.pipe[1], bed.wire, bed.n), bed.n);
	assert_int_equal(demux_push(bed.d, bed.key, &pos, bed.pipe[0], bed.n, &bed.pushed), -EIO);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, one, SOON_MS);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(demux_push__frames_of_two_streams__go_to_their_sockets),
		TEST(demux_push__frame_ends_before_the_push_does__its_end_comes_at_once),
		TEST(demux_push__last_byte_of_a_frame__comes_at_once),
		TEST(demux_push__what_is_not_for_it__stays_in_the_pipe),
		TEST(demux_push__stopped_often__goes_on_each_time),
		TEST(demux_push__stopped_behind_a_redirect__sends_nothing_after_it),
		TEST(demux_push__zero_length_frames_in_between__are_left),
		TEST(demux_push__header_in_two_pushes__goes_on_in_the_second),
		TEST(demux_push__every_byte_of_a_header_alone__is_read_and_the_rest_pushed),
		TEST(demux_push__frame_of_65535_bytes_in_odd_pushes__is_redirected_whole),
		TEST(demux_push__more_than_its_limit__takes_that_much),
		TEST(demux_push__more_pieces_than_one_message_holds__takes_none_wrongly),
		TEST(demux_push__two_sessions_with_equal_ids__do_not_mix),
		TEST(demux_slow__marked_and_no_longer__left_and_taken_in_order),
		TEST(demux_remove__in_mid_frame__the_rest_is_left_until_added_again),
		TEST(demux_push__socket_closed_in_mid_frame__leaves_the_rest),
		TEST(demux_push__reader_closes_in_mid_frame__others_go_on),
		TEST(demux_push__reader_resets_in_mid_frame__others_go_on),
		TEST(demux_push__stopped_and_full_often__leaves_no_memory_charged),
		TEST(demux_push__collector_broken__makes_a_new_one_and_loses_nothing),
		TEST(demux_push__bytes_went_past_the_program__is_an_error),
	};

	return BED_RUN(tests);
}
