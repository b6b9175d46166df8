// SPDX-License-Identifier: GPL-2.0-or-later
// The array "inbounds".
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "app/config_seen.h"
#include "base/secret.h"

#define UDP_TIMEOUT_MS 300000

/* An inbound while it is read: parts that are judged together, afterwards. */
struct work {
	struct config_inbound in;
	union sockaddr_any listen;
	uint16_t port;
	struct config_ref users, padding, tls, fallback_for_alpn, fallback_tls;
};

static void keep(struct config_reader *r, struct config_ref v, const struct config_row *row,
		 void *field)
{
	(void)r, (void)row;
	*(struct config_ref *)field = v;
}

static void read_target(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	static const struct config_row *const tables[] = { config_rows_target, NULL };

	(void)row;
	config_read_object(r, v, tables, field);
}

const struct config_row config_rows_inbound[] = {
	{ .key = "type", .type = ROW_IGNORED, .help = "\"anytls\" or \"socks\"" },
	{ .key = "tag",
	  .type = ROW_STRING,
	  ROW_FIELD(struct work, in.tag),
	  .min = 1,
	  .max = 255,
	  .help = "name of this inbound" },
	{ .key = "listen",
	  .type = ROW_CALL,
	  .required = true,
	  .read = config_read_ip,
	  ROW_FIELD(struct work, listen),
	  .help = "an IP address, or \"::\" for all" },
	{ .key = "listen_port",
	  .type = ROW_U16,
	  .required = true,
	  ROW_FIELD(struct work, port),
	  .min = 1,
	  .max = 65535,
	  .help = "the port to listen on" },
	{ .key = "udp_timeout",
	  .type = ROW_DURATION,
	  ROW_FIELD(struct work, in.udp_timeout_ms),
	  .min = 1000,
	  .max = CONFIG_MS_DAY,
	  .help = "a UDP association ends after this silence" },
	{ .key = "datapath",
	  .type = ROW_CALL,
	  .read = config_read_engine,
	  ROW_FIELD(struct work, in.datapath),
	  .help = "how relays move bytes: \"auto\", \"copy\", \"splice\" or \"sockmap\"" },
	/* accepted as sing-box's default; true is refused for a reason of its own */
	{ .key = "tcp_fast_open",
	  .type = ROW_FALSE,
	  .help = "remove it: early data of a repeated SYN can be delivered twice" },
	{ 0 },
};

const struct config_row config_rows_inbound_anytls[] = {
	{ .key = "users",
	  .type = ROW_CALL,
	  .required = true,
	  .read = keep,
	  ROW_FIELD(struct work, users),
	  .help = "who may connect" },
	{ .key = "padding_scheme",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct work, padding),
	  .help = "sizes of the first packets" },
	{ .key = "tls",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct work, tls),
	  .help = "TLS settings" },
	{ .key = "fallback",
	  .type = ROW_CALL,
	  .read = read_target,
	  ROW_FIELD(struct work, in.fallback),
	  .help = "where connections go that are not AnyTLS" },
	{ .key = "fallback_tls",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct work, fallback_tls),
	  .help = "a TLS port for connections that do not begin with TLS" },
	{ .key = "fallback_for_alpn",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct work, fallback_for_alpn),
	  .help = "the same by negotiated protocol" },
	{ 0 },
};

const struct config_row config_rows_inbound_socks[] = {
	{ .key = "users",
	  .type = ROW_CALL,
	  .read = keep,
	  ROW_FIELD(struct work, users),
	  .help = "who may connect; anyone without it" },
	{ 0 },
};

const struct config_row config_rows_target[] = {
	{ .key = "server",
	  .type = ROW_CALL,
	  .required = true,
	  .read = config_read_host,
	  ROW_FIELD(struct config_target, host),
	  .help = "a name or an IP address" },
	{ .key = "server_port",
	  .type = ROW_U16,
	  .required = true,
	  ROW_FIELD(struct config_target, port),
	  .min = 1,
	  .max = 65535,
	  .help = "its port" },
	{ 0 },
};

/* http/1.1 brings the older ones along (wire/tls_face.h). */
static bool offers_alpn(const struct config_tls *tls, const char *alpn)
{
	bool older = strcmp(alpn, "http/1.0") == 0 || strcmp(alpn, "http/0.9") == 0;

	for (size_t i = 0; i < tls->n_alpn; i++)
		if (strcmp(tls->alpn[i], alpn) == 0 ||
		    (older && strcmp(tls->alpn[i], "http/1.1") == 0))
			return true;
	return false;
}

