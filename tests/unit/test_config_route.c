// SPDX-License-Identifier: GPL-2.0-or-later
// The rules of a configuration: what they become, and what is said about those that are wrong.
#include "app/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config_json.h"
#include "app/config_parts.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Line 2 holds the rules; inbounds 0 "in" and 1 "lan", outbounds 0 "out" and 1 "one". */
#define WITH(rules)                                                                                \
	"{\"inbounds\":[{\"type\":\"anytls\",\"tag\":\"in\",\"listen\":\"::1\",\"listen_port\":1," \
	"\"users\":[{\"name\":\"alice\",\"password\":\"a\"}]},"                                    \
	"{\"type\":\"socks\",\"tag\":\"lan\",\"listen\":\"::1\",\"listen_port\":2}],"              \
	"\"outbounds\":[{\"type\":\"direct\",\"tag\":\"out\"},{\"type\":\"direct\",\"tag\":"       \
	"\"one\"}],\"route\":{\"rules\":\n" rules "}}"
#define RULE(members) WITH("[{" members "}]")
#define ONE(members)  RULE(members ",\"outbound\":\"one\"")

static char *report_of(const char *text, int *ret_err, struct config **ret)
{
	char *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);

	assert_non_null(f);
	*ret_err = config_parse(text, strlen(text), "t", f, ret);
	fclose(f);
	return report;
}

struct said {
	const char *text, *report; /* all of it, without the file and the line of the rules */
};

/* "t:2:5: route.rules[0].x: what\n" without "t:2:". */
static void check_said(const struct said *cases, size_t n, int want)
{
	for (size_t i = 0; i < n; i++) {
		struct config *c = NULL;
		int err;
		char *report = report_of(cases[i].text, &err, &c), *to = report;

		for (const char *p = report; *p; p++) {
			if ((p == report || p[-1] == '\n') && strncmp(p, "t:2:", 4) == 0)
				p += 4;
			*to++ = *p;
		}
		*to = '\0';
		if (err != want || strcmp(report, cases[i].report) != 0)
			fail_msg("%s\n  gives %d:\n%s  not\n%s", cases[i].text, err, report,
				 cases[i].report);
		config_free(c);
		free(report);
	}
}

#define PREFIXES "\"10.1.2.3/8\",\"fd00::/8\",\"10.2.0.0/16\",\"192.0.2.1\""

static void config_parse__whole_rule__has_every_part(void **state)
{
	struct config *c = NULL;
	struct config_rule *rule;
	int err;
	char *report = report_of(
		WITH("[{\"type\":\"default\",\"inbound\":[\"lan\",\"in\"],\"network\":\"udp\","
		     "\"auth_user\":[\"alice\"],\"domain\":[\"A.test\",\"b.test.\"],"
		     "\"domain_suffix\":[\"c.TEST\",\".d.test\"],\"domain_keyword\":\"Key\","
		     "\"ip_cidr\":[" PREFIXES "],\"ip_is_private\":true,"
		     "\"source_ip_cidr\":[" PREFIXES "],\"port\":[80,443],"
		     "\"port_range\":[\"1000:2000\",\":3\",\"4:\"],\"source_port\":5,"
		     "\"source_port_range\":\"6:7\",\"action\":\"route\",\"outbound\":\"one\"},"
		     "{\"port\":1,\"action\":\"reject\"}]"),
		&err, &c);

	(void)state;
	assert_string_equal(report, "");
	assert_int_equal(c->n_rules, 2);
	rule = &c->rules[0];
	assert_int_equal(rule->action, RULE_ROUTE);
	assert_int_equal(rule->outbound, 1);
	assert_int_equal(rule->n_inbounds, 2);
	assert_int_equal(rule->inbounds[0], 1);
	assert_int_equal(rule->inbounds[1], 0);
	assert_int_equal(rule->network, IPPROTO_UDP);
	assert_int_equal(rule->n_users, 1);
	assert_string_equal(rule->users[0], "alice");
	assert_int_equal(rule->n_domains, 2);
	assert_string_equal(rule->domains[0], "a.test");
	assert_string_equal(rule->domains[1], "b.test");
	assert_int_equal(rule->n_domain_suffixes, 2);
	assert_string_equal(rule->domain_suffixes[0], "c.test");
	assert_string_equal(rule->domain_suffixes[1], ".d.test");
	assert_int_equal(rule->n_domain_keywords, 1);
	assert_string_equal(rule->domain_keywords[0], "key");
	assert_int_equal(rule->to.n, 3);
	assert_int_equal(rule->from.n, 3);
	assert_int_equal(rule->to.at[0].len, 8);
	assert_true(rule->to_private);
	assert_int_equal(rule->n_ports, 5);
	assert_int_equal(rule->ports[1].first, 443);
	assert_int_equal(rule->ports[1].last, 443);
	assert_int_equal(rule->ports[2].first, 1000);
	assert_int_equal(rule->ports[2].last, 2000);
	assert_int_equal(rule->ports[3].first, 0);
	assert_int_equal(rule->ports[3].last, 3);
	assert_int_equal(rule->ports[4].first, 4);
	assert_int_equal(rule->ports[4].last, 65535);
	assert_int_equal(rule->n_source_ports, 2);
	assert_int_equal(rule->source_ports[1].last, 7);
	assert_int_equal(c->rules[1].action, RULE_REJECT);
	config_free(c);
	free(report);
}

