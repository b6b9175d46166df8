/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockmap engine's driver: large frames of a session, spliced into a pipe, are taken apart by
 * the kernel and their payload sent to the streams' sockets.
 *
 * A push is over when it returns: nothing is under way between two of them, so one demux serves all
 * sessions of a thread. It goes as far as the kernel can; whatever is next (another frame than a
 * large one of a known stream, a socket that is full or broken) stays in the pipe with all that
 * follows, for the caller to read and handle as usual. So order takes no care, as long as nothing
 * of a stream waits in userspace: mark the stream slow meanwhile.
 *
 * SIGPIPE must be ignored in the whole process. TCP sockets with TLS must never come in here, as
 * kernels refuse that, or corrupt, or crash.
 */
#ifndef DATAPATH_DEMUX_H
#define DATAPATH_DEMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/demux.h"

/* Bytes of one push: what is sure to fit one message even where memory comes in single pages. */
#define DEMUX_PUSH_MAX 61440

/* One thread's. */
struct demux;

/* Where a frame reader stands: struct session has the same members. */
struct demux_pos {
	uint8_t hdr[DEMUX_HDR_LEN];
	uint8_t hdr_have; /* bytes of hdr that are read; DEMUX_HDR_LEN: within the frame */
	uint32_t left;	  /* of the frame's data; only within it */
};

struct demux_pushed {
	size_t taken;	    /* bytes that left the pipe */
	enum demux_why why; /* what stopped the first byte that did not; DEMUX_ALL: nothing */
	unsigned n;
	struct demux_part parts[DEMUX_PARTS]; /* payload by slot, in order */
};

/*
 * Loads program and maps for `streams` streams, and tries them (a few ms). 0, or -errno with one
 * reason: -EPERM without the right to use BPF, -EOPNOTSUPP where this kernel fails the trial, ...
 */
int demux_new(struct demux **ret, unsigned streams, char *why, size_t why_len);
/* NULL is ignored. Sockets of streams that are left stay the caller's, and open. */
void demux_free(struct demux *d);

/*
 * Adds stream `stream` of session `session` (a key of the caller's) with the socket that its
 * payload goes to. The socket stays the caller's, to read and write as ever, but for SIOCINQ, which
 * some kernels answer with 0 now. *ret_slot names the stream until demux_remove(). 0, -EINVAL (no
 * TCP socket, or one with TLS), -EEXIST, -ENOSPC, -EOPNOTSUPP (not connected both ways), -errno.
 */
int demux_add(struct demux *d, uint64_t session, uint32_t stream, int fd, unsigned *ret_slot);
/* Before fd is closed. Nothing that was sent is lost. */
void demux_remove(struct demux *d, unsigned slot);
/* Leaves the stream's frames alone, or no longer. No system call. */
void demux_slow(struct demux *d, unsigned slot, bool slow);

/*
 * Pushes what is in the pipe: n <= DEMUX_PUSH_MAX bytes in at most 16 pieces (it has that many
 * slots unless it was resized), which follow on *pos in the session's stream of frames. 0: *pos and
 * *ret are set, and n - ret->taken bytes are still in the pipe. -EIO: bytes are lost, so the
 * session must end, and what is in the pipe is worthless; the demux is fit for others.
 */
int demux_push(struct demux *d, uint64_t session, struct demux_pos *pos, int pipe_rd, size_t n,
	       struct demux_pushed *ret);

#endif
