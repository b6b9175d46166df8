// SPDX-License-Identifier: GPL-2.0-or-later
// Captured connections in a network namespace of their own; flows end as the test wants.
#include "app/transparent.h"

#include "app/local_conn.h"
#include "captured_bed.h"
#include "tcp_bed.h"

#define LISTEN_PORT 7893 /* as configured: what a loop goes to */
#define TARGET4	    "198.51.100.7"
#define TARGET6	    "2001:db8::7"
#define REQUEST	    "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

struct bed {
	struct config config;
	struct config_inbound in;
	struct config_outbound out;
	struct outbound outbound, *outbounds[1];
	struct inbound *inbounds[1];
	struct program program;
	struct worker w;
	struct inbound *t;
	uint16_t port; /* where it listens really */
	/* of flows */
	struct flow *flow; /* NULL: none is under way */
	unsigned flows, cancelled;
	char domain[256]; /* of the last one, "" where it has none */
};

static struct bed *bed; /* of the running test */

void __wrap_flow_connect(struct flow *f);
void __wrap_flow_connect(struct flow *f)
{
	assert_null(bed->flow);
	bed->flow = f;
	bed->flows++;
	snprintf(bed->domain, sizeof(bed->domain), "%s", f->domain ? f->domain : "");
}

bool __wrap_flow_wants_domain(struct worker *w, uint32_t inbound);
bool __wrap_flow_wants_domain(struct worker *w, uint32_t inbound)
{
	(void)w, (void)inbound;
	return true;
}

void __wrap_flow_cancel(struct flow *f);
void __wrap_flow_cancel(struct flow *f)
{
	assert_ptr_equal(f, bed->flow);
	bed->flow = NULL;
	bed->cancelled++;
}

/* In place of captured datagrams. */
struct transparent_udp {
	int fd;
	bool drained;
};
static struct transparent_udp udp = { .fd = -1 };

struct transparent_udp *transparent_udp_new(struct transparent *t, int fd)
{
	(void)t;
	if (udp.fd >= 0)
		return NULL;
	udp.fd = fd;
	return &udp;
}

void transparent_udp_drain(struct transparent_udp *u)
{
	u->drained = true;
}

void transparent_udp_free(struct transparent_udp *u)
{
	if (!u)
		return;
	close(u->fd);
	*u = (struct transparent_udp){ .fd = -1 };
}

static int listen_on(const char *ip, uint16_t port)
{
	const struct listener_opts opts = { .transparent = true };
	union sockaddr_any a = captured_addr(ip, port);
	int fd = -1;

	assert_int_equal(listener_bind(&a, &opts, &fd), 0);
	return fd;
}

static void worker_make(struct worker *w)
{
	w->program = &bed->program;
	w->config = &bed->config;
	w->loop = loop_new();
	w->mailbox = mailbox_new(w->loop, w);
	w->rx = malloc(WIRE_READ_ROOM);
	w->outbounds = bed->outbounds;
	w->inbounds = bed->inbounds;
	assert_int_equal(relay_shared_init(&w->relay, w->loop, &w->pool, &bed->program.n_busy), 0);
}

static void worker_unmake(struct worker *w)
{
	relay_shared_done(&w->relay);
	mailbox_free(w->mailbox);
	loop_free(w->loop);
	buf_pool_trim(&w->pool, 0);
	free(w->rx);
}

static void start_on(const char *ip, uint16_t port)
{
	int fd = listen_on(ip, port);
	char why[100];

	bed->port = captured_port_of(fd);
	bed->t = transparent_new(&bed->w, &bed->in, fd, -1, why, sizeof(why));
	assert_non_null(bed->t);
	bed->inbounds[0] = bed->t;
}

static void start(void)
{
	start_on("::", 0);
}

