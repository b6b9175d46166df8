// SPDX-License-Identifier: GPL-2.0-or-later
// Which rule takes which flow.
#include "route_bed.h"

#define FLOWS_MAX 12

struct one {
	const char *rule;	     /* the only one */
	const char *hit[FLOWS_MAX];  /* flows that it takes */
	const char *miss[FLOWS_MAX]; /* and others */
};

static void check_one(const struct one *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *text = NULL;
		struct config *c;
		struct route *r;

		assert_true(asprintf(&text, ROUTE_CONFIG("[{%s,\"outbound\":\"one\"}]"),
				     cases[i].rule) > 0);
		c = route_config(text);
		r = route_made(c);
		for (size_t k = 0; k < FLOWS_MAX && cases[i].hit[k]; k++)
			if (route_ask(r, cases[i].hit[k]).outbound != 1)
				fail_msg("%s does not take %s", cases[i].rule, cases[i].hit[k]);
		for (size_t k = 0; k < FLOWS_MAX && cases[i].miss[k]; k++)
			if (route_ask(r, cases[i].miss[k]).rule != -1)
				fail_msg("%s takes %s", cases[i].rule, cases[i].miss[k]);
		route_unref(r);
		config_free(c);
		free(text);
	}
}
#define CHECK_ONE(cases) check_one(cases, sizeof(cases) / sizeof(*cases))

static void route_match__one_condition__takes_what_it_says(void **state)
{
	static const struct one cases[] = {
		{ "\"inbound\":\"lan\"", { "1 tcp - - 1.1.1.1:80" }, { "0 tcp - - 1.1.1.1:80" } },
		{ "\"inbound\":[\"lan\",\"in\"]",
		  { "1 tcp - - 1.1.1.1:80", "0 udp - - 1.1.1.1:80" },
		  { "2 tcp - - 1.1.1.1:80" } },
		{ "\"network\":\"udp\"", { "0 udp - - 1.1.1.1:80" }, { "0 tcp - - 1.1.1.1:80" } },
		{ "\"network\":[\"tcp\",\"udp\"]",
		  { "0 udp - - 1.1.1.1:80", "0 tcp - - 1.1.1.1:80" },
		  { NULL } },
		{ "\"auth_user\":[\"bob\",\"carol\"]",
		  { "0 tcp bob - a.b:1", "0 tcp carol - a.b:1" },
		  { "0 tcp alice - a.b:1", "0 tcp - - a.b:1", "0 tcp Bob - a.b:1",
		    "0 tcp bobby - a.b:1" } },
		{ "\"ip_cidr\":[\"10.0.0.0/8\",\"2001:db8::/32\",\"192.0.2.1\"]",
		  { "0 tcp - - 10.255.0.1:1", "0 tcp - - 2001:db8::5:1", "0 tcp - - 192.0.2.1:1",
		    "0 tcp - - ::ffff:10.0.0.1:1" },
		  { "0 tcp - - 11.0.0.1:1", "0 tcp - - 2001:db9::5:1", "0 tcp - - 192.0.2.2:1",
		    "0 tcp - - ten.example:1", "0 tcp - 10.0.0.1:1 1.1.1.1:1" } },
		{ "\"ip_is_private\":true",
		  { "0 tcp - - 10.0.0.1:1", "0 tcp - - 127.0.0.1:1", "0 tcp - - fe80::1:1",
		    "0 tcp - - ::1:1", "0 tcp - - 169.254.169.254:80" },
		  { "0 tcp - - 1.1.1.1:1", "0 tcp - - 2001:db8::1:1", "0 tcp - - localhost:1" } },
		{ "\"source_ip_cidr\":[\"192.168.0.0/24\",\"fd00::/8\"]",
		  { "0 tcp - 192.168.0.9:5 1.1.1.1:1", "0 tcp - fd00::9:5 a.b:1",
		    "0 tcp - ::ffff:192.168.0.9:5 a.b:1" },
		  { "0 tcp - 192.168.1.9:5 1.1.1.1:1", "0 tcp - - 192.168.0.1:1",
		    "0 tcp - 1.1.1.1:5 192.168.0.1:1" } },
		{ "\"source_ip_is_private\":true",
		  { "0 tcp - 192.168.0.9:5 1.1.1.1:1", "0 tcp - fd00::1:5 1.1.1.1:1" },
		  { "0 tcp - 1.1.1.1:5 192.168.0.1:1", "0 tcp - - 192.168.0.1:1" } },
		{ "\"port\":[80,443]",
		  { "0 tcp - - 1.1.1.1:80", "0 udp - - a.b:443" },
		  { "0 tcp - - 1.1.1.1:81", "0 tcp - 1.1.1.1:80 1.1.1.1:8080" } },
		{ "\"port_range\":[\"1000:2000\",\":30\",\"60000:\",\"5:5\"]",
		  { "0 tcp - - a.b:1000", "0 tcp - - a.b:2000", "0 tcp - - a.b:1",
		    "0 tcp - - a.b:30", "0 tcp - - a.b:60000", "0 tcp - - a.b:65535" },
		  { "0 tcp - - a.b:999", "0 tcp - - a.b:2001", "0 tcp - - a.b:31",
		    "0 tcp - - a.b:59999" } },
		{ "\"source_port\":1234",
		  { "0 tcp - 10.0.0.1:1234 a.b:1" },
		  { "0 tcp - 10.0.0.1:1235 a.b:1234", "0 tcp - - a.b:1234" } },
		{ "\"source_port_range\":\"1000:1010\"",
		  { "0 tcp - 10.0.0.1:1000 a.b:1", "0 tcp - ::1:1010 a.b:1" },
		  { "0 tcp - 10.0.0.1:1011 a.b:1000", "0 tcp - - a.b:1000" } },
	};

	(void)state;
	CHECK_ONE(cases);
}

