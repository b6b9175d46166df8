// SPDX-License-Identifier: GPL-2.0-or-later
// The neighbours of one daemon: moves payload through it in pieces of a size, or holds sessions
// open.
#include "bench/peer.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/sock.h"

static const char usage[] =
	"usage: peer server|client up|down|hold --port PORT --own PORT --password TEXT [options]\n"
	"  for a daemon of that role; --port is its own, --own is where it finds us\n"
	"  --piece N, --burst N: bytes of a frame or write, and of those sent before all must have "
	"come\n"
	"  --rest US: between two bursts, for the daemon to fall asleep\n"
	"  --warm N, --bursts N: how many of these before and after a line of input\n"
	"  --sessions N: how many to hold; then their streams end, on a line of input\n"
	"  --suite NAMES, --cert FILE, --key FILE; --plain: no TLS\n"
	"  --patient: the daemon may be silent for longer than 20 s\n";

struct transfer {
	const struct peer_options *o;
	struct near *near;
	int far;
	bool to_wire;
	uint64_t sent, got, limit;
};

static uint8_t chunk[SOCK_CHUNK];

/* What is left of the piece at hand. */
static uint32_t due(const struct transfer *t)
{
	uint64_t n = t->o->piece - t->sent % t->o->piece;

	return (uint32_t)(t->limit - t->sent < n ? t->limit - t->sent : n);
}

/* One piece, or as much of it as the socket takes; false where it is full. */
static bool push(struct transfer *t)
{
	uint32_t n = due(t);
	ssize_t done = n;

	if (t->to_wire)
		done = send(t->far, content_at(t->sent), n, MSG_NOSIGNAL);
	else
		near_send(t->near, t->sent, n);
	if (done < 0 && errno != EAGAIN)
		err(1, "the daemon closed its side");
	t->sent += done > 0 ? (uint64_t)done : 0;
	return done == n;
}

static void pull(struct transfer *t)
{
	ssize_t n;

	near_receive(t->near);
	t->got = t->to_wire ? t->near->in : t->got;
	n = recv(t->far, chunk, sizeof(chunk), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		errx(1, "the plain side ended after %llu bytes", (unsigned long long)t->got);
	if (n < 0)
		return;
	content_check(t->got, chunk, (size_t)n);
	t->got += (uint64_t)n;
}

/* Whatever the daemon sends or takes. */
static void wait_for_daemon(struct transfer *t, bool full)
{
	short near = wire_queued(t->near->wire) ? POLLIN | POLLOUT : POLLIN;
	struct pollfd p[] = { { .fd = wire_fd(t->near->wire), .events = near },
			      { .fd = t->far, .events = full ? POLLIN | POLLOUT : POLLIN } };

	if (poll(p, 2, peer_patience_ms) < 1)
		errx(1, "stuck after %llu of %llu bytes", (unsigned long long)t->got,
		     (unsigned long long)t->limit);
}

/* Burst by burst: how much the daemon finds waiting does not depend on who runs when. */
static void move_until(struct transfer *t, uint64_t limit)
{
	t->limit = limit;
	while (t->got < limit) {
		uint64_t end = t->got + t->o->burst;
		bool full = false;

		while (t->got < (end < limit ? end : limit)) {
			while (!full && t->sent < limit && t->sent < end)
				full = !push(t);
			if (wire_flush(t->near->wire) < 0 && errno != EAGAIN)
				errx(1, "the session broke");
			wait_for_daemon(t, full);
			full = false;
			pull(t);
		}
		if (t->o->rest_us)
			usleep(t->o->rest_us);
	}
	if (t->got != limit)
		errx(1, "%llu bytes came of %llu", (unsigned long long)t->got,
		     (unsigned long long)limit);
}

static void say(const char *word)
{
	char line[16];

	printf("%s\n", word);
	fflush(stdout);
	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		errx(1, "nobody listens");
}

/* One session and its stream: both of its ends. */
static int open_stream(struct near *n, struct peer_tls *tls, const struct peer_options *o,
		       int listener)
{
	int far;

	if (o->server) {
		near_connect(n, tls, o);
		return far_accept(listener);
	}
	far = far_connect(o);
	near_accept(n, tls, o, listener);
	far_established(far);
	return far;
}

static void transfer(struct peer_tls *tls, const struct peer_options *o, int listener)
{
	struct near near;
	struct transfer t = { .o = o, .near = &near, .to_wire = o->to_wire };

	t.far = open_stream(&near, tls, o, listener);
	move_until(&t, o->warm * o->burst);
	say("warm");
	move_until(&t, (o->warm + o->bursts) * o->burst);
	say("moved");
	near_close(&near);
	close(t.far);
}

/* A session that has done nothing yet may not have all that it needs. */
static void both_ways(const struct peer_options *o, struct near *n, int far)
{
	struct transfer up = { .o = o, .near = n, .far = far, .to_wire = true };
	struct transfer down = { .o = o, .near = n, .far = far };

	move_until(&up, o->burst);
	move_until(&down, o->burst);
}

/* The session lives on. */
static void end_stream(struct near *n, int far)
{
	near_fin(n);
	peer_wait(far, POLLIN);
	if (recv(far, chunk, 1, 0) != 0)
		errx(1, "a held stream did not end");
	close(far);
}

/* Sessions with an open stream each, and then the same without. */
static void hold(struct peer_tls *tls, const struct peer_options *o, int listener)
{
	struct near *n = calloc(o->sessions, sizeof(*n));
	int *far = calloc(o->sessions, sizeof(*far));

	if (!n || !far)
		err(1, "calloc");
	say("ready");
	for (unsigned int i = 0; i < o->sessions; i++) {
		far[i] = open_stream(&n[i], tls, o, listener);
		both_ways(o, &n[i], far[i]);
	}
	say("active");
	for (unsigned int i = 0; i < o->sessions; i++)
		end_stream(&n[i], far[i]);
	say("idle");
	for (unsigned int i = 0; i < o->sessions; i++)
		near_close(&n[i]);
	free(n);
	free(far);
}

static uint64_t number(const char *text)
{
	char *end = NULL;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n)
		errx(2, "%s is not a number above 0", text);
	return n;
}

