/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the parts of the configuration's reader call each other; nothing outside of config*.c uses
 * it. */
#ifndef APP_CONFIG_PARTS_H
#define APP_CONFIG_PARTS_H

#include "app/config_read.h"

#define CONFIG_TEXT_MAX 8192	/* longest single value that is no list */
#define CONFIG_FILE_MAX 1048576 /* longest file: the configuration, a certificate, a key */
#define CONFIG_MS_DAY	86400000ull

#define CONFIG_BOUNDS_MAX 1024 /* inbounds, and outbounds */

/* Reads `v` into *tls. `server_name` and the like are left NULL where absent. */
void config_read_tls_inbound(struct config_reader *r, struct config_ref v, struct config_tls *tls);
void config_read_tls_outbound(struct config_reader *r, struct config_ref v, struct config_tls *tls);
void config_tls_done(struct config_tls *tls);

/* TLS values of their own form. */
config_read_fn config_read_alpn, config_read_version, config_read_ciphers, config_read_groups,
	config_read_pins;

/* Of the data path. */
config_read_fn config_read_engine, config_read_kernel;

/* A certificate or key as it was given: inline or by its file. */
struct config_pem {
	char *path;	      /* NULL where inline or absent */
	char *text;	      /* NULL where absent or unreadable */
	struct config_ref at; /* .v NULL: absent */
};
config_read_fn config_read_pem, config_read_pem_path;
void config_pem_done(struct config_pem *p);
/* Each reports what is wrong. The pair's certificates and key parse and belong together. */
bool config_check_pair(struct config_reader *r, const struct config_pem *cert,
		       const struct config_pem *key);
bool config_check_certificates(struct config_reader *r, const struct config_pem *cert);

/* The scheme in wire form; a default or translated one where `v` says so. NULL after a report. */
char *config_read_padding(struct config_reader *r, struct config_ref v);

/* Host names and addresses. */
bool config_is_host(const char *text);
bool config_parse_ip(const char *text, uint16_t port, union sockaddr_any *ret);
config_read_fn config_read_host, config_read_ip, config_read_mark;
/* "1.2.3.4", "1.2.3.4:53", "::1" or "[::1]:53" with its port (53) always there, as c-ares takes it;
 * false where it is none of these. */
bool config_normal_server(const char *text, char *out, size_t room);
/* The other way. 0 or -EINVAL. */
int config_parse_server(const char *normal, struct addr *ret);

/* An inbound while it is read: parts that are judged together, afterwards. */
struct config_inbound_work {
	struct config_inbound in; /* first: rows of a struct config_inbound fit */
	union sockaddr_any listen;
	uint16_t port;
	bool bypass_private;
	struct config_ref users, padding, tls, fallback_for_alpn, fallback_tls, mark;
};

/* A transparent inbound: what its type alone says, and what its keys say together. */
void config_transparent_start(struct config_inbound_work *w, const char *type);
void config_transparent_finish(struct config_reader *r, struct config_ref v,
			       struct config_inbound_work *w);
void config_transparent_done(struct config_transparent *t);
/* What concerns all inbounds together; `array` is theirs. */
void config_steering_finish(struct config_reader *r, struct config_ref array);
/* Values of transparent inbounds, each into its field of a struct config_transparent. */
config_read_fn config_read_steering, config_read_network, config_read_interfaces,
	config_read_bypass_ports, config_read_bypass_sources, config_read_spare, config_read_hijack;
/* Lists, each into its field. */
config_read_fn config_row_prefixes, config_row_bypass_files, config_read_steer_ports;
/* "443", "1000-2000", with "tcp:" or "udp:" before it where a protocol may be given. */
bool config_parse_ports(const char *text, bool with_protocol, struct port_range *ret);

/* Arrays of the top level. */
void config_read_inbounds(struct config_reader *r, struct config_ref v);
void config_read_outbounds(struct config_reader *r, struct config_ref v);
void config_inbound_done(struct config_inbound *in);
void config_outbound_done(struct config_outbound *out);
void config_read_users(struct config_reader *r, struct config_ref v, struct config_inbound *in);
config_read_fn config_read_target;
void config_read_fallbacks(struct config_reader *r, struct config_ref v, struct config_inbound *in);
void config_read_fallback_tls(struct config_reader *r, struct config_ref v,
			      struct config_inbound *in);

