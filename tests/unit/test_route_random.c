// SPDX-License-Identifier: GPL-2.0-or-later
// Random rules and flows: the routes decide as a reader of the rules would, condition by condition.
#include "route_bed.h"

#include <strings.h>

#define N(array)    (sizeof(array) / sizeof(*(array)))
#define PICK(array) ((array)[next() % N(array)])
#define ROUNDS	    400
#define RULES	    8
#define FLOWS	    60

static const char *const prefixes[] = {
	"10.0.0.0/8",	   "10.1.0.0/16", "10.1.2.3",	       "0.0.0.0/0",
	"192.168.0.0/23",  "::/0",	  "2001:db8::/32",     "fd00::/8",
	"2001:db8::1",	   "::1",	  "2001:db8:0:1::/64", "2001:db8::/127",
	"255.255.255.255", "128.0.0.0/1"
};
static const char *const addresses[] = {
	"10.1.2.3",	   "10.1.9.9",	      "10.9.9.9",    "192.168.1.255", "192.168.2.0",
	"255.255.255.255", "127.255.255.255", "2001:db8::1", "2001:db8::2",   "2001:db8:0:1::9",
	"2001:db8:0:2::9", "fd12::1",	      "::1"
};
static const char *const names[] = { "a.example.com", "example.com",  "www.a.example.com",
				     "com",	      "b.test",	      "test",
				     "xb.test",	      "aexample.com", "c.b.test" };
static const char *const suffixes[] = { "example.com", ".example.com", "com",
					".test",       "b.test",       "a.example.com" };
static const char *const keywords[] = { "exam", "b.t", ".", "zz" };
static const char *const ranges[] = { "1:3", ":2", "4:", "5:5" };
static const char *const users[] = { "alice", "bob" };

static uint32_t seed = 4711;

static uint32_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed >> 8;
}

/* A condition with one or two values, one time in three. */
static void put_list(FILE *f, const char *key, const char *const *values, size_t n)
{
	if (next() % 3 == 0)
		fprintf(f, "\"%s\":[\"%s\",\"%s\"],", key, values[next() % n], values[next() % n]);
}
#define PUT_LIST(f, key, values) put_list(f, key, values, N(values))

static void put_rule(FILE *f)
{
	static const char *const actions[] = { "\"outbound\":\"one\"", "\"outbound\":\"two\"",
					       "\"action\":\"reject\"" };

	fputs("{\"port_range\":\"1:6\",", f); /* a condition that always holds */
	PUT_LIST(f, "domain", names);
	PUT_LIST(f, "domain_suffix", suffixes);
	if (next() % 9 == 0)
		PUT_LIST(f, "domain_keyword", keywords);
	PUT_LIST(f, "ip_cidr", prefixes);
	if (next() % 8 == 0)
		fputs("\"ip_is_private\":true,", f);
	PUT_LIST(f, "source_ip_cidr", prefixes);
	PUT_LIST(f, "source_port_range", ranges);
	if (next() % 2)
		PUT_LIST(f, "auth_user", users);
	if (next() % 4 == 0)
		fprintf(f, "\"network\":\"%s\",", next() % 2 ? "tcp" : "udp");
	if (next() % 4 == 0)
		fprintf(f, "\"inbound\":\"%s\",", next() % 2 ? "in" : "lan");
	fprintf(f, "%s}", PICK(actions));
}

static struct config *random_config(void)
{
	char *rules = NULL, *text = NULL;
	size_t n;
	FILE *f = open_memstream(&rules, &n);
	struct config *c;

	assert_non_null(f);
	for (int i = 0; i < RULES; i++) {
		fputc(i ? ',' : '[', f);
		put_rule(f);
	}
	fputc(']', f);
	fclose(f);
	assert_true(asprintf(&text, ROUTE_CONFIG("%s"), rules) > 0);
	c = route_config(text);
	free(text);
	free(rules);
	return c;
}

static void random_flow(char out[static 300])
{
	char src[80] = "-";

	if (next() % 8)
		sprintf(src, "%s:%u", PICK(addresses), 1 + next() % 6);
	sprintf(out, "%u %s %s %s %s:%u %s", next() % 2, next() % 2 ? "tcp" : "udp",
		next() % 3 ? PICK(users) : "-", src, next() % 2 ? PICK(addresses) : PICK(names),
		1 + next() % 6, next() % 3 ? "-" : PICK(names));
}

