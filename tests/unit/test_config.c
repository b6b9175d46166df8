// SPDX-License-Identifier: GPL-2.0-or-later
// What is wrong with a configuration is told with its place, and never with a password.
#include "app/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "hunter2-very-secret"
#define ANYTLS_IN(rest)                                                                            \
	"{\"inbounds\":[{\"type\":\"anytls\",\"listen\":\"::1\",\"listen_port\":443,\n" rest "}]}"
#define USERS	 "\"users\":[{\"password\":\"a\"}]"
#define IN(rest) ANYTLS_IN(USERS ",\n" rest)
#define SOCKS(rest)                                                                                \
	"{\"inbounds\":[{\"type\":\"socks\",\"listen\":\"::1\",\"listen_port\":1080,\n" rest "}]}"
#define OUT(rest)                                                                                  \
	"{\"outbounds\":[{\"type\":\"anytls\",\"server\":\"h\",\"server_port\":1,\"password\":"    \
	"\"a\",\n" rest "}]}"
#define TLS	      "\"tls\":{\"enabled\":true}"
#define OUT_TLS(rest) OUT("\"tls\":{\"enabled\":true,\n" rest "}")

/* The report on a text, to be freed; *ret_err is what config_parse() said. */
static char *complain(const char *text, int *ret_err)
{
	struct config *c = NULL;
	char *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);

	assert_non_null(f);
	*ret_err = config_parse(text, strlen(text), "t", f, &c);
	config_free(c);
	fclose(f);
	return report;
}

struct bad {
	const char *text, *report; /* the report's first line starts with it */
};

static void check_bad(const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err;
		char *report = complain(cases[i].text, &err);

		if (err != -EINVAL ||
		    strncmp(report, cases[i].report, strlen(cases[i].report)) != 0)
			fail_msg("%s\n  gives %d: %s  not %s", cases[i].text, err, report,
				 cases[i].report);
		free(report);
	}
}
#define CHECK_BAD(cases) check_bad(cases, sizeof(cases) / sizeof(*cases))

