// SPDX-License-Identifier: GPL-2.0-or-later
// Strict decimal integers over bytes without a terminator.
#include "proto/decimal.h"

#include <errno.h>
#include <stdbool.h>

int decimal_parse(const char *p, size_t n, int64_t *ret)
{
	bool negative = n > 0 && p[0] == '-';
	size_t i = n > 0 && (p[0] == '-' || p[0] == '+');
	bool overflow = false;
	int64_t v = 0;

	if (i == n)
		return -EINVAL;
	for (; i < n; i++) {
		int digit = p[i] - '0';

		if (digit < 0 || digit > 9)
			return -EINVAL;
		/* counted downwards: the smallest number has no positive twin */
		overflow = overflow || __builtin_mul_overflow(v, 10, &v) ||
			   __builtin_sub_overflow(v, digit, &v);
	}
	if (overflow || (!negative && v == INT64_MIN))
		return -ERANGE;
	*ret = negative ? v : -v;
	return 0;
}
