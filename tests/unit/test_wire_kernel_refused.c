// SPDX-License-Identifier: GPL-2.0-or-later
// A kernel that refuses what it is asked for: the records go on in userspace, and say why.
#include "wire/wire.h"

#include <linux/tls.h>

#include "kernel_bed.h"

#define SOL_TLS_LEVEL 282

/* What is refused: a level and an option, from the n-th call on. */
static struct {
	int level, name, err, from, calls;
} refuse;

int __real_setsockopt(int fd, int level, int name, const void *p, socklen_t n);
int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t n);

int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	if (!refuse.err || level != refuse.level || name != refuse.name ||
	    ++refuse.calls < refuse.from)
		return __real_setsockopt(fd, level, name, p, n);
	errno = refuse.err;
	return -1;
}

static void refuse_from(int level, int name, int err, int from)
{
	refuse.level = level;
	refuse.name = name;
	refuse.err = err;
	refuse.from = from;
	refuse.calls = 0;
}

static int accept_all(void **state)
{
	refuse.err = 0;
	return tear_down(state);
}

/* Data each way. */
static void goes_on(void)
{
	far_put_data(&bed, "first");
	far_put_data(&bed, "second");
	far_send(&bed);
	near_wants(&bed, "firstsecond");
	assert_int_equal(put(100000, WIRE_NOW), 0);
	far_take_until(written);
	check_sizes(0, 100000);
}

static void farewell(void)
{
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

static void check_refusal(const char *what, const char *why)
{
	const char *text = wire_kernel_refusal(bed.wire);

	assert_non_null(text);
	assert_memory_equal(text, what, strlen(what));
	assert_non_null(strstr(text, why));
}

static void wire_to_kernel__no_kernel_tls__goes_on_as_records(void **state)
{
	(void)state;
	refuse_from(IPPROTO_TCP, TCP_ULP, ENOENT, 1);
	assert_null(wire_kernel_refusal(bed.wire));
	ask_kernel();
	goes_on();
	check_places(WIRE_RECORDS, WIRE_RECORDS);
	check_refusal(kind->tx && kind->rx ? "sending and receiving: "
		      : kind->tx	   ? "sending: "
					   : "receiving: ",
		      "no kernel TLS here");
	far_key_update(&bed, true);
	far_put_data(&bed, "behind");
	far_send(&bed);
	near_wants(&bed, "behind");
	assert_int_equal(put(10, WIRE_NOW), 0);
	far_take_until(written);
	assert_int_equal(n_updates, 1);
	assert_int_equal(wire_wear(bed.wire), WIRE_FRESH);
	farewell();
}

/* Each half can be refused alone. */
static void wire_to_kernel__sending_is_refused__only_that_goes_on_as_records(void **state)
{
	(void)state;
	refuse_from(SOL_TLS_LEVEL, TLS_TX, EINVAL, 1);
	ask_kernel();
	goes_on();
	check_places(WIRE_RECORDS, WIRE_KERNEL);
	check_refusal("sending: ", strerror(EINVAL));
	farewell();
}

static void wire_to_kernel__receiving_is_refused__only_that_goes_on_as_records(void **state)
{
	(void)state;
	refuse_from(SOL_TLS_LEVEL, TLS_RX, ETIMEDOUT, 1);
	ask_kernel();
	goes_on();
	check_places(WIRE_KERNEL, WIRE_RECORDS);
	check_refusal("receiving: ", strerror(ETIMEDOUT));
	far_put_data(&bed, "in many");
	far_put_data(&bed, " at once");
	far_send(&bed);
	near_wants(&bed, "in many at once");
	farewell();
}

/* The peer waits for records under the new key: none under the old one may follow. */
static void wire_write__new_key_is_refused__sends_nothing_behind_the_update(void **state)
{
	uint8_t p[FORGE_TEXT];
	size_t n;

	(void)state;
	opts.rekey_tx = true;
	hand_over();
	bed.sh.records_max = 4;
	refuse_from(SOL_TLS_LEVEL, TLS_TX, EBUSY, 1);
	assert_int_equal(put(10, WIRE_NOW), 0);
	assert_int_equal(put(10, WIRE_NOW), 0);
	assert_true(put(10, WIRE_NOW) < 0);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_take_until(20);
	assert_int_equal(far_get(&bed, p, &n), RECORD_HANDSHAKE);
	far_wants_fin(&bed);
}

static void wire_flush__new_key_is_refused_in_a_queue__drops_what_is_behind(void **state)
{
	int err = -EAGAIN;

	(void)state;
	opts.rekey_tx = true;
	hand_over();
	bed.sh.records_max = 100;
	refuse_from(SOL_TLS_LEVEL, TLS_TX, EBUSY, 1);
	for (int i = 0; i < 12; i++)
		assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	for (int i = 0; i < 1000 && err == -EAGAIN; i++) {
		far_take();
		err = wire_flush(bed.wire);
	}
	assert_int_equal(wire_flush(bed.wire), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
	wire_shutdown(bed.wire);
	while (far_take() > 0)
		;
	assert_int_equal(n_updates, 1);
	assert_true(taken < written);
	assert_int_equal(bed.rx.keys.seq, 0); /* under the new key: nothing */
}

#define REFUSED(f, up, i)                                                                          \
	{                                                                                          \
#f, f, up, accept_all, (void *)&kernel_kinds[i]                                    \
	}

int main(void)
{
	const struct CMUnitTest anywhere[] = {
		REFUSED(wire_to_kernel__no_kernel_tls__goes_on_as_records, set_up, 0),
		REFUSED(wire_to_kernel__no_kernel_tls__goes_on_as_records, set_up, 3),
		REFUSED(wire_to_kernel__no_kernel_tls__goes_on_as_records, set_up, 4),
	};
	const struct CMUnitTest tests[] = {
		REFUSED(wire_to_kernel__sending_is_refused__only_that_goes_on_as_records, set_up,
			0),
		REFUSED(wire_to_kernel__receiving_is_refused__only_that_goes_on_as_records, set_up,
			0),
		REFUSED(wire_to_kernel__sending_is_refused__only_that_goes_on_as_records, set_up,
			1),
		REFUSED(wire_to_kernel__receiving_is_refused__only_that_goes_on_as_records, set_up,
			1),
		REFUSED(wire_write__new_key_is_refused__sends_nothing_behind_the_update, set_up, 0),
		REFUSED(wire_flush__new_key_is_refused_in_a_queue__drops_what_is_behind,
			set_up_tiny, 0),
	};
	int failed = _cmocka_run_group_tests("refused", anywhere, COUNT(anywhere), NULL, NULL);

	return run_kernel(tests, COUNT(tests)) + failed;
}