static void config_parse__both_networks__are_no_condition_of_the_flow(void **state)
{
	struct config *c = NULL;
	int err;
	char *report = report_of(ONE("\"network\":[\"tcp\",\"udp\"]"), &err, &c);

	(void)state;
	assert_string_equal(report, "");
	assert_int_equal(c->rules[0].network, 0);
	config_free(c);
	free(report);
}

static void config_parse__private_sources__are_prefixes(void **state)
{
	struct config *c = NULL;
	int err;
	char *report = report_of(ONE("\"source_ip_is_private\":true"), &err, &c);

	(void)state;
	assert_string_equal(report, "");
	assert_true(prefix_list_has(&c->rules[0].from, (uint8_t[]){ 192, 168, 1, 1 }, 4));
	assert_false(prefix_list_has(&c->rules[0].from, (uint8_t[]){ 1, 1, 1, 1 }, 4));
	config_free(c);
	free(report);
}

static void config_parse__wrong_value__is_named(void **state)
{
	static const struct said cases[] = {
		{ WITH("{}"), "1: route.rules: must be an array, not an object\n" },
		{ WITH("[7]"), "2: route.rules[0]: must be an object, not a number\n" },
		{ ONE("\"inbound\":\"nope\""),
		  "13: route.rules[0].inbound: no inbound has the tag \"nope\"\n" },
		{ ONE("\"inbound\":[\"lan\",7]"),
		  "20: route.rules[0].inbound[1]: must be a string, not a number\n" },
		{ ONE("\"network\":\"icmp\""), "13: route.rules[0].network: must be \"tcp\" or "
					       "\"udp\", not \"icmp\": nothing else is carried\n" },
		{ ONE("\"network\":\"TCP\""),
		  "13: route.rules[0].network: must be \"tcp\" or \"udp\", not \"TCP\"\n" },
		{ ONE("\"domain\":\"10.0.0.1\""),
		  "12: route.rules[0].domain: \"10.0.0.1\" is an address: use ip_cidr\n" },
		{ ONE("\"domain\":\"*.a.test\""),
		  "12: route.rules[0].domain: \"*.a.test\" is no host name; domain_suffix is for "
		  "all names below one (names beyond ASCII in their xn-- form)\n" },
		{ ONE("\"domain_suffix\":\"m\xc3\xbcnchen.test\""),
		  "19: route.rules[0].domain_suffix: \"m\xc3\xbcnchen.test\" is no host name "
		  "(names beyond ASCII in their xn-- form)\n" },
		{ ONE("\"domain_suffix\":\".\""),
		  "19: route.rules[0].domain_suffix: \".\" is no host name (names beyond ASCII in "
		  "their xn-- form)\n" },
		{ ONE("\"domain_suffix\":\"\""),
		  "19: route.rules[0].domain_suffix: must not be empty\n" },
		{ ONE("\"domain_keyword\":\"a b\""),
		  "20: route.rules[0].domain_keyword: \"a b\" is no part of a host name\n" },
		{ ONE("\"ip_cidr\":[\"10.0.0.0/33\"]"),
		  "14: route.rules[0].ip_cidr[0]: \"10.0.0.0/33\" is no prefix such as "
		  "\"192.0.2.0/24\" or \"fd00::/8\"\n" },
		{ ONE("\"source_ip_cidr\":\"a.test\""),
		  "20: route.rules[0].source_ip_cidr: \"a.test\" is no prefix such as "
		  "\"192.0.2.0/24\" or \"fd00::/8\"\n" },
		{ ONE("\"ip_is_private\":1"),
		  "19: route.rules[0].ip_is_private: must be true or false, not a number\n" },
		{ ONE("\"port\":0"), "10: route.rules[0].port: must be from 1 to 65535, not 0\n" },
		{ ONE("\"port\":\"80\""),
		  "10: route.rules[0].port: must be a number, not a string\n" },
		{ ONE("\"source_port\":65536"),
		  "17: route.rules[0].source_port: must be from 1 to 65535, not 65536\n" },
		{ ONE("\"port\":[]"), "10: route.rules[0].port: must not be empty: without the key "
				      "everything matches\n" },
		{ ONE("\"auth_user\":[]"), "15: route.rules[0].auth_user: must not be empty: "
					   "without the key everything matches\n" },
		{ ONE("\"ports\":1"),
		  "3: route.rules[0].ports: unknown key (is \"port\" meant?)\n" },
		/* files are for config_load() */
		{ ONE("\"ip_cidr_file\":\"list\""),
		  "18: route.rules[0].ip_cidr_file: list: Permission denied\n" },
	};

	(void)state;
	check_said(cases, N(cases), -EINVAL);
}

