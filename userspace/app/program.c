// SPDX-License-Identifier: GPL-2.0-or-later
// The parts that all workers share, and the workers' threads.
#include "app/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/flow.h"
#include "app/inbound.h"
#include "app/link_sockmap.h"
#include "app/state_region.h"
#include "base/fd.h"
#include "io/datagram.h"

#define FLOW_SHARE	4    /* of the descriptors: a flow may take two, and half are for TCP */
#define SOCKMAP_STREAMS 1024 /* of a worker, with large frames, at a time; others splice */

static unsigned count_workers(const struct config *c)
{
	long n = c->workers ? (long)c->workers : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static int bind_one(struct program *p, size_t i, char *why, size_t why_len)
{
	const struct config_inbound *in = &p->config->inbounds[i];
	int *fds = &p->listen_fds[i * p->n_workers], *udp_fds = &p->udp_fds[i * p->n_workers];
	bool capture = in->type == INBOUND_TRANSPARENT;
	char text[SOCKADDR_TEXT_MAX];

	for (unsigned k = 0; k < p->n_workers; k++) {
		const struct listener_opts opts = {
			.exclusive = k == 0,
			.transparent =
				capture && in->transparent.plan.steering != STEERING_REDIRECT,
			.mark = capture ? p->config->steering.own_mark : 0,
		};
		int err = listener_bind(&in->listen, &opts, &fds[k]);

		if (!err && capture && in->transparent.plan.udp)
			err = datagram_listen(&in->listen, opts.mark, opts.exclusive, &udp_fds[k]);
		if (err) {
			snprintf(why, why_len, "%s: cannot listen on %s: %s", in->tag,
				 sockaddr_text(&in->listen, text), strerror(-err));
			return err;
		}
	}
	return 0;
}

static int make_shared(struct program *p, char *why, size_t why_len)
{
	const struct config *c = p->config;

	for (size_t i = 0; i < c->n_inbounds; i++) {
		if (c->inbounds[i].type != INBOUND_ANYTLS)
			continue;
		p->inbounds[i] = server_shared_new(&c->inbounds[i], c, why, why_len);
		if (!p->inbounds[i])
			return -EINVAL;
	}
	for (size_t i = 0; i < c->n_outbounds; i++) {
		if (c->outbounds[i].type != OUTBOUND_ANYTLS)
			continue;
		p->outbounds[i] = outbound_shared_new(&c->outbounds[i], why, why_len);
		if (!p->outbounds[i])
			return -EINVAL;
	}
	return 0;
}

/* Captured datagrams must not take all descriptors: connections could not be accepted any more. */
static void bound_udp_flows(struct program *p)
{
	struct rlimit files;
	bool captures = false;

	for (size_t i = 0; i < p->config->n_inbounds; i++)
		captures |= p->config->inbounds[i].transparent.plan.udp;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    files.rlim_cur / FLOW_SHARE >= p->config->limits.udp_flows)
		return;
	p->most_udp_flows = (uint32_t)(files.rlim_cur / FLOW_SHARE);
	if (captures)
		log_warn(NULL,
			 "only %u captured UDP flows at a time, not limits.udp_flows (%u): that "
			 "would take %u descriptors",
			 p->most_udp_flows, p->config->limits.udp_flows,
			 p->config->limits.udp_flows * FLOW_SHARE);
}

static int make_routes(struct program *p, char *why, size_t why_len)
{
	struct route *r;

	snprintf(why, why_len, "out of memory");
	p->files = route_files_new(p->config);
	r = p->files ? route_new(p->config, why, why_len) : NULL;
	if (!r)
		return -EINVAL;
	route_slot_set(&p->routes, r);
	return 0;
}

int program_init(struct program *p, const struct config *c, char *why, size_t why_len)
{
	size_t n_fds;
	int err;

	*p = (struct program){ .config = c,
			       .n_workers = count_workers(c),
			       .routes.lock = PTHREAD_MUTEX_INITIALIZER };
	n_fds = c->n_inbounds * p->n_workers;
	p->inbounds = calloc(c->n_inbounds + 1, sizeof(struct inbound_shared *));
	p->outbounds = calloc(c->n_outbounds + 1, sizeof(struct outbound_shared *));
	p->listen_fds = malloc((n_fds + 1) * sizeof(int));
	p->udp_fds = malloc((n_fds + 1) * sizeof(int));
	snprintf(why, why_len, "out of memory");
	if (!p->inbounds || !p->outbounds || !p->listen_fds || !p->udp_fds)
		return -ENOMEM;
	for (size_t i = 0; i < n_fds; i++)
		p->listen_fds[i] = p->udp_fds[i] = -1;
	bound_udp_flows(p);
	err = make_routes(p, why, why_len);
	for (size_t i = 0; i < c->n_inbounds && !err; i++)
		err = bind_one(p, i, why, why_len);
	return err ? err : make_shared(p, why, why_len);
}

static bool asks_for_sockmap(const struct config *c)
{
	bool asks = false;

	for (size_t i = 0; i < c->n_inbounds; i++)
		asks |= c->inbounds[i].datapath == RELAY_SOCKMAP;
	for (size_t i = 0; i < c->n_outbounds; i++)
		asks |= c->outbounds[i].datapath == RELAY_SOCKMAP;
	return asks;
}

int program_sockmaps(struct program *p)
{
	p->sockmaps = calloc(p->n_workers, sizeof(struct sockmap *));
	if (!p->sockmaps)
		return -ENOMEM;
	if (!asks_for_sockmap(p->config))
		return 0;
	for (unsigned i = 0; i < p->n_workers; i++) {
		p->sockmaps[i] =
			sockmap_new(SOCKMAP_STREAMS, p->sockmap_why, sizeof(p->sockmap_why));
		if (p->sockmaps[i])
			continue;
		log_warn(NULL, "no sockmap engine, relays splice instead: %s", p->sockmap_why);
		break;
	}
	return 0;
}

