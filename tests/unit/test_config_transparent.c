// SPDX-License-Identifier: GPL-2.0-or-later
// Inbounds that capture traffic: what their keys mean, and what is refused.
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/config.h"

#define GW(rest) "{\"type\":\"transparent\",\"interfaces\":\"lan0\"" rest "}"
#define IN(list) "{\"inbounds\":[" list "]}"
#define TPROXY_LOCAL GW(",\"steering\":\"tproxy\",\"local\":true")
#define MARKED	     "\"route\":{\"default_mark\":\"0x4000001\"}" /* with capture_mark's bit */
#define TUNNEL	 "\"outbounds\":[{\"type\":\"direct\",\"routing_mark\":255},{\"type\":\"block\"}]"

static struct config *parse(const char *text, char **ret_report)
{
	struct config *c = NULL;
	size_t n;
	FILE *f = open_memstream(ret_report, &n);

	assert_non_null(f);
	config_parse(text, strlen(text), "t", f, &c);
	fclose(f);
	return c;
}

static struct config *load(const char *text)
{
	char *report;
	struct config *c = parse(text, &report);

	if (!c)
		fail_msg("%s\n%s", text, report);
	free(report);
	return c;
}

static bool bypasses(const struct plan *p, const char *ip)
{
	struct prefix one;

	assert_int_equal(prefix_parse(ip, strlen(ip), &one), 0);
	return prefix_list_has(&p->bypass, one.ip, one.family == AF_INET ? 4 : 16);
}

static void config_parse__interfaces_alone__have_safe_defaults(void **state)
{
	struct config *c = load(IN(GW("")));
	const struct config_inbound *in = &c->inbounds[0];
	const struct plan *p = &in->transparent.plan;
	static const char *const left_alone[] = {
		"10.1.2.3",	   "127.0.0.1",	 "169.254.1.1", "224.0.0.5",
		"255.255.255.255", "100.64.0.1", "::1",		"::",
		"fe80::1",	   "fd12::1",	 "ff02::fb",	"192.168.1.1"
	};

	(void)state;
	assert_int_equal(in->type, INBOUND_TRANSPARENT);
	assert_true(in->transparent.set_up && !in->transparent.foreign && !in->transparent.sniff);
	assert_int_equal(p->steering, STEERING_SK_LOOKUP);
	assert_true(p->tcp && p->udp && !p->local);
	assert_int_equal(p->spare_replies, SPARE_AUTO);
	assert_string_equal(p->name, "anytlsd-transparent-in");
	assert_int_equal(p->n_interfaces, 1);
	assert_string_equal(p->interfaces[0], "lan0");
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&in->listen.in6.sin6_addr));
	assert_int_equal(sockaddr_port(&in->listen), p->port);
	for (size_t i = 0; i < sizeof(left_alone) / sizeof(*left_alone); i++)
		if (!bypasses(p, left_alone[i]))
			fail_msg("%s is captured", left_alone[i]);
	assert_false(bypasses(p, "8.8.8.8") || bypasses(p, "2001:db8::1"));
	config_free(c);
}

static void config_parse__every_key__is_in_the_plan(void **state)
{
	struct config *c = load(IN(GW(
		",\"tag\":\"a.b\",\"steering\":\"tproxy\",\"sources\":\"10.0.0.0/"
		"8\",\"local\":true,"
		"\"bypass\":[\"203.0.113.9/24\"],\"bypass_private\":false,"
		"\"bypass_ports\":[\"22\",\"udp:123\",\"tcp:6000-6010\"],"
		"\"bypass_sources\":[\"10.0.0.5\",\"10.0.0.0/24 tcp:443\"],\"spare_replies\":false,"
		"\"table\":77,\"priority\":99,\"hijack_dns\":\"[2001:db8::5]:54\",\"sniff\":true,"
		"\"sniff_timeout\":\"50ms\",\"set_up\":false,\"network\":\"tcp\"")));
	const struct config_transparent *t = &c->inbounds[0].transparent;
	const struct plan *p = &t->plan;
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_string_equal(p->name, "anytlsd-a_b");
	assert_int_equal(p->steering, STEERING_TPROXY);
	assert_true(p->local && p->tcp && !p->udp);
	assert_int_equal(p->sources.n, 1);
	assert_int_equal(p->bypass.n, 1);
	assert_true(bypasses(p, "203.0.113.200"));
	assert_int_equal(p->n_bypass_ports, 3);
	assert_int_equal(p->bypass_ports[1].protocol, IPPROTO_UDP);
	assert_int_equal(p->bypass_ports[2].first, 6000);
	assert_int_equal(p->bypass_ports[2].last, 6010);
	assert_int_equal(p->n_bypass_sources, 2);
	assert_int_equal(p->bypass_sources[0].ports.last, 65535);
	assert_int_equal(p->bypass_sources[1].ports.first, 443);
	assert_int_equal(p->spare_replies, SPARE_NO);
	assert_int_equal(p->table, 77);
	assert_int_equal(p->priority, 99);
	assert_string_equal(addr_text(&t->hijack_dns, text), "[2001:db8::5]:54");
	assert_true(t->sniff && !t->set_up);
	assert_int_equal(t->sniff_timeout_ms, 50);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&c->inbounds[0].listen.in6.sin6_addr));
	config_free(c);
}

