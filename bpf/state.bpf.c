// SPDX-License-Identifier: GPL-2.0-or-later
// The daemon's shared state as memory-mapped arrays with type information: maps, and no program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* Elements are set before loading. */
#define STATE_MAP(name, value_type)                                                                \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, struct value_type);                                                  \
	} name SEC(".maps")

STATE_MAP(header, state_header);
STATE_MAP(workers, state_counters);
STATE_MAP(sessions, state_session);
STATE_MAP(streams, state_stream);
