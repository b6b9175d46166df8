// SPDX-License-Identifier: GPL-2.0-or-later
// The probe: its verdicts against what this kernel does when asked directly, whatever kernel it is.
#include "datapath/kernel.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "forge.h"
#include "tcp_bed.h"
#include "wire/ktls.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

#define SUITE	     TLS_SUITE_AES_128_GCM
#define SKIP_PROBLEM 77 /* exit status of a child that cannot do its part */

static struct kernel_report report;
static struct record_crypto rc;
static int fds_lost;

static int set_up(void **state)
{
	int before = bed_count_fds();

	(void)state;
	assert_int_equal(kernel_probe(&report), 0);
	fds_lost = bed_count_fds() - before;
	return record_crypto_init(&rc);
}

static int tear_down(void **state)
{
	(void)state;
	record_crypto_done(&rc);
	return 0;
}

static void skip_without(enum kernel_feature f)
{
	if (report.of[f].verdict == KERNEL_YES)
		return;
	printf("# %s: %s\n", kernel_feature_name(f), report.of[f].why);
	skip();
}

static void kernel_probe__any_kernel__gives_each_feature_a_verdict(void **state)
{
	(void)state;
	for (unsigned f = 0; f < KERNEL_FEATURES; f++) {
		assert_in_range(report.of[f].verdict, KERNEL_NO, KERNEL_BROKEN);
		assert_true(report.of[f].verdict == KERNEL_YES || report.of[f].why[0]);
		assert_true(kernel_feature_text(f)[0] != '\0');
		for (unsigned g = 0; g < f; g++)
			assert_string_not_equal(kernel_feature_name(f), kernel_feature_name(g));
	}
	assert_true(report.release[0] != '\0');
	assert_true(report.took_us > 0);
}

static void kernel_probe__any_kernel__leaves_no_descriptor(void **state)
{
	(void)state;
	assert_int_equal(fds_lost, 0);
}

/* A connection whose first end the kernel was given this direction's key for: what it said. */
static int ask_ktls(int fd[2], enum ktls_dir dir, struct tls_half *keys)
{
	int err;

	bed_tcp_pair(fd, 0);
	*keys = forge_keys(&rc, SUITE, 1);
	err = ktls_attach(fd[0]);
	return err ? err : ktls_install(fd[0], dir, SUITE, keys);
}

static void close_pair(const int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

static void kernel_probe__tls_keys__no_where_the_kernel_takes_none(void **state)
{
	static const enum kernel_feature features[] = {
		[KTLS_TX] = KERNEL_TX_AES_128, [KTLS_RX] = KERNEL_RX_AES_128
	};

	(void)state;
	for (enum ktls_dir dir = KTLS_TX; dir <= KTLS_RX; dir++) {
		struct tls_half keys;
		int fd[2], err = ask_ktls(fd, dir, &keys);

		assert_int_equal(err != 0, report.of[features[dir]].verdict == KERNEL_NO);
		close_pair(fd);
	}
}

static void kernel_probe__second_key__no_where_the_kernel_takes_none(void **state)
{
	static const enum kernel_feature features[] = {
		[KTLS_TX] = KERNEL_REKEY_TX, [KTLS_RX] = KERNEL_REKEY_RX
	};

	(void)state;
	skip_without(KERNEL_TX_AES_128);
	for (enum ktls_dir dir = KTLS_TX; dir <= KTLS_RX; dir++) {
		struct tls_half keys;
		int fd[2], err;

		assert_int_equal(ask_ktls(fd, dir, &keys), 0);
		err = ktls_install(fd[0], dir, SUITE, &keys);
		assert_int_equal(err != 0, report.of[features[dir]].verdict == KERNEL_NO);
		close_pair(fd);
	}
}

/* Three records of letters, the middle one with padding, received by one call: whether they are
 * right. */
static bool read_padded(int fd[2], bool no_pad)
{
	static uint8_t content[3000], got[65536], sealed[4 * 1100];
	struct tls_half keys;
	struct record_dir tx;
	size_t len = 0, n = 0;
	int type;

	assert_int_equal(ask_ktls(fd, KTLS_RX, &keys), 0);
	assert_true(!no_pad || ktls_expect_no_pad(fd[0]) == 0);
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)('a' + i / 1000);
	record_dir_init(&tx, SUITE, &keys, true);
	for (unsigned i = 0; i < 3; i++)
		len += forge(&rc, &tx, RECORD_DATA, content + 1000 * i, 1000, i == 1 ? 50 : 0,
			     sealed + len);
	record_dir_done(&rc, &tx);
	assert_int_equal(send(fd[1], sealed, len, 0), len);
	while (n < sizeof(content)) {
		ssize_t more = ktls_recv(fd[0], got + n, sizeof(got) - n, &type);

		if (more <= 0)
			break;
		n += (size_t)more;
	}
	close_pair(fd);
	return n == sizeof(content) && memcmp(got, content, n) == 0;
}

static void kernel_probe__padded_record_among_others__verdict_is_what_comes_of_it(void **state)
{
	int fd[2];

	(void)state;
	skip_without(KERNEL_RX_AES_128);
	assert_true(read_padded(fd, false));
	if (report.of[KERNEL_NO_PAD].verdict == KERNEL_NO)
		skip();
	assert_int_equal(read_padded(fd, true), report.of[KERNEL_NO_PAD].verdict == KERNEL_YES);
}

