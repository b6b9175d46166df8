// SPDX-License-Identifier: GPL-2.0-or-later
// Frame headers to and from seven bytes.
#include "proto/frame.h"

#include "base/be.h"

static const char *const names[] = {
	[FRAME_WASTE] = "Waste",
	[FRAME_SYN] = "SYN",
	[FRAME_PSH] = "PSH",
	[FRAME_FIN] = "FIN",
	[FRAME_SETTINGS] = "Settings",
	[FRAME_ALERT] = "Alert",
	[FRAME_UPDATE_PADDING] = "UpdatePaddingScheme",
	[FRAME_SYNACK] = "SYNACK",
	[FRAME_HEART_REQUEST] = "HeartRequest",
	[FRAME_HEART_RESPONSE] = "HeartResponse",
	[FRAME_SERVER_SETTINGS] = "ServerSettings",
};

void frame_get(const uint8_t p[static FRAME_HDR_LEN], struct frame_hdr *ret)
{
	*ret = (struct frame_hdr){
		.cmd = p[0],
		.stream_id = get_be32(p + 1),
		.len = get_be16(p + 5),
	};
}

void frame_put(uint8_t p[static FRAME_HDR_LEN], enum frame_cmd cmd, uint32_t stream_id,
	       uint16_t len)
{
	p[0] = (uint8_t)cmd;
	put_be32(p + 1, stream_id);
	put_be16(p + 5, len);
}

const char *frame_name(uint8_t cmd)
{
	return cmd < sizeof(names) / sizeof(names[0]) ? names[cmd] : "unknown";
}
