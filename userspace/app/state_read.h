/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a daemon's shared region from another process: checked, without locks, and without a way to
 * disturb the daemon. What lies there may be torn, cut or forged; what comes out of here has ended
 * texts and enums in their range.
 */
#ifndef APP_STATE_READ_H
#define APP_STATE_READ_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"

/* An array: mapped (BPF), or a file that is read, since a mapped one could be cut under us. */
struct state_source {
	int fd;
	void *map;
	size_t len;
};

struct state_reader {
	int dir;
	bool live; /* a daemon has the folder, that is, runs */
	struct state_header header;
	struct state_source workers, sessions, streams;
	char path[PATH_MAX];
};

/*
 * Opens the region in a folder. 0, or -errno with a reason in why: -ENOENT where there is no such
 * folder or nothing in it, -EPROTO where it is of another version or damaged. On failure `live` and
 * `path` are right all the same.
 */
int state_reader_open(struct state_reader *r, const char *dir, char *why, size_t why_len);
/* Also after a failure. */
void state_reader_close(struct state_reader *r);
/* Reads the header once more. Same errors. */
int state_reader_refresh(struct state_reader *r, char *why, size_t why_len);

/* Slot i of header.sessions, or .streams: 1 and *ret; 0: nobody has it; -EAGAIN: it is half
 * written (for as long as we looked); -EIO: it cannot be read. */
int state_reader_session(struct state_reader *r, uint32_t i, struct state_session *ret);
int state_reader_stream(struct state_reader *r, uint32_t i, struct state_stream *ret);
/* The sum over all workers. 0 or -EIO. */
int state_reader_counters(struct state_reader *r, struct state_counters *ret);

#endif
