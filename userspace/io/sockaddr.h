/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses: one union for both families, and their text. */
#ifndef IO_SOCKADDR_H
#define IO_SOCKADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

#define SOCKADDR_TEXT_MAX 56

/* Length for bind() and connect(). */
socklen_t sockaddr_len(const union sockaddr_any *a);
/* From raw bytes: n is 4 or 16; port in host order. */
void sockaddr_set(union sockaddr_any *ret, const uint8_t *ip, size_t n, uint16_t port);
/* Turns an IPv4-mapped IPv6 address into IPv4, in place. */
void sockaddr_unmap(union sockaddr_any *a);
/* The same in IPv4, for a machine without IPv6: of an address that says no more than "any" or "this
 * machine". False where there is none. */
bool sockaddr_in_ipv4(const union sockaddr_any *a, union sockaddr_any *ret);
/* Raw address bytes: 4 or 16 of them. */
const uint8_t *sockaddr_ip(const union sockaddr_any *a, size_t *ret_len);
uint16_t sockaddr_port(const union sockaddr_any *a); /* host order */
/* "1.2.3.4:80" or "[::1]:80"; returns out. */
const char *sockaddr_text(const union sockaddr_any *a, char out[static SOCKADDR_TEXT_MAX]);

#endif
