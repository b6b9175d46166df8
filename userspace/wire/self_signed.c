// SPDX-License-Identifier: GPL-2.0-or-later
// A fresh P-256 key, a certificate signed with it, and the pin of a certificate's key.
#include "wire/self_signed.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/rng.h"
#include "wire/tls_common.h"

#define SERIAL_LEN	20
#define COMMON_NAME_MAX 64 /* RFC 5280, ub-common-name */
#define DNS_NAME_MAX	253
#define LABEL_MAX	63

/* Bytes of the address in ip, 0 when the text is none. */
static int parse_ip(const char *text, uint8_t ip[static 16])
{
	if (inet_pton(AF_INET, text, ip) == 1)
		return 4;
	return inet_pton(AF_INET6, text, ip) == 1 ? 16 : 0;
}

static bool is_label(const char *p, size_t len)
{
	if (len < 1 || len > LABEL_MAX || p[0] == '-' || p[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)p[i]) && p[i] != '-' && p[i] != '_')
			return false;
	}
	return true;
}

/* A last label of digits alone would be a mistyped address. */
static bool is_dns_name(const char *name)
{
	const char *p = strncmp(name, "*.", 2) ? name : name + 2;

	if (strlen(name) > DNS_NAME_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(p, ".");

		if (!is_label(p, len))
			return false;
		if (!p[len])
			return strspn(p, "0123456789") < len;
		p += len + 1;
	}
}

static int add_name(GENERAL_NAMES *sans, const char *name)
{
	GENERAL_NAME *gn = GENERAL_NAME_new();
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	uint8_t ip[16];
	int ip_len = parse_ip(name, ip);

	if (!gn || !value)
		goto fail;
	if (ip_len ? !ASN1_OCTET_STRING_set(value, ip, ip_len)
		   : !ASN1_STRING_set(value, name, (int)strlen(name)))
		goto fail;
	value->type = ip_len ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;
	GENERAL_NAME_set0_value(gn, ip_len ? GEN_IPADD : GEN_DNS, value);
	value = NULL;
	if (sk_GENERAL_NAME_push(sans, gn) > 0)
		return 0;
fail:
	ASN1_OCTET_STRING_free(value);
	GENERAL_NAME_free(gn);
	return -ENOMEM;
}

static int add_sans(X509 *cert, const char *const *names, size_t n)
{
	GENERAL_NAMES *sans = sk_GENERAL_NAME_new_null();
	int err = sans ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++)
		err = add_name(sans, names[i]);
	if (!err && X509_add1_ext_i2d(cert, NID_subject_alt_name, sans, 0, 0) != 1)
		err = -ENOMEM;
	GENERAL_NAMES_free(sans);
	return err;
}

static int add_ext(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int ok = ext && X509_add_ext(cert, ext, -1);

	X509_EXTENSION_free(ext);
	return ok ? 0 : -ENOMEM;
}

/* The first DNS name that fits; without one an address, so that the issuer is never empty. */
static const char *common_name(const char *const *names, size_t n)
{
	uint8_t ip[16];

	for (size_t i = 0; i < n; i++) {
		if (!parse_ip(names[i], ip) && strlen(names[i]) <= COMMON_NAME_MAX)
			return names[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) <= COMMON_NAME_MAX)
			return names[i];
	}
	return "localhost";
}

static int set_serial(X509 *cert)
{
	uint8_t raw[SERIAL_LEN];
	BIGNUM *bn;
	int ok;

	rng_bytes(raw, sizeof(raw));
	raw[0] = (uint8_t)((raw[0] & 0x7f) | 0x40); /* positive, and always 20 bytes */
	bn = BN_bin2bn(raw, sizeof(raw), NULL);
	ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
	BN_free(bn);
	return ok ? 0 : -ENOMEM;
}

static int set_subject(X509 *cert, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
					0) ||
	    !X509_set_issuer_name(cert, name))
		return -ENOMEM;
	return 0;
}

static int set_validity(X509 *cert, int days)
{
	time_t start = time(NULL) - 3600;

	if (!X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &start) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &start))
		return -EINVAL;
	return 0;
}

static int fill(X509 *cert, EVP_PKEY *key, const char *const *names, size_t n, int days)
{
	int err = set_validity(cert, days);

	if (err)
		return err;
	if (!X509_set_version(cert, X509_VERSION_3) || set_serial(cert) < 0 ||
	    set_subject(cert, common_name(names, n)) < 0 || !X509_set_pubkey(cert, key) ||
	    add_ext(cert, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
	    add_ext(cert, NID_key_usage, "critical,digitalSignature") < 0 ||
	    add_ext(cert, NID_ext_key_usage, "serverAuth") < 0 || add_sans(cert, names, n) < 0 ||
	    !X509_sign(cert, key, EVP_sha256()))
		return -ENOMEM;
	return 0;
}

static char *bio_text(BIO *out)
{
	char *data;
	long len = BIO_get_mem_data(out, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static int to_pem(X509 *cert, EVP_PKEY *key, char **ret_cert, char **ret_key)
{
	BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());
	char *cert_pem = NULL, *key_pem = NULL;
	int err = -ENOMEM;

	if (!c || !k || !PEM_write_bio_X509(c, cert) ||
	    !PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL))
		goto out;
	cert_pem = bio_text(c);
	key_pem = bio_text(k);
	if (!cert_pem || !key_pem)
		goto out;
	*ret_cert = cert_pem;
	*ret_key = key_pem;
	cert_pem = key_pem = NULL;
	err = 0;
out:
	BIO_free(c);
	BIO_free(k);
	free(cert_pem);
	if (key_pem)
		OPENSSL_cleanse(key_pem, strlen(key_pem));
	free(key_pem);
	return err;
}

int self_signed(const char *const *names, size_t n, int days, char **ret_cert, char **ret_key)
{
	uint8_t ip[16];
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int err = -ENOMEM;

	if (n < 1 || days < 1)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!parse_ip(names[i], ip) && !is_dns_name(names[i]))
			return -EINVAL;
	}
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	if (key && cert)
		err = fill(cert, key, names, n, days);
	if (!err)
		err = to_pem(cert, key, ret_cert, ret_key);
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return err;
}

int certificate_pin(const char *cert_pem, char out[static 45])
{
	BIO *in = BIO_new_mem_buf(cert_pem, -1);
	X509 *cert = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	uint8_t hash[32];
	int err = cert ? tls_spki_sha256(cert, hash) : -EINVAL;

	if (!err)
		tls_pin_text(hash, out);
	X509_free(cert);
	BIO_free(in);
	ERR_clear_error();
	return err;
}
