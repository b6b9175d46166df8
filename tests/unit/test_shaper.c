// SPDX-License-Identifier: GPL-2.0-or-later
// Shaping: the worked examples of the protocol notes, its boundary table, hostile schemes.
#include "core/shaper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "proto/frame.h"

#define DRAWS 8

/* Sizes that are drawn next, each as its distance from the item's lower end. */
static uint32_t draws[DRAWS];
static unsigned n_drawn;

/* 2^32 mod span values are thrown away; a multiple of the span beyond them keeps the remainder. */
static uint32_t span;

static uint32_t next_draw(void)
{
	assert_true(n_drawn < DRAWS);
	return span * 1000 + draws[n_drawn++];
}

static int restore(void **state)
{
	(void)state;
	rng_replace(NULL);
	return 0;
}

static struct padding scheme_of(const char *text)
{
	struct padding p;

	assert_int_equal(padding_parse(text, strlen(text), &p), 0);
	return p;
}

/* The writes of one packet of n bytes: "430 700" sizes as they are on the wire. */
static const char *writes(struct shaper *sh, size_t n)
{
	static char text[8192];
	struct shaper_run run = shaper_begin(sh);
	struct shaper_write w;
	char *p = text;

	*p = '\0';
	while (shaper_next(&run, n, &w)) {
		assert_true(w.take <= n);
		assert_true(w.take > 0 || w.waste >= 0);
		assert_true(w.waste <= SHAPER_SIZE_MAX);
		p += sprintf(p, "%s%zu", p == text ? "" : " ", w.take);
		if (w.waste >= 0)
			p += sprintf(p, "+%d", FRAME_HDR_LEN + w.waste);
		n -= w.take;
	}
	assert_int_equal(n, 0);
	return text;
}

/* As above, for packet number `packet` of the scheme; `n_span` is the width of the items drawn
 * from. */
static const char *writes_of(const char *text, uint32_t packet, size_t n, uint32_t n_span,
			     const uint32_t *offsets, unsigned n_offsets)
{
	struct padding p = scheme_of(text);
	struct shaper sh = { .scheme = &p, .packet = packet };

	span = n_span;
	n_drawn = 0;
	memset(draws, 0, sizeof(draws));
	if (n_offsets)
		memcpy(draws, offsets, n_offsets * sizeof(*offsets));
	rng_replace(next_draw);
	return writes(&sh, n);
}

#define DRAW(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4

