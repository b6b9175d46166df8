// SPDX-License-Identifier: GPL-2.0-or-later
// Tests limits, ALPN, chains and refused settings, by handshakes of a server in memory.
#include "tls_pair.h"

/* Certificates that all tests share. */
static struct made plain, wild, exact, by_cn;
static const uint8_t keys_a[TLS_TICKET_KEYS_LEN] = { 1, 2, 3 };

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

/* The handshake's end, and what was agreed on where it succeeds ("" for nothing). */
static bool alpn_agrees(const char *const *ours, size_t n, const char *const *offer, size_t n_offer,
			const char *sni, const char *want)
{
	struct tls_keypair pairs[] = { pair_pem(&plain), pair_pem(&by_cn) };
	struct tls_server *s = server_of(&(struct tls_server_opts){
		.pairs = pairs, .n_pairs = 2, .alpn = ours, .n_alpn = n });
	struct tls_client *c = client_of(&(struct tls_client_opts){
		.insecure = true, .alpn = offer, .n_alpn = n_offer, .server_name = sni });
	struct tls_pair p = pair_new(s, c);
	bool ok = pair_handshake(&p);
	const unsigned char *got;
	unsigned len;

	SSL_get0_alpn_selected(p.client, &got, &len);
	if (ok) {
		assert_int_equal(len, strlen(want));
		assert_memory_equal(got, want, len);
	}
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
	return ok;
}

static void alpn__overlap__our_first_choice(void **state)
{
	static const char *const ours[] = { "h2", "http/1.1" }, *const offer[] = { "x", "http/1.1",
										   "h2" };

	(void)state;
	assert_true(alpn_agrees(ours, 2, offer, 3, "plain.test", "h2"));
	assert_true(alpn_agrees(ours, 2, offer, 3, "cn.test", "h2"));
	assert_true(alpn_agrees(ours, 2, offer, 2, "cn.test", "http/1.1"));
}

static void alpn__http11__brings_the_older_ones(void **state)
{
	static const char *const ours[] = { "http/1.1" }, *const offer[] = { "x", "http/0.9",
									     "http/1.0",
									     "http/1.1" };
	static const char *const other[] = { "h2" };

	(void)state;
	assert_true(alpn_agrees(ours, 1, offer, 4, "plain.test", "http/1.1"));
	assert_true(alpn_agrees(ours, 1, offer, 3, "plain.test", "http/1.0"));
	assert_true(alpn_agrees(ours, 1, offer, 2, "plain.test", "http/0.9"));
	assert_false(alpn_agrees(other, 1, offer, 4, "plain.test", ""));
}

static void alpn__no_overlap__handshake_fails(void **state)
{
	static const char *const ours[] = { "h2" }, *const offer[] = { "x", "http/1.1" };

	(void)state;
	assert_false(alpn_agrees(ours, 1, offer, 2, "plain.test", ""));
	assert_false(alpn_agrees(ours, 1, offer, 2, "cn.test", ""));
}

static void alpn__no_overlap__alert_says_so(void **state)
{
	static const char *const ours[] = { "h2" }, *const offer[] = { "x" };
	struct tls_keypair pair = pair_pem(&plain);
	struct tls_server *s = server_of(&(struct tls_server_opts){
		.pairs = &pair, .n_pairs = 1, .alpn = ours, .n_alpn = 1 });
	struct tls_client *c = client_of(
		&(struct tls_client_opts){ .insecure = true, .alpn = offer, .n_alpn = 1 });
	struct tls_pair p = pair_new(s, c);

	(void)state;
	SSL_do_handshake(p.client);
	SSL_do_handshake(p.server);
	ERR_clear_error();
	SSL_do_handshake(p.client);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), 1000 + SSL_AD_NO_APPLICATION_PROTOCOL);
	ERR_clear_error();
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static void alpn__none_configured__offer_is_ignored(void **state)
{
	static const char *const offer[] = { "h2", "http/1.1" };

	(void)state;
	assert_true(alpn_agrees(NULL, 0, offer, 2, "plain.test", ""));
	assert_true(alpn_agrees(NULL, 0, offer, 2, "cn.test", ""));
}

static void alpn__client_offers_none__fine(void **state)
{
	static const char *const ours[] = { "h2" };

	(void)state;
	assert_true(alpn_agrees(ours, 1, NULL, 0, "plain.test", ""));
}

