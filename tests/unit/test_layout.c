// SPDX-License-Identifier: GPL-2.0-or-later
// Layouts: which routes, rules and nft statements a plan becomes, and what their texts say.
#include "net/layout.h"

#include <errno.h>
#include <netinet/in.h>

#include "plan_bed.h"

static const struct layout with_all = { .ipv6 = true, .conntrack = true };
static const struct layout with_none = { 0 };

/* What the plan becomes, a line each, in the order of the layout; the caller's. */
static char *objects_of(const struct plan *p, const struct layout *l)
{
	struct object_list list = { 0 };
	char *text = NULL, one[OBJECT_TEXT_MAX];
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_int_equal(layout_objects(p, l, &list), 0);
	for (size_t i = 0; i < list.n; i++)
		fprintf(f, "%s\n", object_text(&list.at[i], "add", one));
	fclose(f);
	object_list_done(&list);
	return text;
}

static char *nft_of(const struct plan *p, const struct layout *l)
{
	struct prefix_list bypass = { 0 };
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_int_equal(layout_bypass(p, &bypass), 0);
	layout_nft(p, l, &bypass, f);
	fclose(f);
	prefix_list_done(&bypass);
	return text;
}

/* Frees text. */
static void assert_has(char *text, const char *part, bool has)
{
	if ((strstr(text, part) != NULL) != has)
		fail_msg("%s \"%s\":\n%s", has ? "no" : "there is", part, text);
	free(text);
}

/* Frees text. */
static void assert_text(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	free(text);
}

static void layout__sk_lookup_by_interface__routes_and_rules_only(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);

	(void)state;
	plan_bed_add(&p.bypass, "203.0.113.0/24");
	assert_false(layout_has_nft(&p, &with_none));
	assert_text(objects_of(&p, &with_none),
		    "ip -4 route add throw 169.254.0.0/16 table 7893 protocol 231\n"
		    "ip -4 route add throw 203.0.113.0/24 table 7893 protocol 231\n"
		    "ip -4 route add throw 224.0.0.0/4 table 7893 protocol 231\n"
		    "ip -4 route add throw 255.255.255.255/32 table 7893 protocol 231\n"
		    "ip -4 route add local default dev lo table 7893 protocol 231\n"
		    "ip -4 rule add priority 4807 nop protocol 231\n"
		    "ip -4 rule add priority 4800 fwmark 0x8000000/0x8000000 goto 4807 "
		    "protocol 231\n"
		    "ip -4 rule add priority 4805 iif lan0 ipproto tcp lookup 7893 protocol 231\n"
		    "ip -4 rule add priority 4805 iif lan0 ipproto udp lookup 7893 protocol 231\n");
	plan_done(&p);
}

static void layout__ipv6__has_the_same_rules(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);
	const struct layout l = { .ipv6 = true };
	char *text = objects_of(&p, &l);

	(void)state;
	assert_non_null(strstr(text, "ip -6 route add throw fe80::/10 table 7893"));
	assert_non_null(strstr(text, "ip -6 route add throw ff00::/8 table 7893"));
	assert_non_null(strstr(text, "ip -6 route add local default dev lo table 7893"));
	assert_has(text, "ip -6 rule add priority 4805 iif lan0 ipproto udp lookup 7893", true);
	plan_done(&p);
}

static void layout__all_of_a_family_bypassed__has_no_routes(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);

	(void)state;
	plan_bed_add(&p.bypass, "0.0.0.0/0");
	assert_has(objects_of(&p, &with_none), "local default", false);
	assert_has(objects_of(&p, &with_none), "throw", false);
	p.steering = STEERING_TPROXY;
	assert_has(nft_of(&p, &with_none), "meta nfproto ipv4 accept", true);
	assert_has(nft_of(&p, &with_none), "0.0.0.0", false);
	plan_done(&p);
}

