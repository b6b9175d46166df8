// SPDX-License-Identifier: GPL-2.0-or-later
// Tests what is in the certificates we make, and the pin of one.
#include <errno.h>

#include "tls_pair.h"

static X509 *parse(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);

	BIO_free(in);
	assert_non_null(cert);
	return cert;
}

static EVP_PKEY *parse_key(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

	BIO_free(in);
	assert_non_null(key);
	return key;
}

static void common_name(const X509 *cert, char *out, int size)
{
	assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out,
					      size) > 0);
}

static int make(const char *name, struct made *m)
{
	return self_signed(&name, 1, 30, &m->cert, &m->key);
}

static void self_signed__mixed_names__all_in_subject_alt_name(void **state)
{
	const char *names[] = { "192.0.2.7", "a.test", "*.b.test", "2001:db8::7" };
	struct made m;
	X509 *cert;
	char cn[65];

	(void)state;
	assert_int_equal(self_signed(names, COUNT(names), 30, &m.cert, &m.key), 0);
	cert = parse(m.cert);
	assert_int_equal(
		X509_check_host(cert, "a.test", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 1);
	assert_int_equal(X509_check_host(cert, "x.b.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "c.test", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(cert, "192.0.2.7", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "2001:db8::7", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "192.0.2.8", 0), 0);
	common_name(cert, cn, sizeof(cn));
	assert_string_equal(cn, "a.test");
	X509_free(cert);
	made_free(&m);
}

static void self_signed__any__signed_by_its_own_p256_key(void **state)
{
	struct made m = make_self_signed("a.test");
	X509 *cert = parse(m.cert);
	EVP_PKEY *key = parse_key(m.key);
	char group[32];

	(void)state;
	assert_int_equal(X509_verify(cert, key), 1);
	assert_int_equal(X509_check_private_key(cert, key), 1);
	assert_true(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL));
	assert_string_equal(group, "prime256v1");
	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	X509_free(cert);
	EVP_PKEY_free(key);
	made_free(&m);
}

static void self_signed__any__usages_are_a_servers(void **state)
{
	struct made m = make_self_signed("a.test");
	X509 *cert = parse(m.cert);

	(void)state;
	assert_int_equal(X509_check_ca(cert), 0);
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
	assert_int_equal(X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 0), 1);
	X509_free(cert);
	made_free(&m);
}

static void self_signed__any__valid_from_an_hour_ago_for_the_days(void **state)
{
	struct made m = make_self_signed("a.test");
	X509 *cert = parse(m.cert);
	int days, secs;

	(void)state;
	assert_true(ASN1_TIME_diff(&days, &secs, X509_get0_notBefore(cert), NULL));
	assert_int_equal(days, 0);
	assert_in_range(secs, 3600, 3600 + 60);
	assert_true(
		ASN1_TIME_diff(&days, &secs, X509_get0_notBefore(cert), X509_get0_notAfter(cert)));
	assert_int_equal(days, 30);
	assert_int_equal(secs, 0);
	X509_free(cert);
	made_free(&m);
}

static void self_signed__twice__other_serials_of_20_bytes(void **state)
{
	struct made m = make_self_signed("a.test"), o = make_self_signed("a.test");
	X509 *a = parse(m.cert), *b = parse(o.cert);

	(void)state;
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(a)), 20);
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(b)), 20);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(b)),
			     0);
	assert_int_equal(ASN1_STRING_type(X509_get0_serialNumber(a)), V_ASN1_INTEGER);
	X509_free(a);
	X509_free(b);
	made_free(&m);
	made_free(&o);
}

static void self_signed__address_alone__is_the_common_name(void **state)
{
	struct made m = make_self_signed("2001:db8::1");
	X509 *cert = parse(m.cert);
	char cn[65];

	(void)state;
	common_name(cert, cn, sizeof(cn));
	assert_string_equal(cn, "2001:db8::1");
	assert_int_equal(X509_check_ip_asc(cert, "2001:db8:0::1", 0), 1);
	X509_free(cert);
	made_free(&m);
}

static void self_signed__name_too_long_for_a_common_name__still_in_san(void **state)
{
	char name[81];
	struct made m;
	X509 *cert;

	(void)state;
	memset(name, 'a', 80);
	name[40] = '.';
	name[80] = 0;
	assert_int_equal(make(name, &m), 0);
	cert = parse(m.cert);
	assert_int_equal(X509_check_host(cert, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL),
			 1);
	X509_free(cert);
	made_free(&m);
}

static void self_signed__bad_names__einval_and_outputs_untouched(void **state)
{
	static const char *const bad[] = {
		"",	    ".",	  "a..b",	   "a.", ".a",	  "-a.test", "a-.test",
		"a b.test", "a,DNS:b",	  "a\nb.test",	   "*",	 "a.*.b", "*.",	     "192.0.2.300",
		"[::1]",    "a.test:443", "\xc3\xa4.test",
	};
	char many[64 + 6 + 1];
	struct made m = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(make(bad[i], &m), -EINVAL);
		assert_null(m.cert);
		assert_null(m.key);
	}
	memset(many, 'a', sizeof(many));
	strcpy(many + 64, ".test");
	assert_int_equal(make(many, &m), -EINVAL);
	many[63] = '.';
	strcpy(many + 64, "test");
	assert_int_equal(make(many, &m), 0);
	made_free(&m);
}

