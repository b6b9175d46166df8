/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reading and watching the machine's addresses share. */
#ifndef NET_OWN_IMPL_H
#define NET_OWN_IMPL_H

struct nl_sock;

/* To the kernel's routing tables. 0 or -errno. */
int own_connect(struct nl_sock *sk);

#endif
