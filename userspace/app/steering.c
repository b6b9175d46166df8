// SPDX-License-Identifier: GPL-2.0-or-later
// Steering by the BPF program: its listeners, interfaces and addresses, at the start and later.
#include "app/steering.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/steering_rules.h"
#include "net/own.h"
#include "net/ports.h"

#define NO_SLOT STEER_SLOTS

struct steering_control {
	struct program *p;
	struct steer *steer; /* NULL: no inbound needs it */
	struct own_watch watch;
	struct own *own;
	unsigned *slots; /* by inbound; NO_SLOT: it needs none */
	struct steering_rules *rules;
	bool links_fail, addresses_fail; /* to get into the maps, since a time */
	char pins[PATH_MAX];
};

static bool by_program(const struct config_inbound *in)
{
	return in->n_steer_ports > 0 ||
	       (steering_has_plan(in) && in->transparent.plan.steering == STEERING_SK_LOOKUP);
}

static void add_interfaces(const struct plan *p, unsigned slot, struct steer_capture *at, size_t *n)
{
	struct steer_interface to = { .slot = slot, .tcp = p->tcp, .udp = p->udp };

	for (size_t i = 0; i < p->n_interfaces; i++) {
		unsigned index = if_nametoindex(p->interfaces[i]);

		if (index)
			at[(*n)++] = (struct steer_capture){ .ifindex = index, .to = to };
	}
	to.local = true;
	if (p->local)
		at[(*n)++] = (struct steer_capture){ .ifindex = if_nametoindex("lo"), .to = to };
}

/* Whether it was done; of what is tried again and again only the beginning and the end are told. */
static bool tell(int err, bool *fails, const char *what)
{
	if (err && !*fails)
		log_error("steering", "%s cannot be brought up to date, which is tried again: %s",
			  what, strerror(-err));
	if (!err && *fails)
		log_warn("steering", "%s are up to date again", what);
	*fails = err;
	return !err;
}

/* Interfaces come and go, and get other indexes. */
static bool links_changed(struct own_watch *w)
{
	struct steering_control *s = container_of(w, struct steering_control, watch);
	const struct config *c = s->p->config;
	struct steer_capture *at;
	size_t n = 0;
	int err;

	for (size_t i = 0; i < c->n_inbounds; i++)
		n += c->inbounds[i].transparent.plan.n_interfaces + 1;
	at = calloc(n + 1, sizeof(*at));
	n = 0;
	for (size_t i = 0; at && i < c->n_inbounds; i++)
		if (s->slots[i] != NO_SLOT)
			add_interfaces(&c->inbounds[i].transparent.plan, s->slots[i], at, &n);
	err = at ? steer_interfaces(s->steer, at, n) : -ENOMEM;
	free(at);
	return tell(err, &s->links_fail, "the captured interfaces");
}

static bool addresses_changed(struct own_watch *w, const struct prefix_list *own)
{
	struct steering_control *s = container_of(w, struct steering_control, watch);

	return tell(steer_own(s->steer, own), &s->addresses_fail, "this machine's addresses");
}

static int refuse_taken_ports(const struct config_inbound *in, char *why, size_t why_len)
{
	uint16_t port;

	if (!ports_listening(in->steer_ports, in->n_steer_ports, sockaddr_port(&in->listen), &port))
		return 0;
	snprintf(why, why_len,
		 "%s: steer_ports: somebody listens on port %u already, and would get no more "
		 "connections: leave it out",
		 in->tag, port);
	return -EADDRINUSE;
}

static int start_slot(struct steering_control *s, size_t i, char *why, size_t why_len)
{
	struct program *p = s->p;
	const struct config_inbound *in = &p->config->inbounds[i];
	const int *tcp = &p->listen_fds[i * p->n_workers], *udp = &p->udp_fds[i * p->n_workers];
	bool capture = in->type == INBOUND_TRANSPARENT;
	int err = refuse_taken_ports(in, why, why_len);

	if (err)
		return err;
	/* in this order, so that ports of an earlier daemon go on */
	err = steer_targets(s->steer, s->slots[i], in->steer_ports, in->n_steer_ports,
			    &in->steer_addresses);
	if (!err)
		err = steer_listen(s->steer, s->slots[i], tcp,
				   capture && in->transparent.plan.udp ? udp : NULL, p->n_workers);
	if (err)
		snprintf(why, why_len, "%s: cannot be steered to: %s", in->tag, strerror(-err));
	return err;
}

