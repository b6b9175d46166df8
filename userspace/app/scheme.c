// SPDX-License-Identifier: GPL-2.0-or-later
// Padding schemes as the sessions share them.
#include "app/scheme.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scheme_new(const char *text, size_t len, struct scheme **ret)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct scheme *s = len > 0 ? malloc(sizeof(*s) + len + 1) : NULL;
	int err;

	if (!s)
		return len > 0 ? -ENOMEM : -EINVAL;
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	atomic_init(&s->refs, 1);
	err = padding_parse(s->text, len, &s->padding);
	if (!err && !EVP_Digest(text, len, md, &n, EVP_md5(), NULL))
		err = -ENOMEM;
	if (err) {
		free(s);
		return err;
	}
	for (unsigned i = 0; i < 16; i++)
		snprintf(s->md5 + i * 2, 3, "%02x", md[i]);
	*ret = s;
	return 0;
}

struct scheme *scheme_ref(struct scheme *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

struct scheme *scheme_unref(struct scheme *s)
{
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		free(s);
	return NULL;
}

struct scheme *scheme_slot_get(struct scheme_slot *slot)
{
	struct scheme *s;

	pthread_mutex_lock(&slot->lock);
	s = scheme_ref(slot->current);
	pthread_mutex_unlock(&slot->lock);
	return s;
}

void scheme_slot_set(struct scheme_slot *slot, struct scheme *s)
{
	struct scheme *old;

	pthread_mutex_lock(&slot->lock);
	old = slot->current;
	slot->current = s;
	pthread_mutex_unlock(&slot->lock);
	scheme_unref(old);
}
