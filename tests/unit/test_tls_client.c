// SPDX-License-Identifier: GPL-2.0-or-later
// Tests what the client tells of itself and when it resumes, by handshakes in memory.
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

static void check_refused(const struct tls_client_opts *o, const struct made *m, const char *want)
{
	char *refusal;

	assert_false(accepts(o, m, &refusal));
	assert_string_equal(refusal, want);
	free(refusal);
}

/* The SNI that the server sees; "" without. */
static void check_sni(const struct tls_client_opts *o, const char *want)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = client_of(o);
	struct tls_pair p = pair_new(s, c);
	const char *got;

	assert_true(pair_handshake(&p));
	got = SSL_get_servername(p.server, TLSEXT_NAMETYPE_host_name);
	assert_string_equal(got ? got : "", want);
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static void sni__name__sent_unless_disabled(void **state)
{
	struct tls_client_opts o = { .server_name = "a.test", .ca_pem = ca.cert };

	(void)state;
	check_sni(&o, "a.test");
	o.disable_sni = true;
	check_sni(&o, "");
	check_sni(&(struct tls_client_opts){ .insecure = true, .server_name = "b.test." },
		  "b.test");
}

static void sni__address_or_nothing__none_sent(void **state)
{
	(void)state;
	check_sni(&(struct tls_client_opts){ .server_name = "192.0.2.1", .ca_pem = ca.cert }, "");
	check_sni(&(struct tls_client_opts){ .server_name = "::1", .insecure = true }, "");
	check_sni(&(struct tls_client_opts){ .insecure = true }, "");
}

static void sni__disabled__name_still_verified(void **state)
{
	(void)state;
	check_refused(&(struct tls_client_opts){ .server_name = "b.test",
						 .disable_sni = true,
						 .ca_pem = ca.cert },
		      &leaf, "hostname mismatch: the certificate is not for \"b.test\"");
}