/* Example A: packet 1, the 103 bytes of Settings, SYN and PSH(address); item 100-400. */
static void shaper_next__example_a__writes_what_was_computed(void **state)
{
	static const struct {
		uint32_t draw;
		const char *want;
	} rows[] = {
		{ 100, "100 3" }, { 101, "101 2" },   { 102, "102 1" },
		{ 103, "103" },	  { 104, "103" },     { 110, "103" },
		{ 111, "103+8" }, { 250, "103+147" }, { 399, "103+296" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
			writes_of(padding_default, 1, 103, 300, DRAW(rows[i].draw - 100)),
			rows[i].want);
}

/* Example B: packet 2; the first item is 100 wide, the others are 500 wide. */
static void shaper_next__example_b__writes_what_was_computed(void **state)
{
	(void)state;
	assert_string_equal(writes_of(padding_default, 2, 524, 500, DRAW(30, 200)), "430 94+606");
	assert_int_equal(n_drawn, 2);
	assert_string_equal(writes_of(padding_default, 2, 107, 500, DRAW(30)), "107+323");
	assert_int_equal(n_drawn, 1);
	assert_string_equal(writes_of(padding_default, 2, 5007, 500, DRAW(30, 200, 100, 300, 400)),
			    "430 700 600 800 900 1577");
}

/* Example C: packet 3, items 9-9 and 500-1000, 600 drawn from the second. */
static void shaper_next__example_c__writes_what_was_computed(void **state)
{
	(void)state;
	assert_string_equal(writes_of(padding_default, 3, 87, 500, DRAW(100)), "9 78+522");
	assert_string_equal(writes_of(padding_default, 3, 7, 500, DRAW(100)), "7 0+607");
	assert_string_equal(writes_of(padding_default, 3, 8, 500, DRAW(100)), "8 0+607");
	assert_string_equal(writes_of(padding_default, 3, 9, 500, DRAW(100)), "9 0+607");
	assert_string_equal(writes_of(padding_default, 3, 10, 500, DRAW(100)), "9 1+599");
}

static void shaper_next__around_one_item__is_the_boundary_table(void **state)
{
	static const struct {
		size_t n;
		const char *want;
	} rows[] = {
		{ 1, "1+499" },	  { 490, "490+10" },   { 491, "491+9" },       { 492, "492+8" },
		{ 493, "493" },	  { 494, "494" },      { 499, "499" },	       { 500, "500" },
		{ 501, "500 1" }, { 1000, "500 500" }, { 20000, "500 19500" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(writes_of("stop=2\n1=500-500", 1, rows[i].n, 1, NULL, 0),
				    rows[i].want);
}

static void shaper_next__scenario_41__fixed_sizes(void **state)
{
	static const char scheme[] = "stop=4\n0=64-64\n1=200-200\n2=300-300,c,400-400\n3=9-9,50-50";
	struct padding p = scheme_of(scheme);
	struct shaper sh = { .scheme = &p, .packet = 1 };

	(void)state;
	assert_string_equal(writes(&sh, 103), "103+97");
	assert_string_equal(writes(&sh, 300), "300");
	assert_string_equal(writes(&sh, 7), "7 0+57");
	assert_string_equal(writes(&sh, 1000), "1000");
	assert_int_equal(sh.packet, 5);
}

static void shaper_active__stop__ends_shaping_for_good(void **state)
{
	struct padding p = scheme_of("stop=3\n1=50-50\n2=50-50\n3=50-50\n4=50-50");
	struct shaper sh = { .scheme = &p, .packet = 1 };

	(void)state;
	assert_true(shaper_active(&sh));
	assert_string_equal(writes(&sh, 10), "10+40");
	assert_true(shaper_active(&sh));
	assert_string_equal(writes(&sh, 10), "10+40");
	assert_false(shaper_active(&sh));
	assert_string_equal(writes(&sh, 10), "10");
	assert_string_equal(writes(&sh, 10), "10");
}

static void shaper_begin__stop_of_0_and_1__shape_nothing(void **state)
{
	(void)state;
	assert_string_equal(writes_of("stop=0\n0=30-30\n1=50-50", 1, 10, 1, NULL, 0), "10");
	assert_string_equal(writes_of("stop=1\n0=30-30\n1=50-50", 1, 10, 1, NULL, 0), "10");
}

static void shaper_begin__no_usable_key__writes_unmodified(void **state)
{
	(void)state;
	assert_string_equal(writes_of("stop=9\n2=50-50", 1, 103, 1, NULL, 0), "103");
	assert_string_equal(writes_of("stop=9\n1=", 1, 103, 1, NULL, 0), "103");
	assert_string_equal(writes_of("stop=9\n1=50,0-9,-5-5, 8-8,a-b", 1, 103, 1, NULL, 0), "103");
	assert_string_equal(writes_of("stop=9\n1=c,c,c", 1, 103, 1, NULL, 0), "103");
	assert_string_equal(writes_of("stop=9\n01=50-50", 1, 103, 1, NULL, 0), "103");
}

static void shaper_next__a_check__ends_only_an_empty_packet(void **state)
{
	(void)state;
	assert_string_equal(writes_of("stop=2\n1=c,50-50,c,60-60", 1, 10, 1, NULL, 0), "10+40");
	assert_string_equal(writes_of("stop=2\n1=c,50-50,c,60-60", 1, 51, 1, NULL, 0), "50 1+59");
	assert_string_equal(writes_of("stop=2\n1=50-50,60-60,c", 1, 10, 1, NULL, 0), "10+40 0+67");
}

static void shaper_begin__another_scheme_between_packets__is_followed(void **state)
{
	struct padding a = scheme_of("stop=2\n1=50-50"), b = scheme_of("stop=5\n3=70-70");
	struct shaper sh = { .scheme = &a, .packet = 1 };

	(void)state;
	assert_string_equal(writes(&sh, 10), "10+40");
	assert_string_equal(writes(&sh, 10), "10");
	assert_false(shaper_active(&sh));
	sh.scheme = &b;
	assert_true(shaper_active(&sh));
	assert_string_equal(writes(&sh, 10), "10+60");
}

static void shaper_begin__packet_numbers__do_not_wrap(void **state)
{
	struct padding p = scheme_of("stop=4294967295\n4294967294=50-50\n0=1-1\n1=1-1");
	struct shaper sh = { .scheme = &p, .packet = UINT32_MAX - 1 };

	(void)state;
	assert_string_equal(writes(&sh, 10), "10+40");
	assert_string_equal(writes(&sh, 10), "10");
	assert_string_equal(writes(&sh, 10), "10");
	assert_int_equal(sh.packet, UINT32_MAX);
}

static void shaper_next__sizes_beyond_a_frame__are_clamped(void **state)
{
	(void)state;
	assert_string_equal(writes_of("stop=2\n1=65536-65536", 1, 10, 1, NULL, 0), "10+65525");
	assert_string_equal(writes_of("stop=2\n1=5-5,c,99999999999-99999999999", 1, 6, 1, NULL, 0),
			    "5 1+65534");
	assert_string_equal(writes_of("stop=2\n1=70000-70000", 1, 70000, 1, NULL, 0), "65535 4465");
	assert_string_equal(writes_of("stop=2\n1=9-9,70000-70000", 1, 9, 1, NULL, 0), "9 0+65542");
}

/* A scheme of as many items as fit, each making a write, or none. */
static void check_hostile(const char *item)
{
	size_t len = strlen(item), n = 0;
	char *text = malloc(PADDING_TEXT_MAX + 1);
	struct padding p;
	struct shaper sh = { .scheme = &p, .packet = 1 };
	struct shaper_run run;
	struct shaper_write w;
	size_t left = 100000;
	unsigned count = 0;

	assert_non_null(text);
	n = (size_t)sprintf(text, "stop=9\n1=");
	for (; n + len + 1 < PADDING_TEXT_MAX; n += len + 1)
		sprintf(text + n, "%s,", item);
	p = scheme_of(text);
	run = shaper_begin(&sh);
	while (shaper_next(&run, left, &w)) {
		assert_true(w.take <= left);
		left -= w.take;
		count++;
		assert_true(count <= SHAPER_WRITES_MAX + 1);
	}
	assert_int_equal(left, 0);
	assert_false(shaper_next(&run, 0, &w));
	free(text);
}

static void shaper_next__hostile_schemes__bound_the_writes(void **state)
{
	(void)state;
	check_hostile("1-1");
	check_hostile("65535-65535");
	check_hostile("c");
	check_hostile("");
	check_hostile("c,1-1");
	check_hostile("999999-9999999");
}

/* Draws of 400-500 reach both ends of the half-open range, and nothing beyond. */
static void shaper_next__range__is_half_open(void **state)
{
	struct padding p = scheme_of("stop=2\n1=400-404");
	unsigned seen[8] = { 0 };

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct shaper sh = { .scheme = &p, .packet = 1 };
		struct shaper_run run = shaper_begin(&sh);
		struct shaper_write w;

		assert_true(shaper_next(&run, 1000, &w));
		assert_in_range(w.take, 400, 403);
		seen[w.take - 400]++;
	}
	/* 1000 each; 8 standard deviations are 220 */
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 780, 1220);
}

static void random_scheme(char *text)
{
	unsigned n = rng_range(0, 90);

	text += sprintf(text, "stop=3\n1=");
	for (unsigned i = 0; i < n; i++) {
		uint32_t top = (uint32_t)1 << rng_range(0, 18);

		if (rng_range(0, 4) == 0)
			text += sprintf(text, "c,");
		else
			text += sprintf(text, "%u-%u,", rng_range(0, top), rng_range(0, top));
	}
}

static void shaper_next__random_schemes__pass_every_byte_on(void **state)
{
	static char text[4096];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct padding p;
		struct shaper sh = { .scheme = &p, .packet = 1 };

		random_scheme(text);
		p = scheme_of(text);
		writes(&sh, 1 + rng_range(0, (uint32_t)1 << rng_range(1, 18)));
		assert_int_equal(sh.packet, 2);
	}
}

#define TEST(f) cmocka_unit_test_teardown(f, restore)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shaper_next__example_a__writes_what_was_computed),
		TEST(shaper_next__example_b__writes_what_was_computed),
		TEST(shaper_next__example_c__writes_what_was_computed),
		TEST(shaper_next__around_one_item__is_the_boundary_table),
		TEST(shaper_next__scenario_41__fixed_sizes),
		TEST(shaper_active__stop__ends_shaping_for_good),
		TEST(shaper_begin__stop_of_0_and_1__shape_nothing),
		TEST(shaper_begin__no_usable_key__writes_unmodified),
		TEST(shaper_next__a_check__ends_only_an_empty_packet),
		TEST(shaper_begin__another_scheme_between_packets__is_followed),
		TEST(shaper_begin__packet_numbers__do_not_wrap),
		TEST(shaper_next__sizes_beyond_a_frame__are_clamped),
		TEST(shaper_next__hostile_schemes__bound_the_writes),
		TEST(shaper_next__range__is_half_open),
		TEST(shaper_next__random_schemes__pass_every_byte_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
