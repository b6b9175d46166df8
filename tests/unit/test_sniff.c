// SPDX-License-Identifier: GPL-2.0-or-later
// Names in first bytes: OpenSSL's ClientHellos and HTTP requests, cut everywhere.
#include "proto/sniff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/be.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What it says of bytes at the very end of their memory, so that a sanitizer sees one read more. */
static enum sniff ask(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1])
{
	uint8_t *copy = malloc(n ? n : 1);
	enum sniff found;

	memcpy(copy, p, n);
	memset(ret, '#', SNIFF_NAME_MAX + 1);
	found = sniff_name(copy, n, ret);
	free(copy);
	return found;
}

/* All of it gives the answer, and every shorter input that or "more". Returns from where on. */
static size_t expect(const uint8_t *p, size_t n, enum sniff want, const char *name)
{
	char ret[SNIFF_NAME_MAX + 1];
	size_t known = n;

	assert_int_equal(ask(p, n, ret), want);
	if (want == SNIFF_FOUND)
		assert_string_equal(ret, name);
	while (known > 0 && ask(p, known - 1, ret) == want) {
		known--;
		if (want == SNIFF_FOUND)
			assert_string_equal(ret, name);
	}
	for (size_t cut = 0; cut < known; cut++)
		if (ask(p, cut, ret) != SNIFF_MORE)
			fail_msg("%zu of %zu bytes: no more wanted", cut, n);
	return known;
}

static void expect_text(const char *text, enum sniff want, const char *name)
{
	expect((const uint8_t *)text, strlen(text), want, name);
}

/* A ClientHello as it is sent. */
struct shape {
	const char *name; /* NULL: none */
	int version;	  /* the only one */
	long fragment;	  /* largest record; 0: as it comes */
	unsigned filler;  /* bytes of an unknown extension; 0: none */
	bool grease;
};

static int add_filler(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
		      size_t *outlen, X509 *x, size_t index, int *alert, void *arg)
{
	(void)ssl, (void)type, (void)context, (void)x, (void)index, (void)alert;
	*outlen = *(unsigned *)arg;
	*out = calloc(1, *outlen + 1);
	return 1;
}

static void free_filler(SSL *ssl, unsigned type, unsigned context, const unsigned char *out,
			void *arg)
{
	(void)ssl, (void)type, (void)context, (void)arg;
	free((void *)out);
}

static void add_extension(SSL_CTX *ctx, unsigned type, unsigned *len)
{
	assert_int_equal(SSL_CTX_add_custom_ext(ctx, type, SSL_EXT_CLIENT_HELLO, add_filler,
						free_filler, len, NULL, NULL),
			 1);
}

static size_t make_hello(const struct shape *s, uint8_t *p, size_t room)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	unsigned filler = s->filler, none = 0;
	SSL *ssl;
	int n;

	SSL_CTX_set_min_proto_version(ctx, s->version);
	SSL_CTX_set_max_proto_version(ctx, s->version);
	if (filler)
		add_extension(ctx, 0xfe0d, &filler);
	if (s->grease)
		add_extension(ctx, 0x0a0a, &none);
	ssl = SSL_new(ctx);
	if (s->fragment)
		SSL_set_max_send_fragment(ssl, s->fragment);
	if (s->name)
		SSL_set_tlsext_host_name(ssl, s->name);
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	assert_int_equal(SSL_do_handshake(ssl), -1);
	n = BIO_read(out, p, (int)room);
	assert_true(n > 0 && (size_t)n < room);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (size_t)n;
}

/* The same handshake bytes in records of at most `size`. */
static size_t cut_into_records(const uint8_t *p, size_t n, size_t size, uint8_t *out)
{
	size_t have = 0;

	for (size_t at = 5; at < n;) {
		size_t take = n - at < size ? n - at : size;

		memcpy(out + have, p, 3);
		put_be16(out + have + 3, (uint16_t)take);
		memcpy(out + have + 5, p + at, take);
		have += 5 + take;
		at += take;
	}
	return have;
}

