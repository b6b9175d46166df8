// SPDX-License-Identifier: GPL-2.0-or-later
// Where the bytes of those go who are no users: "fallback" and its kin.
#include <string.h>

#include "app/config_parts.h"

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

void config_read_target(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	static const struct config_row *const tables[] = { config_rows_target, NULL };

	(void)row;
	config_read_object(r, v, tables, field);
}

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

void config_read_fallback_tls(struct config_reader *r, struct config_ref v,
			      struct config_inbound *in)
{
	if (!in->tls.enabled)
		config_error_key(&r->report, v.n, "needs TLS: without it all goes to \"fallback\"");
	config_read_target(r, v, NULL, &in->fallback_tls);
}