static void config_parse__wrong_ranges__are_named_one_by_one(void **state)
{
	static const struct said cases[] = {
		{ ONE("\"port_range\":[\"2:1\",\"1\",\":\",\"1:65536\",\"-1:5\",\"1:2:3\",\" "
		      "1:2\"]"),
		  "17: route.rules[0].port_range[0]: \"2:1\" is no range such as \"1000:2000\", "
		  "\":3000\" or \"4000:\"\n"
		  "23: route.rules[0].port_range[1]: \"1\" is no range such as \"1000:2000\", "
		  "\":3000\" or \"4000:\"\n"
		  "27: route.rules[0].port_range[2]: \":\" is no range such as \"1000:2000\", "
		  "\":3000\" or \"4000:\"\n"
		  "31: route.rules[0].port_range[3]: \"1:65536\" is no range such as "
		  "\"1000:2000\", "
		  "\":3000\" or \"4000:\"\n"
		  "41: route.rules[0].port_range[4]: \"-1:5\" is no range such as \"1000:2000\", "
		  "\":3000\" or \"4000:\"\n"
		  "48: route.rules[0].port_range[5]: \"1:2:3\" is no range such as \"1000:2000\", "
		  "\":3000\" or \"4000:\"\n"
		  "56: route.rules[0].port_range[6]: \" 1:2\" is no range such as \"1000:2000\", "
		  "\":3000\" or \"4000:\"\n" },
	};

	(void)state;
	check_said(cases, N(cases), -EINVAL);
}

#define ONLY                                                                                       \
	"a bypass rule has only inbound, ip_cidr and ip_cidr_file: what it names is never "        \
	"captured; for ports and sources there are bypass_ports and bypass_sources of the "        \
	"inbound\n"
#define NOTHING_CAPTURES "2: note: route.rules[0]: without effect: no inbound captures anything\n"

