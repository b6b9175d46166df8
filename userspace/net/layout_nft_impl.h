/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing nft text: what the chains of all ways to steer have in common. */
#ifndef NET_LAYOUT_NFT_IMPL_H
#define NET_LAYOUT_NFT_IMPL_H

#include "net/layout.h"

struct writing {
	const struct plan *p;
	const struct layout *l;
	FILE *to;
};

/* One statement of a chain. */
__attribute__((format(printf, 2, 3))) void nft_line(struct writing *w, const char *format, ...);
void nft_begin(struct writing *w, const char *chain);
void nft_end(struct writing *w);

/* The captured protocols, as nft compares them. */
const char *nft_protocols(const struct writing *w);
/* Leaves the chain to what comes in by the captured interfaces, from the captured sources. */
void nft_captured(struct writing *w);
void nft_sets(struct writing *w, const struct prefix_list *bypass);
/* The chain "bypass": what is let through by what it is; accept ends the chain that jumped there.
 */
void nft_bypass_chain(struct writing *w);

#endif