static void self_signed__name_of_254_bytes__einval(void **state)
{
	char name[255];
	struct made m = { 0 };

	(void)state;
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 2 ? '.' : 'a';
	name[253] = 'a';
	name[254] = 0;
	assert_int_equal(make(name, &m), -EINVAL);
	name[253] = 0;
	assert_int_equal(make(name, &m), 0);
	made_free(&m);
}

static void self_signed__no_names_or_no_days__einval(void **state)
{
	const char *name = "a.test";
	struct made m = { 0 };

	(void)state;
	assert_int_equal(self_signed(&name, 0, 30, &m.cert, &m.key), -EINVAL);
	assert_int_equal(self_signed(&name, 1, 0, &m.cert, &m.key), -EINVAL);
	assert_int_equal(self_signed(&name, 1, -3, &m.cert, &m.key), -EINVAL);
	assert_int_equal(self_signed(&name, 1, INT32_MAX, &m.cert, &m.key), -EINVAL);
	assert_null(m.cert);
}

static void self_signed__past_2050__dates_hold(void **state)
{
	const char *name = "a.test";
	struct made m;
	X509 *cert;
	int days, secs;

	(void)state;
	assert_int_equal(self_signed(&name, 1, 36500, &m.cert, &m.key), 0);
	cert = parse(m.cert);
	assert_true(
		ASN1_TIME_diff(&days, &secs, X509_get0_notBefore(cert), X509_get0_notAfter(cert)));
	assert_int_equal(days, 36500);
	X509_free(cert);
	made_free(&m);
}

/* openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
 */
static void certificate_pin__known_certificate__known_pin(void **state)
{
	static const char pem[] =
		"-----BEGIN CERTIFICATE-----\n"
		"MIIBejCCASGgAwIBAgIUf1K+e54x4aLzTauIuylY61SQDFUwCgYIKoZIzj0EAwIw\n"
		"EzERMA8GA1UEAwwIcGluLnRlc3QwHhcNMjYxMTIzMjI0NjI3WhcNMzYxMTIwMjI0\n"
		"NjI3WjATMREwDwYDVQQDDAhwaW4udGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
		"A0IABL+IHc++2tmVM+FsOALgfbKPSFVDEv4g7teObvflVlNjUS6tVAM3lGtKy1RB\n"
		"PyUG6ZsCb0Yr91b1Sl+1jH9CL6WjUzBRMB0GA1UdDgQWBBR8rL7vKcZ4537z5/5d\n"
		"Id4fAc18+jAfBgNVHSMEGDAWgBR8rL7vKcZ4537z5/5dId4fAc18+jAPBgNVHRMB\n"
		"Af8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIHanbA/G0n4Tzl/T4+pcze7GSKDm\n"
		"n4GwylCb1QSs5btdAiAfpQuks9ur5uonFEKv3dSE8ZS8SEpjqjvmyEhH+pXMBQ==\n"
		"-----END CERTIFICATE-----\n";
	char pin[45];

	(void)state;
	assert_int_equal(certificate_pin(pem, pin), 0);
	assert_string_equal(pin, "x7Gw4Z3QsS9ziC0r+q8E5UuPOz7YYN77OU5mgzSDXLw=");
}

static void certificate_pin__chain__the_first_counts(void **state)
{
	struct made a = make_self_signed("a.test"), b = make_self_signed("b.test");
	char *chain = malloc(strlen(a.cert) + strlen(b.cert) + 1);
	char pin_a[45], pin_chain[45];

	(void)state;
	strcpy(chain, a.cert);
	strcat(chain, b.cert);
	assert_int_equal(certificate_pin(a.cert, pin_a), 0);
	assert_int_equal(certificate_pin(chain, pin_chain), 0);
	assert_string_equal(pin_a, pin_chain);
	assert_int_equal(strlen(pin_a), 44);
	free(chain);
	made_free(&a);
	made_free(&b);
}

static void certificate_pin__no_certificate__einval(void **state)
{
	struct made a = make_self_signed("a.test");
	char pin[45] = "kept";

	(void)state;
	assert_int_equal(certificate_pin("", pin), -EINVAL);
	assert_int_equal(certificate_pin("nonsense", pin), -EINVAL);
	assert_int_equal(certificate_pin(a.key, pin), -EINVAL);
	a.cert[strlen(a.cert) / 2] = 0;
	assert_int_equal(certificate_pin(a.cert, pin), -EINVAL);
	assert_string_equal(pin, "kept");
	assert_int_equal(ERR_peek_error(), 0);
	made_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_signed__mixed_names__all_in_subject_alt_name),
		cmocka_unit_test(self_signed__any__signed_by_its_own_p256_key),
		cmocka_unit_test(self_signed__any__usages_are_a_servers),
		cmocka_unit_test(self_signed__any__valid_from_an_hour_ago_for_the_days),
		cmocka_unit_test(self_signed__twice__other_serials_of_20_bytes),
		cmocka_unit_test(self_signed__address_alone__is_the_common_name),
		cmocka_unit_test(self_signed__name_too_long_for_a_common_name__still_in_san),
		cmocka_unit_test(self_signed__bad_names__einval_and_outputs_untouched),
		cmocka_unit_test(self_signed__name_of_254_bytes__einval),
		cmocka_unit_test(self_signed__no_names_or_no_days__einval),
		cmocka_unit_test(self_signed__past_2050__dates_hold),
		cmocka_unit_test(certificate_pin__known_certificate__known_pin),
		cmocka_unit_test(certificate_pin__chain__the_first_counts),
		cmocka_unit_test(certificate_pin__no_certificate__einval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
