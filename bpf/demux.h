/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program that takes frames apart and its driver in userspace share. */
#ifndef BPF_DEMUX_H
#define BPF_DEMUX_H

#include <linux/types.h>

#define DEMUX_HDR_LEN	7
#define DEMUX_PSH	2    /* the command of a frame with a stream's data */
#define DEMUX_FRAME_MIN 8192 /* shorter ones are cheaper to copy */
#define DEMUX_PARTS	16   /* of one push; frames of DEMUX_FRAME_MIN never need as many */
#define DEMUX_END	0    /* slot of the socket that takes nothing: what is sent there stops */

/* Why a push ended before its bytes did. */
enum demux_why {
	DEMUX_ALL,     /* it did not */
	DEMUX_CUT,     /* a header that is not all there, with at least a byte behind it */
	DEMUX_COMMAND, /* a frame that is not PSH */
	DEMUX_SHORT,   /* a frame of less than DEMUX_FRAME_MIN bytes */
	DEMUX_STREAM,  /* no such stream here */
	DEMUX_SLOW,    /* a stream that is marked so */
	DEMUX_GONE,    /* the stream's socket was closed */
	DEMUX_PARTIAL, /* the stream's socket did not take all, being full or broken */
	DEMUX_MEMORY,  /* the kernel had none */
};

/* Key of a stream: those of two sessions may have one id. */
struct demux_key {
	__u64 session;
	__u32 stream;
	__u32 zero;
};

/* A stream. Userspace writes, the program reads. */
struct demux_slot {
	__u64 session;
	__u64 bytes; /* redirected so far */
	__u32 stream;
	__u32 slow; /* leave its frames alone */
};

/* Bytes that went to one stream. */
struct demux_part {
	__u32 slot;
	__u32 bytes;
};

/* The push under way; before it userspace writes, afterwards it reads. */
struct demux_state {
	__u64 session;
	__u32 offered; /* bytes of the push */
	__u32 done;    /* bytes popped and redirected, if the last redirect got through whole */
	__u32 last;    /* bytes of the last redirect */
	__u32 left;    /* of the frame whose header is in hdr */
	__u8 hdr[DEMUX_HDR_LEN];
	__u8 hdr_have; /* bytes of hdr that are read; DEMUX_HDR_LEN: within a frame */
	__u32 why;     /* enum demux_why */
	__u32 n_parts;
	struct demux_part parts[DEMUX_PARTS];
};

#endif
