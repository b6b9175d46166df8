// SPDX-License-Identifier: GPL-2.0-or-later
// Running nft commands and reading what nft lists.
#include "net/nft.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nftables/libnftables.h>

static int out_of_memory(char *why, size_t why_len)
{
	snprintf(why, why_len, "nft: out of memory");
	return -ENOMEM;
}

/* The first line, without what nft shows of the command; its errno is only in the words. */
static int explain(struct nft_ctx *ctx, char *why, size_t why_len)
{
	const char *text = nft_ctx_get_error_buffer(ctx),
		   *error = text ? strstr(text, "Error: ") : NULL;
	static const struct {
		const char *text;
		int err;
	} known[] = {
		{ "No such file", -ENOENT },	       { "File exists", -EEXIST },
		{ "Operation not permitted", -EPERM }, { "Operation not supported", -EOPNOTSUPP },
		{ "Device or resource busy", -EBUSY },
	};

	error = error ? error + strlen("Error: ") : "nft failed";
	snprintf(why, why_len, "nft: %.*s", (int)strcspn(error, "\n"), error);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (text && strstr(text, known[i].text))
			return known[i].err;
	return -EINVAL;
}

static unsigned flags_of(enum nft_listing how)
{
	unsigned flags = NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_PRIO;

	if (how != NFT_FULL)
		flags |= NFT_CTX_OUTPUT_TERSE;
	if (how == NFT_JSON)
		flags |= NFT_CTX_OUTPUT_JSON;
	return flags;
}

int nft_list(const char *command, enum nft_listing how, char **ret, char *why, size_t why_len)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	char *text;
	int err = 0;

	if (!ctx)
		return out_of_memory(why, why_len);
	nft_ctx_output_set_flags(ctx, flags_of(how));
	nft_ctx_buffer_output(ctx);
	nft_ctx_buffer_error(ctx);
	if (nft_run_cmd_from_buffer(ctx, command) != 0) {
		err = explain(ctx, why, why_len);
	} else {
		text = strdup(nft_ctx_get_output_buffer(ctx));
		if (text)
			*ret = text;
		else
			err = out_of_memory(why, why_len);
	}
	nft_ctx_free(ctx);
	return err;
}

/* Kernels are built without parts of it. */
static void explain_modules(int err, char *why, size_t why_len)
{
	size_t n = strlen(why);

	if (err == -ENOENT || err == -EOPNOTSUPP)
		snprintf(why + n, why_len - n,
			 " (needed: nf_tables with inet, ct, fib_inet; tproxy or redir)");
}

static int run(const char *commands, bool dry, char *why, size_t why_len)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	int err = 0;

	if (!ctx)
		return out_of_memory(why, why_len);
	nft_ctx_set_dry_run(ctx, dry);
	nft_ctx_buffer_output(ctx);
	nft_ctx_buffer_error(ctx);
	if (nft_run_cmd_from_buffer(ctx, commands) != 0) {
		err = explain(ctx, why, why_len);
		explain_modules(err, why, why_len);
	}
	nft_ctx_free(ctx);
	return err;
}

int nft_run(const char *commands, char *why, size_t why_len)
{
	return run(commands, false, why, why_len);
}

int nft_try(const char *commands, char *why, size_t why_len)
{
	return run(commands, true, why, why_len);
}

/* Listing a table that is not there is an error that other errors look like: so ask for names. */
int nft_list_table(const char *name, enum nft_listing how, char **ret, char *why, size_t why_len)
{
	char wanted[128], *all = NULL;
	int err = nft_list("list tables inet", NFT_FULL, &all, why, why_len);
	bool there;

	if (err)
		return err;
	snprintf(wanted, sizeof(wanted), "table inet %s\n", name);
	there = strstr(all, wanted) != NULL;
	free(all);
	if (!there)
		return -ENOENT;
	snprintf(wanted, sizeof(wanted), "list table inet %s", name);
	return nft_list(wanted, how, ret, why, why_len);
}

/* "elements = { 10.0.0.0/8, 192.0.2.1 }", over many lines. */
static int read_elements(const char *text, struct prefix_list *ret)
{
	const char *p = strstr(text, "elements = {");
	struct prefix one;
	int err = 0;

	p = p ? p + strlen("elements = {") : "";
	while (!err) {
		size_t n;

		p += strspn(p, " \t\n,");
		n = strcspn(p, " \t\n,}");
		if (n == 0)
			break;
		err = prefix_parse(p, n, &one);
		if (!err)
			err = prefix_list_add(ret, &one);
		p += n;
	}
	return err;
}

int nft_list_set(const char *table, const char *set, struct prefix_list *ret, char *why,
		 size_t why_len)
{
	char command[160], *text = NULL;
	int err;

	snprintf(command, sizeof(command), "list set inet %s %s", table, set);
	err = nft_list(command, NFT_FULL, &text, why, why_len);
	if (err)
		return err;
	err = read_elements(text, ret);
	if (err)
		snprintf(why, why_len,
			 "nft: set %s of table inet %s: elements that are no prefixes", set, table);
	free(text);
	return err;
}

uint64_t nft_digest(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3;
	return h;
}