static void route_match__names__compares_label_by_label(void **state)
{
	static const struct one cases[] = {
		{ "\"domain\":[\"Example.com\",\"other.test.\"]",
		  { "0 tcp - - example.com:1", "0 tcp - - EXAMPLE.COM:1",
		    "0 tcp - - example.com.:1", "0 tcp - - other.test:1",
		    "0 tcp - - 1.1.1.1:1 example.com" },
		  { "0 tcp - - www.example.com:1", "0 tcp - - example.co:1",
		    "0 tcp - - xample.com:1", "0 tcp - - 1.1.1.1:1", "0 tcp - - .example.com:1" } },
		{ "\"domain_suffix\":\"example.com\"",
		  { "0 tcp - - example.com:1", "0 tcp - - a.b.Example.Com:1",
		    "0 tcp - - www.example.com.:1", "0 tcp - - 1.1.1.1:1 www.example.com",
		    "0 tcp - - .example.com:1" },
		  { "0 tcp - - badexample.com:1", "0 tcp - - example.com.evil.test:1",
		    "0 tcp - - com:1", "0 tcp - - example.com..:1" } },
		{ "\"domain_suffix\":\".example.com\"",
		  { "0 tcp - - a.example.com:1", "0 tcp - - a.b.example.com:1" },
		  { "0 tcp - - example.com:1", "0 tcp - - badexample.com:1" } },
		{ "\"domain_suffix\":[\".example.com\",\"example.com\"]",
		  { "0 tcp - - example.com:1", "0 tcp - - a.example.com:1" },
		  { NULL } },
		{ "\"domain\":\"example.com\",\"domain_suffix\":\".example.com\"",
		  { "0 tcp - - example.com:1", "0 tcp - - a.example.com:1" },
		  { "0 tcp - - badexample.com:1" } },
		{ "\"domain_suffix\":[\"de\",\"co.uk\",\"a.very.long.example.org\"]",
		  { "0 tcp - - de:1", "0 tcp - - heise.de:1", "0 tcp - - www.bbc.co.uk:1",
		    "0 tcp - - x.a.very.long.example.org:1" },
		  { "0 tcp - - uk:1", "0 tcp - - gov.uk:1", "0 tcp - - code:1",
		    "0 tcp - - very.long.example.org:1" } },
		{ "\"domain_keyword\":[\"Tube\",\"ads.\"]",
		  { "0 tcp - - www.youtube.com:1", "0 tcp - - TUBE:1", "0 tcp - - ads.example:1" },
		  { "0 tcp - - tub.example:1", "0 tcp - - 1.1.1.1:1", "0 tcp - - ads:1" } },
		/* the name that was asked for is the one that counts */
		{ "\"domain\":\"sniffed.test\"",
		  { "0 tcp - - 1.1.1.1:1 sniffed.test" },
		  { "0 tcp - - asked.test:1 sniffed.test" } },
	};

	(void)state;
	CHECK_ONE(cases);
}

