// SPDX-License-Identifier: GPL-2.0-or-later
// The "tls" objects of inbounds and outbounds.
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "base/secret.h"

/* What is collected of one object before it is judged as a whole. */
struct work {
	struct config_tls t;
	struct config_pem cert, key, client_cert, client_key;
	struct config_ref more; /* "certificates" */
};

static void keep_ref(struct config_reader *r, struct config_ref v, const struct config_row *row,
		     void *field)
{
	(void)row;
	if (config_want(r, v, JSON_ARRAY))
		*(struct config_ref *)field = v;
}

#define PEM(name, member, what)                                                                    \
	{ .key = name,                                                                             \
	  .type = ROW_CALL,                                                                        \
	  .read = config_read_pem,                                                                 \
	  ROW_FIELD(struct work, member),                                                          \
	  .help = what },                                                                          \
	{                                                                                          \
		.key = name "_path", .type = ROW_CALL, .read = config_read_pem_path,               \
		ROW_FIELD(struct work, member), .help = what ", as a file"                         \
	}

const struct config_row config_rows_tls[] = {
	{ .key = "enabled",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct work, t.enabled),
	  .help = "use TLS" },
	{ .key = "server_name",
	  .type = ROW_STRING,
	  ROW_FIELD(struct work, t.server_name),
	  .min = 1,
	  .max = 255,
	  .help = "name to verify and to send" },
	{ .key = "insecure",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct work, t.insecure),
	  .help = "accept any certificate" },
	{ .key = "alpn",
	  .type = ROW_CALL,
	  .read = config_read_alpn,
	  ROW_FIELD(struct work, t),
	  .help = "protocols, in order of preference" },
	{ .key = "min_version",
	  .type = ROW_CALL,
	  .read = config_read_version,
	  ROW_FIELD(struct work, t.min_version),
	  .help = "\"1.2\" or \"1.3\"" },
	{ .key = "max_version",
	  .type = ROW_CALL,
	  .read = config_read_version,
	  ROW_FIELD(struct work, t.max_version),
	  .help = "\"1.2\" or \"1.3\"" },
	{ .key = "cipher_suites",
	  .type = ROW_CALL,
	  .read = config_read_ciphers,
	  ROW_FIELD(struct work, t.cipher_suites),
	  .help = "cipher suites, in order of preference" },
	{ .key = "curve_preferences",
	  .type = ROW_CALL,
	  .read = config_read_groups,
	  ROW_FIELD(struct work, t.groups),
	  .help = "groups for the key exchange" },
	{ .key = "kernel_tx",
	  .type = ROW_CALL,
	  .read = config_read_kernel,
	  ROW_FIELD(struct work, t.kernel_tx),
	  .help = "the kernel encrypts: \"auto\", false or true (required)" },
	{ .key = "kernel_rx",
	  .type = ROW_CALL,
	  .read = config_read_kernel,
	  ROW_FIELD(struct work, t.kernel_rx),
	  .help = "the kernel decrypts: \"auto\", false or true (required)" },
	PEM("certificate", cert, "certificates in PEM form"),
	{ 0 },
};

const struct config_row config_rows_tls_inbound[] = {
	PEM("key", key, "the certificate's private key"),
	{ .key = "certificates",
	  .type = ROW_CALL,
	  .read = keep_ref,
	  ROW_FIELD(struct work, more),
	  .help = "more certificates, chosen by name" },
	{ 0 },
};

const struct config_row config_rows_tls_outbound[] = {
	{ .key = "disable_sni",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct work, t.disable_sni),
	  .help = "verify the name, but send none" },
	{ .key = "certificate_public_key_sha256",
	  .type = ROW_CALL,
	  .read = config_read_pins,
	  ROW_FIELD(struct work, t),
	  .help = "public keys to accept" },
	PEM("client_certificate", client_cert, "the client's own certificate"),
	PEM("client_key", client_key, "the client certificate's private key"),
	{ 0 },
};

const struct config_row config_rows_certificate[] = {
	PEM("certificate", cert, "certificates in PEM form"),
	PEM("key", key, "the certificate's private key"),
	{ 0 },
};

static void work_done(struct work *w)
{
	config_pem_done(&w->cert);
	config_pem_done(&w->key);
	config_pem_done(&w->client_cert);
	config_pem_done(&w->client_key);
}

static char *take(char **field)
{
	char *text = *field;

	*field = NULL;
	return text;
}

/* Adds the pair to tls->pairs, which has room. */
static void add_pair(struct config_reader *r, struct config_tls *tls, struct config_pem *cert,
		     struct config_pem *key)
{
	if (config_check_pair(r, cert, key))
		tls->pairs[tls->n_pairs++] = (struct config_keypair){
			.cert_path = take(&cert->path),
			.key_path = take(&key->path),
			.cert_pem = take(&cert->text),
			.key_pem = take(&key->text),
		};
}

