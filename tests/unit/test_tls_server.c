// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the server's choice of certificate, its tickets and its life, by handshakes in memory.
#include "tls_pair.h"

/* Certificates that all tests share. */
static struct made plain, wild, exact, by_cn;
static const uint8_t keys_a[TLS_TICKET_KEYS_LEN] = { 1, 2, 3 };
static const uint8_t keys_b[TLS_TICKET_KEYS_LEN] = { 4, 5, 6 };

static int make_all(void **state)
{
	const struct recipe cn_only = { .cn = "cn.test" };
	const struct recipe other_cn = { .cn = "hidden.test", .san = "DNS:a.wild.test" };

	(void)state;
	plain = make_self_signed("plain.test");
	wild = make_self_signed("*.wild.test");
	exact = make_cert(&other_cn);
	by_cn = make_cert(&cn_only);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	made_free(&plain);
	made_free(&wild);
	made_free(&exact);
	made_free(&by_cn);
	return 0;
}

static struct tls_keypair pair_pem(const struct made *m)
{
	return (struct tls_keypair){ m->cert, m->key, "pair" };
}

static struct tls_server *four_names(void)
{
	struct tls_keypair pairs[] = { pair_pem(&plain), pair_pem(&wild), pair_pem(&exact),
				       pair_pem(&by_cn) };
	struct tls_server_opts o = { .pairs = pairs,
				     .n_pairs = COUNT(pairs),
				     .ticket_keys = keys_a };

	return server_of(&o);
}

static struct tls_client *any_client(void)
{
	return client_of(&(struct tls_client_opts){ .insecure = true });
}

/* Handshake with this SNI (NULL: none). */
static struct tls_pair asked_for(struct tls_server *s, struct tls_client *c, const char *sni)
{
	struct tls_pair p = pair_new(s, c);

	if (sni)
		assert_true(SSL_set_tlsext_host_name(p.client, sni));
	assert_true(pair_handshake(&p));
	return p;
}

