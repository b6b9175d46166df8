// SPDX-License-Identifier: GPL-2.0-or-later
// A demux's life and its streams': who may come in, what stays as it was, what is left behind.
#include "demux_bed.h"

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

#include <bpf/bpf.h>

#include "datapath/demux_impl.h"
#include "wire/ktls.h"

#define SOON_MS 150
#define NOBODY	65534

static struct demux_bed bed;
static struct bed_stream *one;

static int set_up(void **state)
{
	(void)state;
	bed_init(&bed, bed_demux(4), BED_SESSION);
	one = bed_open(&bed, 0, 0);
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

static void demux_add__no_tcp_socket__is_refused(void **state)
{
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned slot;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(demux_add(bed.d, 1, 1, pair[0], &slot), -EINVAL);
	assert_int_equal(demux_add(bed.d, 1, 1, udp, &slot), -EINVAL);
	assert_int_equal(demux_add(bed.d, 1, 1, bed.pipe[0], &slot), -EINVAL);
	assert_int_equal(demux_add(bed.d, 1, 1, -1, &slot), -EINVAL);
	fd_close(pair[0]);
	fd_close(pair[1]);
	fd_close(udp);
}

static void demux_add__socket_with_tls__is_refused(void **state)
{
	unsigned slot;
	int fd[2];

	(void)state;
	assert_int_equal(loopback_pair(fd, 0), 0);
	if (ktls_attach(fd[0]) < 0) {
		fd_close(fd[0]);
		fd_close(fd[1]);
		print_message("no kernel TLS here\n");
		skip();
	}
	assert_int_equal(demux_add(bed.d, 1, 1, fd[0], &slot), -EINVAL);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

static void demux_add__socket_not_connected__is_refused_and_leaves_room(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned slot;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(demux_add(bed.d, 1, 1, fd, &slot), -EOPNOTSUPP);
	assert_int_equal(demux_add(bed.d, 1, 1, one->fd[0], &slot), 0);
	demux_remove(bed.d, slot);
	fd_close(fd);
}

static void demux_add__stream_that_is_there__is_refused_until_removed(void **state)
{
	unsigned slot;

	(void)state;
	assert_int_equal(demux_add(bed.d, bed.key, 1, one->fd[0], &slot), -EEXIST);
	demux_remove(bed.d, one->slot);
	assert_int_equal(demux_add(bed.d, bed.key, 1, one->fd[0], &one->slot), 0);
}

static void demux_add__full__is_refused_until_one_is_removed(void **state)
{
	unsigned slot[4];

	(void)state;
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(demux_add(bed.d, 1, i, one->fd[0], &slot[i]), 0);
	assert_int_equal(demux_add(bed.d, 1, 9, one->fd[0], &slot[0]), -ENOSPC);
	demux_remove(bed.d, slot[2]);
	assert_int_equal(demux_add(bed.d, 1, 9, one->fd[0], &slot[0]), 0);
	assert_int_equal(slot[0], slot[2]);
}

/* A slot that was slow is not so for its next stream. */
static void demux_add__slot_of_a_slow_stream__is_not_slow(void **state)
{
	(void)state;
	demux_slow(bed.d, one->slot, true);
	demux_remove(bed.d, one->slot);
	assert_int_equal(demux_add(bed.d, bed.key, 1, one->fd[0], &one->slot), 0);
	bed_psh(&bed, one, 9000);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, one, SOON_MS);
}

/* What userspace writes goes straight out, in the order of the calls. */
static void demux_add__socket_written_in_between__keeps_the_order(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		uint8_t by_hand[100];

		bed_psh(&bed, one, 9000);
		assert_int_equal(bed_push(&bed, bed.n), 0);
		for (size_t k = 0; k < sizeof(by_hand); k++)
			by_hand[k] = bed_byte(one->seed, one->made++);
		one->user += sizeof(by_hand);
		assert_int_equal(write(one->fd[0], by_hand, sizeof(by_hand)), sizeof(by_hand));
	}
	bed_expect(&bed, one, SOON_MS);
}