static void sniff_name__client_hellos__tell_the_name_at_every_cut(void **state)
{
	static const struct shape shapes[] = {
		{ "www.example.org", TLS1_3_VERSION, 0, 0, false },
		{ "www.example.org", TLS1_2_VERSION, 0, 0, true },
		{ "WWW.Example.ORG", TLS1_3_VERSION, 0, 600, true },
		{ "www.example.org", TLS1_3_VERSION, 512, 3000, true },
	};
	uint8_t p[20000];

	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		size_t n = make_hello(&shapes[i], p, sizeof(p));

		expect(p, n, SNIFF_FOUND, "www.example.org");
	}
}

static void sniff_name__hello_in_tiny_records__tells_the_name(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 100 };
	const struct shape s = { "a.example", TLS1_3_VERSION, 0, 0, false };
	uint8_t p[2000], cut[8000];
	size_t n = make_hello(&s, p, sizeof(p));

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		expect(cut, cut_into_records(p, n, sizes[i], cut), SNIFF_FOUND, "a.example");
}

static void sniff_name__hello_without_name__is_none_once_it_is_complete(void **state)
{
	const struct shape s = { NULL, TLS1_3_VERSION, 0, 0, false };
	uint8_t p[2000];
	size_t n = make_hello(&s, p, sizeof(p));

	(void)state;
	assert_int_equal(expect(p, n, SNIFF_NONE, NULL), n);
}

/* OpenSSL puts the name before extensions that it does not know. */
static void move_name_to_the_end(uint8_t *p, size_t n)
{
	uint8_t sni[300], *ext = p + 5 + 4 + 34, *end = p + n;
	size_t len;

	ext += 1 + ext[0];
	ext += 2 + get_be16(ext);
	ext += 1 + ext[0] + 2;
	while (get_be16(ext) != 0)
		ext += 4 + get_be16(ext + 2);
	len = 4u + get_be16(ext + 2);
	memcpy(sni, ext, len);
	memmove(ext, ext + len, (size_t)(end - ext) - len);
	memcpy(end - len, sni, len);
}

static void sniff_name__largest_hello__tells_the_name_with_its_last_byte(void **state)
{
	struct shape s = { "last.example", TLS1_3_VERSION, 0, 12000, true };
	uint8_t p[20000];
	size_t n = make_hello(&s, p, sizeof(p));

	(void)state;
	s.filler += (unsigned)(SNIFF_MAX - n);
	n = make_hello(&s, p, sizeof(p));
	assert_int_equal(n, SNIFF_MAX);
	move_name_to_the_end(p, n);
	assert_int_equal(expect(p, n, SNIFF_FOUND, "last.example"), n);
}

static void sniff_name__longer_hello__is_none_at_the_limit(void **state)
{
	struct shape s = { "last.example", TLS1_3_VERSION, 0, 12000, true };
	uint8_t p[20000], cut[24000];
	size_t n = make_hello(&s, p, sizeof(p));

	(void)state;
	s.filler += (unsigned)(SNIFF_MAX - 8 - n);
	n = make_hello(&s, p, sizeof(p));
	move_name_to_the_end(p, n);
	n = cut_into_records(p, n, 1000, cut);
	assert_true(n > SNIFF_MAX);
	expect(cut, n, SNIFF_NONE, NULL);
	expect(cut, SNIFF_MAX - 1, SNIFF_MORE, NULL);
}

static void sniff_name__message_longer_than_the_limit__is_none_at_once(void **state)
{
	static const uint8_t p[] = { 22, 3, 1, 0x40, 0, 1, 0, 0x40, 0 };

	(void)state;
	assert_int_equal(expect(p, sizeof(p), SNIFF_NONE, NULL), sizeof(p));
}