static void config_parse__wrong_rule__says_what_to_do(void **state)
{
	static const struct said cases[] = {
		{ RULE("\"port\":1"), "2: route.rules[0]: \"outbound\" is missing: its tag\n" },
		{ RULE("\"port\":1,\"outbound\":\"nope\""),
		  "23: route.rules[0].outbound: no outbound has the tag \"nope\"\n" },
		{ RULE("\"outbound\":\"one\""),
		  "2: route.rules[0]: has no condition: route.final is for everything else\n" },
		{ RULE("\"action\":\"reject\""),
		  "2: route.rules[0]: has no condition: route.final is for everything else\n" },
		{ ONE("\"ip_is_private\":false,\"port\":null"),
		  "2: route.rules[0]: has no condition: route.final is for everything else\n" },
		{ ONE("\"port\":1,\"action\":\"reject\""),
		  "30: route.rules[0].outbound: has no meaning where the action is \"reject\"\n" },
		{ ONE("\"port\":1,\"action\":\"drop\""),
		  "21: route.rules[0].action: must be \"route\", \"reject\" or \"bypass\", not "
		  "\"drop\"\n" },
		{ RULE("\"port\":53,\"action\":\"hijack-dns\""),
		  "22: route.rules[0].action: action \"hijack-dns\" is not supported: remove the "
		  "rule and set hijack_dns of the transparent inbound\n" },
		{ RULE("\"port\":53,\"action\":\"sniff\",\"timeout\":\"1s\""),
		  "22: route.rules[0].action: action \"sniff\" is not supported: remove the rule "
		  "and set sniff of the transparent inbound\n"
		  "30: route.rules[0].timeout: not supported: set sniff_timeout of the "
		  "transparent inbound\n" },
		{ RULE("\"port\":53,\"action\":\"reject\",\"method\":\"drop\""),
		  "31: route.rules[0].method: not supported: remove it: what is rejected is "
		  "refused (TCP) or dropped (UDP)\n" },
		{ ONE("\"type\":\"logical\",\"mode\":\"or\",\"rules\":[]"),
		  "10: route.rules[0].type: type \"logical\" is not supported: write one rule for "
		  "each case, the special ones first\n"
		  "20: route.rules[0].mode: not supported: write one rule for each case, the "
		  "special ones first\n"
		  "32: route.rules[0].rules: not supported: write one rule for each case, the "
		  "special ones first\n" },
		{ ONE("\"geoip\":\"private\""), "3: route.rules[0].geoip: not supported: use "
						"ip_cidr_file with a list of prefixes\n" },
		{ ONE("\"port\":1,\"invert\":true"),
		  "12: route.rules[0].invert: not supported: put a rule for the opposite in "
		  "front, with the other outbound\n" },
		{ RULE("\"ip_cidr\":\"1.0.0.0/8\",\"action\":\"bypass\",\"inbound\":\"lan\""),
		  NOTHING_CAPTURES
		  "53: route.rules[0].inbound: \"lan\" is no transparent inbound: nothing is "
		  "captured there\n" },
		{ RULE("\"ip_cidr\":\"1.0.0.0/"
		       "8\",\"action\":\"bypass\",\"port\":1,\"network\":\"tcp\""),
		  NOTHING_CAPTURES "43: route.rules[0].port: " ONLY
				   "52: route.rules[0].network: " ONLY },
		{ RULE("\"action\":\"bypass\",\"outbound\":\"one\",\"ip_cidr\":\"1.0.0.0/8\""),
		  NOTHING_CAPTURES "21: route.rules[0].outbound: " ONLY },
		{ RULE("\"action\":\"bypass\",\"domain\":\"a.test\""),
		  "2: route.rules[0]: a bypass rule needs ip_cidr or "
		  "ip_cidr_file\n" NOTHING_CAPTURES "21: route.rules[0].domain: " ONLY },
	};

	(void)state;
	check_said(cases, N(cases), -EINVAL);
}

static void config_parse__useless_rule__is_noted(void **state)
{
	static const struct said cases[] = {
		{ ONE("\"auth_user\":[\"alice\",\"carol\"]"),
		  "24: note: route.rules[0].auth_user[1]: no inbound of the rule has the user "
		  "\"carol\"\n" },
		{ ONE("\"auth_user\":\"alice\",\"inbound\":\"lan\""),
		  "15: note: route.rules[0].auth_user: no inbound of the rule has the user "
		  "\"alice\"\n" },
		{ RULE("\"ip_cidr\":\"1.0.0.0/8\",\"action\":\"bypass\""), NOTHING_CAPTURES },
		/* these are of use: a client by IPv6 may ask for an IPv4 address */
		{ ONE("\"source_ip_cidr\":\"fd00::/8\",\"ip_cidr\":\"10.0.0.0/8\""), "" },
		{ ONE("\"domain\":\"a.test\",\"network\":\"udp\""), "" },
	};

	(void)state;
	check_said(cases, N(cases), 0);
}

/* The report on rules for one inbound that captures, and finds names out in TCP. */
static char *report_on_captured(const char *rules, struct config *c)
{
	struct config_reader r = { .c = c };
	struct config_json j = { 0 };
	char *report = NULL;
	size_t n;

	r.report = (struct config_report){
		.out = open_memstream(&report, &n), .file = "t", .text = rules, .len = strlen(rules)
	};
	assert_int_equal(config_json_read(&r.report, &j), 0);
	config_read_rules(&r, j.root);
	config_json_done(&j);
	config_report_end(&r.report);
	fclose(r.report.out);
	for (size_t i = 0; i < c->n_rules; i++)
		config_rule_done(&c->rules[i]);
	free(c->rules);
	return report;
}

