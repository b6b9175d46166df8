// SPDX-License-Identifier: GPL-2.0-or-later
// TLS values in sing-box's forms, turned into what OpenSSL takes.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "app/config_parts.h"

#define PIN_TEXT_LEN 44

void config_read_alpn(struct config_reader *r, struct config_ref v, const struct config_row *row,
		      void *field)
{
	struct config_tls *tls = field;
	struct config_list l = config_list_start(v);

	(void)row;
	tls->alpn = config_alloc(r, l.n, sizeof(*tls->alpn));
	for (; tls->alpn && l.item.v; config_list_next(&l))
		if (config_read_string(r, l.item, 1, 255, &tls->alpn[tls->n_alpn]))
			tls->n_alpn++;
}

void config_read_version(struct config_reader *r, struct config_ref v, const struct config_row *row,
			 void *field)
{
	const char *text;

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	text = json_string_value(v.v);
	if (strcmp(text, "1.2") == 0)
		*(int *)field = TLS1_2_VERSION;
	else if (strcmp(text, "1.3") == 0)
		*(int *)field = TLS1_3_VERSION;
	else if (strcmp(text, "1.0") == 0 || strcmp(text, "1.1") == 0)
		config_error(&r->report, v.n,
			     "TLS %s is broken and not supported; use \"1.2\" or \"1.3\"", text);
	else
		config_error(&r->report, v.n, "must be \"1.2\" or \"1.3\", not \"%s\"", ECHO(text));
}

/* Appends to a ':' list. */
static void append(struct config_reader *r, char **list, const char *name)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", *list ? *list : "", *list ? ":" : "", name) < 0) {
		r->oom = true;
		return;
	}
	config_set(list, joined);
}

/* By its IANA name, which Go uses, or OpenSSL's own. */
static const SSL_CIPHER *find_cipher(SSL_CTX *ctx, const char *name)
{
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		const char *standard = SSL_CIPHER_standard_name(c);

		if (strcmp(SSL_CIPHER_get_name(c), name) == 0 ||
		    (standard && strcmp(standard, name) == 0))
			return c;
	}
	return NULL;
}

static void read_cipher(struct config_reader *r, struct config_ref v, SSL_CTX *ctx, char **list)
{
	const SSL_CIPHER *c;

	if (!config_want(r, v, JSON_STRING))
		return;
	c = find_cipher(ctx, json_string_value(v.v));
	if (!c)
		config_error(&r->report, v.n, "no cipher suite of this OpenSSL: \"%s\"",
			     ECHO(json_string_value(v.v)));
	else
		append(r, list, SSL_CIPHER_get_name(c));
}

void config_read_ciphers(struct config_reader *r, struct config_ref v, const struct config_row *row,
			 void *field)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	(void)row;
	if (!ctx || SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0") != 1)
		r->oom = true;
	else
		for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l))
			read_cipher(r, l.item, ctx, field);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

static void read_group(struct config_reader *r, struct config_ref v, SSL_CTX *ctx, char **list)
{
	static const char *const names[][2] = {
		{ "X25519", "X25519" },
		{ "P256", "P-256" },
		{ "P384", "P-384" },
		{ "P521", "P-521" },
		{ "X25519MLKEM768", "X25519MLKEM768" },
	};
	const char *text, *group = NULL;

	if (!config_want(r, v, JSON_STRING))
		return;
	text = json_string_value(v.v);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcasecmp(names[i][0], text) == 0 || strcasecmp(names[i][1], text) == 0)
			group = names[i][1];
	if (!group)
		config_error(&r->report, v.n, "must be one of X25519, P256, P384, P521, not \"%s\"",
			     ECHO(text));
	else if (SSL_CTX_set1_groups_list(ctx, group) != 1)
		config_error(&r->report, v.n, "this OpenSSL does not know \"%s\"", group);
	else
		append(r, list, group);
}

void config_read_groups(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	(void)row;
	if (!ctx)
		r->oom = true;
	else
		for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l))
			read_group(r, l.item, ctx, field);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

/* Base64 of exactly 32 bytes. */
static bool decode_pin(const char *text, uint8_t out[static 32])
{
	unsigned char raw[PIN_TEXT_LEN / 4 * 3];

	if (strlen(text) != PIN_TEXT_LEN || text[PIN_TEXT_LEN - 1] != '=' ||
	    text[PIN_TEXT_LEN - 2] == '=')
		return false;
	for (int i = 0; i < PIN_TEXT_LEN - 1; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
			return false;
	if (EVP_DecodeBlock(raw, (const unsigned char *)text, PIN_TEXT_LEN) != sizeof(raw))
		return false;
	memcpy(out, raw, 32);
	return true;
}

void config_read_pins(struct config_reader *r, struct config_ref v, const struct config_row *row,
		      void *field)
{
	struct config_tls *tls = field;
	struct config_list l = config_list_start(v);

	(void)row;
	tls->pins = config_alloc(r, l.n, sizeof(*tls->pins));
	for (; tls->pins && l.item.v; config_list_next(&l)) {
		if (!config_want(r, l.item, JSON_STRING))
			continue;
		if (decode_pin(json_string_value(l.item.v), tls->pins[tls->n_pins]))
			tls->n_pins++;
		else
			config_error(
				&r->report, l.item.n,
				"must be the base64 text of a SHA-256 (44 characters), not \"%s\"",
				ECHO(json_string_value(l.item.v)));
	}
}