static void check_choice(const char *sni, const struct made *want)
{
	struct tls_server *s = four_names();
	struct tls_client *c = any_client();
	struct tls_pair p = asked_for(s, c, sni);

	assert_true(pair_shows(&p, want));
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static void server_name__exact__its_certificate(void **state)
{
	(void)state;
	check_choice("plain.test", &plain);
	check_choice("cn.test", &by_cn);
}

static void server_name__case_or_dot_at_end__same_certificate(void **state)
{
	(void)state;
	check_choice("CN.Test", &by_cn);
	check_choice("cn.test.", &by_cn);
	check_choice("X.WILD.test", &wild);
}

static void server_name__one_label_below_wildcard__wildcard_certificate(void **state)
{
	(void)state;
	check_choice("x.wild.test", &wild);
	check_choice("*.wild.test", &wild);
}

static void server_name__not_one_label_below_wildcard__first_certificate(void **state)
{
	(void)state;
	check_choice("x.y.wild.test", &plain);
	check_choice("wild.test", &plain);
	check_choice(".wild.test", &plain);
	check_choice("x.wild.test.evil", &plain);
}

static void server_name__exact_and_wildcard__exact_wins(void **state)
{
	(void)state;
	check_choice("a.wild.test", &exact);
}

static void server_name__cn_beside_dns_names__is_not_used(void **state)
{
	(void)state;
	check_choice("hidden.test", &plain);
}

static void server_name__unknown_none_or_odd__first_certificate(void **state)
{
	(void)state;
	check_choice("unknown.test", &plain);
	check_choice("cn.tes", &plain);
	check_choice("cn.testt", &plain);
	check_choice(".", &plain);
	check_choice("a..b", &plain);
	check_choice(NULL, &plain);
}

static void server_name__two_pairs_for_one_name__the_first_wins(void **state)
{
	struct made twin = make_self_signed("plain.test");
	struct tls_keypair pairs[] = { pair_pem(&wild), pair_pem(&plain), pair_pem(&twin) };
	struct tls_server *s = server_of(&(struct tls_server_opts){ .pairs = pairs, .n_pairs = 3 });
	struct tls_client *c = any_client();
	struct tls_pair p = asked_for(s, c, "plain.test");

	(void)state;
	assert_true(pair_shows(&p, &plain));
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
	made_free(&twin);
}

static void server_name__hello_retry__certificate_stays_right(void **state)
{
	struct tls_keypair pairs[] = { pair_pem(&plain), pair_pem(&by_cn) };
	struct tls_server_opts o = { .pairs = pairs, .n_pairs = 2, .groups = "P-384" };
	struct tls_server *s = server_of(&o);
	struct tls_client *c =
		client_of(&(struct tls_client_opts){ .insecure = true, .groups = "X25519:P-384" });
	struct tls_pair p = asked_for(s, c, "cn.test");

	(void)state;
	assert_true(pair_shows(&p, &by_cn));
	assert_int_equal(SSL_get_negotiated_group(p.client), NID_secp384r1);
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static struct tls_server *with_keys(const uint8_t *keys, const struct made *m, int max_version)
{
	struct tls_keypair pair = pair_pem(m);

	return server_of(&(struct tls_server_opts){
		.pairs = &pair, .n_pairs = 1, .ticket_keys = keys, .max_version = max_version });
}

/* Whether a ticket of one object is taken by another. */
static bool resumes_across(const uint8_t *from, const uint8_t *to, int version)
{
	struct tls_server *a = with_keys(from, &plain, version),
			  *b = with_keys(to, &by_cn, version);
	struct tls_client *c = any_client();
	bool resumed;

	assert_false(pair_resumes(a, c));
	resumed = pair_resumes(b, c);
	tls_client_free(c);
	tls_server_free(a);
	tls_server_free(b);
	return resumed;
}

static void tickets__same_keys_other_object__resumed(void **state)
{
	(void)state;
	assert_true(resumes_across(keys_a, keys_a, TLS1_3_VERSION));
	assert_true(resumes_across(keys_a, keys_a, TLS1_2_VERSION));
}

static void tickets__other_keys__full_handshake(void **state)
{
	(void)state;
	assert_false(resumes_across(keys_a, keys_b, TLS1_3_VERSION));
	assert_false(resumes_across(keys_a, keys_b, TLS1_2_VERSION));
	assert_false(resumes_across(NULL, NULL, TLS1_3_VERSION));
}

static void tickets__no_keys_given__the_object_has_its_own(void **state)
{
	struct tls_server *s = with_keys(NULL, &plain, 0);
	struct tls_client *c = any_client();

	(void)state;
	assert_false(pair_resumes(s, c));
	assert_true(pair_resumes(s, c));
	tls_client_free(c);
	tls_server_free(s);
}

static void tickets__name_of_a_later_pair__resumed_by_another_object(void **state)
{
	struct tls_server *a = four_names(), *b = four_names();
	struct tls_client *c =
		client_of(&(struct tls_client_opts){ .insecure = true, .server_name = "cn.test" });

	(void)state;
	assert_false(pair_resumes(a, c));
	assert_true(pair_resumes(b, c));
	tls_client_free(c);
	tls_server_free(a);
	tls_server_free(b);
}

static void tickets__client_takes_none__server_keeps_no_session(void **state)
{
	struct tls_server *s = with_keys(keys_a, &plain, TLS1_2_VERSION);
	struct tls_client *c = any_client();
	struct tls_pair p = pair_new(s, c);

	(void)state;
	SSL_set_options(p.client, SSL_OP_NO_TICKET);
	assert_true(pair_handshake(&p));
	assert_int_equal(SSL_CTX_sess_number(SSL_get_SSL_CTX(p.server)), 0);
	pair_free(&p);
	assert_false(pair_resumes(s, c));
	tls_client_free(c);
	tls_server_free(s);
}

static void free__before_handshake__connection_lives_on(void **state)
{
	struct tls_server *s = four_names();
	struct tls_client *c = any_client();
	struct tls_pair p = pair_new(s, c);

	(void)state;
	assert_true(SSL_set_tlsext_host_name(p.client, "cn.test"));
	tls_server_free(s);
	assert_true(pair_handshake(&p));
	assert_true(pair_shows(&p, &by_cn));
	pair_exchange(&p);
	pair_free(&p);
	tls_client_free(c);
}

static void free__after_handshake__connection_lives_on(void **state)
{
	struct tls_server *s = four_names();
	struct tls_client *c = any_client();
	struct tls_pair a = asked_for(s, c, "cn.test"), b = asked_for(s, c, NULL);

	(void)state;
	tls_server_free(s);
	pair_exchange(&a);
	pair_free(&a);
	pair_exchange(&b);
	pair_free(&b);
	tls_client_free(c);
}

static void free__reload__tickets_of_the_old_resume_with_the_new(void **state)
{
	struct tls_server *old = four_names(), *s;
	struct tls_client *c = any_client();
	struct tls_pair open = asked_for(old, c, "cn.test");

	(void)state;
	assert_false(pair_resumes(old, c));
	s = with_keys(keys_a, &wild, 0);
	tls_server_free(old);
	assert_true(pair_resumes(s, c));
	pair_exchange(&open);
	pair_free(&open);
	tls_client_free(c);
	tls_server_free(s);
}

static void free__null__ignored(void **state)
{
	(void)state;
	tls_server_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_name__exact__its_certificate),
		cmocka_unit_test(server_name__case_or_dot_at_end__same_certificate),
		cmocka_unit_test(server_name__one_label_below_wildcard__wildcard_certificate),
		cmocka_unit_test(server_name__not_one_label_below_wildcard__first_certificate),
		cmocka_unit_test(server_name__exact_and_wildcard__exact_wins),
		cmocka_unit_test(server_name__cn_beside_dns_names__is_not_used),
		cmocka_unit_test(server_name__unknown_none_or_odd__first_certificate),
		cmocka_unit_test(server_name__two_pairs_for_one_name__the_first_wins),
		cmocka_unit_test(server_name__hello_retry__certificate_stays_right),
		cmocka_unit_test(tickets__same_keys_other_object__resumed),
		cmocka_unit_test(tickets__other_keys__full_handshake),
		cmocka_unit_test(tickets__no_keys_given__the_object_has_its_own),
		cmocka_unit_test(tickets__name_of_a_later_pair__resumed_by_another_object),
		cmocka_unit_test(tickets__client_takes_none__server_keeps_no_session),
		cmocka_unit_test(free__before_handshake__connection_lives_on),
		cmocka_unit_test(free__after_handshake__connection_lives_on),
		cmocka_unit_test(free__reload__tickets_of_the_old_resume_with_the_new),
		cmocka_unit_test(free__null__ignored),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
