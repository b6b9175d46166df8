// SPDX-License-Identifier: GPL-2.0-or-later
// The sk_lookup program's life: pinned, taken over, replaced, moved to another namespace, removed.
#include <cap-ng.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "steer_bed.h"

static int pinned(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), PINS "/%s", name);
	return bpf_obj_get(path);
}

static struct bpf_link_info link_info(void)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = pinned("link");

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info;
}

static struct bpf_map_info map_info(const char *name)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = pinned(name);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info;
}

static ino_t here(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static unsigned entries(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void let_go(void)
{
	steer_close(steer);
	steer = NULL;
}

static void steer_open__pins_program_maps_and_link(void **state)
{
	static const char *const names[] = { "steer_sockets", "steer_ifaces", "steer_own",
					     "steer_targets", "steer_ports",  "steer_slots",
					     "steer_state",   "steer_counts" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct bpf_map_info info = map_info(names[i]);

		assert_string_equal(info.name, names[i]);
		/* with type information; what the kernel has none for are sockets */
		assert_true(i == 0 || info.btf_value_type_id != 0);
	}
	assert_int_equal(link_info().netns.netns_ino, here());
	assert_int_equal(entries(PINS), 10);
}

static void steer_close__everything_works_on(void **state)
{
	(void)state;
	let_go();
	check_tcp(&gateway, "198.51.100.10", 80);
	check_own_service("10.9.0.1");
	assert_int_equal(steer_counters_read(PINS, &counters), 0);
	assert_int_equal(counters.captured_tcp, 1);
}

/* As after a crash: the listeners are gone. */
static void steer_close__without_listeners__captured_is_dropped(void **state)
{
	struct steer_counters seen;
	int service = bound(SOCK_STREAM, "::", 80), fd;

	(void)state;
	let_go();
	close_listener(&gateway);
	fd = start_connect("fd09::2", "2001:db8::10", 80);
	do
		assert_int_equal(steer_counters_read(PINS, &seen), 0);
	while (seen.no_listener == 0);
	assert_false(comes(service, POLLIN, 0));
	close(fd);
	close(service);
}

static void steer_open__earlier_pins__program_is_replaced_and_maps_stay(void **state)
{
	struct bpf_link_info before = link_info();
	__u32 sockets = map_info("steer_sockets").id, own = map_info("steer_own").id;

	(void)state;
	check_tcp(&gateway, "198.51.100.10", 80);
	let_go();
	steer = open_steer();
	assert_int_equal(link_info().id, before.id);
	assert_int_not_equal(link_info().prog_id, before.prog_id);
	assert_int_equal(map_info("steer_sockets").id, sockets);
	assert_int_equal(map_info("steer_own").id, own);
	assert_int_equal(count()->captured_tcp, 1);
	check_tcp(&gateway, "198.51.100.10", 80); /* before anything is told */
	check_own_service("10.9.0.1");
	assert_int_equal(entries(PINS), 10);
}

static void steer_open__twice__no_descriptor_is_left(void **state)
{
	unsigned before = entries("/proc/self/fd");

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct steer *s = open_steer();

		steer_close(s);
		assert_null(steer_open("/sys/fs/bpf/no/such", why, sizeof(why)));
		assert_int_equal(steer_counters_read(PINS, &counters), 0);
	}
	assert_int_equal(entries("/proc/self/fd"), before);
}

/* As another version of ours would have it. */
static void pin_another(const char *name, enum bpf_map_type type, __u32 value_size)
{
	char path[100];
	int fd = bpf_map_create(type, "another", 4, value_size, 16, NULL);

	assert_true(fd >= 0);
	snprintf(path, sizeof(path), PINS "/%s", name);
	unlink(path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
}

/* Interfaces that nobody told the new program of: what is for others is dropped, not passed on. */
static void steer_open__interfaces_of_another_form__nothing_slips_through(void **state)
{
	__u32 sockets = map_info("steer_sockets").id;

	(void)state;
	let_go();
	pin_another("steer_ifaces", BPF_MAP_TYPE_HASH, 24);
	steer = open_steer();
	assert_int_equal(map_info("steer_ifaces").value_size, sizeof(struct steer_interface));
	assert_int_equal(map_info("steer_sockets").id, sockets);
	assert_int_equal(entries(PINS), 10);
	check_dropped("10.9.0.2", "198.51.100.10", &counters.no_listener);
	check_dropped("fd09::2", "2001:db8::10", &counters.no_listener);
	check_own_service("10.9.0.1");
	check_own_service("fd09::1");
	capture(steer, "g0", true, true);
	check_tcp(&gateway, "198.51.100.10", 80);
}

/* Own addresses are known before the new program runs. */
static void steer_open__addresses_of_another_form__own_services_stay(void **state)
{
	(void)state;
	let_go();
	pin_another("steer_own", BPF_MAP_TYPE_HASH, 4);
	steer = open_steer();
	check_own_service("10.9.0.1");
	check_own_service("fd09::1");
	check_tcp(&gateway, "198.51.100.10", 80);
}

static void steer_open__all_is_new__passes_own_only_until_told(void **state)
{
	(void)state;
	let_go();
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), 0);
	steer = open_steer();
	check_own_service("10.9.0.1");
	check_dropped("fd09::2", "2001:db8::10", &counters.no_listener);
	assert_int_equal(steer_interfaces(steer, NULL, 0), 0);
	check_own_service("10.9.0.1");
}

