// SPDX-License-Identifier: GPL-2.0-or-later
// The array "outbounds".
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "app/version.h"
#include "base/secret.h"

#define IDLE_MS		  30000
#define CONNECT_MS	  5000
#define FALLBACK_DELAY_MS 250
#define PASSWORD_MAX	  CONFIG_TEXT_MAX

static void read_password(struct config_reader *r, struct config_ref v,
			  const struct config_row *row, void *field)
{
	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	if (json_string_length(v.v) == 0)
		config_error(&r->report, v.n, "must not be empty");
	else
		config_hash(json_string_value(v.v), field);
}

static void read_tls(struct config_reader *r, struct config_ref v, const struct config_row *row,
		     void *field)
{
	(void)row;
	config_read_tls_outbound(r, v, field);
}

/* The value of a line of the Settings: a line break would start another setting. */
static void read_metadata(struct config_reader *r, struct config_ref v,
			  const struct config_row *row, void *field)
{
	char *text;

	if (!config_read_string(r, v, row->min, row->max, &text))
		return;
	if (text[strcspn(text, "\r\n")]) {
		config_error(&r->report, v.n, "must not contain a line break");
		free(text);
		return;
	}
	config_set(field, text);
}

#define F(member) ROW_FIELD(struct config_outbound, member)

const struct config_row config_rows_outbound[] = {
	{ .key = "type", .type = ROW_IGNORED, .help = "\"direct\", \"block\" or \"anytls\"" },
	{ .key = "tag",
	  .type = ROW_STRING,
	  F(tag),
	  .min = 1,
	  .max = 255,
	  .help = "name of this outbound" },
	{ 0 },
};

const struct config_row config_rows_dial[] = {
	{ .key = "datapath",
	  .type = ROW_CALL,
	  .read = config_read_engine,
	  F(datapath),
	  .help = "how relays move bytes: \"auto\", \"copy\", \"splice\" or \"sockmap\"" },
	{ .key = "bind_interface",
	  .type = ROW_STRING,
	  F(dial.bind_interface),
	  .min = 1,
	  .max = 15,
	  .help = "leave by this interface" },
	{ .key = "inet4_bind_address",
	  .type = ROW_CALL,
	  .read = config_read_ip,
	  F(dial.bind4),
	  .max = 4,
	  .help = "source address for IPv4" },
	{ .key = "inet6_bind_address",
	  .type = ROW_CALL,
	  .read = config_read_ip,
	  F(dial.bind6),
	  .max = 6,
	  .help = "source address for IPv6" },
	{ .key = "routing_mark",
	  .type = ROW_CALL,
	  .read = config_read_mark,
	  F(dial.routing_mark),
	  .help = "mark of the packets, for ip rule" },
	{ .key = "connect_timeout",
	  .type = ROW_DURATION,
	  F(dial.connect_timeout_ms),
	  .min = 100,
	  .max = 600000,
	  .help = "limit of a connection attempt, the look-up of the name included" },
	{ .key = "fallback_delay",
	  .type = ROW_DURATION,
	  F(dial.fallback_delay_ms),
	  .min = 10,
	  .max = 10000,
	  .help = "head start of one address before the next is tried" },
	{ 0 },
};

const struct config_row config_rows_outbound_direct[] = {
	{ .key = "tcp_fast_open",
	  .type = ROW_FALSE,
	  .help = "remove it: data in a repeated SYN can be delivered twice" },
	{ 0 },
};

const struct config_row config_rows_outbound_anytls[] = {
	{ .key = "server",
	  .type = ROW_CALL,
	  .required = true,
	  .read = config_read_host,
	  F(server),
	  .help = "the server's name or IP address" },
	{ .key = "server_port",
	  .type = ROW_U16,
	  .required = true,
	  F(server_port),
	  .min = 1,
	  .max = 65535,
	  .help = "the server's port" },
	{ .key = "password",
	  .type = ROW_CALL,
	  .required = true,
	  .read = read_password,
	  F(hash),
	  .help = "what the server knows this user by" },
	{ .key = "idle_session_check_interval",
	  .type = ROW_DURATION,
	  F(idle_check_ms),
	  .min = 100,
	  .max = CONFIG_MS_DAY,
	  .help = "how often idle sessions are looked at" },
	{ .key = "idle_session_timeout",
	  .type = ROW_DURATION,
	  F(idle_timeout_ms),
	  .min = 100,
	  .max = CONFIG_MS_DAY,
	  .help = "an idle session is closed after this time" },
	{ .key = "min_idle_session",
	  .type = ROW_U32,
	  F(min_idle),
	  .max = 1024,
	  .help = "idle sessions to keep alive, over all workers" },
	{ .key = "disable_session_reuse",
	  .type = ROW_BOOL,
	  F(disable_reuse),
	  .help = "a session of its own for each connection" },
	{ .key = "client_metadata",
	  .type = ROW_CALL,
	  .read = read_metadata,
	  F(client_metadata),
	  .max = 255,
	  .help = "what the client calls itself towards the server" },
	{ .key = "tls",
	  .type = ROW_CALL,
	  .required = true,
	  .read = read_tls,
	  F(tls),
	  .help = "AnyTLS needs it: \"tls\": {\"enabled\": true}" },
	{ .key = "tcp_fast_open",
	  .type = ROW_FALSE,
	  .help = "remove it: an AnyTLS session waits for the handshake before its first byte, so "
		  "it "
		  "would gain nothing, and a connection that is opened late leaves the pool with "
		  "sessions nobody knows to be dead" },
	{ 0 },
};

