// SPDX-License-Identifier: GPL-2.0-or-later
// Tests whom the client trusts and what it says of those it refuses, by handshakes in memory.
#include "tls_pair.h"

static struct made ca, leaf, other;
static const uint8_t ticket_keys[TLS_TICKET_KEYS_LEN] = { 7 };

/* leaf: all names, signed by ca. other: knows neither. */
static int make_all(void **state)
{
	const struct recipe ca_is = { .cn = "ca", .ca = true };
	struct recipe leaf_is = { .cn = "cn.test", .issuer = &ca };

	(void)state;
	leaf_is.san = "DNS:a.test,DNS:*.w.test,DNS:f*.p.test,IP:192.0.2.1,IP:2001:db8::1";
	ca = make_cert(&ca_is);
	leaf = make_cert(&leaf_is);
	other = make_self_signed("a.test");
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	made_free(&ca);
	made_free(&leaf);
	made_free(&other);
	return 0;
}

static struct tls_server *server_with(const struct made *m)
{
	struct tls_keypair pair = { m->cert, m->key, "pair" };

	return server_of(&(struct tls_server_opts){
		.pairs = &pair, .n_pairs = 1, .ticket_keys = ticket_keys });
}

/* Whether the client takes m; the refusal (to free) where it does not. */
static bool accepts(const struct tls_client_opts *o, const struct made *m, char **refusal)
{
	struct tls_server *s = server_with(m);
	struct tls_client *c = client_of(o);
	struct tls_pair p = pair_new(s, c);
	bool ok = pair_handshake(&p);
	const char *text = tls_client_refusal(p.client);

	*refusal = text ? strdup(text) : NULL;
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
	return ok;
}

static void check_accepted(const struct tls_client_opts *o, const struct made *m)
{
	char *refusal;

	assert_true(accepts(o, m, &refusal));
	assert_null(refusal);
}

static void check_refused(const struct tls_client_opts *o, const struct made *m, const char *want)
{
	char *refusal;

	assert_false(accepts(o, m, &refusal));
	assert_string_equal(refusal, want);
	free(refusal);
}

static void check_name(const char *name, bool fits)
{
	const struct tls_client_opts o = { .server_name = name, .ca_pem = ca.cert };
	char want[400];

	if (fits) {
		check_accepted(&o, &leaf);
		return;
	}
	snprintf(want, sizeof(want), "hostname mismatch: the certificate is not for \"%s\"", name);
	check_refused(&o, &leaf, want);
}

static void verify__name_in_certificate__accepted(void **state)
{
	(void)state;
	check_name("a.test", true);
	check_name("A.Test", true);
	check_name("x.w.test", true);
	check_accepted(&(struct tls_client_opts){ .server_name = "a.test.", .ca_pem = ca.cert },
		       &leaf);
}

static void verify__name_not_in_certificate__refused_with_the_name(void **state)
{
	(void)state;
	check_name("b.test", false);
	check_name("w.test", false);
	check_name("x.y.w.test", false);
	check_name("192.0.2.1.test", false);
}

static void verify__partial_wildcard_or_common_name__refused(void **state)
{
	(void)state;
	check_name("foo.p.test", false);
	check_name("cn.test", false);
}

static void verify__common_name_without_any_dns_name__refused(void **state)
{
	const struct recipe r = { .cn = "old.test", .issuer = &ca };
	struct made m = make_cert(&r);

	(void)state;
	check_refused(&(struct tls_client_opts){ .server_name = "old.test", .ca_pem = ca.cert }, &m,
		      "hostname mismatch: the certificate is not for \"old.test\"");
	made_free(&m);
}

static void verify__address_in_certificate__accepted(void **state)
{
	struct tls_client_opts o = { .server_name = "192.0.2.1", .ca_pem = ca.cert };

	(void)state;
	check_accepted(&o, &leaf);
	o.server_name = "2001:db8:0:0::1";
	check_accepted(&o, &leaf);
}

static void verify__other_address__refused(void **state)
{
	struct tls_client_opts o = { .server_name = "192.0.2.2", .ca_pem = ca.cert };

	(void)state;
	check_refused(&o, &leaf, "IP address mismatch: the certificate is not for \"192.0.2.2\"");
	o.server_name = "2001:db8::2";
	check_refused(&o, &leaf, "IP address mismatch: the certificate is not for \"2001:db8::2\"");
}