void config_read_fallbacks(struct config_reader *r, struct config_ref v, struct config_inbound *in)
{
	static const struct config_row *const tables[] = { config_rows_target, NULL };

	if (!config_want(r, v, JSON_OBJECT))
		return;
	if (!in->tls.enabled)
		config_error_key(&r->report, v.n, "needs TLS: there is no ALPN without it");
	in->fallback_for_alpn =
		config_alloc(r, json_object_size(v.v), sizeof(*in->fallback_for_alpn));
	for (const struct config_node *n = v.n->first; n && in->fallback_for_alpn; n = n->next) {
		struct config_alpn_target *t = &in->fallback_for_alpn[in->n_fallback_for_alpn];
		struct config_ref m = config_value_of(v, n);

		if (n->repeated) {
			config_error_key(&r->report, n, "repeated key");
			continue;
		}
		if (in->tls.enabled && !offers_alpn(&in->tls, n->name))
			config_note(&r->report, n,
				    "never used: tls.alpn does not offer this protocol");
		t->alpn = config_strdup(r, n->name);
		config_read_object(r, m, tables, &t->target);
		in->n_fallback_for_alpn++;
	}
}

static void read_fallback_tls(struct config_reader *r, struct config_ref v,
			      struct config_inbound *in)
{
	if (!in->tls.enabled)
		config_error_key(&r->report, v.n, "needs TLS: without it all goes to \"fallback\"");
	read_target(r, v, NULL, &in->fallback_tls);
}

/* What depends on several keys, in an order that suits it. */
static void finish(struct config_reader *r, struct work *w)
{
	if (w->listen.sa.sa_family && w->port)
		w->in.listen = w->listen;
	if (w->in.listen.sa.sa_family == AF_INET)
		w->in.listen.in.sin_port = htons(w->port);
	else if (w->in.listen.sa.sa_family == AF_INET6)
		w->in.listen.in6.sin6_port = htons(w->port);
	if (w->users.v)
		config_read_users(r, w->users, &w->in);
	if (w->in.type != INBOUND_ANYTLS)
		return;
	w->in.padding_scheme = config_read_padding(r, w->padding);
	if (w->tls.v)
		config_read_tls_inbound(r, w->tls, &w->in.tls);
	if (w->fallback_tls.v)
		read_fallback_tls(r, w->fallback_tls, &w->in);
	if (w->fallback_for_alpn.v)
		config_read_fallbacks(r, w->fallback_for_alpn, &w->in);
}

static void read_inbound(struct config_reader *r, struct config_ref v, struct config_inbound *in)
{
	static const char *const types[] = {
		[INBOUND_ANYTLS] = "anytls", [INBOUND_SOCKS] = "socks", NULL
	};
	static const struct config_row *const own[] = { [INBOUND_ANYTLS] =
								config_rows_inbound_anytls,
							[INBOUND_SOCKS] =
								config_rows_inbound_socks };
	const struct config_row *tables[ROW_TABLES_MAX] = { config_rows_inbound };
	struct work w = { .in.udp_timeout_ms = UDP_TIMEOUT_MS };
	int type = config_read_type(r, v, types, config_inbound_hints);

	if (type < 0)
		return;
	tables[1] = own[type];
	tables[2] = config_refused_listen;
	tables[3] = config_refused_inbound;
	w.in.type = (enum inbound_type)type;
	config_read_object(r, v, tables, &w);
	finish(r, &w);
	*in = w.in;
}

static const char *kind(const void *object)
{
	const struct config_inbound *in = object;

	return in->type == INBOUND_ANYTLS ? "anytls" : "socks";
}

static void check_addresses(struct config_reader *r, struct config_ref array, struct config *c)
{
	struct config_list l = config_list_start(array);
	struct config_seen *seen = NULL;

	for (; l.item.v; config_list_next(&l)) {
		const struct config_node *earlier = NULL;
		struct config_inbound *in = &c->inbounds[l.i];

		if (in->listen.sa.sa_family &&
		    config_seen_add(&seen, &in->listen, sizeof(in->listen), l.item.n,
				    (const void **)&earlier) < 0)
			r->oom = true;
		if (earlier)
			config_error(&r->report, config_member(l.item, "listen_port").n,
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
	free(in->users);
	free(in->fallback_for_alpn);
	free(in->fallback.host);
	free(in->fallback_tls.host);
	free(in->padding_scheme);
	free(in->tag);
	config_tls_done(&in->tls);
}
