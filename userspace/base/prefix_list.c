// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of prefixes: growing, normal form, search, reading from a file.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/prefix.h"

#define FILE_MAX (16 * 1024 * 1024)

int prefix_list_add(struct prefix_list *l, const struct prefix *p)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct prefix *at = reallocarray(l->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		l->at = at;
		l->room = room;
	}
	l->at[l->n++] = *p;
	return 0;
}

int prefix_list_add_all(struct prefix_list *l, const struct prefix_list *from)
{
	size_t before = l->n;

	for (size_t i = 0; i < from->n; i++)
		if (prefix_list_add(l, &from->at[i]) < 0) {
			l->n = before;
			return -ENOMEM;
		}
	return 0;
}

void prefix_list_done(struct prefix_list *l)
{
	free(l->at);
	*l = (struct prefix_list){ 0 };
}

static size_t ip_len(const struct prefix *p)
{
	return p->family == AF_INET ? 4 : 16;
}

/* Sorted, a prefix comes right behind the one that contains it, or behind others that this one
 * contains too: so the last one kept is the only one to ask. */
void prefix_list_normal(struct prefix_list *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), prefix_compare);
	for (size_t i = 0; i < l->n; i++)
		if (!kept || !prefix_has(&l->at[kept - 1], l->at[i].ip, ip_len(&l->at[i])))
			l->at[kept++] = l->at[i];
	l->n = kept;
}

bool prefix_list_has(const struct prefix_list *l, const uint8_t *ip, size_t n)
{
	struct prefix key = { .family = n == 4 ? AF_INET : AF_INET6, .len = 128 };
	size_t low = 0, high = l->n;

	memcpy(key.ip, ip, n);
	while (low < high) { /* the first one behind the address */
		size_t mid = low + (high - low) / 2;

		if (prefix_compare(&l->at[mid], &key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && prefix_has(&l->at[low - 1], ip, n);
}

bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (prefix_compare(&a->at[i], &b->at[i]) != 0)
			return false;
	return true;
}

/* Without comment and white space around it; its length. */
static size_t strip(char **line)
{
	char *p = *line + strspn(*line, " \t");
	size_t n = strcspn(p, "#\r\n");

	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	*line = p;
	return n;
}

static int add_line(struct prefix_list *l, char *line)
{
	struct prefix p;
	size_t n = strip(&line);

	if (n == 0)
		return 0;
	if (prefix_parse(line, n, &p) < 0)
		return -EINVAL;
	return prefix_list_add(l, &p);
}

static int read_lines(struct prefix_list *l, FILE *f, const char *path, char *why, size_t why_len)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = getline(&line, &room, f)) >= 0) {
		number++;
		/* a NUL byte would hide what is behind it */
		err = memchr(line, '\0', (size_t)n) ? -EINVAL : add_line(l, line);
		if (err == -EINVAL)
			snprintf(why, why_len, "%s:%zu: no address prefix", path, number);
	}
	if (!err && ferror(f))
		err = -EIO;
	free(line);
	return err;
}

int prefix_list_read(struct prefix_list *l, const char *path, char *why, size_t why_len)
{
	size_t before = l->n;
	struct stat st;
	FILE *f = fopen(path, "re");
	int err = f ? 0 : -errno;

	snprintf(why, why_len, "%s: %s", path, err ? strerror(-err) : "cannot be read");
	if (!err && (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)) {
		snprintf(why, why_len, "%s: no file, or over 16 MiB", path);
		err = -EFBIG;
	}
	if (!err)
		err = read_lines(l, f, path, why, why_len);
	if (err)
		l->n = before;
	if (f)
		fclose(f);
	return err;
}