static void layout__bypass_of_ports_and_sources__are_rules_by_protocol(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);
	char *text;

	(void)state;
	plan_bed_port(&p, 0, 22, 22);
	plan_bed_port(&p, IPPROTO_UDP, 6000, 6010);
	plan_bed_port(&p, IPPROTO_TCP, 0, 7);
	plan_bed_source(&p, "192.0.2.5", (struct port_range){ IPPROTO_TCP, 443, 443 });
	plan_bed_source(&p, "192.0.2.6", (struct port_range){ 0, 0, 65535 });
	text = objects_of(&p, &with_none);
	assert_non_null(strstr(text, "priority 4801 from 192.0.2.5/32 ipproto tcp sport 443 goto "
				     "4807"));
	assert_non_null(strstr(text, "priority 4802 from 192.0.2.6/32 ipproto udp goto 4807"));
	assert_non_null(strstr(text, "priority 4801 ipproto tcp dport 22 goto 4807"));
	assert_non_null(strstr(text, "priority 4801 ipproto udp dport 22 goto 4807"));
	assert_non_null(strstr(text, "priority 4801 ipproto udp dport 6000-6010 goto 4807"));
	assert_null(strstr(text, "tcp dport 6000"));
	assert_has(text, "priority 4801 ipproto tcp dport 1-7 goto 4807", true);
	plan_done(&p);
}

static void layout__sources__make_a_rule_each(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);
	char *text;

	(void)state;
	p.udp = false;
	plan_bed_add(&p.sources, "192.168.0.0/16");
	plan_bed_add(&p.sources, "10.0.0.0/8");
	text = objects_of(&p, &(struct layout){ .ipv6 = true });
	assert_non_null(strstr(text, "from 10.0.0.0/8 iif lan0 ipproto tcp lookup"));
	assert_non_null(strstr(text, "from 192.168.0.0/16 iif lan0 ipproto tcp lookup"));
	assert_null(strstr(text, "udp"));
	assert_has(text, "-6 rule add priority 4806", false);
	plan_done(&p);
}

static void layout__sk_lookup_that_spares__captures_ipv4_by_mark(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);
	char *text = objects_of(&p, &with_all);

	(void)state;
	assert_true(layout_has_nft(&p, &with_all));
	assert_non_null(strstr(text, "ip -4 rule add priority 4803 iif lan0 fwmark "
				     "0x4000000/0x4000000 ipproto tcp lookup"));
	assert_has(text, "ip -6 rule add priority 4805 iif lan0 ipproto tcp lookup", true);
	assert_text(nft_of(&p, &with_all),
		    "table inet gw {\n"
		    "\tchain prerouting {\n"
		    "\t\ttype filter hook prerouting priority 300; policy accept;\n"
		    "\t\tiifname != { \"lan0\" } accept\n"
		    "\t\tmeta l4proto != { tcp, udp } accept\n"
		    "\t\tct direction reply ct mark and 0x08000000 == 0 "
		    "meta mark set meta mark or 0x08000000 accept\n"
		    "\t\tct state established,related ct mark and 0x04000000 == 0 "
		    "meta mark set meta mark or 0x08000000 accept\n"
		    "\t\tct state new ct mark set ct mark or 0x04000000\n"
		    "\t\tmeta nfproto ipv4 meta mark set meta mark or 0x04000000\n"
		    "\t}\n"
		    "\tchain own {\n"
		    "\t\ttype filter hook output priority mangle; policy accept;\n"
		    "\t\tmeta mark and 0x08000000 == 0 accept\n"
		    "\t\tmeta l4proto { tcp, udp } ct state new ct mark set ct mark or 0x0c000000\n"
		    "\t}\n"
		    "}\n");
	plan_done(&p);
}

static void layout__spare_replies__is_as_the_plan_says_or_by_conntrack(void **state)
{
	static const struct {
		enum spare_replies say;
		bool conntrack, spares;
	} cases[] = {
		{ SPARE_AUTO, false, false }, { SPARE_AUTO, true, true }, { SPARE_NO, true, false },
		{ SPARE_NO, false, false },   { SPARE_YES, false, true }, { SPARE_YES, true, true },
	};
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		p.spare_replies = cases[i].say;
		assert_int_equal(
			layout_spares(&p, &(struct layout){ .conntrack = cases[i].conntrack }),
			cases[i].spares);
	}
	plan_done(&p);
}

