// SPDX-License-Identifier: GPL-2.0-or-later
// Certificate files, their changes, and the ticket keys that outlive them.
#include "app/certs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/rng.h"
#include "base/secret.h"

#define PEM_MAX (1024 * 1024)

struct stamp {
	struct timespec mtime;
	ino_t inode;
	off_t size;
};

struct pair {
	char *cert, *key; /* PEM texts of our own */
	struct stamp cert_stamp, key_stamp;
};

struct certs {
	const struct config_tls *tls;
	pthread_mutex_t lock; /* guards pairs' texts */
	struct pair *pairs;
	uint8_t *ticket_keys;
};

static void pair_done(struct pair *p)
{
	free(p->cert);
	if (p->key)
		secret_wipe(p->key, strlen(p->key));
	free(p->key);
}

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return (struct stamp){ 0 };
	return (struct stamp){ st.st_mtim, st.st_ino, st.st_size };
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->inode == b->inode && a->size == b->size;
}

static struct tls_server *build(struct certs *c, const struct pair *pairs, char *why,
				size_t why_len)
{
	struct tls_keypair *kp = calloc(c->tls->n_pairs, sizeof(*kp));
	struct tls_server *s = NULL;

	if (!kp) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < c->tls->n_pairs; i++)
		kp[i] = (struct tls_keypair){
			.cert_pem = pairs[i].cert,
			.key_pem = pairs[i].key,
			.name = c->tls->pairs[i].cert_path ? c->tls->pairs[i].cert_path
							   : "certificate",
		};
	s = tls_server_new(
		&(struct tls_server_opts){
			.pairs = kp,
			.n_pairs = c->tls->n_pairs,
			.alpn = (const char *const *)c->tls->alpn,
			.n_alpn = c->tls->n_alpn,
			.min_version = c->tls->min_version,
			.max_version = c->tls->max_version,
			.cipher_suites = c->tls->cipher_suites,
			.groups = c->tls->groups,
			.ticket_keys = c->ticket_keys,
		},
		why, why_len);
	free(kp);
	return s;
}

struct tls_server *certs_build(struct certs *c, char *why, size_t why_len)
{
	struct tls_server *s;

	pthread_mutex_lock(&c->lock);
	s = build(c, c->pairs, why, why_len);
	pthread_mutex_unlock(&c->lock);
	return s;
}

static bool make_pairs(struct certs *c)
{
	c->pairs = calloc(c->tls->n_pairs, sizeof(*c->pairs));
	if (!c->pairs)
		return false;
	for (size_t i = 0; i < c->tls->n_pairs; i++) {
		const struct config_keypair *k = &c->tls->pairs[i];

		c->pairs[i].cert_stamp = stamp_of(k->cert_path);
		c->pairs[i].key_stamp = stamp_of(k->key_path);
		c->pairs[i].cert = strdup(k->cert_pem);
		c->pairs[i].key = strdup(k->key_pem);
		if (!c->pairs[i].cert || !c->pairs[i].key)
			return false;
		secret_lock(c->pairs[i].key, strlen(c->pairs[i].key));
	}
	return true;
}

struct certs *certs_new(const struct config_tls *tls, char *why, size_t why_len)
{
	struct certs *c = calloc(1, sizeof(*c));
	struct tls_server *trial;

	if (!c)
		goto fail;
	c->tls = tls;
	pthread_mutex_init(&c->lock, NULL);
	c->ticket_keys = secret_alloc(TLS_TICKET_KEYS_LEN);
	if (!c->ticket_keys || !make_pairs(c))
		goto fail;
	rng_bytes(c->ticket_keys, TLS_TICKET_KEYS_LEN);
	trial = build(c, c->pairs, why, why_len);
	if (!trial) {
		certs_free(c);
		return NULL;
	}
	tls_server_free(trial);
	return c;
fail:
	snprintf(why, why_len, "out of memory");
	certs_free(c);
	return NULL;
}

void certs_free(struct certs *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->pairs && i < c->tls->n_pairs; i++)
		pair_done(&c->pairs[i]);
	free(c->pairs);
	secret_free(c->ticket_keys, TLS_TICKET_KEYS_LEN);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The file's text, or what the configuration gave inline; NULL where it cannot be read. */
static char *read_again(const char *path, const char *inline_text)
{
	char *text = NULL;
	ssize_t n;
	int fd;

	if (!path)
		return strdup(inline_text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		text = malloc(PEM_MAX + 1);
	n = text ? read(fd, text, PEM_MAX) : -1;
	fd_close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* Fills `fresh` from the files; -EINVAL where one is unreadable. */
static int read_pairs(struct certs *c, struct pair *fresh, char *why, size_t why_len)
{
	for (size_t i = 0; i < c->tls->n_pairs; i++) {
		const struct config_keypair *k = &c->tls->pairs[i];

		fresh[i].cert_stamp = stamp_of(k->cert_path);
		fresh[i].key_stamp = stamp_of(k->key_path);
		fresh[i].cert = read_again(k->cert_path, k->cert_pem);
		fresh[i].key = read_again(k->key_path, k->key_pem);
		if (!fresh[i].cert || !fresh[i].key) {
			snprintf(why, why_len, "%s: %s", fresh[i].cert ? k->key_path : k->cert_path,
				 strerror(errno));
			return -EINVAL;
		}
	}
	return 0;
}

static bool changed(const struct certs *c)
{
	for (size_t i = 0; i < c->tls->n_pairs; i++) {
		struct stamp cert = stamp_of(c->tls->pairs[i].cert_path);
		struct stamp key = stamp_of(c->tls->pairs[i].key_path);

		if (!same(&cert, &c->pairs[i].cert_stamp) || !same(&key, &c->pairs[i].key_stamp))
			return true;
	}
	return false;
}

int certs_refresh(struct certs *c, char *why, size_t why_len)
{
	size_t n = c->tls->n_pairs;
	struct tls_server *trial = NULL;
	struct pair *fresh;
	int err;

	if (!changed(c))
		return 0;
	fresh = calloc(n, sizeof(*fresh));
	if (!fresh)
		return 0;
	err = read_pairs(c, fresh, why, why_len);
	if (!err)
		trial = build(c, fresh, why, why_len);
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < n; i++) {
		/* what was seen is remembered even if it is no good: it is reported once */
		c->pairs[i].cert_stamp = fresh[i].cert_stamp;
		c->pairs[i].key_stamp = fresh[i].key_stamp;
		if (trial) {
			struct pair old = c->pairs[i];

			secret_lock(fresh[i].key, strlen(fresh[i].key));
			c->pairs[i] = fresh[i];
			fresh[i] = old;
		}
	}
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < n; i++)
		pair_done(&fresh[i]);
	free(fresh);
	tls_server_free(trial);
	return trial ? 1 : -EINVAL;
}
