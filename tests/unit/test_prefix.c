// SPDX-License-Identifier: GPL-2.0-or-later
// Prefixes: text, containment, lists against the simplest search there is, files.
#include "base/prefix.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof(*(array)))
#define FILE_MAX (16 * 1024 * 1024)

static struct prefix of(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, strlen(text), &p) < 0)
		fail_msg("\"%s\" is no prefix", text);
	return p;
}

static void prefix_parse__any_form__gives_the_normal_one(void **state)
{
	static const char *const cases[][2] = {
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.1.2.3/8", "10.0.0.0/8" },
		{ "255.255.255.255/1", "128.0.0.0/1" },
		{ "192.168.255.255/18", "192.168.192.0/18" },
		{ "192.168.255.255/31", "192.168.255.254/31" },
		{ "1.2.3.4", "1.2.3.4/32" },
		{ "1.2.3.4/32", "1.2.3.4/32" },
		{ "::/0", "::/0" },
		{ "::", "::/128" },
		{ "FD00::1", "fd00::1/128" },
		{ "fd00:1:2:3:4:5:6:7/8", "fd00::/8" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/65", "ffff:ffff:ffff:ffff:8000::/65" },
		{ "2001:db8::ff/127", "2001:db8::fe/127" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
		{ "::ffff:1.2.3.4", "1.2.3.4/32" },
		{ "::ffff:1.2.3.4/104", "1.0.0.0/8" },
		{ "::ffff:1.2.3.4/96", "0.0.0.0/0" },
		{ "::ffff:1.2.3.4/95", "::fffe:0:0/95" },
		{ "::fffe:1.2.3.4/104", "::fffe:100:0/104" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct prefix p = of(cases[i][0]);
		char text[PREFIX_TEXT_MAX];

		assert_string_equal(prefix_text(&p, text), cases[i][1]);
	}
}

static void prefix_parse__anything_else__is_einval(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/08",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		" 10.0.0.0/8",
		"10.0.0.0/8/8",
		"10.0.0.0/0x8",
		"10.0.0.0/8.",
		"10.0.0.0/0000000008",
		"10.0.0.0/4294967304",
		"10.0.0.0/255.0.0.0",
		"10.0.0/8",
		"10/8",
		"10.0.0.256",
		"010.0.0.1",
		"::/129",
		"::/999",
		"::1/00",
		":::/8",
		"fd00:/8",
		"fe80::1%lo",
		"[::1]",
		"1.2.3.4:80",
		"example.com",
		"none",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128 and more",
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct prefix p = { .family = 99 };

		if (prefix_parse(cases[i], strlen(cases[i]), &p) != -EINVAL || p.family != 99)
			fail_msg("\"%s\"", cases[i]);
	}
}

static void prefix_parse__text_without_end__reads_n_bytes(void **state)
{
	struct prefix p;
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.0/24", 10, &p), 0);
	assert_string_equal(prefix_text(&p, text), "0.0.0.0/2");
	assert_int_equal(prefix_parse("10.0.0.0\0/8", 11, &p), -EINVAL);
	assert_int_equal(prefix_parse("", 0, &p), -EINVAL);
}

static void prefix_of__address__is_the_whole_of_it(void **state)
{
	static const uint8_t ip4[4] = { 192, 0, 2, 1 }, ip6[16] = { 0xfd, [15] = 9 };
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
	struct prefix a = prefix_of(ip4, 4), b = prefix_of(ip6, 16), c = prefix_of(mapped, 16);
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_string_equal(prefix_text(&a, text), "192.0.2.1/32");
	assert_string_equal(prefix_text(&b, text), "fd00::9/128");
	assert_int_equal(prefix_compare(&a, &c), 0);
}

static void prefix__none__has_nothing(void **state)
{
	static const uint8_t zero[16];
	struct prefix none = { 0 };
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_false(prefix_has(&none, zero, 4));
	assert_false(prefix_has(&none, zero, 16));
	assert_string_equal(prefix_text(&none, text), "none");
}

static void prefix_has__address__compares_len_bits(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool has;
	} cases[] = {
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "1.2.3.4", false },
		{ "::/0", "ffff::", true },
		{ "128.0.0.0/1", "127.255.255.255", false },
		{ "128.0.0.0/1", "128.0.0.0", true },
		{ "10.0.0.0/7", "11.255.255.255", true },
		{ "10.0.0.0/7", "12.0.0.0", false },
		{ "10.0.0.0/9", "10.127.255.255", true },
		{ "10.0.0.0/9", "10.128.0.0", false },
		{ "192.0.2.8/30", "192.0.2.11", true },
		{ "192.0.2.8/30", "192.0.2.12", false },
		{ "192.0.2.8", "192.0.2.8", true },
		{ "192.0.2.8", "192.0.2.9", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::2/127", "2001:db8::3", true },
		{ "2001:db8::2/127", "2001:db8::4", false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct prefix p = of(cases[i].prefix), ip = of(cases[i].ip);

		if (prefix_has(&p, ip.ip, ip.family == AF_INET ? 4 : 16) != cases[i].has)
			fail_msg("%s in %s", cases[i].ip, cases[i].prefix);
	}
}

/* The same numbers in every run. */
static uint32_t random_next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Few of the bits vary, so that prefixes meet and contain each other. */
static struct prefix random_prefix(uint32_t *seed)
{
	bool v6 = random_next(seed) % 3 == 0;
	unsigned bits = v6 ? 128 : 32, len = random_next(seed) % (bits + 1);
	uint8_t ip[16] = { [0] = v6 ? 0xfd : 10 };
	struct prefix whole, p;
	char text[PREFIX_TEXT_MAX], *slash;

	ip[v6 ? 8 : 1] = (uint8_t)(random_next(seed) & 0xc3);
	ip[v6 ? 15 : 3] = (uint8_t)(random_next(seed) & 0x1f);
	whole = prefix_of(ip, v6 ? 16 : 4);
	prefix_text(&whole, text);
	slash = strchr(text, '/');
	sprintf(slash, "/%u", len);
	p = of(text);
	return p;
}

static bool bit(const uint8_t *ip, unsigned i)
{
	return ip[i / 8] >> (7 - i % 8) & 1;
}

/* Bit by bit, prefix by prefix. */
static bool oracle_has(const struct prefix_list *l, const struct prefix *ip)
{
	for (size_t i = 0; i < l->n; i++) {
		unsigned k = 0;

		while (k < l->at[i].len && bit(l->at[i].ip, k) == bit(ip->ip, k))
			k++;
		if (l->at[i].family == ip->family && k == l->at[i].len)
			return true;
	}
	return false;
}

static void fill(struct prefix_list *l, size_t n, uint32_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		struct prefix p = random_prefix(seed);

		/* short ones would contain all others */
		if (p.len > (p.family == AF_INET ? 8 : 60))
			assert_int_equal(prefix_list_add(l, &p), 0);
	}
}

static void prefix_list_has__random_lists__agrees_with_a_linear_search(void **state)
{
	uint32_t seed = 20240607;
	unsigned hits = 0, asked = 0;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		struct prefix_list raw = { 0 }, normal = { 0 };

		fill(&raw, round % 40, &seed);
		assert_int_equal(prefix_list_add_all(&normal, &raw), 0);
		prefix_list_normal(&normal);
		for (unsigned k = 0; k < 200; k++, asked++) {
			struct prefix ip = random_prefix(&seed);
			bool has = prefix_list_has(&normal, ip.ip, ip.family == AF_INET ? 4 : 16);

			assert_int_equal(has, oracle_has(&raw, &ip));
			hits += has;
		}
		prefix_list_done(&raw);
		prefix_list_done(&normal);
	}
	/* both answers were among them */
	assert_in_range(hits, asked / 20, asked - asked / 20);
}

