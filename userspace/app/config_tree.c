// SPDX-License-Identifier: GPL-2.0-or-later
// Scans JSON text once more for positions and repeated keys.
#include "app/config_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_seen.h"
#include "app/jsonc.h"
#include "base/secret.h"

#define BLOCK_NODES 256

struct block {
	struct block *next;
	size_t used;
	struct config_node nodes[BLOCK_NODES];
};

struct config_tree {
	struct block *blocks;
	struct config_node *root;
	char *names; /* decoded keys, one behind the other; never longer than the text */
	size_t names_len, names_used;
};

struct scan {
	struct config_tree *tree;
	const char *text;
	size_t n, at;
	unsigned depth;
};

static int scan_value(struct scan *s, struct config_node *node);

static struct config_node *add_node(struct config_tree *t, struct config_node *parent)
{
	struct config_node *node;

	if (!t->blocks || t->blocks->used == BLOCK_NODES) {
		struct block *b = calloc(1, sizeof(*b));

		if (!b)
			return NULL;
		b->next = t->blocks;
		t->blocks = b;
	}
	node = &t->blocks->nodes[t->blocks->used++];
	node->parent = parent;
	if (parent && parent->last) {
		node->index = parent->last->index + 1;
		parent->last->next = node;
	} else if (parent) {
		parent->first = node;
	}
	if (parent)
		parent->last = node;
	return node;
}

static char peek(struct scan *s)
{
	while (s->at < s->n && s->text[s->at] && strchr(" \t\r\n", s->text[s->at]))
		s->at++;
	return s->at < s->n ? s->text[s->at] : '\0';
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++)
		v = (v << 4) + ((unsigned)p[i] & 15) + (p[i] > '9' ? 9 : 0);
	return v;
}

static size_t put_utf8(char *out, unsigned c)
{
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (char)c;
		return n;
	}
	if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			out[n++] = (char)(0xe0 | c >> 12);
		} else {
			out[n++] = (char)(0xf0 | (c >> 18 & 7));
			out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		}
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	out[n++] = (char)(0x80 | (c & 0x3f));
	return n;
}

/* Decodes the escape at p (behind the backslash, `left` bytes), never to more bytes than it has. */
static size_t unescape(const char *p, size_t left, char *out, size_t *ret_len)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known = *p ? strchr(from, *p) : NULL;
	unsigned c;

	if (*p != 'u' || left < 5) {
		*out = known ? to[known - from] : *p;
		*ret_len = 1;
		return 1;
	}
	c = hex4(p + 1);
	if (c >= 0xd800 && c < 0xdc00 && left >= 11) {
		c = 0x10000 + ((c - 0xd800) << 10) + (hex4(p + 7) - 0xdc00);
		*ret_len = put_utf8(out, c);
		return 11;
	}
	*ret_len = put_utf8(out, c);
	return 5;
}

/* Skips the string at s->at; with `keep` its decoded text goes to the names. */
static int scan_string(struct scan *s, bool keep, const char **ret_name)
{
	struct config_tree *t = s->tree;
	char *out = t->names + t->names_used, scratch[4];
	size_t used = 0, len;

	for (s->at++; s->at < s->n && s->text[s->at] != '"';) {
		char *to = keep ? out + used : scratch;

		if (s->text[s->at] == '\\' && s->at + 1 < s->n) {
			s->at += 1 + unescape(s->text + s->at + 1, s->n - s->at - 1, to, &len);
			used += len;
		} else {
			*to = s->text[s->at++];
			used++;
		}
	}
	if (s->at >= s->n)
		return -EINVAL;
	s->at++;
	if (keep) {
		out[used] = '\0';
		t->names_used += used + 1;
		*ret_name = out;
	}
	return 0;
}

static int scan_member(struct scan *s, struct config_node *object, struct config_seen **seen)
{
	struct config_node *node;
	size_t key_at;
	int err;

	if (peek(s) != '"')
		return -EINVAL;
	node = add_node(s->tree, object);
	if (!node)
		return -ENOMEM;
	key_at = s->at;
	err = scan_string(s, true, &node->name);
	if (err < 0)
		return err;
	if (peek(s) != ':')
		return -EINVAL;
	s->at++;
	err = config_seen_add(seen, node->name, strlen(node->name), node,
			      (const void **)&node->repeated);
	if (err < 0)
		return err;
	if (node->repeated)
		node->repeated->latest = node;
	err = scan_value(s, node);
	node->key_at = key_at;
	return err;
}

static int scan_children(struct scan *s, struct config_node *node, char close)
{
	struct config_seen *seen = NULL;
	int err = 0;
	char c;

	s->at++;
	c = peek(s);
	while (err == 0 && c != close) {
		if (close == '}') {
			err = scan_member(s, node, &seen);
		} else {
			struct config_node *item = add_node(s->tree, node);

			err = item ? scan_value(s, item) : -ENOMEM;
		}
		c = err == 0 ? peek(s) : '\0';
		if (err == 0 && c != ',' && c != close)
			err = -EINVAL;
		if (c == ',') {
			s->at++;
			c = peek(s);
		}
	}
	s->at++;
	config_seen_free(&seen);
	return err;
}

static int scan_value(struct scan *s, struct config_node *node)
{
	char c = peek(s);
	int err;

	node->at = node->key_at = s->at;
	if (c == '"')
		return scan_string(s, false, NULL);
	if (c == '{' || c == '[') {
		if (++s->depth > JSONC_DEPTH_MAX)
			return -EINVAL;
		err = scan_children(s, node, c == '{' ? '}' : ']');
		s->depth--;
		return err;
	}
	while (s->at < s->n && s->text[s->at] && !strchr(" \t\r\n,]}", s->text[s->at]))
		s->at++;
	return s->at > node->at ? 0 : -EINVAL;
}

int config_tree_new(const char *text, size_t n, struct config_tree **ret)
{
	struct config_tree *t = calloc(1, sizeof(*t));
	struct scan s = { .tree = t, .text = text, .n = n };
	int err = -ENOMEM;

	if (!t)
		return err;
	t->names_len = n + 1;
	t->names = malloc(t->names_len);
	t->root = add_node(t, NULL);
	if (t->names && t->root)
		err = scan_value(&s, t->root);
	if (err < 0) {
		config_tree_free(t);
		return err;
	}
	*ret = t;
	return 0;
}

void config_tree_free(struct config_tree *t)
{
	if (!t)
		return;
	while (t->blocks) {
		struct block *b = t->blocks;

		t->blocks = b->next;
		free(b);
	}
	if (t->names)
		secret_wipe(t->names, t->names_used);
	free(t->names);
	free(t);
}

const struct config_node *config_tree_root(const struct config_tree *t)
{
	return t->root;
}
