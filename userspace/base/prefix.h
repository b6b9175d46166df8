/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address prefixes ("10.0.0.0/8", "fd00::/8") and lists of them that are searched fast. */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFIX_TEXT_MAX 52

/* Zero-initialised it is none. Bits of ip beyond len are zero. */
struct prefix {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t len;	/* bits: 0..32 or 0..128 */
	uint8_t ip[16]; /* IPv4: the first four */
};

/*
 * From text: an address with or without "/BITS". Host bits are cleared; an IPv4-mapped IPv6 prefix
 * of at least 96 bits becomes IPv4. -EINVAL where it is neither.
 */
int prefix_parse(const char *text, size_t n, struct prefix *ret);
/* The whole address: n is 4 or 16. */
struct prefix prefix_of(const uint8_t *ip, size_t n);
/* "10.0.0.0/8", or "none"; returns out. */
const char *prefix_text(const struct prefix *p, char out[static PREFIX_TEXT_MAX]);
/* n is 4 or 16 (an IPv4-mapped address is none of IPv4's); false for the other family. */
bool prefix_has(const struct prefix *p, const uint8_t *ip, size_t n);
/* An order for qsort() and friends: family, address, length. */
int prefix_compare(const void *a, const void *b);

/* Zero-initialised it is empty. */
struct prefix_list {
	struct prefix *at;
	size_t n, room;
};

/* 0 or -ENOMEM. */
int prefix_list_add(struct prefix_list *l, const struct prefix *p);
/* All of `from` too. 0 or -ENOMEM. */
int prefix_list_add_all(struct prefix_list *l, const struct prefix_list *from);
/*
 * What is no public destination: private (RFC 1918, RFC 4193), loopback, link-local, multicast,
 * 0.0.0.0/8, 255.255.255.255 and the unspecified address of IPv6. 0 or -ENOMEM.
 */
int prefix_list_add_private(struct prefix_list *l);
void prefix_list_done(struct prefix_list *l);
/* Sorts, and drops what another one contains: what prefix_list_has() and _equal() need. */
void prefix_list_normal(struct prefix_list *l);
/* Of a normal list, in O(log n). n is 4 or 16. */
bool prefix_list_has(const struct prefix_list *l, const uint8_t *ip, size_t n);
bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b);

/*
 * Adds those of a file: one a line, '#' begins a comment, blank lines are skipped. What is no
 * regular file, has over 16 MiB or a line that is no prefix, is refused as a whole. 0, or -errno
 * and one line in why ("FILE:LINE: ..." or "FILE: ..."), with the list as it was.
 */
int prefix_list_read(struct prefix_list *l, const char *path, char *why, size_t why_len);

#endif
