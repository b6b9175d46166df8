// SPDX-License-Identifier: GPL-2.0-or-later
// Links to servers: the table of the protocol notes, hostile ones, and writing them.
#include "proto/uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

static const struct {
	const char *text;
	struct uri want;
} good[] = {
	{ "anytls://letmein@example.com/?sni=real.example.com",
	  { .host = "example.com",
	    .port = 443,
	    .password = "letmein",
	    .sni = "real.example.com" } },
	{ "anytls://letmein@example.com/?sni=127.0.0.1&insecure=1",
	  { .host = "example.com",
	    .port = 443,
	    .password = "letmein",
	    .sni = "127.0.0.1",
	    .no_sni = true,
	    .insecure = true } },
	{ "anytls://pw@[2001:db8::1]:8964/?insecure=1",
	  { .host = "2001:db8::1", .port = 8964, .password = "pw", .insecure = true } },
	{ "anytls://example.com", { .host = "example.com", .port = 443 } },
	{ "anytls://@example.com:", { .host = "example.com", .port = 443 } },
	{ "AnyTLS://pw@1.2.3.4:65535/", { .host = "1.2.3.4", .port = 65535, .password = "pw" } },
	{ "anytls://p%40ss@h:1", { .host = "h", .port = 1, .password = "p@ss" } },
	{ "anytls://user:pass%3Aword@h",
	  { .host = "h", .port = 443, .password = "user:pass:word" } },
	{ "anytls://%D0%BF%2f%3f%23@h#%F0%9F%87%A9%20one",
	  { .host = "h",
	    .port = 443,
	    .password = "\xd0\xbf/?#",
	    .label = "\xf0\x9f\x87\xa9 one" } },
	{ "anytls://pw@h#\xf0\x9f\x87\xa9 [one] #2 <x>",
	  { .host = "h",
	    .port = 443,
	    .password = "pw",
	    .label = "\xf0\x9f\x87\xa9 [one] #2 <x>" } },
	{ "anytls://pw@h?sni=::1",
	  { .host = "h", .port = 443, .password = "pw", .sni = "::1", .no_sni = true } },
	{ "anytls://pw@h?peer=a.example",
	  { .host = "h", .port = 443, .password = "pw", .sni = "a.example" } },
	{ "anytls://pw@h?sni=b&peer=a",
	  { .host = "h", .port = 443, .password = "pw", .sni = "b" } },
	{ "anytls://pw@h?peer=a&sni=b",
	  { .host = "h", .port = 443, .password = "pw", .sni = "b" } },
	{ "anytls://pw@h?sni=a&sni=b", { .host = "h", .port = 443, .password = "pw", .sni = "b" } },
	{ "anytls://pw@h?sni=", { .host = "h", .port = 443, .password = "pw" } },
	{ "anytls://pw@h?insecure=0", { .host = "h", .port = 443, .password = "pw" } },
	{ "anytls://pw@h?insecure", { .host = "h", .port = 443, .password = "pw" } },
	{ "anytls://pw@h?insecure=", { .host = "h", .port = 443, .password = "pw" } },
	{ "anytls://pw@h?allowInsecure=true",
	  { .host = "h", .port = 443, .password = "pw", .insecure = true } },
	{ "anytls://pw@h?insecure=false&allowInsecure=1",
	  { .host = "h", .port = 443, .password = "pw" } },
	{ "anytls://pw@h?alpn=h2%2Chttp%2F1.1",
	  { .host = "h", .port = 443, .password = "pw", .alpn = "h2,http/1.1" } },
	{ "anytls://pw@h?alpn=h2,http/1.1",
	  { .host = "h", .port = 443, .password = "pw", .alpn = "h2,http/1.1" } },
	{ "anytls://pw@h/?security=tls&type=tcp&headerType=none&fp=chrome&udp=1&&x&ech=&pbk=k&sid=1"
	  "&idle_session_timeout=30&min_idle_session=5&xsni=no&Sni=no",
	  { .host = "h", .port = 443, .password = "pw" } },
	{ "anytls://pw@h/?#", { .host = "h", .port = 443, .password = "pw" } },
};
#define N_GOOD (sizeof(good) / sizeof(good[0]))

static void check_equal(const struct uri *a, const struct uri *b)
{
	assert_string_equal(a->host, b->host);
	assert_int_equal(a->port, b->port);
	assert_string_equal(a->password, b->password);
	assert_string_equal(a->sni, b->sni);
	assert_int_equal(a->no_sni, b->no_sni);
	assert_int_equal(a->insecure, b->insecure);
	assert_string_equal(a->alpn, b->alpn);
	assert_string_equal(a->label, b->label);
}

static void check_refused(const char *text, const char *part)
{
	struct uri u = { .port = 99 };
	const char *why = NULL;

	assert_int_equal(uri_parse(text, &u, &why), -EINVAL);
	assert_non_null(why);
	assert_non_null(strstr(why, part));
	assert_int_equal(u.port, 99);
}

static void uri_parse__good_links__give_fields(void **state)
{
	const char *why = "untouched";
	struct uri u;

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		assert_int_equal(uri_parse(good[i].text, &u, &why), 0);
		check_equal(&u, &good[i].want);
	}
	assert_string_equal(why, "untouched");
}

static void uri_put__good_links__read_back_the_same(void **state)
{
	char text[URI_TEXT_MAX];
	const char *why;
	struct uri u;

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		int len = uri_put(&good[i].want, text, sizeof(text));

		assert_true(len > 0);
		assert_int_equal(len, strlen(text));
		assert_int_equal(uri_parse(text, &u, &why), 0);
		check_equal(&u, &good[i].want);
	}
}

