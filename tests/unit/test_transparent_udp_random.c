// SPDX-License-Identifier: GPL-2.0-or-later
// Captured datagrams in random order with everything that may go wrong between them: whatever
// happened, nothing is left of it. UDP_RANDOM_STEPS and UDP_RANDOM_SEED make it longer or another.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/dns_hijack.h"
#include "base/clock.h"
#include "io/original.h"
#include "udp_bed.h"

#define STEPS	4000
#define CLIENTS 40
#define HUGE	60000

/* What leads to the destinations, and how it behaves at the moment. */
struct far {
	struct packets p;
	struct run *run;
	struct list link;
	struct addr to; /* of the last datagram */
	uint8_t last[64];
	size_t last_n;
};

struct run {
	struct udp_bed *bed;
	struct list fars, ended; /* the latter are freed between two steps */
	unsigned n_fars;
	int clients[CLIENTS];
	uint64_t random;
	uint8_t data[HUGE];
};

static struct run *run;

static uint32_t any(uint32_t below)
{
	run->random = run->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(run->random >> 33) % below;
}

static struct addr address(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_from_host(ip, strlen(ip), port, &a), 0);
	return a;
}

/* Somebody who answers: mostly whom the client asked. */
static struct addr somebody(const struct far *f)
{
	static const char *const others[] = {
		UDP_BED_CLIENT4,   UDP_BED_CLIENT6, "203.0.113.1", "a.name.example", "2001:db8::77",
		"255.255.255.255", "224.0.0.1",	    "ff02::1",	   "127.0.0.1",	     "::",
		"0.0.0.0"
	};
	char ip[32];

	if (f->to.type && any(3))
		return f->to;
	if (any(2))
		return address(others[any(11)], (uint16_t)any(4) ? run->bed->port : 0);
	snprintf(ip, sizeof(ip), "203.0.113.%u", any(250));
	return address(ip, (uint16_t)(1 + any(65535)));
}

static size_t some_size(void)
{
	return any(8) ? any(200) : any(4) ? 0 : any(HUGE);
}

static void far_end(struct far *f)
{
	list_remove(&f->link);
	list_push_back(&run->ended, &f->link);
	run->n_fars--;
}

static void free_ended(void)
{
	while (!list_empty(&run->ended)) {
		struct far *f = container_of(run->ended.next, struct far, link);

		list_remove(&f->link);
		free(f);
	}
}

static void far_close(struct packets *p)
{
	far_end(container_of(p, struct far, p));
}

/* DNS questions come back as answers. */
static void answer(struct far *f)
{
	struct addr from = somebody(f);
	size_t n = some_size();

	if (run->bed->port == 53 && f->last_n && any(3)) {
		memcpy(run->data, f->last, f->last_n);
		run->data[2] |= 0x80;
		n = f->last_n;
	}
	f->p.peer->ops->send(f->p.peer, &from, run->data, n);
}

static void far_send(struct packets *p, const struct addr *a, const uint8_t *data, size_t n)
{
	struct far *f = container_of(p, struct far, p);

	f->to = *a;
	f->last_n = n < sizeof(f->last) ? n : 0;
	memcpy(f->last, data, f->last_n);
	for (unsigned i = any(8) ? any(2) : 50; i > 0 && f->p.peer; i--)
		answer(f);
	if (f->p.peer && any(40) == 0) {
		packets_close_peer(&f->p);
		far_end(f);
	}
}

static struct packets *make_far(struct outbound *o, const struct flow *flow, bool connected,
				uint32_t timeout_ms)
{
	static const struct packets_ops ops = { .send = far_send, .close = far_close };
	struct far *f;

	(void)o, (void)flow, (void)connected, (void)timeout_ms;
	if (any(20) == 0)
		return NULL;
	f = calloc(1, sizeof(*f));
	f->p.ops = &ops;
	list_push_back(&run->fars, &f->link);
	run->n_fars++;
	return &f->p;
}

/* Of an address that nobody has, now and then. */
static int client_open(void)
{
	static const char *const own[] = { UDP_BED_CLIENT4, UDP_BED_CLIENT6 };
	char ip[32];
	union sockaddr_any a;
	int fd;

	if (any(3))
		return udp_bed_client_open(own[any(2)]);
	snprintf(ip, sizeof(ip), any(2) ? "192.0.2.%u" : "fd0a::%u", 1 + any(200));
	a = udp_bed_address(ip, 0);
	fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(original_transparent(fd, a.sa.sa_family), 0);
	assert_int_equal(bind(fd, &a.sa, sockaddr_len(&a)), 0);
	return fd;
}

/* As a question where that is what is captured. */
static size_t make_datagram(void)
{
	static const uint8_t question[] = { 0, 0, 1, 0,	  0,   1,   0, 0, 0, 0, 0, 0,
					    1, 0, 3, 'o', 'r', 'g', 0, 0, 1, 0, 1 };
	size_t n = some_size();

	for (size_t i = 0; i < 16 && i < n; i++)
		run->data[i] = (uint8_t)any(256);
	if (run->bed->port != 53 || any(8) == 0)
		return n;
	memcpy(run->data, question, sizeof(question));
	run->data[1] = (uint8_t)any(4);
	run->data[13] = (uint8_t)('a' + any(4));
	if (any(20) == 0)
		run->data[any(sizeof(question))] = (uint8_t)any(256);
	return sizeof(question) - (any(20) ? 0 : any(sizeof(question)));
}

