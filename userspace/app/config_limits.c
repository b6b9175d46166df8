// SPDX-License-Identifier: GPL-2.0-or-later
// The object "limits", the defaults, and the list of all tables.
#include "app/config_parts.h"

#define HANDSHAKE_TIMEOUT_MS	15000
#define NGINX_HEADER_TIMEOUT_MS 60000 /* its client_header_timeout bounds its handshakes, too */

#define KIB	 1024ull
#define MIB	 (1024 * KIB)
#define GIB	 (1024 * MIB)
#define L(name)	 .key = #name, ROW_FIELD(struct config_limits, name)
#define MS(name) .key = #name, .type = ROW_DURATION, ROW_FIELD(struct config_limits, name##_ms)

const struct config_row config_rows_limits[] = {
	{ L(sessions), .type = ROW_U32, .min = 1, .max = 4194304, .help = "server sessions" },
	{ L(streams_per_session), .type = ROW_U32, .min = 1, .max = 65536,
	  .help = "streams in one server session" },
	{ L(stream_buffer), .type = ROW_U32, .min = 64 * KIB, .max = 256 * MIB,
	  .help = "bytes that wait for one destination" },
	{ L(session_buffer), .type = ROW_U32, .min = 64 * KIB, .max = 2 * GIB - 1,
	  .help = "bytes that wait in all streams of a session" },
	{ L(worker_buffer), .type = ROW_U64, .min = 1 * MIB, .max = 1024 * GIB,
	  .help = "bytes that wait in a worker" },
	{ L(handshakes), .type = ROW_U32, .min = 1, .max = 1048576,
	  .help = "TLS handshakes under way" },
	{ MS(handshake_timeout), .min = 100, .max = 600000, .help = "time for a TLS handshake" },
	{ MS(auth_timeout), .min = 100, .max = 600000,
	  .help = "time for the authentication behind it" },
	{ MS(session_idle_timeout), .min = 0, .max = CONFIG_MS_DAY,
	  .help = "a server session without streams ends after it; 0: never" },
	{ MS(stall_timeout), .min = 1000, .max = 3600000,
	  .help = "a stream that holds up its session is reset after it" },
	{ MS(ack_timeout), .min = 1000, .max = 3600000,
	  .help = "a session whose peer acknowledges nothing ends after it" },
	{ L(auth_failures_per_minute), .type = ROW_U32, .min = 1, .max = 1000000,
	  .help = "failed authentications of one address" },
	{ L(udp_associations), .type = ROW_U32, .min = 1, .max = 1048576,
	  .help = "UDP associations" },
	{ L(udp_flows), .type = ROW_U32, .min = 1, .max = 1048576,
	  .help = "captured UDP flows, a socket each" },
	{ L(udp_sessions), .type = ROW_U32, .min = 1, .max = 1048576,
	  .help = "clients' UDP ports that captured flows come from, a tunnel session each" },
	{ L(local_connections), .type = ROW_U32, .min = 1, .max = 4194304,
	  .help = "connections of applications to local inbounds" },
	{ MS(drain_timeout), .min = 0, .max = 3600000,
	  .help = "time that a stop gives to open connections" },
	{ 0 },
};

void config_defaults(struct config *c)
{
	*c = (struct config){
		.log = {.level = LOG_LEVEL_INFO, .timestamp = true, .fd = 2},
		.limits =
			{
				.sessions = 16384,
				.streams_per_session = 1024,
				.stream_buffer = 2 * MIB,
				.session_buffer = 8 * MIB,
				.worker_buffer = 256 * MIB,
				.handshakes = 1024,
				.auth_timeout_ms = 10000,
				.session_idle_timeout_ms = 300000,
				.stall_timeout_ms = 30000,
				.ack_timeout_ms = 60000,
				.auth_failures_per_minute = 120,
				.udp_associations = 4096,
				.udp_flows = 16384,
				.udp_sessions = 1024,
				.local_connections = 16384,
				.drain_timeout_ms = 10000,
			},
		.state = { .enabled = true, .sessions = 4096, .streams = 8192 },
		.steering = { .own_mark = 0x08000000, .capture_mark = 0x04000000 },
	};
}

bool config_has_fallback(const struct config_inbound *in)
{
	return in->fallback.host || in->n_fallback_for_alpn;
}

uint32_t config_handshake_ms(const struct config_limits *lim, const struct config_inbound *in)
{
	if (lim->handshake_timeout_ms)
		return lim->handshake_timeout_ms;
	return config_has_fallback(in) || in->fallback_tls.host ? NGINX_HEADER_TIMEOUT_MS
								: HANDSHAKE_TIMEOUT_MS;
}

const struct config_table config_tables[] = {
	{ "top level", config_rows_top },
	{ "log", config_rows_log },
	{ "dns", config_rows_dns },
	{ "route", config_rows_route },
	{ "rule", config_rows_rule },
	{ "limits", config_rows_limits },
	{ "state", config_rows_state },
	{ "steering", config_rows_steering },
	{ "inbound", config_rows_inbound },
	{ "listen", config_rows_listen },
	{ "inbound transparent", config_rows_inbound_transparent },
	{ "capture", config_rows_capture },
	{ "inbound anytls", config_rows_inbound_anytls },
	{ "inbound socks", config_rows_inbound_socks },
	{ "user of anytls", config_rows_user_anytls },
	{ "user of socks", config_rows_user_socks },
	{ "fallback", config_rows_target },
	{ "outbound", config_rows_outbound },
	{ "dial", config_rows_dial },
	{ "outbound direct", config_rows_outbound_direct },
	{ "outbound anytls", config_rows_outbound_anytls },
	{ "tls", config_rows_tls },
	{ "tls of an inbound", config_rows_tls_inbound },
	{ "tls of an outbound", config_rows_tls_outbound },
	{ "certificates", config_rows_certificate },
	{ "top level, sing-box", config_refused_top },
	{ "log, sing-box", config_refused_log },
	{ "dns, sing-box", config_refused_dns },
	{ "route, sing-box", config_refused_route },
	{ "rule, sing-box", config_refused_rule },
	{ "listen, sing-box", config_refused_listen },
	{ "inbound, sing-box", config_refused_inbound },
	{ "dial, sing-box", config_refused_dial },
	{ "tls, sing-box", config_refused_tls },
	{ "tls of an inbound, sing-box", config_refused_tls_inbound },
	{ "tls of an outbound, sing-box", config_refused_tls_outbound },
	{ NULL, NULL },
};
