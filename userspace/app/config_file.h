/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading small files whole. */
#ifndef APP_CONFIG_FILE_H
#define APP_CONFIG_FILE_H

#include <stddef.h>

/*
 * Reads a file of at most `max` bytes; "-" is no special name. *ret_text is malloc'd and
 * NUL-terminated (wipe it where it is secret), *ret_len is its length. 0 or -errno: -EFBIG beyond
 * max, -EISDIR, -ENOMEM, ...
 */
int config_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);
/* The same from a descriptor, which stays open. */
int config_fd_read(int fd, size_t max, char **ret_text, size_t *ret_len);

#endif
