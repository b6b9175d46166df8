/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft tables of the calling thread's network namespace, by libnftables. */
#ifndef NET_NFT_H
#define NET_NFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

/* What a listing leaves out, or how it is written. */
enum nft_listing {
	NFT_FULL,  /* as it can be loaded again; without counters' values */
	NFT_RULES, /* without the elements of named sets */
	NFT_JSON,  /* likewise, as JSON */
};

/* Runs commands as one transaction. 0, or -errno with nothing changed and one line in why. */
int nft_run(const char *commands, char *why, size_t why_len);
/* Whether nft_run() would do it: the kernel looks at all of it, and forgets it. 0 or -errno and
 * why. */
int nft_try(const char *commands, char *why, size_t why_len);

/* What a command lists; *ret is the caller's to free. 0, -ENOENT, or -errno and why. */
int nft_list(const char *command, enum nft_listing how, char **ret, char *why, size_t why_len);
/* The table "inet NAME". -ENOENT where there is none. */
int nft_list_table(const char *name, enum nft_listing how, char **ret, char *why, size_t why_len);
/* The elements of a set of addresses; added to *ret, not normal. */
int nft_list_set(const char *table, const char *set, struct prefix_list *ret, char *why,
		 size_t why_len);

/* Of a text, to see whether it is another one: FNV-1a. */
uint64_t nft_digest(const char *text);

#endif