static void config_read_rules__captured__notes_what_never_matches(void **state)
{
	static const struct said cases[] = {
		{ "[{\"domain\":\"a.test\",\"action\":\"reject\"}]", "" },
		{ "[{\"domain\":\"a.test\",\"network\":\"udp\",\"action\":\"reject\"}]",
		  "t:1:2: note: [0]: never matches: no inbound of the rule finds names out (sniff, "
		  "TCP)\n" },
		{ "[{\"domain\":\"a.test\",\"ip_cidr\":\"::/0\",\"network\":\"udp\","
		  "\"action\":\"reject\"}]",
		  "" },
		{ "[{\"source_ip_cidr\":\"fd00::/8\",\"ip_cidr\":\"10.0.0.0/8\",\"action\":"
		  "\"reject\"}]",
		  "t:1:2: note: [0]: never matches: source and destination are of different "
		  "families\n" },
		{ "[{\"source_ip_cidr\":[\"fd00::/8\",\"10.0.0.1\"],\"ip_cidr\":\"10.0.0.0/8\","
		  "\"action\":\"reject\"}]",
		  "" },
		{ "[{\"inbound\":\"gw\",\"ip_cidr\":\"10.0.0.0/8\",\"action\":\"bypass\"}]", "" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct config_inbound in = { .type = INBOUND_TRANSPARENT,
					     .tag = "gw",
					     .transparent.sniff = true };
		struct config c = { .inbounds = &in, .n_inbounds = 1 };
		char *report = report_on_captured(cases[i].text, &c);

		assert_string_equal(report, cases[i].report);
		free(report);
	}
}

static void config_parse__many_rules__are_limited(void **state)
{
	char *text = NULL, *report;
	struct config *c = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int err;

	(void)state;
	fputs("{\"route\":{\"rules\":[", f);
	for (int i = 0; i < 1025; i++)
		fprintf(f, "%s{\"port\":1,\"action\":\"reject\"}", i ? "," : "");
	fputs("]}}", f);
	fclose(f);
	report = report_of(text, &err, &c);
	assert_int_equal(err, -EINVAL);
	assert_string_equal(report, "t:1:19: route.rules: more than 1024\n");
	free(report);
	free(text);
}

/* Two files in a folder of their own: the configuration and a list. */
static void config_load__list_with_a_wrong_line__is_named_with_both_places(void **state)
{
	char folder[] = "/tmp/test-config-route-XXXXXX", path[64], list[64], want[300];
	char *report = NULL;
	struct config *c = NULL;
	size_t n;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	sprintf(path, "%s/config", folder);
	sprintf(list, "%s/list", folder);
	f = fopen(list, "w");
	fputs("10.0.0.0/8\n10.0.0.0/99\n", f);
	fclose(f);
	f = fopen(path, "w");
	fprintf(f, "{\"route\":{\"rules\":[\n{\"ip_cidr_file\":[\"%s\"],\"action\":\"reject\"}]}}",
		list);
	fclose(f);
	f = open_memstream(&report, &n);
	assert_int_equal(config_load(path, f, &c), -EINVAL);
	fclose(f);
	sprintf(want, "%s:2:18: route.rules[0].ip_cidr_file[0]: %s:2: no address prefix\n", path,
		list);
	assert_string_equal(report, want);
	free(report);
	unlink(path);
	unlink(list);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_parse__whole_rule__has_every_part),
		cmocka_unit_test(config_parse__both_networks__are_no_condition_of_the_flow),
		cmocka_unit_test(config_parse__private_sources__are_prefixes),
		cmocka_unit_test(config_parse__wrong_value__is_named),
		cmocka_unit_test(config_parse__wrong_ranges__are_named_one_by_one),
		cmocka_unit_test(config_parse__wrong_rule__says_what_to_do),
		cmocka_unit_test(config_parse__useless_rule__is_noted),
		cmocka_unit_test(config_read_rules__captured__notes_what_never_matches),
		cmocka_unit_test(config_parse__many_rules__are_limited),
		cmocka_unit_test(config_load__list_with_a_wrong_line__is_named_with_both_places),
	};

	return cmocka_run_group_tests_name("config route", tests, NULL, NULL);
}