static void verify__address_as_dns_name__refused(void **state)
{
	const struct recipe r = { .cn = "192.0.2.9", .san = "DNS:192.0.2.9", .issuer = &ca };
	struct made m = make_cert(&r);

	(void)state;
	check_refused(&(struct tls_client_opts){ .server_name = "192.0.2.9", .ca_pem = ca.cert },
		      &m, "IP address mismatch: the certificate is not for \"192.0.2.9\"");
	made_free(&m);
}

static void verify__other_ca__refused(void **state)
{
	(void)state;
	check_refused(&(struct tls_client_opts){ .server_name = "a.test", .ca_pem = other.cert },
		      &leaf, "unable to get local issuer certificate (certificate 0 of the chain)");
}

static void verify__system_cas__self_signed_refused(void **state)
{
	(void)state;
	check_refused(&(struct tls_client_opts){ .server_name = "a.test" }, &other,
		      "self-signed certificate (certificate 0 of the chain)");
}

static void verify__servers_own_certificate_as_ca__accepted(void **state)
{
	(void)state;
	check_accepted(&(struct tls_client_opts){ .server_name = "a.test", .ca_pem = other.cert },
		       &other);
	check_accepted(&(struct tls_client_opts){ .server_name = "a.test", .ca_pem = leaf.cert },
		       &leaf);
	check_refused(&(struct tls_client_opts){ .server_name = "b.test", .ca_pem = other.cert },
		      &other, "hostname mismatch: the certificate is not for \"b.test\"");
}

static void verify__two_cas_in_one_text__either_accepted(void **state)
{
	char *both = malloc(strlen(ca.cert) + strlen(other.cert) + 1);
	struct tls_client_opts o = { .server_name = "a.test", .ca_pem = both };

	(void)state;
	strcat(strcpy(both, other.cert), ca.cert);
	check_accepted(&o, &leaf);
	check_accepted(&o, &other);
	free(both);
}

static void verify__outside_its_days__refused(void **state)
{
	const struct recipe past = {
		.cn = "x", .san = "DNS:a.test", .issuer = &ca, .from_days = -9, .to_days = -2
	};
	const struct recipe future = {
		.cn = "x", .san = "DNS:a.test", .issuer = &ca, .from_days = 2, .to_days = 9
	};
	const struct tls_client_opts o = { .server_name = "a.test", .ca_pem = ca.cert };
	struct made old = make_cert(&past), young = make_cert(&future);

	(void)state;
	check_refused(&o, &old, "certificate has expired (certificate 0 of the chain)");
	check_refused(&o, &young, "certificate is not yet valid (certificate 0 of the chain)");
	made_free(&old);
	made_free(&young);
}

static void insecure__anything__accepted(void **state)
{
	const struct recipe past = { .cn = "x", .from_days = -9, .to_days = -2 };
	struct made old = make_cert(&past);

	(void)state;
	check_accepted(&(struct tls_client_opts){ .insecure = true }, &old);
	check_accepted(&(struct tls_client_opts){ .insecure = true, .server_name = "z" }, &leaf);
	check_accepted(&(struct tls_client_opts){ .insecure = true, .server_name = "192.0.2.8" },
		       &leaf);
	made_free(&old);
}

static void pin_of(const struct made *m, uint8_t out[32], char text[45])
{
	uint8_t raw[33];

	assert_int_equal(certificate_pin(m->cert, text), 0);
	assert_int_equal(EVP_DecodeBlock(raw, (const unsigned char *)text, 44), 33);
	memcpy(out, raw, 32);
}

static void pins__key_among_them__accepted_whatever_name_and_ca(void **state)
{
	uint8_t pins[2][32] = { { 1 } };
	char text[45];
	struct tls_client_opts o = { .server_name = "z.test", .pins = pins, .n_pins = 2 };

	(void)state;
	pin_of(&other, pins[1], text);
	check_accepted(&o, &other);
	o.server_name = NULL;
	check_accepted(&o, &other);
	o.insecure = true;
	check_accepted(&o, &other);
}