/* A daemon that ended in the middle. */
static void steer_open__pins_to_be_of_a_crash__are_swept(void **state)
{
	(void)state;
	let_go();
	pin_another("new-steer_own", BPF_MAP_TYPE_HASH, 4);
	pin_another("new-link", BPF_MAP_TYPE_HASH, 4);
	steer = open_steer();
	assert_int_equal(entries(PINS), 10);
	check_tcp(&gateway, "198.51.100.10", 80);
}

static void steer_open__link_of_another_namespace__is_left_alone(void **state)
{
	int other;

	(void)state;
	check_tcp(&gateway, "198.51.100.10", 80);
	other = netns_new();
	assert_null(steer_open(PINS, why, sizeof(why)));
	assert_non_null(strstr(why, "another network namespace"));
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), -EXDEV);
	netns_enter(gate_ns);
	assert_int_equal(link_info().netns.netns_ino, here());
	check_tcp(&gateway, "198.51.100.10", 80);
	close(other);
}

static void steer_open__link_of_a_namespace_that_ended__is_replaced(void **state)
{
	uint64_t end = clock_now_ms() + WAIT_MS;

	(void)state;
	let_go();
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), 0);
	close(netns_new());
	steer_close(open_steer());
	netns_enter(gate_ns);
	while (link_info().netns.netns_ino != 0 && clock_now_ms() < end)
		poll(NULL, 0, 10);
	assert_int_equal(link_info().netns.netns_ino, 0);
	steer = open_steer();
	assert_int_equal(link_info().netns.netns_ino, here());
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, gateway.udp, WORKERS), 0);
	capture(steer, "g0", true, true);
	check_tcp(&gateway, "198.51.100.10", 80);
}

/* A slot that was a server's, and is for something else now. */
static void steer_listen__ports_of_an_earlier_daemon__are_forgotten(void **state)
{
	static const struct steer_ports port = { 443, 443 };

	(void)state;
	assert_int_equal(steer_targets(steer, 0, &port, 1, NULL), 0);
	check_tcp(&gateway, "10.9.0.1", 443);
	let_go();
	steer = open_steer();
	check_tcp(&gateway, "10.9.0.1", 443);
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, gateway.udp, WORKERS), 0);
	check_refused("10.9.0.1", 443);
	assert_int_equal(steer_targets(steer, 0, &port, 1, NULL), 0);
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, gateway.udp, WORKERS), 0);
	check_tcp(&gateway, "10.9.0.1", 443);
}