static void take_option(struct peer_options *o, int opt)
{
	switch (opt) {
	case 'p':
		o->port = sock_parse_port(optarg);
		break;
	case 'o':
		o->own = sock_parse_port(optarg);
		break;
	case 'n':
		o->piece = (uint32_t)number(optarg);
		break;
	case 'b':
		o->burst = number(optarg);
		break;
	case 'w':
		o->warm = number(optarg);
		break;
	case 'k':
		o->bursts = number(optarg);
		break;
	case 'H':
		o->sessions = (unsigned int)number(optarg);
		break;
	case 'P':
		o->password = optarg;
		break;
	case 's':
		o->suite = optarg;
		break;
	case 'c':
		o->cert = optarg;
		break;
	case 'K':
		o->key = optarg;
		break;
	case 'r':
		o->rest_us = (unsigned int)number(optarg);
		break;
	case 'T':
		peer_patience_ms = -1;
		break;
	case 'x':
		o->plain = true;
		break;
	default:
		errx(2, "%s", usage);
	}
}

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "own", required_argument, NULL, 'o' },
	{ "piece", required_argument, NULL, 'n' },
	{ "burst", required_argument, NULL, 'b' },
	{ "rest", required_argument, NULL, 'r' },
	{ "warm", required_argument, NULL, 'w' },
	{ "bursts", required_argument, NULL, 'k' },
	{ "sessions", required_argument, NULL, 'H' },
	{ "password", required_argument, NULL, 'P' },
	{ "suite", required_argument, NULL, 's' },
	{ "cert", required_argument, NULL, 'c' },
	{ "key", required_argument, NULL, 'K' },
	{ "patient", no_argument, NULL, 'T' },
	{ "plain", no_argument, NULL, 'x' },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct peer_options o = {
		.piece = FRAME_DATA_BULK, .burst = SOCK_CHUNK, .warm = 1, .bursts = 1
	};
	struct peer_tls tls;
	int opt, listener;

	if (argc < 3)
		errx(2, "%s", usage);
	o.server = !strcmp(argv[1], "server");
	/* a server's download and a client's upload leave it by the wire */
	o.to_wire = o.server == !strcmp(argv[2], "down");
	optind = 3;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&o, opt);
	if (!o.port || !o.own || !o.password || o.piece > FRAME_DATA_MAX)
		errx(2, "%s", usage);
	sock_raise_limit();
	listener = sock_listen(o.own);
	peer_tls_init(&tls, &o);
	if (o.sessions)
		hold(&tls, &o, listener);
	else
		transfer(&tls, &o, listener);
	close(listener);
	peer_tls_done(&tls);
	return 0;
}
