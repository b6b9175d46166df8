/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decimal integers in a peer's text, read as Go's strconv does. */
#ifndef PROTO_DECIMAL_H
#define PROTO_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * The n bytes at p as one integer: an optional '+' or '-', then one or more digits, leading zeros
 * allowed. -EINVAL for anything else; -ERANGE where it does not fit into 64 bits.
 */
int decimal_parse(const char *p, size_t n, int64_t *ret);

#endif
