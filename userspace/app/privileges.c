// SPDX-License-Identifier: GPL-2.0-or-later
// Hardening at start, and dropping root.
#include "app/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/secret.h"

#define KEY_HEAP (1024 * 1024)

void privileges_harden(void)
{
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	CRYPTO_secure_malloc_init(KEY_HEAP, 32);
}

static void lock_text(const char *text)
{
	secret_lock(text, text ? strlen(text) : 0);
}

static void lock_pairs(const struct config_tls *t)
{
	for (size_t i = 0; i < t->n_pairs; i++)
		lock_text(t->pairs[i].key_pem);
}

void privileges_lock_secrets(const struct config *c)
{
	for (size_t i = 0; i < c->n_inbounds; i++) {
		const struct config_inbound *in = &c->inbounds[i];

		secret_lock(in->users, in->n_users * sizeof(*in->users));
		for (size_t k = 0; k < in->n_users; k++)
			lock_text(in->users[k].password);
		lock_pairs(&in->tls);
	}
	secret_lock(c->outbounds, c->n_outbounds * sizeof(*c->outbounds));
	for (size_t i = 0; i < c->n_outbounds; i++)
		lock_pairs(&c->outbounds[i].tls);
}

unsigned long privileges_raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 0;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	getrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur;
}

static void keep(unsigned capability)
{
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
}

/* Captured traffic is answered from others' addresses; from some by raw sockets, which a unit need
 * not grant. */
static void keep_for_captured(bool raw)
{
	keep(CAP_NET_ADMIN);
	keep(CAP_NET_BIND_SERVICE);
	if (raw)
		keep(CAP_NET_RAW);
}

static void keep_capabilities(const struct config *c)
{
	bool raw = capng_get_caps_process() == 0 &&
		   capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);

	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < c->n_inbounds; i++)
		if (c->inbounds[i].type == INBOUND_TRANSPARENT)
			keep_for_captured(raw);
	if (c->default_mark)
		keep(CAP_NET_ADMIN);
	for (size_t i = 0; i < c->n_outbounds; i++) {
		if (c->outbounds[i].dial.routing_mark)
			keep(CAP_NET_ADMIN);
		if (c->outbounds[i].dial.bind_interface)
			keep(CAP_NET_RAW);
	}
}

int privileges_drop(const struct config *c, char *why, size_t why_len)
{
	struct passwd *pw;
	int err;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!c->user)
		return 0;
	pw = getpwnam(c->user);
	if (!pw) {
		snprintf(why, why_len, "user \"%s\" does not exist", c->user);
		return -ENOENT;
	}
	if (geteuid() == pw->pw_uid)
		return 0;
	keep_capabilities(c);
	err = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
			      CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (err) {
		snprintf(why, why_len, "cannot become user \"%s\" (step %d: %s)", c->user, err,
			 strerror(errno));
		return -EPERM;
	}
	prctl(PR_SET_DUMPABLE, 0); /* changing the user may have set it again */
	return 0;
}
