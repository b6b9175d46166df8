// SPDX-License-Identifier: GPL-2.0-or-later
// Kernel TLS on one socket: keys, records of a type, and the kernel's counters.
#include "wire/ktls.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/be.h"
#include "base/secret.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* What the three suites have in common is that the kernel wants their parts in different places. */
union crypto {
	struct tls_crypto_info info;
	struct tls12_crypto_info_aes_gcm_128 aes128;
	struct tls12_crypto_info_aes_gcm_256 aes256;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
};

int ktls_attach(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) < 0 ? -errno : 0;
}

static socklen_t crypto_len(enum tls_suite s)
{
	switch (s) {
	case TLS_SUITE_AES_128_GCM:
		return sizeof(struct tls12_crypto_info_aes_gcm_128);
	case TLS_SUITE_AES_256_GCM:
		return sizeof(struct tls12_crypto_info_aes_gcm_256);
	default:
		return sizeof(struct tls12_crypto_info_chacha20_poly1305);
	}
}

/* The IV's first four bytes are the kernel's salt with AES-GCM; ChaCha20 has none. */
static void fill(union crypto *c, enum tls_suite s, const struct tls_half *h)
{
	c->info.version = TLS_1_3_VERSION;
	switch (s) {
	case TLS_SUITE_AES_128_GCM:
		c->info.cipher_type = TLS_CIPHER_AES_GCM_128;
		memcpy(c->aes128.key, h->key, sizeof(c->aes128.key));
		memcpy(c->aes128.salt, h->iv, sizeof(c->aes128.salt));
		memcpy(c->aes128.iv, h->iv + sizeof(c->aes128.salt), sizeof(c->aes128.iv));
		put_be64(c->aes128.rec_seq, h->seq);
		break;
	case TLS_SUITE_AES_256_GCM:
		c->info.cipher_type = TLS_CIPHER_AES_GCM_256;
		memcpy(c->aes256.key, h->key, sizeof(c->aes256.key));
		memcpy(c->aes256.salt, h->iv, sizeof(c->aes256.salt));
		memcpy(c->aes256.iv, h->iv + sizeof(c->aes256.salt), sizeof(c->aes256.iv));
		put_be64(c->aes256.rec_seq, h->seq);
		break;
	case TLS_SUITE_CHACHA20_POLY1305:
		c->info.cipher_type = TLS_CIPHER_CHACHA20_POLY1305;
		memcpy(c->chacha.key, h->key, sizeof(c->chacha.key));
		memcpy(c->chacha.iv, h->iv, sizeof(c->chacha.iv));
		put_be64(c->chacha.rec_seq, h->seq);
		break;
	}
}

int ktls_install(int fd, enum ktls_dir dir, enum tls_suite s, const struct tls_half *h)
{
	union crypto c = { 0 };
	int err;

	fill(&c, s, h);
	err = setsockopt(fd, SOL_TLS, dir == KTLS_TX ? TLS_TX : TLS_RX, &c, crypto_len(s)) < 0
		      ? -errno
		      : 0;
	secret_wipe(&c, sizeof(c));
	return err;
}

int ktls_seq(int fd, enum ktls_dir dir, enum tls_suite s, uint64_t *ret_seq)
{
	union crypto c = { 0 };
	socklen_t len = crypto_len(s);

	if (getsockopt(fd, SOL_TLS, dir == KTLS_TX ? TLS_TX : TLS_RX, &c, &len) < 0)
		return -errno;
	switch (s) {
	case TLS_SUITE_AES_128_GCM:
		*ret_seq = get_be64(c.aes128.rec_seq);
		break;
	case TLS_SUITE_AES_256_GCM:
		*ret_seq = get_be64(c.aes256.rec_seq);
		break;
	default:
		*ret_seq = get_be64(c.chacha.rec_seq);
	}
	secret_wipe(&c, sizeof(c)); /* the key came along */
	return 0;
}

#define PUSHED_TRIES 16
/* TCP_CLOSE, which only netinet/tcp.h has; it and linux/tcp.h do not go together. */
#define STATE_CLOSE 7

static int acked(int fd, uint64_t *ret_bytes)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -errno;
	if (info.tcpi_state == STATE_CLOSE)
		return -ENOTCONN;
	*ret_bytes = info.tcpi_bytes_acked;
	return 0;
}

int ktls_pushed(int fd, uint64_t *ret_bytes)
{
	uint64_t bytes;
	int queued, err = acked(fd, &bytes);

	if (err)
		return err;
	/* what is acknowledged between the two is then in neither */
	if (ioctl(fd, SIOCOUTQ, &queued) < 0)
		return -errno;
	*ret_bytes = bytes + (uint64_t)queued;
	return 0;
}

int ktls_pushed_exactly(int fd, uint64_t *ret_bytes)
{
	for (int i = 0; i < PUSHED_TRIES; i++) {
		uint64_t before, bytes, after;
		int err = acked(fd, &before);

		err = err ? err : ktls_pushed(fd, &bytes);
		err = err ? err : acked(fd, &after);
		if (err)
			return err;
		if (before == after) {
			*ret_bytes = bytes;
			return 0;
		}
	}
	return -EAGAIN;
}

int ktls_expect_no_pad(int fd)
{
	int on = 1;

	return setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* A control message with the type of a record. */
union control {
	struct cmsghdr hdr;
	char space[CMSG_SPACE(sizeof(uint8_t))];
};

ssize_t ktls_send(int fd, enum record_type type, const struct iovec *iov, int n, int flags)
{
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	ssize_t sent;

	if (type != RECORD_DATA) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.hdr = (struct cmsghdr){ .cmsg_level = SOL_TLS,
						.cmsg_type = TLS_SET_RECORD_TYPE,
						.cmsg_len = CMSG_LEN(sizeof(uint8_t)) };
		*CMSG_DATA(&control.hdr) = (uint8_t)type;
		msg.msg_controllen = control.hdr.cmsg_len;
	}
	do {
		sent = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t ktls_recv(int fd, void *p, size_t n, int *ret_type)
{
	union control control = { 0 };
	struct iovec iov = { p, n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;
	ssize_t got;

	do {
		got = recvmsg(fd, &msg, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	*ret_type = 0; /* FIN has none; an empty record has */
	if (c && c->cmsg_level == SOL_TLS && c->cmsg_type == TLS_GET_RECORD_TYPE)
		*ret_type = *CMSG_DATA(c);
	return got;
}
