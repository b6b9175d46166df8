// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a server's TLS look like that of a web server (docs/THREAT_MODEL.md).
#include "wire/tls_face.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_S 300 /* nginx's ssl_session_timeout: a TLS 1.2 ticket carries it in the clear */

int tls_face_set(SSL_CTX *ctx, const struct tls_why *why)
{
	/* the length shows in that of a ticket: nginx has a SHA-1 there */
	static const unsigned char id[20] = "anytlsd";

	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	/*
	 * Nothing is cached, tickets hold the state; but with the cache switched off OpenSSL would
	 * give a TLS 1.2 client without tickets no session identifier.
	 */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_timeout(ctx, SESSION_S);
	if (SSL_CTX_set_session_id_context(ctx, id, sizeof(id)))
		return 0;
	tls_why(why, "%s", tls_reason());
	return -EINVAL;
}

static bool lists(const char *const *alpn, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(alpn[i], name))
			return true;
	return false;
}

int tls_face_alpn(const char *const *alpn, size_t n, uint8_t **ret_list, size_t *ret_len,
		  const struct tls_why *why)
{
	static const char *const older[] = { "http/1.0", "http/0.9" };
	const char **all = calloc(n + 2, sizeof(*all));
	size_t used = n;
	int err;

	if (!all) {
		tls_why(why, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		all[i] = alpn[i];
	for (size_t i = 0; i < 2 && lists(alpn, n, "http/1.1"); i++)
		if (!lists(alpn, n, older[i]))
			all[used++] = older[i];
	err = tls_alpn_list(all, used, ret_list, ret_len, why);
	free(all);
	return err;
}
