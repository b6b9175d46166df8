// SPDX-License-Identifier: GPL-2.0-or-later
// Takes an operator's list of cipher suites apart into those of TLS 1.3 and the older ones.
#include "wire/tls_ciphers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The list's names by kind, each joined by ':'. */
struct suites {
	char *tls12, *tls13;
};

static bool is_tls13_suite(const SSL_CTX *ctx, const char *name)
{
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);

		if (SSL_CIPHER_get_protocol_id(c) >> 8 == 0x13 &&
		    !strcmp(SSL_CIPHER_get_name(c), name))
			return true;
	}
	return false;
}

/* There is room: a part of the list is never longer than the list. */
static void append(char *part, const char *name)
{
	if (*part)
		strcat(part, ":");
	strcat(part, name);
}

/* OpenSSL passes over names it does not know as long as one is left, so each is tried alone. */
static int sort(SSL_CTX *ctx, char *list, struct suites *s, const struct tls_why *why)
{
	char *name;

	while ((name = strsep(&list, ":"))) {
		if (is_tls13_suite(ctx, name)) {
			append(s->tls13, name);
		} else if (*name && SSL_CTX_set_cipher_list(ctx, name)) {
			append(s->tls12, name);
		} else {
			tls_why(why, "unknown cipher suite \"%.80s\"", name);
			return -EINVAL;
		}
	}
	return 0;
}

static int use(SSL_CTX *ctx, const struct suites *s, const struct tls_why *why)
{
	if ((!*s->tls12 || SSL_CTX_set_cipher_list(ctx, s->tls12)) &&
	    (!*s->tls13 || SSL_CTX_set_ciphersuites(ctx, s->tls13)))
		return 0;
	tls_why(why, "cipher suites: %s", tls_reason());
	return -EINVAL;
}

int tls_ciphers_set(SSL_CTX *ctx, const char *list, const struct tls_why *why)
{
	size_t size = strlen(list) + 1;
	struct suites s = { calloc(1, size), calloc(1, size) };
	char *copy = strdup(list);
	int err = -ENOMEM;

	if (copy && s.tls12 && s.tls13)
		err = sort(ctx, copy, &s, why);
	else
		tls_why(why, "out of memory");
	if (!err)
		err = use(ctx, &s, why);
	free(copy);
	free(s.tls12);
	free(s.tls13);
	return err;
}
