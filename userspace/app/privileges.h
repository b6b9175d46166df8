/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process may do, and what others may see of it. */
#ifndef APP_PRIVILEGES_H
#define APP_PRIVILEGES_H

#include "app/config.h"

/* First thing: no core dumps, no ptrace by others, a heap for private keys that is not swapped. */
void privileges_harden(void);
/* Keeps the configuration's passwords, hashes and keys from being swapped. */
void privileges_lock_secrets(const struct config *c);
/* As many descriptors as the hard limit allows; returns how many that is. */
unsigned long privileges_raise_files(void);
/* After the ports are bound: becomes the configured user, keeps only the capabilities that a dial
 * field needs. 0, or -errno with a reason in why. Does nothing where no user is configured. */
int privileges_drop(const struct config *c, char *why, size_t why_len);

#endif
