// SPDX-License-Identifier: GPL-2.0-or-later
// Reading a network namespace's settings.
#include "net/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/nft.h"

/* A thread's own view: /proc/net is that of the process. */
#define IF_INET6 "/proc/thread-self/net/if_inet6"

int machine_setting(const char *file)
{
	char path[160], text[16];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = (int)read(fd, text, sizeof(text) - 1);
	fd_close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return atoi(text);
}

bool machine_has_ipv6(void)
{
	return access(IF_INET6, R_OK) == 0 && machine_setting("ipv6/conf/lo/disable_ipv6") == 0;
}

/* Words of a ruleset that have the kernel track. */
static bool text_tracks(const char *text)
{
	static const char *const words[] = { "\tct ", " ct ", "type nat hook", "conntrack" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* 1, 0, or -1 where the listing cannot be had. */
static int listing_tracks(const char *command)
{
	char why[160], *text = NULL;
	int found;

	if (nft_list(command, NFT_RULES, &text, why, sizeof(why)) < 0)
		return -1;
	/* an empty list of hooks is that of a kernel which does not tell them */
	found = *text ? text_tracks(text) : -1;
	free(text);
	return found;
}

bool machine_tracks(void)
{
	int hooks = listing_tracks("list hooks");

	return hooks >= 0 ? hooks : listing_tracks("list ruleset") > 0;
}

bool machine_has_conntrack(void)
{
	return machine_tracks() || machine_setting("netfilter/nf_conntrack_count") > 0;
}