static void demux_add__socket__is_read_as_ever(void **state)
{
	struct pollfd p = { .fd = one->fd[0], .events = POLLIN };
	char buf[8];

	(void)state;
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(write(one->fd[1], "hello", 5), 5);
	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	assert_int_equal(recv(one->fd[0], buf, sizeof(buf), MSG_PEEK), 5);
	assert_int_equal(recv(one->fd[0], buf, 2, 0), 2);
	assert_int_equal(splice(one->fd[0], NULL, bed.pipe[1], NULL, 8, SPLICE_F_NONBLOCK), 3);
	assert_int_equal(read(bed.pipe[0], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "llo", 3);
	shutdown(one->fd[1], SHUT_WR);
	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	assert_int_equal(recv(one->fd[0], buf, sizeof(buf), 0), 0);
	bed_psh(&bed, one, 9000); /* the other way is still open */
	assert_int_equal(bed_push(&bed, bed.n), 0);
	bed_expect(&bed, one, SOON_MS);
}

/* What was redirected before is delivered, and FIN comes behind it. */
static void demux_remove__then_closed__delivers_all(void **state)
{
	static uint8_t buf[65536];
	size_t got = 0;
	ssize_t n;

	(void)state;
	bed_psh(&bed, one, 60000);
	assert_int_equal(bed_push(&bed, bed.n), 0);
	demux_remove(bed.d, one->slot);
	one->slot = 0;
	fd_close(fd_take(&one->fd[0]));
	fcntl(one->fd[1], F_SETFL, O_RDWR);
	while ((n = recv(one->fd[1], buf, sizeof(buf), 0)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, 60000);
}

/* As many streams as a busy worker has; their frames meet in one socket, in order. */
static void demux_push__thousands_of_streams__each_is_found(void **state)
{
	enum { MANY = 5000 };
	static unsigned slot[MANY];
	struct demux *d = bed_demux(MANY);
	struct demux *own = bed.d;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(demux_add(d, bed.key, i * 7 + 1, one->fd[0], &slot[i]), 0);
	bed.d = d;
	for (uint32_t k = 0; k < 2000; k++) {
		uint32_t i = k * 1237 % MANY;

		bed_psh(&bed, one, 8192);
		frame_put(bed.wire, FRAME_PSH, i * 7 + 1, 8192);
		one->slot = slot[i];
		assert_int_equal(bed_push(&bed, bed.n), 0);
		assert_int_equal(bed.pushed.parts[0].slot, slot[i]);
		bed_read(one, SIZE_MAX);
	}
	bed_expect(&bed, one, SOON_MS);
	bed.d = own;
	one->slot = 1;
	demux_free(d);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static uint32_t id_of(int map)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &len), 0);
	return info.id;
}

/* The kernel releases a map some time after its last user. */
static void check_gone(uint32_t id)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (int i = 0; i < 1000; i++) {
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0)
			return;
		fd_close(fd);
		nanosleep(&pause, NULL);
	}
	fail_msg("map %u is still there", id);
}

static void demux_free__made_200_times__leaves_nothing_behind(void **state)
{
	static uint32_t ids[600];
	unsigned n = 0, slot;
	int before = count_fds();

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct demux *d = bed_demux(16);

		assert_int_equal(demux_add(d, 1, 1, one->fd[0], &slot), 0);
		ids[n++] = id_of(d->k.sockets);
		ids[n++] = id_of(d->k.keys);
		ids[n++] = id_of(d->k.map);
		demux_free(d);
		assert_int_equal(count_fds(), before);
	}
	while (n > 0)
		check_gone(ids[--n]);
	assert_int_equal(write(one->fd[0], "x", 1), 1);
}

/* In a child, since rights that were given up do not come back. */
static int new_as_nobody(void)
{
	struct demux *d = NULL;
	char why[200] = "";

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	if (demux_new(&d, 1, why, sizeof(why)) != -EPERM || d)
		return 2;
	return strstr(why, "CAP_BPF") ? 0 : 3;
}

static void demux_new__without_the_right__says_so(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0)
		_exit(new_as_nobody());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void demux_new__sigpipe_not_ignored__is_refused(void **state)
{
	struct demux *d;
	char why[200] = "";

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(demux_new(&d, 1, why, sizeof(why)), -EINVAL);
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(strstr(why, "SIGPIPE"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(demux_add__no_tcp_socket__is_refused),
		TEST(demux_add__socket_with_tls__is_refused),
		TEST(demux_add__socket_not_connected__is_refused_and_leaves_room),
		TEST(demux_add__stream_that_is_there__is_refused_until_removed),
		TEST(demux_add__full__is_refused_until_one_is_removed),
		TEST(demux_add__slot_of_a_slow_stream__is_not_slow),
		TEST(demux_add__socket_written_in_between__keeps_the_order),
		TEST(demux_add__socket__is_read_as_ever),
		TEST(demux_remove__then_closed__delivers_all),
		TEST(demux_push__thousands_of_streams__each_is_found),
		TEST(demux_free__made_200_times__leaves_nothing_behind),
		TEST(demux_new__without_the_right__says_so),
		TEST(demux_new__sigpipe_not_ignored__is_refused),
	};

	return BED_RUN(tests);
}