/* What two policies agree on; 0 when they do not. */
static int version_of(int s_min, int s_max, int c_min, int c_max, const char *sni)
{
	struct tls_keypair pairs[] = { pair_pem(&plain), pair_pem(&by_cn) };
	struct tls_server *s = server_of(&(struct tls_server_opts){
		.pairs = pairs, .n_pairs = 2, .min_version = s_min, .max_version = s_max });
	struct tls_client *c = client_of(&(struct tls_client_opts){
		.insecure = true, .min_version = c_min, .max_version = c_max, .server_name = sni });
	struct tls_pair p = pair_new(s, c);
	int got = pair_handshake(&p) ? SSL_version(p.client) : 0;

	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
	return got;
}

static void versions__by_policy__highest_common_one(void **state)
{
	(void)state;
	assert_int_equal(version_of(0, 0, 0, 0, NULL), TLS1_3_VERSION);
	assert_int_equal(version_of(0, TLS1_2_VERSION, 0, 0, "cn.test"), TLS1_2_VERSION);
	assert_int_equal(version_of(0, 0, 0, TLS1_2_VERSION, "cn.test"), TLS1_2_VERSION);
	assert_int_equal(version_of(TLS1_3_VERSION, 0, 0, 0, "cn.test"), TLS1_3_VERSION);
}

static void versions__none_in_common__handshake_fails(void **state)
{
	(void)state;
	assert_int_equal(version_of(TLS1_3_VERSION, 0, 0, TLS1_2_VERSION, NULL), 0);
	assert_int_equal(version_of(0, TLS1_2_VERSION, TLS1_3_VERSION, 0, "cn.test"), 0);
}

static void ciphers__tls12_list__holds_for_every_name(void **state)
{
	static const char *const names[] = { "plain.test", "cn.test" };
	struct tls_keypair pairs[] = { pair_pem(&plain), pair_pem(&by_cn) };
	struct tls_server *s = server_of(&(struct tls_server_opts){
		.pairs = pairs,
		.n_pairs = 2,
		.max_version = TLS1_2_VERSION,
		.cipher_suites = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
				 "ECDHE-RSA-AES128-GCM-SHA256" });
	struct tls_client *c = any_client();

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct tls_pair p = asked_for(s, c, names[i]);

		assert_string_equal(SSL_get_cipher_name(p.client), "ECDHE-ECDSA-CHACHA20-POLY1305");
		pair_free(&p);
	}
	tls_client_free(c);
	tls_server_free(s);
}

