// SPDX-License-Identifier: GPL-2.0-or-later
// Looks whether files that the configuration names have changed.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/route.h"

/* All zero: it cannot be looked at. */
struct look {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec written, changed; /* a file that becomes readable only changes */
};

struct route_files {
	size_t n;
	struct route_file {
		const char *path;
		struct look seen;
	} at[];
};

static void look_at(const char *path, struct look *ret)
{
	struct stat st;

	memset(ret, 0, sizeof(*ret)); /* with what is between its members: they are compared too */
	if (stat(path, &st) < 0)
		return;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->size = st.st_size;
	ret->written = st.st_mtim;
	ret->changed = st.st_ctim;
}

static size_t count_paths(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_rules; i++)
		n += c->rules[i].n_to_files + c->rules[i].n_from_files;
	for (size_t i = 0; i < c->n_inbounds; i++)
		n += c->inbounds[i].transparent.n_bypass_files;
	return n;
}

static void add(struct route_files *f, char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		f->at[f->n].path = paths[i];
		look_at(paths[i], &f->at[f->n].seen);
		f->n++;
	}
}

struct route_files *route_files_new(const struct config *c)
{
	struct route_files *f = calloc(1, sizeof(*f) + count_paths(c) * sizeof(struct route_file));

	if (!f)
		return NULL;
	for (size_t i = 0; i < c->n_rules; i++) {
		add(f, c->rules[i].to_files, c->rules[i].n_to_files);
		add(f, c->rules[i].from_files, c->rules[i].n_from_files);
	}
	for (size_t i = 0; i < c->n_inbounds; i++)
		add(f, c->inbounds[i].transparent.bypass_files,
		    c->inbounds[i].transparent.n_bypass_files);
	return f;
}

void route_files_free(struct route_files *f)
{
	free(f);
}

bool route_files_changed(struct route_files *f)
{
	bool changed = false;

	for (size_t i = 0; i < f->n; i++) {
		struct look now;

		look_at(f->at[i].path, &now);
		changed |= memcmp(&now, &f->at[i].seen, sizeof(now)) != 0;
		f->at[i].seen = now;
	}
	return changed;
}
