/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings and ServerSettings: key=value lines (protocol notes 3.1). */
#ifndef PROTO_SETTINGS_H
#define PROTO_SETTINGS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The value of `key` in the text, as a pointer into it: the last one where a key is repeated.
 * Returns its length (0 for an empty value), or -ENOENT. No trimming: a CR stays.
 */
ssize_t settings_find(const char *text, size_t n, const char *key, const char **ret_value);

/* The `v` key as a number; 1 where it is missing, no decimal integer, or below 1. Saturates at
 * INT_MAX. */
int settings_version(const char *text, size_t n);

/* Writes a client's Settings text (v=2, client, padding-md5, separated by LF, no LF at the end) to
 * `out`; returns its length, or -ENOSPC where `room` is too small or it exceeds 65535 bytes. */
ssize_t settings_put(char *out, size_t room, const char *client, const char md5_hex[static 33]);

#endif
