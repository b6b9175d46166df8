// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the region in the best way that there is, and takes it away.
#include "app/state_region.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "app/version.h"
#include "base/clock.h"
#include "base/fd.h"

#define BPFFS	    "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11

const char *const state_array_names[STATE_ARRAYS] = { "header", "workers", "sessions", "streams" };

/* Whose the folders become; (uid_t)-1: they stay ours. */
static uid_t future_user(const struct config *c, gid_t *ret_gid)
{
	struct passwd *pw = c->user && geteuid() == 0 ? getpwnam(c->user) : NULL;

	*ret_gid = pw ? pw->pw_gid : (gid_t)-1;
	return pw ? pw->pw_uid : (uid_t)-1;
}

static const char *name_of(const struct config_state *s)
{
	return s->name ? s->name : PROGRAM_NAME;
}

/* Where the folder is to be; false where there is no place. */
static bool choose(const struct config_state *s, char out[static PATH_MAX])
{
	const char *given = getenv("RUNTIME_DIRECTORY"), *own = getenv("XDG_RUNTIME_DIR");
	int n;

	if (s->directory)
		n = snprintf(out, PATH_MAX, "%s", s->directory);
	else if (given && *given == '/')
		n = snprintf(out, PATH_MAX, "%.*s", (int)strcspn(given, ":"), given);
	else if (geteuid() == 0)
		n = snprintf(out, PATH_MAX, "/run/%s", name_of(s));
	else if (own && *own == '/')
		n = snprintf(out, PATH_MAX, "%s/%s", own, name_of(s));
	else
		n = snprintf(out, PATH_MAX, "/run/user/%u/%s", geteuid(), name_of(s));
	return n < PATH_MAX;
}

static int open_pins(struct state_region *r, const struct config_state *s, uid_t owner, char *why,
		     size_t why_len)
{
	char path[sizeof(BPFFS) + 64];
	struct statfs fs;

	if (statfs(BPFFS, &fs) < 0 || (uint32_t)fs.f_type != BPFFS_MAGIC) {
		snprintf(why, why_len, "no bpffs at " BPFFS);
		return -ENOENT;
	}
	snprintf(path, sizeof(path), BPFFS "/%s", name_of(s));
	return state_dir_open(path, owner, &r->pins, why, why_len);
}

static int open_maps(struct state_region *r, const struct config_state *s,
		     const struct state_shape *shape, uid_t owner, char *why, size_t why_len)
{
	int err = open_pins(r, s, owner, why, why_len);

	if (!err)
		err = state_maps_open(r, shape, why, why_len);
	if (!err && symlinkat(r->pins.path, r->dir.fd, "bpf") < 0) {
		err = -errno;
		snprintf(why, why_len, "%s/bpf: %s", r->dir.path, strerror(-err));
	}
	if (err)
		state_dir_remove(&r->pins);
	return err;
}

static void unmap(struct state_region *r)
{
	for (int i = 0; i < STATE_ARRAYS; i++) {
		if (r->maps[i].p)
			munmap(r->maps[i].p, r->maps[i].len);
		fd_close(r->maps[i].fd);
		r->maps[i] = (struct state_map){ .fd = -1 };
	}
}

/* By the configured backing; `why` names what was taken, and why nothing better. */
static int open_backing(struct state_region *r, const struct config_state *s,
			const struct state_shape *shape, uid_t owner, char *why, size_t why_len)
{
	char no_bpf[PATH_MAX + 200] = "";
	int err = -EINVAL;

	if (s->backing != STATE_BACKING_FILE) {
		err = open_maps(r, s, shape, owner, no_bpf, sizeof(no_bpf));
		if (!err) {
			snprintf(why, why_len, "%s, BPF maps in %s", r->dir.path, r->pins.path);
			return 0;
		}
		unmap(r);
	}
	if (s->backing == STATE_BACKING_BPF) {
		snprintf(why, why_len, "%s", no_bpf);
		return err;
	}
	err = state_files_open(r, shape, why, why_len);
	if (!err)
		snprintf(why, why_len, "%s%s%s", r->dir.path, *no_bpf ? ", no BPF maps: " : "",
			 no_bpf);
	return err;
}

