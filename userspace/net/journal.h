/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was made for a name, on disk: DIRECTORY/NAME.rules, a text with one object a line, which is
 * written before the objects are made and shortened after they are gone. So each object of ours
 * is in it, but not all that is in it need be there.
 */
#ifndef NET_JOURNAL_H
#define NET_JOURNAL_H

#include "net/object.h"
#include "net/plan.h"

/* Zero-initialised it says: nothing made. Owned as journal_done() frees it. */
struct journal {
	bool exists;		     /* the file is there */
	bool decided;		     /* conntrack says something */
	bool conntrack;		     /* layout.conntrack, as it was found at the first set-up */
	bool nft;		     /* the table of the plan's name is ours */
	uint64_t nft_text, nft_dump; /* digests: of our text, of the kernel's listing; 0: unknown */
	struct object_list objects;  /* normal */
};

/*
 * Locks all journals of the directory against other processes, waiting for at most 10 s. `make`:
 * makes the directory (0700) where it is missing. A descriptor, or -errno and why.
 */
int journal_lock(const char *directory, bool make, char *why, size_t why_len);

/* One that is not there, or of a namespace that is gone, is empty. 0, or -errno and why; -EXDEV: it
 * is another namespace's. */
int journal_read(int lock, const char *name, struct journal *ret, char *why, size_t why_len);
/* On disk when it returns. 0, or -errno and why with the old one in place. */
int journal_write(int lock, const char *name, const struct journal *j, char *why, size_t why_len);
/* None is no error. 0 or -errno. */
int journal_remove(int lock, const char *name);
void journal_done(struct journal *j);

#endif
