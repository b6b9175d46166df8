/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the text of a configuration to a JSON value with places; memory that held secrets is wiped.
 */
#ifndef APP_CONFIG_JSON_H
#define APP_CONFIG_JSON_H

#include "app/config_read.h"

/* A text that was read. Zero-initialised or after config_json_done() it holds nothing. */
struct config_json {
	struct config_ref root;
	struct config_tree *tree;
};

/*
 * Reads r's text. 0, -EINVAL after a report, -ENOMEM. All memory that jansson uses from the first
 * call on is wiped when it is freed.
 */
int config_json_read(struct config_report *r, struct config_json *ret);
void config_json_done(struct config_json *j);

#endif
