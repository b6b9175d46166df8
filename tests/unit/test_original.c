// SPDX-License-Identifier: GPL-2.0-or-later
// Original destinations of real connections and datagrams, in a network namespace of their own.
#include "io/original.h"

#include <fcntl.h>
#include <poll.h>

#include <nftables/libnftables.h>

#include "captured_bed.h"
#include "io/listener.h"

static int listen_on(const char *ip)
{
	const struct listener_opts opts = { .transparent = true };
	union sockaddr_any a = captured_addr(ip, 0);
	int fd = -1;

	captured_enter();
	assert_int_equal(listener_bind(&a, &opts, &fd), 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

/* What the listener says of a connection to this address and port (0: its own). */
static int ask(const char *listen, const char *to, uint16_t port, bool translated,
	       union sockaddr_any *ret)
{
	int ln = listen_on(listen);
	int client = captured_connect(SOCK_STREAM, to, port ? port : captured_port_of(ln));
	int fd = accept(ln, NULL, NULL);
	int err;

	assert_true(fd >= 0);
	err = original_of_stream(fd, translated, ret);
	close(fd);
	close(client);
	close(ln);
	return err;
}

static void expect_stream(const char *listen, const char *to)
{
	union sockaddr_any a;

	assert_int_equal(ask(listen, to, 0, false, &a), 0);
	assert_true(sockaddr_port(&a) != 0);
	captured_expect(&a, to, sockaddr_port(&a));
}

static void original_of_stream__ipv4__is_the_sockets_own(void **state)
{
	(void)state;
	expect_stream("0.0.0.0", "198.51.100.7");
}

static void original_of_stream__ipv6__is_the_sockets_own(void **state)
{
	(void)state;
	expect_stream("::", "2001:db8::7");
}

static void original_of_stream__mapped__is_ipv4(void **state)
{
	(void)state;
	expect_stream("::", "198.51.100.7");
}

static void original_of_stream__not_translated__is_an_error(void **state)
{
	union sockaddr_any a = { .sa.sa_family = AF_UNIX };

	(void)state;
	assert_true(ask("0.0.0.0", "198.51.100.7", 0, true, &a) < 0);
	assert_int_equal(a.sa.sa_family, AF_UNIX);
}

static void original_of_stream__no_socket__is_an_error(void **state)
{
	union sockaddr_any a;

	(void)state;
	assert_int_equal(original_of_stream(-1, false, &a), -EBADF);
}

/* Has port 80 led to another one; false where this kernel does no such thing. */
static bool redirect(struct nft_ctx *nft, uint16_t port)
{
	char rules[400];

	snprintf(rules, sizeof(rules),
		 "add table inet t\n"
		 "add chain inet t out { type nat hook output priority -100; }\n"
		 "add rule inet t out tcp dport 80 redirect to :%u\n",
		 port);
	nft_ctx_buffer_error(nft);
	return nft_run_cmd_from_buffer(nft, rules) == 0;
}

static void expect_redirected(const char *listen, const char *to)
{
	int ln = listen_on(listen), client, fd;
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	union sockaddr_any a;

	if (!redirect(nft, captured_port_of(ln))) {
		print_message("no nft redirect: %s", nft_ctx_get_error_buffer(nft));
		nft_ctx_free(nft);
		close(ln);
		skip();
	}
	client = captured_connect(SOCK_STREAM, to, 80);
	fd = accept(ln, NULL, NULL);
	assert_int_equal(original_of_stream(fd, true, &a), 0);
	assert_int_equal(nft_run_cmd_from_buffer(nft, "delete table inet t"), 0);
	captured_expect(&a, to, 80);
	nft_ctx_free(nft);
	close(fd);
	close(client);
	close(ln);
}

static void original_of_stream__redirected__is_what_conntrack_knows(void **state)
{
	(void)state;
	expect_redirected("0.0.0.0", "198.51.100.7");
}

static void original_of_stream__redirected_mapped__is_ipv4(void **state)
{
	(void)state;
	expect_redirected("::", "198.51.100.7");
}

static void original_of_stream__redirected_ipv6__is_what_conntrack_knows(void **state)
{
	(void)state;
	expect_redirected("::", "2001:db8::7");
}

static void expect_datagram(const char *bound, const char *to)
{
	union sockaddr_any at = captured_addr(bound, 0), a;
	int fd, client;
	_Alignas(struct cmsghdr) char control[ORIGINAL_CONTROL];
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	uint16_t port;

	captured_enter();
	fd = socket(at.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(original_ask(fd), 0);
	assert_int_equal(bind(fd, &at.sa, sockaddr_len(&at)), 0);
	port = captured_port_of(fd);
	client = captured_connect(SOCK_DGRAM, to, port);
	assert_int_equal(send(client, "x", 1, 0), 1);
	assert_int_equal(recvmsg(fd, &msg, 0), 1);
	assert_int_equal(msg.msg_flags & MSG_CTRUNC, 0);
	assert_int_equal(original_of_datagram(&msg, &a), 0);
	captured_expect(&a, to, port);
	close(fd);
	close(client);
}

static void original_of_datagram__ipv4__comes_with_it(void **state)
{
	(void)state;
	expect_datagram("0.0.0.0", "198.51.100.7");
}

static void original_of_datagram__ipv6__comes_with_it(void **state)
{
	(void)state;
	expect_datagram("::", "2001:db8::7");
}

static void original_of_datagram__mapped__is_ipv4(void **state)
{
	(void)state;
	expect_datagram("::", "198.51.100.7");
}

static void original_of_datagram__other_or_short_messages__is_enoent(void **state)
{
	_Alignas(struct cmsghdr) char control[ORIGINAL_CONTROL] = { 0 };
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	union sockaddr_any a = { .sa.sa_family = AF_UNIX };

	(void)state;
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(a.in) - 1),
			       .cmsg_level = SOL_IP,
			       .cmsg_type = IP_ORIGDSTADDR };
	assert_int_equal(original_of_datagram(&msg, &a), -ENOENT);
	c->cmsg_len = CMSG_LEN(sizeof(a.in));
	c->cmsg_type = IP_TTL;
	assert_int_equal(original_of_datagram(&msg, &a), -ENOENT);
	msg.msg_controllen = 0;
	assert_int_equal(original_of_datagram(&msg, &a), -ENOENT);
	assert_int_equal(a.sa.sa_family, AF_UNIX);
}

static void original_ask__no_socket__is_an_error(void **state)
{
	(void)state;
	assert_int_equal(original_ask(-1), -EBADF);
}

static void expect_foreign_bind(const char *ip)
{
	union sockaddr_any a = captured_addr(ip, 0);
	int fd;

	captured_enter();
	fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &a.sa, sockaddr_len(&a)), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(original_transparent(fd, a.sa.sa_family), 0);
	assert_int_equal(bind(fd, &a.sa, sockaddr_len(&a)), 0);
	close(fd);
}