static void config_parse__ours_captures__every_outbound_is_marked(void **state)
{
	struct config *c =
		load("{\"inbounds\":[" GW("") "],\"steering\":{\"own_mark\":\"0x10\"},"
					      "\"route\":{\"default_mark\":64}," TUNNEL "}");

	(void)state;
	assert_int_equal(c->steering.own_mark, 0x10);
	assert_int_equal(c->inbounds[0].transparent.plan.own_mark, 0x10);
	assert_int_equal(c->outbounds[0].dial.routing_mark, 255 | 0x10);
	assert_int_equal(c->outbounds[1].dial.routing_mark, 64 | 0x10);
	config_free(c);
}

static void config_parse__capture_mark_where_own_mark_comes_first__is_no_harm(void **state)
{
	(void)state;
	config_free(load("{\"inbounds\":[" GW(",\"local\":true") "]," MARKED "}"));
}

static void config_parse__sing_box_types__leave_the_operators_rules(void **state)
{
	struct config *c = load(
		"{\"inbounds\":["
		"{\"type\":\"tproxy\",\"listen\":\"::\",\"listen_port\":1,\"network\":\"udp\"},"
		"{\"type\":\"redirect\",\"listen\":\"::\",\"listen_port\":2}]," TUNNEL "}");
	const struct config_transparent *t = &c->inbounds[0].transparent;

	(void)state;
	assert_true(t->foreign && !t->set_up);
	assert_int_equal(t->plan.steering, STEERING_TPROXY);
	assert_true(t->plan.udp && !t->plan.tcp);
	assert_int_equal(c->inbounds[1].transparent.plan.steering, STEERING_REDIRECT);
	assert_false(c->inbounds[1].transparent.plan.udp);
	assert_int_equal(c->steering.own_mark, 0);
	assert_int_equal(c->outbounds[0].dial.routing_mark, 255);
	config_free(c);
}

static void config_parse__steer_ports__are_ranges(void **state)
{
	struct config *c = load(IN("{\"type\":\"anytls\",\"listen\":\"::\",\"listen_port\":443,"
				   "\"users\":[{\"password\":\"a\"}],"
				   "\"steer_ports\":[\"8443\",\"20000-30000\",53],"
				   "\"steer_addresses\":\"192.0.2.0/24\"}"));
	const struct config_inbound *in = &c->inbounds[0];

	(void)state;
	assert_int_equal(in->n_steer_ports, 3);
	assert_int_equal(in->steer_ports[1].first, 20000);
	assert_int_equal(in->steer_ports[1].last, 30000);
	assert_int_equal(in->steer_ports[2].last, 53);
	assert_int_equal(in->steer_addresses.n, 1);
	config_free(c);
}