static void uri_put__reserved_characters__are_escaped(void **state)
{
	static const struct uri u = { .host = "2001:db8::1",
				      .port = 443,
				      .password = "p@s:s/w",
				      .sni = "a&b.example",
				      .insecure = true,
				      .alpn = "h2,http/1.1",
				      .label = "a b" };
	char text[URI_TEXT_MAX];

	(void)state;
	assert_true(uri_put(&u, text, sizeof(text)) > 0);
	assert_string_equal(text,
			    "anytls://p%40s%3As%2Fw@[2001:db8::1]:443/?sni=a%26b.example&insecure=1"
			    "&alpn=h2,http/1.1#a%20b");
}

static void uri_put__room_too_small__is_enospc(void **state)
{
	static const struct uri u = { .host = "h", .port = 443, .password = "pw" };
	static const char want[] = "anytls://pw@h:443/";
	char text[sizeof(want)];

	(void)state;
	memset(text, '#', sizeof(text));
	for (size_t room = 0; room < sizeof(text); room++)
		assert_int_equal(uri_put(&u, text, room), -ENOSPC);
	assert_int_equal(text[0], '#');
	assert_int_equal(uri_put(&u, text, sizeof(text)), sizeof(want) - 1);
	assert_string_equal(text, want);
}

static void uri_put__everything_at_its_longest__is_written_whole(void **state)
{
	char text[8192];
	struct uri u = { .port = 65535, .insecure = true };
	int len;

	(void)state;
	memset(u.host, '%', sizeof(u.host) - 1);
	memset(u.password, '%', sizeof(u.password) - 1);
	memset(u.sni, '%', sizeof(u.sni) - 1);
	memset(u.alpn, '%', sizeof(u.alpn) - 1);
	memset(u.label, '%', sizeof(u.label) - 1);
	len = uri_put(&u, text, sizeof(text));
	assert_true(len > 0);
	assert_int_equal(len, strlen(text));
	assert_true(strlen(text) > 3 * (511 + 4 * 255));
}

static void uri_parse__bad_links__say_why(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "", "scheme" },
		{ "example.com:443", "scheme" },
		{ "https://pw@example.com/", "scheme" },
		{ "anytlsx://pw@h", "scheme" },
		{ "anytls:", "host" },
		{ "anytls://", "host" },
		{ "anytls://pw@", "host" },
		{ "anytls://pw@:443", "host" },
		{ "anytls:///path", "host" },
		{ "anytls://pw@h:0", "port" },
		{ "anytls://pw@h:65536", "port" },
		{ "anytls://pw@h:99999999999999999999", "port" },
		{ "anytls://pw@h:44a", "well-formed" },
		{ "anytls://pw@h:1-2", "well-formed" },
		{ "anytls://pw@[2001:db8::1", "well-formed" },
		{ "anytls://pw@[v1.x]/", "kind" },
		{ "anytls://p%4@h", "well-formed" },
		{ "anytls://p%zz@h", "well-formed" },
		{ "anytls://a@b@h", "well-formed" },
		{ "anytls://p%00w@h", "password" },
		{ "anytls://pw@h%00", "host" },
		{ "anytls://pw@h?sni=a%00b", "sni" },
		{ "anytls://pw@h?alpn=%00", "alpn" },
		{ "anytls://pw@h#%00", "label" },
		{ "anytls://pw@h/path", "path" },
		{ "anytls://pw@h//", "path" },
		{ "anytls://pw@h?insecure=yes", "insecure" },
		{ "anytls://pw@h?insecure=2", "insecure" },
		{ "anytls://pw@h?insecure=1%00", "insecure" },
		{ "anytls://pw@h?insecure=11111111111", "insecure" },
		{ "anytls://pw@h\n", "control" },
		{ "anytls://p\x7fw@h", "control" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(cases[i].text, cases[i].part);
}

static void uri_parse__parts_too_long__are_refused(void **state)
{
	static const struct {
		const char *before, *after, *part;
		size_t most;
	} cases[] = {
		{ "anytls://", "@h", "password", 511 }, { "anytls://", "", "host", 255 },
		{ "anytls://h?sni=", "", "sni", 255 },	{ "anytls://h?alpn=", "", "alpn", 255 },
		{ "anytls://h#", "", "label", 255 },
	};
	char text[1024], fill[600];
	const char *why;
	struct uri u;

	(void)state;
	memset(fill, 'x', sizeof(fill));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s%.*s%s", cases[i].before, (int)cases[i].most, fill,
			 cases[i].after);
		assert_int_equal(uri_parse(text, &u, &why), 0);
		snprintf(text, sizeof(text), "%s%.*s%s", cases[i].before, (int)cases[i].most + 1,
			 fill, cases[i].after);
		check_refused(text, cases[i].part);
	}
}

static void uri_parse__whole_text__ends_below_the_limit(void **state)
{
	char *text = malloc(URI_TEXT_MAX + 1);
	const char *why;
	struct uri u;

	(void)state;
	memset(text, 'x', URI_TEXT_MAX);
	memcpy(text, "anytls://pw@h?x=", 16);
	text[URI_TEXT_MAX] = '\0';
	check_refused(text, "too long");
	text[URI_TEXT_MAX - 1] = '\0';
	assert_int_equal(uri_parse(text, &u, &why), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uri_parse__good_links__give_fields),
		cmocka_unit_test(uri_put__good_links__read_back_the_same),
		cmocka_unit_test(uri_put__reserved_characters__are_escaped),
		cmocka_unit_test(uri_put__room_too_small__is_enospc),
		cmocka_unit_test(uri_put__everything_at_its_longest__is_written_whole),
		cmocka_unit_test(uri_parse__bad_links__say_why),
		cmocka_unit_test(uri_parse__parts_too_long__are_refused),
		cmocka_unit_test(uri_parse__whole_text__ends_below_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
