/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the driver, its loader and its trial share. */
#ifndef DATAPATH_DEMUX_IMPL_H
#define DATAPATH_DEMUX_IMPL_H

#include "datapath/demux.h"
#include "datapath/demux_load.h"

struct demux {
	struct demux_kernel k;
	unsigned n_free;
	unsigned *free; /* slots of no stream */
};

/*
 * Tries on sockets of this process what has failed on some kernel: 0, or -EOPNOTSUPP and one
 * reason, or -errno where it could not try.
 */
int demux_try(struct demux *d, char *why, size_t why_len);

#endif