static void ciphers__tls12_list__in_use(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = client_of(
		&(struct tls_client_opts){ .insecure = true,
					   .max_version = TLS1_2_VERSION,
					   .cipher_suites = "ECDHE-ECDSA-AES128-GCM-SHA256" });
	struct tls_pair p = pair_new(s, c);

	(void)state;
	assert_true(pair_handshake(&p));
	assert_string_equal(SSL_get_cipher_name(p.client), "ECDHE-ECDSA-AES128-GCM-SHA256");
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static int take_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static void client_certificate__asked_for__shown(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = client_of(&(struct tls_client_opts){
		.insecure = true, .cert_pem = other.cert, .key_pem = other.key });
	struct tls_pair p = pair_new(s, c);
	X509 *seen;
	char cn[65] = "";

	(void)state;
	SSL_set_verify(p.server, SSL_VERIFY_PEER, take_any);
	assert_true(pair_handshake(&p));
	seen = SSL_get0_peer_certificate(p.server);
	assert_non_null(seen);
	X509_NAME_get_text_by_NID(X509_get_subject_name(seen), NID_commonName, cn, sizeof(cn));
	assert_string_equal(cn, "a.test");
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

/* A client that verifies fully, of one version. */
static struct tls_client *strict(int version)
{
	return client_of(&(struct tls_client_opts){ .server_name = "a.test",
						    .ca_pem = ca.cert,
						    .min_version = version,
						    .max_version = version });
}

/* Handshake only: no ticket of TLS 1.3 is read. */
static bool resumes_quietly(struct tls_server *s, struct tls_client *c)
{
	struct tls_pair p = pair_new(s, c);
	bool reused;

	assert_true(pair_handshake(&p));
	assert_int_equal(SSL_get_verify_result(p.client), X509_V_OK);
	reused = SSL_session_reused(p.client);
	pair_free(&p);
	return reused;
}

static void resume__tls13__each_ticket_once(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = strict(TLS1_3_VERSION);

	(void)state;
	assert_false(pair_resumes(s, c)); /* gives two */
	assert_true(resumes_quietly(s, c));
	assert_true(resumes_quietly(s, c));
	assert_false(resumes_quietly(s, c));
	tls_client_free(c);
	tls_server_free(s);
}

static void resume__tls13__at_most_four_kept(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = strict(TLS1_3_VERSION);
	struct tls_pair p[3];

	(void)state;
	for (size_t i = 0; i < COUNT(p); i++) {
		p[i] = pair_new(s, c);
		assert_true(pair_handshake(&p[i]));
	}
	for (size_t i = 0; i < COUNT(p); i++) {
		pair_exchange(&p[i]);
		pair_free(&p[i]);
	}
	for (int i = 0; i < 4; i++)
		assert_true(resumes_quietly(s, c));
	assert_false(resumes_quietly(s, c));
	tls_client_free(c);
	tls_server_free(s);
}

static void resume__tls12__again_and_again(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = strict(TLS1_2_VERSION);

	(void)state;
	assert_false(pair_resumes(s, c));
	for (int i = 0; i < 6; i++)
		assert_true(pair_resumes(s, c));
	tls_client_free(c);
	tls_server_free(s);
}

static void resume__tls12_ticket_of_a_failed_handshake__not_offered_again(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = strict(TLS1_2_VERSION);
	struct tls_pair p;

	(void)state;
	assert_false(pair_resumes(s, c));
	p = pair_new(s, c);
	SSL_do_handshake(p.client); /* and the server never answers */
	pair_free(&p);
	assert_false(resumes_quietly(s, c));
	tls_client_free(c);
	tls_server_free(s);
}

static void resume__server_with_another_certificate__ticket_counts_for_its_object(void **state)
{
	struct tls_server *good = server_with(&leaf), *bad = server_with(&other);
	struct tls_client *loose = client_of(&(struct tls_client_opts){ .insecure = true });
	struct tls_client *c = strict(TLS1_3_VERSION);
	struct tls_pair p;

	(void)state;
	assert_false(pair_resumes(bad, loose));
	p = pair_new(bad, c);
	assert_false(pair_handshake(&p));
	assert_non_null(tls_client_refusal(p.client));
	pair_free(&p);
	assert_false(pair_resumes(good, c));
	tls_client_free(c);
	tls_client_free(loose);
	tls_server_free(good);
	tls_server_free(bad);
}

static void resume__refused_handshake__leaves_no_ticket(void **state)
{
	struct tls_server *s = server_with(&other);
	struct tls_client *c = strict(0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct tls_pair p = pair_new(s, c);

		assert_false(pair_handshake(&p));
		assert_false(SSL_session_reused(p.client));
		pair_free(&p);
	}
	tls_client_free(c);
	tls_server_free(s);
}

static void free__before_tickets_come__connection_lives_on(void **state)
{
	struct tls_server *s = server_with(&leaf);
	struct tls_client *c = strict(TLS1_3_VERSION);
	struct tls_pair p = pair_new(s, c);

	(void)state;
	assert_true(pair_handshake(&p));
	tls_client_free(c);
	pair_exchange(&p);
	pair_free(&p);
	tls_server_free(s);
}

static void free__before_handshake__still_verifies(void **state)
{
	struct tls_server *s = server_with(&other);
	struct tls_client *c = strict(0);
	struct tls_pair p = pair_new(s, c);

	(void)state;
	tls_client_free(c);
	assert_false(pair_handshake(&p));
	assert_non_null(tls_client_refusal(p.client));
	pair_free(&p);
	tls_server_free(s);
	tls_client_free(NULL);
}

static void check_new_fails(const struct tls_client_opts *o, const char *want)
{
	char why[200] = "";

	assert_null(tls_client_new(o, why, sizeof(why)));
	assert_string_equal(why, want);
	assert_int_equal(ERR_peek_error(), 0);
}

static void new__bad_client_key_or_limits__says_so(void **state)
{
	struct tls_client_opts o = { .insecure = true,
				     .cert_pem = other.cert,
				     .key_pem = leaf.key };

	(void)state;
	check_new_fails(&o, "client certificate: the private key does not match the certificate");
	check_new_fails(&(struct tls_client_opts){ .insecure = true, .cipher_suites = "NONE-SUCH" },
			"unknown cipher suite \"NONE-SUCH\"");
	check_new_fails(&(struct tls_client_opts){ .insecure = true, .groups = "NONE-SUCH" },
			"unknown curve in \"NONE-SUCH\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sni__name__sent_unless_disabled),
		cmocka_unit_test(sni__address_or_nothing__none_sent),
		cmocka_unit_test(sni__disabled__name_still_verified),
		cmocka_unit_test(ciphers__tls12_list__in_use),
		cmocka_unit_test(client_certificate__asked_for__shown),
		cmocka_unit_test(resume__tls13__each_ticket_once),
		cmocka_unit_test(resume__tls13__at_most_four_kept),
		cmocka_unit_test(resume__tls12__again_and_again),
		cmocka_unit_test(resume__tls12_ticket_of_a_failed_handshake__not_offered_again),
		cmocka_unit_test(
			resume__server_with_another_certificate__ticket_counts_for_its_object),
		cmocka_unit_test(resume__refused_handshake__leaves_no_ticket),
		cmocka_unit_test(free__before_tickets_come__connection_lives_on),
		cmocka_unit_test(free__before_handshake__still_verifies),
		cmocka_unit_test(new__bad_client_key_or_limits__says_so),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