static void describe(struct state_region *r, const struct state_shape *shape)
{
	struct state_header *h = r->header;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*h = (struct state_header){
		.version = STATE_VERSION,
		.generation = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
		.start_wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
		.start_ms = clock_now_ms(),
		.beat_ms = clock_now_ms(),
		.pid = (uint32_t)getpid(),
		.backing = r->pins.fd >= 0 ? STATE_BACKING_BPF : STATE_BACKING_FILE,
		.workers = (uint32_t)shape->elements[STATE_WORKERS],
		.sessions = (uint32_t)shape->elements[STATE_SESSIONS],
		.streams = (uint32_t)shape->elements[STATE_STREAMS],
		.header_size = sizeof(struct state_header),
		.worker_size = sizeof(struct state_counters),
		.session_size = sizeof(struct state_session),
		.stream_size = sizeof(struct state_stream),
		.live = 1,
		.program = PROGRAM_NAME " " PROGRAM_VERSION,
	};
	snprintf(h->name, sizeof(h->name), "%.*s", (int)sizeof(h->name) - 1,
		 state_dir_name(&r->dir));
	__atomic_store_n(&h->magic, STATE_MAGIC, __ATOMIC_RELEASE);
}

static struct state_region *make(const struct config_state *s, const struct state_shape *shape,
				 uid_t owner, char *why, size_t why_len)
{
	struct state_region *r = calloc(1, sizeof(*r));
	char path[PATH_MAX];

	if (!r) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	r->dir.fd = r->pins.fd = -1;
	for (int i = 0; i < STATE_ARRAYS; i++)
		r->maps[i].fd = -1;
	snprintf(why, why_len, "the path of its folder is too long");
	if (!choose(s, path) || state_dir_open(path, owner, &r->dir, why, why_len) < 0 ||
	    open_backing(r, s, shape, owner, why, why_len) < 0) {
		state_region_close(r);
		return NULL;
	}
	r->header = r->maps[STATE_HEADER].p;
	r->workers = r->maps[STATE_WORKERS].p;
	r->sessions = r->maps[STATE_SESSIONS].p;
	r->streams = r->maps[STATE_STREAMS].p;
	return r;
}

/* So that it can read what is in there and, in the end, remove it. What it cannot, the next start
 * does. */
static int give_to(struct state_region *r, uid_t uid, gid_t gid)
{
	int err = fchown(r->dir.fd, uid, gid);

	if (!err && r->pins.fd >= 0)
		err = fchown(r->pins.fd, uid, gid);
	for (int i = 0; i < STATE_ARRAYS && !err; i++)
		if (r->maps[i].fd >= 0)
			err = fchown(r->maps[i].fd, uid, gid);
	return err < 0 ? -errno : 0;
}

struct state_region *state_region_open(const struct config *c, unsigned n_workers, char *why,
				       size_t why_len)
{
	struct state_shape shape = {
		.elements = { 1, n_workers, c->state.sessions, c->state.streams },
		.sizes = { sizeof(struct state_header), sizeof(struct state_counters),
			   sizeof(struct state_session), sizeof(struct state_stream) },
	};
	gid_t gid;
	uid_t uid = future_user(c, &gid);
	struct state_region *r = make(&c->state, &shape, uid, why, why_len);

	if (!r)
		return NULL;
	describe(r, &shape);
	if (uid != (uid_t)-1 && give_to(r, uid, gid) < 0) {
		snprintf(why, why_len, "%s: %s", r->dir.path, strerror(errno));
		state_region_close(r);
		return NULL;
	}
	return r;
}

int state_region_back(struct state_region *r, enum state_array array, size_t off, size_t len)
{
	int fd = r->maps[array].fd;

	return fd < 0 ? 0 : -posix_fallocate(fd, (off_t)off, (off_t)len);
}

void state_region_close(struct state_region *r)
{
	if (!r)
		return;
	if (r->header)
		memset(r->header, 0, sizeof(*r->header));
	if (r->workers)
		memset(r->workers, 0, r->maps[STATE_WORKERS].len);
	unmap(r);
	state_dir_remove(&r->pins);
	state_dir_remove(&r->dir);
	free(r);
}
