// SPDX-License-Identifier: GPL-2.0-or-later
// Plans and folders, as the daemon and anytlsctl both need them.
#include <stdio.h>
#include <string.h>

#include "app/route.h"
#include "app/steering.h"
#include "app/version.h"

#define PINS "/sys/fs/bpf/anytlsd-steering"

bool steering_has_plan(const struct config_inbound *in)
{
	return in->type == INBOUND_TRANSPARENT && !in->transparent.foreign;
}

int steering_plan(const struct config *c, const struct config_inbound *in, struct plan *ret,
		  char *why, size_t why_len)
{
	struct prefix_list bypass = { 0 };
	int err = route_bypass(c, in, &bypass, why, why_len);

	if (err)
		return err;
	*ret = in->transparent.plan;
	ret->bypass = bypass;
	return 0;
}

const char *steering_directory(const struct config *c)
{
	return c->steering.directory ? c->steering.directory : STEERING_DIRECTORY;
}

const char *steering_pins(const char *pins, const char *instance, char out[static PATH_MAX])
{
	char *name;

	snprintf(out, PATH_MAX, "%s/", pins ? pins : PINS);
	name = out + strlen(out);
	snprintf(name, (size_t)(out + PATH_MAX - name), "%s", instance ? instance : PROGRAM_NAME);
	for (; *name; name++)
		if (*name == '.') /* which a bpffs does not take */
			*name = '_';
	return out;
}