static void route_match__several_conditions__are_joined_as_sing_box_joins_them(void **state)
{
	static const struct one cases[] = {
		/* destinations: one of them */
		{ "\"domain\":\"a.test\",\"domain_suffix\":\"b.test\",\"domain_keyword\":\"key\","
		  "\"ip_cidr\":\"192.0.2.0/24\",\"ip_is_private\":true",
		  { "0 tcp - - a.test:1", "0 tcp - - x.b.test:1", "0 tcp - - monkey:1",
		    "0 tcp - - 192.0.2.7:1", "0 tcp - - 10.1.1.1:1", "0 tcp - - 1.1.1.1:1 a.test" },
		  { "0 tcp - - c.test:1", "0 tcp - - 1.1.1.1:1" } },
		/* ports: one of them, and the destination */
		{ "\"ip_cidr\":\"192.0.2.0/24\",\"port\":80,\"port_range\":\"90:99\"",
		  { "0 tcp - - 192.0.2.1:80", "0 tcp - - 192.0.2.1:95" },
		  { "0 tcp - - 192.0.2.1:81", "0 tcp - - 1.1.1.1:80" } },
		/* sources: one of them */
		{ "\"source_ip_cidr\":\"203.0.113.0/24\",\"source_ip_is_private\":true",
		  { "0 tcp - 203.0.113.1:1 a.b:1", "0 tcp - 10.0.0.1:1 a.b:1" },
		  { "0 tcp - 198.51.100.1:1 a.b:1" } },
		{ "\"source_ip_cidr\":\"10.0.0.0/"
		  "8\",\"source_port\":5,\"source_port_range\":\"7:8\"",
		  { "0 tcp - 10.0.0.1:5 a.b:1", "0 tcp - 10.0.0.1:8 a.b:1" },
		  { "0 tcp - 10.0.0.1:6 a.b:1", "0 tcp - 11.0.0.1:5 a.b:1" } },
		/* everything else: all of it */
		{ "\"inbound\":\"in\",\"network\":\"tcp\",\"auth_user\":\"bob\",\"port\":443,"
		  "\"source_ip_cidr\":\"10.0.0.0/8\",\"domain_suffix\":\"test\"",
		  { "0 tcp bob 10.0.0.1:1 a.test:443" },
		  { "1 tcp bob 10.0.0.1:1 a.test:443", "0 udp bob 10.0.0.1:1 a.test:443",
		    "0 tcp alice 10.0.0.1:1 a.test:443", "0 tcp bob 10.0.0.1:1 a.test:80",
		    "0 tcp bob 11.0.0.1:1 a.test:443", "0 tcp bob 10.0.0.1:1 a.com:443" } },
	};

	(void)state;
	CHECK_ONE(cases);
}

static void route_match__several_rules__takes_the_first(void **state)
{
	struct config *c = route_config(ROUTE_CONFIG(
		"[{\"ip_cidr\":\"10.0.0.1\",\"outbound\":\"two\"},"
		"{\"ip_cidr\":\"192.0.2.0/24\",\"action\":\"bypass\"},"
		"{\"ip_cidr\":\"10.0.0.0/8\",\"action\":\"reject\"},"
		"{\"ip_cidr\":\"10.0.0.0/7\",\"action\":\"route\",\"outbound\":\"one\"}],"
		"\"final\":\"two\""));
	static const struct {
		const char *flow;
		struct route_verdict want;
	} cases[] = {
		{ "0 tcp - - 10.0.0.1:1", { RULE_ROUTE, 2, 0 } },
		{ "0 tcp - - 10.0.0.2:1", { RULE_REJECT, 0, 2 } },
		{ "0 tcp - - 11.0.0.2:1", { RULE_ROUTE, 1, 3 } },
		{ "0 tcp - - 192.0.2.1:1", { RULE_ROUTE, 2, -1 } },
		{ "0 tcp - - a.test:1", { RULE_ROUTE, 2, -1 } },
	};
	struct route *r = route_made(c);

	(void)state;
	assert_true(route_rejects(r));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct route_verdict v = route_ask(r, cases[i].flow);

		assert_int_equal(v.action, cases[i].want.action);
		assert_int_equal(v.rule, cases[i].want.rule);
		assert_int_equal(v.outbound, cases[i].want.outbound);
	}
	route_unref(r);
	config_free(c);
}

