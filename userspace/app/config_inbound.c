// SPDX-License-Identifier: GPL-2.0-or-later
// The array "inbounds".
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "app/config_seen.h"
#include "base/secret.h"

#define UDP_TIMEOUT_MS 300000

static void keep(struct config_reader *r, struct config_ref v, const struct config_row *row,
		 void *field)
{
	(void)r, (void)row;
	*(struct config_ref *)field = v;
}

const struct config_row config_rows_inbound[] = {
	{ .key = "type", .type = ROW_IGNORED, .help = "\"anytls\", \"socks\" or \"transparent\"" },
	{ .key = "tag",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config_inbound_work, in.tag),
	  .min = 1,
	  .max = 255,
	  .help = "name of this inbound" },
	{ .key = "udp_timeout",
	  .type = ROW_DURATION,
	  ROW_FIELD(struct config_inbound_work, in.udp_timeout_ms),
	  .min = 1000,
	  .max = CONFIG_MS_DAY,
	  .help = "a UDP association ends after this silence" },
	{ .key = "datapath",
	  .type = ROW_CALL,
	  .read = config_read_engine,
	  ROW_FIELD(struct config_inbound_work, in.datapath),
	  .help = "how relays move bytes: \"auto\", \"copy\", \"splice\" or \"sockmap\"" },
	/* accepted as sing-box's default; true is refused for a reason of its own */
	{ .key = "tcp_fast_open",
	  .type = ROW_FALSE,
	  .help = "remove it: early data of a repeated SYN can be delivered twice" },
	{ 0 },
};

const struct config_row config_rows_listen[] = {
	{ .key = "listen",
	  .type = ROW_CALL,
	  .required = true,
	  .read = config_read_ip,
	  ROW_FIELD(struct config_inbound_work, listen),
	  .help = "an IP address, or \"::\" for all" },
	{ .key = "listen_port",
	  .type = ROW_U16,
	  .required = true,
	  ROW_FIELD(struct config_inbound_work, port),
	  .min = 1,
	  .max = 65535,
	  .help = "the port to listen on" },
	{ 0 },
};

const struct config_row config_rows_inbound_anytls[] = {
	{ .key = "users",
	  .type = ROW_CALL,
	  .required = true,
	  .read = keep,
	  ROW_FIELD(struct config_inbound_work, users),
	  .help = "who may connect" },
	{ .key = "padding_scheme",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct config_inbound_work, padding),
	  .help = "sizes of the first packets" },
	{ .key = "tls",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct config_inbound_work, tls),
	  .help = "TLS settings" },
	{ .key = "fallback",
	  .type = ROW_CALL,
	  .read = config_read_target,
	  ROW_FIELD(struct config_inbound_work, in.fallback),
	  .help = "where connections go that are not AnyTLS" },
	{ .key = "fallback_tls",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct config_inbound_work, fallback_tls),
	  .help = "a TLS port for connections that do not begin with TLS" },
	{ .key = "fallback_for_alpn",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct config_inbound_work, fallback_for_alpn),
	  .help = "the same by negotiated protocol" },
	{ .key = "steer_ports",
	  .type = ROW_CALL,
	  .read = config_read_steer_ports,
	  ROW_FIELD(struct config_inbound_work, in.steer_ports),
	  .help = "more ports that lead here, as in [\"8443\", \"20000-30000\"]" },
	{ .key = "steer_addresses",
	  .type = ROW_CALL,
	  .read = config_row_prefixes,
	  ROW_FIELD(struct config_inbound_work, in.steer_addresses),
	  .help = "of these of the machine's addresses only" },
	{ 0 },
};

const struct config_row config_rows_inbound_socks[] = {
	{ .key = "users",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct config_inbound_work, users),
	  .help = "who may connect; anyone without it" },
	{ 0 },
};

/* What depends on several keys, in an order that suits it. */
static void finish(struct config_reader *r, struct config_ref v, struct config_inbound_work *w)
{
	if (w->listen.sa.sa_family && w->port)
		w->in.listen = w->listen;
	if (w->in.listen.sa.sa_family == AF_INET)
		w->in.listen.in.sin_port = htons(w->port);
	else if (w->in.listen.sa.sa_family == AF_INET6)
		w->in.listen.in6.sin6_port = htons(w->port);
	if (w->users.v)
		config_read_users(r, w->users, &w->in);
	if (w->in.type == INBOUND_TRANSPARENT)
		config_transparent_finish(r, v, w);
	if (w->in.type != INBOUND_ANYTLS)
		return;
	w->in.padding_scheme = config_read_padding(r, w->padding);
	if (w->tls.v)
		config_read_tls_inbound(r, w->tls, &w->in.tls);
	if (w->fallback_tls.v)
		config_read_fallback_tls(r, w->fallback_tls, &w->in);
	if (w->fallback_for_alpn.v)
		config_read_fallbacks(r, w->fallback_for_alpn, &w->in);
}