/* The rules of "route", once inbounds and outbounds are known. */
void config_read_rules(struct config_reader *r, struct config_ref v);
/* Reports what a rule must not be, and notes what makes it useless. */
void config_check_rule(struct config_reader *r, struct config_ref v,
		       const struct config_rule *rule);
void config_rule_done(struct config_rule *rule);
/* By its tag; reports. */
bool config_find_outbound(struct config_reader *r, struct config_ref v, size_t *ret);

/* Reports an empty array. */
bool config_want_some(struct config_reader *r, struct config_ref v);
/* Whether a text will do; may shorten it in place or change its case; reports. */
typedef bool config_text_fn(struct config_reader *r, struct config_ref v, char *text);
config_text_fn config_check_domain, config_check_suffix, config_check_keyword,
	config_check_list_file;
/* Lists of values, one or several. An absent one (.v NULL) changes nothing, an empty one is
 * reported, and so is each item that is wrong; the others are kept. check NULL: every text does. */
void config_read_texts(struct config_reader *r, struct config_ref v, config_text_fn *check,
		       char ***ret, size_t *ret_n);
void config_texts_done(char **texts, size_t n);
/* *ret is normal afterwards. */
void config_read_prefixes(struct config_reader *r, struct config_ref v, struct prefix_list *ret);
/* Numbers, and ranges as "1000:2000", ":3000", "4000:". */
void config_read_ports(struct config_reader *r, struct config_ref ports, struct config_ref ranges,
		       struct port_range **ret, size_t *ret_n);

/* The whole file; false where v is no object. */
bool config_read_top(struct config_reader *r, struct config_ref v);
/* What an empty file would mean. */
void config_defaults(struct config *c);

/* SHA-256 of a password. */
void config_hash(const char *text, uint8_t out[static 32]);

/*
 * Gives each of n objects (`size` bytes apart, its `char *tag` at `off`) that has no tag one of its
 * own, "KIND-SUFFIX" or "KIND-SUFFIX-2" and so on, and reports tags given twice. `kind` names an
 * object's type.
 */
struct config_tags {
	void *objects;
	size_t n, size, off;
	const char *suffix;
	const char *(*kind)(const void *object);
};
void config_settle_tags(struct config_reader *r, struct config_ref array,
			const struct config_tags *t);

/* "type" of an inbound or outbound: the index in names, or -1 after a report; `hints` are for those
 * that sing-box has. */
struct config_type_hint {
	const char *type, *hint;
};
int config_read_type(struct config_reader *r, struct config_ref v, const char *const *names,
		     const struct config_type_hint *hints);

extern const struct config_type_hint config_inbound_hints[], config_outbound_hints[],
	config_action_hints[];

/* Whether v is an array of at most CONFIG_BOUNDS_MAX items; reports. */
bool config_want_bounds(struct config_reader *r, struct config_ref v);

/* Row tables. */
extern const struct config_row config_rows_top[], config_rows_log[], config_rows_dns[],
	config_rows_route[], config_rows_rule[], config_rows_limits[], config_rows_state[];
extern const struct config_row config_rows_inbound[], config_rows_inbound_anytls[],
	config_rows_inbound_socks[], config_rows_inbound_transparent[], config_rows_capture[],
	config_rows_listen[], config_rows_steering[], config_rows_user_anytls[],
	config_rows_user_socks[], config_rows_target[];
extern const struct config_row config_rows_outbound[], config_rows_outbound_anytls[],
	config_rows_outbound_direct[], config_rows_dial[];
extern const struct config_row config_rows_tls[], config_rows_tls_inbound[],
	config_rows_tls_outbound[], config_rows_certificate[];
/* Rows of keys that only sing-box has. */
extern const struct config_row config_refused_top[], config_refused_log[], config_refused_dns[],
	config_refused_route[], config_refused_rule[], config_refused_listen[],
	config_refused_inbound[], config_refused_dial[], config_refused_tls[],
	config_refused_tls_inbound[], config_refused_tls_outbound[];

#endif