static void finish_anytls(struct config_reader *r, struct config_ref v, struct config_outbound *out)
{
	struct config_ref tls = config_member(v, "tls");

	if (json_is_object(tls.v) && !out->tls.enabled)
		config_error(
			&r->report, tls.n,
			"AnyTLS needs TLS: set \"enabled\" to true (the password would travel in "
			"the clear)");
	if (!out->client_metadata)
		out->client_metadata = config_strdup(r, PROGRAM_NAME "/" PROGRAM_VERSION);
	if (!out->tls.server_name && out->server)
		out->tls.server_name = config_strdup(r, out->server);
	if (out->disable_reuse && out->min_idle > 0)
		config_note(&r->report, config_member(v, "min_idle_session").n,
			    "has no effect with disable_session_reuse");
}

static void set_defaults(struct config_outbound *out)
{
	out->dial.connect_timeout_ms = CONNECT_MS;
	out->dial.fallback_delay_ms = FALLBACK_DELAY_MS;
	out->idle_check_ms = IDLE_MS;
	out->idle_timeout_ms = IDLE_MS;
}

static void read_outbound(struct config_reader *r, struct config_ref v, struct config_outbound *out)
{
	static const char *const types[] = { [OUTBOUND_DIRECT] = "direct",
					     [OUTBOUND_BLOCK] = "block",
					     [OUTBOUND_ANYTLS] = "anytls",
					     NULL };
	static const struct config_row *const direct[] = { config_rows_outbound, config_rows_dial,
							   config_rows_outbound_direct,
							   config_refused_dial, NULL };
	static const struct config_row *const block[] = { config_rows_outbound, NULL };
	static const struct config_row *const anytls[] = { config_rows_outbound, config_rows_dial,
							   config_rows_outbound_anytls,
							   config_refused_dial, NULL };
	static const struct config_row *const *const tables[] = {
		[OUTBOUND_DIRECT] = direct, [OUTBOUND_BLOCK] = block, [OUTBOUND_ANYTLS] = anytls
	};
	int type = config_read_type(r, v, types, config_outbound_hints);

	if (type < 0)
		return;
	out->type = (enum outbound_type)type;
	config_read_object(r, v, tables[type], out);
	if (type == OUTBOUND_ANYTLS)
		finish_anytls(r, v, out);
}

static const char *kind(const void *object)
{
	static const char *const names[] = { "direct", "block", "anytls" };
	const struct config_outbound *out = object;

	return names[out->type];
}

void config_read_outbounds(struct config_reader *r, struct config_ref v)
{
	struct config_tags t = { .size = sizeof(struct config_outbound),
				 .off = offsetof(struct config_outbound, tag),
				 .suffix = "out",
				 .kind = kind };
	size_t n = v.v ? json_array_size(v.v) : 0;

	if (v.v && !config_want_bounds(r, v))
		return;
	r->c->outbounds = config_alloc(r, n + 1, sizeof(*r->c->outbounds));
	if (!r->c->outbounds)
		return;
	for (size_t i = 0; i <= n; i++)
		set_defaults(&r->c->outbounds[i]);
	/* where none is given, an untouched direct one is left over */
	r->c->n_outbounds = n ? n : 1;
	for (struct config_list l = config_list_start(v); v.v && l.item.v; config_list_next(&l))
		read_outbound(r, l.item, &r->c->outbounds[l.i]);
	t.objects = r->c->outbounds;
	t.n = r->c->n_outbounds;
	config_settle_tags(r, v, &t);
}

void config_outbound_done(struct config_outbound *out)
{
	secret_wipe(out->hash, sizeof(out->hash));
	free(out->tag);
	free(out->dial.bind_interface);
	free(out->server);
	free(out->client_metadata);
	config_tls_done(&out->tls);
}
