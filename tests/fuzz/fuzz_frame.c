// SPDX-License-Identifier: GPL-2.0-or-later
// A stream of frames that arrives in arbitrary pieces gives the frames it gives in one piece.
#include "proto/frame.h"

#include <string.h>

#include "fuzz.h"

/* What a receiver keeps between pieces. */
struct reader {
	uint8_t hdr[FRAME_HDR_LEN];
	size_t n_hdr;	 /* bytes of hdr that are there */
	size_t left;	 /* data bytes of the current frame still to come */
	uint64_t digest; /* of all headers and data bytes so far */
	unsigned frames;
};

static void add(struct reader *r, uint64_t v)
{
	r->digest = (r->digest ^ v) * 0x100000001b3u;
}

static void end_header(struct reader *r)
{
	uint8_t again[FRAME_HDR_LEN];
	struct frame_hdr h;

	frame_get(r->hdr, &h);
	CHECK(frame_name(h.cmd));
	frame_put(again, (enum frame_cmd)h.cmd, h.stream_id, h.len);
	CHECK(memcmp(again, r->hdr, sizeof(again)) == 0);
	add(r, h.cmd);
	add(r, h.stream_id);
	add(r, h.len);
	r->left = h.len;
	r->n_hdr = 0;
	r->frames++;
}

static void feed(struct reader *r, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t want = r->left > 0 ? r->left : FRAME_HDR_LEN - r->n_hdr;
		size_t take = want < n ? want : n;

		if (r->left > 0) {
			for (size_t i = 0; i < take; i++)
				add(r, p[i]);
			r->left -= take;
		} else {
			memcpy(r->hdr + r->n_hdr, p, take);
			r->n_hdr += take;
			if (r->n_hdr == FRAME_HDR_LEN)
				end_header(r);
		}
		p += take;
		n -= take;
	}
}

/* The first byte says how many cut bytes follow, each the length of a piece; then comes the stream.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader whole = { .n_hdr = 0 }, pieces = { .n_hdr = 0 };
	size_t n_cuts, at = 0;
	const uint8_t *stream;

	if (size < 1 || size - 1 < data[0])
		return 0;
	n_cuts = data[0];
	stream = data + 1 + n_cuts;
	size -= 1 + n_cuts;
	feed(&whole, stream, size);
	for (size_t i = 0; at < size; i++) {
		size_t piece = n_cuts > 0 ? data[1 + i % n_cuts] : 1;

		piece = piece == 0 ? 1 : piece < size - at ? piece : size - at;
		feed(&pieces, stream + at, piece);
		at += piece;
	}
	CHECK(whole.frames == pieces.frames && whole.digest == pieces.digest);
	CHECK(whole.left == pieces.left && whole.n_hdr == pieces.n_hdr);
	return 0;
}
