// SPDX-License-Identifier: GPL-2.0-or-later
// Arbitrary bytes as a configuration: refused with a report, or loaded whole.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "app/config_parts.h"
#include "app/route.h"
#include "proto/padding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_ports(const struct port_range *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		require(at[i].first <= at[i].last);
}

static void check_names(char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (const char *p = names[i]; *p; p++)
			require(*names[i] && (*p < 'A' || *p > 'Z'));
}

static void check_rule(const struct config *c, const struct config_rule *rule)
{
	require(rule->action != RULE_ROUTE || rule->outbound < c->n_outbounds);
	for (size_t i = 0; i < rule->n_inbounds; i++)
		require(rule->inbounds[i] < c->n_inbounds);
	check_names(rule->domains, rule->n_domains);
	check_names(rule->domain_suffixes, rule->n_domain_suffixes);
	check_names(rule->domain_keywords, rule->n_domain_keywords);
	check_ports(rule->ports, rule->n_ports);
	check_ports(rule->source_ports, rule->n_source_ports);
	for (size_t i = 1; i < rule->to.n; i++)
		require(prefix_compare(&rule->to.at[i - 1], &rule->to.at[i]) < 0);
}

/* Whatever the rules are, they make routes that decide about any flow. */
static void check_routes(const struct config *c)
{
	static const union sockaddr_any src = { .in = { .sin_family = AF_INET } };
	struct addr dst = {
		.type = ADDR_NAME, .port = 443, .name_len = 13, .name = "www.a.example"
	};
	struct route_key k = { .user = "", .dst = &dst, .src = &src };
	char why[100];
	struct route *r = route_new(c, why, sizeof(why));
	struct route_verdict v;

	require(r);
	v = route_match(r, &k);
	require(v.action == RULE_REJECT || v.outbound < c->n_outbounds);
	require(v.rule >= -1 && v.rule < (int)c->n_rules);
	route_unref(r);
}

/* What the rest of the program relies on. */
static void check(const struct config *c)
{
	require(c->n_outbounds >= 1 && c->final_outbound < c->n_outbounds);
	for (size_t i = 0; i < c->n_inbounds; i++) {
		const struct config_inbound *in = &c->inbounds[i];
		struct padding scheme;

		require(in->tag && in->listen.sa.sa_family && in->udp_timeout_ms > 0);
		for (size_t k = 0; k < in->n_users; k++)
			require(in->users[k].name);
		if (in->type != INBOUND_ANYTLS)
			continue;
		require(in->n_users > 0 && in->padding_scheme);
		require(padding_parse(in->padding_scheme, strlen(in->padding_scheme), &scheme) ==
			0);
		require(!in->tls.enabled || in->tls.n_pairs > 0);
	}
	for (size_t i = 0; i < c->n_outbounds; i++) {
		const struct config_outbound *out = &c->outbounds[i];

		require(out->tag);
		if (out->type == OUTBOUND_ANYTLS)
			require(out->server && out->server_port && out->tls.enabled &&
				out->tls.server_name && out->client_metadata);
	}
	for (size_t i = 0; i < c->n_rules; i++)
		check_rule(c, &c->rules[i]);
	check_routes(c);
}

/* "t:LINE:COLUMN: note: ..." */
static bool is_note(const char *line)
{
	int at = 0;

	return sscanf(line, "t:%*u:%*u:%n", &at) == 0 && at > 0 &&
	       strncmp(line + at, " note: ", 7) == 0;
}

/* Each line begins with the name, holds nothing that a terminal obeys, and there are not too many.
 */
static void check_report(const char *report, size_t n, int err)
{
	unsigned lines = 0, problems = 0;

	for (const char *p = report; p < report + n; lines++) {
		const char *end = memchr(p, '\n', (size_t)(report + n - p));

		require(end && strncmp(p, "t:", 2) == 0 && end - p < 2000);
		for (const char *q = p; q < end; q++)
			require((unsigned char)*q >= 0x20 && *q != 0x7f);
		problems += !is_note(p);
		p = end + 1;
	}
	require(lines <= 2 * CONFIG_REPORT_MAX + 1);
	require((err == 0) == (problems == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	char *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);
	int err;

	if (!f)
		return 0;
	err = config_parse((const char *)data, size, "t", f, &c);
	fclose(f);
	require((err == 0) == (c != NULL));
	if (c)
		check(c);
	check_report(report, n, err);
	config_free(c);
	free(report);
	return 0;
}
