// SPDX-License-Identifier: GPL-2.0-or-later
// Workers with captured UDP and an outbound that answers, without threads.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/frame.h"
#include "udp_bed.h"

static void far_send(struct packets *p, const struct addr *a, const uint8_t *data, size_t n)
{
	struct udp_bed_far *f = container_of(p, struct udp_bed_far, p);

	f->n_sent++;
	f->last_to = *a;
	f->last_n = n;
	memcpy(f->last, data, n);
	if (f->bed->manner == UDP_BED_ECHOES)
		p->peer->ops->send(p->peer, a, f->last, n);
}

static void far_close(struct packets *p)
{
	struct udp_bed_far *f = container_of(p, struct udp_bed_far, p);

	pthread_mutex_lock(&f->bed->lock);
	f->bed->n_fars--;
	list_remove(&f->in_bed);
	pthread_mutex_unlock(&f->bed->lock);
	free(f);
}

static struct packets *make_far(struct outbound *o, const struct flow *flow, bool connected,
				uint32_t timeout_ms)
{
	static const struct packets_ops ops = { .send = far_send, .close = far_close };
	struct udp_bed *b = container_of(o->w->config, struct udp_bed, config);
	struct udp_bed_far *f;

	(void)flow;
	(void)connected;
	(void)timeout_ms;
	if (b->refuses)
		return NULL;
	f = calloc(1, sizeof(*f));
	f->p.ops = &ops;
	f->bed = b;
	pthread_mutex_lock(&b->lock);
	list_push_back(&b->fars, &f->in_bed);
	b->n_made++;
	if (++b->n_fars > b->most_fars)
		b->most_fars = b->n_fars;
	pthread_mutex_unlock(&b->lock);
	return &f->p;
}

static const struct outbound_ops outbound_ops = { .packets = make_far };

static void configure(struct udp_bed *b)
{
	b->config.inbounds = &b->inbound;
	b->config.n_inbounds = 1;
	b->config.outbounds = b->outbounds;
	b->config.n_outbounds = 2;
	b->config.limits.udp_flows = 16384;
	b->config.limits.udp_sessions = 1024;
	b->inbound = (struct config_inbound){ .type = INBOUND_TRANSPARENT,
					      .tag = "gw",
					      .udp_timeout_ms = 300000 };
	b->outbounds[0] = (struct config_outbound){ .type = OUTBOUND_ANYTLS, .tag = "tunnel" };
	b->outbounds[1] = (struct config_outbound){ .type = OUTBOUND_DIRECT, .tag = "direct" };
}

static void make_worker(struct udp_bed *b, unsigned id)
{
	struct worker *w = &b->workers[id];

	*w = (struct worker){ .id = id, .program = &b->program, .config = &b->config };
	list_init(&w->owned);
	w->loop = loop_new();
	w->frame = malloc(FRAME_HDR_LEN + FRAME_DATA_MAX);
	w->mailbox = mailbox_new(w->loop, w);
	for (int i = 0; i < 2; i++) {
		b->outbound[id][i] = (struct outbound){ .ops = &outbound_ops,
							.config = &b->outbounds[i],
							.w = w };
		b->outbound_of[id][i] = &b->outbound[id][i];
	}
	w->outbounds = b->outbound_of[id];
	b->inbounds[id] = &b->transparents[id].in;
	w->inbounds = &b->inbounds[id];
	b->transparents[id].in = (struct inbound){ .config = &b->inbound, .w = w };
}

static void listen_on(struct udp_bed *b, unsigned id)
{
	union sockaddr_any a = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(b->port) } };
	socklen_t len = sizeof(a);
	int fd = -1;

	assert_int_equal(datagram_listen(&a, 0, id == 0, &fd), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	b->port = sockaddr_port(&a);
	b->transparents[id].udp = transparent_udp_new(&b->transparents[id], fd);
	assert_non_null(b->transparents[id].udp);
}

static struct udp_bed *bed_new(unsigned n, uint16_t port, const char *resolver)
{
	struct udp_bed *b = calloc(1, sizeof(*b));