static const struct {
	const char *name;
	enum inbound_type type;
	const struct config_row *own, *listen;
} types[] = {
	{ "anytls", INBOUND_ANYTLS, config_rows_inbound_anytls, config_rows_listen },
	{ "socks", INBOUND_SOCKS, config_rows_inbound_socks, config_rows_listen },
	{ "transparent", INBOUND_TRANSPARENT, config_rows_inbound_transparent,
	  config_rows_capture },
	{ "tproxy", INBOUND_TRANSPARENT, config_rows_capture, config_rows_listen },
	{ "redirect", INBOUND_TRANSPARENT, config_rows_capture, config_rows_listen },
};

static void read_inbound(struct config_reader *r, struct config_ref v, struct config_inbound *in)
{
	const char *names[sizeof(types) / sizeof(*types) + 1] = { 0 };
	struct config_inbound_work w = { .in.udp_timeout_ms = UDP_TIMEOUT_MS };
	int type;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		names[i] = types[i].name;
	type = config_read_type(r, v, names, config_inbound_hints);
	if (type < 0)
		return;
	w.in.type = types[type].type;
	if (w.in.type == INBOUND_TRANSPARENT)
		config_transparent_start(&w, types[type].name);
	config_read_object(r, v,
			   (const struct config_row *const[]){
				   config_rows_inbound, types[type].listen, types[type].own,
				   config_refused_listen, config_refused_inbound, NULL },
			   &w);
	finish(r, v, &w);
	*in = w.in;
}

static const char *kind(const void *object)
{
	static const char *const kinds[] = { [INBOUND_ANYTLS] = "anytls",
					     [INBOUND_SOCKS] = "socks",
					     [INBOUND_TRANSPARENT] = "transparent" };

	return kinds[((const struct config_inbound *)object)->type];
}

static void check_addresses(struct config_reader *r, struct config_ref array, struct config *c)
{
	struct config_list l = config_list_start(array);
	struct config_seen *seen = NULL;

	for (; l.item.v; config_list_next(&l)) {
		const struct config_node *earlier = NULL, *port;
		struct config_inbound *in = &c->inbounds[l.i];

		if (in->listen.sa.sa_family &&
		    config_seen_add(&seen, &in->listen, sizeof(in->listen), l.item.n,
				    (const void **)&earlier) < 0)
			r->oom = true;
		port = config_member(l.item, "listen_port").n;
		if (earlier)
			config_error(&r->report, port ? port : l.item.n,
				     "inbound %zu has this address and port already",
				     earlier->index + 1);
	}
	config_seen_free(&seen);
}

void config_read_inbounds(struct config_reader *r, struct config_ref v)
{
	const struct config_tags tags = { .size = sizeof(struct config_inbound),
					  .off = offsetof(struct config_inbound, tag),
					  .suffix = "in",
					  .kind = kind };
	struct config_tags t = tags;

	if (!config_want_bounds(r, v))
		return;
	r->c->inbounds = config_alloc(r, json_array_size(v.v), sizeof(*r->c->inbounds));
	if (!r->c->inbounds)
		return;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l)) {
		r->c->n_inbounds++;
		read_inbound(r, l.item, &r->c->inbounds[l.i]);
	}
	t.objects = r->c->inbounds;
	t.n = r->c->n_inbounds;
	config_settle_tags(r, v, &t);
	check_addresses(r, v, r->c);
}

void config_inbound_done(struct config_inbound *in)
{
	for (size_t i = 0; i < in->n_users; i++) {
		struct config_user *u = &in->users[i];

		if (u->password)
			secret_wipe(u->password, strlen(u->password));
		secret_wipe(u->hash, sizeof(u->hash));
		free(u->password);
		free(u->name);
	}
	for (size_t i = 0; i < in->n_fallback_for_alpn; i++) {
		free(in->fallback_for_alpn[i].alpn);
		free(in->fallback_for_alpn[i].target.host);
	}
	config_transparent_done(&in->transparent);
	free(in->steer_ports);
	prefix_list_done(&in->steer_addresses);
	free(in->users);
	free(in->fallback_for_alpn);
	free(in->fallback.host);
	free(in->fallback_tls.host);
	free(in->padding_scheme);
	free(in->tag);
	config_tls_done(&in->tls);
}