static void kernel_probe__mapped_array__yes_only_where_one_can_be_had(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "t", sizeof(uint32_t), 4096, 1, &opts);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)state;
	assert_true(p != MAP_FAILED || report.of[KERNEL_BPF].verdict == KERNEL_NO);
	if (p != MAP_FAILED)
		munmap(p, 4096);
	if (fd >= 0)
		close(fd);
}

/* Refuses one system call with `err`; of setsockopt only where level and option are TCP_ULP's. */
static void refuse(long nr, int err)
{
	const bool one_option = nr == SYS_setsockopt;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | (one_option ? BPF_JEQ : BPF_JGE) | BPF_K,
			 one_option ? TCP_ULP : 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(SKIP_PROBLEM);
}

/* Probes in a child, after `prepare`; its report is in *ret. Returns what kernel_probe() did. */
static int probe_in_child(void (*prepare)(void), struct kernel_report *ret)
{
	struct shared {
		struct kernel_report report;
		int err;
	} *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, err;
	pid_t pid;

	assert_true(s != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prepare();
		s->err = kernel_probe(&s->report);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIP_PROBLEM) {
		printf("# this process cannot be restricted\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	*ret = s->report;
	err = s->err;
	munmap(s, sizeof(*s));
	return err;
}

static void assert_no(const struct kernel_result *r, const char *reason)
{
	assert_int_equal(r->verdict, KERNEL_NO);
	assert_non_null(strstr(r->why, reason));
}

static void no_ulp(void)
{
	refuse(SYS_setsockopt, EPERM);
}

static void kernel_probe__no_tls_allowed__says_so_and_goes_on(void **state)
{
	struct kernel_report r;

	(void)state;
	assert_int_equal(probe_in_child(no_ulp, &r), 0);
	for (unsigned f = KERNEL_TX_AES_128; f <= KERNEL_SPLICE_TLS; f++)
		assert_no(&r.of[f], "TCP_ULP tls: Operation not permitted");
	for (unsigned f = KERNEL_BPF; f < KERNEL_FEATURES; f++)
		assert_int_equal(r.of[f].verdict, report.of[f].verdict);
}

static void no_bpf(void)
{
	refuse(SYS_bpf, EACCES);
}

static void kernel_probe__no_bpf_allowed__says_so_and_goes_on(void **state)
{
	struct kernel_report r;

	(void)state;
	assert_int_equal(probe_in_child(no_bpf, &r), 0);
	for (unsigned f = KERNEL_BPF; f < KERNEL_FEATURES; f++)
		assert_no(&r.of[f], "Permission denied");
	for (unsigned f = KERNEL_TX_AES_128; f <= KERNEL_SPLICE_TLS; f++)
		assert_int_equal(r.of[f].verdict, report.of[f].verdict);
}

static void no_splice(void)
{
	refuse(SYS_splice, ENOSYS);
}

/* The kernel took sockets and program, and then did not do what it is for. */
static void kernel_probe__failure_after_it_was_accepted__is_broken(void **state)
{
	struct kernel_report r;

	(void)state;
	skip_without(KERNEL_SK_MSG);
	assert_int_equal(probe_in_child(no_splice, &r), 0);
	assert_int_equal(r.of[KERNEL_SK_MSG_SPLICE].verdict, KERNEL_BROKEN);
	assert_string_equal(r.of[KERNEL_SK_MSG_SPLICE].why,
			    "spliced bytes: Function not implemented");
}

static void no_files(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		_exit(SKIP_PROBLEM);
}

static void kernel_probe__no_descriptor_to_be_had__is_an_error(void **state)
{
	struct kernel_report r;

	(void)state;
	assert_int_equal(probe_in_child(no_files, &r), -EMFILE);
}

static void no_readiness(void)
{
	refuse(SYS_poll, ENOMEM);
}

static void kernel_probe__waits_fail__still_completes(void **state)
{
	struct kernel_report r;

	(void)state;
	assert_int_equal(probe_in_child(no_readiness, &r), 0);
	assert_no(&r.of[KERNEL_TX_AES_128], "connection: Cannot allocate memory");
}

static void nobody(void)
{
	if (setgid(65534) < 0 || setuid(65534) < 0)
		_exit(SKIP_PROBLEM);
}

static void kernel_probe__without_rights__completes(void **state)
{
	struct kernel_report r;

	(void)state;
	assert_int_equal(probe_in_child(nobody, &r), 0);
	for (unsigned f = 0; f < KERNEL_FEATURES; f++)
		assert_true(r.of[f].verdict == KERNEL_YES || r.of[f].why[0]);
	assert_no(&r.of[KERNEL_SK_LOOKUP], "sk_lookup: Operation not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_probe__any_kernel__gives_each_feature_a_verdict),
		cmocka_unit_test(kernel_probe__any_kernel__leaves_no_descriptor),
		cmocka_unit_test(kernel_probe__tls_keys__no_where_the_kernel_takes_none),
		cmocka_unit_test(kernel_probe__second_key__no_where_the_kernel_takes_none),
		cmocka_unit_test(
			kernel_probe__padded_record_among_others__verdict_is_what_comes_of_it),
		cmocka_unit_test(kernel_probe__mapped_array__yes_only_where_one_can_be_had),
		cmocka_unit_test(kernel_probe__no_tls_allowed__says_so_and_goes_on),
		cmocka_unit_test(kernel_probe__no_bpf_allowed__says_so_and_goes_on),
		cmocka_unit_test(kernel_probe__failure_after_it_was_accepted__is_broken),
		cmocka_unit_test(kernel_probe__no_descriptor_to_be_had__is_an_error),
		cmocka_unit_test(kernel_probe__waits_fail__still_completes),
		cmocka_unit_test(kernel_probe__without_rights__completes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
