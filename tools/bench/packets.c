// SPDX-License-Identifier: GPL-2.0-or-later
// The command line of the load generator for UDP.
#include "bench/packets.h"

#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/sock.h"

static const char usage[] =
	"usage: packets flow|new --target PORT --target-address A --target-netns FILE [options]\n"
	"  flow: --flows N, --count N datagrams there and back; waits for two lines of input\n"
	"  new:  --count N flows of one datagram there and back\n"
	"  --spread N: so many targets from that address on\n"
	"  --window N under way at once, --size BYTES\n"
	"  --timeout S: give up after that long (default 120)\n";

static const struct option options[] = {
	{ "target", required_argument, NULL, 't' },
	{ "target-address", required_argument, NULL, 'a' },
	{ "target-netns", required_argument, NULL, 'N' },
	{ "spread", required_argument, NULL, 'S' },
	{ "flows", required_argument, NULL, 'f' },
	{ "count", required_argument, NULL, 'c' },
	{ "window", required_argument, NULL, 'w' },
	{ "size", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 'T' },
	{ 0 },
};

static unsigned int parse_number(const char *text, unsigned int least, unsigned int most)
{
	char *end = NULL;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n < least || n > most)
		errx(2, "%s is not a number from %u to %u", text, least, most);
	return (unsigned int)n;
}

static void take_option(struct packets_options *o, int opt)
{
	if (opt == 't')
		o->port = sock_parse_port(optarg);
	else if (opt == 'a')
		place_parse(optarg, &o->to);
	else if (opt == 'N')
		o->netns = optarg;
	else if (opt == 'S')
		o->to.spread = parse_number(optarg, 1, 255);
	else if (opt == 'f')
		o->flows = parse_number(optarg, 1, 1 << 16);
	else if (opt == 'c')
		o->count = parse_number(optarg, 1, 1 << 30);
	else if (opt == 'w')
		o->window = parse_number(optarg, 1, 1 << 16);
	else if (opt == 's')
		o->size = parse_number(optarg, sizeof(struct packets_head), PACKETS_MAX);
	else if (opt == 'T')
		alarm(parse_number(optarg, 1, 1 << 16));
	else
		errx(2, "%s", usage);
}

int main(int argc, char **argv)
{
	struct packets_options o = { .flows = 1, .window = 1, .count = 1, .size = 200 };
	const char *kind = argc > 1 ? argv[1] : "";
	int opt;

	alarm(120);
	optind = 2;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&o, opt);
	if (!o.port || !o.to.family || !o.netns)
		errx(2, "%s", usage);
	sock_raise_limit();
	if (!strcmp(kind, "flow"))
		return packets_flow(&o);
	if (!strcmp(kind, "new"))
		return packets_new(&o);
	errx(2, "%s", usage);
}
