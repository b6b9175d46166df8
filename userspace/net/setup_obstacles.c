// SPDX-License-Identifier: GPL-2.0-or-later
// Settings of the machine, and rules of others, with which a plan would fail.
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/machine.h"
#include "net/setup_impl.h"

/* Of the interface, or what one that does not exist yet will have. */
static int interface_setting(int version, const char *interface, const char *what)
{
	char file[120];
	int n;

	snprintf(file, sizeof(file), "ipv%d/conf/%s/%s", version, interface, what);
	n = machine_setting(file);
	if (n >= 0)
		return n;
	snprintf(file, sizeof(file), "ipv%d/conf/default/%s", version, what);
	return machine_setting(file);
}

static bool forwards(int version, const char *interface)
{
	if (version == 6)
		return machine_setting("ipv6/conf/all/forwarding") > 0 ||
		       interface_setting(6, interface, "force_forwarding") > 0;
	return interface_setting(4, interface, "forwarding") > 0;
}

static int forwarding(struct setup *s, const struct plan *p)
{
	int n = 0;

	for (size_t i = 0; i < p->n_interfaces; i++) {
		const char *name = p->interfaces[i];
		bool v4 = forwards(4, name), v6 = s->layout.ipv6 && forwards(6, name);

		if (!v4 && !v6) {
			setup_say(s,
				  "problem: nothing that comes in by %s is forwarded: sysctl -w "
				  "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
				  name);
			n++;
		} else if (!v4) {
			setup_say(s,
				  "warning: IPv4 from %s is not forwarded where it is bypassed: "
				  "sysctl -w net.ipv4.ip_forward=1",
				  name);
		} else if (!v6 && s->layout.ipv6) {
			setup_say(s,
				  "warning: IPv6 from %s is not forwarded where it is bypassed: "
				  "sysctl -w net.ipv6.conf.all.forwarding=1",
				  name);
		}
	}
	return n;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

/* A packet's mark is then used to look for the way back to its source: which is not ours to tell,
 * so it is a martian (IPv4). Rules by interface are not concerned. */
static int reverse_path(struct setup *s, const struct plan *p)
{
	int n = 0;

	if (p->steering != STEERING_TPROXY)
		return 0;
	for (size_t i = 0; i < p->n_interfaces; i++) {
		const char *name = p->interfaces[i];
		int filter = max(machine_setting("ipv4/conf/all/rp_filter"),
				 interface_setting(4, name, "rp_filter"));
		int by_mark = max(machine_setting("ipv4/conf/all/src_valid_mark"),
				  interface_setting(4, name, "src_valid_mark"));

		if (filter != 1 || by_mark <= 0)
			continue;
		setup_say(s,
			  "problem: rp_filter=1 with src_valid_mark=1 drops what tproxy marks: "
			  "sysctl -w net.ipv4.conf.%s.rp_filter=2, or steering sk_lookup",
			  name);
		n++;
	}
	return n;
}

/* Whether a rule takes all that comes in by one of our interfaces, in one protocol at least. */
static bool catches_all(const struct plan *p, const struct object *o)
{
	bool by_interface = !o->iif[0];

	if (o->other || o->mask || o->from.family || o->sport[1] || o->dport[1])
		return false;
	if (o->type == FR_ACT_NOP || o->type == FR_ACT_GOTO ||
	    (o->type == FR_ACT_TO_TBL && o->table == RT_TABLE_LOCAL))
		return false;
	if ((o->ip_proto == IPPROTO_TCP && !p->tcp) || (o->ip_proto == IPPROTO_UDP && !p->udp) ||
	    (o->ip_proto && o->ip_proto != IPPROTO_TCP && o->ip_proto != IPPROTO_UDP))
		return false;
	for (size_t i = 0; i < p->n_interfaces; i++)
		by_interface = by_interface || !strcmp(o->iif, p->interfaces[i]);
	return by_interface;
}

/* A jump over our range, for everything. */
static bool jumps_over(const struct plan *p, const struct object *o)
{
	return o->type == FR_ACT_GOTO && o->target > p->priority && !o->other && !o->mask &&
	       !o->from.family && !o->iif[0] && !o->ip_proto && !o->sport[1] && !o->dport[1];
}

static bool is_another_plan(const struct object *o)
{
	return o->protocol == PLAN_PROTOCOL;
}

static int earlier_rules(struct setup *s, const struct plan *p)
{
	bool local[2] = { false, !s->layout.ipv6 };
	int n = 0;

	for (size_t i = 0; i < s->rules.n; i++) {
		const struct object *o = &s->rules.at[i];

		if (o->priority >= p->priority || is_another_plan(o))
			continue;
		if (o->type == FR_ACT_TO_TBL && o->table == RT_TABLE_LOCAL && !o->other &&
		    !o->mask && !o->iif[0])
			local[o->family == AF_INET6] = true;
		if (!catches_all(p, o) && !jumps_over(p, o))
			continue;
		setup_say(s,
			  "problem: the IPv%d rule of priority %u comes first and takes "
			  "everything: choose a \"priority\" below it",
			  o->family == AF_INET ? 4 : 6, o->priority);
		n++;
	}
	for (int i = 0; i < 2; i++)
		if (!local[i]) {
			setup_say(s,
				  "problem: no IPv%d rule before priority %u looks up the table "
				  "local: this machine's own addresses would be captured",
				  i ? 6 : 4, p->priority);
			n++;
		}
	return n;
}

static bool is_up(const char *interface)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = true; /* where it cannot be known the routes will tell */

	strncpy(r.ifr_name, interface, sizeof(r.ifr_name) - 1);
	if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0)
		up = r.ifr_flags & IFF_UP;
	fd_close(fd);
	return up;
}

static int loopback(struct setup *s, const struct plan *p)
{
	int n = 0;

	if (!is_up("lo")) {
		setup_say(s, "problem: the interface lo is down: ip link set lo up");
		n++;
	}
	for (size_t i = 0; i < p->n_interfaces && !s->layout.ipv6; i++)
		if (interface_setting(6, p->interfaces[i], "disable_ipv6") == 0 &&
		    forwards(6, p->interfaces[i])) {
			setup_say(s,
				  "problem: IPv6 from %s is forwarded, but cannot be captured "
				  "while lo has none: sysctl -w net.ipv6.conf.lo.disable_ipv6=0",
				  p->interfaces[i]);
			n++;
		}
	return n;
}

/* What answers by itself takes the mark over, and would be captured. */
static void mark_settings(struct setup *s, const struct plan *p)
{
	static const char *const files[] = { "ipv4/fwmark_reflect", "ipv6/fwmark_reflect" };

	if (p->steering == STEERING_REDIRECT || (p->steering == STEERING_SK_LOOKUP && !p->local))
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (machine_setting(files[i]) > 0)
			setup_say(s,
				  "warning: net/%s is 1: refusals do not reach those who are "
				  "captured, they wait instead",
				  files[i]);
}

int setup_obstacles(struct setup *s, const struct plan *p)
{
	int n = loopback(s, p) + forwarding(s, p) + reverse_path(s, p);

	if (p->steering != STEERING_REDIRECT)
		n += earlier_rules(s, p);
	mark_settings(s, p);
	return n + setup_conflicts(s, p);
}
