// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of journals in a folder that is another user's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/journal.h"

#define SOMEBODY 65534

struct bed {
	char folder[40], file[60], why[200];
	int lock;
};

static int set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	strcpy(b->folder, "/tmp/anytlsd-journal-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->file, sizeof(b->file), "%s/gw.rules", b->folder);
	b->lock = journal_lock(b->folder, true, b->why, sizeof(b->why));
	assert_true(b->lock >= 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *b = *state;

	close(b->lock);
	unlink(b->file);
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

static int read_journal(struct bed *b)
{
	struct journal j = { 0 };
	int err = journal_read(b->lock, "gw", &j, b->why, sizeof(b->why));

	journal_done(&j);
	return err;
}

static void write_rule(struct bed *b, uint8_t protocol)
{
	struct object rule = { .kind = OBJECT_RULE,
			       .family = AF_INET,
			       .type = FR_ACT_TO_TBL,
			       .table = 255,
			       .protocol = protocol };
	struct journal j = { .objects = { .at = &rule, .n = 1, .room = 1 } };

	assert_int_equal(journal_write(b->lock, "gw", &j, b->why, sizeof(b->why)), 0);
}

static void journal_write__folder_of_a_user__journal_is_his(void **state)
{
	struct bed *b = *state;
	struct stat st;

	if (chown(b->folder, SOMEBODY, SOMEBODY) < 0) {
		print_message("only root gives folders away\n");
		skip();
	}
	write_rule(b, PLAN_PROTOCOL);
	assert_int_equal(stat(b->file, &st), 0);
	assert_int_equal(st.st_uid, SOMEBODY);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(read_journal(b), 0);
}

static void journal_read__rule_of_another_maker__is_refused(void **state)
{
	struct bed *b = *state;

	write_rule(b, 2); /* the kernel's */
	assert_int_equal(read_journal(b), -EINVAL);
}

static void journal_read__pipe__is_not_waited_for(void **state)
{
	struct bed *b = *state;

	alarm(10);
	assert_int_equal(mkfifo(b->file, 0666), 0);
	assert_int_equal(read_journal(b), -EINVAL);
	alarm(0);
}

static void journal_read__link__is_not_followed(void **state)
{
	struct bed *b = *state;

	assert_int_equal(symlink("/etc/passwd", b->file), 0);
	assert_int_equal(read_journal(b), -ELOOP);
}

static void journal_read__huge_file__is_not_read(void **state)
{
	struct bed *b = *state;

	write_rule(b, PLAN_PROTOCOL);
	assert_int_equal(truncate(b->file, 1LL << 33), 0);
	assert_int_equal(read_journal(b), -EFBIG);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(journal_write__folder_of_a_user__journal_is_his),
		CASE(journal_read__rule_of_another_maker__is_refused),
		CASE(journal_read__pipe__is_not_waited_for),
		CASE(journal_read__link__is_not_followed),
		CASE(journal_read__huge_file__is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
