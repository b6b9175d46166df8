// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the key log lines of a handshake (NSS key log format), which nobody else gets to see.
#include "wire/tls_secrets.h"

#include <string.h>

#include "base/secret.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Returns the number of bytes, or 0 where it is no hexadecimal number of at most TLS_SECRET_MAX. */
static uint8_t read_hex(const char *p, uint8_t *ret)
{
	uint8_t n = 0;

	for (; *p; p += 2, n++) {
		int high = digit(p[0]), low = high < 0 ? -1 : digit(p[1]);

		if (low < 0 || n == TLS_SECRET_MAX)
			return 0;
		ret[n] = (uint8_t)(high << 4 | low);
	}
	return n;
}

/* "LABEL client-random secret" */
static void on_line(const SSL *ssl, const char *line)
{
	static const char client[] = "CLIENT_TRAFFIC_SECRET_0 ";
	static const char server[] = "SERVER_TRAFFIC_SECRET_0 ";
	struct tls_secrets *s = SSL_get_app_data(ssl);
	const char *secret = strrchr(line, ' ');

	if (!s || !secret)
		return;
	if (!strncmp(line, client, sizeof(client) - 1))
		s->client_len = read_hex(secret + 1, s->client);
	else if (!strncmp(line, server, sizeof(server) - 1))
		s->server_len = read_hex(secret + 1, s->server);
}

/*
 * OpenSSL tells all secrets or none, and prints each digit by digit, which costs a tenth of a
 * handshake. So it is asked only once the first ones, of the handshake itself, are behind it.
 */
static void on_state(const SSL *ssl, int where, int ret)
{
	const SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	void (*next)(const SSL *, int, int) = SSL_CTX_get_info_callback((SSL_CTX *)ctx);
	OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
	struct tls_secrets *s = SSL_get_app_data(ssl);

	if (s &&
	    (state == TLS_ST_SW_ENCRYPTED_EXTENSIONS || state == TLS_ST_CR_ENCRYPTED_EXTENSIONS)) {
		s->due = true;
		tls_secrets_step((SSL *)ssl);
	}
	if (next)
		next(ssl, where, ret);
}

void tls_secrets_collect(SSL *ssl, struct tls_secrets *s)
{
	SSL_set_app_data(ssl, s);
	SSL_set_info_callback(ssl, on_state);
}

void tls_secrets_step(SSL *ssl)
{
	const struct tls_secrets *s = SSL_get_app_data(ssl);

	SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), s && s->due ? on_line : NULL);
}

void tls_secrets_done(SSL *ssl, struct tls_secrets *s)
{
	if (ssl) {
		SSL_set_app_data(ssl, NULL);
		SSL_set_info_callback(ssl, NULL);
		SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), NULL);
	}
	secret_wipe(s, sizeof(*s));
}

/* A client may ask servers for records of at most 512 to 4096 bytes (RFC 6066, 4). */
static bool wants_short_records(SSL *ssl)
{
	const SSL_SESSION *session = SSL_get_session(ssl);

	return session &&
	       SSL_SESSION_get_max_fragment_length(session) != TLSEXT_max_fragment_length_DISABLED;
}

bool tls_secrets_keys(const struct tls_secrets *s, SSL *ssl, struct tls_kdf *kdf,
		      struct tls_keys *ret)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	enum tls_suite suite = cipher ? tls_suite_of(SSL_CIPHER_get_protocol_id(cipher)) : 0;
	bool server = SSL_is_server(ssl);

	if (SSL_version(ssl) != TLS1_3_VERSION || !suite || wants_short_records(ssl) ||
	    s->client_len != tls_secret_len(suite) || s->server_len != tls_secret_len(suite))
		return false;
	*ret = (struct tls_keys){ .suite = suite };
	memcpy(ret->tx.secret, server ? s->server : s->client, tls_secret_len(suite));
	memcpy(ret->rx.secret, server ? s->client : s->server, tls_secret_len(suite));
	return tls_half_install(kdf, suite, &ret->tx) == 0 &&
	       tls_half_install(kdf, suite, &ret->rx) == 0;
}
