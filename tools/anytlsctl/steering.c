// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl steering`: what became of the packets that the BPF program saw; needs no daemon.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "anytlsctl/ctl.h"
#include "app/steering.h"
#include "app/version.h"

static const struct {
	const char *name, *what;
	size_t off;
} rows[] = {
#define ROW(member, text)                                                                          \
	{                                                                                          \
#member, text, offsetof(struct steer_counters, member)                             \
	}
	ROW(captured_tcp, "connections captured"),
	ROW(captured_udp, "datagrams captured, the first of each flow and few more"),
	ROW(steered, "connections to a server's other ports"),
	ROW(own, "left alone: for this machine itself"),
	ROW(elsewhere, "left alone: came in by another interface"),
	ROW(no_listener, "dropped: captured, but no daemon listens"),
	ROW(loops, "dropped: our own, come back from outside"),
	ROW(failed, "dropped: refused by the kernel"),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static uint64_t value(const struct steer_counters *c, size_t i)
{
	uint64_t x;

	memcpy(&x, (const char *)c + rows[i].off, sizeof(x));
	return x;
}

static int print_json(const struct steer_counters *c)
{
	json_t *j = json_object();

	for (size_t i = 0; i < N_ROWS; i++)
		json_object_set_new(j, rows[i].name, json_integer((json_int_t)value(c, i)));
	return ctl_json_print(j);
}

static int print_table(const struct steer_counters *c)
{
	static const char *const heads[] = { ">PACKETS", "WHAT", NULL };
	struct ctl_table t = ctl_table(heads);

	for (size_t i = 0; i < N_ROWS; i++) {
		ctl_cell_number(&t, value(c, i));
		ctl_cell(&t, rows[i].what);
	}
	ctl_table_print(&t);
	return CTL_OK;
}

int ctl_steering(int argc, char **argv)
{
	static const struct option none[] = { { 0 } };
	const char *name = PROGRAM_NAME, *folder = NULL;
	struct steer_counters c;
	char pins[PATH_MAX];
	bool json = false;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "jn:p:", none, NULL)) != -1) {
		if (opt == 'j')
			json = true;
		else if (opt == 'n')
			name = optarg;
		else if (opt == 'p')
			folder = optarg;
		else
			break;
	}
	if (opt != -1 || optind != argc) {
		fprintf(stderr, "usage: %s steering [-j] [-n NAME] [-p PINS]\n", CTL_NAME);
		return CTL_USAGE;
	}
	err = steer_counters_read(steering_pins(folder, name, pins), &c);
	if (!err)
		return json ? print_json(&c) : print_table(&c);
	fprintf(stderr, "%s: %s: %s\n", CTL_NAME, pins,
		err == -ENOENT ? "no program is loaded there" : strerror(-err));
	return err == -ENOENT ? CTL_DEAD : CTL_PROBLEM;
}
