// SPDX-License-Identifier: GPL-2.0-or-later
// Splicing through a plain wire.
#include "wire/wire.h"

#include "wire_put.h"

#define HDR	   7
#define PIPE_SLOTS 64
#define PIPE_MAX   (PIPE_SLOTS * 4096)

static int pipes[2];
static uint8_t piped[PIPE_MAX];

static int set_up_pipe(void **state)
{
	assert_int_equal(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
	assert_true(fcntl(pipes[1], F_SETPIPE_SZ, PIPE_MAX) >= PIPE_MAX);
	return set_up(state);
}

static int set_up_tiny_pipe(void **state)
{
	assert_int_equal(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
	assert_true(fcntl(pipes[1], F_SETPIPE_SZ, PIPE_MAX) >= PIPE_MAX);
	return set_up_tiny(state);
}

static int tear_down_pipe(void **state)
{
	close(pipes[0]);
	close(pipes[1]);
	return tear_down(state);
}

/* A header and n bytes through the pipe, which has `in_pipe` of them. */
static int splice_out(size_t n, size_t in_pipe)
{
	uint8_t hdr[HDR];
	int err;

	for (size_t i = 0; i < HDR; i++)
		hdr[i] = bed_byte(written + i, 0);
	for (size_t i = 0; i < in_pipe; i++)
		piped[i] = bed_byte(written + HDR + i, 0);
	if (in_pipe > 0)
		assert_int_equal(write(pipes[1], piped, in_pipe), in_pipe);
	err = wire_splice_out(bed.wire, hdr, sizeof(hdr), pipes[0], n);
	written += err ? 0 : HDR + n;
	return err;
}

static void wire_splice_out__any_size__is_byte_exact(void **state)
{
	static const size_t lens[] = { 0, 1, 1000, 16377, 65529, 65535 };

	(void)state;
	for (size_t i = 0; i < COUNT(lens); i++) {
		assert_true(wire_splices_out(bed.wire));
		assert_int_equal(splice_out(lens[i], lens[i]), 0);
		far_until(&bed, written);
	}
}

/* A header alone must not wait for more. */
static void wire_splice_out__nothing_in_the_pipe__is_on_its_way(void **state)
{
	(void)state;
	assert_int_equal(splice_out(0, 0), 0);
	far_wait(&bed);
	assert_int_equal(bed.got, HDR);
}

static void wire_splice_out__peer_takes_nothing__queues_the_rest(void **state)
{
	(void)state;
	while (wire_queued(bed.wire) == 0)
		assert_int_equal(splice_out(65529, 65529), 0);
	assert_false(wire_splices_out(bed.wire));
	assert_int_equal(put(1000, WIRE_LATER), 0);
	assert_int_equal(splice_out(65529, 65529), 0);
	assert_int_equal(read(pipes[0], piped, 1), -1);
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	far_until(&bed, written);
	assert_int_equal(wire_flush(bed.wire), 0);
	far_wait(&bed);
	assert_true(bed.fin);
}

static void wire_splice_out__pipe_is_short__fails(void **state)
{
	(void)state;
	assert_true(splice_out(2000, 1000) < 0);
}

/* What follows belongs to somebody else, who would also get what is left. */
static void wire_splice_out__peer_is_gone__takes_its_bytes_out_of_the_pipe(void **state)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	uint8_t hdr[HDR] = { 0 };

	(void)state;
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	memset(piped, 1, 5000);
	assert_int_equal(write(pipes[1], piped, 5000), 5000);
	assert_int_equal(write(pipes[1], "next", 4), 4);
	assert_true(wire_splice_out(bed.wire, hdr, sizeof(hdr), pipes[0], 5000) < 0);
	assert_int_equal(read(pipes[0], piped, sizeof(piped)), 4);
	assert_memory_equal(piped, "next", 4);
}

static void wire_splice_in__data_then_fin__is_byte_exact(void **state)
{
	uint64_t at = 0;
	ssize_t n = -EAGAIN;

	(void)state;
	assert_true(wire_splices_in(bed.wire));
	assert_int_equal(wire_splice_in(bed.wire, pipes[1], PIPE_SLOTS, 100), -EAGAIN);
	for (uint64_t i = 0; i < 10; i++)
		far_write(&bed, i * 10000, 10000);
	shutdown(bed.far, SHUT_WR);
	while (n != 0) {
		n = wire_splice_in(bed.wire, pipes[1], PIPE_SLOTS, 65536);
		assert_true(n >= 0 || n == -EAGAIN);
		if (n > 0)
			assert_int_equal(read(pipes[0], piped, sizeof(piped)), n);
		for (ssize_t i = 0; i < n; i++, at++)
			assert_int_equal(piped[i], bed_byte(at, 1));
	}
	assert_int_equal(at, 100000);
	assert_int_equal(wire_end(bed.wire), WIRE_CLOSED);
}

#define PLAIN(f, up)                                                                               \
	{                                                                                          \
#f, f, up, tear_down_pipe, (void *)&wire_kinds[0]                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(wire_splice_out__any_size__is_byte_exact, set_up_pipe),
		PLAIN(wire_splice_out__nothing_in_the_pipe__is_on_its_way, set_up_pipe),
		PLAIN(wire_splice_out__peer_takes_nothing__queues_the_rest, set_up_tiny_pipe),
		PLAIN(wire_splice_out__pipe_is_short__fails, set_up_pipe),
		PLAIN(wire_splice_out__peer_is_gone__takes_its_bytes_out_of_the_pipe, set_up_pipe),
		PLAIN(wire_splice_in__data_then_fin__is_byte_exact, set_up_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
