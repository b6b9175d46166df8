// SPDX-License-Identifier: GPL-2.0-or-later
// The region's life: made, taken away, one a daemon, the dead's taken over; in files and in BPF
// maps.
#include <sched.h>
#include <sys/mount.h>

#include "state_bed.h"

static bool exists(const struct state_bed *b, const char *name)
{
	char path[200];
	struct stat st;

	state_bed_path(b, name, path);
	return lstat(path, &st) == 0;
}

static void region_open__files__have_the_arrays_and_their_sizes(void **state)
{
	static const size_t sizes[STATE_ARRAYS] = { 184, 3 * 256, 100 * 256, 130 * 248 };
	struct state_region *r = state_bed_open(*state, 3);
	char path[200];
	struct stat st;

	for (int i = 0; i < STATE_ARRAYS; i++) {
		state_bed_path(*state, state_array_names[i], path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, sizes[i]);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_int_equal(r->header->live, 1);
	assert_int_equal(r->header->pid, getpid());
	assert_int_equal(r->header->backing, STATE_BACKING_FILE);
	assert_string_equal(r->header->name, "one");
	state_region_close(r);
}

static void region_open__files__take_no_memory_for_slots_that_nobody_had(void **state)
{
	struct state_region *r;
	char path[200];
	struct stat st;

	((struct state_bed *)*state)->config.state.sessions = 100000;
	r = state_bed_open(*state, 1);
	state_bed_path(*state, "sessions", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 100000 * 256);
	assert_int_equal(st.st_blocks, 0);
	state_region_close(r);
}

static void region_close__removes_the_folder(void **state)
{
	state_region_close(state_bed_open(*state, 1));
	assert_false(exists(*state, ""));
}

static void region_close__who_still_looks__finds_zeros(void **state)
{
	struct state_region *r = state_bed_open(*state, 1);
	struct state_header seen = { 0 };
	char path[200];
	int fd;

	state_bed_path(*state, "header", path);
	fd = open(path, O_RDONLY);
	state_region_close(r);
	assert_int_equal(pread(fd, &seen, sizeof(seen), 0), sizeof(seen));
	close(fd);
	assert_int_equal(seen.live, 0);
	assert_int_equal(seen.magic, 0);
}

static void region_open__taken_by_the_living__is_another_with_the_process_id(void **state)
{
	struct state_bed *b = *state;
	struct state_region *first = state_bed_open(b, 1), *second = state_bed_open(b, 1);
	char expected[100];

	snprintf(expected, sizeof(expected), "%s-%d", b->dir, getpid());
	assert_string_equal(first->dir.path, b->dir);
	assert_string_equal(second->dir.path, expected);
	state_region_close(second);
	assert_int_equal(access(expected, F_OK), -1);
	assert_true(exists(b, "header"));
	state_region_close(first);
}

static void region_open__what_a_crash_left__is_taken_over(void **state)
{
	struct state_bed *b = *state;
	struct state_region *r;
	char path[200], bytes[STATE_BED_SESSIONS * 256];
	int fd;

	state_bed_crash(b);
	assert_true(exists(b, "sessions"));
	r = state_bed_open(b, 1);
	assert_string_equal(r->dir.path, b->dir);
	state_bed_path(b, "sessions", path);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	assert_null(memmem(bytes, sizeof(bytes), "alice", 5));
	state_region_close(r);
}

/* The folder of a daemon that found the name taken, and crashed. */
static void region_open__siblings_of_the_dead__are_removed(void **state)
{
	struct state_bed *b = *state;
	struct state_region *r;
	char dead[100], other[100];

	snprintf(dead, sizeof(dead), "%s-4711", b->dir);
	snprintf(other, sizeof(other), "%s-4711x", b->dir);
	b->config.state.directory = dead;
	state_bed_crash(b);
	b->config.state.directory = other;
	state_bed_crash(b);
	b->config.state.directory = b->dir;
	r = state_bed_open(b, 1);
	assert_int_equal(access(dead, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
	state_region_close(r);
}

static void region_open__a_living_sibling__stays(void **state)
{
	struct state_bed *b = *state;
	struct state_region *first = state_bed_open(b, 1), *second = state_bed_open(b, 1), *third;

	state_region_close(first);
	third = state_bed_open(b, 1);
	assert_string_equal(third->dir.path, b->dir);
	assert_int_equal(access(second->dir.path, F_OK), 0);
	state_region_close(second);
	state_region_close(third);
}

/* Who may write there could have put a link or a socket of his own there. */
static void region_open__others_may_write_in_the_folder__is_refused(void **state)
{
	struct state_bed *b = *state;

	assert_int_equal(mkdir(b->dir, 0700), 0);
	assert_int_equal(chmod(b->dir, 0770), 0);
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
	assert_non_null(strstr(b->why, "may be written by others"));
}

static void region_open__somebody_elses_folder__is_refused(void **state)
{
	struct state_bed *b = *state;

	if (geteuid() != 0) {
		print_message("not root: cannot give a folder away\n");
		skip();
	}
	assert_int_equal(mkdir(b->dir, 0700), 0);
	assert_int_equal(chown(b->dir, 12345, 12345), 0);
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
	assert_non_null(strstr(b->why, "belongs to user id 12345"));
}

static void region_open__links_and_files_in_its_place__are_refused(void **state)
{
	struct state_bed *b = *state;
	char victim[200];

	snprintf(victim, sizeof(victim), "%s/victim", b->parent);
	assert_int_equal(mkdir(victim, 0700), 0);
	assert_int_equal(symlink(victim, b->dir), 0);
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
	assert_int_equal(unlink(b->dir), 0);
	close(open(b->dir, O_CREAT | O_WRONLY, 0600));
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
}

/* A link that lies where a file is to be is replaced and never followed. */
static void region_open__link_in_place_of_a_file__is_not_followed(void **state)
{
	struct state_bed *b = *state;
	struct state_region *r;
	char victim[200], path[200];
	struct stat st;

	snprintf(victim, sizeof(victim), "%s/victim", b->parent);
	close(open(victim, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(mkdir(b->dir, 0700), 0);
	state_bed_path(b, "header", path);
	assert_int_equal(symlink(victim, path), 0);
	r = state_bed_open(b, 1);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 0);
	state_region_close(r);
}

static void region_open__no_parent__says_so(void **state)
{
	struct state_bed *b = *state;
	char deep[100];

	snprintf(deep, sizeof(deep), "%s/missing/one", b->parent);
	b->config.state.directory = deep;
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
	assert_non_null(strstr(b->why, "No such file or directory"));
}

static void region_open__path_too_long__says_so(void **state)
{
	struct state_bed *b = *state;
	char path[PATH_MAX];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	b->config.state.directory = path;
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
	assert_non_null(strstr(b->why, "too long"));
}

/* A bpffs that nobody else sees; the process keeps it. */
static bool own_bpffs(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) == 0)
		return true;
	print_message("no bpffs of our own: %s\n", strerror(errno));
	return false;
}

/* Without the right to make maps there is nothing to test; the message says why. */
static struct state_region *open_maps(struct state_bed *b)
{
	struct state_region *r;

	if (!own_bpffs())
		skip();
	b->config.state.backing = STATE_BACKING_BPF;
	b->config.state.name = "unit";
	r = state_region_open(&b->config, 2, b->why, sizeof(b->why));
	if (r)
		return r;
	print_message("no BPF maps: %s\n", b->why);
	skip();
	return NULL;
}

static void region_open__maps__are_pinned_and_read_like_files(void **state)
{
	struct state_bed *b = *state;
	struct state_region *r = open_maps(b);
	struct state_reader reader;
	struct state_session s;

	assert_int_equal(access("/sys/fs/bpf/unit/sessions", F_OK), 0);
	r->sessions[99].seq = 2;
	r->sessions[99].role = STATE_CLIENT;
	strcpy(r->sessions[99].tag, "c7");
	assert_int_equal(state_reader_open(&reader, b->dir, b->why, sizeof(b->why)), 0);
	assert_true(reader.live);
	assert_int_equal(reader.header.backing, STATE_BACKING_BPF);
	assert_int_equal(state_reader_session(&reader, 99, &s), 1);
	assert_string_equal(s.tag, "c7");
	state_reader_close(&reader);
	state_region_close(r);
	assert_int_equal(access("/sys/fs/bpf/unit", F_OK), -1);
	assert_false(exists(b, ""));
}

static void region_open__auto_without_bpffs__is_files(void **state)
{
	struct state_bed *b = *state;
	struct state_region *r;

	if (!own_bpffs() || mount("none", "/sys/fs/bpf", "tmpfs", 0, NULL) < 0)
		skip();
	b->config.state.backing = STATE_BACKING_NONE;
	r = state_bed_open(b, 1);
	assert_non_null(strstr(b->why, "no BPF maps: no bpffs"));
	assert_int_equal(r->header->backing, STATE_BACKING_FILE);
	state_region_close(r);
	b->config.state.backing = STATE_BACKING_BPF;
	assert_null(state_region_open(&b->config, 1, b->why, sizeof(b->why)));
	assert_false(exists(b, ""));
}

#define region_test(f) cmocka_unit_test_setup_teardown(f, state_bed_set_up, state_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		region_test(region_open__files__have_the_arrays_and_their_sizes),
		region_test(region_open__files__take_no_memory_for_slots_that_nobody_had),
		region_test(region_close__removes_the_folder),
		region_test(region_close__who_still_looks__finds_zeros),
		region_test(region_open__taken_by_the_living__is_another_with_the_process_id),
		region_test(region_open__what_a_crash_left__is_taken_over),
		region_test(region_open__siblings_of_the_dead__are_removed),
		region_test(region_open__a_living_sibling__stays),
		region_test(region_open__others_may_write_in_the_folder__is_refused),
		region_test(region_open__somebody_elses_folder__is_refused),
		region_test(region_open__links_and_files_in_its_place__are_refused),
		region_test(region_open__link_in_place_of_a_file__is_not_followed),
		region_test(region_open__no_parent__says_so),
		region_test(region_open__path_too_long__says_so),
		region_test(region_open__maps__are_pinned_and_read_like_files),
		region_test(region_open__auto_without_bpffs__is_files),
	};

	return cmocka_run_group_tests_name("state region", tests, NULL, NULL);
}
