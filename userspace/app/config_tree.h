/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where each value of a JSON text stands: a tree beside jansson's, which knows no positions. */
#ifndef APP_CONFIG_TREE_H
#define APP_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* A value. Belongs to its tree. */
struct config_node {
	struct config_node *parent, *next; /* next: sibling, in the order of the text */
	struct config_node *first, *last;  /* children of an object or array */
	const char *name;  /* decoded key in an object; NULL in an array and for the root */
	size_t index;	   /* in an array */
	size_t key_at, at; /* offsets of the key (of the value in an array) and the value */
	struct config_node *repeated; /* the first member with the same name, or NULL */
	struct config_node *latest;   /* of the first one: the last with the same name, or NULL */
};

struct config_tree;

/*
 * Reads blanked text that jansson has accepted; `text` is not needed afterwards. 0, -ENOMEM, or
 * -EINVAL where the text is no JSON after all.
 */
int config_tree_new(const char *text, size_t n, struct config_tree **ret);
/* Wipes the keys' text too; NULL is ignored. */
void config_tree_free(struct config_tree *t);

const struct config_node *config_tree_root(const struct config_tree *t);
/* The member `name`, the last of repeated ones as jansson has it, or NULL. */
const struct config_node *config_node_member(const struct config_node *n, const char *name);

/* Writes "inbounds[0].tls.alpn[1]" (empty for the root), cut and made printable; returns out. */
#define CONFIG_PATH_MAX 256
const char *config_node_path(const struct config_node *n, char out[static CONFIG_PATH_MAX]);

#endif