static void steer_remove__detaches_and_leaves_nothing(void **state)
{
	struct listener service = { .tcp = { bound(SOCK_STREAM, "::", 80) }, .n = 1 };
	struct stat st;

	(void)state;
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), 0);
	assert_int_equal(stat(PINS, &st), -1);
	check_tcp(&service, "198.51.100.10", 80);
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), 0);
	assert_int_equal(steer_remove("/sys/fs/bpf/no/such", why, sizeof(why)), 0);
	assert_int_equal(steer_counters_read(PINS, &counters), -ENOENT);
	close(service.tcp[0]);
}

static void steer_remove__pins_of_others__stay(void **state)
{
	int fd;

	(void)state;
	pin_another("other", BPF_MAP_TYPE_HASH, 4);
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), 0);
	fd = pinned("other");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(PINS "/other"), 0);
}

static void steer_counters_read__map_of_another_form__is_refused(void **state)
{
	(void)state;
	pin_another("steer_counts", BPF_MAP_TYPE_PERCPU_ARRAY, 256);
	assert_int_equal(steer_counters_read(PINS, &counters), -EPROTO);
}

static void steer_open__no_bpffs__says_so(void **state)
{
	char parent[] = "/tmp/anytlsd-steer-XXXXXX", folder[60];

	(void)state;
	assert_non_null(mkdtemp(parent));
	snprintf(folder, sizeof(folder), "%s/pins", parent);
	assert_null(steer_open(folder, why, sizeof(why)));
	assert_non_null(strstr(why, "no folder in a BPF file system"));
	assert_int_equal(rmdir(parent), 0); /* nothing was left in it */
	assert_null(steer_open(folder, why, sizeof(why)));
	assert_non_null(strstr(why, folder));
}

static void steer_open__others_may_write_in_the_folder__is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(PINS, 0770), 0);
	assert_null(steer_open(PINS, why, sizeof(why)));
	assert_non_null(strstr(why, "may be written by others"));
	assert_int_equal(chmod(PINS, 0700), 0);
}

static void steer_open__without_rights__says_which(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		capng_clear(CAPNG_SELECT_BOTH);
		if (capng_apply(CAPNG_SELECT_BOTH) != 0)
			_exit(1);
		if (steer_open(PINS, why, sizeof(why)))
			_exit(2);
		_exit(strstr(why, "CAP_BPF and CAP_NET_ADMIN") ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_tcp(&gateway, "198.51.100.10", 80); /* the earlier program is still there */
	assert_int_equal(entries(PINS), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		steer_test(steer_open__pins_program_maps_and_link),
		steer_test(steer_close__everything_works_on),
		steer_test(steer_close__without_listeners__captured_is_dropped),
		steer_test(steer_open__earlier_pins__program_is_replaced_and_maps_stay),
		steer_test(steer_open__twice__no_descriptor_is_left),
		steer_test(steer_open__interfaces_of_another_form__nothing_slips_through),
		steer_test(steer_open__addresses_of_another_form__own_services_stay),
		steer_test(steer_open__all_is_new__passes_own_only_until_told),
		steer_test(steer_open__pins_to_be_of_a_crash__are_swept),
		steer_test(steer_open__link_of_another_namespace__is_left_alone),
		steer_test(steer_open__link_of_a_namespace_that_ended__is_replaced),
		steer_test(steer_listen__ports_of_an_earlier_daemon__are_forgotten),
		steer_test(steer_remove__detaches_and_leaves_nothing),
		steer_test(steer_remove__pins_of_others__stay),
		steer_test(steer_counters_read__map_of_another_form__is_refused),
		steer_test(steer_open__no_bpffs__says_so),
		steer_test(steer_open__others_may_write_in_the_folder__is_refused),
		steer_test(steer_open__without_rights__says_which),
	};

	return steer_bed_run("steer_pins", tests, sizeof(tests) / sizeof(*tests));
}