static int set_up(void **state)
{
	static const struct outbound_ops no_ops = { 0 };

	clock_freeze_ms(BED_START_MS);
	bed = calloc(1, sizeof(*bed));
	*state = bed;
	bed->in = (struct config_inbound){ .type = INBOUND_TRANSPARENT, .tag = "gw" };
	bed->in.listen = captured_addr("::1", LISTEN_PORT);
	bed->in.transparent.sniff = true;
	bed->in.transparent.sniff_timeout_ms = 100;
	bed->out = (struct config_outbound){ .type = OUTBOUND_ANYTLS, .server = "192.0.2.1" };
	bed->out.server_port = 443;
	bed->config = (struct config){
		.inbounds = &bed->in, .n_inbounds = 1, .outbounds = &bed->out, .n_outbounds = 1
	};
	bed->config.limits.local_connections = 8;
	bed->outbound = (struct outbound){ .ops = &no_ops, .w = &bed->w };
	bed->outbounds[0] = &bed->outbound;
	bed->program = (struct program){ .config = &bed->config, .n_workers = 1 };
	worker_make(&bed->w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (bed->t)
		bed->t->ops->free(bed->t);
	worker_unmake(&bed->w);
	assert_null(bed->flow);
	assert_int_equal(bed->program.n_local, 0);
	assert_int_equal(bed->program.n_busy, 0);
	free(bed);
	clock_freeze_ms(0);
	return 0;
}

static void settle(void)
{
	for (int i = 0; i < 10; i++)
		loop_turn(bed->w.loop, 1);
}

static void advance(uint64_t ms)
{
	clock_freeze_ms(clock_now_ms() + ms);
	settle();
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int client_to(const char *ip)
{
	int fd = captured_connect(SOCK_STREAM, ip, bed->port);

	settle();
	return fd;
}

static void hang_up_hard(int fd)
{
	const struct linger hard = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

/* Nothing came, and the connection was reset. */
static void expect_reset(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void expect_open(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void expect_dst(const char *ip, uint16_t port)
{
	char want[ADDR_TEXT_MAX], got[ADDR_TEXT_MAX];
	struct addr a;

	assert_non_null(bed->flow);
	assert_int_equal(addr_from_host(ip, strlen(ip), port, &a), 0);
	assert_string_equal(addr_text(&bed->flow->dst, got), addr_text(&a, want));
}

/* The flow leads somewhere; returns the socket at its far end. */
static int open_flow(void)
{
	struct buf none = { 0 };
	struct flow *f = bed->flow;
	struct endpoint *far;
	int pair[2];

	bed_tcp_pair(pair, 0);
	far = tcp_endpoint_new(&f->w->relay, pair[1], &none, NULL);
	assert_non_null(far);
	bed->flow = NULL;
	f->ops->opened(f, far);
	settle();
	return pair[0];
}

static void expect_text(int fd, const char *text)
{
	char got[200] = { 0 };

	settle();
	assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), strlen(text));
	assert_string_equal(got, text);
}

/* Both ends are closed; what joined them ends by itself. */
static void close_both(int client, int far)
{
	close(client);
	close(far);
	settle();
}

static void fail_flow(void)
{
	struct flow *f = bed->flow;

	bed->flow = NULL;
	f->ops->failed(f, -ECONNREFUSED, "refused by the test");
	settle();
}

static void expect_captured(const char *listen, const char *to)
{
	union sockaddr_any own = { 0 };
	socklen_t len = sizeof(own);
	char a[SOCKADDR_TEXT_MAX], b[SOCKADDR_TEXT_MAX];
	int client;

	bed->in.transparent.sniff = false;
	start_on(listen, 0);
	client = client_to(to);
	expect_dst(to, bed->port);
	assert_int_equal(getsockname(client, &own.sa, &len), 0);
	assert_string_equal(sockaddr_text(&bed->flow->src, a), sockaddr_text(&own, b));
	assert_int_equal(bed->flow->network, IPPROTO_TCP);
	assert_string_equal(bed->flow->user, "");
	assert_int_equal(bed->w.counters.connections, 1);
	close_both(client, open_flow());
}

static void transparent__ipv4__flow_goes_to_the_original_destination(void **state)
{
	(void)state;
	expect_captured("0.0.0.0", TARGET4);
}

static void transparent__ipv6__flow_goes_to_the_original_destination(void **state)
{
	(void)state;
	expect_captured("::", TARGET6);
}

static void transparent__mapped__flow_is_ipv4(void **state)
{
	(void)state;
	expect_captured("::", TARGET4);
}

static void transparent__name_in_pieces__is_told_and_stays_in_the_stream(void **state)
{
	int client, far;

	(void)state;
	start();
	client = client_to(TARGET4);
	send_text(client, "GET / HTTP/1.1\r\nHo");
	settle();
	assert_int_equal(bed->flows, 0);
	send_text(client, "st: a.example\r\n\r\n");
	settle();
	assert_int_equal(bed->flows, 1);
	assert_string_equal(bed->domain, "a.example");
	expect_dst(TARGET4, bed->port);
	far = open_flow();
	expect_text(far, REQUEST);
	send_text(far, "answer");
	expect_text(client, "answer");
	close_both(client, far);
}

static void transparent__no_name_to_be_had__connects_at_once(void **state)
{
	int client;

	(void)state;
	start();
	client = client_to(TARGET4);
	send_text(client, "\x01");
	settle();
	assert_int_equal(bed->flows, 1);
	assert_string_equal(bed->domain, "");
	close_both(client, open_flow());
}

static void transparent__server_that_speaks_first__waits_for_the_timeout_only(void **state)
{
	int client, far;

	(void)state;
	start();
	client = client_to(TARGET4);
	advance(99);
	assert_int_equal(bed->flows, 0);
	advance(1);
	assert_int_equal(bed->flows, 1);
	assert_string_equal(bed->domain, "");
	far = open_flow();
	send_text(far, "220 hello\r\n");
	expect_text(client, "220 hello\r\n");
	close_both(client, far);
}

static void transparent__not_asked_to_sniff__connects_at_once(void **state)
{
	int client;

	(void)state;
	bed->in.transparent.sniff = false;
	start();
	client = captured_connect(SOCK_STREAM, TARGET4, bed->port);
	send_text(client, REQUEST);
	settle();
	assert_int_equal(bed->flows, 1);
	assert_string_equal(bed->domain, "");
	close_both(client, open_flow());
}

static void transparent__accepted__is_kept_alive(void **state)
{
	socklen_t len = sizeof(int);
	int client, fd, on = 0, idle_s = 0;

	(void)state;
	bed->in.transparent.sniff = false;
	start();
	client = client_to(TARGET4);
	fd = container_of(bed->flow, struct local_conn, flow)->watch.fd;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, &len), 0);
	assert_int_equal(on, 1);
	assert_int_equal(idle_s, 15);
	close_both(client, open_flow());
}

static void transparent__no_time_to_sniff__connects_at_once(void **state)
{
	int client;

	(void)state;
	bed->in.transparent.sniff_timeout_ms = 0;
	start();
	client = client_to(TARGET4);
	assert_int_equal(bed->flows, 1);
	close_both(client, open_flow());
}

/* All the client has to say, and its end, come before the flow is open. */
static void expect_half_closed(const char *text, const char *domain)
{
	int client, far;
	char byte;

	start();
	client = captured_connect(SOCK_STREAM, TARGET4, bed->port);
	send_text(client, text);
	shutdown(client, SHUT_WR);
	settle();
	assert_int_equal(bed->flows, 1);
	assert_string_equal(bed->domain, domain);
	far = open_flow();
	if (*text)
		expect_text(far, text);
	assert_int_equal(recv(far, &byte, 1, MSG_DONTWAIT), 0);
	send_text(far, "answer");
	expect_text(client, "answer");
	close_both(client, far);
}

static void transparent__request_and_half_close__is_carried_on(void **state)
{
	(void)state;
	expect_half_closed(REQUEST, "a.example");
}

static void transparent__half_close_before_the_name__ends_the_waiting(void **state)
{
	(void)state;
	expect_half_closed("GET / HT", "");
}

static void transparent__half_close_without_a_byte__is_carried_on(void **state)
{
	(void)state;
	expect_half_closed("", "");
}

static void transparent__half_close_while_connecting__is_carried_on(void **state)
{
	int client, far;
	char byte;

	(void)state;
	bed->in.transparent.sniff = false;
	start();
	client = client_to(TARGET4);
	send_text(client, "x");
	shutdown(client, SHUT_WR);
	settle();
	assert_int_equal(bed->cancelled, 0);
	far = open_flow();
	expect_text(far, "x");
	assert_int_equal(recv(far, &byte, 1, MSG_DONTWAIT), 0);
	close_both(client, far);
}

static void transparent__reset_while_sniffing__is_over(void **state)
{
	(void)state;
	start();
	hang_up_hard(client_to(TARGET4));
	settle();
	assert_int_equal(bed->program.n_local, 0);
	advance(200);
	assert_int_equal(bed->flows, 0);
}

static void expect_cancelled(bool sniff)
{
	int client;

	bed->in.transparent.sniff = sniff;
	start();
	client = captured_connect(SOCK_STREAM, TARGET4, bed->port);
	send_text(client, REQUEST);
	settle();
	assert_int_equal(bed->flows, 1);
	hang_up_hard(client);
	settle();
	assert_int_equal(bed->cancelled, 1);
	assert_int_equal(bed->program.n_local, 0);
}

static void transparent__reset_while_connecting__cancels_the_flow(void **state)
{
	(void)state;
	expect_cancelled(false);
}

static void transparent__reset_while_connecting_by_name__cancels_the_flow(void **state)
{
	(void)state;
	expect_cancelled(true);
}

static void transparent__flow_fails__resets_the_client(void **state)
{
	int client;

	(void)state;
	bed->in.transparent.sniff = false;
	start();
	client = client_to(TARGET4);
	expect_open(client);
	fail_flow();
	expect_reset(client);
}

static void transparent__dns__goes_to_the_hijacker_at_once(void **state)
{
	int client;

	(void)state;
	assert_int_equal(addr_from_host("9.9.9.9", 7, 53, &bed->in.transparent.hijack_dns), 0);
	start_on("::", 53);
	client = client_to(TARGET6);
	expect_dst("9.9.9.9", 53);
	close_both(client, open_flow());
}

static void transparent__dns_without_a_hijacker__goes_where_it_says(void **state)
{
	int client;

	(void)state;
	bed->in.transparent.sniff = false;
	start_on("::", 53);
	client = client_to(TARGET6);
	expect_dst(TARGET6, 53);
	close_both(client, open_flow());
}

static void transparent__other_ports__are_not_hijacked(void **state)
{
	int client;

	(void)state;
	assert_int_equal(addr_from_host("9.9.9.9", 7, 53, &bed->in.transparent.hijack_dns), 0);
	bed->in.transparent.sniff = false;
	start();
	client = client_to(TARGET4);
	expect_dst(TARGET4, bed->port);
	close_both(client, open_flow());
}

static void transparent__sent_to_the_listener_itself__is_reset(void **state)
{
	(void)state;
	start_on("::", LISTEN_PORT);
	expect_reset(client_to("127.0.0.1"));
	expect_reset(client_to("::1"));
	assert_int_equal(bed->flows, 0);
}

static void transparent__own_connection_to_a_server__is_reset(void **state)
{
	char server[] = TARGET4;

	(void)state;
	start();
	bed->out.server = server;
	bed->out.server_port = bed->port;
	expect_reset(client_to(TARGET4));
	assert_int_equal(bed->flows, 0);
}

static bool loops(const char *src, const char *dst, uint16_t port)
{
	struct transparent *t = container_of(bed->t, struct transparent, in);
	union sockaddr_any from = captured_addr(src, 4000);
	const char *why = NULL;
	struct addr to;
	bool found;

	assert_int_equal(addr_from_host(dst, strlen(dst), port, &to), 0);
	found = transparent_loops(t, &from, &to, &why);
	assert_true(found == (why != NULL));
	return found;
}

static void transparent_loops__only_what_is_ours__is_one(void **state)
{
	(void)state;
	start();
	assert_true(loops("203.0.113.5", "127.0.0.1", LISTEN_PORT));
	assert_true(loops("203.0.113.5", "::1", LISTEN_PORT));
	assert_false(loops("203.0.113.5", "127.0.0.1", 80));
	assert_false(loops("203.0.113.5", "203.0.113.6", LISTEN_PORT));
	assert_false(loops("203.0.113.5", "name.example", LISTEN_PORT));
	assert_true(loops("127.0.0.1", "192.0.2.1", 443));
	assert_true(loops("::1", "192.0.2.1", 443));
	assert_false(loops("203.0.113.5", "192.0.2.1", 443));
	assert_false(loops("127.0.0.1", "192.0.2.1", 444));
	assert_false(loops("127.0.0.1", "192.0.2.2", 443));
	bed->out.type = OUTBOUND_DIRECT;
	assert_false(loops("127.0.0.1", "192.0.2.1", 443));
}

static void transparent_loops__source_unknown__is_none(void **state)
{
	const union sockaddr_any unknown = { 0 };
	const char *why = NULL;
	struct addr to;

	(void)state;
	start();
	assert_int_equal(addr_from_host("192.0.2.1", 9, 443, &to), 0);
	assert_false(transparent_loops(container_of(bed->t, struct transparent, in), &unknown, &to,
				       &why));
}

static void transparent__redirect_that_did_not_happen__is_reset(void **state)
{
	(void)state;
	bed->in.transparent.plan.steering = STEERING_REDIRECT;
	start();
	expect_reset(client_to(TARGET4));
	assert_int_equal(bed->flows, 0);
}

static void transparent__limit_reached__resets_the_next(void **state)
{
	int first, second;

	(void)state;
	bed->config.limits.local_connections = 1;
	bed->in.transparent.sniff = false;
	start();
	first = client_to(TARGET4);
	second = client_to(TARGET4);
	assert_int_equal(bed->flows, 1);
	expect_reset(second);
	close_both(first, open_flow());
	first = client_to(TARGET4);
	assert_int_equal(bed->flows, 2);
	close_both(first, open_flow());
}

static void transparent__drain__takes_no_more_but_goes_on_with_what_is(void **state)
{
	union sockaddr_any a;
	int client, fd;

	(void)state;
	start();
	client = client_to(TARGET4);
	bed->t->ops->drain(bed->t);
	a = captured_addr(TARGET4, bed->port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, &a.sa, sizeof(a.in)), -1);
	close(fd);
	send_text(client, REQUEST);
	settle();
	assert_string_equal(bed->domain, "a.example");
	close_both(client, open_flow());
}