static void layout__local__marks_output_but_no_replies(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);

	(void)state;
	p.local = true;
	p.spare_replies = SPARE_NO;
	assert_has(objects_of(&p, &with_all),
		   "ip -4 rule add priority 4803 iif lo fwmark 0x4000000/0x4000000 lookup 7893",
		   true);
	assert_text(nft_of(&p, &with_all),
		    "table inet gw {\n"
		    "\tchain output {\n"
		    "\t\ttype route hook output priority mangle; policy accept;\n"
		    "\t\toifname \"lo\" accept\n"
		    "\t\tmeta mark and 0x08000000 != 0 accept\n"
		    "\t\tmeta l4proto != { tcp, udp } accept\n"
		    "\t\tfib daddr type { local, broadcast, anycast, multicast } accept\n"
		    "\t\tudp sport { 68, 546 } udp dport { 67, 547 } accept\n"
		    "\t\tct state untracked accept\n"
		    "\t\tct direction reply ct mark and 0x08000000 == 0 accept\n"
		    "\t\tct state established,related ct mark and 0x04000000 == 0 accept\n"
		    "\t\tct state new ct mark set ct mark or 0x04000000\n"
		    "\t\tmeta mark set meta mark or 0x04000000\n"
		    "\t}\n"
		    "\tchain own {\n"
		    "\t\ttype filter hook output priority mangle; policy accept;\n"
		    "\t\tmeta mark and 0x08000000 == 0 accept\n"
		    "\t\tmeta l4proto { tcp, udp } ct state new ct mark set ct mark or 0x0c000000\n"
		    "\t}\n"
		    "}\n");
	plan_done(&p);
}

static void layout__local_without_conntrack__captures_beginnings_only(void **state)
{
	static const enum steering ways[] = { STEERING_SK_LOOKUP, STEERING_TPROXY,
					      STEERING_REDIRECT };
	static const char begins[] = "tcp flags & (fin|syn|rst|ack) != syn ct state new accept";
	struct plan p = plan_bed("gw", STEERING_TPROXY);

	(void)state;
	p.local = true;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		p.steering = ways[i];
		assert_has(nft_of(&p, &with_none), begins, true);
		assert_has(nft_of(&p, &with_all), begins, false);
	}
	plan_done(&p);
}

static void layout__tproxy__drops_what_no_listener_takes(void **state)
{
	struct plan p = plan_bed("gw", STEERING_TPROXY);

	(void)state;
	assert_has(nft_of(&p, &with_all),
		   "\tchain capture {\n"
		   "\t\tmeta l4proto { tcp, udp } tproxy to :7893 "
		   "meta mark set meta mark or 0x04000000 accept\n"
		   "\t\tdrop\n"
		   "\t}\n",
		   true);
	assert_has(nft_of(&p, &with_all), "iifname \"lo\"", false);
	assert_has(objects_of(&p, &with_all), "goto", false);
	assert_has(objects_of(&p, &with_all),
		   "ip -6 rule add priority 4803 iif lan0 fwmark 0x4000000/0x4000000 ipproto udp "
		   "lookup 7893 protocol 231\n",
		   true);
	plan_done(&p);
}

static void layout__nft_bypass__is_sets_ports_and_sources(void **state)
{
	struct plan p = plan_bed("gw", STEERING_TPROXY);
	char *text;

	(void)state;
	plan_bed_add(&p.bypass, "203.0.113.0/24");
	plan_bed_add(&p.bypass, "2001:db8::/32");
	plan_bed_add(&p.sources, "10.0.0.0/8");
	plan_bed_port(&p, 0, 22, 22);
	plan_bed_port(&p, IPPROTO_UDP, 6000, 6010);
	plan_bed_source(&p, "192.0.2.5", (struct port_range){ IPPROTO_TCP, 443, 443 });
	plan_bed_source(&p, "2001:db8::5", (struct port_range){ 0, 0, 65535 });
	text = nft_of(&p, &with_all);
	assert_non_null(strstr(text, "elements = { 169.254.0.0/16, 203.0.113.0/24, 224.0.0.0/4, "
				     "255.255.255.255/32 }\n"));
	assert_non_null(strstr(text, "elements = { 2001:db8::/32, fe80::/10, ff00::/8 }\n"));
	assert_non_null(strstr(text, "\t\tip saddr != { 10.0.0.0/8 } accept\n"));
	assert_non_null(strstr(text, "\t\tmeta nfproto ipv6 accept\n"));
	assert_non_null(strstr(text, "\t\ttcp dport { 22 } accept\n"));
	assert_non_null(strstr(text, "\t\tudp dport { 22, 6000-6010 } accept\n"));
	assert_non_null(strstr(text, "ip saddr 192.0.2.5/32 tcp sport 443-443 accept\n"));
	assert_null(strstr(text, "udp sport"));
	assert_has(text, "ip6 saddr 2001:db8::5/128 meta l4proto udp accept\n", true);
	plan_done(&p);
}

