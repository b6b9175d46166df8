// SPDX-License-Identifier: GPL-2.0-or-later
// Settings of the machine with which a plan would fail.
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
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

static bool bypasses_private(const struct setup *s)
{
	static const uint8_t ips[][4] = { { 10, 0, 0, 1 }, { 172, 16, 0, 1 }, { 192, 168, 0, 1 } };

	for (size_t i = 0; i < sizeof(ips) / sizeof(*ips); i++)
		if (!prefix_list_has(&s->bypass, ips[i], sizeof(ips[i])))
			return false;
	return true;
}

/*
 * src_valid_mark has the kernel look up the way back to a packet's source with the packet's mark,
 * as if the packet were this machine's answer: so the rule for what this machine sends says
 * "local", and the packet is a martian, whatever rp_filter is (IPv4). Throw routes prevent that.
 */
static bool minds_valid_mark(const struct setup *s, const struct plan *p)
{
	if (!p->local || p->steering == STEERING_REDIRECT)
		return false;
	if (p->steering == STEERING_TPROXY)
		return true;
	return layout_spares(p, &s->layout) && !bypasses_private(s);
}

static int reverse_path(struct setup *s, const struct plan *p)
{
	int n = 0;

	for (size_t i = 0; i < p->n_interfaces && minds_valid_mark(s, p); i++) {
		const char *name = p->interfaces[i];

		if (machine_setting("ipv4/conf/all/src_valid_mark") <= 0 &&
		    interface_setting(4, name, "src_valid_mark") <= 0)
			continue;
		setup_say(s,
			  "problem: with src_valid_mark=1 what comes in by %s is dropped when "
			  "\"local\" is true too: sysctl -w net.ipv4.conf.all.src_valid_mark=0 "
			  "net.ipv4.conf.%s.src_valid_mark=0, or %s",
			  name, name,
			  p->steering == STEERING_TPROXY ? "\"steering\": \"sk_lookup\""
							 : "\"bypass_private\": true");
		n++;
	}
	return n;
}

/* By the driver's name. */
static bool is_bridge(const char *interface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bridge;

	strncpy(r.ifr_name, interface, sizeof(r.ifr_name) - 1);
	r.ifr_data = (char *)&info;
	bridge = fd >= 0 && ioctl(fd, SIOCETHTOOL, &r) == 0 && !strcmp(info.driver, "bridge");
	fd_close(fd);
	return bridge;
}

/* br_netfilter runs our chain while the packet is in the bridge: behind it, the socket that tproxy
 * found for it is lost. */
static int bridges(struct setup *s, const struct plan *p)
{
	static const char *const files[] = { "bridge/bridge-nf-call-iptables",
					     "bridge/bridge-nf-call-ip6tables" };
	int n = 0;

	if (p->steering != STEERING_TPROXY)
		return 0;
	for (size_t i = 0; i < p->n_interfaces; i++)
		for (size_t j = 0; j < sizeof(files) / sizeof(*files); j++) {
			if (machine_setting(files[j]) <= 0 || !is_bridge(p->interfaces[i]))
				continue;
			setup_say(s,
				  "problem: tproxy fails at the bridge %s while %s is 1: set "
				  "it to 0, or \"steering\": \"sk_lookup\"",
				  p->interfaces[i], files[j]);
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

/* They may come later, but a name may also be misspelt. */
static void absent_interfaces(struct setup *s, const struct plan *p)
{
	for (size_t i = 0; i < p->n_interfaces; i++)
		if (!if_nametoindex(p->interfaces[i]) && errno == ENODEV)
			setup_say(s,
				  "warning: there is no interface %s: nothing is captured from it "
				  "until there is one",
				  p->interfaces[i]);
}

int setup_obstacles(struct setup *s, const struct plan *p)
{
	int n = loopback(s, p) + forwarding(s, p) + reverse_path(s, p) + bridges(s, p);

	if (p->steering != STEERING_REDIRECT)
		n += setup_earlier(s, p);
	mark_settings(s, p);
	absent_interfaces(s, p);
	return n + setup_conflicts(s, p);
}