static void original_transparent__foreign_addresses__can_be_bound(void **state)
{
	(void)state;
	expect_foreign_bind("203.0.113.9");
	expect_foreign_bind("2001:dc8::9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(original_of_stream__ipv4__is_the_sockets_own),
		cmocka_unit_test(original_of_stream__ipv6__is_the_sockets_own),
		cmocka_unit_test(original_of_stream__mapped__is_ipv4),
		cmocka_unit_test(original_of_stream__not_translated__is_an_error),
		cmocka_unit_test(original_of_stream__no_socket__is_an_error),
		cmocka_unit_test(original_of_stream__redirected__is_what_conntrack_knows),
		cmocka_unit_test(original_of_stream__redirected_mapped__is_ipv4),
		cmocka_unit_test(original_of_stream__redirected_ipv6__is_what_conntrack_knows),
		cmocka_unit_test(original_of_datagram__ipv4__comes_with_it),
		cmocka_unit_test(original_of_datagram__ipv6__comes_with_it),
		cmocka_unit_test(original_of_datagram__mapped__is_ipv4),
		cmocka_unit_test(original_of_datagram__other_or_short_messages__is_enoent),
		cmocka_unit_test(original_ask__no_socket__is_an_error),
		cmocka_unit_test(original_transparent__foreign_addresses__can_be_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