	clock_freeze_ms(UDP_BED_START_MS);
	configure(b);
	if (resolver)
		assert_int_equal(addr_from_host(resolver, strlen(resolver), 53,
						&b->inbound.transparent.hijack_dns),
				 0);
	list_init(&b->fars);
	pthread_mutex_init(&b->lock, NULL);
	b->port = port;
	b->n_workers = b->program.n_workers = n;
	b->program.workers = b->workers;
	b->program.config = &b->config;
	for (unsigned i = 0; i < n; i++)
		make_worker(b, i);
	for (unsigned i = 0; i < n; i++)
		listen_on(b, i);
	return b;
}

struct udp_bed *udp_bed_new(void)
{
	return bed_new(1, 0, NULL);
}

struct udp_bed *udp_bed_new_at(uint16_t port)
{
	return bed_new(1, port, NULL);
}

struct udp_bed *udp_bed_new_hijack(const char *ip)
{
	return bed_new(1, 53, ip);
}

struct udp_bed *udp_bed_new_of(unsigned n)
{
	return bed_new(n, 0, NULL);
}

void udp_bed_free(struct udp_bed *b)
{
	for (unsigned i = 0; i < b->n_workers; i++) {
		transparent_udp_free(b->transparents[i].udp);
		mailbox_free(b->workers[i].mailbox);
		loop_free(b->workers[i].loop);
		free(b->workers[i].frame);
	}
	assert_int_equal(b->n_fars, 0);
	assert_int_equal(b->program.n_udp_flows, 0);
	assert_int_equal(b->program.n_udp_sessions, 0);
	pthread_mutex_destroy(&b->lock);
	free(b);
	clock_freeze_ms(0);
}

void udp_bed_settle(struct udp_bed *b)
{
	for (int i = 0; i < 8; i++)
		loop_turn(b->workers[0].loop, 0);
}

void udp_bed_pass(struct udp_bed *b, unsigned ms)
{
	uint64_t end = clock_now_ms() + ms;

	while (clock_now_ms() < end) {
		uint64_t next = clock_now_ms() + 1000;

		clock_freeze_ms(next < end ? next : end);
		loop_turn(b->workers[0].loop, 0);
	}
}

union sockaddr_any udp_bed_address(const char *ip, uint16_t port)
{
	uint8_t raw[16];
	union sockaddr_any a;
	bool v6 = strchr(ip, ':');

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, ip, raw), 1);
	sockaddr_set(&a, raw, v6 ? 16 : 4, port);
	return a;
}

int udp_bed_client_open(const char *own)
{
	union sockaddr_any a = udp_bed_address(own, 0);
	int fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, &a.sa, sockaddr_len(&a)), 0);
	return fd;
}

int udp_bed_client(struct udp_bed *b, const char *dst)
{
	union sockaddr_any a = udp_bed_address(dst, b->port);
	int fd = udp_bed_client_open(strchr(dst, ':') ? UDP_BED_CLIENT6 : UDP_BED_CLIENT4);

	assert_int_equal(connect(fd, &a.sa, sockaddr_len(&a)), 0);
	return fd;
}

void udp_bed_send_to(struct udp_bed *b, int fd, const char *dst, const char *text)
{
	union sockaddr_any a = udp_bed_address(dst, b->port);

	assert_int_equal(sendto(fd, text, strlen(text), 0, &a.sa, sockaddr_len(&a)), strlen(text));
}

const char *udp_bed_received(int fd, char text[static 256], char from[static SOCKADDR_TEXT_MAX])
{
	union sockaddr_any a = { 0 };
	socklen_t len = sizeof(a);
	ssize_t n = recvfrom(fd, text, 255, MSG_DONTWAIT, &a.sa, &len);

	text[n < 0 ? 0 : n] = 0;
	from[0] = 0;
	if (n >= 0)
		sockaddr_text(&a, from);
	return text;
}

void udp_bed_exchange(struct udp_bed *b, int fd, const char *text)
{
	char got[256], from[SOCKADDR_TEXT_MAX];

	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	udp_bed_settle(b);
	assert_string_equal(udp_bed_received(fd, got, from), text);
}

struct udp_bed_far *udp_bed_last_far(struct udp_bed *b)
{
	assert_false(list_empty(&b->fars));
	return container_of(b->fars.prev, struct udp_bed_far, in_bed);
}

void udp_bed_answer(struct udp_bed_far *f, const char *ip, uint16_t port, const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_host(ip, strlen(ip), port, &a), 0);
	f->p.peer->ops->send(f->p.peer, &a, (const uint8_t *)text, strlen(text));
}
