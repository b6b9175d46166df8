// SPDX-License-Identifier: GPL-2.0-or-later
// Keys of captured datagrams, and their hash.
#include "app/udp_key.h"

#include <pthread.h>
#include <string.h>

#include "base/rng.h"

static uint64_t seed[2];
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void draw(void)
{
	rng_bytes(seed, sizeof(seed));
}

/* Both halves of the product: every bit of either factor counts. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint32_t udp_key_hash(const void *key, size_t n)
{
	const uint8_t *p = key;
	uint64_t hash, word;

	pthread_once(&seeded, draw);
	hash = seed[0] ^ n;
	for (; n > 0; p += sizeof(word)) {
		size_t take = n < sizeof(word) ? n : sizeof(word);

		word = 0;
		memcpy(&word, p, take);
		hash = fold(hash ^ word, seed[1] | 1);
		n -= take;
	}
	return (uint32_t)(hash ^ hash >> 32);
}

static uint16_t put(uint8_t out[static 16], const union sockaddr_any *sa)
{
	size_t n;
	const uint8_t *ip = sockaddr_ip(sa, &n);

	if (n == 4)
		out[10] = out[11] = 0xff;
	memcpy(out + 16 - n, ip, n);
	if (n == 16 && IN6_IS_ADDR_LINKLOCAL(&sa->in6.sin6_addr))
		memcpy(out + 4, &sa->in6.sin6_scope_id, sizeof(sa->in6.sin6_scope_id));
	return sockaddr_port(sa);
}

struct udp_key udp_key_flow(const union sockaddr_any *client, const union sockaddr_any *dst)
{
	struct udp_key k = { .outbound = UINT32_MAX };

	k.from_port = put(k.from, client);
	k.to_port = put(k.to, dst);
	return k;
}

struct udp_key udp_key_association(const union sockaddr_any *client, uint32_t outbound)
{
	struct udp_key k = { .outbound = outbound };

	k.from_port = put(k.from, client);
	return k;
}

bool udp_same(const union sockaddr_any *a, const union sockaddr_any *b)
{
	if (a->sa.sa_family != b->sa.sa_family || sockaddr_port(a) != sockaddr_port(b))
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}
