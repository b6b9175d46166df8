/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager how we are: sd_notify(3)'s datagram, without its library. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

/* Sends e.g. "READY=1"; without $NOTIFY_SOCKET nothing happens. */
void notify_send(const char *state);

#endif