int program_start(struct program *p, char *why, size_t why_len)
{
	p->workers = calloc(p->n_workers, sizeof(struct worker));
	if (!p->workers) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < p->n_workers; i++) {
		int err = worker_init(&p->workers[i], p, i, why, why_len);

		if (err)
			return err;
	}
	for (unsigned i = 0; i < p->n_workers; i++) {
		int err = pthread_create(&p->workers[i].thread, NULL, worker_run, &p->workers[i]);

		if (err) {
			snprintf(why, why_len, "cannot start a thread: %s", strerror(err));
			return -err;
		}
		p->n_running++;
	}
	return 0;
}

void program_done(struct program *p)
{
	for (unsigned i = 0; i < p->n_running; i++)
		worker_stop(&p->workers[i]);
	for (unsigned i = 0; i < p->n_running; i++)
		pthread_join(p->workers[i].thread, NULL);
	for (unsigned i = 0; p->workers && i < p->n_workers; i++)
		if (p->workers[i].config)
			worker_done(&p->workers[i]);
	for (size_t i = 0; p->listen_fds && i < p->config->n_inbounds * p->n_workers; i++)
		fd_close(p->listen_fds[i]);
	for (size_t i = 0; p->udp_fds && i < p->config->n_inbounds * p->n_workers; i++)
		fd_close(p->udp_fds[i]);
	for (size_t i = 0; p->inbounds && i < p->config->n_inbounds; i++)
		server_shared_free(p->inbounds[i]);
	for (size_t i = 0; p->outbounds && i < p->config->n_outbounds; i++)
		outbound_shared_free(p->outbounds[i]);
	for (unsigned i = 0; p->sockmaps && i < p->n_workers; i++)
		sockmap_free(p->sockmaps[i]);
	free(p->sockmaps);
	free(p->workers);
	free(p->listen_fds);
	free(p->udp_fds);
	free(p->inbounds);
	free(p->outbounds);
	route_slot_set(&p->routes, NULL);
	route_files_free(p->files);
	state_region_close(p->state);
}

void program_reload_certificates(struct program *p)
{
	bool reload = false;

	for (size_t i = 0; i < p->config->n_inbounds; i++) {
		char why[200];

		if (!p->inbounds[i])
			continue;
		if (server_shared_refresh(p->inbounds[i], why, sizeof(why))) {
			log_info(p->config->inbounds[i].tag, "certificates reloaded");
			reload = true;
		} else if (why[0]) {
			log_error(p->config->inbounds[i].tag,
				  "changed certificates are not used: %s", why);
		}
	}
	for (unsigned i = 0; reload && i < p->n_running; i++)
		worker_reload(&p->workers[i]);
}

/* Whether all lists of what is not captured can be read; *ret: whether some are of files. */
static bool read_bypass(const struct config *c, bool *ret, char *why, size_t why_len)
{
	bool files = false;

	for (size_t i = 0; i < c->n_inbounds; i++) {
		struct prefix_list l;

		if (c->inbounds[i].type != INBOUND_TRANSPARENT)
			continue;
		if (route_bypass(c, &c->inbounds[i], &l, why, why_len) < 0)
			return false;
		prefix_list_done(&l);
		files |= c->inbounds[i].transparent.n_bypass_files > 0;
		for (size_t k = 0; k < c->n_rules; k++)
			files |= c->rules[k].action == RULE_BYPASS && c->rules[k].n_to_files > 0;
	}
	*ret = files;
	return true;
}

bool program_reload_lists(struct program *p)
{
	bool bypass = false;
	struct route *r;
	char why[300];

	if (!p->files || !route_files_changed(p->files))
		return false;
	r = route_new(p->config, why, sizeof(why));
	if (!r || !read_bypass(p->config, &bypass, why, sizeof(why))) {
		route_unref(r);
		log_error(NULL, "changed lists are not used: %s", why);
		return false;
	}
	route_slot_set(&p->routes, r);
	log_info(NULL, "lists of address prefixes reloaded");
	return bypass;
}

void program_log_counters(const struct program *p)
{
	struct state_counters sum = { 0 };
	uint64_t *to = (uint64_t *)(void *)&sum;

	/* read while the workers count: each value is whole, their sum is of about now */
	for (unsigned i = 0; i < p->n_running; i++) {
		const uint64_t *from = (const uint64_t *)(const void *)&p->workers[i].counters;

		for (size_t k = 0; k < sizeof(sum) / sizeof(uint64_t); k++)
			to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
	}
	log_write(LOG_LEVEL_INFO, "counters",
		  "connections %llu, handshakes failed %llu, authentication failed %llu, to "
		  "fallback %llu, "
		  "sessions %llu (client %llu), streams %llu (refused %llu, reset %llu, retried "
		  "%llu), "
		  "bytes up %llu down %llu, datagrams %llu (dropped %llu), now: sessions %u, "
		  "relays %u",
		  (unsigned long long)sum.connections, (unsigned long long)sum.handshakes_failed,
		  (unsigned long long)sum.auth_failed, (unsigned long long)sum.fallbacks,
		  (unsigned long long)sum.sessions, (unsigned long long)sum.client_sessions,
		  (unsigned long long)sum.streams, (unsigned long long)sum.streams_refused,
		  (unsigned long long)sum.streams_reset, (unsigned long long)sum.client_retries,
		  (unsigned long long)sum.bytes_up, (unsigned long long)sum.bytes_down,
		  (unsigned long long)sum.udp_sent, (unsigned long long)sum.udp_dropped,
		  p->n_sessions, p->n_busy);
}
