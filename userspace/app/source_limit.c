// SPDX-License-Identifier: GPL-2.0-or-later
// A bounded table of sources that failed to authenticate lately.
#include "app/source_limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/list.h"

#define WINDOW_MS   60000
#define SOURCES_MAX 16384

struct source {
	uint8_t key[9]; /* length of the address, then IPv4 or an IPv6 network */
	uint64_t since_ms;
	uint32_t count;
	struct list by_age;
	UT_hash_handle hh;
};

struct source_limit {
	pthread_mutex_t lock;
	uint32_t per_minute;
	struct source *table;
	struct list by_age; /* oldest first */
};

struct source_limit *source_limit_new(uint32_t per_minute)
{
	struct source_limit *sl = calloc(1, sizeof(*sl));

	if (!sl)
		return NULL;
	pthread_mutex_init(&sl->lock, NULL);
	sl->per_minute = per_minute;
	list_init(&sl->by_age);
	return sl;
}

static void drop(struct source_limit *sl, struct source *s)
{
	HASH_DELETE(hh, sl->table, s);
	list_remove(&s->by_age);
	free(s);
}

void source_limit_free(struct source_limit *sl)
{
	if (!sl)
		return;
	while (!list_empty(&sl->by_age))
		drop(sl, container_of(sl->by_age.next, struct source, by_age));
	pthread_mutex_destroy(&sl->lock);
	free(sl);
}

static void make_key(const union sockaddr_any *from, uint8_t key[9])
{
	union sockaddr_any sa = *from;
	size_t n;
	const uint8_t *ip;

	sockaddr_unmap(&sa);
	ip = sockaddr_ip(&sa, &n);
	memset(key, 0, 9);
	key[0] = (uint8_t)n;
	memcpy(key + 1, ip, n < 8 ? n : 8);
}

/* The entry of a source whose minute is not over; NULL where there is none. */
static struct source *find(struct source_limit *sl, const uint8_t key[9], uint64_t now)
{
	struct source *s;

	while (!list_empty(&sl->by_age)) {
		s = container_of(sl->by_age.next, struct source, by_age);
		if (now - s->since_ms < WINDOW_MS && HASH_COUNT(sl->table) < SOURCES_MAX)
			break;
		drop(sl, s);
	}
	HASH_FIND(hh, sl->table, key, 9, s);
	return s;
}

uint32_t source_limit_failed(struct source_limit *sl, const union sockaddr_any *from)
{
	uint64_t now = clock_now_ms();
	uint8_t key[9];
	struct source *s;
	uint32_t count = 1;

	make_key(from, key);
	pthread_mutex_lock(&sl->lock);
	s = find(sl, key, now);
	if (!s && (s = calloc(1, sizeof(*s)))) {
		memcpy(s->key, key, sizeof(key));
		s->since_ms = now;
		HASH_ADD(hh, sl->table, key, sizeof(s->key), s);
		list_push_back(&sl->by_age, &s->by_age);
	}
	if (s)
		count = ++s->count;
	pthread_mutex_unlock(&sl->lock);
	return count;
}

bool source_limit_blocked(struct source_limit *sl, const union sockaddr_any *from)
{
	uint8_t key[9];
	struct source *s;
	bool blocked;

	if (sl->per_minute == 0)
		return false;
	make_key(from, key);
	pthread_mutex_lock(&sl->lock);
	s = find(sl, key, clock_now_ms());
	blocked = s && s->count > sl->per_minute;
	pthread_mutex_unlock(&sl->lock);
	return blocked;
}