static void prefix_list_normal__random_lists__is_sorted_minimal_and_unique(void **state)
{
	uint32_t seed = 77;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct prefix_list raw = { 0 }, a = { 0 }, b = { 0 };

		fill(&raw, 60, &seed);
		assert_int_equal(prefix_list_add_all(&a, &raw), 0);
		for (size_t i = raw.n; i > 0; i--) {
			assert_int_equal(prefix_list_add(&b, &raw.at[i - 1]), 0);
			assert_int_equal(prefix_list_add(&b, &raw.at[i / 2]), 0);
		}
		prefix_list_normal(&a);
		prefix_list_normal(&b);
		assert_true(prefix_list_equal(&a, &b));
		prefix_list_normal(&b);
		assert_true(prefix_list_equal(&a, &b));
		for (size_t i = 0; i < a.n; i++)
			for (size_t k = 0; k < i; k++) {
				struct prefix *p = &a.at[k], *q = &a.at[i];
				size_t n = p->family == AF_INET ? 4 : 16;

				assert_true(prefix_compare(p, q) < 0);
				assert_false(p->family == q->family &&
					     (prefix_has(p, q->ip, n) || prefix_has(q, p->ip, n)));
			}
		prefix_list_done(&raw);
		prefix_list_done(&a);
		prefix_list_done(&b);
	}
}