static void layout__redirect__drops_what_conntrack_does_not_translate(void **state)
{
	struct plan p = plan_bed("gw", STEERING_REDIRECT);
	char *text;

	(void)state;
	p.local = true;
	text = nft_of(&p, &with_all);
	assert_non_null(strstr(text, "type nat hook prerouting priority dstnat"));
	assert_non_null(strstr(text, "type filter hook forward priority filter"));
	assert_non_null(strstr(text, "type nat hook output priority -100"));
	assert_non_null(strstr(text, "ct state invalid,untracked drop"));
	assert_non_null(strstr(text, "meta l4proto tcp redirect to :7893"));
	assert_has(text, "meta l4proto != tcp accept", true);
	assert_text(objects_of(&p, &with_all), "");
	plan_done(&p);
}

static void object_parse__what_object_text_writes__gives_the_same(void **state)
{
	struct plan p = plan_bed("gw", STEERING_SK_LOOKUP);
	struct object_list list = { 0 };
	char text[OBJECT_TEXT_MAX];

	(void)state;
	p.local = true;
	plan_bed_add(&p.bypass, "2001:db8::/32");
	plan_bed_add(&p.bypass, "203.0.113.0/24");
	plan_bed_add(&p.sources, "10.0.0.0/8");
	plan_bed_add(&p.sources, "fd00::/8");
	plan_bed_port(&p, IPPROTO_UDP, 6000, 6010);
	plan_bed_source(&p, "192.0.2.5", (struct port_range){ IPPROTO_TCP, 443, 443 });
	assert_int_equal(layout_objects(&p, &with_all, &list), 0);
	for (size_t i = 0; i < list.n; i++) {
		struct object back;

		assert_int_equal(object_parse(object_text(&list.at[i], "add", text), &back), 0);
		assert_int_equal(object_compare(&back, &list.at[i]), 0);
	}
	assert_true(list.n > 12);
	object_list_done(&list);
	plan_done(&p);
}

static void object_parse__other_text__is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"ip",
		"ip -4 rule",
		"ip -4 rule del priority 1 nop protocol 231",
		"ip -5 rule add priority 1 nop protocol 231",
		"ip -4 link add priority 1 nop protocol 231",
		"ip -4 rule add priority 1 nop",
		"ip -4 rule add priority 1 protocol 231",
		"ip -4 rule add priority x nop protocol 231",
		"ip -4 rule add priority",
		"ip -4 rule add priority 1 from fd00::/8 lookup 5 protocol 231",
		"ip -4 rule add priority 1 iif 1234567890123456 lookup 5 protocol 231",
		"ip -4 rule add priority 1 fwmark 0x1 lookup 5 protocol 231",
		"ip -4 rule add priority 1 ipproto icmp lookup 5 protocol 231",
		"ip -4 rule add priority 1 ipproto tcp sport 9-7 lookup 5 protocol 231",
		"ip -4 rule add priority 1 ipproto tcp dport 70000 lookup 5 protocol 231",
		"ip -4 rule add priority 1 lookup 5 protocol 256",
		"ip -4 route add throw 10.0.0.0/33 table 5 protocol 231",
		"ip -4 route add throw 10.0.0.0/8 via 10.0.0.1 table 5 protocol 231",
		"ip -4 route add local default dev eth0 table 5 protocol 231",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct object o;

		if (object_parse(bad[i], &o) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout__sk_lookup_by_interface__routes_and_rules_only),
		cmocka_unit_test(layout__ipv6__has_the_same_rules),
		cmocka_unit_test(layout__all_of_a_family_bypassed__has_no_routes),
		cmocka_unit_test(layout__bypass_of_ports_and_sources__are_rules_by_protocol),
		cmocka_unit_test(layout__sources__make_a_rule_each),
		cmocka_unit_test(layout__sk_lookup_that_spares__captures_ipv4_by_mark),
		cmocka_unit_test(layout__spare_replies__is_as_the_plan_says_or_by_conntrack),
		cmocka_unit_test(layout__local__marks_output_but_no_replies),
		cmocka_unit_test(layout__local_without_conntrack__captures_beginnings_only),
		cmocka_unit_test(layout__tproxy__drops_what_no_listener_takes),
		cmocka_unit_test(layout__nft_bypass__is_sets_ports_and_sources),
		cmocka_unit_test(layout__redirect__drops_what_conntrack_does_not_translate),
		cmocka_unit_test(object_parse__what_object_text_writes__gives_the_same),
		cmocka_unit_test(object_parse__other_text__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
