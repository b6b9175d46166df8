/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: our server and our client, for handshakes on sockets that become wires. */
#ifndef TESTS_UNIT_SHAKE_BED_H
#define TESTS_UNIT_SHAKE_BED_H

#include "tls_pair.h"

#include "tcp_bed.h"
#include "wire/handshake.h"

static struct buf_pool pool;
static struct wire_shared sh;
static struct made cert;
static struct tls_server *server;
static struct tls_client *client;
static uint8_t *in;

static inline int set_up(void **state)
{
	static const uint8_t keys[TLS_TICKET_KEYS_LEN] = { 1 };
	struct tls_keypair pair;
	struct tls_server_opts so = { .pairs = &pair, .n_pairs = 1, .ticket_keys = keys };
	struct tls_client_opts co = { .server_name = "a.test", .insecure = true };

	(void)state;
	cert = make_self_signed("a.test");
	pair = (struct tls_keypair){ .cert_pem = cert.cert, .key_pem = cert.key, .name = "test" };
	server = server_of(&so);
	client = client_of(&co);
	in = malloc(WIRE_READ_ROOM);
	return wire_shared_init(&sh, &pool);
}

static inline int tear_down(void **state)
{
	(void)state;
	tls_server_free(server);
	tls_client_free(client);
	made_free(&cert);
	free(in);
	wire_shared_done(&sh);
	assert_int_equal(pool.bytes_out, 0);
	buf_pool_trim(&pool, 0);
	return 0;
}

#endif
