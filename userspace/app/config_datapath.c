// SPDX-License-Identifier: GPL-2.0-or-later
// Keys that say who makes the records and who moves the bytes.
#include <string.h>

#include "app/config_parts.h"

void config_read_engine(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	int e;

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	e = relay_engine_of(json_string_value(v.v));
	if (e < 0)
		config_error(&r->report, v.n,
			     "must be \"auto\", \"copy\", \"splice\" or \"sockmap\", not \"%s\"",
			     ECHO(json_string_value(v.v)));
	else
		*(enum relay_engine *)field = (enum relay_engine)e;
}

void config_read_kernel(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	enum config_kernel *to = field;

	(void)row;
	if (json_is_boolean(v.v))
		*to = json_is_true(v.v) ? CONFIG_KERNEL_REQUIRED : CONFIG_KERNEL_OFF;
	else if (json_is_string(v.v) && strcmp(json_string_value(v.v), "auto") == 0)
		*to = CONFIG_KERNEL_AUTO;
	else
		config_error(&r->report, v.n, "must be \"auto\", true or false");
}