static void client_sends(void)
{
	static const char *const dst[] = { "198.51.100.1", "198.51.100.2", "198.51.100.3",
					   "2001:db8::1",  "2001:db8::2",  UDP_BED_CLIENT4,
					   UDP_BED_CLIENT6 };
	union sockaddr_any to = udp_bed_address(dst[any(7)], run->bed->port);
	int *fd = &run->clients[any(CLIENTS)];

	if (*fd < 0)
		*fd = client_open();
	sendto(*fd, run->data, make_datagram(), MSG_DONTWAIT, &to.sa, sockaddr_len(&to));
}

static void client_hears(void)
{
	int fd = run->clients[any(CLIENTS)];

	while (fd >= 0 && recv(fd, run->data, sizeof(run->data), MSG_DONTWAIT) >= 0)
		;
}

static void client_goes(void)
{
	int *fd = &run->clients[any(CLIENTS)];

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct far *some_far(void)
{
	unsigned skip = run->n_fars ? any(run->n_fars) : 0;

	list_for_each (it, &run->fars)
		if (skip-- == 0)
			return container_of(it, struct far, link);
	return NULL;
}

static void far_speaks(void)
{
	struct far *f = some_far();

	for (unsigned i = any(100); f && f->p.peer && i > 0; i--)
		answer(f);
}

static void far_goes(void)
{
	struct far *f = some_far();

	if (!f)
		return;
	packets_close_peer(&f->p);
	far_end(f);
}

static void turn(void)
{
	clock_freeze_ms(clock_now_ms() + (any(20) ? any(50) : any(40000)));
	for (unsigned i = 0; i < run->bed->n_workers; i++)
		loop_turn(run->bed->workers[i].loop, 0);
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* As few as there are, or enough. */
static void limit_descriptors(bool few)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = few ? descriptors() : l.rlim_max < 4096 ? l.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static void without_descriptors(void)
{
	limit_descriptors(true);
	for (int i = 0; i < 3; i++)
		turn();
	limit_descriptors(false);
}

static void limits_change(void)
{
	run->bed->config.limits.udp_flows = 1 + any(any(2) ? 8 : 100);
	run->bed->config.limits.udp_sessions = 1 + any(any(2) ? 4 : 50);
}

static void step(void)
{
	uint32_t what = any(100);

	if (what < 50)
		client_sends();
	else if (what < 60)
		client_hears();
	else if (what < 65)
		client_goes();
	else if (what < 75)
		far_speaks();
	else if (what < 77)
		far_goes();
	else if (what < 78)
		limits_change();
	else if (what < 79)
		without_descriptors();
	else
		turn();
	free_ended();
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void start(struct udp_bed *b)
{
	static const struct outbound_ops ops = { .packets = make_far };

	run->bed = b;
	for (unsigned w = 0; w < b->n_workers; w++)
		for (int i = 0; i < 2; i++)
			b->outbound[w][i].ops = &ops;
	for (int i = 0; i < CLIENTS; i++)
		run->clients[i] = -1;
	limits_change();
}

static void assert_nothing_left(struct udp_bed *b)
{
	for (int i = 0; i < CLIENTS; i++)
		if (run->clients[i] >= 0)
			close(run->clients[i]);
	for (int i = 0; i < 4 * 130; i++) { /* all there is to time out does */
		clock_freeze_ms(clock_now_ms() + 500);
		for (unsigned w = 0; w < b->n_workers; w++)
			loop_turn(b->workers[w].loop, 0);
	}
	assert_int_equal(b->program.n_udp_flows, 0);
	for (unsigned w = 0; w < b->n_workers; w++) {
		struct transparent_udp *u = b->transparents[w].udp;

		assert_int_equal(u->n_handed, 0);
		assert_int_equal(u->n_queue, 0);
		assert_int_equal(u->queue_bytes, 0);
		assert_null(u->flows);
		assert_null(u->associations);
		assert_int_equal(u->n_sessions, 0);
	}
	if (!b->transparents[0].udp->dns)
		assert_int_equal(run->n_fars, 0);
}

static void run_steps(struct udp_bed *(*make)(void))
{
	unsigned steps = from_environment("UDP_RANDOM_STEPS", STEPS), before = descriptors();

	run = calloc(1, sizeof(*run));
	list_init(&run->fars);
	list_init(&run->ended);
	run->random = from_environment("UDP_RANDOM_SEED", 1);
	limit_descriptors(false);
	start(make());
	while (steps-- > 0)
		step();
	assert_nothing_left(run->bed);
	udp_bed_free(run->bed);
	free_ended();
	assert_int_equal(run->n_fars, 0);
	assert_int_equal(descriptors(), before);
	free(run);
}

static struct udp_bed *two_workers(void)
{
	return udp_bed_new_of(2);
}

static struct udp_bed *hijack(void)
{
	return udp_bed_new_hijack("9.9.9.9");
}

static void captured__anything_in_any_order__nothing_is_left(void **state)
{
	(void)state;
	run_steps(udp_bed_new);
}

static void captured__by_two_workers_in_any_order__nothing_is_left(void **state)
{
	(void)state;
	run_steps(two_workers);
}

static void hijacked__anything_in_any_order__nothing_is_left(void **state)
{
	(void)state;
	run_steps(hijack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captured__anything_in_any_order__nothing_is_left),
		cmocka_unit_test(captured__by_two_workers_in_any_order__nothing_is_left),
		cmocka_unit_test(hijacked__anything_in_any_order__nothing_is_left),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