static void config_parse__what_cannot_work__is_refused(void **state)
{
	static const struct {
		const char *text, *report; /* some part of it */
	} cases[] = {
		{ IN("{\"type\":\"transparent\"}"), "captures nothing: name \"interfaces\"" },
		{ IN("{\"type\":\"transparent\",\"interfaces\":[\"lo\"]}"),
		  "must be the name of an interface" },
		{ IN("{\"type\":\"transparent\",\"interfaces\":[\"a b\"]}"),
		  "must be the name of an interface" },
		{ IN("{\"type\":\"transparent\",\"interfaces\":[\"x234567890123456\"]}"),
		  "must be the name" },
		{ IN(GW(",\"steering\":\"tun\"")), "must be \"sk_lookup\", \"tproxy\" or" },
		{ IN(GW(",\"steering\":\"redirect\",\"network\":[\"tcp\",\"udp\"]")),
		  "takes TCP only" },
		{ IN(GW(",\"network\":\"icmp\"")), "must be \"tcp\" or \"udp\"" },
		{ IN(GW(",\"bypass\":\"10.0.0.0/33\"")), "is no prefix such as" },
		{ IN(GW(",\"bypass_ports\":\"tcp:9-3\"")), "must be a port or a range" },
		{ IN(GW(",\"bypass_ports\":\"0\"")), "must be a port or a range" },
		{ IN(GW(",\"bypass_sources\":\"x 5\"")), "must be an address or prefix, with or" },
		{ IN(GW(",\"spare_replies\":\"yes\"")), "must be true, false or \"auto\"" },
		{ IN(GW(",\"hijack_dns\":\"dns.example\"")), "must be an IP address" },
		{ IN(GW(",\"sniff_timeout\":\"101ms\"")), "must be from 1ms to 100ms" },
		{ IN(GW(",\"table\":0")), "inbounds[0].table: must be from 1 to" },
		{ IN(GW(",\"table\":253")), "inbounds[0].table: 253 is the machine's own" },
		{ IN(GW(",\"table\":254")), "254 is the machine's own table \"main\"" },
		{ IN(GW(",\"table\":255,\"set_up\":false")), "table \"local\"" },
		{ IN(GW(",\"priority\":0")), "inbounds[0].priority: must be from 1 to 32000" },
		{ IN(GW(",\"priority\":32760")), "inbounds[0].priority: must be from 1" },
		{ IN(GW(",\"tag\":\"t234567890123456789012345678901234567890\"")),
		  "together have over" },
		{ IN(GW("") "," GW(",\"listen_port\":1")), "inbound 1 has the same \"table\"" },
		{ IN(GW("") "," GW(",\"listen_port\":1,\"table\":2,\"priority\":4807")),
		  "\"priority\"" },
		{ IN(GW("") "," GW(",\"listen_port\":1,\"table\":2,\"priority\":9")),
		  "same interface" },
		{ IN(GW("") "," GW(",\"table\":2")), "has this address and port already" },
		{ "{\"inbounds\":[" GW("") "],\"steering\":{\"own_mark\":3}}",
		  "must be one bit each" },
		{ "{\"inbounds\":[" GW("") "],\"steering\":{\"own_mark\":4,\"capture_mark\":4}}",
		  "must be one bit each" },
		{ "{\"inbounds\":[" GW("") "],\"steering\":{\"own_mark\":0}}",
		  "must be one bit each" },
		{ "{\"inbounds\":[" TPROXY_LOCAL "]," MARKED "," TUNNEL "}",
		  "routing_mark of outbound 2 has the bit of steering.capture_mark" },
		{ IN("{\"type\":\"tproxy\",\"listen_port\":1}"), "\"listen\" is missing" },
		{ IN("{\"type\":\"tproxy\",\"listen\":\"::\",\"listen_port\":1,\"table\":3}"),
		  "unknown key" },
		{ IN("{\"type\":\"anytls\",\"listen\":\"::\",\"listen_port\":443,"
		     "\"users\":[{\"password\":\"a\"}],\"steer_ports\":[\"70000\"]}"),
		  "must be a port or a range" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *report;
		struct config *c = parse(cases[i].text, &report);

		if (c || !strstr(report, cases[i].report))
			fail_msg("%s\n  gives: %s  not %s", cases[i].text, report, cases[i].report);
		free(report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_parse__interfaces_alone__have_safe_defaults),
		cmocka_unit_test(config_parse__every_key__is_in_the_plan),
		cmocka_unit_test(config_parse__ours_captures__every_outbound_is_marked),
		cmocka_unit_test(config_parse__capture_mark_where_own_mark_comes_first__is_no_harm),
		cmocka_unit_test(config_parse__sing_box_types__leave_the_operators_rules),
		cmocka_unit_test(config_parse__steer_ports__are_ranges),
		cmocka_unit_test(config_parse__what_cannot_work__is_refused),
	};

	return cmocka_run_group_tests_name("config_transparent", tests, NULL, NULL);
}
