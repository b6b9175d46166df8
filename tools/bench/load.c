// SPDX-License-Identifier: GPL-2.0-or-later
// The load generator's command line.
#include "bench/load.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/sock.h"

static const char usage[] =
	"usage: load bulk|new|hold|waves [--socks PORT | --direct PORT] --target PORT [options]\n"
	"  --proxy-address A, --target-address A: not 127.0.0.1\n"
	"  --spread N: so many targets from that address on\n"
	"  --target-netns FILE: the target is in that network namespace\n"
	"  bulk: --up or --down, --streams N, --mib M over all streams\n"
	"  new:  --streams N at once, --count N in all\n"
	"  hold: --count N, --streams N opened at once; closes them on a line of input\n"
	"  waves: --streams N opened and closed together, --count N times\n"
	"  --timeout S: give up after that long (default 120)\n";

static const struct option options[] = {
	{ "socks", required_argument, NULL, 's' },
	{ "direct", required_argument, NULL, 'd' },
	{ "target", required_argument, NULL, 't' },
	{ "up", no_argument, NULL, 'U' },
	{ "down", no_argument, NULL, 'D' },
	{ "streams", required_argument, NULL, 'n' },
	{ "count", required_argument, NULL, 'c' },
	{ "mib", required_argument, NULL, 'm' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "proxy-address", required_argument, NULL, 'p' },
	{ "target-address", required_argument, NULL, 'a' },
	{ "spread", required_argument, NULL, 'S' },
	{ "target-netns", required_argument, NULL, 'N' },
	{ 0 },
};

static unsigned int parse_number(const char *text)
{
	char *end = NULL;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n || n > 1u << 20)
		errx(2, "%s is not a number from 1 to %u", text, 1u << 20);
	return (unsigned int)n;
}

static void take_option(struct load_options *o, int opt)
{
	switch (opt) {
	case 's':
	case 'd':
		o->route.socks = opt == 's';
		o->route.port = sock_parse_port(optarg);
		break;
	case 't':
		o->route.target_port = sock_parse_port(optarg);
		break;
	case 'p':
		place_parse(optarg, &o->route.proxy);
		break;
	case 'a':
		place_parse(optarg, &o->route.target);
		break;
	case 'S':
		o->route.target.spread = parse_number(optarg);
		break;
	case 'N':
		o->route.target_netns = optarg;
		break;
	case 'U':
	case 'D':
		o->upload = opt == 'U';
		break;
	case 'n':
		o->streams = parse_number(optarg);
		break;
	case 'c':
		o->count = parse_number(optarg);
		break;
	case 'm':
		o->bytes = (uint64_t)parse_number(optarg) << 20;
		break;
	case 'T':
		alarm(parse_number(optarg));
		break;
	default:
		errx(2, "%s", usage);
	}
}

static struct load_times times_now(const struct target *target)
{
	return (struct load_times){ sock_now_ns(), sock_cpu_ns(0) + target_cpu_ns(target) };
}

void load_begin(struct load_times *t, const struct target *target)
{
	*t = times_now(target);
}

void load_end(struct load_times *t, const struct target *target)
{
	struct load_times now = times_now(target);

	t->wall_ns = now.wall_ns - t->wall_ns;
	t->cpu_ns = now.cpu_ns - t->cpu_ns;
}

int load_finish(struct target *t, unsigned int streams)
{
	int rc = target_stop(t);

	if (rc)
		warnx("%u streams were not closed at the target", t->stats->open);
	if (t->stats->accepted != streams)
		warnx("the target saw %u streams of %u", t->stats->accepted, streams);
	if (t->stats->broken)
		warnx("%u streams broke at the target", t->stats->broken);
	return rc || t->stats->accepted != streams || t->stats->broken;
}

int main(int argc, char **argv)
{
	struct load_options o = { .streams = 1, .count = 1, .bytes = 64u << 20 };
	const char *kind = argc > 1 ? argv[1] : "";
	int opt;

	alarm(120);
	optind = 2;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&o, opt);
	if (!o.route.target_port || (!o.route.port && !o.route.target.family))
		errx(2, "%s", usage);
	sock_raise_limit();
	if (!strcmp(kind, "bulk"))
		return load_bulk(&o);
	if (!strcmp(kind, "new"))
		return load_new(&o);
	if (!strcmp(kind, "hold"))
		return load_hold(&o);
	if (!strcmp(kind, "waves"))
		return load_waves(&o);
	errx(2, "%s", usage);
}
