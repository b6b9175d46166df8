// SPDX-License-Identifier: GPL-2.0-or-later
// Self-tests of BPF: a program and its memory, and the choice of a listener.
#include "datapath/kernel_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bpf/probe_lookup.skel.h"
#include "bpf/probe_map.skel.h"

#define ASKED 0x123456789abcdef0

static int run_once(struct kernel_bed *b, struct probe_map *s)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int err;

	s->bss->asked = ASKED;
	b->doing = "running a program";
	err = bpf_prog_test_run_opts(bpf_program__fd(s->progs.answer_once), &opts);
	if (err)
		return err;
	b->accepted = true;
	b->doing = "mapped array";
	return s->bss->answer == ASKED + 1 ? 0 : -EILSEQ;
}

int kernel_test_bpf(struct kernel_bed *b)
{
	struct probe_map *s;
	int err;

	b->doing = "loading a program";
	s = probe_map__open_and_load();
	if (!s)
		return -errno;
	err = run_once(b, s);
	probe_map__destroy(s);
	return err;
}

/* A SYN to somewhere else, which the program is to give to our listener. */
static int look_up(struct kernel_bed *b, struct probe_lookup *s)
{
	struct bpf_sk_lookup packet = { .family = AF_INET,
					.protocol = IPPROTO_TCP,
					.remote_ip4 = htonl(0xc6336401), /* 198.51.100.1 */
					.remote_port = htons(40000),
					.local_ip4 = htonl(0xcb007101), /* 203.0.113.1 */
					.local_port = 443 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &packet, .ctx_size_in = sizeof(packet),
		    .ctx_out = &packet, .ctx_size_out = sizeof(packet));
	const uint64_t fd = (uint64_t)b->listener;
	const uint32_t first = 0;
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int err;

	b->doing = "listener in a sockmap";
	err = bpf_map_update_elem(bpf_map__fd(s->maps.probe_listener), &first, &fd, BPF_ANY);
	if (err)
		return err;
	b->doing = "running sk_lookup";
	err = bpf_prog_test_run_opts(bpf_program__fd(s->progs.give_to_listener), &opts);
	if (err)
		return err;
	b->accepted = true;
	b->doing = "listener chosen";
	if (getsockopt(b->listener, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return -errno;
	return opts.retval == SK_PASS && packet.cookie == cookie ? 0 : -EILSEQ;
}

int kernel_test_sk_lookup(struct kernel_bed *b)
{
	struct probe_lookup *s;
	int err;

	b->doing = "loading sk_lookup";
	s = probe_lookup__open_and_load();
	if (!s)
		return -errno;
	err = look_up(b, s);
	probe_lookup__destroy(s);
	return err;
}