static void config_parse__no_json__says_where(void **state)
{
	static const struct bad cases[] = {
		{ "", "t:1:1: no valid JSON" },
		{ "[]", "t:1:1: must be an object, not an array" },
		{ "{\n  \"log\": }", "t:2:10: no valid JSON: unexpected token" },
		{ "{\"a\": 1", "t:1:7: no valid JSON" },
		{ "{} x", "t:1:4: no valid JSON" },
		{ "{\"user\": \"a\nb\"}", "t:1:10: this string has no closing quote on its line" },
		{ "{\n/* x", "t:2:1: this comment has no end" },
		{ "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "t:1:37: nested too deeply" },
		{ "{\"workers\": 99999999999999999999}", "t:1:32: no valid JSON: too big integer" },
		{ "{\"user\": \"\\u0000\"}", "t:1:17: no valid JSON: \\u0000 is not allowed\n" },
		{ "{\"user\": \"\xff\"}", "t:1:" },
	};

	(void)state;
	CHECK_BAD(cases);
}

static void config_parse__keys__are_known_and_given_once(void **state)
{
	static const struct bad cases[] = {
		{ "{\"bogus\": 1}", "t:1:2: bogus: unknown key\n" },
		{ "{\n\t\"inbuonds\": 1,\n\t\"worker\": 1}",
		  "t:2:2: inbuonds: unknown key\n"
		  "t:3:2: worker: unknown key (is \"workers\" meant?)\n" },
		{ "{\"workers\":1,\n\"workers\":2}",
		  "t:2:1: workers: repeated key, given in line 1 already\n" },
		{ "{\"workers\":1,\n\"\\u0077orkers\":2}", "t:2:1: workers: repeated key" },
		{ "{\"outbounds\":[{\"type\":\"direct\",\n\"tag\":\"a\",\"tag\":\"b\"}]}",
		  "t:2:11: outbounds[0].tag: repeated key" },
		{ "{\"lim\xc3\xa9ts\x1b[0m\": 1}", "t:1:" },
		{ "{\"a\\u001b[31m\": 1}", "t:1:2: a\\x1b[31m: unknown key" },
		{ "{\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee\": 1}",
		  "t:1:2: aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...: unknown key" },
		{ "{\"experimental\": {}}", "t:1:2: experimental: not supported: remove it" },
		{ "{\"route\":{\"rule_set\":[]}}", "t:1:11: route.rule_set: not supported" },
		{ "{\"log\":{\"level\":\"loud\"}}", "t:1:17: log.level: must be trace, debug" },
		{ "{\"log\":{\"format\":\"xml\"}}",
		  "t:1:18: log.format: must be \"text\" or \"json\"" },
		{ "{\"log\":[]}", "t:1:8: log: must be an object, not an array" },
		{ "{\"workers\":\"x\"}", "t:1:12: workers: must be a number, not a string" },
		{ "{\"workers\":-1}", "t:1:12: workers: must be from 0 to 256, not -1" },
		{ "{\"workers\":1.5}", "t:1:12: workers: must be a number, not a fraction" },
		{ "{\"user\":\"\"}", "t:1:9: user: must not be empty" },
		{ "{\"limits\":{\"sessions\":0}}", "t:1:23: limits.sessions: must be from 1 to" },
		{ "{\"dns\":{\"servers\":[\"10.0.0.1\",\n{\"type\":\"udp\"}]}}",
		  "t:2:1: dns.servers[1]: sing-box's server objects are not supported" },
		{ "{\"dns\":{\"servers\":\"dns.example\"}}",
		  "t:1:19: dns.servers: must be an IP address" },
		{ "{\"dns\":{\"servers\":\"10.0.0.1:0\"}}",
		  "t:1:19: dns.servers: must be an IP address" },
		{ "{\"dns\":{\"servers\":\"[10.0.0.1]:53\"}}",
		  "t:1:19: dns.servers: must be an IP" },
		{ "{\"dns\":{\"servers\":\"[::1\"}}", "t:1:19: dns.servers: must be an IP" },
		{ "{\"dns\":{\"strategy\":\"ipv4_only\"}}", "t:1:9: dns.strategy: not supported" },
		{ "{\"inbounds\":{}}", "t:1:13: inbounds: must be an array, not an object" },
		{ "{\"inbounds\":[1]}", "t:1:14: inbounds[0]: must be an object, not a number" },
		{ "{\"inbounds\":[{}]}", "t:1:14: inbounds[0]: \"type\" is missing" },
		{ "{\"inbounds\":[{\"type\":\"mixed\"}]}",
		  "t:1:22: inbounds[0].type: type \"mixed\" is not supported: use \"socks\"" },
		{ "{\"inbounds\":[{\"type\":\"sox\"}]}",
		  "t:1:22: inbounds[0].type: unknown type \"sox\"" },
		{ "{\"outbounds\":[{\"type\":\"selector\"}]}",
		  "t:1:23: outbounds[0].type: type \"selec" },
		{ "{\"outbounds\":[{\"type\":\"block\",\"bind_interface\":\"x\"}]}",
		  "t:1:31: outbounds[0].bind_interface: unknown key" },
	};

	(void)state;
	CHECK_BAD(cases);
}

static void config_parse__durations__need_units_and_range(void **state)
{
	static const struct bad cases[] = {
		{ SOCKS("\"udp_timeout\":300"), "t:2:15: inbounds[0].udp_timeout: a duration is a "
						"string with a unit, as in \"30s\"" },
		{ SOCKS("\"udp_timeout\":\"300\""),
		  "t:2:15: inbounds[0].udp_timeout: \"300\" needs a unit" },
		{ SOCKS("\"udp_timeout\":\"-5s\""),
		  "t:2:15: inbounds[0].udp_timeout: \"-5s\" must not be neg" },
		{ SOCKS("\"udp_timeout\":\"5x\""),
		  "t:2:15: inbounds[0].udp_timeout: \"5x\" is no duration" },
		{ SOCKS("\"udp_timeout\":\"\""),
		  "t:2:15: inbounds[0].udp_timeout: \"\" is no duration" },
		{ SOCKS("\"udp_timeout\":\"5s5\""),
		  "t:2:15: inbounds[0].udp_timeout: \"5s5\" is no dur" },
		{ SOCKS("\"udp_timeout\":\"s\""),
		  "t:2:15: inbounds[0].udp_timeout: \"s\" is no duration" },
		{ SOCKS("\"udp_timeout\":\".s\""),
		  "t:2:15: inbounds[0].udp_timeout: \".s\" is no duration" },
		{ SOCKS("\"udp_timeout\":\"5 s\""),
		  "t:2:15: inbounds[0].udp_timeout: \"5 s\" is no dura" },
		{ SOCKS("\"udp_timeout\":\"2d\""),
		  "t:2:15: inbounds[0].udp_timeout: must be from 1s to 1d" },
		{ SOCKS("\"udp_timeout\":\"999999999999999999999999d\""),
		  "t:2:15: inbounds[0].udp_timeout: must be from 1s to 1d, not" },
		{ SOCKS("\"udp_timeout\":true"),
		  "t:2:15: inbounds[0].udp_timeout: must be a string" },
	};

	(void)state;
	CHECK_BAD(cases);
}

static void config_parse__inbounds__are_checked(void **state)
{
	static const struct bad cases[] = {
		{ "{\"inbounds\":[{\"type\":\"anytls\"}]}",
		  "t:1:14: inbounds[0]: \"listen\" is missing" },
		{ ANYTLS_IN("\"sniff\":true," USERS), "t:2:1: inbounds[0].sniff: not supported" },
		{ ANYTLS_IN("\"users\":[]"), "t:2:9: inbounds[0].users: at least one user" },
		{ ANYTLS_IN("\"users\":[{}]"),
		  "t:2:10: inbounds[0].users[0]: \"password\" is missing" },
		{ ANYTLS_IN("\"users\":[{\"password\":\"\"}]"),
		  "t:2:22: inbounds[0].users[0].password: must not be empty" },
		{ ANYTLS_IN("\"users\":[{\"password\":\"a\"},\n{\"password\":\"a\"}]"),
		  "t:3:13: inbounds[0].users[1].password: this is the password of user 1 already" },
		{ ANYTLS_IN("\"users\":[{\"name\":\"x\",\"password\":\"a\"},\n{\"name\":\"x\","
			    "\"password\":\"b\"}]"),
		  "t:3:9: inbounds[0].users[1].name: \"x\" is the name of user 1 already" },
		{ IN("\"listen_prt\":1"),
		  "t:3:1: inbounds[0].listen_prt: unknown key (is \"listen_port\"" },
		{ IN("\"tcp_fast_open\":true"), "t:3:1: inbounds[0].tcp_fast_open: not supported" },
		{ IN("\"fallback\":{\"server\":\"a b\",\"server_port\":1}"),
		  "t:3:22: inbounds[0].fallback.server: \"a b\" is no host name" },
		{ IN("\"fallback\":{\"server\":\"a\"}"),
		  "t:3:12: inbounds[0].fallback: \"server_port\" is missing" },
		{ IN("\"fallback_for_alpn\":{\"h2\":{\"server\":\"a\",\"server_port\":1}}"),
		  "t:3:1: inbounds[0].fallback_for_alpn: needs TLS" },
		{ IN("\"fallback_tls\":{\"server\":\"a\",\"server_port\":1}"),
		  "t:3:1: inbounds[0].fallback_tls: needs TLS" },
		{ IN("\"tls\":{\"enabled\":true}"),
		  "t:3:7: inbounds[0].tls: a certificate is missing" },
		{ IN("\"tls\":{\"enabled\":true,\"certificate\":\"x\",\"key\":\"y\"}"),
		  "t:3:37: inbounds[0].tls.certificate: no certificate in PEM form\n"
		  "t:3:47: inbounds[0].tls.key: no private key in PEM form\n" },
		{ IN("\"tls\":{\"certificate\":\"x\",\n\"certificate_path\":\"y\"}"),
		  "t:3:7: note: inbounds[0].tls: TLS is off: \"enabled\" is not true\n"
		  "t:4:1: inbounds[0].tls.certificate_path: given as text and as a file" },
		{ IN("\"tls\":{\"acme\":{}}"),
		  "t:3:7: note: inbounds[0].tls: TLS is off: \"enabled\" is not "
		  "true\nt:3:8: inbounds[0].tls.acme: not supported: get certificates with" },
		{ IN("\"tls\":{\"kernel_tx\":1}"),
		  "t:3:7: note: inbounds[0].tls: TLS is off: \"enabled\" "
		  "is not true\nt:3:20: inbounds[0].tls.kernel_tx: must be \"auto\", true or "
		  "false" },
		{ IN("\"datapath\":\"sendfile\""),
		  "t:3:12: inbounds[0].datapath: must be \"auto\", \"copy\", \"splice\" or "
		  "\"sockmap\", not \"sendfile\"" },
		{ SOCKS("\"users\":[{\"username\":\"a\"}]"),
		  "t:2:10: inbounds[0].users[0]: \"password\" is missing" },
		{ "{\"inbounds\":[{\"type\":\"socks\",\"listen\":\"::1\",\"listen_port\":1,\"tag\":"
		  "\"a\"},\n"
		  "{\"type\":\"socks\",\"listen\":\"::1\",\"listen_port\":2,\"tag\":\"a\"}]}",
		  "t:2:54: inbounds[1].tag: \"a\" is the tag of number 1 already" },
		{ "{\"inbounds\":[{\"type\":\"socks\",\"listen\":\"::1\",\"listen_port\":1},\n"
		  "{\"type\":\"socks\",\"listen\":\"0::1\",\"listen_port\":1}]}",
		  "t:2:47: inbounds[1].listen_port: inbound 1 has this address and port already" },
		{ "{\"inbounds\":[{\"type\":\"socks\",\"listen\":\"localhost\",\"listen_port\":0}]"
		  "}",
		  "t:1:39: inbounds[0].listen: must be an IP address, not \"localhost\"\n"
		  "t:1:65: inbounds[0].listen_port: must be from 1 to 65535, not 0\n" },
	};

	(void)state;
	CHECK_BAD(cases);
}

static void config_parse__padding_schemes__are_checked(void **state)
{
	static const struct bad cases[] = {
		{ IN("\"padding_scheme\":[\"0:100\",\n\"stop=2\"]"),
		  "t:4:1: inbounds[0].padding_scheme[1]: line 2: \"min:max\" and" },
		{ IN("\"padding_scheme\":[\"stop=2\",\n\"0=30-30\",\n\"0:100\"]"),
		  "t:5:1: inbounds[0].padding_scheme[2]: line 3: \"min:max\" and" },
		{ IN("\"padding_scheme\":[\"100:99\"]"),
		  "t:3:19: inbounds[0].padding_scheme[0]: min:max: 100" },
		{ IN("\"padding_scheme\":[\"0:0\"]"),
		  "t:3:19: inbounds[0].padding_scheme[0]: min:max: sizes" },
		{ IN("\"padding_scheme\":[\"1:2\",\n\"1:65536\"]"),
		  "t:4:1: inbounds[0].padding_scheme[1]: min:max: sizes" },
		{ IN("\"padding_scheme\":[\"0=30-30\"]"),
		  "t:3:19: inbounds[0].padding_scheme[0]: line 1: \"stop\" " },
		{ IN("\"padding_scheme\":[\"stop=2\",\n\"0=30-30\",\n\"1=100\"]"),
		  "t:5:1: inbounds[0].padding_scheme[2]: line 3: " },
		{ IN("\"padding_scheme\":\"stop=2\\n0=0-5\""),
		  "t:3:18: inbounds[0].padding_scheme: line 2: " },
		{ IN("\"padding_scheme\":[\"stop=2\\n1=5-5\",\n\"2=x\"]"),
		  "t:3:19: inbounds[0].padding_scheme[0]: a line break inside a line" },
		{ IN("\"padding_scheme\":[1]"),
		  "t:3:19: inbounds[0].padding_scheme[0]: must be a string" },
		{ IN("\"padding_scheme\":[\"padding\"]"),
		  "t:3:19: inbounds[0].padding_scheme[0]: line 1: " },
	};

	(void)state;
	CHECK_BAD(cases);
}

static void config_parse__outbounds__are_checked(void **state)
{
	static const struct bad cases[] = {
		{ "{\"outbounds\":[{\"type\":\"anytls\"," TLS "}]}",
		  "t:1:15: outbounds[0]: \"server\" is missing" },
		{ OUT("\"tag\":\"a\""),
		  "t:1:15: outbounds[0]: \"tls\" is missing: AnyTLS needs it" },
		{ OUT("\"tls\":{}"), "t:2:7: outbounds[0].tls: AnyTLS needs TLS" },
		{ OUT("\"tls\":{\"enabled\":false}"), "t:2:7: outbounds[0].tls: AnyTLS needs TLS" },
		{ OUT("\"tls\":true"), "t:2:7: outbounds[0].tls: must be an object" },
		{ OUT(TLS ",\n\"tcp_fast_open\":true"),
		  "t:3:1: outbounds[0].tcp_fast_open: not supported: "
		  "remove it: an AnyTLS session" },
		{ OUT(TLS ",\n\"detour\":\"x\""), "t:3:1: outbounds[0].detour: not supported" },
		{ OUT(TLS ",\n\"client_metadata\":\"a\\nb\""),
		  "t:3:19: outbounds[0].client_metadata: must not" },
		{ OUT(TLS ",\n\"inet4_bind_address\":\"::1\""),
		  "t:3:22: outbounds[0].inet4_bind_address: must be an IPv4 address" },
		{ OUT(TLS ",\n\"routing_mark\":\"0xfffffffff\""),
		  "t:3:16: outbounds[0].routing_mark: must be a number" },
		{ OUT(TLS ",\n\"routing_mark\":\"-1\""),
		  "t:3:16: outbounds[0].routing_mark: must be a number" },
		{ OUT_TLS("\"min_version\":\"1.1\""),
		  "t:3:15: outbounds[0].tls.min_version: TLS 1.1 is broken" },
		{ OUT_TLS("\"max_version\":\"2\""),
		  "t:3:15: outbounds[0].tls.max_version: must be \"1.2\"" },
		{ OUT_TLS("\"min_version\":\"1.3\",\n\"max_version\":\"1.2\""),
		  "t:4:15: outbounds[0].tls.max_version: is below min_version" },
		{ OUT_TLS("\"cipher_suites\":[\"TLS_NULL\"]"),
		  "t:3:18: outbounds[0].tls.cipher_suites[0]: no cipher suite of this OpenSSL" },
		{ OUT_TLS("\"curve_preferences\":\"P257\""),
		  "t:3:21: outbounds[0].tls.curve_preferences: must" },
		{ OUT_TLS("\"alpn\":[\"\"]"),
		  "t:3:9: outbounds[0].tls.alpn[0]: must not be empty" },
		{ OUT_TLS("\"utls\":{\"enabled\":true}"),
		  "t:3:1: outbounds[0].tls.utls: not supported" },
		{ OUT_TLS("\"certificate_public_key_sha256\":[\"AA==\"]"),
		  "t:3:34: outbounds[0].tls.certificate_public_key_sha256[0]: must be the base64" },
		{ OUT_TLS("\"certificate\":[\"x\"],\n\"certificate_public_key_sha256\":"
			  "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""),
		  "t:4:1: outbounds[0].tls.certificate_public_key_sha256: replaces" },
		{ OUT_TLS("\"client_key\":\"x\""),
		  "t:2:7: outbounds[0].tls: client_certificate and client_key" },
		{ OUT_TLS("\"certificate_path\":\"/etc/passwd\""),
		  "t:3:20: outbounds[0].tls.certificate_path: /etc/passwd: Permission denied" },
		{ OUT("\"x\":1," TLS
		      "},\n{\"type\":\"direct\",\"tag\":\"a\"},{\"type\":\"block\",\"tag\":\"a\""),
		  "t:2:1: outbounds[0].x: unknown key\nt:3:51: outbounds[2].tag: \"a\" is the tag "
		  "of number 2" },
		{ "{\"route\":{\"final\":\"x\\u0007\"}}",
		  "t:1:19: route.final: no outbound has the tag \"x\\x07\"" },
	};

	(void)state;
	CHECK_BAD(cases);
}

/* Whatever is done to a password, its text stays out of the report. */
static void config_parse__misplaced_password__is_never_echoed(void **state)
{
	static const char *const texts[] = {
		ANYTLS_IN("\"users\":[{\"password\":\"" SECRET "\"},{\"password\":\"" SECRET
			  "\"}]"),
		ANYTLS_IN("\"users\":[{\"password\":[\"" SECRET "\"]}]"),
		ANYTLS_IN("\"users\":[{\"pasword\":\"" SECRET "\"}]"),
		ANYTLS_IN("\"users\":[\"" SECRET "\"]"),
		ANYTLS_IN("\"users\":\"" SECRET "\""),
		SOCKS("\"users\":[{\"username\":\"a\",\"password\":{\"x\":\"" SECRET "\"}}]"),
		OUT("\"password\":\"" SECRET "\"," TLS),
		/* syntax errors right at it */
		ANYTLS_IN("\"users\":[{\"password\":'" SECRET "'}]"),
		ANYTLS_IN("\"users\":[{\"password\":" SECRET "}]"),
		ANYTLS_IN("\"users\":[{\"password\" \"" SECRET "\"}]"),
		ANYTLS_IN("\"users\":[{\"password\":\"" SECRET "}]"),
		ANYTLS_IN("\"users\":[{\"password\":\"" SECRET "\\q\"}]"),
		ANYTLS_IN("\"users\":[{\"password\":\"" SECRET "\t\"}]"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		int err;
		char *report = complain(texts[i], &err);

		assert_int_equal(err, -EINVAL);
		assert_null(strstr(report, "hunter2"));
		free(report);
	}
}

static void config_parse__many_problems__prints_fifty_in_order(void **state)
{
	char text[8192] = "{", *report;
	unsigned lines = 0;
	int err;

	(void)state;
	for (int i = 0; i < 60; i++)
		sprintf(text + strlen(text), "%s\n\"k%02d\":1", i ? "," : "", i);
	strcat(text, "}");
	report = complain(text, &err);
	for (char *p = report; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(err, -EINVAL);
	assert_int_equal(lines, 51);
	assert_memory_equal(report, "t:2:1: k00: unknown key\nt:3:1: k01:", 35);
	assert_non_null(strstr(report, "\nt: 10 more problems are not shown\n"));
	free(report);
}

static void config_parse__long_value__is_cut(void **state)
{
	int err;
	char *report = complain(
		"{\"log\":{\"level\":\"0123456789012345678901234567890123456789ABC\"}}", &err);

	(void)state;
	assert_non_null(strstr(report, "\"0123456789012345678901234567890123456789...\""));
	free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_parse__no_json__says_where),
		cmocka_unit_test(config_parse__keys__are_known_and_given_once),
		cmocka_unit_test(config_parse__durations__need_units_and_range),
		cmocka_unit_test(config_parse__inbounds__are_checked),
		cmocka_unit_test(config_parse__padding_schemes__are_checked),
		cmocka_unit_test(config_parse__outbounds__are_checked),
		cmocka_unit_test(config_parse__misplaced_password__is_never_echoed),
		cmocka_unit_test(config_parse__many_problems__prints_fifty_in_order),
		cmocka_unit_test(config_parse__long_value__is_cut),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
