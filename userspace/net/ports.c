// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the kernel's tables of TCP sockets.
#include "net/ports.h"

#include <stdio.h>

#define STATE_LISTEN 0x0A

static bool has(const struct steer_ports *at, size_t n, unsigned port)
{
	for (size_t i = 0; i < n; i++)
		if (at[i].first <= port && port <= at[i].last)
			return true;
	return false;
}

static bool search(const char *path, const struct steer_ports *at, size_t n, uint16_t except,
		   uint16_t *ret_port)
{
	FILE *f = fopen(path, "re");
	unsigned port, state;
	bool found = false;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port, &state) == 2 &&
		    state == STATE_LISTEN && port != except && has(at, n, port)) {
			*ret_port = (uint16_t)port;
			found = true;
		}
	if (f)
		fclose(f);
	return found;
}

bool ports_listening(const struct steer_ports *at, size_t n, uint16_t except, uint16_t *ret_port)
{
	return n && (search("/proc/thread-self/net/tcp", at, n, except, ret_port) ||
		     search("/proc/thread-self/net/tcp6", at, n, except, ret_port));
}