/* Whether both halves of a pair are there; a missing one is reported. */
static bool have_pair(struct config_reader *r, struct config_ref v, const struct work *w)
{
	if (!w->cert.at.v)
		config_error(
			&r->report, v.n,
			"a certificate is missing: give \"certificate_path\" or \"certificate\"");
	if (!w->key.at.v)
		config_error(&r->report, v.n, "its key is missing: give \"key_path\" or \"key\"");
	return w->cert.at.v && w->key.at.v;
}

static void read_more(struct config_reader *r, struct config_ref v, struct config_tls *tls)
{
	static const struct config_row *const tables[] = { config_rows_certificate, NULL };
	struct work w = { 0 };

	if (config_read_object(r, v, tables, &w) && have_pair(r, v, &w))
		add_pair(r, tls, &w.cert, &w.key);
	work_done(&w);
}

static void check_versions(struct config_reader *r, struct config_ref v, const struct config_tls *t)
{
	if (t->min_version && t->max_version && t->min_version > t->max_version)
		config_error(&r->report, config_member(v, "max_version").n, "is below min_version");
}

void config_read_tls_inbound(struct config_reader *r, struct config_ref v, struct config_tls *tls)
{
	static const struct config_row *const tables[] = { config_rows_tls, config_rows_tls_inbound,
							   config_refused_tls,
							   config_refused_tls_inbound, NULL };
	struct work w = { 0 };
	struct config_list more;

	if (!config_read_object(r, v, tables, &w))
		return;
	check_versions(r, v, &w.t);
	if (w.t.insecure)
		config_note(&r->report, config_member(v, "insecure").n,
			    "has no effect on an inbound");
	if (!w.t.enabled) {
		config_note(&r->report, v.n, "TLS is off: \"enabled\" is not true");
		goto out;
	}
	more = config_list_start(w.more.v ? w.more : (struct config_ref){ 0 });
	w.t.pairs = config_alloc(r, (w.more.v ? more.n : 0) + 1, sizeof(*w.t.pairs));
	if (!w.t.pairs)
		goto out;
	/* with "certificates" alone, the first of them answers where no name fits */
	if ((w.cert.at.v || w.key.at.v || !more.item.v) && have_pair(r, v, &w))
		add_pair(r, &w.t, &w.cert, &w.key);
	for (; more.item.v; config_list_next(&more))
		read_more(r, more.item, &w.t);
out:
	*tls = w.t;
	work_done(&w);
}

static void check_trust(struct config_reader *r, struct config_ref v, struct work *w)
{
	if (w->cert.at.v && w->t.n_pins > 0)
		config_error_key(
			&r->report, config_member(v, "certificate_public_key_sha256").n,
			"replaces \"certificate\" and \"certificate_path\": leave one out");
	else if (w->cert.at.v && config_check_certificates(r, &w->cert))
		w->t.ca_pem = take(&w->cert.text);
}

static void check_client(struct config_reader *r, struct config_ref v, struct work *w)
{
	if (!w->client_cert.at.v && !w->client_key.at.v)
		return;
	if (!w->client_cert.at.v || !w->client_key.at.v) {
		config_error(&r->report, v.n, "client_certificate and client_key need each other");
		return;
	}
	w->t.pairs = config_alloc(r, 1, sizeof(*w->t.pairs));
	if (w->t.pairs)
		add_pair(r, &w->t, &w->client_cert, &w->client_key);
}

void config_read_tls_outbound(struct config_reader *r, struct config_ref v, struct config_tls *tls)
{
	static const struct config_row *const tables[] = { config_rows_tls,
							   config_rows_tls_outbound,
							   config_refused_tls,
							   config_refused_tls_outbound, NULL };
	struct work w = { 0 };

	if (!config_read_object(r, v, tables, &w))
		return;
	check_versions(r, v, &w.t);
	if (w.t.insecure)
		config_note(
			&r->report, config_member(v, "insecure").n,
			"any certificate is accepted: whoever is in between can read everything");
	check_trust(r, v, &w);
	check_client(r, v, &w);
	*tls = w.t;
	work_done(&w);
}

static void keypair_done(struct config_keypair *p)
{
	if (p->key_pem)
		secret_wipe(p->key_pem, strlen(p->key_pem));
	free(p->key_pem);
	free(p->cert_pem);
	free(p->cert_path);
	free(p->key_path);
}

void config_tls_done(struct config_tls *tls)
{
	for (size_t i = 0; i < tls->n_pairs; i++)
		keypair_done(&tls->pairs[i]);
	for (size_t i = 0; i < tls->n_alpn; i++)
		free(tls->alpn[i]);
	free(tls->pairs);
	free(tls->alpn);
	free(tls->server_name);
	free(tls->ca_pem);
	free(tls->cipher_suites);
	free(tls->groups);
	free(tls->pins);
	*tls = (struct config_tls){ 0 };
}
