// SPDX-License-Identifier: GPL-2.0-or-later
// Parses one question a datagram and answers it by the script.
#include "fake_dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"

#define RULES	  32
#define ADDRESSES 20
#define PACKET	  512
#define HEADER	  12

struct rule {
	char name[256];
	int type, code;
	bool scripted, silent, waiting;
	unsigned asked, n;
	uint32_t ttl_s;
	uint8_t ip[ADDRESSES][16];
	uint8_t question[PACKET]; /* the last one that went unanswered */
	size_t question_len;
	struct sockaddr_in from;
};

struct fake_dns {
	struct watcher w;
	struct loop *loop;
	char server[32];
	struct rule rules[RULES];
	unsigned n;
};

static void need(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static struct rule *find(const struct fake_dns *f, const char *name, int type)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->rules[i].type == type && strcasecmp(f->rules[i].name, name) == 0)
			return (struct rule *)&f->rules[i];
	return NULL;
}

static struct rule *find_or_add(struct fake_dns *f, const char *name, int type)
{
	struct rule *r = find(f, name, type);

	if (r)
		return r;
	need(f->n < RULES, "fake_dns: rules");
	r = &f->rules[f->n++];
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->type = type;
	return r;
}

static struct rule *script(struct fake_dns *f, const char *name, int type)
{
	struct rule *r = find_or_add(f, name, type);

	if (!r->scripted)
		r->code = FAKE_NOERROR;
	r->scripted = true;
	return r;
}

/* The name as text; returns the end of the question. */
static size_t read_question(const uint8_t *p, size_t n, char name[256], int *ret_type)
{
	size_t at = HEADER, out = 0;

	name[0] = 0;
	while (at < n && p[at] != 0 && at + 1 + p[at] < n && out + p[at] + 2 < 256) {
		if (out)
			name[out++] = '.';
		memcpy(name + out, p + at + 1, p[at]);
		out += p[at];
		at += 1u + p[at];
	}
	name[out] = 0;
	need(at + 5 <= n && p[at] == 0, "fake_dns: question");
	*ret_type = get_be16(p + at + 1);
	return at + 5;
}

static size_t put_address(const struct rule *r, const uint8_t *ip, uint8_t *out)
{
	uint16_t len = r->type == FAKE_A ? 4 : 16;

	put_be16(out, 0xc000 | HEADER); /* the name of the question */
	put_be16(out + 2, (uint16_t)r->type);
	put_be16(out + 4, 1);
	put_be32(out + 6, r->ttl_s);
	put_be16(out + 10, len);
	memcpy(out + 12, ip, len);
	return 12u + len;
}

static void answer(struct fake_dns *f, const struct rule *r, const uint8_t *question, size_t len,
		   const struct sockaddr_in *to)
{
	uint8_t out[PACKET + ADDRESSES * 28];
	unsigned n = r->code == FAKE_NOERROR ? r->n : 0;

	memcpy(out, question, len);
	out[2] = 0x84 | (out[2] & 1);
	out[3] = (uint8_t)(0x80 | (r->code));
	put_be16(out + 6, (uint16_t)n);
	put_be32(out + 8, 0);
	for (unsigned i = 0; i < n; i++)
		len += put_address(r, r->ip[i], out + len);
	need(sendto(f->w.fd, out, len, 0, (const struct sockaddr *)to, sizeof(*to)) == (ssize_t)len,
	     "fake_dns: sendto");
}

static void serve(struct fake_dns *f, const uint8_t *p, size_t n, const struct sockaddr_in *from)
{
	char name[256];
	int type;
	size_t len = read_question(p, n, name, &type);
	struct rule *r = find_or_add(f, name, type);

	if (!r->scripted)
		r->code = FAKE_NXDOMAIN;
	r->asked++;
	if (!r->silent) {
		answer(f, r, p, len, from);
		return;
	}
	r->waiting = true;
	memcpy(r->question, p, len);
	r->question_len = len;
	r->from = *from;
}

static void readable(struct watcher *w, uint32_t events)
{
	struct fake_dns *f = container_of(w, struct fake_dns, w);
	uint8_t p[PACKET];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	(void)events;
	/* IPv4 only: from_len never changes */
	while ((n = recvfrom(w->fd, p, sizeof(p), 0, (struct sockaddr *)&from, &from_len)) > HEADER)
		serve(f, p, (size_t)n, &from);
}

struct fake_dns *fake_dns_new(struct loop *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct fake_dns *f = calloc(1, sizeof(*f));

	need(f, "calloc");
	f->loop = l;
	f->w.ready = readable;
	f->w.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	need(f->w.fd >= 0 && bind(f->w.fd, (struct sockaddr *)&a, len) == 0 &&
		     getsockname(f->w.fd, (struct sockaddr *)&a, &len) == 0 &&
		     loop_watch_level(l, &f->w, EPOLLIN) == 0,
	     "fake_dns: socket");
	snprintf(f->server, sizeof(f->server), "127.0.0.1:%u", ntohs(a.sin_port));
	return f;
}

void fake_dns_free(struct fake_dns *f)
{
	if (!f)
		return;
	loop_forget(f->loop, &f->w);
	close(f->w.fd);
	free(f);
}

const char *fake_dns_server(const struct fake_dns *f)
{
	return f->server;
}

void fake_dns_address(struct fake_dns *f, const char *name, int type, const char *ip,
		      uint32_t ttl_s)
{
	struct rule *r = script(f, name, type);

	need(r->n < ADDRESSES &&
		     inet_pton(type == FAKE_A ? AF_INET : AF_INET6, ip, r->ip[r->n]) == 1,
	     "fake_dns: address");
	r->n++;
	r->ttl_s = ttl_s;
	r->code = FAKE_NOERROR;
}

void fake_dns_code(struct fake_dns *f, const char *name, int type, int code)
{
	struct rule *r = script(f, name, type);

	r->code = code;
	r->n = 0;
}

void fake_dns_silence(struct fake_dns *f, const char *name, int type)
{
	script(f, name, type)->silent = true;
}

void fake_dns_speak(struct fake_dns *f, const char *name, int type)
{
	struct rule *r = script(f, name, type);

	r->silent = false;
	if (r->waiting)
		answer(f, r, r->question, r->question_len, &r->from);
	r->waiting = false;
}

unsigned fake_dns_asked(const struct fake_dns *f, const char *name, int type)
{
	const struct rule *r = find(f, name, type);

	return r ? r->asked : 0;
}
