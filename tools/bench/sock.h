/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loopback sockets for the bench programs. Whatever fails here spoils the figure, so every function
 * ends the program with a message instead of returning an error. Ports are in host order.
 */
#ifndef BENCH_SOCK_H
#define BENCH_SOCK_H

#include <stdint.h>
#include <sys/types.h>

/* What one recv or send moves at most: larger than the 64 KiB that most programs use, and cheaper.
 */
#define SOCK_CHUNK (256 * 1024)

uint16_t sock_parse_port(const char *text);
/* Listens on 127.0.0.1; non-blocking. */
int sock_listen(uint16_t port);
/* The next waiting connection, non-blocking; -1 if there is none. */
int sock_accept(int listener);
/* Connected and non-blocking; `nth` chooses one of 16 source addresses, so that ports never run
 * short. */
int sock_connect(uint16_t port, unsigned int nth);
/* Adds fd to the epoll instance; `data` comes back with its events. */
void sock_watch(int epoll, int fd, uint32_t events, void *data);
void sock_rewatch(int epoll, int fd, uint32_t events, void *data);
/* Lifts the soft limit of open files to the hard one. */
void sock_raise_limit(void);
uint64_t sock_now_ns(void);
/* The CPU time that a process, or this one (0), has used so far. */
uint64_t sock_cpu_ns(pid_t pid);

#endif
