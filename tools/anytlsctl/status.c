// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl status`: the daemon as a whole, and its counters.
#include <stdio.h>
#include <stdlib.h>

#include "anytlsctl/ctl.h"
#include "base/clock.h"

#define NAME(field) #field

/* In the order of struct state_counters. */
static const char *const counter_names[] = {
	NAME(connections),	  NAME(handshakes_failed),
	NAME(auth_failed),	  NAME(fallbacks),
	NAME(sessions),		  NAME(streams),
	NAME(streams_refused),	  NAME(streams_reset),
	NAME(bytes_up),		  NAME(bytes_down),
	NAME(client_sessions),	  NAME(client_retries),
	NAME(udp_sent),		  NAME(udp_dropped),
	NAME(udp_captured),	  NAME(udp_answered),
	NAME(udp_flows),	  NAME(udp_evicted),
	NAME(sessions_kernel_tx), NAME(sessions_kernel_rx),
	NAME(kernel_refused),	  NAME(streams_spliced),
	NAME(streams_sockmap),	  NAME(bytes_copied_up),
	NAME(bytes_copied_down),  NAME(bytes_spliced_up),
	NAME(bytes_spliced_down), NAME(bytes_sockmap_up),
	NAME(bytes_sockmap_down), NAME(pipes),
	NAME(sessions_not_shown), NAME(streams_not_shown),
};

#define N_COUNTERS (sizeof(counter_names) / sizeof(*counter_names))

_Static_assert(N_COUNTERS * sizeof(uint64_t) == sizeof(struct state_counters), "a name for each");

/* What is shown at the moment. */
struct shown {
	unsigned servers, clients, streams;
};

static struct shown look(struct state_reader *r)
{
	struct shown n = { 0 };
	struct state_session session;
	struct state_stream stream;

	for (uint32_t i = 0; i < r->header.sessions; i++)
		if (state_reader_session(r, i, &session) == 1)
			*(session.role == STATE_SERVER ? &n.servers : &n.clients) += 1;
	for (uint32_t i = 0; i < r->header.streams; i++)
		n.streams += state_reader_stream(r, i, &stream) == 1;
	return n;
}

static int print_json(const struct state_reader *r, const struct shown *n, const uint64_t *counters)
{
	const struct state_header *h = &r->header;
	json_t *c = json_object();

	for (size_t i = 0; i < N_COUNTERS; i++)
		json_object_set_new(c, counter_names[i], json_integer((json_int_t)counters[i]));
	return ctl_json_print(json_pack(
		"{s:o s:{s:i s:i s:i s:I s:I s:I s:I s:I s:b s:b} s:o}", "daemon",
		ctl_json_daemon(r), "now", "server_sessions", n->servers, "client_sessions",
		n->clients, "streams", n->streams, "connections", (json_int_t)h->connections_now,
		"handshakes", (json_int_t)h->handshakes_now, "local", (json_int_t)h->local_now,
		"udp", (json_int_t)h->udp_now, "busy", (json_int_t)h->busy_now, "kernel_tls",
		!h->kernel_tls_off, "draining", h->draining != 0, "counters", c));
}

static void print_text(const struct state_reader *r, const struct shown *n,
		       const uint64_t *counters)
{
	const struct state_header *h = &r->header;
	char *program = ctl_escape(h->program), *path = ctl_escape(r->path), text[CTL_SHORT_MAX];
	uint64_t end = r->live ? clock_now_ms() : h->beat_ms;

	printf("%s, pid %u, %s %s%s\n", program, h->pid, r->live ? "running for" : "dead after",
	       ctl_duration(end > h->start_ms ? end - h->start_ms : 0, text),
	       h->draining ? ", draining" : "");
	printf("  shown in      %s (%s), %u workers\n", path,
	       h->backing == STATE_BACKING_BPF ? "BPF maps" : "files", h->workers);
	printf("  sessions      %u as a server, %u as a client; room for %u\n", n->servers,
	       n->clients, h->sessions);
	printf("  streams       %u; room for %u\n", n->streams, h->streams);
	printf("  connections   %u at anytls inbounds (%u not logged in), %u local, %u UDP\n",
	       h->connections_now, h->handshakes_now, h->local_now, h->udp_now);
	printf("  kernel TLS    %s for new sessions\n\n", h->kernel_tls_off ? "off" : "on");
	for (size_t i = 0; i < N_COUNTERS; i++)
		printf("  %-20s %llu\n", counter_names[i], (unsigned long long)counters[i]);
	free(program);
	free(path);
}

int ctl_status(int argc, char **argv)
{
	struct state_counters sum;
	struct ctl_options o;
	struct state_reader r;
	struct shown n;
	int rc = CTL_OK, end;

	if (!ctl_parse(argc, argv, 0, &o))
		return CTL_USAGE;
	rc = ctl_open(&o, &r);
	if (rc != CTL_OK)
		return rc;
	n = look(&r);
	if (state_reader_counters(&r, &sum) < 0) {
		fprintf(stderr, "%s: the counters cannot be read\n", CTL_NAME);
		rc = CTL_PROBLEM;
	} else if (o.json) {
		rc = print_json(&r, &n, (const uint64_t *)(const void *)&sum);
	} else {
		print_text(&r, &n, (const uint64_t *)(const void *)&sum);
	}
	end = ctl_close(&r);
	return rc != CTL_OK ? rc : end;
}