static void ciphers__tls13_name_alone__tls12_defaults_hold(void **state)
{
	struct tls_keypair pair = pair_pem(&plain);
	struct tls_server *s = server_of(&(struct tls_server_opts){
		.pairs = &pair, .n_pairs = 1, .cipher_suites = "TLS_AES_256_GCM_SHA384" });
	struct tls_client *c = client_of(
		&(struct tls_client_opts){ .insecure = true, .max_version = TLS1_2_VERSION });
	struct tls_pair p = asked_for(s, c, NULL);

	(void)state;
	assert_int_equal(SSL_version(p.client), TLS1_2_VERSION);
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

/* What is agreed on between lists of the server and of the client, each NULL for none. */
static void check_cipher(const char *ours, const char *theirs, int version, const char *want)
{
	struct tls_keypair pair = pair_pem(&plain);
	struct tls_server *s = server_of(
		&(struct tls_server_opts){ .pairs = &pair, .n_pairs = 1, .cipher_suites = ours });
	struct tls_client *c = client_of(&(struct tls_client_opts){
		.insecure = true, .max_version = version, .cipher_suites = theirs });
	struct tls_pair p = asked_for(s, c, NULL);

	assert_string_equal(SSL_get_cipher_name(p.client), want);
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static void ciphers__no_list__order_of_openssl(void **state)
{
	(void)state;
	check_cipher(NULL, NULL, 0, "TLS_AES_256_GCM_SHA384");
	check_cipher(NULL, NULL, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384");
}

static void ciphers__both_sides_list__servers_order_holds(void **state)
{
	(void)state;
	check_cipher(NULL, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", 0,
		     "TLS_AES_256_GCM_SHA384");
	check_cipher(NULL, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
		     TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384");
}

static void ciphers__tls13_names__are_the_suites_of_tls13(void **state)
{
	static const char list[] = "TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
				   "TLS_AES_128_GCM_SHA256";

	(void)state;
	check_cipher(list, NULL, 0, "TLS_CHACHA20_POLY1305_SHA256");
	check_cipher(list, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", 0,
		     "TLS_AES_128_GCM_SHA256");
	check_cipher(NULL, "TLS_AES_128_GCM_SHA256", 0, "TLS_AES_128_GCM_SHA256");
}

static void version__tls11_hello__is_refused_by_the_security_level(void **state)
{
	struct tls_server *s = four_names();
	struct tls_client *c = any_client();
	struct tls_pair p = pair_new(s, c);

	(void)state;
	SSL_set_security_level(p.client, 0);
	assert_true(SSL_set_min_proto_version(p.client, TLS1_VERSION));
	assert_true(SSL_set_max_proto_version(p.client, TLS1_1_VERSION));
	assert_false(pair_handshake(&p));
	assert_true(SSL_in_init(p.server));
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
}

static void connection__any__flags_are_set(void **state)
{
	struct tls_server *s = four_names();
	SSL *ssl = tls_server_ssl(s);
	const uint64_t want = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
	const uint64_t never = SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET;
	const long mode = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

	(void)state;
	assert_true(SSL_is_server(ssl));
	assert_true((SSL_get_options(ssl) & want) == want);
	assert_true((SSL_get_options(ssl) & never) == 0);
	assert_true((SSL_get_mode(ssl) & mode) == mode);
	assert_int_equal(SSL_get_max_early_data(ssl), 0);
	assert_int_equal(SSL_get_quiet_shutdown(ssl), 0);
	SSL_free(ssl);
	tls_server_free(s);
}

static void chain__with_intermediate__all_but_root_is_sent(void **state)
{
	const struct recipe root_is = { .cn = "root", .ca = true };
	struct made root = make_cert(&root_is);
	const struct recipe mid_is = { .cn = "mid", .ca = true, .issuer = &root };
	struct made mid = make_cert(&mid_is);
	const struct recipe leaf_is = { .cn = "leaf", .san = "DNS:leaf.test", .issuer = &mid };
	struct made leaf = make_cert(&leaf_is);
	char *chain = malloc(strlen(leaf.cert) + strlen(mid.cert) + 1);
	struct tls_keypair pairs[] = {
		pair_pem(&plain), { strcat(strcpy(chain, leaf.cert), mid.cert), leaf.key, "leaf" }
	};
	struct tls_server *s = server_of(&(struct tls_server_opts){ .pairs = pairs, .n_pairs = 2 });
	struct tls_client *c = client_of(
		&(struct tls_client_opts){ .server_name = "leaf.test", .ca_pem = root.cert });
	struct tls_pair p = pair_new(s, c);

	(void)state;
	assert_true(pair_handshake(&p));
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p.client)), 2);
	pair_free(&p);
	tls_client_free(c);
	tls_server_free(s);
	free(chain);
	made_free(&leaf);
	made_free(&mid);
	made_free(&root);
}

static void check_refused(const struct tls_server_opts *o, const char *want)
{
	char why[200] = "";

	assert_null(tls_server_new(o, why, sizeof(why)));
	assert_string_equal(why, want);
	assert_int_equal(ERR_peek_error(), 0);
}

static void check_refused_pair(const char *cert, const char *key, const char *want)
{
	struct tls_keypair pairs[] = { { plain.cert, plain.key, "good" },
				       { cert, key, "bad.pem" } };

	check_refused(&(struct tls_server_opts){ .pairs = pairs, .n_pairs = 2 }, want);
	check_refused(&(struct tls_server_opts){ .pairs = pairs + 1, .n_pairs = 1 }, want);
}

static void new__key_of_another_certificate__says_so(void **state)
{
	(void)state;
	check_refused_pair(plain.cert, wild.key,
			   "bad.pem: the private key does not match the certificate");
}

static void new__bad_certificate__says_so(void **state)
{
	char *cut = strdup(plain.cert), *two;

	(void)state;
	check_refused_pair("", plain.key, "bad.pem: certificate: no start line");
	check_refused_pair(plain.key, plain.key, "bad.pem: certificate: no start line");
	cut[strlen(cut) / 2] = 0;
	check_refused_pair(cut, plain.key, "bad.pem: certificate: bad end line");
	two = malloc(strlen(plain.cert) + strlen(cut) + 1);
	strcat(strcpy(two, plain.cert), cut);
	check_refused_pair(two, plain.key, "bad.pem: certificate: bad end line");
	free(two);
	free(cut);
}

static void new__bad_key__says_so(void **state)
{
	(void)state;
	check_refused_pair(plain.cert, "", "bad.pem: no usable private key in the PEM text");
	check_refused_pair(plain.cert, plain.cert,
			   "bad.pem: no usable private key in the PEM text");
}

static void new__encrypted_key__says_so_and_does_not_ask(void **state)
{
	BIO *in = BIO_new_mem_buf(plain.key, -1), *out = BIO_new(BIO_s_mem());
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	char *pem;

	(void)state;
	assert_true(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), "secret", 6, NULL,
						  NULL));
	pem = recipe_text(out);
	check_refused_pair(plain.cert, pem, "bad.pem: the private key is encrypted");
	free(pem);
	EVP_PKEY_free(key);
	BIO_free(in);
}