static void transparent_free__in_all_phases__resets_and_cancels(void **state)
{
	int sniffing, connecting;

	(void)state;
	start();
	connecting = client_to(TARGET4);
	send_text(connecting, REQUEST);
	settle();
	sniffing = client_to(TARGET4);
	assert_int_equal(bed->flows, 1);
	bed->t->ops->free(bed->t);
	bed->t = NULL;
	settle();
	assert_int_equal(bed->cancelled, 1);
	expect_reset(sniffing);
	expect_reset(connecting);
}

static struct worker *other; /* what has a session ready */

static struct worker *better_worker(struct outbound *o)
{
	return o->w == &bed->w ? other : NULL;
}

static void transparent__better_worker__gets_the_connection_unread(void **state)
{
	static const struct outbound_ops ops = { .better_worker = better_worker };
	struct inbound *theirs[1];
	struct worker w2 = { .id = 1 };
	char why[100];
	int client;

	(void)state;
	worker_make(&w2);
	other = &w2;
	w2.inbounds = theirs;
	theirs[0] = transparent_new(&w2, &bed->in, -1, -1, why, sizeof(why));
	bed->outbound.ops = &ops;
	start();
	client = captured_connect(SOCK_STREAM, TARGET4, bed->port);
	send_text(client, REQUEST);
	settle();
	assert_int_equal(bed->flows, 0);
	for (int i = 0; i < 10; i++)
		loop_turn(w2.loop, 1);
	expect_dst(TARGET4, bed->port);
	assert_ptr_equal(bed->flow->w, &w2);
	assert_string_equal(bed->domain, "a.example");
	assert_int_equal(bed->flow->src.sa.sa_family, AF_INET);
	assert_int_equal(sockaddr_port(&bed->flow->src), captured_port_of(client));
	fail_flow();
	expect_reset(client);
	theirs[0]->ops->free(theirs[0]);
	worker_unmake(&w2);
}