/* A hello with one extension, whose bytes are given. */
static size_t with_extension(uint16_t type, const uint8_t *body, size_t n, uint8_t *p)
{
	static const uint8_t head[] = { 22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3 };
	size_t at = sizeof(head);

	memcpy(p, head, sizeof(head));
	memset(p + at, 0xaa, 32);
	at += 32;
	memcpy(p + at, (uint8_t[]){ 0, 0, 2, 0x13, 1, 1, 0 }, 7);
	at += 7;
	put_be16(p + at, (uint16_t)(n + 4));
	put_be16(p + at + 2, type);
	put_be16(p + at + 4, (uint16_t)n);
	memcpy(p + at + 6, body, n);
	at += 6 + n;
	put_be16(p + 3, (uint16_t)(at - 5));
	put_be16(p + 7, (uint16_t)(at - 9));
	return at;
}

static void expect_sni(const char *body, size_t n, enum sniff want, const char *name)
{
	uint8_t p[1000];

	expect(p, with_extension(0, (const uint8_t *)body, n, p), want, name);
}

#define SNI(body, want, name) expect_sni(body, sizeof(body) - 1, want, name)

static void sniff_name__server_name_lists__are_taken_as_far_as_they_are_right(void **state)
{
	(void)state;
	SNI("\0\6\0\0\3a.b", SNIFF_FOUND, "a.b");
	SNI("\0\7\0\0\4a.b.", SNIFF_FOUND, "a.b");
	SNI("\0\13\7\0\2xx\0\0\3a.b", SNIFF_FOUND, "a.b");
	SNI("\0\7\0\0\3a.b", SNIFF_NONE, NULL);
	SNI("\0\5\0\0\3a.b", SNIFF_NONE, NULL);
	SNI("\0\6\0\0\4a.b", SNIFF_NONE, NULL);
	SNI("\0\5\7\0\2xx", SNIFF_NONE, NULL);
	SNI("\0\3\0\0\0", SNIFF_NONE, NULL);
	SNI("\0\0", SNIFF_NONE, NULL);
	SNI("\0", SNIFF_NONE, NULL);
	SNI("", SNIFF_NONE, NULL);
	SNI("\0\12\0\0\7"
	    "1.2.3.4",
	    SNIFF_NONE, NULL);
	SNI("\0\6\0\0\3a\0b", SNIFF_NONE, NULL);
	SNI("\0\6\0\0\3a b", SNIFF_NONE, NULL);
}

static void sniff_name__lengths_beyond_their_frame__are_none(void **state)
{
	uint8_t good[200], p[200];
	size_t n = with_extension(0, (const uint8_t *)"\0\6\0\0\3a.b", 8, good);
	/* session, suites, compression, all extensions, the extension */
	static const uint8_t places[] = { 43, 45, 48, 51, 55 };

	(void)state;
	for (size_t i = 0; i < COUNT(places); i++) {
		memcpy(p, good, n);
		p[places[i]] = 0xff;
		expect(p, n, SNIFF_NONE, NULL);
	}
}

static void sniff_name__other_record_in_between__is_none(void **state)
{
	uint8_t p[200], cut[400];
	size_t n = with_extension(0, (const uint8_t *)"\0\6\0\0\3a.b", 8, p);

	(void)state;
	n = cut_into_records(p, n, 20, cut);
	cut[25] = 23;
	expect(cut, n, SNIFF_NONE, NULL);
	cut[25] = 22;
	put_be16(cut + 28, 0);
	expect(cut, n, SNIFF_NONE, NULL);
}

