/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which network namespace of which boot a journal is of. */
#ifndef NET_JOURNAL_PLACE_H
#define NET_JOURNAL_PLACE_H

#include <stdio.h>

/* A line about the calling thread's one. */
void journal_place_put(FILE *f);
/*
 * Judges such a line: 0: it is of here; -ESTALE: what it is of is gone, with all that was in it;
 * -EXDEV: of another namespace, which still is; -EINVAL: no such line.
 */
int journal_place_judge(const char *line);

#endif
