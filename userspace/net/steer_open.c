// SPDX-License-Identifier: GPL-2.0-or-later
// The life of the sk_lookup program: loaded, pinned, attached, taken over, taken away.
//
// An earlier daemon's program stays attached until ours has everything, and is replaced in one
// step. Pins follow: with a crash in between, the next start finds the earlier maps, and a program
// of ours that it replaces.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/fd.h"
#include "net/own.h"
#include "net/steer_impl.h"
#include "net/steer_pins.h"

#define NETNS	"/proc/thread-self/ns/net"
#define PROGRAM "steer"
#define LINK	"link"

/* Returns err, with what it means. */
static int explain(int err, const char *step, char *why, size_t why_len)
{
	if (err == -EPERM || err == -EACCES)
		snprintf(why, why_len, "%s: no right to (CAP_BPF and CAP_NET_ADMIN)", step);
	else if (err == -EXDEV)
		snprintf(why, why_len,
			 "%s: it is attached to another network namespace: give one of the two "
			 "another \"state\".\"name\" or \"steering\".\"pins\"",
			 step);
	else
		snprintf(why, why_len, "%s: %s", step, strerror(-err));
	return err;
}

/* 0: it is ours; -ESTALE: it is nobody's, or its namespace has ended, and says 0; -EXDEV: another
 * namespace that still is has it. */
static int judge(int link)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	struct stat st;

	if (bpf_obj_get_info_by_fd(link, &info, &len) < 0 || stat(NETNS, &st) < 0)
		return -errno;
	if (info.type != BPF_LINK_TYPE_NETNS || info.netns.attach_type != BPF_SK_LOOKUP ||
	    !info.netns.netns_ino)
		return -ESTALE;
	return info.netns.netns_ino == st.st_ino ? 0 : -EXDEV;
}

/* The earlier daemon's; -1 if there is none in this network namespace. 0 or -errno. */
static int open_link(const char *pins, int *ret)
{
	int link = steer_pin_open(pins, LINK, 0), err;

	*ret = -1;
	if (link < 0)
		return link == -ENOENT ? 0 : link;
	err = judge(link);
	if (err)
		fd_close(link);
	else
		*ret = link;
	return err == -ESTALE ? 0 : err;
}

/* Maps without a link of this namespace are about the interfaces of another one. */
static int open_maps(const char *pins, struct steer_kernel *k)
{
	int err = 0;

	for (int i = 0; i < STEER_MAPS && !err; i++) {
		k->maps[i] = steer_pin_open(pins, steer_map_names[i], 0);
		if (k->maps[i] == -ENOENT)
			k->maps[i] = -1;
		else if (k->maps[i] < 0)
			err = k->maps[i];
	}
	return err;
}

/* What a program with new maps must know from its first packet on: which addresses are own ones,
 * and that it does not know of the interfaces. */
static int seed(const struct steer_kernel *k)
{
	static const struct steer_state untold;
	struct prefix_list own = { 0 };
	__u32 key = 0;
	int err = 0;

	if (k->fresh[STEER_MAP_OWN])
		err = own_read(&own);
	if (!err && k->fresh[STEER_MAP_OWN])
		err = steer_put_own(k->maps[STEER_MAP_OWN], &own);
	prefix_list_done(&own);
	if (!err && k->fresh[STEER_MAP_IFACES] &&
	    bpf_map_update_elem(k->maps[STEER_MAP_STATE], &key, &untold, BPF_ANY) < 0)
		err = -errno;
	return err;
}

static int stage(const char *pins, const struct steer_kernel *k)
{
	int err = steer_pin_stage(pins, PROGRAM, k->program);

	for (int i = 0; i < STEER_MAPS && !err; i++)
		if (k->fresh[i])
			err = steer_pin_stage(pins, steer_map_names[i], k->maps[i]);
	return err;
}

/* The last step that can fail. */
static int attach(const char *pins, int program)
{
	int netns = open(NETNS, O_RDONLY | O_CLOEXEC);
	int link = netns < 0 ? -1 : bpf_link_create(program, netns, BPF_SK_LOOKUP, NULL);
	int err = link < 0 ? -errno : steer_pin_stage(pins, LINK, link);

	fd_close(netns);
	fd_close(link);
	return err;
}

static int switch_over(const char *pins, int program, int link)
{
	if (link < 0)
		return attach(pins, program);
	return bpf_link_update(link, program, NULL) < 0 ? -errno : 0;
}

static int commit(const char *pins)
{
	int err = steer_pin_commit(pins, LINK);

	for (int i = 0; i < STEER_MAPS && !err; i++)
		err = steer_pin_commit(pins, steer_map_names[i]);
	return err ? err : steer_pin_commit(pins, PROGRAM);
}

static int replace(const char *pins, struct steer_kernel *k, int link, const char **step)
{
	int err;

	*step = "load the sk_lookup program";
	err = steer_kernel_load(k);
	if (err)
		return err;
	*step = "read the machine's addresses";
	err = seed(k);
	if (err)
		return err;
	*step = "pin the sk_lookup program";
	err = stage(pins, k);
	if (err)
		return err;
	*step = "attach the sk_lookup program";
	err = switch_over(pins, k->program, link);
	if (err)
		return err;
	*step = "pin the sk_lookup program";
	return commit(pins);
}

static int open_kernel(const char *pins, struct steer_kernel *k, const char **step)
{
	int link, err;

	*step = "look at the earlier program";
	err = steer_pins_sweep(pins, false);
	if (err)
		return err;
	err = open_link(pins, &link);
	if (!err && link >= 0)
		err = open_maps(pins, k);
	if (!err)
		err = replace(pins, k, link, step);
	if (err)
		steer_pins_sweep(pins, false);
	fd_close(link);
	return err;
}

struct steer *steer_open(const char *pins, char *why, size_t why_len)
{
	struct steer *s;
	const char *step;
	int err;

	if (steer_pins_make(pins, why, why_len) < 0)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(why, why_len, "no memory");
		return NULL;
	}
	s->kernel = STEER_KERNEL_NONE;
	err = open_kernel(pins, &s->kernel, &step);
	fd_close(fd_take(&s->kernel.program));
	if (!err)
		return s;
	explain(err, step, why, why_len);
	steer_close(s);
	return NULL;
}

void steer_close(struct steer *s)
{
	if (!s)
		return;
	steer_kernel_close(&s->kernel);
	free(s);
}

/* Detached, not only unpinned: that would take effect some time later. */
static int detach(const char *pins)
{
	int link = steer_pin_open(pins, LINK, 0), err;

	if (link == -ENOENT)
		return 0;
	if (link < 0)
		return link;
	err = judge(link);
	if (!err && bpf_link_detach(link) < 0)
		err = -errno;
	fd_close(link);
	return err == -ESTALE ? 0 : err;
}

int steer_remove(const char *pins, char *why, size_t why_len)
{
	int err = access(pins, F_OK) == 0 ? detach(pins) : -errno;

	if (err == -ENOENT)
		return 0;
	if (err)
		return explain(err, "detach the sk_lookup program", why, why_len);
	err = steer_pins_sweep(pins, true);
	/* Pins of others stay, and so does the folder. */
	if (!err && rmdir(pins) < 0 && errno != ENOTEMPTY)
		err = -errno;
	return err ? explain(err, "unpin the sk_lookup program", why, why_len) : 0;
}