static void route_match__no_rules__is_final(void **state)
{
	struct config *c = route_config(ROUTE_CONFIG("[],\"final\":\"one\""));
	struct route *r = route_made(c);
	struct route_verdict v = route_ask(r, "0 tcp - - a.test:1");

	(void)state;
	assert_int_equal(v.action, RULE_ROUTE);
	assert_int_equal(v.outbound, 1);
	assert_int_equal(v.rule, -1);
	assert_false(route_rejects(r));
	route_unref(r);
	config_free(c);
}

/* Names as a peer may send them: none may be read beyond its end, nor hide its suffix. */
static void route_match__odd_names__are_judged_whole(void **state)
{
	struct config *c = route_config(
		ROUTE_CONFIG("[{\"domain_suffix\":\"bad.test\",\"action\":\"reject\"}]"));
	struct route *r = route_made(c);
	struct addr dst;
	struct route_key k = { .user = "", .dst = &dst };
	char text[256];

	(void)state;
	for (size_t n = 1; n <= 255; n++) {
		memset(text, '.', n);
		if (n > 8)
			memcpy(text + n - 8, "bad.test", 8);
		text[n] = '\0';
		assert_int_equal(addr_from_host(text, n, 1, &dst), 0);
		assert_int_equal(route_match(r, &k).action, n > 8 ? RULE_REJECT : RULE_ROUTE);
		memset(text, 'x', n);
		assert_int_equal(addr_from_host(text, n, 1, &dst), 0);
		assert_int_equal(route_match(r, &k).action, RULE_ROUTE);
	}
	assert_int_equal(route_ask(r, "0 tcp - - .:1").action, RULE_ROUTE);
	route_unref(r);
	config_free(c);
}

static void route_wants_domain__inbound__is_that_of_a_rule_with_names(void **state)
{
	static const struct {
		const char *text;
		bool in, lan;
	} cases[] = {
		{ ROUTE_CONFIG("[]"), false, false },
		{ ROUTE_CONFIG("[{\"port\":1,\"outbound\":\"one\"}]"), false, false },
		{ ROUTE_CONFIG("[{\"domain\":\"a\",\"outbound\":\"one\"}]"), true, true },
		{ ROUTE_CONFIG(
			  "[{\"domain_keyword\":\"a\",\"inbound\":\"lan\",\"action\":\"reject\"}]"),
		  false, true },
		{ ROUTE_CONFIG("[{\"domain_suffix\":\"a\",\"inbound\":\"in\",\"outbound\":\"one\"},"
			       "{\"port\":1,\"inbound\":\"lan\",\"outbound\":\"one\"}]"),
		  true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config *c = route_config(cases[i].text);
		struct route *r = route_made(c);

		assert_int_equal(route_wants_domain(r, 0), cases[i].in);
		assert_int_equal(route_wants_domain(r, 1), cases[i].lan);
		assert_false(route_wants_domain(r, 2));
		route_unref(r);
		config_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_match__one_condition__takes_what_it_says),
		cmocka_unit_test(route_match__names__compares_label_by_label),
		cmocka_unit_test(
			route_match__several_conditions__are_joined_as_sing_box_joins_them),
		cmocka_unit_test(route_match__several_rules__takes_the_first),
		cmocka_unit_test(route_match__no_rules__is_final),
		cmocka_unit_test(route_match__odd_names__are_judged_whole),
		cmocka_unit_test(route_wants_domain__inbound__is_that_of_a_rule_with_names),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
