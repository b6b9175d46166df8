/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scripted DNS server on 127.0.0.1 that lives in the test's loop. By default: NXDOMAIN. */
#ifndef TESTS_FAKE_DNS_H
#define TESTS_FAKE_DNS_H

#include "ev/loop.h"

enum { FAKE_A = 1, FAKE_AAAA = 28 };
enum { FAKE_NOERROR = 0, FAKE_SERVFAIL = 2, FAKE_NXDOMAIN = 3 };

struct fake_dns;

/* Aborts the test program without a socket. */
struct fake_dns *fake_dns_new(struct loop *l);
void fake_dns_free(struct fake_dns *f);
/* "127.0.0.1:port", for resolve_opts.servers; borrowed. */
const char *fake_dns_server(const struct fake_dns *f);

/* One more address in the answer for name and type. */
void fake_dns_address(struct fake_dns *f, const char *name, int type, const char *ip,
		      uint32_t ttl_s);
/* Another code in place of addresses; FAKE_NOERROR: an empty answer. */
void fake_dns_code(struct fake_dns *f, const char *name, int type, int code);
/* No answer at all, until fake_dns_speak(), which also answers what was asked meanwhile. */
void fake_dns_silence(struct fake_dns *f, const char *name, int type);
void fake_dns_speak(struct fake_dns *f, const char *name, int type);
/* How often name and type have been asked for. */
unsigned fake_dns_asked(const struct fake_dns *f, const char *name, int type);

#endif