static void pins__another_key__refused_with_the_pin_seen(void **state)
{
	uint8_t pins[1][32], ignored[32];
	char text[45], want[200];
	struct tls_client_opts o = {
		.server_name = "a.test", .ca_pem = ca.cert, .pins = pins, .n_pins = 1
	};

	(void)state;
	pin_of(&leaf, pins[0], text);
	pins[0][31] ^= 1;
	pin_of(&leaf, ignored, text);
	snprintf(want, sizeof(want), "public key is none of the pinned ones; its SHA-256 is %s",
		 text);
	check_refused(&o, &leaf, want);
	o.insecure = true;
	check_refused(&o, &leaf, want);
}

static void refusal__other_failure__null(void **state)
{
	static const char *const offer[] = { "h2" }, *const ours[] = { "x" };
	struct tls_keypair pair = { leaf.cert, leaf.key, "leaf" };
	struct tls_server *s = server_of(&(struct tls_server_opts){
		.pairs = &pair, .n_pairs = 1, .alpn = ours, .n_alpn = 1 });
	struct tls_client *c = client_of(&(struct tls_client_opts){
		.server_name = "a.test", .ca_pem = ca.cert, .alpn = offer, .n_alpn = 1 });
	struct tls_pair p = pair_new(s, c);

	(void)state;
	assert_false(pair_handshake(&p));
	assert_null(tls_client_refusal(p.client));
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static void check_new_fails(const struct tls_client_opts *o, const char *want)
{
	char why[200] = "";

	assert_null(tls_client_new(o, why, sizeof(why)));
	assert_string_equal(why, want);
	assert_int_equal(ERR_peek_error(), 0);
}

static void new__name_that_cannot_be_verified__says_so(void **state)
{
	char name[300];

	(void)state;
	check_new_fails(&(struct tls_client_opts){ 0 }, "no server_name to verify");
	check_new_fails(&(struct tls_client_opts){ .server_name = "" }, "no server_name to verify");
	check_new_fails(&(struct tls_client_opts){ .server_name = ".a.test" },
			"server_name is no host name");
	check_new_fails(&(struct tls_client_opts){ .server_name = "." },
			"server_name is no host name");
	memset(name, 'a', sizeof(name));
	name[254] = 0;
	check_new_fails(&(struct tls_client_opts){ .server_name = name, .insecure = true },
			"server_name is no host name");
}

static void new__bad_cas__says_so(void **state)
{
	struct tls_client_opts o = { .server_name = "a.test", .ca_pem = "" };
	char *cut = strdup(ca.cert);

	(void)state;
	check_new_fails(&o, "trusted certificates: no start line");
	o.ca_pem = leaf.key;
	check_new_fails(&o, "trusted certificates: no start line");
	cut[strlen(cut) / 2] = 0;
	o.ca_pem = cut;
	check_new_fails(&o, "trusted certificates: bad end line");
	free(cut);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verify__name_in_certificate__accepted),
		cmocka_unit_test(verify__name_not_in_certificate__refused_with_the_name),
		cmocka_unit_test(verify__partial_wildcard_or_common_name__refused),
		cmocka_unit_test(verify__common_name_without_any_dns_name__refused),
		cmocka_unit_test(verify__address_in_certificate__accepted),
		cmocka_unit_test(verify__other_address__refused),
		cmocka_unit_test(verify__address_as_dns_name__refused),
		cmocka_unit_test(verify__other_ca__refused),
		cmocka_unit_test(verify__system_cas__self_signed_refused),
		cmocka_unit_test(verify__servers_own_certificate_as_ca__accepted),
		cmocka_unit_test(verify__two_cas_in_one_text__either_accepted),
		cmocka_unit_test(verify__outside_its_days__refused),
		cmocka_unit_test(insecure__anything__accepted),
		cmocka_unit_test(pins__key_among_them__accepted_whatever_name_and_ca),
		cmocka_unit_test(pins__another_key__refused_with_the_pin_seen),
		cmocka_unit_test(refusal__other_failure__null),
		cmocka_unit_test(new__name_that_cannot_be_verified__says_so),
		cmocka_unit_test(new__bad_cas__says_so),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
