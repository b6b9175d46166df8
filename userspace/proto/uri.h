/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anytls:// links (protocol notes 8.5), on liburiparser. */
#ifndef PROTO_URI_H
#define PROTO_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URI_TEXT_MAX 4096

struct uri {
	char host[256];
	uint16_t port;	    /* 443 where the link names none */
	char password[512]; /* decoded userinfo, colons included; may be empty */
	char sni[256];	    /* empty: not given */
	bool no_sni;	    /* sni is an IP literal: send none */
	bool insecure;
	char alpn[256];	 /* comma list; empty: not given */
	char label[256]; /* decoded fragment */
};

/*
 * Reads a link. `peer` is an alias of `sni`, `allowInsecure` of `insecure`; unknown parameters are
 * ignored. 0, or -EINVAL with *ret_why set to a static text.
 */
int uri_parse(const char *text, struct uri *ret, const char **ret_why);

/* Writes the link to out with everything percent-encoded that needs it; returns its length or
 * -ENOSPC. */
int uri_put(const struct uri *u, char *out, size_t room);

#endif