static void new__bad_limits__say_so(void **state)
{
	struct tls_keypair pair = pair_pem(&plain);
	static const char *const empty[] = { "h2", "" };
	struct tls_server_opts o = { .pairs = &pair, .n_pairs = 1 };

	(void)state;
	o.cipher_suites = "ECDHE-RSA-AES128-GCM-SHA256:NOT-A-CIPHER";
	check_refused(&o, "unknown cipher suite \"NOT-A-CIPHER\"");
	o.cipher_suites = "ECDHE-RSA-AES128-GCM-SHA256::";
	check_refused(&o, "unknown cipher suite \"\"");
	o.cipher_suites = NULL;
	o.groups = "X25519:P-000";
	check_refused(&o, "unknown curve in \"X25519:P-000\"");
	o.groups = NULL;
	o.min_version = TLS1_3_VERSION;
	o.max_version = TLS1_2_VERSION;
	check_refused(&o, "the highest TLS version is below the lowest");
	o.min_version = o.max_version = 0;
	o.alpn = empty;
	o.n_alpn = 2;
	check_refused(&o, "alpn: bad protocol name \"\"");
	check_refused(&(struct tls_server_opts){ .n_pairs = 0 }, "no certificate");
}

static void new__short_buffer__reason_is_cut(void **state)
{
	struct tls_keypair pair = { plain.cert, wild.key, "bad.pem" };
	struct tls_server_opts o = { .pairs = &pair, .n_pairs = 1 };
	char why[8] = "zzzzzzz";

	(void)state;
	assert_null(tls_server_new(&o, NULL, 0));
	assert_null(tls_server_new(&o, why, 5));
	assert_string_equal(why, "bad.");
	assert_int_equal(why[5], 'z');
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alpn__overlap__our_first_choice),
		cmocka_unit_test(alpn__http11__brings_the_older_ones),
		cmocka_unit_test(alpn__no_overlap__handshake_fails),
		cmocka_unit_test(alpn__no_overlap__alert_says_so),
		cmocka_unit_test(alpn__none_configured__offer_is_ignored),
		cmocka_unit_test(alpn__client_offers_none__fine),
		cmocka_unit_test(versions__by_policy__highest_common_one),
		cmocka_unit_test(versions__none_in_common__handshake_fails),
		cmocka_unit_test(ciphers__tls12_list__holds_for_every_name),
		cmocka_unit_test(ciphers__tls13_name_alone__tls12_defaults_hold),
		cmocka_unit_test(ciphers__no_list__order_of_openssl),
		cmocka_unit_test(ciphers__both_sides_list__servers_order_holds),
		cmocka_unit_test(ciphers__tls13_names__are_the_suites_of_tls13),
		cmocka_unit_test(version__tls11_hello__is_refused_by_the_security_level),
		cmocka_unit_test(connection__any__flags_are_set),
		cmocka_unit_test(chain__with_intermediate__all_but_root_is_sent),
		cmocka_unit_test(new__key_of_another_certificate__says_so),
		cmocka_unit_test(new__bad_certificate__says_so),
		cmocka_unit_test(new__bad_key__says_so),
		cmocka_unit_test(new__encrypted_key__says_so_and_does_not_ask),
		cmocka_unit_test(new__bad_limits__say_so),
		cmocka_unit_test(new__short_buffer__reason_is_cut),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
