// SPDX-License-Identifier: GPL-2.0-or-later
// The users of an inbound.
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "app/config_parts.h"
#include "app/config_seen.h"
#include "base/secret.h"

#define SOCKS_TEXT_MAX 255
#define NAME_MAX_LEN   255

void config_hash(const char *text, uint8_t out[static 32])
{
	unsigned n = 32;

	EVP_Digest(text, strlen(text), out, &n, EVP_sha256(), NULL);
}

/* anytls: only the password's hash is kept. */
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

const struct config_row config_rows_user_anytls[] = {
	{ .key = "name",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config_user, name),
	  .min = 0,
	  .max = NAME_MAX_LEN,
	  .help = "name in logs and counters" },
	{ .key = "password",
	  .type = ROW_CALL,
	  .required = true,
	  .read = read_password,
	  ROW_FIELD(struct config_user, hash),
	  .help = "what the client authenticates with" },
	{ 0 },
};

const struct config_row config_rows_user_socks[] = {
	{ .key = "username",
	  .type = ROW_STRING,
	  .required = true,
	  ROW_FIELD(struct config_user, name),
	  .min = 1,
	  .max = SOCKS_TEXT_MAX,
	  .help = "name that the application gives" },
	{ .key = "password",
	  .type = ROW_STRING,
	  .required = true,
	  ROW_FIELD(struct config_user, password),
	  .min = 1,
	  .max = SOCKS_TEXT_MAX,
	  .help = "password that the application gives" },
	{ 0 },
};

struct uniques {
	struct config_seen *names, *hashes;
};

static void check_unique(struct config_reader *r, struct config_ref v, const struct config_user *u,
			 bool anytls, struct uniques *s)
{
	const struct config_node *earlier = NULL;

	if (*u->name &&
	    config_seen_add(&s->names, u->name, strlen(u->name), v.n, (const void **)&earlier) < 0)
		r->oom = true;
	if (earlier)
		config_error(&r->report, config_member(v, anytls ? "name" : "username").n,
			     "\"%s\" is the name of user %zu already", ECHO(u->name),
			     earlier->index + 1);
	earlier = NULL;
	/* a password that was refused has no hash */
	if (!anytls || json_string_length(config_member(v, "password").v) == 0)
		return;
	if (config_seen_add(&s->hashes, u->hash, sizeof(u->hash), v.n, (const void **)&earlier) < 0)
		r->oom = true;
	if (earlier)
		config_error(&r->report, config_member(v, "password").n,
			     "this is the password of user %zu already: users are told apart by it",
			     earlier->index + 1);
}

void config_read_users(struct config_reader *r, struct config_ref v, struct config_inbound *in)
{
	static const struct config_row *const anytls_tables[] = { config_rows_user_anytls, NULL };
	static const struct config_row *const socks_tables[] = { config_rows_user_socks, NULL };
	bool anytls = in->type == INBOUND_ANYTLS;
	struct config_list l = config_list_start(v);
	struct uniques s = { 0 };

	in->users = config_alloc(r, l.n, sizeof(*in->users));
	for (; in->users && l.item.v; config_list_next(&l)) {
		struct config_user *u = &in->users[in->n_users];
		bool read = config_read_object(r, l.item, anytls ? anytls_tables : socks_tables, u);

		if (!u->name)
			u->name = config_strdup(r, "");
		in->n_users++;
		if (read && u->name)
			check_unique(r, l.item, u, anytls, &s);
	}
	if (anytls && l.n == 0)
		config_error(&r->report, v.n, "at least one user is needed");
	config_seen_free(&s.names);
	config_seen_free(&s.hashes);
}
