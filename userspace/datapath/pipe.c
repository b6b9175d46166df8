// SPDX-License-Identifier: GPL-2.0-or-later
// A worker's pipe: opening it with enough room, filling and emptying it.
#include "datapath/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

/* The room that it has now, as pieces; 0: too little. */
static unsigned resize(int fd, unsigned slots)
{
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);
	int room;

	if (slots > PIPE_NARROW && fcntl(fd, F_SETPIPE_SZ, slots * page) < 0)
		fcntl(fd, F_SETPIPE_SZ, slots / 4 * page);
	room = fcntl(fd, F_GETPIPE_SZ);
	return room < (int)(PIPE_NARROW * page) ? 0 : (unsigned)room / page;
}

bool relay_pipe_open(struct relay_pipe *p, unsigned slots)
{
	int fd[2];

	if (p->open || p->refused)
		return p->open;
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return false; /* descriptors may be short only now */
	slots = resize(fd[1], slots);
	*p = (struct relay_pipe){ fd[0], fd[1], slots, slots > 0, slots == 0 };
	if (p->refused) {
		fd_close(fd[0]);
		fd_close(fd[1]);
	}
	return p->open;
}

void relay_pipe_close(struct relay_pipe *p)
{
	if (!p->open)
		return;
	fd_close(p->rd);
	fd_close(p->wr);
	*p = (struct relay_pipe){ 0 };
}

static ssize_t move(int from, int to, size_t n)
{
	ssize_t got;

	do {
		got = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

ssize_t relay_pipe_fill(struct relay_pipe *p, int fd, size_t max)
{
	return move(fd, p->wr, max);
}

ssize_t relay_pipe_send(struct relay_pipe *p, int fd, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t took = move(p->rd, fd, n - sent);

		if (took == -EAGAIN || (took <= 0 && sent > 0))
			break;
		if (took <= 0)
			return took < 0 ? took : -EIO;
		sent += (size_t)took;
	}
	return (ssize_t)sent;
}

int relay_pipe_read(struct relay_pipe *p, void *to, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(p->rd, (uint8_t *)to + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		have += (size_t)got;
	}
	return 0;
}

void relay_pipe_drop(struct relay_pipe *p, size_t n)
{
	uint8_t waste[4096];

	while (n > 0) {
		size_t take = n < sizeof(waste) ? n : sizeof(waste);

		if (relay_pipe_read(p, waste, take) < 0)
			return;
		n -= take;
	}
}