static void sniff_name__http_requests__tell_their_host(void **state)
{
	static const struct {
		const char *text, *name;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.0\nAccept: */*\nhOST:\t A.Example:8080 \n\n", "a.example" },
		{ "PROPFIND /x HTTP/1.1\r\nX: y\r\n z\r\nHost: a.example.\r\n\r\n", "a.example" },
		{ "OPTIONS * HTTP/1.1\r\nHost: a_b.example:\r\n\r\n", "a_b.example" },
		{ "GET http://b.example:8080/x HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example" },
		{ "GET http://u:p@h@b.example?q HTTP/1.1\r\n", "b.example" },
		{ "GET ws://b.example HTTP/1.1\r\n", "b.example" },
		{ "GET /?u=http://b.example/ HTTP/1.1\r\nHost: a.example\r\n", "a.example" },
		{ "CONNECT c.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", "c.example" },
		{ "CONNECT xn--bcher-kva.example HTTP/1.1\r\n", "xn--bcher-kva.example" },
		{ "GET / HTTP/1.1\r\nHost: one.example\r\nHost: two.example\r\n", "one.example" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_text(rows[i].text, SNIFF_FOUND, rows[i].name);
}

static void sniff_name__http_without_a_name__is_none(void **state)
{
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost:\r\n",
		"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n",
		"GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n",
		"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n",
		"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n",
		"GET / HTTP/1.1\r\nHost: a.example:x\r\n",
		"GET / HTTP/1.1\r\nHost: a..example\r\n",
		"GET / HTTP/1.1\r\nHost: .example\r\n",
		"GET / HTTP/1.1\r\nHost: a/example\r\n",
		"GET / HTTP/1.1\r\nno field\r\n",
		"GET http://[::1]/ HTTP/1.1\r\nHost: a.example\r\n",
		"CONNECT [::1]:443 HTTP/1.1\r\n",
		"GET  / HTTP/1.1\r\n",
		"GET / HTTP/2.0\r\n",
		"GET /\r\n",
		"GET / HTTP/1.1 x\r\n",
		"G / HTTP/1.1\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_text(rows[i], SNIFF_NONE, NULL);
}

static void sniff_name__other_protocols__are_none_early(void **state)
{
	static const struct {
		const char *text;
		size_t known;
	} rows[] = {
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 16 },
		{ "SSH-2.0-OpenSSH_9.2\r\n", 5 },
		{ "\x05\x01", 1 },
		{ "get / HTTP/1.1\r\n", 1 },
		{ "GET /\x01", 6 },
		{ "GET /\rx", 7 },
		{ "HELO a.example\r\n", 16 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", 21 },
		{ "\x16\x02", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(expect((const uint8_t *)rows[i].text, strlen(rows[i].text),
					SNIFF_NONE, NULL),
				 rows[i].known);
}

static void sniff_name__longest_names__have_253_letters(void **state)
{
	char name[300], request[400];

	(void)state;
	for (int i = 0; i < 253; i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[253] = 0;
	snprintf(request, sizeof(request), "CONNECT %s HTTP/1.1\r\n", name);
	expect_text(request, SNIFF_FOUND, name);
	snprintf(request, sizeof(request), "CONNECT %sa HTTP/1.1\r\n", name);
	expect_text(request, SNIFF_NONE, NULL);
	snprintf(request, sizeof(request), "CONNECT %064d.a HTTP/1.1\r\n", 0);
	expect_text(request, SNIFF_NONE, NULL);
}

static void sniff_name__endless_request__is_none_at_the_limit(void **state)
{
	uint8_t p[SNIFF_MAX + 100];

	(void)state;
	memset(p, 'x', sizeof(p));
	memcpy(p, "GET /", 5);
	assert_int_equal(expect(p, sizeof(p), SNIFF_NONE, NULL), SNIFF_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sniff_name__client_hellos__tell_the_name_at_every_cut),
		cmocka_unit_test(sniff_name__hello_in_tiny_records__tells_the_name),
		cmocka_unit_test(sniff_name__hello_without_name__is_none_once_it_is_complete),
		cmocka_unit_test(sniff_name__largest_hello__tells_the_name_with_its_last_byte),
		cmocka_unit_test(sniff_name__longer_hello__is_none_at_the_limit),
		cmocka_unit_test(sniff_name__message_longer_than_the_limit__is_none_at_once),
		cmocka_unit_test(sniff_name__server_name_lists__are_taken_as_far_as_they_are_right),
		cmocka_unit_test(sniff_name__lengths_beyond_their_frame__are_none),
		cmocka_unit_test(sniff_name__other_record_in_between__is_none),
		cmocka_unit_test(sniff_name__http_requests__tell_their_host),
		cmocka_unit_test(sniff_name__http_without_a_name__is_none),
		cmocka_unit_test(sniff_name__other_protocols__are_none_early),
		cmocka_unit_test(sniff_name__longest_names__have_253_letters),
		cmocka_unit_test(sniff_name__endless_request__is_none_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