static bool in_list(const struct prefix_list *l, const struct prefix *ip)
{
	for (size_t i = 0; i < l->n; i++)
		if (prefix_has(&l->at[i], ip->ip, ip->family == AF_INET ? 4 : 16))
			return true;
	return false;
}

static bool is_below(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	if (*suffix == '.')
		return n > m && strcasecmp(name + n - m, suffix) == 0;
	return strcasecmp(name, suffix) == 0 ||
	       (n > m && name[n - m - 1] == '.' && strcasecmp(name + n - m, suffix) == 0);
}

static bool fits_name(const struct config_rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->n_domains; i++)
		if (strcasecmp(rule->domains[i], name) == 0)
			return true;
	for (size_t i = 0; i < rule->n_domain_suffixes; i++)
		if (is_below(name, rule->domain_suffixes[i]))
			return true;
	for (size_t i = 0; i < rule->n_domain_keywords; i++)
		if (strstr(name, rule->domain_keywords[i]))
			return true;
	return false;
}

static bool in_ranges(const struct port_range *at, size_t n, unsigned port)
{
	for (size_t i = 0; i < n; i++)
		if (port >= at[i].first && port <= at[i].last)
			return true;
	return n == 0;
}

static bool is_listed(char *const *at, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(at[i], text) == 0)
			return true;
	return n == 0;
}

static bool fits_destination(const struct config_rule *rule, const struct prefix_list *private,
			     const struct prefix *ip, const char *name)
{
	if (!rule->to.n && !rule->to_private && !rule->n_domains && !rule->n_domain_suffixes &&
	    !rule->n_domain_keywords)
		return true;
	return (ip && in_list(&rule->to, ip)) || (ip && rule->to_private && in_list(private, ip)) ||
	       (name && fits_name(rule, name));
}

/* The same text as route_ask() takes. */
static int oracle(const struct config *c, const struct prefix_list *private, const char *flow)
{
	char network[8], user[64], src[64], dst[256], domain[256], *dst_port, *src_port;
	unsigned inbound;
	struct prefix to, from;
	bool to_ip, from_ip;
	const char *name;

	assert_int_equal(sscanf(flow, "%u %7s %63s %63s %255s %255s", &inbound, network, user, src,
				dst, domain),
			 6);
	dst_port = strrchr(dst, ':');
	*dst_port++ = '\0';
	src_port = strrchr(src, ':');
	if (src_port)
		*src_port++ = '\0';
	to_ip = prefix_parse(dst, strlen(dst), &to) == 0;
	from_ip = prefix_parse(src, strlen(src), &from) == 0;
	name = !to_ip ? dst : strcmp(domain, "-") ? domain : NULL;
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct config_rule *r = &c->rules[i];

		if ((!r->network || (r->network == IPPROTO_TCP) == (strcmp(network, "tcp") == 0)) &&
		    (!r->n_inbounds || r->inbounds[0] == inbound) &&
		    is_listed(r->users, r->n_users, strcmp(user, "-") ? user : "") &&
		    in_ranges(r->ports, r->n_ports, (unsigned)atoi(dst_port)) &&
		    (!r->n_source_ports || (from_ip && in_ranges(r->source_ports, r->n_source_ports,
								 (unsigned)atoi(src_port)))) &&
		    (!r->from.n || (from_ip && in_list(&r->from, &from))) &&
		    fits_destination(r, private, to_ip ? &to : NULL, name))
			return (int)i;
	}
	return -1;
}

static void route_match__random_rules__decides_as_they_read(void **state)
{
	unsigned taken[RULES + 1] = { 0 };
	struct prefix_list private = { 0 };

	(void)state;
	assert_int_equal(prefix_list_add_private(&private), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct config *c = random_config();
		struct route *r = route_made(c);

		for (int k = 0; k < FLOWS; k++) {
			char flow[300];
			int want;

			random_flow(flow);
			want = oracle(c, &private, flow);
			if (route_ask(r, flow).rule != want)
				fail_msg("round %d, %s: rule %d, not %d", round, flow,
					 route_ask(r, flow).rule, want);
			taken[want + 1]++;
		}
		route_unref(r);
		config_free(c);
	}
	for (size_t i = 0; i < N(taken); i++)
		assert_true(taken[i] > 100); /* each decision was among them */
	prefix_list_done(&private);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_match__random_rules__decides_as_they_read),
	};

	return cmocka_run_group_tests_name("route, random", tests, NULL, NULL);
}
