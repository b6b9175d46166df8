// SPDX-License-Identifier: GPL-2.0-or-later
// Certificates and keys of the configuration: read, parsed, and held against each other.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "app/config_file.h"
#include "app/config_parts.h"
#include "base/secret.h"

/* Never ask for a pass phrase: there is nobody to answer. */
static int no_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static bool only_once(struct config_reader *r, struct config_ref v, const struct config_pem *p)
{
	if (!p->at.v)
		return true;
	config_error_key(&r->report, v.n, "given as text and as a file: leave one of them out");
	return false;
}

void config_read_pem(struct config_reader *r, struct config_ref v, const struct config_row *row,
		     void *field)
{
	struct config_pem *p = field;

	(void)row;
	if (!only_once(r, v, p))
		return;
	p->at = v;
	config_read_joined(r, v, '\n', &p->text);
}

void config_read_pem_path(struct config_reader *r, struct config_ref v,
			  const struct config_row *row, void *field)
{
	struct config_pem *p = field;
	size_t n;
	int err;

	(void)row;
	if (!only_once(r, v, p))
		return;
	p->at = v;
	if (!config_read_string(r, v, 1, CONFIG_TEXT_MAX, &p->path))
		return;
	err = r->files ? config_file_read(p->path, CONFIG_FILE_MAX, &p->text, &n) : -EACCES;
	if (err == -EFBIG)
		config_error(&r->report, v.n, "%s: longer than %d bytes", ECHO(p->path),
			     CONFIG_FILE_MAX);
	else if (err == -ENOMEM)
		r->oom = true;
	else if (err < 0)
		config_error(&r->report, v.n, "%s: %s", ECHO(p->path), strerror(-err));
}

void config_pem_done(struct config_pem *p)
{
	if (p->text)
		secret_wipe(p->text, strlen(p->text));
	free(p->text);
	free(p->path);
	*p = (struct config_pem){ 0 };
}

/* "cert.pem: " where the text is from a file, else nothing. */
static const char *source(const struct config_pem *p, char out[static CONFIG_ECHO_MAX + 2])
{
	out[0] = '\0';
	if (p->path)
		sprintf(out, "%s: ", ECHO(p->path));
	return out;
}
#define SOURCE(p) source((p), (char[CONFIG_ECHO_MAX + 2]){ 0 })

static BIO *open_text(struct config_reader *r, const struct config_pem *p)
{
	BIO *bio = BIO_new_mem_buf(p->text, -1);

	if (!bio)
		r->oom = true;
	return bio;
}

static void note_validity(struct config_reader *r, const struct config_pem *p, const X509 *cert)
{
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		config_note(&r->report, p->at.n, "%sthis certificate has expired", SOURCE(p));
	else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		config_note(&r->report, p->at.n, "%sthis certificate is not valid yet", SOURCE(p));
}

/* The first certificate; the others are parsed too. NULL after a report. */
static X509 *read_certificates(struct config_reader *r, const struct config_pem *p)
{
	BIO *bio = p->text ? open_text(r, p) : NULL;
	X509 *first, *next;
	bool clean;

	if (!bio)
		return NULL;
	ERR_clear_error();
	first = PEM_read_bio_X509(bio, NULL, no_phrase, NULL);
	while (first && (next = PEM_read_bio_X509(bio, NULL, no_phrase, NULL)))
		X509_free(next);
	/* the end of the text is the one error that is none */
	clean = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(bio);
	if (!first) {
		config_error(&r->report, p->at.n, "%sno certificate in PEM form", SOURCE(p));
	} else if (!clean) {
		config_error(&r->report, p->at.n, "%sdamaged certificate behind the first one",
			     SOURCE(p));
		X509_free(first);
		first = NULL;
	}
	return first;
}

static EVP_PKEY *read_key(struct config_reader *r, const struct config_pem *p)
{
	BIO *bio = p->text ? open_text(r, p) : NULL;
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);
	ERR_clear_error();
	BIO_free(bio);
	if (!key)
		config_error(&r->report, p->at.n, "%sno private key in PEM form%s", SOURCE(p),
			     strstr(p->text, "ENCRYPTED") ? " without a pass phrase" : "");
	return key;
}

bool config_check_certificates(struct config_reader *r, const struct config_pem *cert)
{
	X509 *x = read_certificates(r, cert);
	bool good = x;

	if (good)
		note_validity(r, cert, x);
	X509_free(x);
	return good;
}

bool config_check_pair(struct config_reader *r, const struct config_pem *cert,
		       const struct config_pem *key)
{
	X509 *x = read_certificates(r, cert);
	EVP_PKEY *k = read_key(r, key);
	bool good = x && k;

	if (good && X509_check_private_key(x, k) != 1) {
		config_error(&r->report, key->at.n,
			     "%sthis key does not belong to the certificate%s%s", SOURCE(key),
			     cert->path ? " in " : "", cert->path ? ECHO(cert->path) : "");
		good = false;
	}
	ERR_clear_error();
	if (good)
		note_validity(r, cert, x);
	EVP_PKEY_free(k);
	X509_free(x);
	return good;
}