static void transparent__datagrams__have_their_own_part(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char why[100];

	(void)state;
	bed->t = transparent_new(&bed->w, &bed->in, -1, fd, why, sizeof(why));
	assert_non_null(bed->t);
	assert_int_equal(udp.fd, fd);
	bed->t->ops->drain(bed->t);
	assert_true(udp.drained);
	bed->t->ops->free(bed->t);
	bed->t = NULL;
	assert_int_equal(udp.fd, -1);
}

static void transparent_new__part_fails__closes_all(void **state)
{
	int before = bed_count_fds(), fd = listen_on("::", 0), dgram;
	char why[100] = "";

	(void)state;
	dgram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	udp.fd = INT32_MAX; /* no room for another one */
	assert_null(transparent_new(&bed->w, &bed->in, fd, dgram, why, sizeof(why)));
	udp.fd = -1;
	assert_true(why[0]);
	assert_int_equal(bed_count_fds(), before);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	struct CMUnitTest tests[] = {
		bed_test(transparent__ipv4__flow_goes_to_the_original_destination),
		bed_test(transparent__ipv6__flow_goes_to_the_original_destination),
		bed_test(transparent__mapped__flow_is_ipv4),
		bed_test(transparent__name_in_pieces__is_told_and_stays_in_the_stream),
		bed_test(transparent__no_name_to_be_had__connects_at_once),
		bed_test(transparent__server_that_speaks_first__waits_for_the_timeout_only),
		bed_test(transparent__not_asked_to_sniff__connects_at_once),
		bed_test(transparent__accepted__is_kept_alive),
		bed_test(transparent__no_time_to_sniff__connects_at_once),
		bed_test(transparent__request_and_half_close__is_carried_on),
		bed_test(transparent__half_close_before_the_name__ends_the_waiting),
		bed_test(transparent__half_close_without_a_byte__is_carried_on),
		bed_test(transparent__half_close_while_connecting__is_carried_on),
		bed_test(transparent__reset_while_sniffing__is_over),
		bed_test(transparent__reset_while_connecting__cancels_the_flow),
		bed_test(transparent__reset_while_connecting_by_name__cancels_the_flow),
		bed_test(transparent__flow_fails__resets_the_client),
		bed_test(transparent__dns__goes_to_the_hijacker_at_once),
		bed_test(transparent__dns_without_a_hijacker__goes_where_it_says),
		bed_test(transparent__other_ports__are_not_hijacked),
		bed_test(transparent__sent_to_the_listener_itself__is_reset),
		bed_test(transparent__own_connection_to_a_server__is_reset),
		bed_test(transparent_loops__only_what_is_ours__is_one),
		bed_test(transparent_loops__source_unknown__is_none),
		bed_test(transparent__redirect_that_did_not_happen__is_reset),
		bed_test(transparent__limit_reached__resets_the_next),
		bed_test(transparent__drain__takes_no_more_but_goes_on_with_what_is),
		bed_test(transparent_free__in_all_phases__resets_and_cancels),
		bed_test(transparent__better_worker__gets_the_connection_unread),
		bed_test(transparent__datagrams__have_their_own_part),
		bed_test(transparent_new__part_fails__closes_all),
	};

	captured_enter_all(tests, sizeof(tests) / sizeof(tests[0]));
	log_max = LOG_LEVEL_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