/* Slots that an earlier daemon used for other inbounds. */
static void clear_slots(struct steering_control *s, unsigned from)
{
	for (unsigned slot = from; slot < STEER_SLOTS; slot++) {
		steer_targets(s->steer, slot, NULL, 0, NULL);
		steer_deaf(s->steer, slot);
	}
}

static int start_program(struct steering_control *s, unsigned n_slots, struct loop *l, char *why,
			 size_t why_len)
{
	const struct config *c = s->p->config;
	char *slash = strrchr(s->pins, '/');

	*slash = '\0';
	mkdir(s->pins, 0700); /* steer_open() says what is wrong */
	*slash = '/';
	s->steer = steer_open(s->pins, why, why_len);
	if (!s->steer)
		return -EIO;
	for (size_t i = 0; i < c->n_inbounds; i++) {
		int err = s->slots[i] == NO_SLOT ? 0 : start_slot(s, i, why, why_len);

		if (err)
			return err;
	}
	clear_slots(s, n_slots);
	s->watch = (struct own_watch){ .addresses = addresses_changed, .links = links_changed };
	s->own = own_start(l, &s->watch, why, why_len);
	return s->own ? 0 : -EIO;
}

/* The program of a daemon that steered by it would still take what comes in by its interfaces, and
 * has nobody to give it to. */
static void drop_earlier(const struct steering_control *s)
{
	char why[300];
	int err = steer_remove(s->pins, why, sizeof(why));

	if (err && err != -EXDEV)
		log_warn("steering", "a program of before is still there: %s", why);
}

static int start(struct steering_control *s, struct loop *l, char *why, size_t why_len)
{
	const struct config *c = s->p->config;
	unsigned n_slots = 0;
	int err = 0;

	for (size_t i = 0; i < c->n_inbounds; i++)
		s->slots[i] = by_program(&c->inbounds[i]) ? n_slots++ : NO_SLOT;
	if (n_slots > STEER_SLOTS) {
		snprintf(why, why_len, "more than %d inbounds are steered to", STEER_SLOTS);
		return -E2BIG;
	}
	if (n_slots)
		err = start_program(s, n_slots, l, why, why_len);
	err = err ? err : steering_rules_start(s->p, l, &s->rules, why, why_len);
	if (!err && !n_slots)
		drop_earlier(s);
	return err;
}

/* A first start that fails leaves nothing behind; later ones leave what stood, which fails closed.
 */
static void undo(struct steering_control *s)
{
	char why[300];

	steering_rules_stop(s->rules);
	s->rules = NULL;
	steering_rules_remove(s->p->config);
	if (s->steer && steer_remove(s->pins, why, sizeof(why)) < 0)
		log_error("steering", "%s", why);
	*strrchr(s->pins, '/') = '\0';
	rmdir(s->pins); /* unless another instance has something there */
}

int steering_start(struct program *p, struct loop *l, struct steering_control **ret, char *why,
		   size_t why_len)
{
	const struct config *c = p->config;
	struct steering_control *s;
	bool any = false, first;
	int err;

	for (size_t i = 0; i < c->n_inbounds; i++)
		any |= by_program(&c->inbounds[i]) || steering_has_plan(&c->inbounds[i]);
	if (!any)
		return 0;
	snprintf(why, why_len, "out of memory");
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*ret = s;
	s->p = p;
	s->slots = calloc(c->n_inbounds, sizeof(*s->slots));
	if (!s->slots)
		return -ENOMEM;
	steering_pins(c->steering.pins, c->state.name, s->pins);
	first = access(s->pins, F_OK) < 0 && !steering_rules_stand(c);
	err = start(s, l, why, why_len);
	if (err && first)
		undo(s);
	return err;
}

void steering_bypass_changed(struct steering_control *s)
{
	if (s && s->rules)
		steering_rules_renew(s->rules);
}

void steering_stop(struct steering_control *s)
{
	if (!s)
		return;
	steering_rules_stop(s->rules);
	own_stop(s->own);
	steer_close(s->steer);
	free(s->slots);
	free(s);
}
