/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel TLS 1.3 on one socket, system call by system call (kernel:
 * Documentation/networking/tls.rst). What it lacks and gets wrong on some kernels is for
 * datapath/probe to find out.
 */
#ifndef WIRE_KTLS_H
#define WIRE_KTLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "wire/record.h"

enum ktls_dir { KTLS_TX, KTLS_RX };

/* Prepares a connected TCP socket for keys: 0, -EEXIST (it is), -ENOENT (no kTLS here), -errno. */
int ktls_attach(int fd);

/*
 * Gives the kernel one direction's key; h->seq is the number of the next record. It stays in the
 * kernel until the socket is closed. 0, or -errno: nothing has changed and the records go on in
 * userspace. For a direction that has a key already it is the next one of a KeyUpdate: -EBUSY where
 * the kernel cannot rekey.
 */
int ktls_install(int fd, enum ktls_dir dir, enum tls_suite s, const struct tls_half *h);

/* Number of the next record, as the kernel counts. 0 or -errno. */
int ktls_seq(int fd, enum ktls_dir dir, enum tls_suite s, uint64_t *ret_seq);

/* Bytes that TCP was given to send so far, as they are on the connection. Never too many; too few
 * by what is acknowledged meanwhile. 0, -ENOTCONN (the connection is gone), or -errno. */
int ktls_pushed(int fd, uint64_t *ret_bytes);
/* The same to the byte. -EAGAIN where acknowledgements come too fast for that. */
int ktls_pushed_exactly(int fd, uint64_t *ret_bytes);

/* TLS_RX_EXPECT_NO_PAD: decrypt into the reader's memory. 0 or -errno. */
int ktls_expect_no_pad(int fd);

/*
 * Sends content as records of `type`: ceil(total / 16384), unless a record was left open by
 * MSG_MORE; flags as sendmsg()'s. Returns the bytes taken or -errno.
 */
ssize_t ktls_send(int fd, enum record_type type, const struct iovec *iov, int n, int flags);

/*
 * Receives content of one type: many records of data, or one record of another type. Returns its
 * length and *ret_type; 0 with type 0 at FIN; or -errno: -EBADMSG (no TLS, or forged),
 * -EKEYEXPIRED (a KeyUpdate was read: the next key is due), ...
 */
ssize_t ktls_recv(int fd, void *p, size_t n, int *ret_type);

#endif
