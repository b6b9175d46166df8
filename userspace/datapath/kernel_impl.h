/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the probe: what its self-tests share. */
#ifndef DATAPATH_KERNEL_IMPL_H
#define DATAPATH_KERNEL_IMPL_H

#include <stddef.h>
#include <sys/types.h>

#include "datapath/kernel.h"
#include "wire/ktls.h"
#include "wire/record.h"

#define KERNEL_ROOM 65536 /* bytes of content that a test has under way at most */

/* Two ends of a loopback TCP connection; neither blocks. -1 where there is none. */
struct kernel_pair {
	int us;	  /* the kernel's TLS, or its maps */
	int them; /* plain TCP: records made and read in userspace */
};

#define KERNEL_NO_PAIR ((struct kernel_pair){ -1, -1 })

/* One probe. */
struct kernel_bed {
	int listener;
	uint64_t patience_us; /* how long may still be waited, in all */
	struct record_crypto rc;
	uint8_t *sealed; /* KERNEL_ROOM, and as much again for what records add */
	uint8_t *plain;	 /* KERNEL_ROOM: what was received */
	uint8_t *want;	 /* KERNEL_ROOM: what should have been */

	/* of the test that runs */
	enum tls_suite suite;
	const char *doing;  /* what fails, if something does */
	const char *caveat; /* "" */
	bool accepted;	    /* the kernel said yes: a failure from here on is a defect */
};

/* One self-test: 0, -EILSEQ (wrong bytes), -ETIMEDOUT (nothing came), -errno. */
typedef int kernel_test(struct kernel_bed *b);

uint64_t kernel_now_us(void);

/* 0 or -errno. */
int kernel_bed_open(struct kernel_bed *b);
void kernel_bed_close(struct kernel_bed *b);

/* A new connection: 0 or -errno. kernel_pair_close() takes what is left of one. */
int kernel_pair_open(struct kernel_bed *b, struct kernel_pair *ret);
void kernel_pair_close(struct kernel_pair *p);

/* Waits for poll events: 0, -ETIMEDOUT, -errno. */
int kernel_await(struct kernel_bed *b, int fd, short events);
/* Sends all of it, or receives exactly n bytes: 0 or -errno. */
int kernel_send(struct kernel_bed *b, int fd, const void *p, size_t n);
int kernel_recv(struct kernel_bed *b, int fd, void *p, size_t n);

/* A record of a test; its content follows from its length. */
struct kernel_record {
	enum record_type type;
	uint16_t len, pad;
};

/* A table of records that go over a connection one after the other. */
struct kernel_script {
	const struct kernel_record *r;
	unsigned n;
};

#define KERNEL_SCRIPT(a) ((struct kernel_script){ a, sizeof(a) / sizeof((a)[0]) })

/* A record's content, r->len bytes: another length has another one. */
void kernel_content(const struct kernel_record *r, uint8_t *out);

/* Userspace seals the script and sends it in one piece; returns once it lies at `to`. 0 or -errno.
 */
int kernel_put_records(struct kernel_bed *b, int from, int to, struct record_dir *tx,
		       struct kernel_script s);
/* Userspace reads records: exactly those of the script, record by record. 0 or -errno. */
int kernel_get_records(struct kernel_bed *b, int fd, struct record_dir *rx, struct kernel_script s);
/* The kernel makes the script's records; 0 or -errno. */
int kernel_ktls_send(struct kernel_bed *b, int fd, struct kernel_script s);
/* The kernel opens records: the script's content and types, data in any pieces. 0 or -errno. */
int kernel_ktls_recv(struct kernel_bed *b, int fd, struct kernel_script s);

/* A connection of which the kernel is to do one direction's TLS at `us`. */
struct kernel_tls {
	struct kernel_pair pair;
	enum ktls_dir dir;
	struct tls_half keys;	/* for the kernel */
	struct record_dir peer; /* the same for `them` */
};

/* kernel_tls.c: opens one with b->suite, lets `run` do what it wants with it, and closes it. */
int kernel_with_tls(struct kernel_bed *b, enum ktls_dir dir,
		    int (*run)(struct kernel_bed *b, struct kernel_tls *t));
/* Gives the kernel its key; from here on what fails is broken. 0 or -errno. */
int kernel_arm(struct kernel_bed *b, struct kernel_tls *t);

/* The self-tests. Those of TLS use b->suite. */
kernel_test kernel_test_tx, kernel_test_rx, kernel_test_rekey_tx, kernel_test_rekey_rx;
kernel_test kernel_test_no_pad, kernel_test_splice;
kernel_test kernel_test_bpf, kernel_test_sk_lookup, kernel_test_sk_msg, kernel_test_sk_msg_splice;

/* kernel_aes.c: fills in the report's driver, after having the kernel load a faster one. */
void kernel_find_aes(struct kernel_report *r);

#endif
