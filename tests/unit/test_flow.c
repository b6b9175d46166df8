// SPDX-License-Identifier: GPL-2.0-or-later
// What the rules of a worker's program do to its flows.
#include "app/flow.h"

#include <errno.h>

#include "app/program.h"
#include "route_bed.h"

/* A worker with three outbounds, which note what they are given. */
struct bed {
	struct program program;
	struct worker w;
	struct outbound outbounds[3], *at[3];
	struct flow flow;
	struct flow *connected;
	const struct flow *associated;
	int failed; /* negative errno */
};

static struct bed *bed; /* of the test that runs */

static void on_connect(struct outbound *o, struct flow *f)
{
	(void)o;
	bed->connected = f;
}

static struct packets *on_packets(struct outbound *o, const struct flow *f, bool connected,
				  uint32_t timeout_ms)
{
	static struct packets packets;

	(void)o, (void)connected, (void)timeout_ms;
	bed->associated = f;
	return &packets;
}

static void on_cancel(struct outbound *o, struct flow *f)
{
	(void)o;
	assert_ptr_equal(f, bed->connected);
	bed->connected = NULL;
}

static void on_failed(struct flow *f, int err, const char *why)
{
	assert_ptr_equal(f, &bed->flow);
	assert_string_equal(why, "rejected by a rule");
	bed->failed = err;
}

static const struct outbound_ops outbound_ops = { .connect = on_connect,
						  .cancel = on_cancel,
						  .packets = on_packets };
static const struct flow_ops flow_ops = { .failed = on_failed };

static void set_up(struct bed *b, const char *text)
{
	struct config *c = route_config(text);

	bed = b;
	*b = (struct bed){ .program = { .config = c, .routes.lock = PTHREAD_MUTEX_INITIALIZER } };
	b->w = (struct worker){ .program = &b->program, .config = c, .outbounds = b->at };
	for (size_t i = 0; i < 3; i++) {
		b->outbounds[i] = (struct outbound){ .ops = &outbound_ops,
						     .config = &c->outbounds[i],
						     .w = &b->w };
		b->at[i] = &b->outbounds[i];
	}
	route_slot_set(&b->program.routes, route_made(c));
	b->flow = (struct flow){
		.w = &b->w, .ops = &flow_ops, .network = IPPROTO_TCP, .user = "", .tag = "t"
	};
}

static void take_down(struct bed *b)
{
	route_unref(b->w.route);
	route_slot_set(&b->program.routes, NULL);
	config_free((struct config *)b->w.config);
}

#define REJECT_TEN                                                                                 \
	ROUTE_CONFIG("[{\"ip_cidr\":\"10.0.0.0/8\",\"action\":\"reject\"},"                        \
		     "{\"domain\":\"a.test\",\"inbound\":\"in\",\"outbound\":\"one\"}]")

static void flow_connect__no_rules__goes_to_final_and_asks_for_none(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b, ROUTE_CONFIG("[],\"final\":\"two\""));
	b.flow.dst = addr_of("10.0.0.1:1");
	flow_connect(&b.flow);
	assert_ptr_equal(b.connected, &b.flow);
	assert_ptr_equal(b.flow.outbound, b.at[2]);
	assert_null(b.w.route);
	assert_true(flow_permits(&b.flow, &b.flow.dst));
	assert_false(flow_wants_domain(&b.w, 0));
	take_down(&b);
}

static void flow_connect__rejected__has_failed_and_no_outbound(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b, REJECT_TEN);
	b.flow.dst = addr_of("10.0.0.1:1");
	flow_connect(&b.flow);
	assert_int_equal(b.failed, -EACCES);
	assert_null(b.flow.outbound);
	assert_null(b.connected);
	flow_cancel(&b.flow); /* nothing to cancel */
	take_down(&b);
}

static void flow_connect__sniffed_name__counts_once(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b, REJECT_TEN);
	b.flow.dst = addr_of("1.1.1.1:443");
	b.flow.domain = "a.test";
	flow_connect(&b.flow);
	assert_ptr_equal(b.flow.outbound, b.at[1]);
	assert_null(b.flow.domain);
	flow_cancel(&b.flow);
	assert_null(b.connected);
	take_down(&b);
}

static void flow_packets__rejected__is_null(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b, REJECT_TEN);
	b.flow.network = IPPROTO_UDP;
	b.flow.dst = addr_of("10.0.0.1:1");
	assert_null(flow_packets(&b.flow, false, 1));
	assert_null(b.associated);
	b.flow.dst = addr_of("11.0.0.1:1");
	assert_non_null(flow_packets(&b.flow, false, 1));
	assert_ptr_equal(b.associated, &b.flow);
	take_down(&b);
}

static void flow_permits__other_destination__is_held_against_rejections(void **state)
{
	struct bed b;
	struct addr ten = addr_of("10.0.0.1:1"), name = addr_of("a.test:1");

	(void)state;
	set_up(&b, REJECT_TEN);
	b.flow.network = IPPROTO_UDP;
	b.flow.dst = addr_of("11.0.0.1:1");
	assert_non_null(flow_packets(&b.flow, false, 1));
	assert_false(flow_permits(&b.flow, &ten));
	assert_true(flow_permits(&b.flow, &name)); /* though a rule sends it elsewhere */
	assert_true(flow_permits(&b.flow, &b.flow.dst));
	take_down(&b);
}

static void flow_route__new_rules__count_for_the_next_flow(void **state)
{
	struct bed b;
	struct config *other =
		route_config(ROUTE_CONFIG("[{\"ip_cidr\":\"11.0.0.0/8\",\"outbound\":\"two\"}]"));

	(void)state;
	set_up(&b, REJECT_TEN);
	b.flow.dst = addr_of("11.0.0.1:1");
	assert_true(flow_route(&b.flow));
	assert_ptr_equal(b.flow.outbound, b.at[0]);
	route_slot_set(&b.program.routes, route_made(other));
	assert_true(flow_route(&b.flow));
	assert_ptr_equal(b.flow.outbound, b.at[2]);
	take_down(&b);
	config_free(other);
}

static void flow_wants_domain__inbound__is_asked_of_the_rules(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b, REJECT_TEN);
	assert_true(flow_wants_domain(&b.w, 0));
	assert_false(flow_wants_domain(&b.w, 1));
	take_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_connect__no_rules__goes_to_final_and_asks_for_none),
		cmocka_unit_test(flow_connect__rejected__has_failed_and_no_outbound),
		cmocka_unit_test(flow_connect__sniffed_name__counts_once),
		cmocka_unit_test(flow_packets__rejected__is_null),
		cmocka_unit_test(flow_permits__other_destination__is_held_against_rejections),
		cmocka_unit_test(flow_route__new_rules__count_for_the_next_flow),
		cmocka_unit_test(flow_wants_domain__inbound__is_asked_of_the_rules),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
