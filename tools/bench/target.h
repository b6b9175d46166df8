/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the streams lead to, in a process of its own. The floor scrambles what it relays, so nothing
 * here looks at content: only counts, and at which byte a stream ends.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum target_kind {
	TARGET_SOURCE, /* sends `bytes` to each stream, then waits for its end */
	TARGET_SINK,   /* takes `bytes` from each stream, then answers with one byte */
	TARGET_ECHO,   /* sends back what comes */
};

/* Written by the target's process, read by the parent at any time. */
struct target_stats {
	_Atomic uint64_t in, out;
	_Atomic uint32_t open, accepted;
	_Atomic uint32_t broken; /* streams that ended with an error or before their last byte */
};

struct target {
	pid_t pid;
	struct target_stats *stats;
};

/*
 * Forks the target; it listens on 127.0.0.1, or on all addresses of another network namespace, when
 * this returns, and dies with its parent. netns: NULL, or a file as for place_bind().
 */
void target_start(struct target *t, enum target_kind kind, const char *netns, uint16_t port,
		  uint64_t bytes);
/* What the target has used so far. */
uint64_t target_cpu_ns(const struct target *t);
/* Waits up to 10 s for the target's streams to end, then ends it. 0, or -ETIMEDOUT if some did not.
 */
int target_stop(struct target *t);

#endif