static void prefix_list__empty__has_nothing(void **state)
{
	static const uint8_t zero[16];
	struct prefix_list l = { 0 }, other = { 0 };
	struct prefix p = of("10.0.0.0/8");

	(void)state;
	prefix_list_normal(&l);
	assert_false(prefix_list_has(&l, zero, 4));
	assert_false(prefix_list_has(&l, zero, 16));
	assert_true(prefix_list_equal(&l, &other));
	assert_int_equal(prefix_list_add_all(&l, &other), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(prefix_list_add(&other, &p), 0);
	assert_false(prefix_list_equal(&l, &other));
	prefix_list_done(&other);
	assert_int_equal(other.n, 0);
	prefix_list_done(&l);
}

static void prefix_list_add_private__addresses__are_told_from_public_ones(void **state)
{
	static const char *const private[] = {
		"0.0.0.0",	   "10.255.255.255",  "127.0.0.1",   "169.254.169.254",
		"172.16.0.0",	   "172.31.255.255",  "192.168.0.1", "224.0.0.251",
		"239.255.255.255", "255.255.255.255", "::",	     "::1",
		"fc00::1",	   "fdff::1",	      "fe80::1",     "febf::1",
		"ff02::fb"
	};
	static const char *const public[] = { "1.0.0.0",     "9.255.255.255",	"11.0.0.0",
					      "100.64.0.1",  "128.0.0.1",	"169.253.255.255",
					      "172.15.0.1",  "172.32.0.0",	"192.169.0.0",
					      "223.255.0.1", "255.255.255.254", "::2",
					      "2001:db8::1", "fb00::1",		"fec0::1" };
	struct prefix_list l = { 0 };

	(void)state;
	assert_int_equal(prefix_list_add_private(&l), 0);
	prefix_list_normal(&l);
	for (size_t i = 0; i < N(private); i++) {
		struct prefix p = of(private[i]);

		if (!prefix_list_has(&l, p.ip, p.family == AF_INET ? 4 : 16))
			fail_msg("%s", private[i]);
	}
	for (size_t i = 0; i < N(public); i++) {
		struct prefix p = of(public[i]);

		if (prefix_list_has(&l, p.ip, p.family == AF_INET ? 4 : 16))
			fail_msg("%s", public[i]);
	}
	prefix_list_done(&l);
}

static char folder[] = "/tmp/test-prefix-XXXXXX", path[sizeof(folder) + 16];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	sprintf(path, "%s/list", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void prefix_list_read__good_file__adds_its_lines(void **state)
{
	static const char text[] = "# a list\n"
				   "\n"
				   "10.0.0.0/8\n"
				   "  \t 192.0.2.1   # one address\n"
				   "fd00::/8\t#\r\n"
				   "\r\n"
				   "#\n"
				   "203.0.113.0/24\r\n"
				   "2001:db8::1"; /* without an end of line */
	struct prefix_list l = { 0 };
	struct prefix first = of("1.1.1.1");
	char why[200] = "none", text_of[PREFIX_TEXT_MAX];

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(prefix_list_add(&l, &first), 0);
	assert_int_equal(prefix_list_read(&l, path, why, sizeof(why)), 0);
	assert_string_equal(why, "none");
	assert_int_equal(l.n, 6);
	assert_string_equal(prefix_text(&l.at[0], text_of), "1.1.1.1/32");
	assert_string_equal(prefix_text(&l.at[2], text_of), "192.0.2.1/32");
	assert_string_equal(prefix_text(&l.at[3], text_of), "fd00::/8");
	assert_string_equal(prefix_text(&l.at[4], text_of), "203.0.113.0/24");
	assert_string_equal(prefix_text(&l.at[5], text_of), "2001:db8::1/128");
	prefix_list_done(&l);
}

#define LINE(text, line)                                                                           \
	{                                                                                          \
		text, sizeof(text) - 1, line                                                       \
	}

static void prefix_list_read__bad_line__refuses_all_and_names_it(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned line;
	} cases[] = {
		LINE("10.0.0.0/8\nexample.com\n", 2),
		LINE("10.0.0.0/8, 11.0.0.0/8\n", 1),
		LINE("10.0.0.0/8 11.0.0.0/8\n", 1),
		LINE("\n\n\n10.0.0.0/33", 4),
		LINE("10.0.0.0/8\r11.0.0.0/8\r", 1),
		LINE("10.0.0.0/8\n11.0.0.0/8\0garbage\n", 2),
		LINE("\0\n", 1),
		LINE("10.0.0.0/8;\n", 1),
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct prefix_list l = { 0 };
		struct prefix first = of("1.1.1.1");
		char why[200], want[200];

		write_file(cases[i].text, cases[i].n);
		assert_int_equal(prefix_list_add(&l, &first), 0);
		assert_int_equal(prefix_list_read(&l, path, why, sizeof(why)), -EINVAL);
		sprintf(want, "%s:%u: no address prefix", path, cases[i].line);
		assert_string_equal(why, want);
		assert_int_equal(l.n, 1);
		prefix_list_done(&l);
	}
}

static void check_refused(const char *name, int err, const char *what)
{
	struct prefix_list l = { 0 };
	char why[200], want[200];

	assert_int_equal(prefix_list_read(&l, name, why, sizeof(why)), err);
	sprintf(want, "%s: %s", name, what);
	assert_string_equal(why, want);
	assert_int_equal(l.n, 0);
	prefix_list_done(&l);
}

static void prefix_list_read__no_regular_file__is_refused_at_once(void **state)
{
	(void)state;
	unlink(path);
	check_refused(path, -ENOENT, "No such file or directory");
	check_refused(folder, -ENOTSUP, "no regular file");
	check_refused("/dev/zero", -ENOTSUP, "no regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	check_refused(path, -ENOTSUP, "no regular file");
	unlink(path);
}

static void prefix_list_read__too_long__is_refused(void **state)
{
	(void)state;
	write_file("#", 1);
	assert_int_equal(truncate(path, FILE_MAX + 1), 0);
	check_refused(path, -EFBIG, "longer than 16 MiB");
}

static void prefix_list_read__many_lines__reads_them(void **state)
{
	struct prefix_list l = { 0 };
	FILE *f = fopen(path, "w");
	char why[200];

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 100000; i++)
		fprintf(f, "%u.%u.%u.0/24\n", i >> 16, i >> 8 & 255, i & 255);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(prefix_list_read(&l, path, why, sizeof(why)), 0);
	assert_int_equal(l.n, 100000);
	prefix_list_normal(&l);
	assert_int_equal(l.n, 100000);
	assert_true(prefix_list_has(&l, (uint8_t[]){ 1, 134, 159, 200 }, 4));
	assert_false(prefix_list_has(&l, (uint8_t[]){ 1, 134, 160, 0 }, 4));
	prefix_list_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_parse__any_form__gives_the_normal_one),
		cmocka_unit_test(prefix_parse__anything_else__is_einval),
		cmocka_unit_test(prefix_parse__text_without_end__reads_n_bytes),
		cmocka_unit_test(prefix_of__address__is_the_whole_of_it),
		cmocka_unit_test(prefix__none__has_nothing),
		cmocka_unit_test(prefix_has__address__compares_len_bits),
		cmocka_unit_test(prefix_list_has__random_lists__agrees_with_a_linear_search),
		cmocka_unit_test(prefix_list_normal__random_lists__is_sorted_minimal_and_unique),
		cmocka_unit_test(prefix_list__empty__has_nothing),
		cmocka_unit_test(prefix_list_add_private__addresses__are_told_from_public_ones),
		cmocka_unit_test(prefix_list_read__good_file__adds_its_lines),
		cmocka_unit_test(prefix_list_read__bad_line__refuses_all_and_names_it),
		cmocka_unit_test(prefix_list_read__no_regular_file__is_refused_at_once),
		cmocka_unit_test(prefix_list_read__too_long__is_refused),
		cmocka_unit_test(prefix_list_read__many_lines__reads_them),
	};

	return cmocka_run_group_tests_name("prefix", tests, make_folder, remove_folder);
}
