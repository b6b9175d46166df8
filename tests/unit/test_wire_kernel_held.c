// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel holds of the records it has accepted, to the byte: a FIN that is sent too early
// throws the difference away.
#include "wire/wire.h"

#include <sys/ioctl.h>

#include "kernel_bed.h"

#define DRAINS 3

static int drains; /* so many times the peer reads, and acknowledges, behind a look at the socket */

int __real_getsockopt(int fd, int level, int name, void *p, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int name, void *p, socklen_t *n);

/* Much room for what is sent, little for what the peer receives. */
static int set_up_roomy(void **state)
{
	int room = 400000;

	set_up_tiny(state);
	return setsockopt(wire_fd(bed.wire), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

/* What the peer receives until nothing more comes; the wire is not flushed meanwhile. TCP may pause
 * for 200 ms and more where it has to ask for room.
 */
static size_t drain_for(size_t most, int patience_ms)
{
	static uint8_t raw[65536];
	struct pollfd ready = { .fd = bed.far, .events = POLLIN };
	size_t have = 0;

	while (have < most && poll(&ready, 1, patience_ms) > 0) {
		size_t want = most - have < sizeof(raw) ? most - have : sizeof(raw);
		ssize_t n = recv(bed.far, raw, want, 0);

		assert_true(n > 0);
		have += (size_t)n;
	}
	return have;
}

static size_t drain(size_t most)
{
	return drain_for(most, 200);
}

int __wrap_getsockopt(int fd, int level, int name, void *p, socklen_t *n)
{
	int ret = __real_getsockopt(fd, level, name, p, n);

	if (drains > 0 && level == IPPROTO_TCP && name == TCP_INFO) {
		drains--;
		drain(16384);
		poll(NULL, 0, 20);
	}
	return ret;
}

/* Bytes that wait at the peer. */
static size_t at_peer(void)
{
	int n;

	assert_int_equal(ioctl(bed.far, FIONREAD, &n), 0);
	return (size_t)n;
}

/* Writes until the kernel is full; what it says that it holds is then what the peer still gets. */
static void check_held(void)
{
	size_t in_kernel, there;

	while (wire_queued(bed.wire) == 0)
		assert_int_equal(put(65529, WIRE_NOW), 0);
	poll(NULL, 0, 300);
	in_kernel = wire_unacked(bed.wire) - wire_queued(bed.wire);
	there = at_peer();
	assert_true(in_kernel > 0);
	assert_int_equal(drain_for(there + in_kernel, 5000), there + in_kernel);
	assert_int_equal(drain(SIZE_MAX), 0);
	assert_int_equal(wire_unacked(bed.wire), wire_queued(bed.wire));
}

static void wire_unacked__at_rest__is_what_the_peer_still_gets(void **state)
{
	(void)state;
	drains = 0;
	hand_over();
	for (int i = 0; i < 3; i++) {
		check_held();
		assert_int_equal(put(100, WIRE_LATER), 0);
		while (wire_queued(bed.wire) > 0) {
			wire_flush(bed.wire);
			drain(SIZE_MAX);
		}
	}
}

/* The kernel gets its key while the peer acknowledges what we sent. */
static void wire_unacked__acknowledged_while_handed_over__is_what_the_peer_still_gets(void **state)
{
	(void)state;
	drains = 0;
	assert_int_equal(put(65000, WIRE_NOW), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
	assert_true(wire_unacked(bed.wire) > 0);
	drains = DRAINS;
	ask_kernel();
	assert_true(drains < DRAINS);
	drains = 0;
	check_places(WIRE_KERNEL, WIRE_RECORDS);
	drain(SIZE_MAX);
	check_held();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST_UP(wire_unacked__at_rest__is_what_the_peer_still_gets, set_up_tiny, 0),
		KERNEL_TEST_UP(wire_unacked__at_rest__is_what_the_peer_still_gets, set_up_tiny, 1),
		KERNEL_TEST_UP(wire_unacked__at_rest__is_what_the_peer_still_gets, set_up_tiny, 2),
		KERNEL_TEST_UP(wire_unacked__at_rest__is_what_the_peer_still_gets, set_up_roomy, 0),
		KERNEL_TEST_UP(
			wire_unacked__acknowledged_while_handed_over__is_what_the_peer_still_gets,
			set_up_roomy, 0),
	};

	return run_kernel(tests, COUNT(tests));
}
